#pragma once

#include "scenarios/verbs/common/guest.hpp"
#include "scenarios/verbs/x86/words.hpp"

/// Handlers, the interrupt flag, and interrupts that go around the controllers.
namespace irqbench::scenarios::verbs::x86 {

enum class EoiPolicy { automatic, first, on_request, never, pic, pics };

struct HandlerArguments {
    std::uint32_t vector = 0;
    std::optional<std::uint32_t> vcpu;
    std::optional<EoiPolicy> eoi;
    bool stays = false;
    bool nests = false;
    std::optional<std::uint32_t> lowers;
    static constexpr auto fields() {
        return std::tuple{
            required("vector", &HandlerArguments::vector, "the vector", vector_range),
            optional("vcpu", &HandlerArguments::vcpu, "on this vCPU; on all by default", vcpu_range),
            optional("eoi", &HandlerArguments::eoi,
                     "who EOIs and when: at the end of the handler by default, on request if it stays"),
            optional("stays", &HandlerArguments::stays,
                     "remains in service and takes further steps until `return`"),
            optional("nests", &HandlerArguments::nests, "enables interrupts while it stays"),
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

enum class FlagChange { cli, sti };

/// `cli` and `sti`.
template <FlagChange change>
class FlagVerb final : public GuestVerb {
  public:
    using Arguments = VcpuArguments;
    explicit FlagVerb(Arguments arguments) : GuestVerb(arguments.vcpu) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

extern template class FlagVerb<FlagChange::cli>;
extern template class FlagVerb<FlagChange::sti>;

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

class HaltVerb final : public GuestVerb {
  public:
    using Arguments = HaltArguments;
    explicit HaltVerb(Arguments arguments) : GuestVerb(arguments.vcpu), arguments_(arguments) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;

  private:
    Arguments arguments_;
};

struct NmiArguments {
    std::uint32_t vcpu = 0;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{required("vcpu", &NmiArguments::vcpu, "the vCPU, by index", vcpu_range),
                          error_field(&NmiArguments::error)};
    }
    static constexpr std::string_view shorthand = "vcpu";
};

class NmiVerb final : public Verb {
  public:
    using Arguments = NmiArguments;
    explicit NmiVerb(Arguments arguments) : arguments_(arguments) {}
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override { stage.machine.nmi(arguments_.vcpu); }
    [[nodiscard]] std::vector<Expectation> expects() const override {
        return {call_result(arguments_.error)};
    }
    [[nodiscard]] Facts facts() const override;

  private:
    Arguments arguments_;
};

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
class InjectVerb final : public Verb {
  public:
    using Arguments = InjectArguments;
    explicit InjectVerb(Arguments arguments) : arguments_(arguments) {}
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override {
        stage.machine.inject(arguments_.vcpu, arguments_.vector, how);
    }
    [[nodiscard]] std::vector<Expectation> expects() const override {
        return {call_result(arguments_.error)};
    }
    [[nodiscard]] Facts facts() const override;

  private:
    Arguments arguments_;
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
