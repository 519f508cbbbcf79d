#pragma once

#include "scenarios/verbs/arm64/words.hpp"
#include "scenarios/verbs/common/guest.hpp"

/// Handlers, the interrupt masks, the CPU interface, and PSCI.
namespace irqbench::scenarios::verbs::arm64 {

enum class EoiPolicy { automatic, first, on_request, never };

struct HandlerArguments {
    std::uint32_t intid = 0;
    std::optional<std::uint32_t> vcpu;
    std::optional<EoiPolicy> eoi;
    bool deactivates = false;
    bool stays = false;
    bool nests = false;
    std::optional<std::uint32_t> lowers;
    static constexpr auto fields() {
        return std::tuple{
            required("intid", &HandlerArguments::intid, "the INTID", intid_range),
            optional("vcpu", &HandlerArguments::vcpu, "on this vCPU; on all by default", vcpu_range),
            optional(
                "eoi", &HandlerArguments::eoi,
                "who writes EOIR and when: at the end of the handler by default, on request if it stays"),
            optional("deactivates", &HandlerArguments::deactivates,
                     "writes DIR at its end, as EOImode 1 wants it"),
            optional("stays", &HandlerArguments::stays,
                     "remains in its handler and takes further steps until `return`"),
            optional("nests", &HandlerArguments::nests, "unmasks interrupts while it stays"),
            optional("lowers", &HandlerArguments::lowers, "drops this GSI by a device access first",
                     gsi_range)};
    }
    static void check(const HandlerArguments& arguments, const Cursor& at);
};

class HandlerVerb final : public Verb {
  public:
    using Arguments = HandlerArguments;
    explicit HandlerVerb(Arguments arguments) : arguments_(arguments) {}
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;

  private:
    /// POLICY_* of agent_abi.h.
    [[nodiscard]] std::uint8_t policy() const;
    [[nodiscard]] EoiPolicy eoi() const;

    Arguments arguments_;
};

struct EndArguments {
    std::uint32_t vcpu = 0;
    std::optional<std::uint32_t> intid;
    static constexpr auto fields() {
        return std::tuple{
            required("vcpu", &EndArguments::vcpu, "the vCPU, by index", vcpu_range),
            optional("intid", &EndArguments::intid,
                     "the INTID written; that of the innermost handler that stays by default", intid_range)};
    }
    static constexpr std::string_view shorthand = "vcpu";
};

enum class End { eoi, deactivate };

/// `eoi` (EOIR) and `deactivate` (DIR).
template <End end>
class EndVerb final : public GuestVerb {
  public:
    using Arguments = EndArguments;
    explicit EndVerb(Arguments arguments) : GuestVerb(arguments.vcpu), arguments_(arguments) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;

  private:
    Arguments arguments_;
};

extern template class EndVerb<End::eoi>;
extern template class EndVerb<End::deactivate>;

enum class MaskChange { mask, unmask };

/// `mask` and `unmask`: PSTATE.I and F.
template <MaskChange change>
class MaskVerb final : public GuestVerb {
  public:
    using Arguments = VcpuArguments;
    explicit MaskVerb(Arguments arguments) : GuestVerb(arguments.vcpu) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

extern template class MaskVerb<MaskChange::mask>;
extern template class MaskVerb<MaskChange::unmask>;

struct WfiArguments {
    std::uint32_t vcpu = 0;
    bool masked = false;
    static constexpr auto fields() {
        return std::tuple{
            required("vcpu", &WfiArguments::vcpu, "the vCPU, by index", vcpu_range),
            optional("masked", &WfiArguments::masked, "with interrupts masked: a pending one only wakes it")};
    }
    static constexpr std::string_view shorthand = "vcpu";
};

class WfiVerb final : public GuestVerb {
  public:
    using Arguments = WfiArguments;
    explicit WfiVerb(Arguments arguments) : GuestVerb(arguments.vcpu), arguments_(arguments) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;

  private:
    Arguments arguments_;
};

struct PmrArguments {
    std::uint32_t vcpu = 0;
    std::uint32_t value = 0;
    static constexpr auto fields() {
        return std::tuple{vcpu_field(&PmrArguments::vcpu),
                          required("value", &PmrArguments::value,
                                   "only what is more urgent, that is lower, is taken", priority_range)};
    }
    static constexpr std::string_view shorthand = "value";
};

/// ICC_PMR_EL1 or GICC_PMR.
class PmrVerb final : public GuestVerb {
  public:
    using Arguments = PmrArguments;
    explicit PmrVerb(Arguments arguments) : GuestVerb(arguments.vcpu), arguments_(arguments) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;

  private:
    Arguments arguments_;
};

struct EoiModeArguments {
    std::uint32_t vcpu = 0;
    std::uint32_t mode = 0;
    static constexpr auto fields() {
        return std::tuple{
            vcpu_field(&EoiModeArguments::vcpu),
            required("mode", &EoiModeArguments::mode,
                     "0: EOIR drops the priority and deactivates; 1: DIR deactivates", up_to(1))};
    }
    static constexpr std::string_view shorthand = "mode";
};

/// ICC_CTLR_EL1.EOImode or GICC_CTLR.EOImodeNS.
class EoiModeVerb final : public GuestVerb {
  public:
    using Arguments = EoiModeArguments;
    explicit EoiModeVerb(Arguments arguments) : GuestVerb(arguments.vcpu), arguments_(arguments) {}
    [[nodiscard]] std::string explain() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;

  private:
    Arguments arguments_;
};

struct CpuOnArguments {
    std::uint32_t from = 0;
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{
            required("vcpu", &CpuOnArguments::vcpu, "the vCPU that is started, by index", vcpu_range),
            optional("from", &CpuOnArguments::from, "the vCPU that starts it", vcpu_range)};
    }
    static constexpr std::string_view shorthand = "vcpu";
};

/// PSCI CPU_ON, which must succeed.
class CpuOnVerb final : public GuestVerb {
  public:
    using Arguments = CpuOnArguments;
    explicit CpuOnVerb(Arguments arguments) : GuestVerb(arguments.from), arguments_(arguments) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;

  private:
    Arguments arguments_;
};

}  // namespace irqbench::scenarios::verbs::arm64

namespace irqbench::scenarios {

template <>
struct Words<verbs::arm64::EoiPolicy> {
    using E = verbs::arm64::EoiPolicy;
    static constexpr std::array<std::pair<std::string_view, E>, 4> table{
        {{"auto", E::automatic}, {"first", E::first}, {"on request", E::on_request}, {"never", E::never}}};
};

}  // namespace irqbench::scenarios
