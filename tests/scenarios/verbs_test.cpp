#include "scenarios/engine/architecture.hpp"

#include <boost/test/unit_test.hpp>
#include <map>

#include "scenarios/engine/load.hpp"
#include "tests/scenarios/played.hpp"
#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios {

BOOST_AUTO_TEST_SUITE(verbs_of_x86)
void check_calls(const std::string& step, const Lines& calls) {
    BOOST_TEST_CONTEXT(step) {
        const Played played(step);
        BOOST_TEST(played.machine.calls == calls, boost::test_tools::per_element());
    }
}

void check_expects(const std::string& step, const Lines& expects) {
    BOOST_TEST_CONTEXT(step) {
        const Played played(step);
        BOOST_TEST(played.expects == expects, boost::test_tools::per_element());
    }
}

std::string op(std::uint32_t vcpu, std::uint32_t code, std::uint32_t size, std::uint64_t address,
               std::uint64_t value) {
    return fmt::format("vcpu {}: op {} size {} at {:#x} value {:#x}", vcpu, code, size, address, value);
}

Lines ioapic_write(std::uint32_t vcpu, std::uint32_t selector, std::uint32_t value) {
    return {op(vcpu, OP_WRITE, 4, 0xFEC00000, selector), op(vcpu, OP_WRITE, 4, 0xFEC00010, value)};
}

