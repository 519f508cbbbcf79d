#pragma once

#include "scenarios/verbs/arm64/words.hpp"
#include "scenarios/verbs/common/claims.hpp"
#include "scenarios/verbs/common/lines.hpp"
#include "vmm/arm64/urgency.hpp"

/// Lines of SPIs and PPIs, and what is quiet.
namespace irqbench::scenarios::verbs::arm64 {

/// Of `raise`, `lower` and `pulse`: a line by GSI, by PPI and vCPU, or as the call has it.
struct ArmLineArguments {
    std::optional<std::uint32_t> gsi;
    std::optional<std::uint32_t> ppi;
    std::optional<std::uint32_t> vcpu;
    std::optional<std::uint32_t> raw;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{
            optional("gsi", &ArmLineArguments::gsi, "the GSI: that of an SPI is its INTID less 32",
                     line_range),
            optional("ppi", &ArmLineArguments::ppi, "or the INTID of a PPI", ppi_range),
            optional("vcpu", &ArmLineArguments::vcpu, "of this vCPU, by index; of the first by default",
                     vcpu_range),
            optional("raw", &ArmLineArguments::raw, "or what KVM_IRQ_LINE takes, with a type in bits 27:24",
                     between(0x0100'0000, 0xffff'ffff)),
            error_field(&ArmLineArguments::error)};
    }
    static constexpr std::string_view shorthand = "gsi";
    static constexpr std::array constraints{exactly_one("gsi", "ppi", "raw"), needs("vcpu", "ppi")};

    /// For Machine::set_line().
    [[nodiscard]] std::uint32_t line(const vmm::MachineConfig& config) const;
    [[nodiscard]] std::string in_words() const;
};

/// `raise`, `lower`, `pulse`.
template <LineMotion motion>
class ArmLineVerb final : public CallVerbOf<ArmLineArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
};

extern template class ArmLineVerb<LineMotion::raise>;
extern template class ArmLineVerb<LineMotion::lower>;
extern template class ArmLineVerb<LineMotion::pulse>;

/// Of `quiet`: on which vCPUs, and down to which priority.
struct QuietArguments {
    VcpuList vcpu;
    std::optional<std::uint32_t> priority;
    static constexpr auto fields() {
        return std::tuple{optional("vcpu", &QuietArguments::vcpu, "where; on every vCPU by default"),
                          optional("priority", &QuietArguments::priority, "nothing as urgent as this",
                                   up_to(vmm::arm64::lowest_priority - 1))};
    }
    static constexpr bool bare_true = true;
};

class QuietVerb final : public ClaimOf<QuietArguments> {
  public:
    using ClaimOf::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
};

}  // namespace irqbench::scenarios::verbs::arm64
