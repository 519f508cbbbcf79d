#include "vmm/x86/traits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "irqchip/x86/lapic_registers.hpp"
#include "vmm/kvm_machine.hpp"

namespace irqbench::vmm::x86 {

namespace {

using irqchip::x86::lapic_offset;

constexpr std::uint32_t vector = 0x51;

MachineConfig kernel_machine() {
    MachineConfig config;
    config.placement = "kernel";
    config.vcpu_ids = {0};
    return config;
}

/// A machine in which one claim of the manual is tried.
class Probe {
  public:
    Probe() : machine_(kernel_machine(), trace_) {}

    KvmMachine& machine() { return machine_; }

    void guest(std::initializer_list<GuestOp> ops) {
        machine_.guest(0, std::vector<GuestOp>(ops));
        machine_.settle();
    }
    void write_lapic(std::string_view name, std::uint64_t value) {
        guest({{OP_LAPIC_WRITE, 4, lapic_offset(name).value(), value, false, "probe"}});
    }
    void out(std::uint64_t port, std::uint64_t value) {
        guest({{OP_PORT_OUT, 1, port, value, false, "probe"}});
    }

    [[nodiscard]] std::uint64_t lapic(std::string_view name) {
        for (const NamedValue& field : machine_.inspect("lapic", 0))
            if (field.name == name) return field.value;
        return 0;
    }

    /// Interrupts taken so far.
    [[nodiscard]] std::size_t taken() const {
        std::size_t count = 0;
        for (const Event& event : trace_.events())
            count += std::holds_alternative<event::Taken>(event.what) ? 1U : 0U;
        return count;
    }

    /// Starts a one-shot timer of some microseconds and lets it expire.
    void expire_timer(std::uint64_t lvt) {
        constexpr std::uint64_t divide_by_1 = 0xb;
        constexpr std::uint64_t ticks = 20000;
        constexpr int patience = 100000;
        write_lapic("timer_divide", divide_by_1);
        write_lapic("lvt_timer", lvt);
        write_lapic("timer_initial", ticks);
        for (int i = 0; i < patience && lapic("timer_current") != 0; ++i) machine_.settle();
        machine_.settle();
    }

  private:
    Trace trace_;
    KvmMachine machine_;
};

bool performs_eoi_at_delivery() {
    Probe probe;
    probe.machine().handler(0, vector, POLICY_STAY, std::nullopt);
    probe.machine().msi({0xfee00000, vector, std::nullopt});
    probe.machine().settle();
    return probe.taken() == 1 && (probe.lapic("isr2") >> (vector % 32) & 1) == 0;
}

/// @param halts whether the vCPU executes STI and HLT afterwards, as one that idles free-running does
bool lint0_unmask_unnoticed(bool halts) {
    constexpr std::uint64_t ext_int = 0x700;
    constexpr std::uint64_t masked = 0x10000;
    constexpr std::uint32_t irq = 3;
    Probe probe;
    probe.write_lapic("lvt_lint0", ext_int | masked);
    for (const auto& [port, value] : std::initializer_list<std::pair<std::uint64_t, std::uint64_t>>{
             {0x20, 0x11}, {0x21, 0x30}, {0x21, 0x04}, {0x21, 0x01}, {0x21, 0xff & ~(1U << irq)}})
        probe.out(port, value);
    probe.machine().set_line(irq, true, false);
    probe.machine().settle();
    probe.write_lapic("lvt_lint0", ext_int);
    if (halts) probe.guest({{OP_STI_HALT, 0, 0, 0, false, "probe"}});
    return probe.taken() == 0;
}

bool timer_divide_write_restarts() {
    constexpr std::uint64_t divide_by_16 = 0x3;
    Probe probe;
    probe.expire_timer(vector);
    if (probe.taken() != 1) return false;
    probe.write_lapic("timer_divide", divide_by_16);
    probe.machine().settle();
    return probe.taken() != 1;
}

/// In the order of trait_names.
constexpr std::array<bool (*)(), trait_names.size()> probes{
    performs_eoi_at_delivery,
    [] { return lint0_unmask_unnoticed(false); },
    [] { return lint0_unmask_unnoticed(true); },
    timer_divide_write_restarts,
};

}  // namespace

bool has_trait(std::string_view name) {
    const std::vector<std::string> present = probe_traits();
    if (std::find(trait_names.begin(), trait_names.end(), name) == trait_names.end())
        throw std::invalid_argument(fmt::format("no trait is called '{}'", name));
    return std::find(present.begin(), present.end(), name) != present.end();
}

std::vector<std::string> probe_traits() {
    static const std::vector<std::string> present = [] {
        std::vector<std::string> traits;
        for (std::size_t i = 0; i < probes.size(); ++i)
            if (probes[i]()) traits.emplace_back(trait_names[i]);
        return traits;
    }();
    return present;
}

}  // namespace irqbench::vmm::x86