Lines operator+(Lines first, const Lines& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

Lines port_writes(const std::vector<std::pair<unsigned, unsigned>>& writes) {
    Lines lines;
    for (const auto& [port, value] : writes) lines.push_back(op(0, OP_PORT_OUT, 1, port, value));
    return lines;
}

BOOST_AUTO_TEST_CASE(lines_are_raised_lowered_and_pulsed) {
    check_calls(R"({ "raise": 10 })", {"raise 10"});
    check_calls(R"({ "lower": "0x0a" })", {"lower 10"});
    check_calls(R"({ "pulse": 10 })", {"raise 10", "lower 10"});
    check_calls(R"({ "raise": { "gsi": 10, "status": "coalesced" } })", {"raise 10 with status"});
    check_calls(R"({ "lower": { "gsi": 10, "status": "delivered" } })", {"lower 10 with status"});
    check_calls(R"({ "pulse": { "gsi": 10, "status": "ignored" } })", {"raise 10 with status", "lower 10"});
    check_expects(R"({ "raise": 10 })", {"success"});
    check_expects(R"({ "raise": { "gsi": 10, "status": "coalesced" } })", {"coalesced"});
    check_expects(R"({ "raise": { "gsi": 10, "errno": "ENXIO" } })", {"ENXIO"});
    check_expects(R"({ "pulse": { "gsi": 10, "status": "ignored" } })", {"ignored", "success"});
}

BOOST_AUTO_TEST_CASE(the_status_of_a_pulse_is_that_of_its_rise) {
    const Played played(R"({ "pulse": { "gsi": 10, "status": "ignored" } })");
    const auto results = played.verb->expects();
    BOOST_TEST(std::get<expect::CallResult>(results.at(0)).call == "raise");
    BOOST_TEST(std::get<expect::CallResult>(results.at(0)).value_sign.value() == -1);
    BOOST_TEST(std::get<expect::CallResult>(results.at(1)).call.empty());
    BOOST_TEST(!std::get<expect::CallResult>(results.at(1)).value_sign.has_value());
}

BOOST_AUTO_TEST_CASE(messages_are_encoded_as_the_sdm_says) {
    check_calls(R"({ "msi": "0x51" })", {"msi 0xfee00000 0x51"});
    // Destination in bits 19:12, redirection hint bit 3, logical bit 2.
    check_calls(R"({ "msi": { "vector": "0x51", "dest": 5, "dest_mode": "logical", "hint": true } })",
                {"msi 0xfee0500c 0x51"});
    // Level trigger bit 15, assert bit 14, delivery mode bits 10:8.
    check_calls(R"({ "msi": { "vector": "0x51", "trigger": "level", "mode": "lowest-priority" } })",
                {"msi 0xfee00000 0xc151"});
    check_calls(R"({ "msi": { "vector": "0x51", "trigger": "level", "level": false } })",
                {"msi 0xfee00000 0x8051"});
    check_calls(R"({ "msi": { "mode": "nmi", "dest": 1 } })", {"msi 0xfee01000 0x400"});
    check_calls(R"({ "msi": { "address": "0xdeadbeef00", "data": 7 } })", {"msi 0xdeadbeef00 0x7"});
    // Without 32-bit ids, bits 14:8 of the destination go to address bits 11:5.
    check_calls(R"({ "msi": { "vector": "0x51", "dest": "0x12c" } })", {"msi 0xfee2c020 0x51"});
    check_expects(R"({ "msi": { "vector": "0x51", "status": "delivered" } })", {"delivered"});
}

BOOST_AUTO_TEST_CASE(messages_have_32_bit_destinations_where_the_machine_has) {
    const Played played(R"({ "msi": { "vector": "0x51", "dest": "0x12345678" } })", {},
                        R"(, "machine": { "x2apic_ids": true })");
    BOOST_TEST(played.machine.calls.at(0) == "msi 0x12345600fee78000 0x51");
}

std::string routes_of(const std::string& step, std::uint32_t gsi) {
    const Played played(step);
    std::string words;
    for (const routing::Route& route : played.machine.table.routes(gsi))
        words += (words.empty() ? "" : ", ") + routing::text(route, routing::x86::chips);
    return words.empty() ? "none" : words;
}

BOOST_AUTO_TEST_CASE(a_route_replaces_those_of_its_gsi_alone) {
    BOOST_TEST(routes_of(R"({ "route": { "gsi": 3, "ioapic": 20 } })", 3) == "ioapic pin 20");
    BOOST_TEST(routes_of(R"({ "route": { "gsi": 3, "pic": 11 } })", 3) == "pic_slave pin 3");
    BOOST_TEST(routes_of(R"({ "route": { "gsi": 24, "msi": { "dest": 1, "vector": "0x61" } } })", 24) ==
               "MSI 0xfee01000 data 0x61");
    BOOST_TEST(routes_of(R"({ "route": { "gsi": 3, "to": [ { "pic": 3 }, { "ioapic": 4 } ] } })", 3) ==
               "pic_master pin 3, ioapic pin 4");
    const Played played(R"({ "route": { "gsi": 3, "ioapic": 20 } })");
    BOOST_TEST((played.machine.table.routes(4).size() == routing::x86::default_table().routes(4).size()));
    check_expects(R"({ "route": { "gsi": 4096, "ioapic": 20, "errno": "EINVAL" } })", {"EINVAL"});
}

BOOST_AUTO_TEST_CASE(a_raw_route_reaches_the_table_as_it_is) {
    const Played played(
        R"({ "route": { "gsi": 3, "raw": { "type": 9, "flags": 2, "chip": 7, "pin": 99 } } })");
    const auto raw = routing::to_raw(played.machine.table.routes(3)[0]);
    BOOST_TEST(raw.type == 9U);
    BOOST_TEST(raw.flags == 2U);
    BOOST_TEST(raw.words[0] == 7U);
    BOOST_TEST(raw.words[1] == 99U);
}

BOOST_AUTO_TEST_CASE(whole_tables_are_replaced) {
    BOOST_TEST(routes_of(R"({ "unroute": 3 })", 3) == "none");
    BOOST_TEST(routes_of(R"({ "unroute": 3 })", 4) != "none");
    BOOST_TEST(routes_of(R"({ "routes": "empty" })", 3) == "none");
    BOOST_TEST(routes_of(R"({ "routes": "default" })", 3) == "ioapic pin 3, pic_master pin 3");
    BOOST_TEST(routes_of(R"({ "routes": [ { "gsi": 3, "ioapic": 5 } ] })", 3) == "ioapic pin 5");
    BOOST_TEST(routes_of(R"({ "routes": [ { "gsi": 3, "ioapic": 5 } ] })", 4) == "none");
    const std::string fill =
        R"({ "routes": { "fill": { "first": 100, "count": 50, "msi": { "vector": "0x51" } } } })";
    BOOST_TEST(routes_of(fill, 99) == "none");
    BOOST_TEST(routes_of(fill, 100) == "MSI 0xfee00000 data 0x51");
    BOOST_TEST(routes_of(fill, 149) == "MSI 0xfee00000 data 0x51");
    BOOST_TEST(routes_of(fill, 150) == "none");
}

BOOST_AUTO_TEST_CASE(eventfds_are_assigned_signalled_and_deassigned) {
    check_calls(
        R"({ "irqfd": { "name": "two", "gsi": 11, "resample": true, "shares": "dev", "via": "kernel" } })",
        {"irqfd two gsi 11 resample shares dev via kernel"});
    check_calls(R"({ "irqfd": { "name": "two", "gsi": 11 } })", {"irqfd two gsi 11"});
    check_calls(R"({ "signal": "dev" })", {"signal dev 1"});
    check_calls(R"({ "signal": { "irqfd": "dev", "count": 3 } })", {"signal dev 3"});
    check_calls(R"({ "deassign": "dev" })", {"deassign irqfd dev"});
    check_calls(R"({ "deassign": "bell" })", {"deassign ioeventfd bell"});
    check_calls(R"({ "ioeventfd": { "name": "b", "port": "0x600", "length": 2, "datamatch": 7 } })",
                {"ioeventfd b port 0x600 length 2 datamatch 0x7"});
    check_calls(R"({ "ioeventfd": { "name": "b", "address": "0xd0000000", "length": 0 } })",
                {"ioeventfd b address 0xd0000000 length 0"});
    check_expects(R"({ "irqfd": { "name": "two", "gsi": 11, "shares": "dev", "errno": "EBUSY" } })",
                  {"EBUSY"});
    check_expects(R"({ "signal": "dev" })", {});
}

BOOST_AUTO_TEST_CASE(interrupts_are_injected_around_the_controllers) {
    check_calls(R"({ "nmi": 1 })", {"nmi 1"});
    check_calls(R"({ "interrupt": "0x31" })", {"interrupt 0 0x31"});
    check_calls(R"({ "interrupt": { "vcpu": 1, "vector": "0x31" } })", {"interrupt 1 0x31"});
    check_calls(R"({ "inject": { "vcpu": 1, "vector": "0x31" } })", {"events 1 0x31"});
    check_expects(R"({ "interrupt": { "vector": "0x31", "errno": "ENXIO" } })", {"ENXIO"});
}

BOOST_AUTO_TEST_CASE(a_handler_is_a_policy_of_the_agent) {
    const auto check = [](const std::string& arguments, unsigned policy, const std::string& more = "") {
        check_calls(R"({ "handler": { "vector": "0x51", "vcpu": 1)" + arguments + " } }",
                    {fmt::format("handler 1 0x51 policy {:#x}{}", policy, more)});
    };
    check("", POLICY_EOI_LAPIC);
    check(R"(, "eoi": "auto")", POLICY_EOI_LAPIC);
    check(R"(, "eoi": "on request")", 0);
    check(R"(, "eoi": "never")", 0);
    check(R"(, "eoi": "pic")", POLICY_EOI_PIC);
    check(R"(, "eoi": "pics")", POLICY_EOI_PICS);
    check(R"(, "stays": true)", POLICY_STAY);
    check(R"(, "stays": true, "eoi": "auto")", POLICY_STAY | POLICY_EOI_LAPIC);
    check(R"(, "stays": true, "eoi": "first")", POLICY_STAY | POLICY_EOI_LAPIC | POLICY_EOI_FIRST);
    check(R"(, "stays": true, "nests": true)", POLICY_STAY | POLICY_NEST);
    check(R"(, "lowers": 10)", POLICY_EOI_LAPIC | POLICY_LOWER, " lowers 10");
}

BOOST_AUTO_TEST_CASE(a_handler_without_a_vcpu_is_on_all_of_them) {
    check_calls(R"({ "handler": { "vector": "0x51" } })",
                {"handler 0 0x51 policy 0x1", "handler 1 0x51 policy 0x1"});
}

BOOST_AUTO_TEST_CASE(a_handler_of_an_exception_vector_is_declared) {
    check_calls(R"({ "handler": { "vector": 31, "vcpu": 0 } })",
                {fmt::format("handler 0 0x1f policy {:#x}", POLICY_EOI_LAPIC | POLICY_DECLARED)});
    check_calls(R"({ "handler": { "vector": 32, "vcpu": 0 } })",
                {fmt::format("handler 0 0x20 policy {:#x}", POLICY_EOI_LAPIC)});
}

BOOST_AUTO_TEST_CASE(simple_guest_steps_are_one_operation) {
    check_calls(R"({ "eoi": 1 })", {op(1, OP_EOI, 4, 0, 0)});
    check_calls(R"({ "return": 0 })", {op(0, OP_RETURN, 4, 0, 0)});
    check_calls(R"({ "cli": 1 })", {op(1, OP_CLI, 4, 0, 0)});
    check_calls(R"({ "sti": 1 })", {op(1, OP_STI, 4, 0, 0)});
    check_calls(R"({ "halt": 1 })", {op(1, OP_STI_HALT, 4, 0, 0)});
    check_calls(R"({ "halt": { "vcpu": 1, "interrupts": false } })",
                {op(1, OP_CLI, 4, 0, 0), op(1, OP_HALT, 4, 0, 0)});
}

BOOST_AUTO_TEST_CASE(a_redirection_entry_is_written_masked_then_high_then_low) {
    check_calls(R"({ "ioapic": { "pin": 10, "vector": "0x51" } })",
                ioapic_write(0, 0x24, 0x10051) + ioapic_write(0, 0x25, 0) + ioapic_write(0, 0x24, 0x51));
    // Trigger bit 15, active low bit 13, logical bit 11, delivery mode bits 10:8.
    check_calls(
        R"({ "ioapic": { "pin": 0, "vector": "0x51", "trigger": "level", "polarity": "low", "dest": "0xff",
                                 "dest_mode": "logical", "mode": "lowest-priority", "masked": true, "vcpu": 1 } })",
        ioapic_write(1, 0x10, 0x1a951) + ioapic_write(1, 0x11, 0xff000000) + ioapic_write(1, 0x10, 0x1a951));
    check_calls(R"({ "ioapic": { "pin": 23, "mode": "nmi" } })",
                ioapic_write(0, 0x3e, 0x10400) + ioapic_write(0, 0x3f, 0) + ioapic_write(0, 0x3e, 0x400));
}

