#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"
#include "irqchip/arm64/its_command.hpp"
#include "irqchip/arm64/its_registers.hpp"
#include "tests/vmm/model/bench.hpp"
#include "vmm/arm64/model_hardware.hpp"

namespace irqbench::tests {

/// A model machine with a GIC, and short words for what its guest does.
struct ArmBoard : ModelBench {
    static constexpr std::uint32_t type_spi = 1U << 24, type_ppi = 2U << 24;
    static constexpr std::uint32_t level = 0, edge = 2;

    static vmm::MachineConfig with(std::string gic = "v3", std::uint32_t vcpus = 1,
                                   vmm::RunMode run = vmm::RunMode::stepped, std::uint64_t seed = 1) {
        vmm::MachineConfig config = ModelBench::with(vcpus, run, seed);
        config.arch = "arm64";
        config.gic = std::move(gic);
        return config;
    }

    explicit ArmBoard(const vmm::MachineConfig& config = with())
        : ModelBench(config, vmm::arm64::make_model_hardware), is_v3(config.gic != "v2") {}

    bool write(std::uint64_t address, std::uint64_t value, std::uint32_t size = 4, std::uint32_t cpu = 0) {
        return guest({op(OP_WRITE, "write", address, value, size)}, cpu);
    }
    std::uint64_t read(std::uint64_t address, std::uint32_t size = 4, std::uint32_t cpu = 0) {
        return observe(OP_READ, address, size, cpu);
    }
    bool msr(std::uint32_t number, std::uint64_t value, std::uint32_t cpu = 0) {
        return guest({op(OP_MSR_WRITE, "msr", number, value, 8)}, cpu);
    }
    std::uint64_t mrs(std::uint32_t number, std::uint32_t cpu = 0) {
        return observe(OP_MSR_READ, number, 8, cpu);
    }
    std::uint64_t call(std::uint32_t function, std::uint64_t first, std::uint64_t third = 0,
                       std::uint32_t cpu = 0) {
        vmm::GuestOp hvc = op(OP_CALL, "hvc", first, third, function);
        hvc.observed = true;
        guest({hvc}, cpu);
        return last<vmm::event::Observed>()->value;
    }
    /// Enabled, of priority 0x80, and to the first CPU.
    void spi(std::uint32_t intid, std::uint32_t trigger = edge) {
        write(AGENT_GICD + 0x400 + intid, 0x80, 1);
        guest({op(OP_MODIFY, "icfgr", AGENT_GICD + 0xc00 + intid / 16 * 4,
                  std::uint64_t{3} << intid % 16 * 2 << 32 | trigger << intid % 16 * 2)});
        if (!is_v3) write(AGENT_GICD + 0x800 + intid, 1, 1);
        write(AGENT_GICD + 0x100 + intid / 32 * 4, 1U << intid % 32);
    }
    /// The same of a private interrupt of the CPU.
    void ppi(std::uint32_t intid, std::uint32_t cpu = 0) {
        const std::uint64_t own = is_v3 ? AGENT_GICR + cpu * 0x20000 + 0x10000 : AGENT_GICD;
        write(own + 0x400 + intid, 0x80, 1, cpu);
        write(own + 0x100, 1U << intid, 4, cpu);
    }
    bool line(std::uint32_t gsi, bool high) {
        machine.set_line(gsi, high, false);
        return machine.settle();
    }
    void stay(std::uint32_t intid, unsigned policy = 0) {
        machine.handler(0, intid, static_cast<std::uint8_t>(POLICY_STAY | policy), std::nullopt);
    }
    std::uint64_t interrupt(std::string_view field, std::uint32_t intid, std::uint32_t cpu = 0) {
        for (const vmm::NamedValue& value : machine.inspect("interrupt", cpu << 16 | intid))
            if (value.name == field) return value.value;
        return ~std::uint64_t{0};
    }
    [[nodiscard]] std::size_t taken() const { return count<vmm::event::Taken>(); }

    bool is_v3;

  private:
    std::uint64_t observe(std::uint32_t code, std::uint64_t address, std::uint32_t size, std::uint32_t cpu) {
        vmm::GuestOp read = op(code, "read", address, 0, size);
        read.observed = true;
        guest({read}, cpu);
        return last<vmm::event::Observed>()->value;
    }
};

}  // namespace irqbench::tests
