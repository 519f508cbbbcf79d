#pragma once

#include <array>
#include <string>
#include <vector>

#include "irqchip/x86/lapic_registers.hpp"
#include "routing/x86.hpp"
#include "scenarios/verbs/common/state_fields.hpp"

/// The fields of a PC's state file.
namespace irqbench::scenarios {

namespace state_file::x86 {

using irqchip::x86::I8259AState;
using irqchip::x86::IoApicState;
using irqchip::x86::LapicState;
using irqchip::x86::PicState;
using irqchip::x86::PitAccess;
using irqchip::x86::PitChannelState;
using irqchip::x86::PitState;
using vmm::x86::CoreState;
using vmm::x86::CpuState;
using vmm::x86::DescriptorTable;
using vmm::x86::Msr;
using vmm::x86::Segment;

inline constexpr std::uint32_t last_vector = 0xff;

/// A vCPU with all that is its own.
struct VcpuRow {
    AgentRow<last_vector> agent;
    CpuState cpu;
    LapicState lapic;
    static constexpr auto fields() {
        return std::tuple{required("agent", &VcpuRow::agent, ""), required("cpu", &VcpuRow::cpu, ""),
                          required("lapic", &VcpuRow::lapic, "")};
    }
};

struct Route : RouteRow<2, 23> {
    static void check(const Route& row, const Cursor& at) {
        if (row.chip && row.pin >= routing::x86::chips[*row.chip].pins) at.fail("there is no such pin");
    }
};

struct StateDocument : AnyState {
    std::uint32_t smis = 0;
    std::vector<VcpuRow> vcpus;
    std::vector<Route> routes;
    PicState pic{};
    IoApicState ioapic{};
    std::optional<PitState> pit;
    static constexpr auto fields() {
        return std::tuple_cat(fields_of_head(),
                              std::tuple{optional("smis", &StateDocument::smis, ""),
                                         required("vcpus", &StateDocument::vcpus, ""),
                                         optional("routes", &StateDocument::routes, "")},
                              fields_of_eventfds(),
                              std::tuple{required("pic", &StateDocument::pic, ""),
                                         required("ioapic", &StateDocument::ioapic, ""),
                                         optional("pit", &StateDocument::pit, "")},
                              fields_of_memory());
    }
};

}  // namespace state_file::x86

template <>
struct Words<state_file::x86::PitAccess> {
    static constexpr std::array<std::pair<std::string_view, state_file::x86::PitAccess>, 3> table{
        {{"low", state_file::x86::PitAccess::low},
         {"high", state_file::x86::PitAccess::high},
         {"low_then_high", state_file::x86::PitAccess::low_then_high}}};
};

template <>
struct Names<std::array<std::uint64_t, 18>> {
    static constexpr std::array<std::string_view, 18> names{"rax", "rbx", "rcx", "rdx", "rsi", "rdi",
                                                            "rsp", "rbp", "r8",  "r9",  "r10", "r11",
                                                            "r12", "r13", "r14", "r15", "rip", "rflags"};
};
template <>
struct Names<std::array<state_file::x86::Segment, 8>> {
    static constexpr std::array<std::string_view, 8> names{"cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"};
};
template <>
struct Names<state_file::x86::PicState> {
    static constexpr std::array<std::string_view, 2> names{"master", "slave"};
};
/// The registers of a local APIC.
template <>
struct Names<std::array<std::uint32_t, 64>> {
    static constexpr auto names = [] {
        std::array<std::string_view, 64> names{};
        for (const auto& row : irqchip::x86::lapic_registers) names[row.offset / 16U] = row.name;
        return names;
    }();
};

template <>
struct FileOf<state_file::x86::Segment> : state_file::x86::Segment {
    static constexpr auto fields() {
        return std::tuple{optional("base", &state_file::x86::Segment::base, ""),
                          optional("limit", &state_file::x86::Segment::limit, ""),
                          optional("selector", &state_file::x86::Segment::selector, ""),
                          optional("attributes", &state_file::x86::Segment::attributes, "", up_to(0x1ffff))};
    }
};
template <>
struct FileOf<state_file::x86::DescriptorTable> : state_file::x86::DescriptorTable {
    static constexpr auto fields() {
        return std::tuple{optional("base", &state_file::x86::DescriptorTable::base, ""),
                          optional("limit", &state_file::x86::DescriptorTable::limit, "")};
    }
};
template <>
struct FileOf<state_file::x86::Msr> : state_file::x86::Msr {
    static constexpr auto fields() {
        return std::tuple{required("index", &state_file::x86::Msr::index, ""),
                          required("value", &state_file::x86::Msr::value, "")};
    }
};
template <>
struct FileOf<state_file::x86::CoreState> : state_file::x86::CoreState {
    static constexpr auto fields() {
        return std::tuple{required("general", &state_file::x86::CoreState::general, ""),
                          required("segments", &state_file::x86::CoreState::segments, ""),
                          required("gdt", &state_file::x86::CoreState::gdt, ""),
                          required("idt", &state_file::x86::CoreState::idt, ""),
                          optional("cr0", &state_file::x86::CoreState::cr0, ""),
                          optional("cr2", &state_file::x86::CoreState::cr2, ""),
                          optional("cr3", &state_file::x86::CoreState::cr3, ""),
                          optional("cr4", &state_file::x86::CoreState::cr4, ""),
                          optional("efer", &state_file::x86::CoreState::efer, ""),
                          optional("msrs", &state_file::x86::CoreState::msrs, "")};
    }
};
template <>
struct FileOf<state_file::x86::CpuState> : state_file::x86::CpuState {
    static constexpr auto fields() {
        return std::tuple{optional("core", &state_file::x86::CpuState::core, ""),
                          required("activity", &state_file::x86::CpuState::activity, ""),
                          required("interrupts_enabled", &state_file::x86::CpuState::interrupts_enabled, ""),
                          optional("injected", &state_file::x86::CpuState::injected, "",
                                   up_to(state_file::x86::last_vector)),
                          optional("shadow", &state_file::x86::CpuState::shadow, "", up_to(3)),
                          optional("nmis", &state_file::x86::CpuState::nmis, "", up_to(2)),
                          optional("nmi_injected", &state_file::x86::CpuState::nmi_injected, ""),
                          optional("nmi_blocked", &state_file::x86::CpuState::nmi_blocked, ""),
                          optional("smi", &state_file::x86::CpuState::smi, ""),
                          required("tsc", &state_file::x86::CpuState::tsc, ""),
                          optional("tsc_adjust", &state_file::x86::CpuState::tsc_adjust, ""),
                          optional("agent_x2apic", &state_file::x86::CpuState::agent_x2apic, ""),
                          required("agent_lapic", &state_file::x86::CpuState::agent_lapic, "")};
    }
};
template <>
struct FileOf<state_file::x86::LapicState> : state_file::x86::LapicState {
    static constexpr auto fields() {
        return std::tuple{required("apic_base", &state_file::x86::LapicState::apic_base, ""),
                          required("registers", &state_file::x86::LapicState::registers, ""),
                          optional("tsc_deadline", &state_file::x86::LapicState::tsc_deadline, ""),
                          optional("errors", &state_file::x86::LapicState::errors, ""),
                          optional("ext_int", &state_file::x86::LapicState::ext_int, "")};
    }
};
template <>
struct FileOf<state_file::x86::I8259AState> : state_file::x86::I8259AState {
    static constexpr auto fields() {
        return std::tuple{
            optional("drivers", &state_file::x86::I8259AState::drivers, ""),
            optional("latched", &state_file::x86::I8259AState::latched, ""),
            optional("isr", &state_file::x86::I8259AState::isr, ""),
            optional("imr", &state_file::x86::I8259AState::imr, ""),
            optional("elcr", &state_file::x86::I8259AState::elcr, ""),
            optional("base", &state_file::x86::I8259AState::base, ""),
            required("lowest_priority", &state_file::x86::I8259AState::lowest_priority, "", up_to(7)),
            optional("init_step", &state_file::x86::I8259AState::init_step, "", up_to(3)),
            optional("needs_icw4", &state_file::x86::I8259AState::needs_icw4, ""),
            optional("single", &state_file::x86::I8259AState::single, ""),
            optional("auto_eoi", &state_file::x86::I8259AState::auto_eoi, ""),
            optional("rotate_on_auto_eoi", &state_file::x86::I8259AState::rotate_on_auto_eoi, ""),
            optional("special_mask", &state_file::x86::I8259AState::special_mask, ""),
            optional("special_fully_nested", &state_file::x86::I8259AState::special_fully_nested, ""),
            optional("poll", &state_file::x86::I8259AState::poll, ""),
            optional("reads_isr", &state_file::x86::I8259AState::reads_isr, "")};
    }
};
template <>
struct FileOf<state_file::x86::IoApicState> : state_file::x86::IoApicState {
    static constexpr auto fields() {
        return std::tuple{optional("select", &state_file::x86::IoApicState::select, ""),
                          optional("id", &state_file::x86::IoApicState::id, ""),
                          optional("irr", &state_file::x86::IoApicState::irr, ""),
                          required("entries", &state_file::x86::IoApicState::entries, ""),
                          optional("drivers", &state_file::x86::IoApicState::drivers, ""),
                          optional("storm_counts", &state_file::x86::IoApicState::storm_counts, "")};
    }
};
template <>
struct FileOf<state_file::x86::PitChannelState> : state_file::x86::PitChannelState {
    static constexpr auto fields() {
        return std::tuple{
            required("mode", &state_file::x86::PitChannelState::mode, "", up_to(5)),
            required("access", &state_file::x86::PitChannelState::access, ""),
            optional("bcd", &state_file::x86::PitChannelState::bcd, ""),
            optional("gate", &state_file::x86::PitChannelState::gate, ""),
            optional("out", &state_file::x86::PitChannelState::out, ""),
            optional("reload", &state_file::x86::PitChannelState::reload, ""),
            optional("element", &state_file::x86::PitChannelState::element, "", up_to(0x1'0000)),
            optional("low_byte", &state_file::x86::PitChannelState::low_byte, ""),
            optional("low_was_read", &state_file::x86::PitChannelState::low_was_read, ""),
            optional("latched_count", &state_file::x86::PitChannelState::latched_count, ""),
            optional("latched_low_was_read", &state_file::x86::PitChannelState::latched_low_was_read, ""),
            optional("latched_status", &state_file::x86::PitChannelState::latched_status, ""),
            optional("has_count", &state_file::x86::PitChannelState::has_count, ""),
            required("null_count", &state_file::x86::PitChannelState::null_count, ""),
            optional("load_next", &state_file::x86::PitChannelState::load_next, ""),
            optional("counting", &state_file::x86::PitChannelState::counting, ""),
            optional("armed", &state_file::x86::PitChannelState::armed, ""),
            optional("odd", &state_file::x86::PitChannelState::odd, "")};
    }
};
template <>
struct FileOf<state_file::x86::PitState> : state_file::x86::PitState {
    static constexpr auto fields() {
        return std::tuple{required("channels", &state_file::x86::PitState::channels, ""),
                          optional("port_b", &state_file::x86::PitState::port_b, "")};
    }
};
}  // namespace irqbench::scenarios