BOOST_AUTO_TEST_CASE(masking_keeps_the_rest_of_the_low_half) {
    const std::vector<vmm::NamedValue> entry{{"vector", 0x51},
                                             {"delivery_mode", 1},
                                             {"destination_mode", 1},
                                             {"delivery_status", 0},
                                             {"active_low", 1},
                                             {"remote_irr", 1},
                                             {"trigger", 1},
                                             {"masked", 0},
                                             {"destination", 3},
                                             {"irr", 1},
                                             {"line", 1}};
    const Played mask(R"({ "mask": 10 })", entry);
    BOOST_TEST(mask.machine.calls == (Lines{"inspect ioapic 10"} + ioapic_write(0, 0x24, 0x1e951)),
               boost::test_tools::per_element());
    const Played unmask(R"({ "unmask": { "pin": 10, "vcpu": 1 } })", entry);
    BOOST_TEST(unmask.machine.calls == (Lines{"inspect ioapic 10"} + ioapic_write(1, 0x24, 0xe951)),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(retargeting_writes_the_high_half_alone) {
    check_calls(R"({ "retarget": { "pin": 10, "dest": 5 } })", ioapic_write(0, 0x25, 0x05000000));
    check_calls(R"({ "eoir": "0x51" })", {op(0, OP_WRITE, 4, 0xFEC00040, 0x51)});
}

BOOST_AUTO_TEST_CASE(the_pics_are_initialised_by_four_words_each) {
    const std::string lint0 = op(0, OP_LAPIC_WRITE, 4, 0x350, 0x700);
    check_calls(R"({ "pic": {} })", port_writes({{0x20, 0x11},
                                                 {0x21, 0x20},
                                                 {0x21, 0x04},
                                                 {0x21, 0x01},
                                                 {0xa0, 0x11},
                                                 {0xa1, 0x28},
                                                 {0xa1, 0x02},
                                                 {0xa1, 0x01},
                                                 {0x21, 0x00},
                                                 {0xa1, 0x00}}) +
                                        Lines{lint0});
    check_calls(R"({ "pic": { "base": "0x30", "slave_base": "0x38", "auto_eoi": true, "level_init": true,
                              "special_fully_nested": true, "mask": "0xfb", "slave_mask": "0xfe" } })",
                port_writes({{0x20, 0x19},
                             {0x21, 0x30},
                             {0x21, 0x04},
                             {0x21, 0x13},
                             {0xa0, 0x19},
                             {0xa1, 0x38},
                             {0xa1, 0x02},
                             {0xa1, 0x03},
                             {0x21, 0xfb},
                             {0xa1, 0xfe}}) +
                    Lines{lint0});
    check_calls(R"({ "ocw": { "chip": "master", "ocw2": "0x20" } })", port_writes({{0x20, 0x20}}));
    check_calls(R"({ "ocw": { "chip": "slave", "ocw3": "0x0b" } })", port_writes({{0xa0, 0x0b}}));
    check_calls(R"({ "ocw": { "chip": "slave", "mask": "0x55" } })", port_writes({{0xa1, 0x55}}));
}

