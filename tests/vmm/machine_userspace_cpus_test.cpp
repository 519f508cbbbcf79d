#include "vmm/x86/userspace_irqchip.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>

#include "irqchip/x86/lapic_registers.hpp"
#include "tests/needs_kvm.hpp"
#include "tests/vmm/machine_fixture.hpp"
#include "vmm/x86/cpu_facts.hpp"

// What reaches a CPU beside its interrupts, and the rest that is between KVM and our controllers.
using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::vmm;
namespace lapic = irqchip::x86::lapic;

namespace {

constexpr std::uint64_t nmi = 0x4400;  ///< command for the ICR

MachineConfig one_of_two(RunMode run = RunMode::stepped) {
    MachineConfig config = MachineFixture::with("userspace", 2, run);
    config.started = 1;
    return config;
}

struct Bench : MachineFixture {
    using MachineFixture::MachineFixture;
    void ipi(std::uint64_t command) { guest({op(OP_LAPIC_WRITE, lapic::icr, to_1 | command)}); }
    [[nodiscard]] std::size_t started() const { return count<event::Started>(); }
    std::uint64_t rdmsr(std::uint64_t index) {
        guest({observed(OP_MSR_READ, index)});
        return last<event::Observed>()->value;
    }
    bool faults(std::uint64_t index, std::uint64_t value) {
        guest({op(OP_MSR_WRITE, index, value)});
        return last<event::OperationDone>()->fault.has_value();
    }
    std::uint64_t tsc() { return machine.inspect("tsc", 0).at(0).value; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(machine_userspace_cpus, *boost::unit_test::precondition(needs_kvm))

// SDM vol. 3, 9.4.4.
BOOST_AUTO_TEST_CASE(only_a_sipi_after_an_init_starts_a_vcpu) {
    Bench bench(one_of_two());
    bench.ipi(sipi);
    BOOST_TEST(bench.started() == 0U);
    bench.ipi(init);
    BOOST_TEST(bench.started() == 0U);
    bench.ipi(sipi);
    BOOST_TEST(bench.started() == 1U);
    bench.ipi(sipi);
    BOOST_TEST(bench.started() == 1U);
}

BOOST_AUTO_TEST_CASE(a_vcpu_that_waits_remembers_one_nmi_until_it_starts) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        Bench bench(one_of_two(run));
        bench.machine.nmi(1);
        bench.machine.settle();
        bench.ipi(nmi);
        bench.ipi(init);  // forgets them
        bench.ipi(sipi);
        bench.machine.wait([&] { return bench.started() == 1; });
        BOOST_TEST(bench.guest({op(OP_NOTHING)}, 1));
        BOOST_TEST(bench.taken() == "");
        bench.ipi(init);
        bench.machine.nmi(1);
        bench.machine.settle();
        bench.ipi(nmi);
        BOOST_TEST(bench.taken() == "");
        bench.ipi(sipi);
        bench.machine.wait([&] { return bench.started() == 2 && bench.count<event::Taken>() == 1; });
        BOOST_TEST(bench.guest({op(OP_NOTHING)}, 1));
        BOOST_TEST(bench.taken() == "1:nmi");
    }
}

// The PIC ends the interrupt by itself, its resampler lets go of the line, and the I/O APIC takes the fall
// for an edge.
BOOST_AUTO_TEST_CASE(no_interrupt_outlives_an_init_that_its_acknowledge_causes) {
    Bench bench(MachineFixture::with("userspace"));
    constexpr std::uint64_t ioregsel = 0xfec00000;
    constexpr std::uint64_t iowin = 0xfec00010;
    constexpr std::uint64_t mode_init_active_low = 0x2500;
    constexpr std::array<std::array<std::uint64_t, 2>, 6> writes{
        {{0x20, 0x11}, {0x21, 0x50}, {0x21, 4}, {0x21, 3}, {0x21, 0}, {0x4d0, 0x20}}};
    for (const auto& [port, value] : writes) bench.guest({op(OP_PORT_OUT, port, value, 1)});
    bench.guest({op(OP_LAPIC_WRITE, lapic::lvt_lint0, 0x700), op(OP_WRITE, ioregsel, 0x1a),
                 op(OP_WRITE, iowin, mode_init_active_low)});
    BOOST_TEST(bench.machine.assign_irqfd({"a", 5, true, "", false}).ok());
    bench.machine.signal("a", 1);
    BOOST_TEST(bench.machine.settle());
    BOOST_TEST(bench.taken() == "");
    BOOST_TEST(bench.started() == 1U);
    bench.msi(0x81);
    BOOST_TEST(bench.taken() == "0:81");
}

// What KVM has left to do of the instruction must not come after the reset.
BOOST_AUTO_TEST_CASE(a_vcpu_that_sends_itself_an_init_begins_anew) {
    for (const RunMode run : {RunMode::stepped, RunMode::free})
        for (const bool x2apic : {false, true}) {
            MachineConfig config = MachineFixture::with("userspace", 1, run);
            config.x2apic = x2apic;
            Bench bench(config);
            for (std::size_t round = 1; round <= 3; ++round) {
                bench.guest({op(OP_LAPIC_WRITE, lapic::icr, init)});
                bench.machine.wait([&] { return bench.started() == round; });
                BOOST_TEST(bench.started() == round);
                bench.msi(0x51);
                bench.machine.wait([&] { return bench.count<event::Taken>() == round; });
                BOOST_TEST(bench.count<event::Taken>() == round);
            }
            BOOST_TEST(bench.count<event::Trouble>() == 0U);
        }
}

// It never exits between its write of CR8 and the INIT.
BOOST_AUTO_TEST_CASE(free_running_an_init_forgets_a_cr8_that_nobody_has_seen_yet) {
    Bench bench(MachineFixture::with("userspace", 2, RunMode::free));
    // The INIT is sent once it has arrived at a barrier that nobody will open.
    bench.machine.guest(1, std::vector<GuestOp>{op(OP_CR8_WRITE, 0, 5), op(OP_BARRIER, 0, 3)});
    BOOST_TEST(bench.guest({op(OP_BARRIER, 0, 2), op(OP_LAPIC_WRITE, lapic::icr, to_1 | init)}));
    bench.machine.finish();
    for (const NamedValue& field : bench.machine.inspect("lapic", 1))
        if (field.name == "tpr") BOOST_TEST(field.value == 0U);
    bench.ipi(sipi);
    bench.machine.wait([&] { return bench.started() == 1; });
    bench.guest({observed(OP_CR8_READ, 0)}, 1);
    BOOST_TEST(bench.last<event::Observed>()->value == 0U);
}

BOOST_AUTO_TEST_CASE(stepped_a_guest_sets_its_counter_and_the_armed_deadline_moves_with_it) {
    constexpr std::uint64_t tsc_deadline = 0x6e0;
    for (const bool by_adjust : {false, true}) {
        Bench bench(MachineFixture::with("userspace"));
        const std::uint64_t begin = bench.tsc();
        const std::uint64_t ahead = std::uint64_t{1} << 50;  // some days
        bench.guest({op(OP_LAPIC_WRITE, lapic::lvt_timer, 0x40051)});
        BOOST_TEST(!bench.faults(tsc_deadline, begin + ahead));
        BOOST_TEST(!bench.faults(by_adjust ? x86::msr_tsc_adjust : x86::msr_tsc,
                                 by_adjust ? ahead - 1000 : begin + ahead - 1000));
        BOOST_TEST(bench.tsc() == begin + ahead - 1000);
        BOOST_TEST(bench.rdmsr(x86::msr_tsc) == begin + ahead - 1000);
        BOOST_TEST(bench.rdmsr(x86::msr_tsc_adjust) == ahead - 1000);
        BOOST_TEST(bench.taken() == "");
        bench.machine.wait([&] { return bench.taken() == "0:51"; });
        BOOST_TEST(bench.taken() == "0:51");
        BOOST_TEST((bench.tsc() >= begin + ahead && bench.tsc() < begin + ahead + 1000));
        BOOST_TEST(!bench.faults(tsc_deadline, begin + 2 * ahead));
        BOOST_TEST(!bench.faults(x86::msr_tsc, begin + 2 * ahead));  // reached
        BOOST_TEST(bench.taken() == "0:51 0:51");
    }
}

BOOST_AUTO_TEST_CASE(a_base_beyond_the_physical_addresses_faults) {
    Bench bench(MachineFixture::with("userspace"));
    constexpr std::uint64_t msr_apic_base = 0x1b;
    constexpr std::uint64_t top = std::uint64_t{1} << x86::physical_address_bits;
    BOOST_TEST(bench.faults(msr_apic_base, top | 0xfee00900));
    BOOST_TEST(!bench.faults(msr_apic_base, 0xfee00900));
}

// KVM would take the writes before they exit.
BOOST_AUTO_TEST_CASE(an_ioeventfd_at_a_controllers_address_hears_what_that_leaves) {
    MachineConfig config = MachineFixture::with("userspace");
    config.x2apic = true;
    Bench bench(config);
    const auto assign = [&](std::string name, std::uint64_t address, bool port, std::uint32_t length) {
        return bench.machine.assign_ioeventfd({std::move(name), address, port, length, {}});
    };
    BOOST_TEST(assign("port", 0x21, true, 1).ok());
    BOOST_TEST(assign("twice", 0x21, true, 1).error == EEXIST);
    BOOST_TEST(assign("ioapic", 0xfec00010, false, 4).ok());
    BOOST_TEST(assign("lapic", 0xfee000b0, false, 4).ok());
    BOOST_TEST(assign("memory", 0xd0000000, false, 4).ok());
    bench.guest({op(OP_PORT_OUT, 0x21, 0x12, 1), observed(OP_PORT_IN, 0x21, 1)});
    BOOST_TEST(bench.last<event::Observed>()->value == 0x12U);
    bench.guest({op(OP_WRITE, 0xfec00000, 0x10), op(OP_WRITE, 0xfec00010, 0x81)});
    BOOST_TEST(bench.count<event::DoorbellRung>() == 0U);
    bench.guest({op(OP_WRITE, 0xfee000b0, 0)});  // in x2APIC mode there is no page
    BOOST_TEST(bench.last<event::DoorbellRung>()->name == "lapic");
    bench.guest({op(OP_WRITE, 0xd0000000, 0)});
    BOOST_TEST(bench.last<event::DoorbellRung>()->name == "memory");
    BOOST_TEST(bench.machine.deassign_ioeventfd("port").ok());
    BOOST_TEST(bench.machine.deassign_ioeventfd("port").error == ENOENT);
    BOOST_TEST(bench.machine.deassign_ioeventfd("memory").ok());
}

BOOST_AUTO_TEST_CASE(messages_carry_destinations_of_15_bits_where_the_machine_says_so) {
    for (const bool extended : {false, true}) {
        MachineConfig config = MachineFixture::with("userspace");
        config.vcpu_ids = {0, 44, 300};
        config.x2apic = true;
        config.extended_ids = extended;
        Bench bench(config);
        bench.machine.msi({0xfee2c020, 0x51, std::nullopt});
        bench.machine.settle();
        BOOST_TEST(bench.taken() == (extended ? "2:51" : "1:51"));
    }
}

BOOST_AUTO_TEST_SUITE_END()
