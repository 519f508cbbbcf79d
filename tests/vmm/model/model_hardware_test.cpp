#include "vmm/x86/model_hardware.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <map>

#include "tests/vmm/model/pc.hpp"
#include "vmm/x86/cpu_facts.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using namespace std::chrono_literals;
using vmm::RunMode;

namespace {

// Commands for the ICR.
constexpr std::uint64_t init = 0x4500, sipi = 0x4600 | AGENT_TRAMPOLINE >> 12, nmi = 0x4400, smi = 0x4200;

}  // namespace

BOOST_AUTO_TEST_SUITE(model_hardware)

BOOST_AUTO_TEST_CASE(a_masked_timer_of_any_period_holds_up_nobody) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        Pc pc(ModelBench::with(2, run));
        pc.lapic("timer_divide", 0xB);
        pc.lapic("lvt_timer", 0x3'0051);
        pc.lapic("timer_initial", 1);
        pc.lapic("timer_divide", 0xB, 1);
        pc.lapic("lvt_timer", 0x61, 1);
        pc.lapic("timer_initial", 2'000'000'000, 1);
        BOOST_TEST(pc.await(1));
        BOOST_TEST(pc.taken() == 1);
    }
}

// SDM vol. 3, 9.4.4.
BOOST_AUTO_TEST_CASE(only_a_sipi_after_an_init_starts_a_cpu) {
    vmm::MachineConfig config = ModelBench::with(2);
    config.started = 1;
    Pc pc(config);
    const auto ipi = [&](std::uint64_t command) {
        pc.guest({op(OP_LAPIC_WRITE, "ipi", irqchip::x86::lapic::icr, std::uint64_t{1} << 32 | command)});
        return pc.count<vmm::event::Started>();
    };
    BOOST_TEST(ipi(sipi) == 0U);
    BOOST_TEST(ipi(init) == 0U);
    BOOST_TEST(ipi(sipi) == 1U);
    BOOST_TEST(ipi(sipi) == 1U);
}

BOOST_AUTO_TEST_CASE(a_cpu_that_waits_remembers_one_nmi_and_one_smi_until_it_starts) {
    vmm::MachineConfig config = ModelBench::with(2);
    config.started = 1;
    Pc pc(config);
    constexpr std::uint64_t to_1 = std::uint64_t{1} << 32;
    const auto ipi = [&](std::uint64_t command) {
        pc.guest({op(OP_LAPIC_WRITE, "ipi", irqchip::x86::lapic::icr, to_1 | command)});
    };
    const auto smis = [&] {
        pc.guest({observed(OP_READ, "smis", AGENT_SHARED + SHARED_SMIS)});
        return pc.last<vmm::event::Observed>()->value;
    };
    const auto interrupt = [&] {
        pc.machine.nmi(1);
        ipi(nmi);
        ipi(smi);
        ipi(smi);
    };
    interrupt();
    ipi(init);  // forgets all of them
    ipi(sipi);
    BOOST_TEST(pc.taken() == 0U);
    BOOST_TEST(smis() == 0U);
    ipi(init);
    interrupt();
    BOOST_TEST(pc.taken() == 0U);
    BOOST_TEST(smis() == 0U);
    ipi(sipi);
    BOOST_TEST(pc.taken() == 1U);
    BOOST_TEST(smis() == 1U);
    ipi(smi);
    BOOST_TEST(smis() == 2U);
}

BOOST_AUTO_TEST_CASE(an_smi_ends_a_halt) {
    Pc pc(ModelBench::with(2));
    BOOST_TEST(pc.guest({cli(), op(OP_HALT, "halt")}, 1));
    BOOST_TEST((pc.last<vmm::event::Rest>()->state == vmm::event::RestState::halted));
    pc.guest({op(OP_LAPIC_WRITE, "smi", irqchip::x86::lapic::icr, std::uint64_t{1} << 32 | smi)});
    BOOST_TEST(pc.guest({sti()}, 1));
}

// The PIC ends the interrupt by itself, its resampler lets go of the line, and the I/O APIC takes the fall
// for an edge.
BOOST_AUTO_TEST_CASE(no_interrupt_outlives_an_init_that_its_acknowledge_causes) {
    Pc pc;
    constexpr std::uint64_t mode_init_active_low = 0x2500;
    constexpr std::array<std::array<std::uint64_t, 2>, 6> writes{
        {{0x20, 0x11}, {0x21, 0x50}, {0x21, 4}, {0x21, 3}, {0x21, 0}, {0x4D0, 0x20}}};
    for (const auto& [port, value] : writes) pc.guest({op(OP_PORT_OUT, "out", port, value, 1)});
    pc.lapic("lvt_lint0", 0x700);
    pc.entry(5, mode_init_active_low);
    BOOST_TEST(pc.irqfd("a", 5, true).ok());
    pc.signal("a");
    BOOST_TEST(pc.taken() == 0U);
    BOOST_TEST(pc.count<vmm::event::Started>() == 1U);
    pc.msi(0x81);
    BOOST_TEST(pc.taken() == 1U);
}

