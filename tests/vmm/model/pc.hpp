#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "irqchip/x86/lapic_registers.hpp"
#include "tests/vmm/model/bench.hpp"
#include "vmm/x86/model_hardware.hpp"

namespace irqbench::tests {

inline constexpr std::uint64_t ioapic = 0xFEC0'0000;
inline constexpr std::uint64_t lapic_page = 0xFEE0'0000;

/// A PC.
struct Pc : ModelBench {
    explicit Pc(const vmm::MachineConfig& config = with())
        : ModelBench(config, vmm::x86::make_model_hardware) {}

    bool msi(std::uint32_t vector, std::uint32_t cpu = 0) {
        machine.msi({lapic_page | std::uint64_t{cpu} << 12, vector, std::nullopt});
        return machine.settle();
    }
    bool entry(unsigned pin, std::uint64_t value) {
        return guest(
            {op(OP_WRITE, "select", ioapic, 0x10 + 2 * pin), op(OP_WRITE, "low", ioapic + 0x10, value)});
    }
    bool lapic(std::string_view name, std::uint64_t value, std::uint32_t cpu = 0) {
        return guest({op(OP_LAPIC_WRITE, "lapic", *irqchip::x86::lapic_offset(name), value)}, cpu);
    }
    vmm::Outcome irqfd(const std::string& name, std::uint32_t gsi, bool resample = false,
                       const std::string& shares = {}) {
        return machine.assign_irqfd({name, gsi, resample, shares, false});
    }
    void signal(const std::string& name) {
        machine.signal(name, 1);
        machine.settle();
    }
    [[nodiscard]] std::size_t taken() const { return count<vmm::event::Taken>(); }
    /// Lets time pass until that many interrupts have been taken.
    bool await(std::size_t count) {
        machine.wait([&] { return taken() >= count; });
        return taken() >= count;
    }
    [[nodiscard]] std::chrono::nanoseconds time() const { return trace.events().back().at; }
};

}  // namespace irqbench::tests
