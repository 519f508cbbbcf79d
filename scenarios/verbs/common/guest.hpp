#pragma once

#include "scenarios/verbs/common/verb_of.hpp"

/// Verbs that the guest agent carries out.
namespace irqbench::scenarios::verbs {

/// Posts operations to one vCPU's mailbox.
class GuestVerb : public Verb {
  public:
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] virtual std::vector<vmm::GuestOp> operations(Stage& stage) const = 0;
    /// Whose mailbox, by index.
    [[nodiscard]] virtual std::uint32_t vcpu() const = 0;

  protected:
    /// `vCPU 0`, the subject of its sentence.
    [[nodiscard]] std::string who() const;
};

/// One with arguments. They name the vCPU that acts as `vcpu`, or their `actor` says which member does.
template <class A>
class GuestVerbOf : public VerbOf<A, GuestVerb> {
  public:
    using VerbOf<A, GuestVerb>::VerbOf;
    [[nodiscard]] std::uint32_t vcpu() const override {
        if constexpr (requires { A::actor; })
            return this->arguments_.*A::actor;
        else
            return this->arguments_.vcpu;
    }
};

/// An operation of the agent, whose result nobody claims.
vmm::GuestOp operation(std::uint32_t code, std::uint64_t address, std::uint64_t value, std::uint32_t size,
                       std::string text);

/// Of verbs that take nothing but who acts, by index.
struct VcpuArguments {
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{required("vcpu", &VcpuArguments::vcpu, "the vCPU, by index", vcpu_range)};
    }
    static constexpr std::string_view shorthand = "vcpu";
};

/// An operation without arguments.
class EoiVerb final : public GuestVerbOf<VcpuArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

class ReturnVerb final : public GuestVerbOf<VcpuArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

}  // namespace irqbench::scenarios::verbs
