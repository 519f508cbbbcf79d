#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "routing/platform.hpp"
#include "vmm/guest/agent_abi.h"
#include "vmm/model/deadlines.hpp"
#include "vmm/model/hardware.hpp"

namespace irqbench::vmm::x86 {

/// The controllers of a PC for a model machine: routing::x86::Platform on virtual time. The local APICs' bus
/// clock and the time-stamp counters have 1 GHz, as KVM's bus clock has; a guest may set its counter, by
/// IA32_TIME_STAMP_COUNTER and IA32_TSC_ADJUST (SDM vol. 3, 18.17.3). Physical addresses have
/// cpu_facts.hpp's physical_address_bits.
class ModelHardware final : public model::Hardware {
  public:
    ModelHardware(const MachineConfig& config, model::Surroundings& surroundings);

    [[nodiscard]] std::unique_ptr<model::Hardware> clone() const override {
        return std::make_unique<ModelHardware>(*this);
    }
    [[nodiscard]] bool is_portable() const override { return true; }
    void save(PortableState& state) override;
    void restore(const PortableState& state) override;
    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override;
    Outcome msi(const MsiMessage& message) override;
    Outcome route(const routing::RoutingTable& table) override;
    [[nodiscard]] const routing::RoutingTable& routes() const override { return platform_.board().routes(); }
    void drive(std::uint32_t gsi, bool level, irqchip::LineSource source) override;
    void listen(std::uint32_t gsi, routing::ListenerId listener) override;
    void unlisten(std::uint32_t gsi, routing::ListenerId listener) override;

    [[nodiscard]] bool interrupt_pending(std::uint32_t cpu) const override;
    /// The NMI is blocked until IRET and STI inhibits interrupts for one instruction; HLT ends with an
    /// interrupt that is taken (SDM vol. 3, 6.7.1 and 6.8.1; vol. 2, HLT).
    [[nodiscard]] model::CpuRules cpu_rules() const override {
        return {true, false, true, POLICY_EOI_LAPIC | POLICY_EOI_PIC | POLICY_EOI_PICS};
    }
    model::Acknowledged acknowledge(std::uint32_t cpu) override;
    [[nodiscard]] model::Entry entry_of(std::uint32_t vector) const override;
    std::optional<model::Access> execute(std::uint32_t cpu, const GuestOp& op, model::Bus& bus) override;
    std::optional<std::uint32_t> end_of_interrupt(std::uint32_t cpu, const model::Acknowledged& interrupt,
                                                  std::uint8_t policy, model::Bus& bus) override;
    void prepare_started(std::uint32_t cpu, model::Bus& bus) override;

    std::optional<std::uint64_t> mmio_read(std::uint32_t cpu, std::uint64_t address, unsigned size) override;
    bool mmio_write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value) override;
    std::optional<std::uint32_t> port_in(std::uint32_t cpu, std::uint16_t port, unsigned size) override;
    bool port_out(std::uint32_t cpu, std::uint16_t port, unsigned size, std::uint32_t value) override;

    [[nodiscard]] std::optional<std::chrono::nanoseconds> next_timer() const override;
    void run_timers() override;
    [[nodiscard]] std::string held_back() const override;

    [[nodiscard]] std::uint32_t running_priority(std::uint32_t cpu) const override {
        return platform_.lapic(cpu).ppr();
    }
    [[nodiscard]] std::string priority_in_words(std::uint32_t priority) const override {
        return vector_text(priority);
    }
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller,
                                                  std::uint32_t index) const override;

  private:
    /// What the agent remembers of a CPU's local APIC.
    struct Agent {
        bool x2apic = false;
        std::uint64_t lapic = 0xFEE0'0000;
    };

    /// What a CPU has beside its local APIC.
    struct Clock {
        std::uint64_t origin =
            0;  ///< its time-stamp counter when the time began, in a machine that was restored
        std::uint64_t tsc_adjust = 0;  ///< by how much that is ahead of the time besides
        std::optional<irqchip::ArmTimer> armed;
    };

    [[nodiscard]] routing::x86::Platform::Time now(std::size_t cpu) const;
    void act(const routing::x86::PlatformResponse& response);
    void ask(const routing::x86::PlatformRequest& todo);
    void signal(const routing::x86::request::SignalCpu& to_cpu);
    void arm_lapic(std::size_t cpu, std::optional<irqchip::ArmTimer> timer);
    void expire(std::size_t timer);
    [[nodiscard]] std::size_t pit_timer() const { return platform_.cpus(); }
    [[nodiscard]] std::size_t storm_timer(unsigned pin) const { return platform_.cpus() + 1 + pin; }

    model::Access access_memory(std::uint32_t cpu, const GuestOp& op, model::Bus& bus);
    model::Access read_msr(std::uint32_t cpu, std::uint64_t index) const;
    void set_tsc_adjust(std::uint32_t cpu, std::uint64_t adjust);
    model::Access write_msr(std::uint32_t cpu, std::uint64_t index, std::uint64_t value);
    model::Access access_lapic(std::uint32_t cpu, const GuestOp& op, model::Bus& bus);

    MachineConfig config_;
    model::Surroundings& surroundings_;
    routing::x86::Platform platform_;
    std::vector<Agent> agents_;
    std::vector<Clock> clocks_;
    /// By CPU for its local APIC, then the PIT, then the IOAPIC's pins after a storm.
    model::Deadlines deadlines_;
};

std::unique_ptr<model::Hardware> make_model_hardware(const MachineConfig& config,
                                                     model::Surroundings& surroundings);

/// See model::Modelled.
inline constexpr std::array<std::string_view, 15> model_capabilities{"irqchip",
                                                                     "irq_routing",
                                                                     "irq_inject_status",
                                                                     "signal_msi",
                                                                     "irqfd",
                                                                     "irqfd_resample",
                                                                     "ioeventfd",
                                                                     "ioeventfd_any_length",
                                                                     "ioeventfd_no_length",
                                                                     "x2apic_api",
                                                                     "x2apic_suppress_eoi_broadcast",
                                                                     "tsc_deadline_timer",
                                                                     "user_nmi",
                                                                     "x86_smm",
                                                                     "pit2"};

}  // namespace irqbench::vmm::x86
