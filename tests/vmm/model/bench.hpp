#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vmm/guest/agent_abi.h"
#include "vmm/model/model_machine.hpp"

namespace irqbench::tests {

/// Controllers with neither registers nor priorities: what is raised on a CPU is pending there until it takes
/// it. A port and an MSR stand for all accesses.
class FakeHardware final : public vmm::model::Hardware {
  public:
    static constexpr std::uint64_t working_msr = 1;
    static constexpr std::uint32_t general_protection = 13;
    static constexpr std::uint64_t sleep_msr = 2;  ///< its value is the time until `timer_vector` comes
    static constexpr std::uint32_t timer_vector = 0x70;
    static constexpr std::uint64_t reset_msr = 3;  ///< INIT to the CPU of that number; 4: and SIPI

    explicit FakeHardware(vmm::model::Surroundings& surroundings) : surroundings_(surroundings) {}

    void raise(std::uint32_t cpu, std::uint32_t vector) {
        pending[cpu].push_back(vector);
        surroundings_.look_at(cpu);
    }
    void nmi(std::uint32_t cpu) { surroundings_.signal(cpu, vmm::model::CpuSignal::nmi); }

    vmm::Outcome set_line(std::uint32_t gsi, bool level, bool) override {
        if (level) raise(0, gsi);
        return {};
    }
    vmm::Outcome msi(const vmm::MsiMessage& message) override {
        raise(static_cast<std::uint32_t>(message.address), message.data);
        return {1, 0};
    }
    vmm::Outcome route(const routing::RoutingTable&) override { return {}; }
    const routing::RoutingTable& routes() const override { return routes_; }
    void drive(std::uint32_t gsi, bool level, irqchip::LineSource source) override {
        driven += fmt::format("{}{}{} ", source == irqchip::LineSource::resample ? "r" : "", gsi,
                              level ? "+" : "-");
    }
    void listen(std::uint32_t gsi, routing::ListenerId) override { driven += fmt::format("listen{} ", gsi); }
    void unlisten(std::uint32_t gsi, routing::ListenerId) override {
        driven += fmt::format("unlisten{} ", gsi);
    }
    bool interrupt_pending(std::uint32_t cpu) const override {
        const auto found = pending.find(cpu);
        return found != pending.end() && !found->second.empty();
    }
    vmm::model::CpuRules cpu_rules() const override { return rules; }
    vmm::model::Acknowledged acknowledge(std::uint32_t cpu) override {
        const std::uint32_t vector = pending[cpu].front();
        pending[cpu].erase(pending[cpu].begin());
        return {vector, 0};
    }
    vmm::model::Entry entry_of(std::uint32_t vector) const override {
        return vector < 32 ? vmm::model::Entry::exception : vmm::model::Entry::interrupt;
    }
    std::optional<vmm::model::Access> execute(std::uint32_t cpu, const vmm::GuestOp& op,
                                              vmm::model::Bus& bus) override {
        switch (op.code) {
            case OP_READ: return vmm::model::Access{bus.read(cpu, op.address, op.size), {}};
            case OP_WRITE: bus.write(cpu, op.address, op.size, op.value); return vmm::model::Access{};
            case OP_MSR_WRITE: return write_msr(cpu, op);
            default: return std::nullopt;
        }
    }
    std::optional<std::uint32_t> end_of_interrupt(std::uint32_t, const vmm::model::Acknowledged&,
                                                  std::uint8_t policy, vmm::model::Bus&) override {
        if ((policy & POLICY_EOI_LAPIC) != 0) ++eois;
        return std::nullopt;
    }
    void prepare_started(std::uint32_t, vmm::model::Bus&) override {}
    std::optional<std::uint64_t> mmio_read(std::uint32_t, std::uint64_t, unsigned) override { return {}; }
    bool mmio_write(std::uint32_t, std::uint64_t, unsigned, std::uint64_t) override { return false; }
    std::optional<std::uint32_t> port_in(std::uint32_t, std::uint16_t, unsigned) override { return {}; }
    bool port_out(std::uint32_t, std::uint16_t, unsigned, std::uint32_t) override { return false; }
    std::optional<std::chrono::nanoseconds> next_timer() const override { return deadline_; }
    void run_timers() override {
        deadline_.reset();
        raise(0, timer_vector);
    }
    std::string held_back() const override { return held; }
    std::uint32_t running_priority(std::uint32_t) const override { return priority; }
    std::string priority_in_words(std::uint32_t each) const override { return vmm::vector_text(each); }
    std::vector<vmm::NamedValue> inspect(std::string_view, std::uint32_t) const override { return {}; }

