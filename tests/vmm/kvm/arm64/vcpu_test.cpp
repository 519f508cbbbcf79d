#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/vmm/kvm/guest.hpp"
#include "tests/vmm/kvm/since.hpp"
#include "vmm/arm64/system_registers.hpp"
#include "vmm/kvm/vcpu.hpp"

// kvm_run, which the kernel and we share, on arm64.
namespace irqbench::vmm::kvm {
namespace {

constexpr std::uint64_t device = 0xd0040;
constexpr std::uint32_t loop = 0x14000000;  // b to itself

}  // namespace

BOOST_AUTO_TEST_SUITE(vcpu_of_arm64, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(accesses_carry_data_both_ways_in_each_width) {
    struct Width {
        std::uint32_t load;
        std::uint32_t store;
        std::size_t bytes;
        std::uint64_t value;
    };
    for (const Width& width : {Width{0x39400002, 0x39000002, 1, 0xf1},        // ldrb w2, [x0]; strb
                               Width{0x79400002, 0x79000002, 2, 0xf1f2},      // ldrh, strh
                               Width{0xb9400002, 0xb9000002, 4, 0xf1f2f3f4},  // ldr w2, str w2
                               Width{0xf9400002, 0xf9000002, 8, 0xf1f2f3f4f5f6f7f8}}) {
        MiniGuest guest({width.load, width.store, MiniGuest::come_out});
        guest.load();
        guest.set(0, device);
        guest.set(2, ~std::uint64_t{0});
        const auto read = guest.run<MmioExit>();
        BOOST_TEST(!read.write);
        BOOST_TEST(read.address == device);
        BOOST_REQUIRE(read.data.size() == width.bytes);
        answer(read.data, width.value);
        const auto write = guest.run<MmioExit>();
        BOOST_TEST(write.write);
        BOOST_TEST(write.data.size() == width.bytes);
        BOOST_TEST(value_of(write.data) == width.value);
        BOOST_TEST(guest.run<MmioExit>().address == MiniGuest::nowhere);
        BOOST_TEST(guest.get(2) == width.value);  // zero extended
    }
}

BOOST_AUTO_TEST_CASE(a_load_with_sign_gets_it_from_the_kernel) {
    if (!since("7.2", "KVM may lose the sign")) return;
    MiniGuest guest({0x39800002, MiniGuest::come_out});  // ldrsb x2, [x0]
    guest.load();
    guest.set(0, device);
    answer(guest.run<MmioExit>().data, 0x80);
    guest.run<MmioExit>();
    BOOST_TEST(guest.get(2) == 0xffff'ffff'ffff'ff80);
}

BOOST_AUTO_TEST_CASE(immediate_exit_completes_the_access_without_running_on) {
    MiniGuest guest({0xb9400002, MiniGuest::come_out});  // ldr w2, [x0]
    guest.load();
    guest.set(0, device);
    answer(guest.run<MmioExit>().data, 0x17);
    guest.vcpu->set_immediate_exit(true);
    BOOST_TEST((guest.vcpu->run() == RunResult::interrupted));
    guest.vcpu->set_immediate_exit(false);
    BOOST_TEST(guest.get(2) == 0x17u);
    BOOST_TEST(guest.pc() == MiniGuest::code_address + 4);
    BOOST_TEST(guest.run<MmioExit>().address == MiniGuest::nowhere);
}

BOOST_AUTO_TEST_CASE(a_kick_before_the_run_is_not_lost_and_one_in_a_loop_ends_it) {
    const Kicker kicker;
    MiniGuest guest({loop});
    guest.load();
    kicker.kick(*guest.vcpu, ::gettid());
    BOOST_TEST((guest.vcpu->run() == RunResult::interrupted));
    guest.vcpu->set_immediate_exit(false);
    std::atomic<pid_t> id = 0;
    RunResult result = RunResult::exited;
    std::thread thread([&] {
        id = ::gettid();
        result = guest.vcpu->run();
    });
    while (id == 0) std::this_thread::yield();
    kicker.kick(*guest.vcpu, id);
    thread.join();
    BOOST_TEST((result == RunResult::interrupted));
    BOOST_TEST(guest.pc() == MiniGuest::code_address);
}

BOOST_AUTO_TEST_CASE(a_call_of_psci_comes_out_as_an_event_of_the_system) {
    MiniGuest guest({0xd4000002, MiniGuest::come_out});  // hvc 0
    guest.load();
    guest.set(0, 0x84000008);  // SYSTEM_OFF
    BOOST_TEST(guest.run<SystemEventExit>().type == static_cast<std::uint32_t>(KVM_SYSTEM_EVENT_SHUTDOWN));
}

// Without a GIC KVM says in kvm_run what its timers put out, and comes back for every change.
BOOST_AUTO_TEST_CASE(the_outputs_of_timers_are_in_kvm_run) {
    constexpr std::uint64_t enable = 1;
    MiniGuest guest({0xd51be321, loop});  // msr cntv_ctl_el0, x1
    guest.load();
    guest.set(1, enable);
    guest.vcpu->set_reg(KVM_REG_ARM_TIMER_CVAL, 0);
    BOOST_TEST(guest.vcpu->device_irq_level() == 0u);
    BOOST_TEST((guest.vcpu->run() == RunResult::interrupted));
    BOOST_TEST((guest.vcpu->device_irq_level() & KVM_ARM_DEV_EL1_VTIMER) != 0u);
    guest.load();
    guest.set(1, 0);
    BOOST_TEST((guest.vcpu->run() == RunResult::interrupted));
    BOOST_TEST((guest.vcpu->device_irq_level() & KVM_ARM_DEV_EL1_VTIMER) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
