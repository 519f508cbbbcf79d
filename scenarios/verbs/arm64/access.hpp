#pragma once

#include "scenarios/verbs/arm64/words.hpp"
#include "scenarios/verbs/common/access.hpp"
#include "scenarios/verbs/common/claims.hpp"

/// Raw accesses by the guest, and what the controllers say of themselves.
namespace irqbench::scenarios::verbs::arm64 {

/// A system register of the CPU interface, by its name, or any by its encoding in bits 20:5 of MRS.
struct SystemRegister {
    std::string name;
    std::uint32_t encoding = 0;
};

/// An exception by its class, ESR_EL1.EC (Arm ARM, D17.2.37).
enum class Exception : std::uint8_t { undefined = 0x00, trapped = 0x18, data_abort = 0x25 };

/// The agent reports its class.
constexpr std::uint32_t fault_number(Exception exception) {
    return FAULT_ESR + static_cast<std::uint32_t>(exception);
}

/// What is accessed.
struct AccessTarget {
    std::uint32_t vcpu = 0;
    std::optional<SystemRegister> sysreg;
    std::optional<std::uint64_t> mmio;
    std::optional<std::uint32_t> gicd;
    std::optional<std::uint32_t> gicr;
    std::optional<std::uint32_t> gicc;
    std::optional<std::uint32_t> its;
    std::optional<OneOf<1, 2, 4, 8>> size;
    std::optional<Exception> fault;

    static constexpr auto places() {
        return std::tuple{
            optional("sysreg", &AccessTarget::sysreg, "a system register, by name or encoding"),
            optional("mmio", &AccessTarget::mmio, "a guest physical address below 4 GiB", up_to(0xffff'ffff)),
            optional("gicd", &AccessTarget::gicd, "an offset in the distributor", up_to(0xffff)),
            optional("gicr", &AccessTarget::gicr, "an offset in this vCPU's redistributor", up_to(0x1'ffff)),
            optional("gicc", &AccessTarget::gicc, "an offset in the CPU interface of a GICv2", up_to(0x1fff)),
            optional("its", &AccessTarget::its, "an offset in the ITS", up_to(0x1'ffff))};
    }
    static constexpr std::array constraints{exactly_one("sysreg", "mmio", "gicd", "gicr", "gicc", "its"),
                                            excludes("size", "sysreg")};

    [[nodiscard]] Access access() const;
};

/// What the distributor or redistributor has for one INTID.
struct CheckArguments {
    std::uint32_t vcpu = 0;
    std::uint32_t intid = 0;
    std::optional<bool> enabled;
    std::optional<bool> pending;
    std::optional<bool> active;
    std::optional<bool> line;
    std::optional<std::uint32_t> priority;
    std::optional<std::uint32_t> group;
    std::optional<Trigger> trigger;
    static constexpr auto fields() {
        return std::tuple{
            required("intid", &CheckArguments::intid, "the INTID", wired_range),
            optional("vcpu", &CheckArguments::vcpu, "whose, of a private interrupt", vcpu_range),
            optional("enabled", &CheckArguments::enabled, "ISENABLER"),
            optional("pending", &CheckArguments::pending, "latched, or by its line if level-triggered"),
            optional("active", &CheckArguments::active, "ISACTIVER"),
            optional("line", &CheckArguments::line, "the line itself (GICv3)"),
            optional("priority", &CheckArguments::priority, "IPRIORITYR", priority_range),
            optional("group", &CheckArguments::group, "IGROUPR", up_to(1)),
            optional("trigger", &CheckArguments::trigger, "ICFGR")};
    }
    static constexpr std::array constraints{
        at_least_one("enabled", "pending", "active", "line", "priority", "group", "trigger")};

    struct Expected {
        std::string_view name;
        std::uint64_t value;
    };
    [[nodiscard]] std::vector<Expected> expected() const;
};

class CheckVerb final : public ClaimOf<CheckArguments> {
  public:
    using ClaimOf::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    /// Records every field it expects as event::Observed.
    void perform(Stage& stage) const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;

  private:
    [[nodiscard]] std::string name_of(std::string_view field) const;
};

}  // namespace irqbench::scenarios::verbs::arm64

namespace irqbench::scenarios {

template <>
struct Words<verbs::arm64::Exception> {
    using E = verbs::arm64::Exception;
    static constexpr std::array<std::pair<std::string_view, E>, 3> table{
        {{"undefined", E::undefined}, {"trapped", E::trapped}, {"data abort", E::data_abort}}};
};

template <>
struct Form<verbs::arm64::SystemRegister> {
    static verbs::arm64::SystemRegister read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
