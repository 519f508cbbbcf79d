#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "tests/scenarios/engine/story.hpp"
#include "vmm/machine.hpp"

namespace irqbench::tests {

/// A machine without KVM. Every call is written down; what it causes is scripted by the call's text and
/// happens when the machine settles next. An MSI is taken by the vCPU whose number is its destination, unless
/// it is scripted.
class FakeMachine final : public vmm::Machine {
  public:
    explicit FakeMachine(vmm::Trace& trace) : trace_(trace) {}

    std::vector<std::string> calls;
    std::map<std::string, std::vector<vmm::Event>> causes;
    std::function<bool()> on_settle;  ///< its result is settle()'s
    std::function<void(const std::function<bool()>&)> on_wait;
    std::function<std::optional<std::size_t>(std::size_t)> on_next_thread;
    std::function<vmm::GuestProgress(std::uint32_t)> on_progress;
    std::function<void()> on_close_descriptors;
    vmm::event::Quiet quiet{true, {}, {}};
    int refuses_with = 0;  ///< errno of every call
    bool closed = false;
    bool saves = false;  ///< it has a state to be saved
    vmm::KernelEvents kernel{"a fake has no kernel", {}};

    vmm::Outcome set_line(std::uint32_t gsi, bool level, bool) override {
        return call(level ? "raise" : "lower", fmt::format("{}", gsi));
    }
    vmm::Outcome msi(const vmm::MsiMessage& message) override {
        const auto vector = message.data & 0xff;
        if (causes.find("msi") == causes.end())
            pending_.push_back(taken(vector, static_cast<std::uint32_t>(message.address >> 12 & 0xff)));
        return call("msi", "");
    }
    vmm::Outcome route(const routing::RoutingTable& table) override {
        routes_ = table;
        return call("route", "");
    }
    const routing::RoutingTable& routes() const override { return routes_; }
    vmm::Outcome assign_irqfd(const vmm::IrqfdSpec& spec) override { return call("irqfd", spec.name); }
    vmm::Outcome deassign_irqfd(std::string_view name) override {
        return call("deassign", std::string(name));
    }
    void signal(std::string_view irqfd, std::uint64_t) override { call("signal", std::string(irqfd)); }
    vmm::Outcome assign_ioeventfd(const vmm::IoeventfdSpec& spec) override {
        return call("ioeventfd", spec.name);
    }
    vmm::Outcome deassign_ioeventfd(std::string_view name) override {
        return call("deassign", std::string(name));
    }
    vmm::Outcome nmi(std::uint32_t vcpu) override { return call("nmi", fmt::format("{}", vcpu)); }
    vmm::Outcome inject(std::uint32_t, std::uint32_t vector, vmm::Injection) override {
        return call("inject", fmt::format("{:#x}", vector));
    }
    void guest(std::uint32_t, std::span<const vmm::GuestOp> operations) override {
        if (concurrent_) return;
        for (const auto& operation : operations) note("guest " + operation.text);
    }
    void handler(std::uint32_t, std::uint32_t, std::uint8_t, std::optional<std::uint32_t>) override {}
    bool settle() override {
        for (auto& event : std::exchange(pending_, {})) trace_.add(std::move(event));
        return !on_settle || on_settle();
    }
    void wait(const std::function<bool()>& enough) override {
        calls.emplace_back("wait");
        if (on_wait) on_wait(enough);
    }
    void prove_quiet(const std::vector<std::uint32_t>& vcpus) override {
        for (const std::uint32_t vcpu : vcpus) {
            calls.push_back(fmt::format("prove quiet {}", vcpu));
            trace_.add(event_of(quiet, vmm::Lane::guest, vcpu));
        }
    }
    void concurrent(bool on) override { concurrent_ = on; }
    std::optional<std::size_t> next_thread(std::size_t threads) override {
        return on_next_thread ? on_next_thread(threads) : std::nullopt;
    }
    vmm::GuestProgress progress(std::uint32_t vcpu) override {
        return on_progress ? on_progress(vcpu) : vmm::GuestProgress::done;
    }
    void close_descriptors() override {
        if (on_close_descriptors) on_close_descriptors();
    }
    std::vector<vmm::NamedValue> inspect(std::string_view, std::uint32_t) override { return {}; }
    [[nodiscard]] vmm::KernelEvents kernel_events() const override { return kernel; }
    [[nodiscard]] std::string unsaved() const override { return saves ? "" : "a fake has no state"; }
    std::shared_ptr<const vmm::MachineState> save() override {
        calls.emplace_back("save");
        return std::make_shared<vmm::MachineState>();
    }
    void restore(const vmm::MachineState&, const vmm::RestoreOptions& options) override {
        std::string text = "restore";
        for (const std::string& part : options.first) text += " " + part;
        for (const std::string& part : options.without) text += " -" + part;
        calls.push_back(text);
    }
    void close() override { closed = true; }

  private:
    void note(const std::string& text) {
        calls.push_back(text);
        if (const auto scripted = causes.find(text); scripted != causes.end())
            pending_.insert(pending_.end(), scripted->second.begin(), scripted->second.end());
    }

    vmm::Outcome call(const std::string& name, const std::string& arguments) {
        const vmm::Outcome outcome{0, refuses_with};
        if (concurrent_) return outcome;
        note(arguments.empty() ? name : name + " " + arguments);
        trace_.add(event_of(vmm::event::Call{name, arguments, {}, outcome}));
        return outcome;
    }

    vmm::Trace& trace_;
    routing::RoutingTable routes_;
    std::vector<vmm::Event> pending_;
    bool concurrent_ = false;
};

}  // namespace irqbench::tests
