#pragma once

#include "scenarios/verbs/arm64/words.hpp"
#include "scenarios/verbs/common/handler.hpp"
#include "vmm/arm64/psci.hpp"

/// Handlers, the interrupt masks, the CPU interface, and PSCI.
namespace irqbench::scenarios::verbs::arm64 {

enum class EoiPolicy { automatic, first, on_request, never };

/// What is this architecture's own of `handler`.
struct HandlerDialect {
    using Id = Intid;
    using Eoi = EoiPolicy;
    static constexpr HandlerWords words{
        .id_doc = "the INTID",
        .eoi_doc = "who writes EOIR and when: at the end of the handler by default, on request if it stays",
        .stays_doc = "remains in its handler and takes further steps until `return`",
        .nests_doc = "unmasks interrupts while it stays",
        .eoi_first = " writes EOIR first,",
        .stays = " stays until told to return",
        .nests = ", with interrupts unmasked"};
    bool deactivates = false;
    static constexpr auto own_fields() {
        return std::tuple{optional("deactivates", &HandlerDialect::deactivates,
                                   "writes DIR at its end, as EOImode 1 wants it")};
    }
    static constexpr Limits lowered = line_range;
    static std::string unfit_for(const vmm::MachineConfig& config, const Handler& handler);
    static EoiMeaning meaning(EoiPolicy policy);
    static std::string name(std::uint32_t intid) { return "INTID " + std::to_string(intid); }
    void add_own(Handler& handler) const;
};

/// Of `eoi` and `deactivate`: who ends what.
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
class EndVerb final : public GuestVerbOf<EndArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

extern template class EndVerb<End::eoi>;
extern template class EndVerb<End::deactivate>;

enum class MaskChange { mask, unmask };

/// `mask` and `unmask`: PSTATE.I and F.
template <MaskChange change>
class MaskVerb final : public GuestVerbOf<VcpuArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

extern template class MaskVerb<MaskChange::mask>;
extern template class MaskVerb<MaskChange::unmask>;

/// Of `wfi`: who waits, and whether interrupts are masked meanwhile.
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

class WfiVerb final : public GuestVerbOf<WfiArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `pmr`: a priority, 0 to 0xff, of which five bits count.
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
class PmrVerb final : public GuestVerbOf<PmrArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `eoi_mode`: 0 or 1.
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
class EoiModeVerb final : public GuestVerbOf<EoiModeArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

using PsciStatus = vmm::arm64::psci::Status;

/// Of `cpu_on`: whom it starts, who calls, and what the call returns.
struct CpuOnArguments {
    std::uint32_t from = 0;
    std::uint32_t vcpu = 0;
    PsciStatus returns = PsciStatus::success;
    static constexpr auto fields() {
        return std::tuple{
            required("vcpu", &CpuOnArguments::vcpu, "the vCPU that is started, by index", vcpu_range),
            optional("from", &CpuOnArguments::from, "the vCPU that starts it", vcpu_range),
            optional("returns", &CpuOnArguments::returns, "what the call must return")};
    }
    static constexpr auto actor = &CpuOnArguments::from;
    static constexpr std::string_view shorthand = "vcpu";
};

/// PSCI CPU_ON (Arm DEN 0022, 5.6), which must succeed unless the file says otherwise.
class CpuOnVerb final : public GuestVerbOf<CpuOnArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

}  // namespace irqbench::scenarios::verbs::arm64

namespace irqbench::scenarios {

template <>
struct Words<verbs::arm64::PsciStatus> {
    static constexpr auto& table = vmm::arm64::psci::status_names;
};

template <>
struct Words<verbs::arm64::EoiPolicy> {
    using E = verbs::arm64::EoiPolicy;
    static constexpr std::array<std::pair<std::string_view, E>, 4> table{
        {{"auto", E::automatic}, {"first", E::first}, {"on request", E::on_request}, {"never", E::never}}};
};

}  // namespace irqbench::scenarios
