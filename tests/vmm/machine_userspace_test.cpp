#include "vmm/x86/userspace_irqchip.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <thread>

#include "routing/x86.hpp"
#include "tests/needs_kvm.hpp"
#include "tests/vmm/machine_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace irqbench::vmm;

namespace {

constexpr std::uint64_t msr_apic_base = 0x1b;
constexpr std::uint64_t x2apic_base = 0xfee00d00;
constexpr std::uint32_t general_protection = 13;
constexpr std::uint64_t others = 0xc4000;

struct Userspace : MachineFixture {
    explicit Userspace(std::uint32_t vcpus = 1, RunMode run = RunMode::stepped)
        : MachineFixture(with("userspace", vcpus, run)) {}
    explicit Userspace(const MachineConfig& config_) : MachineFixture(config_) {}

    void set(std::uint32_t gsi, bool asserted) {
        machine.set_line(gsi, asserted, false);
        machine.settle();
    }
    std::uint64_t read(std::uint32_t code, std::uint64_t address, std::uint32_t vcpu = 0,
                       std::uint32_t size = 4) {
        guest({observed(code, address, size)}, vcpu);
        const auto value = last<event::Observed>();
        return value ? value->value : ~std::uint64_t{0};
    }
    /// The exception of the last operation.
    std::optional<std::uint32_t> fault() const { return last<event::OperationDone>()->fault; }
    void await(std::string_view taken_) {
        machine.wait([&] { return taken() == taken_; });
        BOOST_TEST(taken() == taken_);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(machine_userspace, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(a_level_line_has_remote_irr_until_its_eoi_and_comes_again) {
    Userspace bench;
    bench.machine.handler(0, 0x51, POLICY_STAY | POLICY_EOI_LAPIC, std::nullopt);
    bench.program(10, level | 0x51);
    bench.set(10, true);
    BOOST_TEST(bench.taken() == "0:51");
    BOOST_TEST(bench.field("ioapic", 10, "remote_irr") == 1U);
    BOOST_TEST(bench.field("lapic", 0, "isr2") == 1U << 0x11);
    BOOST_TEST(bench.field("lapic", 0, "tmr2") == 1U << 0x11);
    bench.guest({op(OP_RETURN)});
    BOOST_TEST(bench.taken() == "0:51 0:51");
    bench.set(10, false);
    bench.guest({op(OP_RETURN)});
    BOOST_TEST(bench.taken() == "0:51 0:51");
    BOOST_TEST(bench.field("ioapic", 10, "remote_irr") == 0U);
    BOOST_TEST(bench.field("lapic", 0, "isr2") == 0U);
}

BOOST_AUTO_TEST_CASE(cr8_and_tpr_are_one_in_both_directions) {
    Userspace bench;
    bench.guest({op(OP_CR8_WRITE, 0, 5)});
    BOOST_TEST(bench.read(OP_LAPIC_READ, tpr) == 0x50U);
    BOOST_TEST(bench.field("lapic", 0, "tpr") == 0x50U);
    bench.msi(0x51);
    bench.msi(0x61);
    BOOST_TEST(bench.taken() == "0:61");
    bench.guest({op(OP_LAPIC_WRITE, tpr, 0x43)});
    BOOST_TEST(bench.taken() == "0:61 0:51");
    BOOST_TEST(bench.read(OP_CR8_READ, 0) == 4U);
    BOOST_TEST(bench.read(OP_LAPIC_READ, tpr) == 0x43U);  // CR8 was read, not written
    bench.guest({op(OP_CR8_WRITE, 0, 15)});
    bench.msi(0xf1);
    bench.guest({op(OP_CR8_WRITE, 0, 0)});
    BOOST_TEST(bench.taken() == "0:61 0:51 0:f1");
}

BOOST_AUTO_TEST_CASE(an_interrupt_waits_for_the_window_and_the_highest_comes_first) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        Userspace bench(1, run);
        bench.guest({op(OP_CLI)});
        bench.msi(0x51);
        bench.msi(0x71);
        bench.msi(0x61);
        BOOST_TEST(bench.taken() == "");
        bench.guest({op(OP_STI)});
        bench.await("0:71 0:61 0:51");
    }
}

BOOST_AUTO_TEST_CASE(an_nmi_passes_cli_and_wakes_but_not_where_nmis_are_blocked) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        Userspace bench(1, run);
        bench.guest({op(OP_CLI), op(OP_HALT)});
        BOOST_TEST((bench.last<event::Rest>()->state == event::RestState::halted));
        bench.machine.handler(0, 2, POLICY_STAY, std::nullopt);
        bench.machine.nmi(0);
        bench.machine.settle();
        bench.await("0:nmi");
        bench.guest({op(OP_HALT)});
        bench.machine.nmi(0);
        bench.machine.settle();
        BOOST_TEST(bench.taken() == "0:nmi");
        BOOST_TEST((bench.last<event::Rest>()->state == event::RestState::halted));
    }
}

