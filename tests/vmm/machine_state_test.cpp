#include "vmm/kvm_machine.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "routing/x86.hpp"
#include "tests/needs_kvm.hpp"
#include "tests/vmm/machine_fixture.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/portable_state.hpp"

using namespace irqbench;
using namespace irqbench::vmm;
using namespace irqbench::tests;
using namespace std::chrono_literals;

namespace {

constexpr const char* placements[] = {"kernel", "split", "userspace"};

/// Files of KVM that this process has open: virtual machines, vCPUs.
std::size_t files_of_kvm(std::string_view kind) {
    std::size_t count = 0;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        count += std::filesystem::read_symlink(each, gone)
                     .string()
                     .starts_with("anon_inode:kvm-" + std::string(kind));
    }
    return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(machine_state, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(a_pending_interrupt_is_taken_in_the_new_machine) {
    for (const char* placement : placements) {
        MachineFixture bench(MachineFixture::with(placement, 2));
        bench.guest({op(OP_CLI)}, 1);
        bench.msi(0x51, 1);
        bench.machine.restore(*bench.machine.save(), {});
        BOOST_TEST(bench.machine.settle());
        BOOST_TEST(bench.taken() == "");
        BOOST_TEST(bench.guest({op(OP_STI)}, 1));
        BOOST_TEST(bench.taken() == "1:51");
        BOOST_TEST(bench.msi(0x52, 0));
        BOOST_TEST(bench.taken() == "1:51 0:52");
    }
}

BOOST_AUTO_TEST_CASE(a_machine_that_is_closed_has_no_file_of_kvm_until_it_is_restored) {
    for (const char* placement : placements)
        for (const RunMode run : {RunMode::stepped, RunMode::free}) {
            MachineFixture bench(MachineFixture::with(placement, 2, run));
            const auto state = bench.machine.save();
            bench.machine.assign_irqfd({"dev", 3, false, "", false, false});
            const std::size_t vms = files_of_kvm("vm"), vcpus = files_of_kvm("vcpu");
            BOOST_TEST(vcpus == 2U);
            bench.machine.close_descriptors();
            BOOST_TEST(bench.machine.is_closed());
            BOOST_TEST(files_of_kvm("vm") == vms - 1);
            BOOST_TEST(files_of_kvm("vcpu") == 0U);
            bench.machine.signal("dev", 1);
            BOOST_TEST(bench.machine.set_line(3, true, false).error == EBADF);
            BOOST_TEST(bench.machine.settle());
            bench.machine.restore(*state, {});
            BOOST_TEST(!bench.machine.is_closed());
            BOOST_TEST(files_of_kvm("vm") == vms);
            BOOST_TEST(bench.msi(0x52, 0));
            bench.machine.wait([&] { return !bench.taken().empty(); });
            BOOST_TEST(bench.taken() == "0:52");
        }
}

BOOST_AUTO_TEST_CASE(a_state_is_what_it_was_whatever_the_machine_did_since) {
    for (const char* placement : placements) {
        MachineFixture bench(MachineFixture::with(placement));
        bench.guest({op(OP_CLI)});
        bench.msi(0x51);
        const auto state = bench.machine.save();
        bench.guest({op(OP_STI)});
        bench.msi(0x52);
        BOOST_TEST(bench.taken() == "0:51 0:52");
        for (int times = 0; times < 2; ++times) {
            bench.machine.restore(*state, {});
            BOOST_TEST(bench.guest({op(OP_STI)}));
        }
        BOOST_TEST(bench.taken() == "0:51 0:52 0:51 0:51");
    }
}

BOOST_AUTO_TEST_CASE(the_machine_moves_while_its_vcpus_run_on_threads) {
    for (const char* placement : placements) {
        MachineFixture bench(MachineFixture::with(placement, 2, RunMode::free));
        for (std::uint32_t times = 0; times < 3; ++times) {
            bench.msi(0x51, times % 2);
            bench.machine.restore(*bench.machine.save(), {});
            bench.machine.wait([&] { return bench.count<event::Taken>() > times; });
        }
        bench.machine.finish();
        BOOST_TEST(bench.taken() == "0:51 1:51 0:51");
    }
}

BOOST_AUTO_TEST_CASE(guest_memory_comes_along) {
    auto config = MachineFixture::with("kernel");
    config.memory = 0x2000;
    MachineFixture bench(config);
    constexpr std::uint64_t first = scenario_memory, second = scenario_memory + 0x1008;
    bench.guest({{OP_WRITE, 8, second, 0x1122334455667788, false, "write"}});
    const auto state = bench.machine.save();
    bench.guest({{OP_WRITE, 8, first, 1, false, "write"}, {OP_WRITE, 8, second, 2, false, "write"}});
    bench.machine.restore(*state, {});
    bench.guest({{OP_READ, 8, second, 0, true, "read"}});
    BOOST_TEST(bench.last<event::Observed>().value().value == 0x1122334455667788U);
    bench.guest({{OP_READ, 8, first, 0, true, "read"}});
    BOOST_TEST(bench.last<event::Observed>().value().value == 0U);
}

BOOST_AUTO_TEST_CASE(parts_come_in_the_order_that_is_asked_for_or_not_at_all) {
    MachineFixture bench(MachineFixture::with("kernel"));
    bench.guest({op(OP_CLI)});
    bench.msi(0x51);
    const auto state = bench.machine.save();
    bench.machine.restore(*state, {{"ioapic", "vcpu_events"}, {"pic"}});
    bench.guest({op(OP_STI)});
    BOOST_TEST(bench.taken() == "0:51");
    bench.machine.restore(*state, {{}, {"lapic"}});
    bench.guest({op(OP_STI)});
    BOOST_TEST(bench.taken() == "0:51");
}

BOOST_AUTO_TEST_CASE(what_is_not_of_this_machine_is_refused) {
    MachineFixture bench(MachineFixture::with("kernel"));
    MachineFixture split(MachineFixture::with("split"));
    MachineFixture two(MachineFixture::with("kernel", 2));
    BOOST_CHECK_THROW(bench.machine.restore(*split.machine.save(), {}), std::invalid_argument);
    BOOST_CHECK_THROW(bench.machine.restore(*two.machine.save(), {}), std::invalid_argument);
    BOOST_CHECK_THROW(bench.machine.restore(*bench.machine.save(), {{"nothing"}, {}}), std::invalid_argument);
    BOOST_CHECK_THROW(split.machine.restore(*split.machine.save(), {{}, {"ioapic"}}), std::invalid_argument);
}

// As the kernel's timers do: they go on with what was left when the state was saved.
BOOST_AUTO_TEST_CASE(a_timer_does_not_run_between_the_save_and_the_restore) {
    constexpr std::uint64_t lvt_timer = 0x320, initial = 0x380, divide = 0x3e0, by_1 = 0xb;
    constexpr auto two_seconds = 2s;
    for (const char* placement : placements) {
        BOOST_TEST_CONTEXT(placement) {
            MachineFixture bench(MachineFixture::with(placement, 2, RunMode::free));
            bench.guest({op(OP_LAPIC_WRITE, lvt_timer, 0x51), op(OP_LAPIC_WRITE, divide, by_1),
                         op(OP_LAPIC_WRITE, initial, std::chrono::nanoseconds(two_seconds).count())});
            const auto state = bench.machine.save();
            const std::uint64_t left = bench.field("lapic", 0, "timer_current");
            std::this_thread::sleep_for(two_seconds);
            bench.machine.wait([&] { return !bench.taken().empty(); });
            bench.machine.restore(*state, {});
            BOOST_TEST(bench.field("lapic", 0, "timer_current") > left / 2);
            // And the counter of deadlines is the guest's: one that is near comes before a timer that is not.
            constexpr std::uint64_t msr_tsc = 0x10, msr_deadline = 0x6e0, deadline_mode = 0x40000;
            bench.guest({op(OP_LAPIC_WRITE, divide, by_1), op(OP_LAPIC_WRITE, lvt_timer, 0x61),
                         op(OP_LAPIC_WRITE, initial, std::chrono::nanoseconds(1500ms).count())},
                        1);
            bench.guest(
                {op(OP_LAPIC_WRITE, lvt_timer, deadline_mode | 0x52), observed(OP_MSR_READ, msr_tsc, 8)});
            const std::uint64_t tsc = bench.last<event::Observed>().value().value;
            bench.guest({op(OP_MSR_WRITE, msr_deadline, tsc + 300'000'000, 8)});
            bench.machine.wait([&] { return bench.count<event::Taken>() == 3; });
            BOOST_TEST(bench.taken() == "0:51 0:52 1:61");
        }
    }
}

// The kernel says that a line is high, not who holds it: a line that is taken for the host's stays up for
// ever.
BOOST_AUTO_TEST_CASE(a_resampler_that_a_thread_kicked_off_holds_its_line_in_the_new_machine) {
    MachineFixture bench(MachineFixture::with("kernel", 1, RunMode::free));
    bench.program(9, level | 0x51);
    bench.machine.assign_irqfd({"dev", 9, true, {}, false});
    BOOST_TEST(bench.guest({op(OP_CLI)}));
    bench.machine.concurrent(true);
    std::thread([&] { bench.machine.signal("dev", 1); }).join();
    bench.machine.concurrent(false);
    BOOST_TEST(bench.machine.settle());
    BOOST_TEST(bench.field("ioapic", 9, "irr") == 1U);
    bench.machine.restore(*bench.machine.save(), {});
    BOOST_TEST(bench.field("ioapic", 9, "irr") == 1U);
    BOOST_TEST(bench.guest({op(OP_STI)}));
    bench.machine.wait([&] { return bench.count<event::Resampled>() != 0; });
    BOOST_TEST(bench.machine.settle());
    BOOST_TEST(bench.field("ioapic", 9, "irr") == 0U);
    BOOST_TEST(bench.count<event::Resampled>() == 1U);
}

BOOST_AUTO_TEST_CASE(lines_are_in_the_new_machine_as_threads_left_them) {
    constexpr std::uint64_t elcr = 0x4d0;
    constexpr std::uint32_t left_low = 5, left_high = 6, untouched = 7;
    MachineFixture bench(MachineFixture::with("kernel", 1, RunMode::free));
    bench.guest({op(OP_PORT_OUT, elcr, 1U << left_low | 1U << left_high, 1)});
    for (const std::uint32_t gsi : {left_low, untouched}) bench.machine.set_line(gsi, true, false);
    bench.machine.concurrent(true);
    std::thread([&] {
        bench.machine.set_line(left_low, false, false);
        bench.machine.set_line(left_high, true, false);
    }).join();
    bench.machine.concurrent(false);
    bench.machine.restore(*bench.machine.save(), {});
    BOOST_TEST(bench.field("pic", 0, "irr") == (1U << left_high | 1U << untouched));
    for (const std::uint32_t gsi : {left_high, untouched}) bench.machine.set_line(gsi, false, false);
    BOOST_TEST(bench.field("pic", 0, "irr") == 1U << untouched);  // an edge is remembered
}

BOOST_AUTO_TEST_CASE(a_state_says_in_words_what_keeps_it_from_a_mode_or_from_a_host) {
    MachineFixture bench(MachineFixture::with("kernel"));
    const auto saved = [&bench] {
        return dynamic_cast<const PortableState&>(*bench.machine.save_portable());
    };
    BOOST_TEST(unfit(saved(), bench.config, "split") == "");

    PortableState with_smi = saved();
    with_smi.pc.cpus[0].smi = true;
    const bool has_smm = kvm::System().check_extension(KVM_CAP_X86_SMM) != 0;
    for (const char* placement : placements)
        BOOST_TEST(unfit(with_smi, bench.config, placement) ==
                   (has_smm
                        ? ""
                        : "an SMI is pending at vCPU 0, and this host's KVM has no system management mode"));
    with_smi.pc.cpus[0].activity = x86::Activity::wait_for_sipi;
    BOOST_TEST(unfit(with_smi, bench.config, "userspace") == "");

    BOOST_TEST(bench.machine.assign_irqfd({"dev", 10, true, {}, true}).ok());
    BOOST_TEST(unfit(saved(), bench.config, "kernel") == "");
    BOOST_TEST(unfit(saved(), bench.config, "split") ==
               "the irqfd 'dev' is the kernel's and resamples, which is for an IOAPIC in the kernel");
    bench.machine.deassign_irqfd("dev");
    BOOST_TEST(unfit(saved(), bench.config, "split") == "");

    routing::RoutingTable table = with_message(bench.machine, 20, 0x61);
    bench.machine.route(table);
    BOOST_TEST(unfit(saved(), bench.config, "split") == "");
    table.set(31, {routing::PinRoute{routing::x86::ioapic, 20}});
    bench.machine.route(table);
    BOOST_TEST(unfit(saved(), bench.config, "split") ==
               "GSI 20 is a message, and IOAPIC pin 20 is in use: the kernel has one route of that number");
    BOOST_TEST(unfit(saved(), bench.config, "kernel") == "");
}

BOOST_AUTO_TEST_SUITE_END()
