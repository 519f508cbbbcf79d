#pragma once

#include <functional>
#include <memory>

#include "vmm/machine.hpp"

namespace irqbench::vmm {

/// A machine that goes on in any irqchip mode, with KVM or without: restore() of a portable state replaces
/// the machine inside by one of another kind where that is needed. Every other call is that machine's.
class MovableMachine final : public Machine {
  public:
    using Make = std::function<std::unique_ptr<Machine>(const MachineConfig& config, Trace& trace)>;

    /// The trace must outlive it.
    MovableMachine(const MachineConfig& config, Trace& trace, Make make);

    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override {
        return inner_->set_line(gsi, level, want_status);
    }
    Outcome msi(const MsiMessage& message) override { return inner_->msi(message); }
    Outcome route(const routing::RoutingTable& table) override { return inner_->route(table); }
    [[nodiscard]] const routing::RoutingTable& routes() const override { return inner_->routes(); }
    Outcome assign_irqfd(const IrqfdSpec& spec) override { return inner_->assign_irqfd(spec); }
    Outcome deassign_irqfd(std::string_view name) override { return inner_->deassign_irqfd(name); }
    void signal(std::string_view irqfd, std::uint64_t count) override { inner_->signal(irqfd, count); }
    Outcome assign_ioeventfd(const IoeventfdSpec& spec) override { return inner_->assign_ioeventfd(spec); }
    Outcome deassign_ioeventfd(std::string_view name) override { return inner_->deassign_ioeventfd(name); }
    Outcome nmi(std::uint32_t vcpu) override { return inner_->nmi(vcpu); }
    Outcome inject(std::uint32_t vcpu, std::uint32_t vector, Injection how) override {
        return inner_->inject(vcpu, vector, how);
    }
    void guest(std::uint32_t vcpu, std::span<const GuestOp> operations) override {
        inner_->guest(vcpu, operations);
    }
    void handler(std::uint32_t vcpu, std::uint32_t vector, std::uint8_t policy,
                 std::optional<std::uint32_t> lowers) override {
        inner_->handler(vcpu, vector, policy, lowers);
    }
    bool settle() override { return inner_->settle(); }
    void wait(const std::function<bool()>& enough) override { inner_->wait(enough); }
    void prove_quiet(const std::vector<std::uint32_t>& vcpus) override { inner_->prove_quiet(vcpus); }
    void concurrent(bool on) override { inner_->concurrent(on); }
    [[nodiscard]] GuestProgress progress(std::uint32_t vcpu) override { return inner_->progress(vcpu); }
    [[nodiscard]] std::optional<std::size_t> next_thread(std::size_t threads) override {
        return inner_->next_thread(threads);
    }
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override {
        return inner_->inspect(controller, index);
    }
    Outcome reset_controller(std::string_view controller) override {
        return inner_->reset_controller(controller);
    }
    [[nodiscard]] KernelEvents kernel_events() const override { return inner_->kernel_events(); }
    [[nodiscard]] std::string unsaved() const override { return inner_->unsaved(); }
    [[nodiscard]] std::shared_ptr<const MachineState> save() override { return inner_->save(); }
    [[nodiscard]] std::shared_ptr<const MachineState> save_portable() override {
        return inner_->save_portable();
    }
    void restore(const MachineState& state, const RestoreOptions& options) override;
    void close_descriptors() override { inner_->close_descriptors(); }
    [[nodiscard]] bool is_closed() const override { return inner_->is_closed(); }
    void finish() override { inner_->finish(); }
    void close() override { inner_->close(); }

  private:
    MachineConfig config_;
    Trace& trace_;
    Make make_;
    std::unique_ptr<Machine> inner_;
};

}  // namespace irqbench::vmm
