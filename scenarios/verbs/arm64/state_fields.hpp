#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/verbs/arm64/words.hpp"
#include "scenarios/verbs/common/arguments.hpp"
#include "scenarios/verbs/common/state_fields.hpp"

/// The fields of an arm64 machine's state file.
namespace irqbench::scenarios {

namespace state_file::arm64 {

using vmm::arm64::CpuState;
using vmm::arm64::TimerState;

/// By the id of the register, as KVM_GET_REG_LIST has them.
using CoreRegisters = std::map<std::uint64_t, std::vector<std::byte>>;

inline constexpr std::uint32_t last_intid = 0xffff;
/// Of a table of pending LPIs whose INTIDs have 16 bits.
inline constexpr std::uint64_t most_pending_bytes = 0x1'0000 / 8;

/// Registers by name, those that are not zero. What only clears, and is written for the sake of the order,
/// is not among them.
struct Registers {
    std::vector<std::pair<std::string, std::uint64_t>> values;
    [[nodiscard]] bool empty() const { return values.empty(); }
};

/// A vCPU with all that is its own.
struct VcpuRow {
    AgentRow<last_intid> agent;
    CpuState cpu;
    Registers redistributor;
    Registers distributor;
    Registers cpu_interface;
    static constexpr auto fields() {
        return std::tuple{
            required("agent", &VcpuRow::agent, ""), required("cpu", &VcpuRow::cpu, ""),
            optional("redistributor", &VcpuRow::redistributor, "of a GICv3"),
            optional("distributor", &VcpuRow::distributor,
                     "registers of a GICv2 that each CPU has for itself"),
            optional("cpu_interface", &VcpuRow::cpu_interface, "of a GICv3 its system registers")};
    }
};

/// A line that is high.
struct LineRow {
    std::optional<std::uint32_t> spi;
    std::optional<std::uint32_t> ppi;
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{optional("spi", &LineRow::spi, "INTID", verbs::arm64::spi_range),
                          optional("ppi", &LineRow::ppi, "INTID", verbs::arm64::ppi_range),
                          optional("vcpu", &LineRow::vcpu, "id of the vCPU whose PPI it is")};
    }
    static constexpr std::array constraints{exactly_one("spi", "ppi"), needs("vcpu", "ppi")};
};

/// A table of pending LPIs, which is not in the memory.
struct PendingRow {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
    std::string data;  ///< without the zeros at its end
    static constexpr auto fields() {
        return std::tuple{required("address", &PendingRow::address, "where the guest has it"),
                          required("bytes", &PendingRow::bytes, "its size", between(1, most_pending_bytes)),
                          optional("data", &PendingRow::data, "base64 of a bit for each INTID")};
    }
};

struct GicRow {
    std::uint32_t version = 3;
    std::uint32_t spis = 0;
    Registers distributor;
    std::vector<LineRow> lines;
    std::vector<PendingRow> pending_tables;
    std::optional<Registers> its;
    static constexpr auto fields() {
        return std::tuple{required("version", &GicRow::version, "", between(2, 3)),
                          required("spis", &GicRow::spis, "", between(32, verbs::most_spis)),
                          required("distributor", &GicRow::distributor, ""),
                          optional("lines", &GicRow::lines, "that are high, but those of timers"),
                          optional("pending_tables", &GicRow::pending_tables, "of the redistributors"),
                          optional("its", &GicRow::its, "its registers; its tables are in the memory")};
    }
};

struct StateDocument : AnyState {
    std::uint64_t counter = 0;
    std::vector<VcpuRow> vcpus;
    std::vector<RouteRow<0, irqchip::arm64::maximum_spis - 1>> routes;
    GicRow gic;
    static constexpr auto fields() {
        return std::tuple_cat(
            fields_of_head(),
            std::tuple{required("counter", &StateDocument::counter, "CNTVCT_EL0"),
                       required("gic", &StateDocument::gic, ""), required("vcpus", &StateDocument::vcpus, ""),
                       optional("routes", &StateDocument::routes, "")},
            fields_of_eventfds(), fields_of_memory());
    }
};

}  // namespace state_file::arm64

template <>
struct Form<state_file::arm64::Registers> {
    using Registers = state_file::arm64::Registers;
    static Registers read(const Cursor& at, Limits limits);
    static Json write(const Registers& registers);
    static Json schema(Limits limits);
};

template <>
struct Form<state_file::arm64::CoreRegisters> {
    using CoreRegisters = state_file::arm64::CoreRegisters;
    static CoreRegisters read(const Cursor& at, Limits limits);
    static Json write(const CoreRegisters& registers);
    static Json schema(Limits limits);
};

template <>
struct FileOf<state_file::arm64::TimerState> : state_file::arm64::TimerState {
    using Timer = state_file::arm64::TimerState;
    static constexpr auto fields() {
        return std::tuple{optional("control", &Timer::control, "CNTV_CTL_EL0", up_to(7)),
                          optional("compare", &Timer::compare, "CNTV_CVAL_EL0")};
    }
};
template <>
struct FileOf<state_file::arm64::CpuState> : state_file::arm64::CpuState {
    using Cpu = state_file::arm64::CpuState;
    static constexpr auto fields() {
        return std::tuple{
            optional("core", &Cpu::core, "registers by their ids in KVM"),
            required("activity", &Cpu::activity, ""),
            required("interrupts_enabled", &Cpu::interrupts_enabled, ""),
            optional("begins", &Cpu::begins, "it has executed nothing yet"),
            required("timer", &Cpu::timer, ""),
            optional("marker", &Cpu::marker, "the SGI that the host uses as marker there", up_to(15))};
    }
};

}  // namespace irqbench::scenarios