BOOST_AUTO_TEST_CASE(a_guest_sets_its_counter_and_the_armed_deadline_moves_with_it) {
    for (const bool by_adjust : {false, true}) {
        Pc pc(ModelBench::with(2));
        const auto counter = [&](std::uint32_t cpu) { return pc.machine.inspect("tsc", cpu).at(0).value; };
        const auto wrmsr = [&](std::uint64_t index, std::uint64_t value) {
            pc.guest({op(OP_MSR_WRITE, "wrmsr", index, value)});
            BOOST_TEST(!pc.last<vmm::event::OperationDone>()->fault.has_value());
        };
        const auto rdmsr = [&](std::uint64_t index) {
            pc.guest({observed(OP_MSR_READ, "rdmsr", index)});
            return pc.last<vmm::event::Observed>()->value;
        };
        constexpr std::uint64_t second = 1'000'000'000;
        const std::uint64_t begin = counter(0);
        pc.lapic("lvt_timer", 0x4'0051);
        wrmsr(0x6E0, begin + 3600 * second);
        const std::uint64_t ahead = 3000 * second;
        if (by_adjust)
            wrmsr(0x3B, ahead);
        else
            wrmsr(0x10, counter(0) + ahead);
        BOOST_TEST(counter(0) >= begin + ahead);
        BOOST_TEST(counter(1) < begin + second);
        BOOST_TEST(rdmsr(0x10) >= begin + ahead);
        BOOST_TEST((rdmsr(0x3B) >= ahead - second && rdmsr(0x3B) <= ahead));
        BOOST_TEST(pc.taken() == 0U);
        // Ten minutes remain, which is more than anybody waits.
        BOOST_TEST(!pc.await(1));
        wrmsr(0x10, begin + 3599 * second);
        const auto waited = pc.time();
        BOOST_TEST(pc.await(1));
        BOOST_TEST((pc.time() - waited > 900ms && pc.time() - waited < 1001ms));
        wrmsr(0x6E0, begin + 5000 * second);
        wrmsr(0x10, ~std::uint64_t{0} - second);  // past it
        BOOST_TEST(pc.taken() == 2U);
    }
}

BOOST_AUTO_TEST_CASE(a_base_beyond_the_physical_addresses_faults) {
    Pc pc;
    const auto write_base = [&](std::uint64_t base) {
        pc.guest({op(OP_MSR_WRITE, "base", 0x1B, base)});
        return pc.last<vmm::event::OperationDone>()->fault.has_value();
    };
    constexpr std::uint64_t top = std::uint64_t{1} << vmm::x86::physical_address_bits;
    BOOST_TEST(write_base(top | 0xFEE0'0900));
    BOOST_TEST(!write_base(top / 2 | 0xFEE0'0900));
}

BOOST_AUTO_TEST_CASE(a_doorbell_at_a_controllers_address_hears_what_that_leaves) {
    vmm::MachineConfig config = ModelBench::with();
    config.x2apic = true;
    Pc pc(config);
    BOOST_TEST(pc.machine.assign_ioeventfd({"port", 0x21, true, 1, {}}).ok());
    BOOST_TEST(pc.machine.assign_ioeventfd({"ioapic", ioapic + 0x10, false, 4, {}}).ok());
    BOOST_TEST(pc.machine.assign_ioeventfd({"lapic", lapic_page + 0xB0, false, 4, {}}).ok());
    pc.guest({op(OP_PORT_OUT, "out", 0x21, 0x12, 1)});
    pc.entry(7, 0x81);
    BOOST_TEST(pc.count<vmm::event::DoorbellRung>() == 0U);
    pc.guest({op(OP_WRITE, "eoi", lapic_page + 0xB0, 0)});  // in x2APIC mode there is no page
    BOOST_TEST(pc.count<vmm::event::DoorbellRung>() == 1U);
}

BOOST_AUTO_TEST_CASE(messages_carry_destinations_of_15_bits_where_the_machine_says_so) {
    for (const bool extended : {false, true}) {
        vmm::MachineConfig config = ModelBench::with();
        config.vcpu_ids = {0, 44, 300};
        config.x2apic = true;
        config.extended_ids = extended;
        Pc pc(config);
        pc.machine.msi({0xFEE2'C020, 0x51, {}});
        pc.machine.settle();
        for (const vmm::Event& event : pc.trace.events())
            if (std::holds_alternative<vmm::event::Taken>(event.what))
                BOOST_TEST(event.vcpu.value() == (extended ? 2U : 1U));
        BOOST_TEST(pc.taken() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(the_pit_can_be_looked_into) {
    vmm::MachineConfig config = ModelBench::with();
    BOOST_TEST(Pc(config).machine.inspect("pit", 0).empty());
    config.pit = true;
    Pc pc(config);
    pc.guest({op(OP_PORT_OUT, "mode", 0x43, 0x34, 1), op(OP_PORT_OUT, "low", 0x40, 0x10, 1),
              op(OP_PORT_OUT, "high", 0x40, 0x27, 1)});
    std::map<std::string, std::uint64_t> fields;
    for (const vmm::NamedValue& field : pc.machine.inspect("pit", 0)) fields[field.name] = field.value;
    BOOST_TEST(fields["m"] == 2U);
    BOOST_TEST(pc.machine.inspect("pit", 3).empty());
}

BOOST_AUTO_TEST_SUITE_END()
