#pragma once

#include "scenarios/verbs/arm64/words.hpp"
#include "scenarios/verbs/common/guest.hpp"

/// What programs the distributor and the redistributors, and SGIs.
namespace irqbench::scenarios::verbs::arm64 {

/// What an SPI and a private interrupt have in common.
struct InterruptArguments {
    std::uint32_t vcpu = 0;
    std::uint32_t intid = 0;
    std::optional<Trigger> trigger;
    std::uint32_t priority = 0xa0;
    std::optional<std::uint32_t> group;  ///< by default that of the IRQ: 1, or 0 on KVM's GICv2
    bool enabled = true;
};

/// Of `spi`; `to` is a vCPU by index.
struct SpiArguments : InterruptArguments {
    std::uint32_t to = 0;
    static constexpr auto fields() {
        return std::tuple{
            required("intid", &SpiArguments::intid, "the SPI's INTID: its GSI + 32", spi_range),
            optional("trigger", &SpiArguments::trigger, "level by default"),
            optional("priority", &SpiArguments::priority, "the lower, the more urgent", priority_range),
            optional("group", &SpiArguments::group,
                     "0 (FIQ) or 1 (IRQ); that of the IRQ by default. KVM's GICv2 has group 0 alone, as IRQ",
                     up_to(1)),
            optional("to", &SpiArguments::to, "the vCPU it goes to, by index", vcpu_range),
            optional("enabled", &SpiArguments::enabled, "enables it at the end"),
            vcpu_field(&SpiArguments::vcpu)};
    }
    static constexpr std::string_view shorthand = "intid";
};

/// Of `private`: one of the vCPU that executes it.
struct PrivateArguments : InterruptArguments {
    static constexpr auto fields() {
        return std::tuple{
            required("intid", &PrivateArguments::intid, "an SGI (0 to 15) or PPI (16 to 31)", private_range),
            optional("trigger", &PrivateArguments::trigger, "of a PPI; as KVM has it by default"),
            optional("priority", &PrivateArguments::priority, "the lower, the more urgent", priority_range),
            optional("group", &PrivateArguments::group, "as that of `spi`", up_to(1)),
            optional("enabled", &PrivateArguments::enabled, "enables it at the end"),
            vcpu_field(&PrivateArguments::vcpu)};
    }
    static constexpr std::string_view shorthand = "intid";
    static void check(const PrivateArguments& arguments, const Cursor& at);
};

/// Programs an interrupt: disabled, then group, priority, trigger and target, then enabled.
class SpiVerb final : public GuestVerbOf<SpiArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

class PrivateVerb final : public GuestVerbOf<PrivateArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of verbs about one bit of an INTID; a private one is that of the vCPU.
struct IntidArguments {
    std::uint32_t vcpu = 0;
    std::uint32_t intid = 0;
    static constexpr auto fields() {
        return std::tuple{required("intid", &IntidArguments::intid, "the INTID", wired_range),
                          vcpu_field(&IntidArguments::vcpu)};
    }
    static constexpr std::string_view shorthand = "intid";
};

/// One bit of a register that sets or clears what it is for.
enum class Bit { enable, disable, set_pending, clear_pending, set_active, clear_active };

/// `enable`, `disable`, `set_pending` ...
template <Bit bit>
class BitVerb final : public GuestVerbOf<IntidArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

extern template class BitVerb<Bit::enable>;
extern template class BitVerb<Bit::disable>;
extern template class BitVerb<Bit::set_pending>;
extern template class BitVerb<Bit::clear_pending>;
extern template class BitVerb<Bit::set_active>;
extern template class BitVerb<Bit::clear_active>;

/// Of `priority`: the byte that is written.
struct PriorityArguments {
    std::uint32_t vcpu = 0;
    std::uint32_t intid = 0;
    std::uint32_t priority = 0;
    static constexpr auto fields() {
        return std::tuple{
            required("intid", &PriorityArguments::intid, "the INTID", wired_range),
            required("priority", &PriorityArguments::priority, "the lower, the more urgent", priority_range),
            vcpu_field(&PriorityArguments::vcpu)};
    }
};

/// Writes the priority alone.
class PriorityVerb final : public GuestVerbOf<PriorityArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `retarget`; `to` is a vCPU by index.
struct RetargetArguments {
    std::uint32_t vcpu = 0;
    std::uint32_t intid = 0;
    std::uint32_t to = 0;
    static constexpr auto fields() {
        return std::tuple{required("intid", &RetargetArguments::intid, "the SPI's INTID", spi_range),
                          required("to", &RetargetArguments::to, "the vCPU it goes to, by index", vcpu_range),
                          vcpu_field(&RetargetArguments::vcpu)};
    }
};

/// Rewrites IROUTER, or ITARGETSR on a GICv2.
class RetargetVerb final : public GuestVerbOf<RetargetArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `sgi`: to a list of vCPUs, or to all but the sender.
struct SgiArguments {
    std::uint32_t from = 0;
    std::uint32_t intid = 0;
    std::vector<std::uint32_t> to;
    bool others = false;
    static constexpr auto fields() {
        return std::tuple{
            required("intid", &SgiArguments::intid, "the SGI", up_to(15)),
            optional("from", &SgiArguments::from, "the vCPU that sends it, by index", vcpu_range),
            optional("to", &SgiArguments::to, "the vCPUs it goes to, by index", vcpu_range),
            optional("others", &SgiArguments::others, "to all but the sender")};
    }
    static constexpr auto actor = &SgiArguments::from;
    static constexpr std::array constraints{exactly_one("to", "others")};
    static void check(const SgiArguments& arguments, const Cursor& at);
};

/// ICC_SGI1R_EL1, or GICD_SGIR on a GICv2.
class SgiVerb final : public GuestVerbOf<SgiArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

}  // namespace irqbench::scenarios::verbs::arm64
