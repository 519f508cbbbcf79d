#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <system_error>
#include <vector>

#include "routing/x86.hpp"
#include "vmm/machine.hpp"

namespace irqbench::scenarios {

/// A machine that writes down every call in words and does nothing.
class RecordingMachine final : public vmm::Machine {
  public:
    std::vector<std::string> calls;
    std::vector<vmm::GuestOp> operations;  ///< of every guest() call
    std::vector<vmm::NamedValue> state;    ///< what inspect() returns
    int save_fails_with = 0;               ///< errno; 0 if it does not
    routing::RoutingTable table = routing::x86::default_table();

    vmm::Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override {
        return note(
            fmt::format("{} {}{}", level ? "raise" : "lower", gsi, want_status ? " with status" : ""));
    }
    vmm::Outcome msi(const vmm::MsiMessage& message) override {
        return note(fmt::format("msi {:#x} {:#x}", message.address, message.data));
    }
    vmm::Outcome route(const routing::RoutingTable& wanted) override {
        table = wanted;
        return note(fmt::format("route {} entries", wanted.size()));
    }
    [[nodiscard]] const routing::RoutingTable& routes() const override { return table; }
    vmm::Outcome assign_irqfd(const vmm::IrqfdSpec& spec) override {
        return note(fmt::format(
            "irqfd {} gsi {}{}{}{}", spec.name, spec.gsi, spec.resample ? " resample" : "",
            spec.shares.empty() ? "" : " shares " + spec.shares, spec.via_kernel ? " via kernel" : ""));
    }
    vmm::Outcome deassign_irqfd(std::string_view name) override {
        return note(fmt::format("deassign irqfd {}", name));
    }
    void signal(std::string_view irqfd, std::uint64_t count) override {
        note(fmt::format("signal {} {}", irqfd, count));
    }
    vmm::Outcome assign_ioeventfd(const vmm::IoeventfdSpec& spec) override {
        return note(fmt::format("ioeventfd {} {} {:#x} length {}{}", spec.name,
                                spec.port ? "port" : "address", spec.address, spec.length,
                                spec.datamatch ? fmt::format(" datamatch {:#x}", *spec.datamatch) : ""));
    }
    vmm::Outcome deassign_ioeventfd(std::string_view name) override {
        return note(fmt::format("deassign ioeventfd {}", name));
    }
    vmm::Outcome reset_controller(std::string_view controller) override {
        return note(fmt::format("reset {}", controller));
    }
    vmm::Outcome nmi(std::uint32_t vcpu) override { return note(fmt::format("nmi {}", vcpu)); }
    vmm::Outcome inject(std::uint32_t vcpu, std::uint32_t vector, vmm::Injection how) override {
        const bool interrupt = how == vmm::Injection::interrupt;
        return note(fmt::format("{} {} {:#x}", interrupt ? "interrupt" : "events", vcpu, vector));
    }
    void guest(std::uint32_t vcpu, std::span<const vmm::GuestOp> posted) override {
        for (const vmm::GuestOp& operation : posted) {
            operations.push_back(operation);
            note(fmt::format("vcpu {}: op {} size {} at {:#x} value {:#x}", vcpu, operation.code,
                             operation.size, operation.address, operation.value));
        }
    }
    void handler(std::uint32_t vcpu, std::uint32_t vector, std::uint8_t policy,
                 std::optional<std::uint32_t> lowers) override {
        note(fmt::format("handler {} {:#x} policy {:#x}{}", vcpu, vector, policy,
                         lowers ? fmt::format(" lowers {}", *lowers) : ""));
    }
    bool settle() override { return true; }
    void wait(const std::function<bool()>&) override {}
    void prove_quiet(const std::vector<std::uint32_t>& vcpus) override {
        for (const std::uint32_t vcpu : vcpus) note(fmt::format("prove quiet {}", vcpu));
    }
    [[nodiscard]] std::vector<vmm::NamedValue> inspect(std::string_view controller,
                                                       std::uint32_t index) override {
        note(fmt::format("inspect {} {}", controller, index));
        return state;
    }
    std::shared_ptr<const vmm::MachineState> save() override {
        note("save");
        if (save_fails_with != 0)
            throw std::system_error(save_fails_with, std::generic_category(), "KVM_GET_IRQCHIP");
        return std::make_shared<vmm::MachineState>();
    }
    void restore(const vmm::MachineState&, const vmm::RestoreOptions& options) override {
        note(fmt::format("restore first [{}] without [{}]", fmt::join(options.first, " "),
                         fmt::join(options.without, " ")));
    }
    void close_descriptors() override { note("close"); }
    void close() override {}

  private:
    vmm::Outcome note(std::string call) {
        calls.push_back(std::move(call));
        return {};
    }
};

}  // namespace irqbench::scenarios
