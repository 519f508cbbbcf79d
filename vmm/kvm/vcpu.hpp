#pragma once

#include <linux/kvm.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vmm/kvm/exits.hpp"
#include "vmm/kvm/fd.hpp"
#include "vmm/kvm/mapping.hpp"
#include "vmm/kvm/vm.hpp"

namespace irqbench::vmm::kvm {

/// How KVM_RUN came back.
enum class RunResult {
    exited,       ///< look at Vcpu::exit()
    interrupted,  ///< EINTR: a signal, or immediate_exit
    again,        ///< EAGAIN: a vCPU that waited for INIT or SIPI was woken; run it again
};

/// A write that KVM stored in the coalesced ring instead of exiting.
struct CoalescedWrite {
    std::uint64_t address;  ///< guest physical address or port
    bool port;
    std::uint32_t bytes;  ///< at most 8
    std::uint64_t value;  ///< little endian, zero extended
};

/// One virtual CPU and the pages it shares with the kernel: kvm_run, the PIO data page and the coalesced
/// ring. Calls that are ioctls block while another thread is inside run(). Getters and setters of state carry
/// the name of their ioctl; where a scenario may expect a refusal there is a try_ form, see Vm.
class Vcpu {
  public:
    /// KVM_CREATE_VCPU.
    /// @param id APIC id on x86; on arm64 KVM makes the MPIDR of it. EEXIST if it is taken, EINVAL if it is
    /// too large
    Vcpu(Vm& vm, std::uint32_t id);
    [[nodiscard]] static Attempt<Vcpu> try_create(Vm& vm, std::uint32_t id);

    [[nodiscard]] std::uint32_t id() const { return id_; }

    /// KVM_RUN. Also completes the access of the last exit (port or MMIO reads and writes, MSRs).
    /// @throws std::system_error "KVM_RUN" for any other error
    RunResult run();
    /// The exit of the last run() that returned RunResult::exited. Its spans point into the shared pages:
    /// they hold until the next run(), and data written to a read's span is what the guest gets.
    [[nodiscard]] Exit exit() { return decode(run_page(), pages_.bytes().size()); }
    /// Answers an MsrExit: the value read, or, with nullopt, #GP for the guest. For a write the value does
    /// not matter.
    void complete_msr(std::optional<std::uint64_t> value);

    /// While set, run() completes the last exit's access and returns `interrupted` without entering the
    /// guest. May be called from any thread.
    void set_immediate_exit(bool on);
    /// Whether run() shall exit as soon as the guest can take an interrupt (IrqWindowOpenExit).
    void set_request_interrupt_window(bool on) { run_page().request_interrupt_window = on; }

    /// Completes the access of the last exit without entering the guest, so that registers that are set now
    /// are not overwritten by it. Leaves immediate_exit as it was not set.
    void complete_access();

    // What kvm_run said after the last exit, and what became of that by the calls made since.
    [[nodiscard]] bool ready_for_interrupt_injection() const {
        return run_page().ready_for_interrupt_injection != 0;
    }
    [[nodiscard]] bool if_flag() const { return run_page().if_flag != 0; }
    [[nodiscard]] std::uint16_t run_flags() const { return run_page().flags; }
    [[nodiscard]] std::uint64_t cr8() const { return run_page().cr8; }
    /// Without an in-kernel LAPIC the next run() loads CR8 from here.
    void set_cr8(std::uint64_t value) { run_page().cr8 = value; }
    [[nodiscard]] std::uint64_t apic_base() const { return run_page().apic_base; }
    /// Without an in-kernel LAPIC the next run() loads IA32_APIC_BASE from here.
    void set_apic_base(std::uint64_t value) { run_page().apic_base = value; }

    /// Takes the oldest write out of the coalesced ring, which all vCPUs of a VM share.
    [[nodiscard]] std::optional<CoalescedWrite> next_coalesced_write();

    /// KVM_SET_SIGNAL_MASK: the signals that are blocked while the vCPU runs.
    void set_signal_mask(const sigset_t& blocked);

    /// KVM_GET_MP_STATE: KVM_MP_STATE_*.
    [[nodiscard]] std::uint32_t mp_state() const;
    [[nodiscard]] Outcome try_set_mp_state(std::uint32_t state);
    void set_mp_state(std::uint32_t state);

    /// KVM_ENABLE_CAP for this vCPU.
    [[nodiscard]] Outcome try_enable_cap(std::uint32_t capability, std::uint64_t argument = 0);

    /// KVM_GET_ONE_REG: `id` is KVM_REG_*, of the size of T. ENOENT for a register that the vCPU does not
    /// have.
    template <class T>
    [[nodiscard]] Outcome try_get_reg(std::uint64_t id, T& value) const {
        return try_one_reg(false, id, &value);
    }
    [[nodiscard]] std::uint64_t reg(std::uint64_t id) const;
    /// KVM_SET_ONE_REG.
    [[nodiscard]] Outcome try_set_reg(std::uint64_t id, std::uint64_t value) {
        return try_one_reg(true, id, &value);
    }
    void set_reg(std::uint64_t id, std::uint64_t value);
    /// KVM_GET_REG_LIST: the registers that the vCPU has.
    [[nodiscard]] std::vector<std::uint64_t> reg_list() const;
    /// A register of any size, as KVM_GET_ONE_REG gives it.
    [[nodiscard]] std::vector<std::byte> reg_bytes(std::uint64_t id) const;
    void set_reg_bytes(std::uint64_t id, std::span<const std::byte> bytes);

