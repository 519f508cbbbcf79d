#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "vmm/kvm/fd.hpp"
#include "vmm/kvm/system.hpp"

namespace irqbench::vmm::kvm {

/// One virtual machine. Cannot be moved, because what belongs to it (irqfds, slots, zones) keeps its address;
/// declare it before them.
///
/// Calls that a scenario may expect to be refused come as a pair: try_x() returns the outcome, x() throws
/// std::system_error with the ioctl's name. All other calls throw.
class Vm {
  public:
    /// KVM_CREATE_VM.
    /// @param type machine type; on arm64 the number of physical address bits, 0 for the default
    explicit Vm(const System& system, unsigned long type = 0);
    Vm(const Vm&) = delete;
    Vm& operator=(const Vm&) = delete;

    /// As System::check_extension(), for this VM: some answers depend on what it was given.
    [[nodiscard]] int check_extension(unsigned long capability) const;
    /// KVM_ENABLE_CAP for the VM, for example (KVM_CAP_SPLIT_IRQCHIP, {24}).
    [[nodiscard]] Outcome try_enable_cap(std::uint32_t capability,
                                         std::array<std::uint64_t, 4> arguments = {});
    void enable_cap(std::uint32_t capability, std::array<std::uint64_t, 4> arguments = {});
    /// Bytes that every vCPU of this VM shares with the kernel.
    [[nodiscard]] std::size_t vcpu_mmap_size() const { return vcpu_mmap_size_; }
    /// KVM_CREATE_VCPU: the new vCPU's file descriptor, for Vcpu.
    [[nodiscard]] Attempt<Fd> try_create_vcpu(std::uint32_t id);

    // Memory.
    /// KVM_SET_USER_MEMORY_REGION. For MemorySlots, and for tests of what the kernel refuses.
    [[nodiscard]] Outcome try_set_user_memory_region(const kvm_userspace_memory_region& region);
    void set_user_memory_region(const kvm_userspace_memory_region& region);
    /// KVM_GET_DIRTY_LOG: one bit a page. `bitmap` must have a bit for every page of the slot, in whole
    /// words.
    [[nodiscard]] Outcome try_get_dirty_log(std::uint32_t slot, std::span<std::uint64_t> bitmap);
    /// KVM_CLEAR_DIRTY_LOG: clears the pages whose bits are set in `bitmap`; bit 0 is `first_page`, a
    /// multiple of 64.
    [[nodiscard]] Outcome try_clear_dirty_log(std::uint32_t slot, std::uint64_t first_page,
                                              std::uint32_t pages, std::span<std::uint64_t> bitmap);
    /// KVM_REGISTER_COALESCED_MMIO; `zone.pio` selects ports.
    [[nodiscard]] Outcome try_register_coalesced(const kvm_coalesced_mmio_zone& zone);
    /// KVM_UNREGISTER_COALESCED_MMIO. Waits for every reader in the kernel: about 8 ms.
    [[nodiscard]] Outcome try_unregister_coalesced(const kvm_coalesced_mmio_zone& zone);

