#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace irqbench::vmm::kvm {

/// Exit reasons that are younger than the oldest <linux/kvm.h> this builds with.
namespace exit_reason {
inline constexpr std::uint32_t loongarch_iocsr = 38;
inline constexpr std::uint32_t memory_fault = 39;
inline constexpr std::uint32_t tdx = 40;
inline constexpr std::uint32_t arm_sea = 41;
}  // namespace exit_reason

// One type per KVM_EXIT_*. Source: api.rst, section 5, the kvm_run structure.

/// KVM_EXIT_IO: `count` accesses of `size` bytes to one port. For `in` the host writes the answer to `data`.
struct IoExit {
    enum class Direction { in, out };
    Direction direction;
    std::uint16_t port;
    std::uint8_t size;
    std::uint32_t count;
    std::span<std::byte> data;  ///< size * count bytes of the PIO page
};

/// KVM_EXIT_MMIO. For a read the host writes the answer to `data`.
struct MmioExit {
    std::uint64_t address;
    bool write;
    std::span<std::byte> data;  ///< 1 to 8 bytes
};

/// KVM_EXIT_X86_RDMSR and KVM_EXIT_X86_WRMSR; answer with Vcpu::complete_msr().
struct MsrExit {
    bool write;
    std::uint32_t index;
    std::uint64_t data;    ///< for a write
    std::uint32_t reason;  ///< KVM_MSR_EXIT_REASON_*
};

/// KVM_EXIT_IOAPIC_EOI: the guest ended a level interrupt that a userspace IOAPIC must hear of.
struct IoapicEoiExit {
    std::uint8_t vector;
};

/// KVM_EXIT_INTERNAL_ERROR.
struct InternalErrorExit {
    std::uint32_t suberror;           ///< KVM_INTERNAL_ERROR_*
    std::vector<std::uint64_t> data;  ///< at most 16
    /// The instruction that KVM cannot emulate, where it says so.
    std::vector<std::uint8_t> instruction;
};

struct FailEntryExit {
    std::uint64_t hardware_reason;
    std::uint32_t cpu;  ///< of the host
};

struct ExceptionExit {
    std::uint32_t vector;
    std::uint32_t error_code;
};

struct HypercallExit {
    std::uint64_t number;
    std::array<std::uint64_t, 6> arguments;
};

struct TprAccessExit {
    std::uint64_t rip;
    bool write;
};

struct SystemEventExit {
    std::uint32_t type;               ///< KVM_SYSTEM_EVENT_*
    std::vector<std::uint64_t> data;  ///< at most 16
};

struct MemoryFaultExit {
    std::uint64_t flags;
    std::uint64_t address;
    std::uint64_t bytes;
};

struct ArmNisvExit {
    std::uint64_t esr_iss;
    std::uint64_t fault_ipa;
};

struct DebugExit {
    kvm_debug_exit_arch arch;
};

struct HypervExit {
    std::uint32_t type;  ///< KVM_EXIT_HYPERV_*
};

struct XenExit {
    std::uint32_t type;  ///< KVM_EXIT_XEN_*
    std::uint64_t input;
};

struct NotifyExit {
    std::uint32_t flags;  ///< KVM_NOTIFY_*
};

/// KVM_EXIT_UNKNOWN: KVM itself does not know why the hardware exited.
struct UnknownExit {
    std::uint64_t hardware_reason;
};

struct HltExit {};
struct IrqWindowOpenExit {};
/// KVM_EXIT_SHUTDOWN: on x86 a triple fault.
struct ShutdownExit {};
/// KVM_EXIT_INTR: a signal; run() reports it as RunResult::interrupted.
struct IntrExit {};
/// KVM_EXIT_SET_TPR: the guest lowered CR8 and the LAPIC is in userspace; see Vcpu::cr8().
struct SetTprExit {};
struct NmiExit {};
struct WatchdogExit {};
struct DirtyRingFullExit {};
struct ApResetHoldExit {};
struct BusLockExit {};

/// A reason that belongs to another architecture, or that is younger than this program.
struct OtherExit {
    std::uint32_t reason;
    std::array<std::uint64_t, 4> payload;  ///< the first words of kvm_run's union
};

using Exit = std::variant<IoExit, MmioExit, MsrExit, IoapicEoiExit, InternalErrorExit, FailEntryExit,
                          ExceptionExit, HypercallExit, TprAccessExit, SystemEventExit, MemoryFaultExit,
                          ArmNisvExit, DebugExit, HypervExit, XenExit, NotifyExit, UnknownExit, HltExit,
                          IrqWindowOpenExit, ShutdownExit, IntrExit, SetTprExit, NmiExit, WatchdogExit,
                          DirtyRingFullExit, ApResetHoldExit, BusLockExit, OtherExit>;

/// The exit that `run`, the first of `mapped_bytes` bytes shared with the kernel, holds. The spans point into
/// it.
/// @throws std::out_of_range if the data of a port access is said to lie outside of them
[[nodiscard]] Exit decode(kvm_run& run, std::size_t mapped_bytes);

/// The number in the data of an access, of which the first 8 bytes count, and the other way round.
[[nodiscard]] std::uint64_t value_of(std::span<const std::byte> data);
void answer(std::span<std::byte> data, std::uint64_t value);

/// One line: the reason's name and what belongs to it. `KVM_EXIT_IO: out, port 0xe4, 1 byte: 01`
[[nodiscard]] std::string describe(const Exit& exit);

/// `KVM_EXIT_IO` for 2; empty for a reason that is younger than this program.
[[nodiscard]] std::string_view exit_name(std::uint32_t reason);

}  // namespace irqbench::vmm::kvm