BOOST_AUTO_TEST_CASE(the_pit_takes_a_control_word_and_two_bytes) {
    check_calls(R"({ "pit": { "mode": 2, "count": "0x1234" } })",
                port_writes({{0x43, 0x34}, {0x40, 0x34}, {0x40, 0x12}}));
    check_calls(R"({ "pit": { "channel": 2, "mode": 0, "count": 0 } })",
                port_writes({{0x43, 0xb0}, {0x42, 0}, {0x42, 0}}));
}

BOOST_AUTO_TEST_CASE(an_ipi_is_one_write_of_the_64_bit_icr) {
    const auto check = [](const std::string& arguments, std::uint64_t icr, std::uint32_t from = 0) {
        check_calls(R"({ "ipi": { )" + arguments + " } }", {op(from, OP_LAPIC_WRITE, 4, 0x300, icr)});
    };
    check(R"("to": 5, "vector": "0x51")", 0x5'0000'4051);
    check(R"("from": 1, "to": "0xffffffff", "vector": "0x51", "dest_mode": "logical")", 0xffffffff'0000'4851,
          1);
    check(R"("shorthand": "self", "vector": "0x51")", 0x44051);
    check(R"("shorthand": "all", "vector": "0x51", "mode": "lowest-priority")", 0x84151);
    check(R"("shorthand": "others", "mode": "nmi")", 0xc4400);
    check(R"("to": 1, "mode": "init", "trigger": "level", "level": false)", 0x1'0000'8500);
    check(R"("to": 1, "mode": "startup", "vector": 8)", 0x1'0000'4608);
}

