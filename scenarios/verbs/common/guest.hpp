#pragma once

#include "scenarios/verbs/common/arguments.hpp"

/// Verbs that the guest agent carries out.
namespace irqbench::scenarios::verbs {

/// Posts operations to one vCPU's mailbox.
class GuestVerb : public Verb {
  public:
    explicit GuestVerb(std::uint32_t vcpu) : vcpu_(vcpu) {}
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] virtual std::vector<vmm::GuestOp> operations(Stage& stage) const = 0;
    [[nodiscard]] std::uint32_t vcpu() const { return vcpu_; }
    /// `vCPU 0`, the subject of its sentence.
    [[nodiscard]] std::string who() const;

  private:
    std::uint32_t vcpu_;
};

struct VcpuArguments {
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{required("vcpu", &VcpuArguments::vcpu, "the vCPU, by index", vcpu_range)};
    }
    static constexpr std::string_view shorthand = "vcpu";
};

/// An operation without arguments.
class EoiVerb final : public GuestVerb {
  public:
    using Arguments = VcpuArguments;
    explicit EoiVerb(Arguments arguments) : GuestVerb(arguments.vcpu) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

class ReturnVerb final : public GuestVerb {
  public:
    using Arguments = VcpuArguments;
    explicit ReturnVerb(Arguments arguments) : GuestVerb(arguments.vcpu) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

}  // namespace irqbench::scenarios::verbs