BOOST_AUTO_TEST_CASE(init_resets_a_vcpu_in_a_handler_and_only_a_sipi_starts_it) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        Userspace bench(2, run);
        constexpr std::uint64_t to_1 = std::uint64_t{1} << 32;
        bench.machine.handler(1, 0x61, POLICY_STAY | POLICY_EOI_LAPIC, std::nullopt);
        bench.msi(0x61, 1);
        bench.await("1:61");
        bench.guest({op(OP_CR8_WRITE, 0, 3)}, 1);
        bench.guest({op(OP_LAPIC_WRITE, icr, to_1 | 0x4500)});
        BOOST_TEST(bench.field("lapic", 1, "svr") == 0xffU);
        BOOST_TEST(bench.field("lapic", 1, "tpr") == 0U);
        BOOST_TEST(bench.field("lapic", 1, "isr3") == 0U);
        BOOST_TEST(bench.machine.msi({0xfee01000, 0x71, std::nullopt}).value == 0);
        bench.machine.settle();
        BOOST_TEST(bench.count<event::Started>() == 0U);
        for (int sipi = 0; sipi < 2; ++sipi) {  // the second is ignored
            bench.guest({op(OP_LAPIC_WRITE, icr, to_1 | 0x4600 | AGENT_TRAMPOLINE >> 12)});
            bench.machine.wait([&] { return bench.count<event::Started>() == 1; });
            BOOST_TEST(bench.read(OP_LAPIC_READ, tpr, 1) == 0U);
        }
        BOOST_TEST(bench.count<event::Started>() == 1U);
        bench.msi(0x51, 1);
        bench.await("1:61 1:51");
    }
}

BOOST_AUTO_TEST_CASE(init_of_the_bootstrap_processor_begins_at_the_reset_vector) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        Userspace bench(1, run);
        bench.machine.msi({0xfee00000, 0x500, std::nullopt});
        BOOST_TEST(bench.machine.settle());
        bench.machine.wait([&] { return bench.count<event::Started>() == 1; });
        bench.msi(0x51);
        bench.await("0:51");
    }
}

BOOST_AUTO_TEST_CASE(four_vcpus_send_each_other_ipis) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        constexpr std::uint32_t vcpus = 4;
        Userspace bench(vcpus, run);
        for (std::uint32_t from = 0; from < vcpus; ++from) {
            bench.guest({op(OP_LAPIC_WRITE, icr, others | (0x50 + from))}, from);
            const std::size_t expected = (from + 1) * (vcpus - 1);
            bench.machine.wait([&] { return bench.count<event::Taken>() >= expected; });
            BOOST_TEST(bench.count<event::Taken>() == expected);
        }
        // Once round: each to the next.
        for (std::uint32_t from = 0; from < vcpus; ++from)
            bench.guest({op(OP_LAPIC_WRITE, icr, std::uint64_t{(from + 1) % vcpus} << 32 | 0x4061)}, from);
        bench.machine.wait([&] { return bench.count<event::Taken>() >= vcpus * vcpus; });
        BOOST_TEST(bench.count<event::Taken>() == vcpus * vcpus);
        bench.machine.prove_quiet({0, 1, 2, 3});
        BOOST_TEST(bench.last<event::Quiet>()->proven);
    }
}

BOOST_AUTO_TEST_CASE(x2apic_registers_are_msrs_and_fault_where_they_must) {
    Userspace bench(2);
    bench.guest({op(OP_MSR_READ, 0x802)}, 1);
    BOOST_TEST((bench.fault() == general_protection));  // not in that mode yet
    BOOST_TEST(bench.read(OP_MSR_READ, msr_apic_base, 1) == 0xfee00800U);
    BOOST_TEST(bench.read(OP_MSR_READ, msr_apic_base, 0) == 0xfee00900U);
    bench.guest({op(OP_MSR_WRITE, msr_apic_base, x2apic_base)});
    BOOST_TEST(!bench.fault());
    BOOST_TEST(bench.read(OP_MSR_READ, msr_apic_base) == x2apic_base);
    BOOST_TEST(bench.read(OP_MSR_READ, 0x80f) == 0x1ffU);
    bench.guest({op(OP_MSR_WRITE, 0x80b, 1)});  // EOI takes 0 only
    BOOST_TEST((bench.fault() == general_protection));
    bench.guest({op(OP_MSR_WRITE, 0x802, 1)});  // the id is read-only
    BOOST_TEST((bench.fault() == general_protection));
    bench.guest({op(OP_MSR_READ, 0x80b)});
    BOOST_TEST((bench.fault() == general_protection));
    bench.guest({op(OP_MSR_WRITE, msr_apic_base, 0xfee00900)});  // to xAPIC mode directly
    BOOST_TEST((bench.fault() == general_protection));
    bench.guest({op(OP_MSR_WRITE, 0x83f, 0x51)});  // to itself
    BOOST_TEST(bench.taken() == "0:51");
    bench.msi(0x61);
    BOOST_TEST(bench.taken() == "0:51 0:61");
    // The page is no local APIC's any more.
    BOOST_TEST(bench.read(OP_READ, 0xfee000f0) == 0xffffffffU);
}

