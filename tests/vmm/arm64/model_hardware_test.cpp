#include "vmm/arm64/model_hardware.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <stdexcept>

#include "tests/vmm/arm64/board.hpp"
#include "vmm/guest/agent.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using vmm::Outcome;
using vmm::RunMode;
namespace icc = irqchip::arm64::icc;

namespace {

constexpr std::uint64_t gicc_ctlr = AGENT_GICC, gicc_iar = AGENT_GICC + 0x0c;
constexpr std::uint64_t gicd_sgir = AGENT_GICD + 0xf00, gicd_typer = AGENT_GICD + 4;
constexpr std::uint32_t cpu_on = 0xc400'0003, cpu_off = 0x8400'0002;
constexpr std::uint32_t undefined = FAULT_ESR, data_abort = FAULT_ESR + 0x25;

vmm::MachineConfig one_started_of(std::uint32_t vcpus) {
    vmm::MachineConfig config = ArmBoard::with("v3", vcpus);
    config.started = 1;
    return config;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(arm64_model_hardware)

BOOST_AUTO_TEST_CASE(an_spi_is_taken_by_irq_or_by_fiq_and_ended_as_it_was_taken) {
    for (const char* gic : {"v3", "v2"}) {
        for (const bool group1 : {true, false}) {
            ArmBoard board(ArmBoard::with(gic));
            board.spi(42, ArmBoard::level);
            board.write(AGENT_GICD + 0x84, group1 && board.is_v3 ? 1U << 10 : 0);
            board.stay(42, POLICY_EOI);
            board.line(10, true);
            BOOST_TEST(board.taken() == 1U);
            BOOST_TEST(board.interrupt("active", 42) == 1U);
            board.line(10, false);
            board.guest({op(OP_RETURN, "return")});
            BOOST_TEST(board.interrupt("active", 42) == 0U);
            BOOST_TEST(board.taken() == 1U);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_level_that_stays_is_taken_again_and_storms) {
    vmm::MachineConfig config = ArmBoard::with();
    config.storm_budget = 10;
    ArmBoard board(config);
    board.spi(42, ArmBoard::level);
    board.line(10, true);
    BOOST_TEST(board.count<vmm::event::Storm>() == 1U);
}

BOOST_AUTO_TEST_CASE(eoi_on_request_names_what_stays_or_any_intid) {
    ArmBoard board;
    for (const std::uint32_t intid : {42U, 43U}) {
        board.spi(intid);
        board.stay(intid, POLICY_NEST);
    }
    board.write(AGENT_GICD + 0x400 + 43, 0x40, 1);
    board.line(10, true);
    board.line(11, true);
    board.guest({op(OP_EOI, "eoi")});
    BOOST_TEST(board.last<vmm::event::GuestEoi>()->vector == 43U);
    BOOST_TEST(board.interrupt("active", 43) == 0U);
    board.guest({op(OP_EOI, "eoi", 1, 42)});
    BOOST_TEST(board.last<vmm::event::GuestEoi>()->vector == 42U);
    BOOST_TEST(board.interrupt("active", 42) == 0U);
}

// IHI 0069, 4.1: with EOImode 1 EOIR drops the priority and DIR deactivates.
BOOST_AUTO_TEST_CASE(eoi_first_drops_and_deactivates_at_the_end) {
    for (const char* gic : {"v3", "v2"}) {
        ArmBoard board(ArmBoard::with(gic));
        board.spi(42, ArmBoard::level);
        if (board.is_v3)
            board.msr(icc::ctlr, 2);
        else
            board.write(gicc_ctlr, 0x203);
        board.stay(42, POLICY_EOI | POLICY_EOI_FIRST | POLICY_DEACTIVATE);
        board.line(10, true);
        board.line(10, false);
        BOOST_TEST(board.interrupt("active", 42) == 1U);
        BOOST_TEST(board.last<vmm::event::Rest>()->in_service == 42U);
        board.machine.prove_quiet({0});
        // Masked in the handler, but the priority is dropped: nothing is held back by it.
        BOOST_TEST(!board.last<vmm::event::Quiet>()->above.has_value());
        board.guest({op(OP_RETURN, "return")});
        BOOST_TEST(board.interrupt("active", 42) == 0U);
    }
}

BOOST_AUTO_TEST_CASE(dir_is_an_operation_of_its_own) {
    ArmBoard board;
    board.spi(42);
    board.msr(icc::ctlr, 2);
    board.stay(42);
    board.line(10, true);
    board.guest({op(OP_EOI, "eoi")});
    BOOST_TEST(board.interrupt("active", 42) == 1U);
    board.guest({op(OP_DEACTIVATE, "deactivate")});
    BOOST_TEST(board.interrupt("active", 42) == 0U);
}

// Arm ARM, D1.6.2.
BOOST_AUTO_TEST_CASE(wfi_ends_with_what_is_masked_and_takes_it_once_unmasked) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        ArmBoard board(ArmBoard::with("v3", 1, run));
        board.spi(42);
        board.guest({cli(), op(OP_HALT, "wfi")});
        BOOST_TEST(bool(board.last<vmm::event::Rest>()->state == vmm::event::RestState::halted));
        board.line(10, true);
        board.machine.finish();
        BOOST_TEST(board.taken() == 0U);
        BOOST_TEST(board.last<vmm::event::OperationDone>()->text == "wfi");
        board.guest({sti()});
        board.machine.finish();
        BOOST_TEST(board.taken() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_nesting_handler_is_interrupted_before_its_first_operation) {
    ArmBoard board;
    board.spi(42);
    board.spi(43);
    board.write(AGENT_GICD + 0x400 + 42, 0x40, 1);
    board.stay(42, POLICY_NEST | POLICY_EOI | POLICY_EOI_FIRST);
    board.guest({cli()});
    board.line(10, true);
    board.line(11, true);
    board.guest({sti(), cli()});
    BOOST_TEST(board.taken() == 2U);
    BOOST_TEST(board.last<vmm::event::Taken>()->vector == 43U);
}

BOOST_AUTO_TEST_CASE(irq_line_names_types_as_kvm_does) {  // api.rst 4.25
    ArmBoard board(ArmBoard::with("v3", 2));
    const auto line = [&](std::uint32_t word) { return board.machine.set_line(word, true, false); };
    BOOST_TEST(bool(line(ArmBoard::type_spi | 42) == Outcome{}));
    BOOST_TEST(board.interrupt("line", 42) == 1U);
    BOOST_TEST(bool(line(ArmBoard::type_ppi | 1U << 16 | 20) == Outcome{}));
    BOOST_TEST(board.interrupt("line", 20, 0) == 0U);
    BOOST_TEST(board.interrupt("line", 20, 1) == 1U);
    BOOST_TEST(bool(line(63) == Outcome{}));
    for (const std::uint32_t wrong :
         {64U, 0x1'000aU, 0xff'ffffU, ArmBoard::type_spi | 31, ArmBoard::type_ppi | 15,
          ArmBoard::type_ppi | 32, ArmBoard::type_ppi | 2U << 16 | 20, ArmBoard::type_ppi | 1U << 28 | 20,
          3U << 24 | 42})
        BOOST_TEST(line(wrong).error == EINVAL);
    // Type 0 with a vCPU in vcpu2.
    BOOST_TEST(line(1U << 28).error == ENXIO);
    BOOST_TEST(board.machine.nmi(0).error == ENOTTY);
    BOOST_TEST(board.machine.inject(0, 42, vmm::Injection::interrupt).error == ENOTTY);
}

// vgic_validate_injection() of Linux, arch/arm64/kvm/vgic/vgic.c: PPIs 27 and 30 have owners.
BOOST_AUTO_TEST_CASE(the_lines_of_timers_are_the_timers) {
    ArmBoard board;
    for (const std::uint32_t intid : {27U, 30U}) {
        board.ppi(intid);
        BOOST_TEST(bool(board.machine.set_line(ArmBoard::type_ppi | intid, true, false) == Outcome{}));
        BOOST_TEST(board.interrupt("line", intid) == 0U);
    }
    BOOST_TEST(board.taken() == 0U);
}

BOOST_AUTO_TEST_CASE(vcpus_are_called_by_their_ids_where_kvm_calls_them_so) {
    vmm::MachineConfig config = ArmBoard::with("v3", 3);
    config.vcpu_ids = {1, 300, 0};
    ArmBoard board(config);
    const auto number = [&](std::uint32_t cpu) {
        return board.read(AGENT_GICR + cpu * 0x20000 + 8, 4, cpu) >> 8 & 0xffff;
    };
    for (const std::uint32_t cpu : {0U, 1U, 2U}) BOOST_TEST(number(cpu) == config.vcpu_ids[cpu]);
    // api.rst 4.25: eight bits, and four more.
    BOOST_TEST(board.machine.set_line(ArmBoard::type_ppi | 1U << 28 | 44U << 16 | 20, true, false).ok());
    BOOST_TEST(board.machine.set_line(ArmBoard::type_ppi | 21, true, false).ok());
    BOOST_TEST(board.interrupt("line", 20, 1) == 1U);
    BOOST_TEST(board.interrupt("line", 21, 2) == 1U);
    BOOST_TEST(board.machine.set_line(ArmBoard::type_ppi | 2U << 16 | 20, true, false).error == EINVAL);
}

// With the one word the agent has for it: what is pending ends the WFI before it begins.
BOOST_AUTO_TEST_CASE(wfi_that_unmasks_does_not_wait_for_what_is_pending) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        ArmBoard board(ArmBoard::with("v3", 1, run));
        board.spi(42);
        board.guest({cli()});
        board.line(10, true);
        board.guest({op(OP_STI_HALT, "wfi")});
        board.machine.finish();
        BOOST_TEST(board.taken() == 1U);
        BOOST_TEST(bool(board.last<vmm::event::Rest>()->state == vmm::event::RestState::idle));
        board.guest({op(OP_STI_HALT, "wfi")});
        board.machine.finish();
        BOOST_TEST(bool(board.last<vmm::event::Rest>()->state == vmm::event::RestState::halted));
        BOOST_TEST(board.last<vmm::event::Rest>()->interrupts_enabled);
        board.line(10, false);
        board.line(10, true);
        board.machine.finish();
        BOOST_TEST(board.taken() == 2U);
    }
}

// Arm ARM, D12.2.4: CNTV_TVAL_EL0 is signed.
BOOST_AUTO_TEST_CASE(a_time_that_has_passed_expires_at_once) {
    for (const std::uint64_t passed : {0xffff'ffffU, 0x8000'0000U}) {
        ArmBoard board;
        board.ppi(27);
        board.stay(27);
        board.msr(irqchip::arm64::sysreg(3, 3, 14, 3, 0), passed);
        board.msr(irqchip::arm64::sysreg(3, 3, 14, 3, 1), 1);
        BOOST_TEST(board.taken() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_timer_interrupts_on_virtual_time_and_its_own_cpu) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        ArmBoard board(ArmBoard::with("v3", 2, run));
        for (const std::uint32_t cpu : {0U, 1U}) board.ppi(27, cpu);
        board.machine.handler(1, 27, POLICY_STAY, std::nullopt);
        constexpr std::uint64_t second = 1'000'000'000;
        board.msr(irqchip::arm64::sysreg(3, 3, 14, 3, 2), vmm::arm64::VirtualTimer::first_count + second, 1);
        board.msr(irqchip::arm64::sysreg(3, 3, 14, 3, 1), 1, 1);
        board.machine.finish();
        BOOST_TEST(board.taken() == 0U);
        board.machine.wait([&] { return board.taken() != 0; });
        BOOST_REQUIRE(board.taken() == 1U);
        for (const vmm::Event& event : board.trace.events())
            if (std::holds_alternative<vmm::event::Taken>(event.what)) {
                BOOST_TEST(event.vcpu.value() == 1U);
                BOOST_TEST(event.at.count() >= static_cast<std::int64_t>(second));
            }
    }
}

BOOST_AUTO_TEST_CASE(sgis_reach_others_by_affinity_or_by_number) {
    ArmBoard v3(ArmBoard::with("v3", 3));
    for (const std::uint32_t cpu : {0U, 1U, 2U}) v3.ppi(5, cpu);
    v3.news();
    v3.msr(icc::sgi1r, 5U << 24 | 0b100);
    BOOST_TEST(v3.taken() == 1U);
    for (const vmm::Event& event : v3.trace.events())
        if (std::holds_alternative<vmm::event::Taken>(event.what)) BOOST_TEST(event.vcpu.value() == 2U);
    v3.msr(icc::sgi1r, std::uint64_t{1} << 40 | 5U << 24, 1);
    BOOST_TEST(v3.taken() == 3U);

    ArmBoard v2(ArmBoard::with("v2", 2));
    v2.ppi(5, 1);
    v2.machine.handler(1, 5, POLICY_STAY | POLICY_EOI, std::nullopt);
    v2.write(gicd_sgir, 0b10U << 16 | 5);
    BOOST_TEST(v2.last<vmm::event::Taken>()->vector == 5U);
    v2.write(gicd_sgir, 0b10U << 16 | 5, 4, 1);
    BOOST_TEST(v2.interrupt("sources", 5, 1) == 0b10U);
    v2.guest({op(OP_RETURN, "return")}, 1);
    BOOST_TEST(v2.taken() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_of_no_version_or_nowhere_faults) {
    const auto fault = [](ArmBoard& board, const vmm::GuestOp& access) {
        board.guest({access});
        return board.last<vmm::event::OperationDone>()->fault.value_or(0);
    };
    ArmBoard v2(ArmBoard::with("v2"));
    BOOST_TEST(fault(v2, op(OP_MSR_READ, "pmr", icc::pmr)) == undefined);
    BOOST_TEST(fault(v2, op(OP_MSR_WRITE, "pmr", icc::pmr)) == undefined);
    ArmBoard v3;
    BOOST_TEST(fault(v3, op(OP_MSR_WRITE, "iar", icc::iar1)) == undefined);
    BOOST_TEST(fault(v3, op(OP_MSR_READ, "eoir", icc::eoir1)) == undefined);
    BOOST_TEST(fault(v3, op(OP_READ, "above", std::uint64_t{4} << 30)) == data_abort);
    BOOST_TEST(fault(v3, op(OP_READ, "across", (std::uint64_t{4} << 30) - 2)) == data_abort);
    BOOST_TEST(fault(v3, op(OP_WRITE, "unaligned", AGENT_GICD + 2)) == data_abort);
    BOOST_TEST(fault(v3, op(OP_MODIFY, "unaligned", AGENT_GICD + 2)) == data_abort);
    BOOST_TEST(fault(v3, op(OP_READ, "unaligned, but normal", 0x2002, 0, 4)) == 0U);
    BOOST_TEST(fault(v3, op(OP_CLEAR, "across", (std::uint64_t{4} << 30) - 8, 16)) == data_abort);
    BOOST_TEST(v3.read(gicc_iar) == 0xFFFF'FFFFU);  // nothing is there
    BOOST_TEST(v2.read(gicc_iar) == 1023U);
    for (const std::uint32_t code : std::array<std::uint32_t, 3>{OP_PORT_IN, OP_LAPIC_READ, OP_CR8_READ})
        BOOST_TEST(!v3.guest({op(code, "of another architecture")}));
    BOOST_TEST(!v2.guest({op(OP_CLEAR, "endless", 0x2000, ~std::uint64_t{0})}));
}

BOOST_AUTO_TEST_CASE(a_cpu_reads_who_it_is_and_what_waits_for_it) {
    vmm::MachineConfig config = ArmBoard::with("v3", 1);
    config.vcpu_ids = {0x12};
    ArmBoard elsewhere(config);
    BOOST_TEST(elsewhere.mrs(irqchip::arm64::sysreg(3, 0, 0, 0, 5)) == 0x8000'0102U);
    ArmBoard board;
    const std::uint32_t isr = irqchip::arm64::sysreg(3, 0, 12, 1, 0);
    board.spi(42);
    board.spi(43);
    board.guest({cli()});
    BOOST_TEST(board.mrs(isr) == 0U);
    board.line(10, true);
    BOOST_TEST(board.mrs(isr) == 0x80U);
    board.guest({op(OP_MODIFY, "igroupr", AGENT_GICD + 0x84, std::uint64_t{1} << (32 + 10))});
    BOOST_TEST(board.mrs(isr) == 0x40U);
    BOOST_TEST((board.read(gicd_typer) & 0x1f) == 2U);
    // GICD_TYPER.LPIS: with an ITS, as in KVM.
    config = ArmBoard::with();
    BOOST_TEST((board.read(gicd_typer) >> 17 & 1) == 0U);
    config.its = true;
    BOOST_TEST((ArmBoard(config).read(gicd_typer) >> 17 & 1) == 1U);
}

BOOST_AUTO_TEST_CASE(psci_starts_and_stops_cpus) {  // Arm DEN 0022, 5.5 and 5.6
    ArmBoard board(one_started_of(2));
    const std::uint64_t block = vmm::guest::Agent::block_address(1);
    BOOST_TEST(board.call(cpu_on, 5) == static_cast<std::uint64_t>(-2));
    BOOST_TEST(board.call(cpu_on, 0) == static_cast<std::uint64_t>(-4));
    BOOST_TEST(board.call(0x8400'0063, 0) == static_cast<std::uint64_t>(-1));
    BOOST_TEST(board.call(0x8400'0000, 0) == 0x1'0000U);
    // CPU_ON of the 32-bit convention has arguments of 32 bits.
    BOOST_TEST(board.call(0x8400'0003, std::uint64_t{1} << 32) == static_cast<std::uint64_t>(-4));
    BOOST_TEST(board.count<vmm::event::Started>() == 0U);
    BOOST_TEST(board.call(cpu_on, 1, block) == 0U);
    BOOST_TEST(board.count<vmm::event::Started>() == 1U);
    BOOST_TEST(board.call(cpu_on, 1, block) == static_cast<std::uint64_t>(-4));
    board.guest({op(OP_CALL, "off", 0, 0, cpu_off)}, 1);
    BOOST_TEST(bool(board.last<vmm::event::Rest>()->state == vmm::event::RestState::not_started));
    BOOST_TEST(board.call(cpu_on, 1, block) == 0U);
    BOOST_TEST(board.count<vmm::event::Started>() == 2U);
}

// What the agent's boot code leaves, whatever was there before.
BOOST_AUTO_TEST_CASE(a_cpu_that_is_started_again_has_a_cpu_interface_that_lets_everything_through) {
    ArmBoard board(ArmBoard::with("v3", 2));
    const std::uint64_t ctlr = board.mrs(icc::ctlr, 1);
    for (const auto& [number, value] : {std::pair{icc::ctlr, std::uint64_t{2}},
                                        {icc::bpr0, 7},
                                        {icc::bpr1, 7},
                                        {icc::pmr, 0},
                                        {icc::igrpen0, 0},
                                        {icc::igrpen1, 0}})
        board.msr(number, value, 1);
    board.guest({op(OP_CALL, "off", 0, 0, cpu_off)}, 1);
    BOOST_TEST(board.call(cpu_on, 1, vmm::guest::Agent::block_address(1)) == 0U);
    BOOST_TEST(board.mrs(icc::ctlr, 1) == ctlr);
    BOOST_TEST(board.mrs(icc::bpr0, 1) == 2U);
    BOOST_TEST(board.mrs(icc::bpr1, 1) == 3U);
    BOOST_TEST(board.mrs(icc::pmr, 1) == 0xf8U);
    BOOST_TEST(board.mrs(icc::igrpen0, 1) == 1U);
    BOOST_TEST(board.mrs(icc::igrpen1, 1) == 1U);
}

// Arm DEN 0022, 5.15: 0 for every function there is, NOT_SUPPORTED for the others, as KVM says of its own.
BOOST_AUTO_TEST_CASE(psci_features_names_the_functions_there_are) {
    ArmBoard board;
    constexpr std::uint32_t features = 0x8400'000a;
    constexpr auto not_supported = static_cast<std::uint64_t>(-1);
    for (const std::uint32_t there :
         {0x8400'0000U, 0x8400'0002U, 0x8400'0003U, 0xc400'0003U, 0x8400'000aU, 0x8000'0000U}) {
        BOOST_TEST(board.call(features, there) == 0U, "function " << there);
        if (there != cpu_off) BOOST_TEST(board.call(there, there) != not_supported, "function " << there);
    }
    for (const std::uint32_t none :
         {0U, 0x8400'0005U, 0x8400'0008U, 0x8400'000bU, 0xc400'0000U, 0x8400'ffffU, 0xffff'ffffU}) {
        BOOST_TEST(board.call(features, none) == not_supported, "function " << none);
        BOOST_TEST(board.call(none, 0) == not_supported, "function " << none);
    }
}

BOOST_AUTO_TEST_CASE(quiet_says_which_priority_holds_back) {
    ArmBoard board;
    board.msr(icc::pmr, 0x80);
    board.machine.prove_quiet({0});
    BOOST_TEST(board.last<vmm::event::Quiet>()->above.value() == 0x20U - 0x10);
    board.msr(icc::pmr, 0xf8);
    board.machine.prove_quiet({0});
    BOOST_TEST(!board.last<vmm::event::Quiet>()->above.has_value());
}

BOOST_AUTO_TEST_CASE(quiet_says_which_running_priority_holds_back) {
    for (const char* gic : {"v3", "v2"}) {
        ArmBoard board(ArmBoard::with(gic));
        board.spi(42);
        board.stay(42, POLICY_NEST);
        board.line(10, true);
        board.machine.prove_quiet({0});
        BOOST_TEST(board.last<vmm::event::Quiet>()->above.value() == 0x20U - 0x10);
    }
}

// As KVM's guests see it: the one APR of the virtual CPU interface is of both groups.
BOOST_AUTO_TEST_CASE(active_priorities_of_a_gicv2_are_those_of_both_groups) {
    constexpr std::uint64_t gicc_aiar = AGENT_GICC + 0x20;
    ArmBoard board(ArmBoard::with("v2"));
    board.spi(42);
    board.write(AGENT_GICD + 0x84, 1U << 10);
    board.guest({cli()});
    board.line(10, true);
    BOOST_TEST(board.read(gicc_aiar) == 42U);
    const auto shown = board.machine.inspect("cpu_interface", 0);
    BOOST_TEST(shown.back().name == "ap0r0");
    BOOST_TEST(shown.back().value == 1U << 16);
}

BOOST_AUTO_TEST_CASE(a_spurious_interrupt_is_noted_and_nothing_else) {
    // Of group 1, with AckCtl clear: IAR reads 1022 (IHI 0048B.b, 3.2.5) as long as it is signalled.
    vmm::MachineConfig config = ArmBoard::with("v2");
    config.storm_budget = 5;
    ArmBoard board(config);
    board.spi(42);
    board.stay(1022);
    board.write(AGENT_GICD + 0x84, 1U << 10);
    board.line(10, true);
    BOOST_TEST(board.last<vmm::event::Taken>()->vector == 1022U);
    BOOST_TEST(board.count<vmm::event::Storm>() == 1U);
    BOOST_TEST(board.interrupt("active", 42) == 0U);
}

// `diff` counts up until nothing comes back.
BOOST_AUTO_TEST_CASE(what_can_be_inspected_ends_and_has_the_names_of_the_kernels_placement) {
    const auto names = [](ArmBoard& board, const char* controller, std::uint32_t index = 0) {
        std::string text;
        for (const vmm::NamedValue& value : board.machine.inspect(controller, index))
            text += value.name + " ";
        return text;
    };
    for (const char* gic : {"v3", "v2"}) {
        ArmBoard board(ArmBoard::with(gic, 2));
        BOOST_TEST(board.machine.inspect("gic", 0).front().value == (board.is_v3 ? 3U : 2U));
        BOOST_TEST(names(board, "distributor") == "ctlr ");
        BOOST_TEST(board.machine.inspect("distributor", 0).front().value % 4 == 3U);
        BOOST_TEST(
            names(board, "cpu_interface") ==
            (board.is_v3 ? "ctlr pmr bpr0 bpr1 igrpen0 igrpen1 ap0r0 ap1r0 " : "ctlr pmr bpr0 bpr1 ap0r0 "));
        BOOST_TEST(names(board, "interrupt", 95) != "");
        BOOST_TEST(names(board, "interrupt", 96) == "");
        BOOST_TEST(names(board, "interrupt", 2U << 16) == "");
        BOOST_TEST(names(board, "interrupt", 8192) == "");
        BOOST_TEST(names(board, "distributor", 1) == "");
        BOOST_TEST(names(board, "cpu_interface", 1) != "");
        BOOST_TEST(names(board, "cpu_interface", 2) == "");
        BOOST_TEST(names(board, "its") == "");
        BOOST_TEST(names(board, "lapic") == "");
    }
}

BOOST_AUTO_TEST_CASE(a_gic_that_cannot_be_is_refused) {
    vmm::MachineConfig with_its = ArmBoard::with("v2");
    with_its.its = true;
    BOOST_CHECK_THROW(ArmBoard{with_its}, std::invalid_argument);
    BOOST_CHECK_THROW(ArmBoard(ArmBoard::with("v2", 9)), std::invalid_argument);
    BOOST_CHECK_THROW(ArmBoard(ArmBoard::with("v4")), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