    std::map<std::uint32_t, std::vector<std::uint32_t>> pending;
    unsigned eois = 0;
    std::string driven;
    std::string held;
    std::uint32_t priority = 0;
    vmm::model::CpuRules rules{true, false, true, POLICY_EOI_LAPIC | POLICY_EOI_PIC | POLICY_EOI_PICS};

  private:
    std::optional<vmm::model::Access> write_msr(std::uint32_t cpu, const vmm::GuestOp& op) {
        using vmm::model::CpuSignal;
        switch (op.address) {
            case working_msr: raise(cpu, static_cast<std::uint32_t>(op.value)); break;
            case sleep_msr:
                deadline_ = surroundings_.now() + std::chrono::nanoseconds(static_cast<long>(op.value));
                break;
            case reset_msr:
                surroundings_.signal(static_cast<std::uint32_t>(op.value), CpuSignal::reset);
                break;
            case reset_msr + 1:
                surroundings_.signal(static_cast<std::uint32_t>(op.value), CpuSignal::start);
                break;
            default: return vmm::model::Access{0, general_protection};
        }
        return vmm::model::Access{op.value, {}};
    }

    vmm::model::Surroundings& surroundings_;
    routing::RoutingTable routes_;
    std::optional<std::chrono::nanoseconds> deadline_;
};

/// A model machine with its trace, and short words for what tests do to it.
struct ModelBench {
    static vmm::MachineConfig with(std::uint32_t vcpus = 1, vmm::RunMode run = vmm::RunMode::stepped,
                                   std::uint64_t seed = 1) {
        vmm::MachineConfig config;
        config.placement = "model";
        for (std::uint32_t id = 0; id < vcpus; ++id) config.vcpu_ids.push_back(id);
        config.run = run;
        config.seed = seed;
        return config;
    }

    explicit ModelBench(const vmm::MachineConfig& config) : ModelBench(config, nullptr) {}
    ModelBench(const vmm::MachineConfig& config, const vmm::model::MakeHardware& make)
        : machine(
              config, trace, make ? make : [this](const auto&, vmm::model::Surroundings& surroundings) {
                  auto made = std::make_unique<FakeHardware>(surroundings);
                  hardware = made.get();
                  return std::unique_ptr<vmm::model::Hardware>(std::move(made));
              }) {}

    bool guest(std::initializer_list<vmm::GuestOp> ops, std::uint32_t vcpu = 0) {
        machine.guest(vcpu, std::vector<vmm::GuestOp>(ops));
        return machine.settle();
    }
    bool raise(std::uint32_t vector, std::uint32_t vcpu = 0) {
        hardware->raise(vcpu, vector);
        return machine.settle();
    }

    /// The last event of type What.
    template <class What>
    [[nodiscard]] std::optional<What> last() const {
        for (auto event = trace.events().rbegin(); event != trace.events().rend(); ++event)
            if (const auto* what = std::get_if<What>(&event->what)) return *what;
        return std::nullopt;
    }
    /// How many events of type What there are.
    template <class What>
    [[nodiscard]] std::size_t count() const {
        std::size_t count = 0;
        for (const vmm::Event& event : trace.events())
            count += std::holds_alternative<What>(event.what) ? 1U : 0U;
        return count;
    }
    /// All of a kind of lane in words, in order: "ack 0x51 on vCPU 0; sti on vCPU 0".
    [[nodiscard]] std::string told(vmm::Lane lane = vmm::Lane::guest, std::size_t from = 0) const {
        std::string text;
        const auto& events = trace.events();
        for (std::size_t i = from; i < events.size(); ++i) {
            if (events[i].lane != lane) continue;
            text += (text.empty() ? "" : "; ") + vmm::describe_in_lane(events[i]);
        }
        return text;
    }
    /// The same of what happened since this was asked last.
    std::string news(vmm::Lane lane = vmm::Lane::guest) {
        const std::size_t from = std::exchange(heard_, trace.events().size());
        return told(lane, from);
    }

    vmm::Trace trace;
    FakeHardware* hardware = nullptr;
    vmm::model::ModelMachine machine;

  private:
    std::size_t heard_ = 0;
};

inline vmm::GuestOp op(std::uint32_t code, std::string text, std::uint64_t address = 0,
                       std::uint64_t value = 0, std::uint32_t size = 4) {
    return {code, size, address, value, false, std::move(text)};
}
inline vmm::GuestOp observed(std::uint32_t code, std::string text, std::uint64_t address) {
    return {code, 4, address, 0, true, std::move(text)};
}
inline vmm::GuestOp cli() { return op(OP_CLI, "cli"); }
inline vmm::GuestOp sti() { return op(OP_STI, "sti"); }
/// Makes a vector pending on the CPU that writes it.
inline vmm::GuestOp provoke(std::uint32_t vector) {
    return op(OP_MSR_WRITE, "provoke", FakeHardware::working_msr, vector);
}

}  // namespace irqbench::tests