BOOST_AUTO_TEST_CASE(lapic_registers_are_written_by_name) {
    check_calls(R"({ "lapic": { "register": "svr", "value": "0xff" } })",
                {op(0, OP_LAPIC_WRITE, 4, 0xf0, 0xff)});
    check_calls(R"({ "lapic": { "vcpu": 1, "register": "lvt_lint0", "value": "0x10000" } })",
                {op(1, OP_LAPIC_WRITE, 4, 0x350, 0x10000)});
    check_calls(R"({ "tpr": "0x50" })", {op(0, OP_LAPIC_WRITE, 4, 0x80, 0x50)});
    check_calls(R"({ "cr8": { "vcpu": 1, "value": 5 } })", {op(1, OP_CR8_WRITE, 8, 0, 5)});
}

BOOST_AUTO_TEST_CASE(x2apic_mode_keeps_the_bootstrap_bit) {
    check_calls(R"({ "x2apic": 0 })", {op(0, OP_MSR_WRITE, 8, 0x1b, 0xfee00d00)});
    check_calls(R"({ "x2apic": 1 })", {op(1, OP_MSR_WRITE, 8, 0x1b, 0xfee00c00)});
}

BOOST_AUTO_TEST_CASE(a_timer_is_its_lvt_its_divider_and_its_count) {
    const auto check = [](const std::string& arguments, std::uint64_t lvt, std::uint64_t divide,
                          std::uint64_t count) {
        check_calls(R"({ "timer": { )" + arguments + " } }",
                    {op(0, OP_LAPIC_WRITE, 4, 0x320, lvt), op(0, OP_LAPIC_WRITE, 4, 0x3e0, divide),
                     op(0, OP_LAPIC_WRITE, 4, 0x380, count)});
    };
    check(R"("mode": "one-shot", "vector": "0x51", "count": 1000)", 0x51, 0b1011, 1000);
    check(R"("mode": "periodic", "vector": "0x51", "count": 1000, "divide": 2)", 0x20051, 0b0000, 1000);
    check(R"("mode": "one-shot", "vector": "0x51", "count": 1, "divide": 16)", 0x51, 0b0011, 1);
    check(R"("mode": "one-shot", "vector": "0x51", "count": 1, "divide": 32)", 0x51, 0b1000, 1);
    check(R"("mode": "one-shot", "vector": "0x51", "count": 1, "divide": 128)", 0x51, 0b1010, 1);
    check_calls(R"({ "timer": "off" })",
                {op(0, OP_LAPIC_WRITE, 4, 0x320, 0x10000), op(0, OP_LAPIC_WRITE, 4, 0x380, 0)});
}

