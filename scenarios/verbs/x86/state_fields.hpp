#pragma once

#include <array>
#include <string>
#include <vector>

#include "irqchip/x86/lapic_registers.hpp"
#include "routing/x86.hpp"
#include "scenarios/verbs/x86/state_form.hpp"
#include "vmm/portable_state.hpp"

/// The fields of a state file.
namespace irqbench::scenarios {

namespace state_file {

using irqchip::x86::I8259AState;
using irqchip::x86::IoApicState;
using irqchip::x86::LapicState;
using irqchip::x86::PicState;
using irqchip::x86::PitAccess;
using irqchip::x86::PitChannelState;
using irqchip::x86::PitState;
using vmm::PortableState;
using vmm::x86::Activity;
using vmm::x86::CoreState;
using vmm::x86::CpuState;
using vmm::x86::DescriptorTable;
using vmm::x86::Msr;
using vmm::x86::Segment;

/// Goes up whenever a file of the last one cannot be read any more, or the guest agent in its memory would
/// not understand the host: vmm/guest/agent_abi.h.
inline constexpr std::uint32_t version = 2;

inline constexpr Limits byte = up_to(0xff);
inline constexpr Limits gsis = up_to(routing::RoutingRules::max_entries - 1);
inline constexpr Limits name_length = up_to(200);
inline constexpr std::size_t page_size = 4096;
inline constexpr std::size_t most_posted = MAIL_SLOTS;

/// A route, flat.
struct RouteRow {
    std::uint32_t gsi = 0;
    std::optional<std::uint32_t> chip;
    std::uint32_t pin = 0;
    std::optional<std::uint64_t> address;
    std::uint32_t data = 0;
    static constexpr auto fields() {
        return std::tuple{required("gsi", &RouteRow::gsi, "", gsis),
                          optional("chip", &RouteRow::chip, "KVM_IRQCHIP_*", up_to(2)),
                          optional("pin", &RouteRow::pin, "", up_to(23)),
                          optional("address", &RouteRow::address, "of a message"),
                          optional("data", &RouteRow::data, "")};
    }
    static constexpr std::array constraints{exactly_one("chip", "address")};
    static void check(const RouteRow& row, const Cursor& at) {
        if (row.chip && row.pin >= routing::x86::chips[*row.chip].pins) at.fail("there is no such pin");
    }
};

struct Page {
    std::uint64_t address = 0;
    std::string data;  ///< without the zeros at its end
    static constexpr auto fields() {
        return std::tuple{required("address", &Page::address, ""), required("data", &Page::data, "base64")};
    }
};

/// A vCPU with all that is its own.
struct VcpuRow {
    PortableState::Vcpu agent;
    CpuState cpu;
    LapicState lapic;
    static constexpr auto fields() {
        return std::tuple{required("agent", &VcpuRow::agent, ""), required("cpu", &VcpuRow::cpu, ""),
                          required("lapic", &VcpuRow::lapic, "")};
    }
};

struct StateDocument {
    std::uint32_t version_ = version;
    std::string arch = "x86_64";
    std::string mode;
    vmm::RunMode run = vmm::RunMode::stepped;
    std::uint64_t memory_bytes = 0;
    std::uint32_t barrier = 0;
    std::uint32_t smis = 0;
    std::vector<VcpuRow> vcpus;
    std::vector<RouteRow> routes;
    std::vector<vmm::SavedIrqfd> irqfds;
    std::vector<vmm::SavedIoeventfd> ioeventfds;
    PicState pic{};
    IoApicState ioapic{};
    std::optional<PitState> pit;
    std::vector<Page> memory;
    static constexpr auto fields() {
        return std::tuple{required("irqbench_state", &StateDocument::version_, "version of the format"),
                          required("arch", &StateDocument::arch, ""),
                          required("mode", &StateDocument::mode, ""),
                          required("run", &StateDocument::run, ""),
                          optional("memory_bytes", &StateDocument::memory_bytes, ""),
                          optional("barrier", &StateDocument::barrier, ""),
                          optional("smis", &StateDocument::smis, ""),
                          required("vcpus", &StateDocument::vcpus, ""),
                          optional("routes", &StateDocument::routes, ""),
                          optional("irqfds", &StateDocument::irqfds, ""),
                          optional("ioeventfds", &StateDocument::ioeventfds, ""),
                          required("pic", &StateDocument::pic, ""),
                          required("ioapic", &StateDocument::ioapic, ""),
                          optional("pit", &StateDocument::pit, ""),
                          optional("memory", &StateDocument::memory, "pages that are not zero")};
    }
};

}  // namespace state_file

template <>
struct Words<vmm::RunMode> {
    static constexpr std::array<std::pair<std::string_view, vmm::RunMode>, 2> table{
        {{"stepped", vmm::RunMode::stepped}, {"free", vmm::RunMode::free}}};
};
template <>
struct Words<state_file::Activity> {
    static constexpr std::array<std::pair<std::string_view, state_file::Activity>, 4> table{
        {{"running", state_file::Activity::running},
         {"halted", state_file::Activity::halted},
         {"wait_for_sipi", state_file::Activity::wait_for_sipi},
         {"not_started", state_file::Activity::not_started}}};
};
template <>
struct Words<vmm::event::RestState> {
    using State = vmm::event::RestState;
    static constexpr std::array<std::pair<std::string_view, State>, 6> table{
        {{"idle", State::idle},
         {"in_handler", State::in_handler},
         {"halted", State::halted},
         {"wait_for_sipi", State::wait_for_sipi},
         {"not_started", State::not_started},
         {"storming", State::storming}}};
};
template <>
struct Words<state_file::PitAccess> {
    static constexpr std::array<std::pair<std::string_view, state_file::PitAccess>, 3> table{
        {{"low", state_file::PitAccess::low},
         {"high", state_file::PitAccess::high},
         {"low_then_high", state_file::PitAccess::low_then_high}}};
};

template <>
struct Names<std::array<std::uint64_t, 18>> {
    static constexpr std::array<std::string_view, 18> names{"rax", "rbx", "rcx", "rdx", "rsi", "rdi",
                                                            "rsp", "rbp", "r8",  "r9",  "r10", "r11",
                                                            "r12", "r13", "r14", "r15", "rip", "rflags"};
};
template <>
struct Names<std::array<state_file::Segment, 8>> {
    static constexpr std::array<std::string_view, 8> names{"cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"};
};
template <>
struct Names<state_file::PicState> {
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
struct FileOf<state_file::Segment> : state_file::Segment {
    static constexpr auto fields() {
        return std::tuple{optional("base", &state_file::Segment::base, ""),
                          optional("limit", &state_file::Segment::limit, ""),
                          optional("selector", &state_file::Segment::selector, ""),
                          optional("attributes", &state_file::Segment::attributes, "", up_to(0x1ffff))};
    }
};
template <>
struct FileOf<state_file::DescriptorTable> : state_file::DescriptorTable {
    static constexpr auto fields() {
        return std::tuple{optional("base", &state_file::DescriptorTable::base, ""),
                          optional("limit", &state_file::DescriptorTable::limit, "")};
    }
};
template <>
struct FileOf<state_file::Msr> : state_file::Msr {
    static constexpr auto fields() {
        return std::tuple{required("index", &state_file::Msr::index, ""),
                          required("value", &state_file::Msr::value, "")};
    }
};
template <>
struct FileOf<state_file::CoreState> : state_file::CoreState {
    static constexpr auto fields() {
        return std::tuple{required("general", &state_file::CoreState::general, ""),
                          required("segments", &state_file::CoreState::segments, ""),
                          required("gdt", &state_file::CoreState::gdt, ""),
                          required("idt", &state_file::CoreState::idt, ""),
                          optional("cr0", &state_file::CoreState::cr0, ""),
                          optional("cr2", &state_file::CoreState::cr2, ""),
                          optional("cr3", &state_file::CoreState::cr3, ""),
                          optional("cr4", &state_file::CoreState::cr4, ""),
                          optional("efer", &state_file::CoreState::efer, ""),
                          optional("msrs", &state_file::CoreState::msrs, "")};
    }
};
template <>
struct FileOf<state_file::CpuState> : state_file::CpuState {
    static constexpr auto fields() {
        return std::tuple{optional("core", &state_file::CpuState::core, ""),
                          required("activity", &state_file::CpuState::activity, ""),
                          required("interrupts_enabled", &state_file::CpuState::interrupts_enabled, ""),
                          optional("injected", &state_file::CpuState::injected, "", state_file::byte),
                          optional("shadow", &state_file::CpuState::shadow, "", up_to(3)),
                          optional("nmis", &state_file::CpuState::nmis, "", up_to(2)),
                          optional("nmi_injected", &state_file::CpuState::nmi_injected, ""),
                          optional("nmi_blocked", &state_file::CpuState::nmi_blocked, ""),
                          optional("smi", &state_file::CpuState::smi, ""),
                          required("tsc", &state_file::CpuState::tsc, ""),
                          optional("tsc_adjust", &state_file::CpuState::tsc_adjust, ""),
                          optional("agent_x2apic", &state_file::CpuState::agent_x2apic, ""),
                          required("agent_lapic", &state_file::CpuState::agent_lapic, "")};
    }
};
template <>
struct FileOf<state_file::LapicState> : state_file::LapicState {
    static constexpr auto fields() {
        return std::tuple{required("apic_base", &state_file::LapicState::apic_base, ""),
                          required("registers", &state_file::LapicState::registers, ""),
                          optional("tsc_deadline", &state_file::LapicState::tsc_deadline, ""),
                          optional("errors", &state_file::LapicState::errors, ""),
                          optional("ext_int", &state_file::LapicState::ext_int, "")};
    }
};
template <>
struct FileOf<state_file::I8259AState> : state_file::I8259AState {
    static constexpr auto fields() {
        return std::tuple{
            optional("drivers", &state_file::I8259AState::drivers, ""),
            optional("latched", &state_file::I8259AState::latched, ""),
            optional("isr", &state_file::I8259AState::isr, ""),
            optional("imr", &state_file::I8259AState::imr, ""),
            optional("elcr", &state_file::I8259AState::elcr, ""),
            optional("base", &state_file::I8259AState::base, ""),
            required("lowest_priority", &state_file::I8259AState::lowest_priority, "", up_to(7)),
            optional("init_step", &state_file::I8259AState::init_step, "", up_to(3)),
            optional("needs_icw4", &state_file::I8259AState::needs_icw4, ""),
            optional("single", &state_file::I8259AState::single, ""),
            optional("auto_eoi", &state_file::I8259AState::auto_eoi, ""),
            optional("rotate_on_auto_eoi", &state_file::I8259AState::rotate_on_auto_eoi, ""),
            optional("special_mask", &state_file::I8259AState::special_mask, ""),
            optional("special_fully_nested", &state_file::I8259AState::special_fully_nested, ""),
            optional("poll", &state_file::I8259AState::poll, ""),
            optional("reads_isr", &state_file::I8259AState::reads_isr, "")};
    }
};
template <>
struct FileOf<state_file::IoApicState> : state_file::IoApicState {
    static constexpr auto fields() {
        return std::tuple{optional("select", &state_file::IoApicState::select, ""),
                          optional("id", &state_file::IoApicState::id, ""),
                          optional("irr", &state_file::IoApicState::irr, ""),
                          required("entries", &state_file::IoApicState::entries, ""),
                          optional("drivers", &state_file::IoApicState::drivers, ""),
                          optional("storm_counts", &state_file::IoApicState::storm_counts, "")};
    }
};
template <>
struct FileOf<state_file::PitChannelState> : state_file::PitChannelState {
    static constexpr auto fields() {
        return std::tuple{
            required("mode", &state_file::PitChannelState::mode, "", up_to(5)),
            required("access", &state_file::PitChannelState::access, ""),
            optional("bcd", &state_file::PitChannelState::bcd, ""),
            optional("gate", &state_file::PitChannelState::gate, ""),
            optional("out", &state_file::PitChannelState::out, ""),
            optional("reload", &state_file::PitChannelState::reload, ""),
            optional("element", &state_file::PitChannelState::element, "", up_to(0x1'0000)),
            optional("low_byte", &state_file::PitChannelState::low_byte, ""),
            optional("low_was_read", &state_file::PitChannelState::low_was_read, ""),
            optional("latched_count", &state_file::PitChannelState::latched_count, ""),
            optional("latched_low_was_read", &state_file::PitChannelState::latched_low_was_read, ""),
            optional("latched_status", &state_file::PitChannelState::latched_status, ""),
            optional("has_count", &state_file::PitChannelState::has_count, ""),
            required("null_count", &state_file::PitChannelState::null_count, ""),
            optional("load_next", &state_file::PitChannelState::load_next, ""),
            optional("counting", &state_file::PitChannelState::counting, ""),
            optional("armed", &state_file::PitChannelState::armed, ""),
            optional("odd", &state_file::PitChannelState::odd, "")};
    }
};
template <>
struct FileOf<state_file::PitState> : state_file::PitState {
    static constexpr auto fields() {
        return std::tuple{required("channels", &state_file::PitState::channels, ""),
                          optional("port_b", &state_file::PitState::port_b, "")};
    }
};
template <>
struct FileOf<vmm::event::Rest> : vmm::event::Rest {
    using Rest = vmm::event::Rest;
    static constexpr auto fields() {
        return std::tuple{required("state", &Rest::state, ""),
                          required("interrupts_enabled", &Rest::interrupts_enabled, ""),
                          required("depth", &Rest::depth, ""),
                          required("in_service", &Rest::in_service, "", state_file::byte)};
    }
};
template <>
struct FileOf<state_file::PortableState::Handler> : state_file::PortableState::Handler {
    using Handler = state_file::PortableState::Handler;
    static constexpr auto fields() {
        return std::tuple{required("vector", &Handler::vector, "", state_file::byte),
                          required("policy", &Handler::policy, "POLICY_* of vmm/guest/agent_abi.h"),
                          optional("lowers", &Handler::lowers, "", state_file::gsis)};
    }
};
template <>
struct FileOf<vmm::GuestOp> : vmm::GuestOp {
    using Op = vmm::GuestOp;
    static constexpr auto fields() {
        return std::tuple{required("code", &Op::code, "OP_*", up_to(OP_COUNT - 1)),
                          optional("size", &Op::size, "", up_to(8)),
                          optional("address", &Op::address, ""),
                          optional("value", &Op::value, ""),
                          optional("observed", &Op::observed, ""),
                          optional("text", &Op::text, "", state_file::name_length)};
    }
};
template <>
struct FileOf<vmm::guest::Agent::Posted> : vmm::guest::Agent::Posted {
    using Posted = vmm::guest::Agent::Posted;
    static constexpr auto fields() {
        return std::tuple{required("number", &Posted::number, ""), required("op", &Posted::op, "")};
    }
};
template <>
struct FileOf<vmm::guest::Agent::Ends> : vmm::guest::Agent::Ends {
    using Ends = vmm::guest::Agent::Ends;
    static constexpr auto fields() {
        return std::tuple{optional("mail_head", &Ends::mail_head, ""),
                          optional("log_tail", &Ends::log_tail, ""), optional("posted", &Ends::posted, "")};
    }
    static void check(const FileOf& ends, const Cursor& at) {
        if (ends.posted.size() > state_file::most_posted)
            at.fail(fmt::format("has {} operations: {} are the most", ends.posted.size(),
                                state_file::most_posted));
    }
};
template <>
struct FileOf<state_file::PortableState::Vcpu> : state_file::PortableState::Vcpu {
    using Vcpu = state_file::PortableState::Vcpu;
    static constexpr auto fields() {
        return std::tuple{required("id", &Vcpu::id, "the APIC id"), required("rest", &Vcpu::rest, ""),
                          optional("handlers", &Vcpu::handlers, ""), required("mailbox", &Vcpu::mailbox, "")};
    }
};
template <>
struct FileOf<vmm::IrqfdSpec> : vmm::IrqfdSpec {
    using Spec = vmm::IrqfdSpec;
    static constexpr auto fields() {
        return std::tuple{required("name", &Spec::name, "", state_file::name_length),
                          required("gsi", &Spec::gsi, ""),
                          optional("resample", &Spec::resample, ""),
                          optional("shares", &Spec::shares, "", state_file::name_length),
                          optional("via_kernel", &Spec::via_kernel, ""),
                          optional("other_vm", &Spec::other_vm, "")};
    }
};
template <>
struct FileOf<vmm::SavedIrqfd> : vmm::SavedIrqfd {
    using Irqfd = vmm::SavedIrqfd;
    static constexpr auto fields() {
        return std::tuple{required("spec", &Irqfd::spec, ""), optional("assigned", &Irqfd::assigned, ""),
                          optional("waiting", &Irqfd::waiting, "")};
    }
};
template <>
struct FileOf<vmm::IoeventfdSpec> : vmm::IoeventfdSpec {
    using Spec = vmm::IoeventfdSpec;
    static constexpr auto fields() {
        return std::tuple{required("name", &Spec::name, "", state_file::name_length),
                          required("address", &Spec::address, ""), optional("port", &Spec::port, ""),
                          required("length", &Spec::length, "", up_to(8)),
                          optional("datamatch", &Spec::datamatch, "")};
    }
};
template <>
struct FileOf<vmm::SavedIoeventfd> : vmm::SavedIoeventfd {
    using Ioeventfd = vmm::SavedIoeventfd;
    static constexpr auto fields() {
        return std::tuple{required("spec", &Ioeventfd::spec, ""),
                          optional("assigned", &Ioeventfd::assigned, "")};
    }
};

}  // namespace irqbench::scenarios
