#include "vmm/kvm/vcpu.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/vmm/kvm/guest.hpp"

namespace irqbench::vmm::kvm {
namespace {

/// A vCPU thread that runs until it is interrupted.
class RunningThread {
  public:
    explicit RunningThread(Vcpu& vcpu)
        : thread_([this, &vcpu] {
              id_ = ::gettid();
              do {
                  result_ = vcpu.run();
              } while (result_ == RunResult::again);
          }) {
        while (id_ == 0) std::this_thread::yield();
    }
    ~RunningThread() { thread_.join(); }
    RunningThread(const RunningThread&) = delete;
    RunningThread& operator=(const RunningThread&) = delete;

    [[nodiscard]] pid_t id() const { return id_; }
    [[nodiscard]] RunResult join() {
        thread_.join();
        thread_ = std::thread([] {});
        return result_;
    }

  private:
    std::atomic<pid_t> id_ = 0;
    RunResult result_ = RunResult::again;
    std::thread thread_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(vcpu, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(port_accesses_carry_data_both_ways) {
    MiniGuest guest;
    guest.load({
        0xb0, 0x5a,        // mov al, 0x5a
        0xe6, 0x80,        // out 0x80, al
        0xba, 0xf8, 0x03,  // mov dx, 0x3f8
        0xed,              // in ax, dx
        0xef,              // out dx, ax
        0xf4,              // hlt
    });
    auto io = guest.run<IoExit>();
    BOOST_TEST((io.direction == IoExit::Direction::out));
    BOOST_TEST(io.port == 0x80);
    BOOST_TEST(value_of(io.data) == 0x5au);
    io = guest.run<IoExit>();
    BOOST_TEST((io.direction == IoExit::Direction::in));
    BOOST_TEST(io.port == 0x3f8);
    BOOST_TEST(io.data.size() == 2u);
    io.data[0] = std::byte{0x34};
    io.data[1] = std::byte{0x12};
    io = guest.run<IoExit>();
    BOOST_TEST(value_of(io.data) == 0x1234u);
    guest.run<HltExit>();
}

BOOST_AUTO_TEST_CASE(a_string_of_port_reads_arrives_in_memory) {
    MiniGuest guest;
    guest.load({
        0xb9, 0x03, 0x00,  // mov cx, 3
        0xbf, 0x00, 0x20,  // mov di, 0x2000
        0xba, 0x71, 0x00,  // mov dx, 0x71
        0xfc,              // cld
        0xf3, 0x6c,        // rep insb
        0xf4,              // hlt
    });
    std::uint8_t next = 0xc1;
    std::uint64_t bytes = 0;
    while (bytes < 3) {  // how many accesses share an exit is up to KVM
        const auto io = guest.run<IoExit>();
        BOOST_REQUIRE(io.data.size() == io.count);
        for (std::byte& byte : io.data) byte = std::byte{next++};
        bytes += io.count;
    }
    guest.run<HltExit>();
    BOOST_TEST(guest.memory.read<std::uint32_t>(0x2000) == 0x00c3c2c1u);
}

BOOST_AUTO_TEST_CASE(mmio_accesses_carry_data_both_ways) {
    MiniGuest guest;
    guest.load(
        {
            0xa1, 0x10, 0x00,              // mov ax, [0x10]
            0x66, 0xa3, 0x20, 0x00,        // mov [0x20], eax
            0xc6, 0x06, 0x31, 0x00, 0x99,  // mov byte [0x31], 0x99
            0xf4,                          // hlt
        },
        0xd0000);
    auto mmio = guest.run<MmioExit>();
    BOOST_TEST(!mmio.write);
    BOOST_TEST(mmio.address == 0xd0010u);
    BOOST_TEST(mmio.data.size() == 2u);
    mmio.data[0] = std::byte{0xcd};
    mmio.data[1] = std::byte{0xab};
    mmio = guest.run<MmioExit>();
    BOOST_TEST(mmio.write);
    BOOST_TEST(mmio.address == 0xd0020u);
    BOOST_TEST(value_of(mmio.data) == 0xabcdu);
    BOOST_TEST(mmio.data.size() == 4u);
    mmio = guest.run<MmioExit>();
    BOOST_TEST(mmio.address == 0xd0031u);
    BOOST_TEST(value_of(mmio.data) == 0x99u);
    guest.run<HltExit>();
}

BOOST_AUTO_TEST_CASE(msr_accesses_come_out_and_are_answered) {
    MiniGuest guest;
    constexpr std::uint32_t filtered = 0x6e0;
    const Vm::MsrRange range{filtered, 1};
    guest.vm.exit_on_msrs({&range, 1});
    guest.load({
        0x66, 0xb9, 0x75, 0x01, 0x00, 0x00,  // mov ecx, 0x175, IA32_SYSENTER_ESP
        0x0f, 0x32,                          // rdmsr, which KVM answers
        0x66, 0xb9, 0xe0, 0x06, 0x00, 0x00,  // mov ecx, 0x6e0
        0x66, 0xb8, 0x78, 0x56, 0x34, 0x12,  // mov eax, 0x12345678
        0x66, 0x31, 0xd2,                    // xor edx, edx
        0x0f, 0x30,                          // wrmsr
        0x0f, 0x32,                          // rdmsr
        0xf4,                                // hlt
    });
    auto msr = guest.run<MsrExit>();
    BOOST_TEST(msr.write);
    BOOST_TEST(msr.index == filtered);
    BOOST_TEST(msr.data == 0x12345678u);
    BOOST_TEST(msr.reason == static_cast<std::uint32_t>(KVM_MSR_EXIT_REASON_FILTER));
    guest.vcpu->complete_msr(0);
    msr = guest.run<MsrExit>();
    BOOST_TEST(!msr.write);
    guest.vcpu->complete_msr(0xaabbccdd11223344);
    guest.run<HltExit>();
    BOOST_TEST(guest.vcpu->regs().rax == 0x11223344u);
    BOOST_TEST(guest.vcpu->regs().rdx == 0xaabbccddu);
}

BOOST_AUTO_TEST_CASE(a_refused_msr_is_a_fault_for_the_guest) {
    MiniGuest guest;
    const Vm::MsrRange range{0x6e0, 1};
    guest.vm.exit_on_msrs({&range, 1});
    guest.memory.write<std::uint32_t>(13 * 4, 0x00001800);  // real-mode vector 13, #GP
    guest.memory.write<std::uint8_t>(0x1800, 0xf4);         // hlt
    guest.load({
        0x66, 0xb9, 0xe0, 0x06, 0x00, 0x00,  // mov ecx, 0x6e0
        0x0f, 0x32,                          // rdmsr
        0xf4,                                // hlt
    });
    guest.run<MsrExit>();
    guest.vcpu->complete_msr(std::nullopt);
    guest.run<HltExit>();
    BOOST_TEST(guest.vcpu->regs().rip == 0x1801u);
}

BOOST_AUTO_TEST_CASE(a_triple_fault_is_a_shutdown) {
    MiniGuest guest;
    guest.load({0x0f, 0x0b});  // ud2
    kvm_sregs sregs = guest.vcpu->sregs();
    // In protected mode, because where KVM emulates real mode it does not look at the limit of the vector
    // table.
    sregs.cr0 |= 1;
    for (kvm_segment* segment : {&sregs.cs, &sregs.ds, &sregs.es, &sregs.ss}) {
        segment->base = 0;
        segment->limit = 0xffffffff;
        segment->selector = 0x10;
        segment->type = 3;  // read and write, accessed
        segment->db = 1;
        segment->g = 1;
    }
    sregs.cs.selector = 0x8;
    sregs.cs.type = 11;  // execute and read, accessed
    sregs.idt.limit = 0;
    guest.vcpu->set_sregs(sregs);
    guest.run<ShutdownExit>();
}

BOOST_AUTO_TEST_CASE(immediate_exit_completes_the_access_without_running_on) {
    MiniGuest guest;
    guest.load({
        0xe4, 0x60,  // in al, 0x60
        0xe6, 0x80,  // out 0x80, al
    });
    guest.run<IoExit>().data[0] = std::byte{0x17};
    guest.vcpu->set_immediate_exit(true);
    BOOST_TEST((guest.vcpu->run() == RunResult::interrupted));
    BOOST_TEST(guest.vcpu->regs().rip == MiniGuest::code_address + 2);
    BOOST_TEST(guest.vcpu->regs().rax == 0x17u);
    guest.vcpu->set_immediate_exit(false);
    BOOST_TEST(value_of(guest.run<IoExit>().data) == 0x17u);
}

BOOST_AUTO_TEST_CASE(a_kick_that_comes_before_the_run_is_not_lost) {
    const Kicker kicker;
    MiniGuest guest;
    guest.load({0xf4});  // hlt
    kicker.kick(*guest.vcpu, ::gettid());
    BOOST_TEST((guest.vcpu->run() == RunResult::interrupted));
    guest.vcpu->set_immediate_exit(false);
    guest.run<HltExit>();
}

BOOST_AUTO_TEST_CASE(a_kick_ends_a_loop_and_a_halt) {
    const Kicker kicker;
    for (const Irqchip irqchip : {Irqchip::none, Irqchip::full}) {
        MiniGuest guest(irqchip);
        if (irqchip == Irqchip::full) {
            guest.load({0xf4, 0xeb, 0xfd});  // again: hlt; jmp again
        } else {
            guest.load({0xeb, 0xfe});  // jmp to itself
        }
        RunningThread thread(*guest.vcpu);
        kicker.kick(*guest.vcpu, thread.id());
        BOOST_TEST((thread.join() == RunResult::interrupted));
    }
}

BOOST_AUTO_TEST_CASE(a_signal_that_only_the_mask_of_the_vcpu_lets_through_ends_a_run) {
    const Kicker kicker(SIGRTMIN + 1);
    MiniGuest guest;
    guest.load({0xeb, 0xfe});  // jmp to itself
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, kicker.signal());
    BOOST_REQUIRE(::pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0);
    guest.vcpu->set_signal_mask(before);
    BOOST_REQUIRE(::pthread_kill(::pthread_self(), kicker.signal()) == 0);
    BOOST_TEST((guest.vcpu->run() == RunResult::interrupted));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BOOST_AUTO_TEST_CASE(the_interrupt_window_opens_after_sti) {
    MiniGuest guest(Irqchip::none);
    guest.memory.write<std::uint32_t>(0x51 * 4, 0x00001800);
    guest.memory.write<std::uint8_t>(0x1800, 0xf4);  // hlt
    guest.load({
        0xe6, 0x80,  // out 0x80, al
        0xfb,        // sti
        0x90,        // nop
        0xeb, 0xfe,  // jmp to itself
    });
    guest.run<IoExit>();
    BOOST_TEST(!guest.vcpu->if_flag());
    BOOST_TEST(!guest.vcpu->ready_for_interrupt_injection());
    guest.vcpu->set_request_interrupt_window(true);
    guest.run<IrqWindowOpenExit>();
    guest.vcpu->set_request_interrupt_window(false);
    BOOST_TEST(guest.vcpu->if_flag());
    BOOST_TEST(guest.vcpu->ready_for_interrupt_injection());
    guest.vcpu->interrupt(0x51);
    guest.run<HltExit>();
    BOOST_TEST(guest.vcpu->regs().rip == 0x1801u);
}

BOOST_AUTO_TEST_CASE(queued_interrupts_are_refused_where_the_kernel_has_its_own) {
    MiniGuest full(Irqchip::full);
    BOOST_TEST(full.vcpu->try_interrupt(0x51).error == ENXIO);
    MiniGuest split(Irqchip::split);
    BOOST_TEST(split.vcpu->try_interrupt(0x51).ok());
    BOOST_TEST(split.vcpu->try_interrupt(0x52).error == EEXIST);
    MiniGuest none(Irqchip::none);
    BOOST_TEST(none.vcpu->try_interrupt(256).error == EINVAL);
}

BOOST_AUTO_TEST_CASE(an_nmi_is_taken_even_with_interrupts_off) {
    MiniGuest guest;
    guest.memory.write<std::uint32_t>(2 * 4, 0x00001800);
    guest.memory.write<std::uint8_t>(0x1800, 0xf4);  // hlt
    guest.load({0xeb, 0xfe});                        // jmp to itself
    guest.vcpu->nmi();
    guest.run<HltExit>();
    BOOST_TEST(guest.vcpu->regs().rip == 0x1801u);
    BOOST_TEST(guest.vcpu->vcpu_events().nmi.masked == 1);
}

BOOST_AUTO_TEST_CASE(state_that_was_set_is_read_back) {
    MiniGuest guest(Irqchip::full);
    Vcpu& vcpu = *guest.vcpu;
    kvm_regs regs = vcpu.regs();
    regs.r15 = 0x1122334455667788;
    vcpu.set_regs(regs);
    BOOST_TEST(vcpu.regs().r15 == 0x1122334455667788u);

    kvm_sregs sregs = vcpu.sregs();
    sregs.cr8 = 7;
    vcpu.set_sregs(sregs);
    BOOST_TEST(vcpu.sregs().cr8 == 7u);

    constexpr std::uint32_t sysenter_esp = 0x175;
    vcpu.set_msr(sysenter_esp, 0x1234);
    BOOST_TEST(vcpu.msr(sysenter_esp) == 0x1234u);

    kvm_lapic_state lapic = vcpu.lapic();
    lapic.regs[0xd3] = 0x40;  // LDR, bits 31 to 24
    vcpu.set_lapic(lapic);
    BOOST_TEST(vcpu.lapic().regs[0xd3] == 0x40);

    kvm_vcpu_events events = vcpu.vcpu_events();
    events.nmi.pending = 1;
    events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
    vcpu.set_vcpu_events(events);
    BOOST_TEST(vcpu.vcpu_events().nmi.pending == 1);

    BOOST_TEST(vcpu.mp_state() == std::uint32_t{KVM_MP_STATE_RUNNABLE});
    vcpu.set_mp_state(KVM_MP_STATE_HALTED);
    BOOST_TEST(vcpu.mp_state() == std::uint32_t{KVM_MP_STATE_HALTED});
    BOOST_TEST(vcpu.try_set_mp_state(99).error == EINVAL);
}

BOOST_AUTO_TEST_CASE(the_rate_of_the_time_stamp_counter_is_known) {
    MiniGuest guest;
    BOOST_TEST(guest.vcpu->tsc_khz() > 100000u);
}

BOOST_AUTO_TEST_CASE(a_capability_that_no_vcpu_has_is_refused) {
    MiniGuest guest;
    BOOST_TEST(guest.vcpu->try_enable_cap(0xffff).error == EINVAL);
}

BOOST_AUTO_TEST_CASE(the_cpuid_is_what_it_was_given) {
    MiniGuest guest;
    std::vector<kvm_cpuid_entry2> entries = guest.system.supported_cpuid();
    for (kvm_cpuid_entry2& entry : entries) {
        if (entry.function == 0x40000000) entry.ebx = 0x12345678;
    }
    guest.vcpu->set_cpuid(entries);
    bool found = false;
    for (const kvm_cpuid_entry2& entry : guest.vcpu->cpuid()) {
        if (entry.function == 0x40000000) found = entry.ebx == 0x12345678;
    }
    BOOST_TEST(found);
}

BOOST_AUTO_TEST_CASE(msrs_that_kvm_does_not_know_are_named) {
    MiniGuest guest;
    const std::vector<std::uint32_t> indices{0x175, 0x4b560000};
    BOOST_CHECK_EXCEPTION(
        static_cast<void>(guest.vcpu->msrs(indices)), std::out_of_range, [](const std::out_of_range& error) {
            return std::string(error.what()) == "KVM_GET_MSRS: KVM does not know MSR 0x4b560000";
        });
    BOOST_CHECK_EXCEPTION(
        guest.vcpu->set_msr(0x4b560000, 5), std::out_of_range, [](const std::out_of_range& error) {
            return std::string(error.what()) == "KVM_SET_MSRS: KVM refuses 0x5 for MSR 0x4b560000";
        });
}

BOOST_AUTO_TEST_CASE(without_irqchip_there_is_no_lapic_and_kvm_run_sets_cr8) {
    MiniGuest guest;
    kvm_lapic_state state{};
    BOOST_TEST(guest.vcpu->try_get_lapic(state).error == EINVAL);
    BOOST_TEST(guest.vcpu->try_set_lapic(state).error == EINVAL);
    guest.load({0xf4, 0xf4});
    guest.vcpu->set_cr8(5);
    guest.run<HltExit>();
    BOOST_TEST(guest.vcpu->cr8() == 5u);
    BOOST_TEST(guest.vcpu->sregs().cr8 == 5u);
    BOOST_TEST((guest.vcpu->apic_base() & 0xfffff000) == 0xfee00000u);
}

BOOST_AUTO_TEST_CASE(a_vcpu_that_waits_for_sipi_is_told_from_one_that_exits) {
    const Kicker kicker;
    MiniGuest guest(Irqchip::full);
    Vcpu second(guest.vm, 1);
    BOOST_TEST(second.mp_state() == std::uint32_t{KVM_MP_STATE_UNINITIALIZED});
    RunningThread thread(second);
    kicker.kick(second, thread.id());
    BOOST_TEST((thread.join() == RunResult::interrupted));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
