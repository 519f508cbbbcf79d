#pragma once

#include "scenarios/verbs/common/handler.hpp"
#include "scenarios/verbs/x86/words.hpp"

/// Handlers, the interrupt flag, and interrupts that go around the controllers.
namespace irqbench::scenarios::verbs::x86 {

enum class EoiPolicy { automatic, first, on_request, never, pic, pics };

/// What is this architecture's own of `handler`.
struct HandlerDialect {
    using Id = Vector;
    using Eoi = EoiPolicy;
    static constexpr HandlerWords words{
        .id_doc = "the vector",
        .eoi_doc = "who EOIs and when: at the end of the handler by default, on request if it stays",
        .stays_doc = "remains in service and takes further steps until `return`",
        .nests_doc = "enables interrupts while it stays",
        .eoi_first = " EOIs first,",
        .stays = " remains in service until told to return",
        .nests = ", with interrupts enabled"};
    static constexpr auto own_fields() { return std::tuple{}; }
    static constexpr Limits lowered = gsi_range;
    static std::string unfit_for(const vmm::MachineConfig&, const Handler&) { return {}; }
    static EoiMeaning meaning(EoiPolicy policy);
    static std::string name(std::uint32_t vector) { return "vector " + vmm::vector_text(vector); }
    void add_own(Handler& handler) const;
};

enum class FlagChange { cli, sti };

/// `cli` and `sti`.
template <FlagChange change>
class FlagVerb final : public GuestVerbOf<VcpuArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

extern template class FlagVerb<FlagChange::cli>;
extern template class FlagVerb<FlagChange::sti>;

/// Of `halt`: who halts, and whether interrupts are enabled.
struct HaltArguments {
    std::uint32_t vcpu = 0;
    bool interrupts = true;
    static constexpr auto fields() {
        return std::tuple{
            required("vcpu", &HaltArguments::vcpu, "the vCPU, by index", vcpu_range),
            optional("interrupts", &HaltArguments::interrupts, "`sti; hlt`, or `cli; hlt` if false")};
    }
    static constexpr std::string_view shorthand = "vcpu";
};

class HaltVerb final : public GuestVerbOf<HaltArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `nmi`: a vCPU by index.
struct NmiArguments {
    std::uint32_t vcpu = 0;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{required("vcpu", &NmiArguments::vcpu, "the vCPU, by index", vcpu_range),
                          error_field(&NmiArguments::error)};
    }
    static constexpr std::string_view shorthand = "vcpu";
};

class NmiVerb final : public CallVerbOf<NmiArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override { stage.machine.nmi(arguments_.vcpu); }
    [[nodiscard]] Facts facts() const override;
};

/// Of `interrupt` and `inject`: a vCPU by index, and a vector.
struct InjectArguments {
    std::uint32_t vcpu = 0;
    std::uint32_t vector = 0;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{optional("vcpu", &InjectArguments::vcpu, "the vCPU, by index", vcpu_range),
                          required("vector", &InjectArguments::vector, "the vector", vector_range),
                          error_field(&InjectArguments::error)};
    }
    static constexpr std::string_view shorthand = "vector";
    static void check(const InjectArguments& arguments, const Cursor& at);
};

/// `interrupt` (KVM_INTERRUPT) and `inject` (KVM_SET_VCPU_EVENTS).
template <vmm::Injection how>
class InjectVerb final : public CallVerbOf<InjectArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override {
        stage.machine.inject(arguments_.vcpu, arguments_.vector, how);
    }
    [[nodiscard]] Facts facts() const override;
};

extern template class InjectVerb<vmm::Injection::interrupt>;
extern template class InjectVerb<vmm::Injection::vcpu_events>;

}  // namespace irqbench::scenarios::verbs::x86

namespace irqbench::scenarios {

template <>
struct Words<verbs::x86::EoiPolicy> {
    using E = verbs::x86::EoiPolicy;
    static constexpr std::array<std::pair<std::string_view, E>, 6> table{{{"auto", E::automatic},
                                                                          {"first", E::first},
                                                                          {"on request", E::on_request},
                                                                          {"never", E::never},
                                                                          {"pic", E::pic},
                                                                          {"pics", E::pics}}};
};

}  // namespace irqbench::scenarios