    // Interrupts.
    /// KVM_CREATE_IRQCHIP. EINVAL after a vCPU was created, EEXIST the second time.
    [[nodiscard]] Outcome try_create_irqchip();
    void create_irqchip();
    /// KVM_IRQ_LINE. `line` is a GSI, on arm64 the packed number that api.rst describes. ENXIO without
    /// irqchip.
    [[nodiscard]] Outcome try_irq_line(std::uint32_t line, bool level);
    void irq_line(std::uint32_t line, bool level);
    /// KVM_IRQ_LINE_STATUS: as irq_line(); the value is negative for ignored, 0 for coalesced, or the number
    /// of vCPUs it was delivered to.
    [[nodiscard]] Outcome try_irq_line_status(std::uint32_t line, bool level);
    int irq_line_status(std::uint32_t line, bool level);
    /// KVM_SET_GSI_ROUTING: replaces the whole table. EINVAL without irqchip or for an entry the kernel
    /// rejects.
    [[nodiscard]] Outcome try_set_gsi_routing(std::span<const kvm_irq_routing_entry> entries);
    void set_gsi_routing(std::span<const kvm_irq_routing_entry> entries);
    /// KVM_SIGNAL_MSI: the value is above 0 if it was delivered, 0 if the guest blocked it.
    [[nodiscard]] Outcome try_signal_msi(const kvm_msi& message);
    int signal_msi(const kvm_msi& message);
    /// KVM_IRQFD; see Irqfd.
    [[nodiscard]] Outcome try_irqfd(const kvm_irqfd& request);
    /// KVM_IOEVENTFD; see Ioeventfd.
    [[nodiscard]] Outcome try_ioeventfd(const kvm_ioeventfd& request);
    /// KVM_CREATE_DEVICE: the new device's file descriptor, for Device. ENODEV for an unknown type.
    [[nodiscard]] Attempt<Fd> try_create_device(std::uint32_t type);
    /// KVM_CREATE_DEVICE with KVM_CREATE_DEVICE_TEST: whether the type is supported; creates nothing.
    [[nodiscard]] bool supports_device(std::uint32_t type) const;

#if defined(__aarch64__)
    /// KVM_ARM_PREFERRED_TARGET: what vCPUs are to be, to be completed with features.
    [[nodiscard]] kvm_vcpu_init preferred_target() const;
#endif

#if defined(__x86_64__)
    /// KVM_SET_TSS_ADDR: three pages below 4 GiB that Intel hosts without unrestricted guest need.
    void set_tss_addr(std::uint32_t guest_address);
    /// KVM_SET_IDENTITY_MAP_ADDR: one such page. EINVAL after a vCPU was created.
    void set_identity_map_addr(std::uint64_t guest_address);
    /// KVM_SET_BOOT_CPU_ID: the vCPU that starts running, by default 0. EBUSY after a vCPU was created.
    [[nodiscard]] Outcome try_set_boot_cpu_id(std::uint32_t id);

    /// KVM_GET_IRQCHIP: `chip` is KVM_IRQCHIP_PIC_MASTER, _PIC_SLAVE or _IOAPIC. ENXIO without full irqchip.
    [[nodiscard]] Outcome try_get_irqchip(std::uint32_t chip, kvm_irqchip& state) const;
    [[nodiscard]] kvm_irqchip get_irqchip(std::uint32_t chip) const;
    /// KVM_SET_IRQCHIP; the chip is `state.chip_id`.
    [[nodiscard]] Outcome try_set_irqchip(const kvm_irqchip& state);
    void set_irqchip(const kvm_irqchip& state);

    /// KVM_CREATE_PIT2. ENOENT without full irqchip, EEXIST the second time.
    [[nodiscard]] Outcome try_create_pit2(std::uint32_t flags = 0);
    void create_pit2(std::uint32_t flags = 0);
    /// KVM_GET_PIT2.
    [[nodiscard]] kvm_pit_state2 pit2() const;
    /// KVM_SET_PIT2.
    void set_pit2(const kvm_pit_state2& state);
    /// KVM_REINJECT_CONTROL: whether ticks the guest missed are injected later.
    [[nodiscard]] Outcome try_reinject_control(bool reinject);
    void reinject_control(bool reinject);

    /// KVM_X86_SET_MSR_FILTER.
    void set_msr_filter(const kvm_msr_filter& filter);
    /// Makes guest reads and writes of `count` MSRs from `first` exit as KVM_EXIT_X86_RDMSR and _WRMSR with
    /// reason FILTER, and every access to an MSR that KVM does not know with reason UNKNOWN or INVAL.
    /// Replaces an earlier filter. x2APIC registers (0x800 to 0x8ff) are never filtered, says api.rst.
    /// @throws std::length_error above 8 ranges
    struct MsrRange {
        std::uint32_t first;
        std::uint32_t count;
    };
    void exit_on_msrs(std::span<const MsrRange> ranges);
#endif

    [[nodiscard]] int fd() const { return fd_.get(); }
    /// Closes the descriptor while others may still use it; every call after it fails with ENOTTY.
    void close_file() { fd_.close_file(); }

  private:
    std::size_t vcpu_mmap_size_;
    Fd fd_;
};

}  // namespace irqbench::vmm::kvm
