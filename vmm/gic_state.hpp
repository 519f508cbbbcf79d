#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "vmm/cpu_standing.hpp"

/// What an arm64 machine's state is beyond that of its guest agent, the same in every irqchip mode.
namespace irqbench::vmm::arm64 {

/// Where a register is.
enum class Frame : std::uint8_t { distributor, redistributor, cpu_interface, its };

struct GicRegister {
    Frame frame = Frame::distributor;
    std::uint32_t cpu = 0;  ///< whose it is; 0 of what all CPUs share
    /// Offset in the frame; of a GICv3's CPU interface the number of the system register
    /// (irqchip::arm64::sysreg).
    std::uint32_t number = 0;

    friend bool operator==(const GicRegister&, const GicRegister&) = default;
};

/// A register, and what has to be written there to bring a new GIC to this state.
struct RegisterValue {
    GicRegister where;
    std::uint64_t value = 0;

    friend bool operator==(const RegisterValue&, const RegisterValue&) = default;
};
using RegisterValues = std::vector<RegisterValue>;

/// A redistributor's table of pending LPIs.
struct PendingTable {
    std::uint64_t address = 0;
    std::vector<std::uint8_t> bytes;
};

/// An ITS; its tables are in the guest's memory.
struct ItsState {
    RegisterValues registers;  ///< all but GITS_CTLR
    std::uint64_t ctlr = 0;
};

/// The EL1 virtual timer of a CPU.
struct TimerState {
    std::uint64_t control = 0;  ///< CNTV_CTL_EL0
    std::uint64_t compare = 0;  ///< CNTV_CVAL_EL0
};

struct CpuState : CpuStanding {
    /// What KVM_GET_REG_LIST names, but for the timers; none if it is a model's, which has none: the CPU is
    /// at the agent's entry.
    std::optional<std::map<std::uint64_t, std::vector<std::byte>>> core;
    /// It has not executed anything: the agent will first let everything through the CPU interface.
    bool begins = false;
    TimerState timer;
    /// The SGI that the host uses as marker there.
    std::optional<std::uint32_t> marker;
};

struct BoardState {
    std::uint32_t version = 3;  ///< of the GIC
    std::uint32_t spis = 0;     ///< MachineConfig::spis
    RegisterValues distributor;
    RegisterValues redistributors;  ///< of a GICv3
    RegisterValues cpu_interfaces;
    /// Lines that are high, but those of timers: as KVM_IRQ_LINE names them.
    std::set<std::uint32_t> lines;
    std::vector<PendingTable> pending_tables;
    std::optional<ItsState> its;
    std::vector<CpuState> cpus;
    std::uint64_t counter = 0;  ///< CNTVCT_EL0
};

}  // namespace irqbench::vmm::arm64