// The #GP comes with interrupts enabled and an interrupt pending: it must not be lost or come twice.
BOOST_AUTO_TEST_CASE(a_fault_and_an_interrupt_at_once_are_both_taken) {
    Userspace bench(1, RunMode::free);
    for (int i = 0; i < 200; ++i) {
        const std::vector<GuestOp> faulting(8, op(OP_MSR_READ, 0x802));
        bench.machine.guest(0, faulting);
        bench.machine.msi({0xfee00000, 0x51, std::nullopt});
        bench.machine.settle();
    }
    bench.machine.wait([&] { return bench.count<event::Taken>() >= 200; });
    BOOST_TEST(bench.count<event::Taken>() > 0U);
    BOOST_TEST(bench.count<event::Fault>() == 0U);
    BOOST_TEST(!bench.last<event::Trouble>().has_value());
}

BOOST_AUTO_TEST_CASE(the_mapping_of_the_local_apic_follows_its_base) {
    Userspace bench(2);
    bench.guest({op(OP_MSR_WRITE, msr_apic_base, 0xd0000800)}, 1);
    BOOST_TEST(bench.read(OP_READ, 0xd00000f0, 1) == 0x1ffU);
    BOOST_TEST(bench.read(OP_READ, 0xfee000f0, 1) == 0xffffffffU);
    BOOST_TEST(bench.read(OP_READ, 0xfee000f0, 0) == 0x1ffU);
}

BOOST_AUTO_TEST_CASE(a_vcpu_that_halts_is_woken_every_time) {
    Userspace bench(2, RunMode::free);
    constexpr std::size_t rounds = 1000;
    for (std::size_t round = 1; round <= rounds; ++round) {
        const auto vcpu = static_cast<std::uint32_t>(round % 2);
        // With interrupts disabled until then, it is the halt that the interrupt ends.
        bench.guest({op(OP_CLI)}, vcpu);
        bench.machine.guest(vcpu, std::vector<GuestOp>{op(OP_STI_HALT)});
        if (round % 3 == 0) bench.machine.settle();
        bench.machine.msi({0xfee00000 | std::uint64_t{vcpu} << 12, 0x51, std::nullopt});
        bench.machine.settle();
        bench.machine.wait([&] { return bench.count<event::Taken>() == round; });
        BOOST_REQUIRE(bench.count<event::Taken>() == round);
    }
    BOOST_TEST(bench.guest({observed(OP_LAPIC_READ, tpr)}, 0));
    BOOST_TEST(bench.guest({observed(OP_LAPIC_READ, tpr)}, 1));
}

BOOST_AUTO_TEST_CASE(a_table_the_kernel_would_refuse_is_refused) {
    Userspace bench;
    routing::RoutingTable table;
    table.add(4096, routing::MsiRoute{0xfee00000, 0x51});
    BOOST_TEST(bench.machine.route(table).error == EINVAL);
    table = routing::RoutingTable();
    table.add(3, routing::PinRoute{routing::x86::ioapic, 24});
    BOOST_TEST(bench.machine.route(table).error == EINVAL);
    BOOST_TEST((bench.machine.routes() == routing::x86::default_table()));
    BOOST_TEST(bench.machine.route({}).ok());
    BOOST_TEST(bench.machine.set_line(4096, true, false).ok());
    BOOST_TEST(bench.machine.set_line(10, true, true).value == -1);
}

BOOST_AUTO_TEST_CASE(the_status_of_a_message_says_how_many_took_it) {
    Userspace bench(2);
    BOOST_TEST(bench.machine.msi({0xfee00000, 0x51, std::nullopt}).value == 1);
    bench.machine.settle();
    BOOST_TEST(bench.machine.msi({0xfee07000, 0x51, std::nullopt}).value == 0);
    BOOST_TEST(bench.machine.msi({0xfeeff000, 0x52, std::nullopt}).value == 2);
    bench.machine.settle();
    BOOST_TEST(bench.count<event::Taken>() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