BOOST_AUTO_TEST_CASE(a_deadline_counts_from_the_guests_clock) {
    const Played played(R"({ "timer": { "mode": "tsc-deadline", "vector": "0x51", "count": 1000 } })",
                        {{"tsc", 5'000'000}});
    BOOST_TEST(played.machine.calls == (Lines{"inspect tsc 0", op(0, OP_LAPIC_WRITE, 4, 0x320, 0x40051),
                                              op(0, OP_MSR_WRITE, 8, 0x6e0, 5'001'000)}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(raw_accesses_reach_their_place) {
    check_calls(R"({ "write": { "msr": "0x1b", "value": "0xfee00900" } })",
                {op(0, OP_MSR_WRITE, 8, 0x1b, 0xfee00900)});
    check_calls(R"({ "write": { "port": "0x4d0", "value": "0x20", "size": 1 } })",
                {op(0, OP_PORT_OUT, 1, 0x4d0, 0x20)});
    check_calls(R"({ "write": { "mmio": "0xd0000000", "value": 1, "size": 8, "vcpu": 1 } })",
                {op(1, OP_WRITE, 8, 0xd0000000, 1)});
    check_calls(R"({ "write": { "lapic": "eoi", "value": 0 } })", {op(0, OP_LAPIC_WRITE, 4, 0xb0, 0)});
    check_calls(R"({ "write": { "ioapic": "0x24", "value": "0x10000" } })", ioapic_write(0, 0x24, 0x10000));
    check_calls(R"({ "read": { "msr": "0x1b" } })", {op(0, OP_MSR_READ, 8, 0x1b, 0)});
    check_calls(R"({ "read": { "port": "0x20", "size": 1 } })", {op(0, OP_PORT_IN, 1, 0x20, 0)});
    check_calls(R"({ "read": { "lapic": "ppr" } })", {op(0, OP_LAPIC_READ, 4, 0xa0, 0)});
    check_calls(R"({ "read": { "ioapic": 1 } })",
                {op(0, OP_WRITE, 4, 0xFEC00000, 1), op(0, OP_READ, 4, 0xFEC00010, 0)});
}

BOOST_AUTO_TEST_CASE(only_the_read_itself_is_observed_under_the_name_it_is_expected_by) {
    const Played played(R"({ "read": { "ioapic": 1, "is": "0x170011", "mask": "0xff00ff" } })");
    BOOST_TEST(!played.machine.operations.at(0).observed);
    BOOST_TEST(played.machine.operations.at(1).observed);
    const auto value = std::get<expect::Value>(played.verb->expects().at(0));
    BOOST_TEST(value.what == played.machine.operations.at(1).text);
    BOOST_TEST(value.what == "ioapic 0x1");
    BOOST_TEST(value.value == 0x170011U);
    BOOST_TEST(value.mask == 0xff00ffU);
    check_expects(R"({ "read": { "msr": "0x800", "fault": "#GP" } })", {"#GP"});
    check_expects(R"({ "write": { "msr": "0x800", "value": 0, "fault": "#GP" } })", {"#GP"});
    check_expects(R"({ "read": { "msr": "0x1b" } })", {});
}

BOOST_AUTO_TEST_CASE(acks_say_what_was_taken_where) {
    check_expects(R"({ "ack": "0x51" })", {"ack 0x51 on vCPU 0"});
    check_expects(R"({ "ack": "nmi" })", {"nmi on vCPU 0"});
    check_expects(R"({ "ack": { "vcpu": [ 0, 1 ], "vector": "0x51", "times": 2 } })",
                  {"ack 0x51 on vCPU 0 or 1 x2"});
    check_expects(R"({ "ack": { "vcpu": "any", "vector": [ "0x51", "0x61" ] } })", {"ack 0x51 or 0x61"});
    check_expects(R"({ "ack": [ "0x51", { "vcpu": 1, "vector": "nmi" } ] })",
                  {"ack 0x51 on vCPU 0, then nmi on vCPU 1"});
    check_expects(R"({ "ack": { "any_order": [ "0x51", "0x61" ] } })",
                  {"ack 0x51 on vCPU 0 and ack 0x61 on vCPU 0 in any order"});
    check_expects(R"({ "arrives": { "vector": "0x51", "not_before_us": 100 } })",
                  {"ack 0x51 on vCPU 0, not before 100 us"});
    const Played arrives(R"({ "arrives": "0x51" })");
    BOOST_TEST(std::get<expect::Acks>(arrives.verb->expects().at(0)).may_take_time);
    BOOST_TEST(arrives.verb->is_timing());
    BOOST_TEST(!arrives.verb->acts());
}

BOOST_AUTO_TEST_CASE(other_claims_expect_what_they_say) {
    check_expects(R"({ "quiet": true })", {"quiet"});
    check_expects(R"({ "quiet": { "vcpu": 1, "vector": "0x61" } })", {"quiet for 0x61 on vCPU 1"});
    check_expects(R"({ "resampled": "dev" })", {"resampled dev"});
    check_expects(R"({ "resampled": { "irqfd": "dev", "count": 3 } })", {"resampled dev x3"});
    check_expects(R"({ "doorbell": { "name": "bell", "count": 2 } })", {"doorbell bell x2"});
    check_expects(R"({ "eoi_exits": 0 })", {"0 EOI exits"});
    check_expects(R"({ "eoi_exits": { "count": 1, "vector": "0x51" } })", {"1 EOI exit of 0x51"});
    check_expects(R"({ "storm": "0x51" })", {"storm of 0x51"});
    check_expects(R"({ "halted": 1 })", {"halted on vCPU 1"});
    check_expects(R"({ "path": [ "kvm_inj_virq", { "kvm_eoi": { "vector": "0x51" } } ] })",
                  {"kvm_inj_virq, then kvm_eoi vector=0x51"});
}

Lines observed(const Played& played) {
    Lines lines;
    for (const vmm::Event& event : played.trace.events()) lines.push_back(vmm::describe_in_lane(event));
    return lines;
}

BOOST_AUTO_TEST_CASE(a_check_observes_the_fields_it_names) {
    const Played played(R"({ "check": { "ioapic": { "pin": 10, "remote_irr": true, "trigger": "level" } } })",
                        {{"vector", 0x51}, {"trigger", 1}, {"remote_irr", 0}});
    BOOST_TEST(played.machine.calls == (Lines{"inspect ioapic 10"}), boost::test_tools::per_element());
    BOOST_TEST(observed(played) == (Lines{"ioapic 10 remote_irr = 0x0", "ioapic 10 trigger = 0x1"}),
               boost::test_tools::per_element());
    BOOST_TEST(played.expects == (Lines{"ioapic 10 remote_irr = 0x1", "ioapic 10 trigger = 0x1"}),
               boost::test_tools::per_element());
    BOOST_TEST(!played.verb->acts());
}

BOOST_AUTO_TEST_CASE(a_field_that_is_not_there_is_not_observed) {
    BOOST_TEST(
        observed(Played(R"({ "check": { "pic": { "chip": "slave", "isr": 1 } } })", {{"irr", 1}})).empty());
    check_calls(R"({ "check": { "pic": { "chip": "slave", "isr": 1 } } })", {"inspect pic 1"});
    check_expects(R"({ "check": { "pic": { "chip": "slave", "isr": 1 } } })", {"pic slave isr = 0x1"});
}

BOOST_AUTO_TEST_CASE(vectors_of_a_lapic_are_checked_as_a_whole) {
    const Played played(R"({ "check": { "lapic": { "vcpu": 1, "isr": [ "0x51", "0x5f", "0xff" ] } } })",
                        {{"isr2", 0x80020000}, {"isr7", 0x80000000}, {"isr0", 0}, {"irr2", 7}});
    BOOST_TEST(played.machine.calls == (Lines{"inspect lapic 1"}), boost::test_tools::per_element());
    BOOST_TEST(played.expects.size() == 8U);
    BOOST_TEST(played.expects.at(0) == "lapic 1 isr 0x00-0x1f = 0x0");
    BOOST_TEST(played.expects.at(2) == "lapic 1 isr 0x40-0x5f = 0x80020000");
    BOOST_TEST(played.expects.at(7) == "lapic 1 isr 0xe0-0xff = 0x80000000");
    BOOST_TEST(observed(played) == (Lines{"lapic 1 isr 0x00-0x1f = 0x0", "lapic 1 isr 0x40-0x5f = 0x80020000",
                                          "lapic 1 isr 0xe0-0xff = 0x80000000"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_state_is_restored_in_the_order_that_is_asked_for) {
    check_calls(R"({ "migrate": true })", {"save", "restore first [] without []"});
    check_calls(R"({ "migrate": { "order": [ "ioapic", "lapic" ], "without": [ "lines" ] } })",
                {"save", "restore first [ioapic lapic] without [lines]"});
    check_calls(R"({ "save": "other" })", {"save"});
    check_calls(R"({ "restore": "state" })", {"restore first [] without []"});
    check_calls(R"({ "restore": { "name": "state", "order": [ "tsc_deadline" ] } })",
                {"restore first [tsc_deadline] without []"});
}

BOOST_AUTO_TEST_CASE(a_save_that_the_kernel_refuses_is_a_failed_call_and_nothing_is_restored) {
    for (const std::string step : {R"({ "migrate": true })", R"({ "save": "other" })"}) {
        const Played played(step, {}, "", EINVAL);
        BOOST_TEST(played.machine.calls == (Lines{"save"}), boost::test_tools::per_element());
        BOOST_TEST_REQUIRE(played.trace.events().size() == 1u);
        const auto* call = std::get_if<vmm::event::Call>(&played.trace.events().front().what);
        BOOST_TEST_REQUIRE(call != nullptr);
        BOOST_TEST(call->name == "save");
        BOOST_TEST(call->arguments.starts_with("KVM_GET_IRQCHIP"));
        BOOST_TEST(call->outcome.error == EINVAL);
    }
}

BOOST_AUTO_TEST_CASE(claims_do_not_act_and_everything_else_does) {
    for (const VerbInfo& info : verbs_of("x86_64")) {
        const std::string name(info.name);
        const std::map<std::string, std::string> needs_arguments{
            {"msi", "81"},
            {"route", R"({ "gsi": 3, "ioapic": 3 })"},
            {"routes", R"("empty")"},
            {"irqfd", R"({ "name": "two", "gsi": 3 })"},
            {"deassign", R"("dev")"},
            {"signal", R"("dev")"},
            {"ioeventfd", R"({ "name": "two", "port": 1 })"},
            {"handler", R"({ "vector": 81 })"},
            {"ioapic", R"({ "pin": 0, "vector": 81 })"},
            {"retarget", R"({ "pin": 0, "dest": 0 })"},
            {"pic", "{}"},
            {"close", "true"},
            {"migrate", "true"},
            {"save", R"("two")"},
            {"restore", R"("state")"},
            {"inject", "81"},
            {"interrupt", "81"},
            {"ocw", R"({ "chip": "master", "mask": 0 })"},
            {"ipi", R"({ "to": 0, "vector": 81 })"},
            {"lapic", R"({ "register": "tpr", "value": 0 })"},
            {"timer", R"("off")"},
            {"pit", R"({ "mode": 0, "count": 1 })"},
            {"write", R"({ "msr": 27, "value": 0 })"},
            {"read", R"({ "msr": 27 })"},
            {"quiet", "true"},
            {"check", R"({ "lapic": { "tpr": 0 } })"},
            {"resampled", R"("dev")"},
            {"doorbell", R"("bell")"},
            {"path", R"([ "kvm_eoi" ])"},
        };
        const auto found = needs_arguments.find(name);
        BOOST_TEST_CONTEXT(name) {
            const Played played("{ \"" + name +
                                "\": " + (found == needs_arguments.end() ? "0" : found->second) + " }");
            BOOST_TEST(played.verb->acts() == (info.side != Side::claim));
            BOOST_TEST(played.verb->explain().ends_with('.'));
            // Real time decides only where it must.
            BOOST_TEST(played.verb->is_timing() == (name == "arrives" || name == "pit"));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::scenarios