    /// KVM_GET_VCPU_EVENTS. Not on arm64 where KVM_CAP_VCPU_EVENTS is missing.
    [[nodiscard]] kvm_vcpu_events vcpu_events() const;
    [[nodiscard]] Outcome try_set_vcpu_events(const kvm_vcpu_events& events);
    void set_vcpu_events(const kvm_vcpu_events& events);

    /// KVM_INTERRUPT: queues an external interrupt. ENXIO with a full irqchip, EEXIST while one is queued; on
    /// arm64 there is no such call.
    [[nodiscard]] Outcome try_interrupt(std::uint32_t vector);
    void interrupt(std::uint32_t vector);

#if defined(__aarch64__)
    /// KVM_ARM_DEV_*: outputs of KVM's own devices when run() last came back, of a VM without a GIC (api.rst,
    /// KVM_CAP_ARM_USER_IRQ).
    [[nodiscard]] std::uint64_t device_irq_level() const { return run_page().s.regs.device_irq_level; }
    /// What KVM compares the outputs with to find out whether run() has to come back for one.
    void set_device_irq_level(std::uint64_t level) { run_page().s.regs.device_irq_level = level; }

    /// KVM_ARM_VCPU_INIT: before anything else, and again to reset the vCPU.
    [[nodiscard]] Outcome try_init(const kvm_vcpu_init& init);
    void init(const kvm_vcpu_init& init);
#endif

#if defined(__x86_64__)
    [[nodiscard]] kvm_regs regs() const;
    void set_regs(const kvm_regs& regs);
    [[nodiscard]] kvm_sregs sregs() const;
    void set_sregs(const kvm_sregs& sregs);

    /// KVM_GET_MSRS. @throws std::out_of_range naming the first MSR that KVM does not know
    [[nodiscard]] std::vector<kvm_msr_entry> msrs(std::span<const std::uint32_t> indices) const;
    /// The same of those alone that this vCPU has.
    [[nodiscard]] std::vector<kvm_msr_entry> known_msrs(std::span<const std::uint32_t> indices) const;
    [[nodiscard]] std::uint64_t msr(std::uint32_t index) const;
    /// KVM_SET_MSRS. @throws std::out_of_range naming the first MSR whose value KVM refuses
    void set_msrs(std::span<const kvm_msr_entry> entries);
    void set_msr(std::uint32_t index, std::uint64_t value);

    /// KVM_GET_TSC_KHZ: the rate of the guest's time-stamp counter, 0 if KVM does not know it.
    [[nodiscard]] std::uint32_t tsc_khz() const;

    /// KVM_SET_CPUID2.
    void set_cpuid(std::span<const kvm_cpuid_entry2> entries);
    /// KVM_GET_CPUID2.
    [[nodiscard]] std::vector<kvm_cpuid_entry2> cpuid() const;

    /// KVM_GET_LAPIC. EINVAL without in-kernel LAPIC.
    [[nodiscard]] Outcome try_get_lapic(kvm_lapic_state& state) const;
    [[nodiscard]] kvm_lapic_state lapic() const;
    [[nodiscard]] Outcome try_set_lapic(const kvm_lapic_state& state);
    void set_lapic(const kvm_lapic_state& state);

    /// KVM_NMI.
    [[nodiscard]] Outcome try_nmi();
    void nmi();
    /// KVM_SMI. Refused where KVM has no system management mode.
    [[nodiscard]] Outcome try_smi();
#endif

    [[nodiscard]] int fd() const { return fd_.get(); }
    /// Closes the descriptor, and unmaps what keeps the kernel's vCPU: no thread may be inside run(). Every
    /// call after it fails with ENOTTY, and the shared pages are zero.
    void close_file() {
        fd_.close_file();
        pages_.detach();
    }

  private:
    Vcpu(Vm& vm, std::uint32_t id, Fd fd);
    [[nodiscard]] Outcome try_one_reg(bool set, std::uint64_t id, void* value) const;

    [[nodiscard]] kvm_run& run_page() const { return *reinterpret_cast<kvm_run*>(pages_.bytes().data()); }

    std::uint32_t id_;
    std::size_t coalesced_ring_;  ///< offset of the ring in pages_, 0 if this KVM has none
    Fd fd_;
    Mapping pages_;
};

/// Gets a vCPU out of run() from another thread, by a signal that does nothing but interrupt the ioctl.
class Kicker {
  public:
    /// Installs an empty handler for `signal`, by default the first real-time signal. The handler stays: a
    /// kick that is still pending when the Kicker is gone must not end the process.
    /// @throws std::system_error "sigaction"
    explicit Kicker(int signal = SIGRTMIN);

    /// Makes the current or else the next run() of `vcpu`, called by the thread with id `thread` (gettid(2)),
    /// return RunResult::interrupted. That thread clears immediate_exit afterwards. A thread that is gone is
    /// ignored.
    void kick(Vcpu& vcpu, pid_t thread) const;

    [[nodiscard]] int signal() const { return signal_; }

  private:
    int signal_;
};

}  // namespace irqbench::vmm::kvm
