#include "vmm/kvm/exits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <stdexcept>

namespace irqbench::vmm::kvm {
namespace {

/// By number.
constexpr std::array<std::string_view, 42> names{
    "KVM_EXIT_UNKNOWN",
    "KVM_EXIT_EXCEPTION",
    "KVM_EXIT_IO",
    "KVM_EXIT_HYPERCALL",
    "KVM_EXIT_DEBUG",
    "KVM_EXIT_HLT",
    "KVM_EXIT_MMIO",
    "KVM_EXIT_IRQ_WINDOW_OPEN",
    "KVM_EXIT_SHUTDOWN",
    "KVM_EXIT_FAIL_ENTRY",
    "KVM_EXIT_INTR",
    "KVM_EXIT_SET_TPR",
    "KVM_EXIT_TPR_ACCESS",
    "KVM_EXIT_S390_SIEIC",
    "KVM_EXIT_S390_RESET",
    "KVM_EXIT_DCR",
    "KVM_EXIT_NMI",
    "KVM_EXIT_INTERNAL_ERROR",
    "KVM_EXIT_OSI",
    "KVM_EXIT_PAPR_HCALL",
    "KVM_EXIT_S390_UCONTROL",
    "KVM_EXIT_WATCHDOG",
    "KVM_EXIT_S390_TSCH",
    "KVM_EXIT_EPR",
    "KVM_EXIT_SYSTEM_EVENT",
    "KVM_EXIT_S390_STSI",
    "KVM_EXIT_IOAPIC_EOI",
    "KVM_EXIT_HYPERV",
    "KVM_EXIT_ARM_NISV",
    "KVM_EXIT_X86_RDMSR",
    "KVM_EXIT_X86_WRMSR",
    "KVM_EXIT_DIRTY_RING_FULL",
    "KVM_EXIT_AP_RESET_HOLD",
    "KVM_EXIT_X86_BUS_LOCK",
    "KVM_EXIT_XEN",
    "KVM_EXIT_RISCV_SBI",
    "KVM_EXIT_RISCV_CSR",
    "KVM_EXIT_NOTIFY",
    "KVM_EXIT_LOONGARCH_IOCSR",
    "KVM_EXIT_MEMORY_FAULT",
    "KVM_EXIT_TDX",
    "KVM_EXIT_ARM_SEA",
};
static_assert(names[KVM_EXIT_S390_SIEIC] == "KVM_EXIT_S390_SIEIC");
static_assert(names[KVM_EXIT_NOTIFY] == "KVM_EXIT_NOTIFY");
static_assert(names[exit_reason::arm_sea] == "KVM_EXIT_ARM_SEA");

Exit decode_io(kvm_run& run, std::size_t mapped_bytes) {
    const auto& io = run.io;
    const std::uint64_t bytes = std::uint64_t{io.size} * io.count;
    if (io.data_offset > mapped_bytes || bytes > mapped_bytes - io.data_offset) {
        throw std::out_of_range(
            fmt::format("KVM_EXIT_IO: {} bytes at offset {:#x} are not in the {} bytes mapped", bytes,
                        io.data_offset, mapped_bytes));
    }
    auto* data = reinterpret_cast<std::byte*>(&run) + io.data_offset;
    const auto direction = io.direction == KVM_EXIT_IO_OUT ? IoExit::Direction::out : IoExit::Direction::in;
    return IoExit{direction, io.port, io.size, io.count, {data, bytes}};
}

Exit decode_mmio(kvm_run& run) {
    auto& mmio = run.mmio;
    const std::size_t bytes = std::min<std::size_t>(mmio.len, sizeof mmio.data);
    return MmioExit{mmio.phys_addr, mmio.is_write != 0, std::as_writable_bytes(std::span(mmio.data, bytes))};
}

Exit decode_internal_error(const kvm_run& run) {
    const auto& internal = run.internal;
    const auto words = std::min<std::size_t>(internal.ndata, std::size(internal.data));
    InternalErrorExit exit{internal.suberror, {internal.data, internal.data + words}, {}};
    // The overlay emulation_failure: flags, then the size and 15 bytes of instruction. ndata says how much of
    // it is there.
    const auto& failure = run.emulation_failure;
    if (exit.suberror == KVM_INTERNAL_ERROR_EMULATION && words >= 3 &&
        (failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0) {
        const auto size = std::min<std::size_t>(failure.insn_size, std::size(failure.insn_bytes));
        exit.instruction.assign(failure.insn_bytes, failure.insn_bytes + size);
    }
    return exit;
}

Exit decode_hypercall(const kvm_run& run) {
    HypercallExit exit{run.hypercall.nr, {}};
    std::copy(std::begin(run.hypercall.args), std::end(run.hypercall.args), exit.arguments.begin());
    return exit;
}

Exit decode_system_event(const kvm_run& run) {
    const auto& event = run.system_event;
    const auto words = std::min<std::size_t>(event.ndata, std::size(event.data));
    return SystemEventExit{event.type, {event.data, event.data + words}};
}

/// The union of kvm_run as words, for reasons whose structure the headers may lack.
template <std::size_t count>
std::array<std::uint64_t, count> payload(const kvm_run& run) {
    std::array<std::uint64_t, count> words;
    std::memcpy(words.data(), run.padding, sizeof words);
    return words;
}

Exit decode_memory_fault(const kvm_run& run) {
    const auto [flags, address, bytes] = payload<3>(run);
    return MemoryFaultExit{flags, address, bytes};
}

MsrExit decode_msr(const kvm_run& run, bool write) {
    return {write, run.msr.index, run.msr.data, run.msr.reason};
}

}  // namespace

Exit decode(kvm_run& run, std::size_t mapped_bytes) {
    switch (run.exit_reason) {
        case KVM_EXIT_UNKNOWN: return UnknownExit{run.hw.hardware_exit_reason};
        case KVM_EXIT_EXCEPTION: return ExceptionExit{run.ex.exception, run.ex.error_code};
        case KVM_EXIT_IO: return decode_io(run, mapped_bytes);
        case KVM_EXIT_HYPERCALL: return decode_hypercall(run);
        case KVM_EXIT_DEBUG: return DebugExit{run.debug.arch};
        case KVM_EXIT_HLT: return HltExit{};
        case KVM_EXIT_MMIO: return decode_mmio(run);
        case KVM_EXIT_IRQ_WINDOW_OPEN: return IrqWindowOpenExit{};
        case KVM_EXIT_SHUTDOWN: return ShutdownExit{};
        case KVM_EXIT_FAIL_ENTRY:
            return FailEntryExit{run.fail_entry.hardware_entry_failure_reason, run.fail_entry.cpu};
        case KVM_EXIT_INTR: return IntrExit{};
        case KVM_EXIT_SET_TPR: return SetTprExit{};
        case KVM_EXIT_TPR_ACCESS: return TprAccessExit{run.tpr_access.rip, run.tpr_access.is_write != 0};
        case KVM_EXIT_NMI: return NmiExit{};
        case KVM_EXIT_INTERNAL_ERROR: return decode_internal_error(run);
        case KVM_EXIT_WATCHDOG: return WatchdogExit{};
        case KVM_EXIT_SYSTEM_EVENT: return decode_system_event(run);
        case KVM_EXIT_IOAPIC_EOI: return IoapicEoiExit{run.eoi.vector};
        case KVM_EXIT_HYPERV: return HypervExit{run.hyperv.type};
        case KVM_EXIT_ARM_NISV: return ArmNisvExit{run.arm_nisv.esr_iss, run.arm_nisv.fault_ipa};
        case KVM_EXIT_X86_RDMSR: return decode_msr(run, false);
        case KVM_EXIT_X86_WRMSR: return decode_msr(run, true);
        case KVM_EXIT_DIRTY_RING_FULL: return DirtyRingFullExit{};
        case KVM_EXIT_AP_RESET_HOLD: return ApResetHoldExit{};
        case KVM_EXIT_X86_BUS_LOCK: return BusLockExit{};
        case KVM_EXIT_XEN: return XenExit{run.xen.type, run.xen.u.hcall.input};
        case KVM_EXIT_NOTIFY: return NotifyExit{run.notify.flags};
        case exit_reason::memory_fault: return decode_memory_fault(run);
        default: return OtherExit{run.exit_reason, payload<4>(run)};
    }
}

// KVM hosts and guests are little-endian here.
std::uint64_t value_of(std::span<const std::byte> data) {
    std::uint64_t value = 0;
    std::memcpy(&value, data.data(), std::min(data.size(), sizeof value));
    return value;
}

void answer(std::span<std::byte> data, std::uint64_t value) {
    std::memcpy(data.data(), &value, std::min(data.size(), sizeof value));
}

std::string_view exit_name(std::uint32_t reason) { return reason < names.size() ? names[reason] : ""; }

namespace {

std::string hex(std::span<const std::byte> bytes) {
    std::string text;
    for (const std::byte byte : bytes) {
        if (!text.empty()) text += ' ';
        fmt::format_to(std::back_inserter(text), "{:02x}", std::to_integer<unsigned>(byte));
    }
    return text;
}

std::string hex(std::span<const std::uint64_t> words) {
    std::string text;
    for (const std::uint64_t word : words) {
        if (!text.empty()) text += ' ';
        fmt::format_to(std::back_inserter(text), "{:#x}", word);
    }
    return text;
}

std::string_view bytes_word(std::size_t count) { return count == 1 ? "byte" : "bytes"; }

std::string_view suberror_name(std::uint32_t suberror) {
    switch (suberror) {
        case KVM_INTERNAL_ERROR_EMULATION: return "emulation failed";
        case KVM_INTERNAL_ERROR_SIMUL_EX: return "simultaneous exceptions";
        case KVM_INTERNAL_ERROR_DELIVERY_EV: return "exit during event delivery";
        case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON: return "unexpected exit reason";
        default: return "unknown suberror";
    }
}

std::string_view system_event_name(std::uint32_t type) {
    switch (type) {
        case KVM_SYSTEM_EVENT_SHUTDOWN: return "shutdown";
        case KVM_SYSTEM_EVENT_RESET: return "reset";
        case KVM_SYSTEM_EVENT_CRASH: return "crash";
        case KVM_SYSTEM_EVENT_WAKEUP: return "wakeup";
        case KVM_SYSTEM_EVENT_SUSPEND: return "suspend";
        case KVM_SYSTEM_EVENT_SEV_TERM: return "SEV termination";
        default: return "unknown type";
    }
}

/// Why an MSR access came out of the kernel.
std::string_view msr_reason_name(std::uint32_t reason) {
    switch (reason) {
        case KVM_MSR_EXIT_REASON_INVAL: return "invalid";
        case KVM_MSR_EXIT_REASON_UNKNOWN: return "unknown MSR";
        case KVM_MSR_EXIT_REASON_FILTER: return "filtered";
        default: return "unknown reason";
    }
}

struct Describe {
    std::string operator()(const IoExit& exit) const {
        const bool out = exit.direction == IoExit::Direction::out;
        std::string text = fmt::format("KVM_EXIT_IO: {}, port {:#x}, {} {}", out ? "out" : "in", exit.port,
                                       exit.size, bytes_word(exit.size));
        if (exit.count != 1) text += fmt::format(" x {}", exit.count);
        if (out) text += ": " + hex(exit.data);
        return text;
    }
    std::string operator()(const MmioExit& exit) const {
        return fmt::format("KVM_EXIT_MMIO: {}, address {:#x}, {} {}{}", exit.write ? "write" : "read",
                           exit.address, exit.data.size(), bytes_word(exit.data.size()),
                           exit.write ? ": " + hex(exit.data) : std::string());
    }
    std::string operator()(const MsrExit& exit) const {
        const auto reason = msr_reason_name(exit.reason);
        if (!exit.write) return fmt::format("KVM_EXIT_X86_RDMSR: {:#x} ({})", exit.index, reason);
        return fmt::format("KVM_EXIT_X86_WRMSR: {:#x} = {:#x} ({})", exit.index, exit.data, reason);
    }
    std::string operator()(const IoapicEoiExit& exit) const {
        return fmt::format("KVM_EXIT_IOAPIC_EOI: vector {:#x}", exit.vector);
    }
    std::string operator()(const InternalErrorExit& exit) const {
        std::string text = fmt::format("KVM_EXIT_INTERNAL_ERROR: suberror {} ({})", exit.suberror,
                                       suberror_name(exit.suberror));
        if (!exit.instruction.empty())
            text += ", instruction " + hex(std::as_bytes(std::span(exit.instruction)));
        if (!exit.data.empty()) text += ", data " + hex(exit.data);
        return text;
    }
    std::string operator()(const FailEntryExit& exit) const {
        return fmt::format("KVM_EXIT_FAIL_ENTRY: hardware reason {:#x} on host CPU {}", exit.hardware_reason,
                           exit.cpu);
    }
    std::string operator()(const ExceptionExit& exit) const {
        return fmt::format("KVM_EXIT_EXCEPTION: vector {}, error code {:#x}", exit.vector, exit.error_code);
    }
    std::string operator()(const HypercallExit& exit) const {
        return fmt::format("KVM_EXIT_HYPERCALL: number {:#x}, arguments {}", exit.number,
                           hex(exit.arguments));
    }
    std::string operator()(const TprAccessExit& exit) const {
        return fmt::format("KVM_EXIT_TPR_ACCESS: {} at {:#x}", exit.write ? "write" : "read", exit.rip);
    }
    std::string operator()(const SystemEventExit& exit) const {
        std::string text =
            fmt::format("KVM_EXIT_SYSTEM_EVENT: type {} ({})", exit.type, system_event_name(exit.type));
        if (!exit.data.empty()) text += ", data " + hex(exit.data);
        return text;
    }
    std::string operator()(const MemoryFaultExit& exit) const {
        return fmt::format("KVM_EXIT_MEMORY_FAULT: address {:#x}, {} bytes, flags {:#x}", exit.address,
                           exit.bytes, exit.flags);
    }
    std::string operator()(const ArmNisvExit& exit) const {
        return fmt::format("KVM_EXIT_ARM_NISV: ESR ISS {:#x}, IPA {:#x}", exit.esr_iss, exit.fault_ipa);
    }
    std::string operator()(const DebugExit& exit) const {
#if defined(__x86_64__)
        return fmt::format("KVM_EXIT_DEBUG: exception {}, pc {:#x}, dr6 {:#x}, dr7 {:#x}",
                           exit.arch.exception, exit.arch.pc, exit.arch.dr6, exit.arch.dr7);
#else
        return fmt::format("KVM_EXIT_DEBUG: HSR {:#x}, FAR {:#x}", exit.arch.hsr, exit.arch.far);
#endif
    }
    std::string operator()(const HypervExit& exit) const {
        return fmt::format("KVM_EXIT_HYPERV: type {}", exit.type);
    }
    std::string operator()(const XenExit& exit) const {
        return fmt::format("KVM_EXIT_XEN: type {}, hypercall {:#x}", exit.type, exit.input);
    }
    std::string operator()(const NotifyExit& exit) const {
        const bool invalid = (exit.flags & KVM_NOTIFY_CONTEXT_INVALID) != 0;
        return fmt::format("KVM_EXIT_NOTIFY: flags {:#x}{}", exit.flags, invalid ? " (context invalid)" : "");
    }
    std::string operator()(const UnknownExit& exit) const {
        return fmt::format("KVM_EXIT_UNKNOWN: hardware reason {:#x}", exit.hardware_reason);
    }
    std::string operator()(HltExit) const { return bare(KVM_EXIT_HLT); }
    std::string operator()(IrqWindowOpenExit) const { return bare(KVM_EXIT_IRQ_WINDOW_OPEN); }
    std::string operator()(ShutdownExit) const { return bare(KVM_EXIT_SHUTDOWN); }
    std::string operator()(IntrExit) const { return bare(KVM_EXIT_INTR); }
    std::string operator()(SetTprExit) const { return bare(KVM_EXIT_SET_TPR); }
    std::string operator()(NmiExit) const { return bare(KVM_EXIT_NMI); }
    std::string operator()(WatchdogExit) const { return bare(KVM_EXIT_WATCHDOG); }
    std::string operator()(DirtyRingFullExit) const { return bare(KVM_EXIT_DIRTY_RING_FULL); }
    std::string operator()(ApResetHoldExit) const { return bare(KVM_EXIT_AP_RESET_HOLD); }
    std::string operator()(BusLockExit) const { return bare(KVM_EXIT_X86_BUS_LOCK); }
    std::string operator()(const OtherExit& exit) const {
        const auto name = exit_name(exit.reason);
        return fmt::format("{}: reason {}, data {}", name.empty() ? "unknown exit" : name, exit.reason,
                           hex(exit.payload));
    }

    static std::string bare(std::uint32_t reason) { return std::string(exit_name(reason)); }
};

}  // namespace

std::string describe(const Exit& exit) { return std::visit(Describe{}, exit); }

}  // namespace irqbench::vmm::kvm
