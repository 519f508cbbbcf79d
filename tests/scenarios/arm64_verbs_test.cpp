#include "scenarios/engine/architecture.hpp"

#include <boost/test/unit_test.hpp>

#include "scenarios/engine/load.hpp"
#include "tests/scenarios/files.hpp"
#include "tests/scenarios/recording_machine.hpp"
#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios {

BOOST_AUTO_TEST_SUITE(verbs_of_arm64)
using Lines = std::vector<std::string>;

std::string arm64_file(const std::string& step, const std::string& machine = "\"spis\": 64") {
    return R"({ "name": "a file", "arch": "arm64", "source": "none", "vcpus": { "ids": [ 0, 17 ] },
        "machine": { )" +
           machine + R"( },
        "setup": [ { "irqfd": { "name": "dev", "gsi": 10, "resample": true } },
                   { "handler": { "intid": 42, "stays": true } } ],
        "steps": [ { "raise": 10 }, { "ack": 42 }, )" +
           step + " ] }";
}

/// One step of a file with two vCPUs (ids 0 and 17), performed on a recording machine.
struct Played {
    RecordingMachine machine;
    vmm::Trace trace;
    Lines calls;  ///< without the looks at the GIC
    Lines expects;
    std::vector<Expectation> expectations;
    explicit Played(const std::string& step, std::uint64_t gic = 3,
                    const std::string& head = "\"its\": true, \"memory\": \"0x100000\"") {
        machine.state = {{"version", gic}, {"cwriter", 0xffe0}, {"active", 1}, {"pending", 0}};
        const Scenario scenario = load_text(arm64_file(step, head), "file.json");
        Stage stage{machine, trace, scenario.config};
        const auto& verb = scenario.steps.back().verb;
        verb->perform(stage);
        for (const std::string& call : machine.calls)
            if (!call.starts_with("inspect gic") && !call.starts_with("inspect its")) calls.push_back(call);
        expectations = verb->expects();
        for (const Expectation& expectation : expectations) expects.push_back(describe(expectation));
    }
};

void check_calls(const std::string& step, const Lines& calls, std::uint64_t gic = 3) {
    BOOST_TEST_CONTEXT(step) {
        const Played played(step, gic);
        BOOST_TEST(played.calls == calls, boost::test_tools::per_element());
    }
}

std::string op(std::uint32_t vcpu, std::uint32_t code, std::uint32_t size, std::uint64_t address,
               std::uint64_t value) {
    return fmt::format("vcpu {}: op {} size {} at {:#x} value {:#x}", vcpu, code, size, address, value);
}

void is_refused(const std::string& step, const std::string& reason) {
    BOOST_TEST_CONTEXT(step) {
        std::string message;
        try {
            load_text(arm64_file(step), "file.json");
        } catch (const ScenarioError& error) {
            message = error.reason();
        }
        BOOST_TEST(message.find(reason) != std::string::npos, message);
    }
}

BOOST_AUTO_TEST_CASE(lines_are_gsis_ppis_or_what_kvm_takes) {
    check_calls(R"({ "raise": 10 })", {"raise 10"});
    check_calls(R"({ "pulse": 10 })", {"raise 10", "lower 10"});
    // Type 2 in bits 27:24, the vCPU's id in 23:16 (api.rst 4.25).
    check_calls(R"({ "lower": { "ppi": 20, "vcpu": 1 } })", {fmt::format("lower {}", 0x02110014)});
    check_calls(R"({ "raise": { "raw": "0x03000000" } })", {fmt::format("raise {}", 0x03000000)});
    is_refused(R"({ "raise": { "ppi": 32 } })", "16 to 31");
    is_refused(R"({ "raise": { "gsi": 1, "ppi": 20 } })", "ppi");
}

BOOST_AUTO_TEST_CASE(an_spi_is_disabled_then_programmed_then_enabled) {
    // INTID 42: bit 10 of the second word; ICFGR has two bits each, of which the upper says edge.
    check_calls(
        R"({ "spi": { "intid": 42, "trigger": "edge", "priority": "0x40", "to": 1 } })",
        {op(0, OP_WRITE, 4, AGENT_GICD + 0x184, 0x400),
         op(0, OP_MODIFY, 4, AGENT_GICD + 0x084, 0x400'0000'0400),
         op(0, OP_WRITE, 1, AGENT_GICD + 0x42a, 0x40),
         op(0, OP_MODIFY, 4, AGENT_GICD + 0xc08, 0x20'0000'0020'0000),
         op(0, OP_WRITE, 8, AGENT_GICD + 0x6150, 0x101), op(0, OP_WRITE, 4, AGENT_GICD + 0x104, 0x400)});
    check_calls(R"({ "spi": { "intid": 42, "group": 0, "enabled": false } })",
                {op(0, OP_WRITE, 4, AGENT_GICD + 0x184, 0x400),
                 op(0, OP_MODIFY, 4, AGENT_GICD + 0x084, 0x400'0000'0000),
                 op(0, OP_WRITE, 1, AGENT_GICD + 0x42a, 0xa0),
                 op(0, OP_MODIFY, 4, AGENT_GICD + 0xc08, 0x20'0000'0000'0000),
                 op(0, OP_WRITE, 8, AGENT_GICD + 0x6150, 0)});
}

BOOST_AUTO_TEST_CASE(a_gicv2_has_targets_by_bit_and_its_own_groups) {
    check_calls(R"({ "spi": { "intid": 42, "to": 1 } })",
                {op(0, OP_WRITE, 4, AGENT_GICD + 0x184, 0x400), op(0, OP_WRITE, 1, AGENT_GICD + 0x42a, 0xa0),
                 op(0, OP_MODIFY, 4, AGENT_GICD + 0xc08, 0x20'0000'0000'0000),
                 op(0, OP_WRITE, 1, AGENT_GICD + 0x82a, 0x2), op(0, OP_WRITE, 4, AGENT_GICD + 0x104, 0x400)},
                2);
    check_calls(R"({ "enable": { "vcpu": 1, "intid": 3 } })", {op(1, OP_WRITE, 4, AGENT_GICD + 0x100, 0x8)},
                2);
    check_calls(R"({ "sgi": { "intid": 3, "to": [1] } })", {op(0, OP_WRITE, 4, AGENT_GICD + 0xf00, 0x20003)},
                2);
    check_calls(R"({ "sgi": { "intid": 3, "others": true } })",
                {op(0, OP_WRITE, 4, AGENT_GICD + 0xf00, 0x1000003)}, 2);
    check_calls(R"({ "pmr": "0x80" })", {op(0, OP_WRITE, 4, AGENT_GICC + 4, 0x80)}, 2);
    check_calls(R"({ "eoi_mode": 1 })", {op(0, OP_MODIFY, 4, AGENT_GICC, 0x200'0000'0200)}, 2);
}

BOOST_AUTO_TEST_CASE(private_interrupts_are_in_the_redistributor_of_their_vcpu) {
    constexpr std::uint64_t second = AGENT_GICR + 0x20000 + 0x10000;
    check_calls(
        R"({ "private": { "vcpu": 1, "intid": 20, "trigger": "edge" } })",
        {op(1, OP_WRITE, 4, second + 0x180, 0x100000),
         op(1, OP_MODIFY, 4, second + 0x080, 0x10'0000'0010'0000), op(1, OP_WRITE, 1, second + 0x414, 0xa0),
         op(1, OP_MODIFY, 4, second + 0xc04, 0x200'0000'0200), op(1, OP_WRITE, 4, second + 0x100, 0x100000)});
    check_calls(R"({ "set_pending": { "vcpu": 1, "intid": 3 } })", {op(1, OP_WRITE, 4, second + 0x200, 8)});
    check_calls(R"({ "clear_pending": 42 })", {op(0, OP_WRITE, 4, AGENT_GICD + 0x284, 0x400)});
    check_calls(R"({ "set_active": 42 })", {op(0, OP_WRITE, 4, AGENT_GICD + 0x304, 0x400)});
    check_calls(R"({ "clear_active": 42 })", {op(0, OP_WRITE, 4, AGENT_GICD + 0x384, 0x400)});
    check_calls(R"({ "disable": 42 })", {op(0, OP_WRITE, 4, AGENT_GICD + 0x184, 0x400)});
    check_calls(R"({ "priority": { "intid": 42, "priority": 8 } })",
                {op(0, OP_WRITE, 1, AGENT_GICD + 0x42a, 8)});
    check_calls(R"({ "retarget": { "intid": 42, "to": 1 } })",
                {op(0, OP_WRITE, 8, AGENT_GICD + 0x6150, 0x101)});
}

BOOST_AUTO_TEST_CASE(sgis_go_to_clusters_of_16) {
    // Id 17 is Aff1 1, Aff0 1: another cluster (bits 23:16) than id 0.
    check_calls(R"({ "sgi": { "intid": 3, "to": [0, 1] } })",
                {op(0, OP_MSR_WRITE, 8, 0xc65d, 0x3000001), op(0, OP_MSR_WRITE, 8, 0xc65d, 0x3010002)});
    check_calls(R"({ "sgi": { "from": 1, "intid": 15, "others": true } })",
                {op(1, OP_MSR_WRITE, 8, 0xc65d, 0x100'0f00'0000)});
    is_refused(R"({ "sgi": { "intid": 16, "to": [0] } })", "0 to 15");
    is_refused(R"({ "sgi": { "intid": 1, "others": false } })", "'others' must be true");
}

BOOST_AUTO_TEST_CASE(handlers_have_policies) {
    check_calls(R"({ "handler": { "intid": 8192, "vcpu": 1 } })", {"handler 1 0x2000 policy 0x1"});
    check_calls(R"({ "handler": { "intid": 42, "vcpu": 0, "stays": true, "nests": true } })",
                {"handler 0 0x2a policy 0x18"});
    check_calls(
        R"({ "handler": { "intid": 42, "vcpu": 0, "stays": true, "eoi": "first", "deactivates": true } })",
        {"handler 0 0x2a policy 0x8b"});
    check_calls(R"({ "handler": { "intid": 42, "vcpu": 0, "eoi": "never", "lowers": 10 } })",
                {"handler 0 0x2a policy 0x20 lowers 10"});
    is_refused(R"({ "handler": { "intid": 42, "nests": true } })", "'nests' needs 'stays'");
}

BOOST_AUTO_TEST_CASE(interrupts_are_ended_by_what_iar_said_or_by_number) {
    check_calls(R"({ "eoi": 0 })", {op(0, OP_EOI, 4, 0, 0)});
    check_calls(R"({ "eoi": { "vcpu": 1, "intid": 42 } })", {op(1, OP_EOI, 4, 1, 42)});
    check_calls(R"({ "deactivate": { "vcpu": 1, "intid": 42 } })", {op(1, OP_DEACTIVATE, 4, 1, 42)});
    check_calls(R"({ "eoi_mode": { "vcpu": 1, "mode": 1 } })", {op(1, OP_MSR_WRITE, 8, 0xc664, 2)});
    check_calls(R"({ "pmr": "0x80" })", {op(0, OP_MSR_WRITE, 8, 0xc230, 0x80)});
    check_calls(R"({ "mask": 1 })", {op(1, OP_CLI, 4, 0, 0)});
    check_calls(R"({ "wfi": { "vcpu": 0, "masked": true } })",
                {op(0, OP_CLI, 4, 0, 0), op(0, OP_HALT, 4, 0, 0)});
}

BOOST_AUTO_TEST_CASE(a_vcpu_is_started_at_its_block) {
    const Played played(R"({ "cpu_on": 1 })");
    BOOST_TEST(played.calls.at(0) == op(0, OP_CALL, 0xc4000003, 0x101, AGENT_BLOCKS + AGENT_BLOCK_STRIDE));
    BOOST_TEST(played.expects.at(0) == "cpu_on = SUCCESS");
    const Played again(R"({ "cpu_on": { "vcpu": 1, "returns": "ALREADY_ON" } })");
    BOOST_TEST(again.expects.at(0) == "cpu_on = ALREADY_ON");
    const auto& value = std::get<expect::Value>(again.expectations.at(0));
    // What KVM leaves in X0: -4 and -2 in 64 bits (DEN 0022, 5.2.2).
    BOOST_TEST((value.value & value.mask) == (~std::uint64_t{3} & value.mask));
    BOOST_TEST(describe(value, ~std::uint64_t{1}) == "cpu_on = INVALID_PARAMETERS");
    BOOST_TEST(describe(value, 0x1234) == "cpu_on = 0x1234");
}

BOOST_AUTO_TEST_CASE(commands_are_put_where_the_queue_ends_and_wrap) {
    const std::uint64_t at = vmm::scenario_memory + 0xffe0;
    const auto words = [&](std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
        return Lines{op(0, OP_WRITE, 8, at, a), op(0, OP_WRITE, 8, at + 8, b), op(0, OP_WRITE, 8, at + 16, c),
                     op(0, OP_WRITE, 8, at + 24, d), op(0, OP_WRITE, 8, AGENT_ITS + 0x88, 0)};
    };
    constexpr std::uint64_t valid = std::uint64_t{1} << 63;
    const auto after = [](const std::string& first, Lines rest) {
        rest.insert(rest.begin(), first);
        return rest;
    };
    // What was in the table is gone before the device is mapped.
    check_calls(R"({ "its_command": { "command": "mapd", "device": 3 } })",
                after(op(0, OP_CLEAR, 8, vmm::scenario_memory + 0x43000, 0x1000),
                      words(0x3'0000'0008, 8, valid | (vmm::scenario_memory + 0x43000), 0)));
    check_calls(R"({ "its_command": { "command": "mapd", "device": 3, "valid": false } })",
                words(0x3'0000'0008, 8, vmm::scenario_memory + 0x43000, 0));
    // A table of 128 KiB, behind those of the redistributors; IHI 0069, 5.3: Size is one less than the bits.
    check_calls(R"({ "its_command": { "command": "mapd", "device": 0, "event_bits": 14 } })",
                after(op(0, OP_CLEAR, 8, vmm::scenario_memory + 0x90000, 0x20000),
                      words(0x8, 13, valid | (vmm::scenario_memory + 0x90000), 0)));
    check_calls(R"({ "its_command": { "command": "mapi", "device": 3, "event": 8200, "collection": 1 } })",
                words(0x3'0000'000b, 8200, 1, 0));
    check_calls(R"({ "its_command": { "command": "mapc", "collection": 2, "to": 1 } })",
                words(0x9, 0, valid | 0x110002, 0));
    check_calls(R"({ "its_command": { "command": "mapc", "collection": 2, "valid": false } })",
                words(0x9, 0, 2, 0));
    check_calls(
        R"({ "its_command": { "command": "mapti", "device": 3, "event": 5, "intid": 8200, "collection": 1 } })",
        words(0x3'0000'000a, 0x2008'0000'0005, 1, 0));
    check_calls(R"({ "its_command": { "command": "movi", "device": 3, "event": 5, "collection": 1 } })",
                words(0x3'0000'0001, 5, 1, 0));
    check_calls(R"({ "its_command": { "command": "movall", "from": 0, "to": 1 } })",
                words(0xe, 0, 0, 0x110000));
    check_calls(R"({ "its_command": { "command": "inv", "device": 3, "event": 5 } })",
                words(0x3'0000'000c, 5, 0, 0));
    check_calls(R"({ "its_command": { "command": "invall", "collection": 1 } })", words(0xd, 0, 1, 0));
    check_calls(R"({ "lpi": { "intid": 8200, "priority": "0x40", "enabled": false } })",
                {op(0, OP_WRITE, 1, vmm::scenario_memory + 0x30008, 0x42)});
    check_calls(R"({ "msi": { "event": 5, "device": 3 } })", {"msi 0x8090040 0x5"});
}

BOOST_AUTO_TEST_CASE(a_device_table_of_two_levels_leads_to_two_pages) {
    // IHI 0069, 12.19.1 GITS_BASER: Valid 63, Indirect 62, page size 64 KiB in 9:8; 5.2.1: an entry of the
    // first level.
    constexpr std::uint64_t valid = std::uint64_t{1} << 63;
    constexpr std::uint64_t indirect = std::uint64_t{1} << 62;
    const auto does = [](const Played& played, std::uint64_t at, std::uint64_t value) {
        return std::count(played.calls.begin(), played.calls.end(), op(0, OP_WRITE, 8, at, value)) == 1;
    };
    const std::uint64_t table = vmm::scenario_memory + 0x10000;
    const std::uint64_t pages = vmm::scenario_memory + 0x50000;
    const std::uint64_t attributes = std::uint64_t{7} << 59 | 0x600;
    const Played flat(R"({ "its": true })");
    BOOST_TEST(does(flat, AGENT_ITS + 0x100, valid | attributes | table));
    BOOST_TEST(!does(flat, table, valid | pages));
    const Played two_level(R"({ "its": { "two_level": true } })");
    BOOST_TEST(does(two_level, AGENT_ITS + 0x100, valid | indirect | attributes | table));
    BOOST_TEST(does(two_level, table, valid | pages));
    BOOST_TEST(does(two_level, table + 8, valid | (pages + 0x10000)));
}

BOOST_AUTO_TEST_CASE(an_its_is_reset_by_the_host) {
    check_calls(R"({ "reset": "its" })", {"reset its"});
    BOOST_TEST(Played(R"({ "reset": { "controller": "its", "errno": "EBUSY" } })").expects.size() == 1u);
    is_refused(R"({ "reset": "gic" })", "its");
    is_refused(R"({ "reset": "its" })", "needs an ITS");
}

BOOST_AUTO_TEST_CASE(what_irqfds_and_routes_name_is_there) {
    is_refused(R"({ "irqfd": { "name": "far", "gsi": 64 } })",
               "GSI 64 leads nowhere: the machine's last is 63");
    is_refused(R"({ "route": { "gsi": 3, "spi": 96 } })", "there is no INTID 96");
    is_refused(R"({ "route": { "gsi": 3, "spi": 8200 } })", "no SPI");
    is_refused(R"({ "route": { "gsi": 3, "msi": { "event": 1, "device": 2 } } })", "needs an ITS");
    // Routed before or after, or expected to be refused.
    const std::string irqfd = R"({ "irqfd": { "name": "far", "gsi": 64 } })";
    const std::string route = R"({ "route": { "gsi": 64, "spi": 95 } })";
    for (const std::string& steps :
         {irqfd + ", " + route, route + ", " + irqfd, irqfd + R"(, { "unroute": 64 })",
          std::string(R"({ "route": { "gsi": 3, "spi": 1100, "errno": "EINVAL" } })")})
        BOOST_CHECK_NO_THROW(load_text(arm64_file(steps), "file.json"));
}

BOOST_AUTO_TEST_CASE(registers_are_read_by_name_and_by_place) {
    check_calls(R"({ "read": { "sysreg": "icc_rpr_el1", "is": 0 } })", {op(0, OP_MSR_READ, 8, 0xc65b, 0)});
    check_calls(R"({ "write": { "vcpu": 1, "gicr": "0x10100", "value": 1 } })",
                {op(1, OP_WRITE, 4, AGENT_GICR + 0x30100, 1)});
    check_calls(R"({ "write": { "gicd": "0x6150", "size": 8, "value": "0x100000000" } })",
                {op(0, OP_WRITE, 8, AGENT_GICD + 0x6150, 0x1'0000'0000)});
    is_refused(R"({ "write": { "gicd": 0, "value": "0x100000000" } })", "does not fit into 4 bytes");
    is_refused(R"({ "write": { "mmio": "0xf000000", "value": 1 } })", "belongs to the guest agent");
    is_refused(R"({ "write": { "mmio": "0x20000", "value": 1 } })", "the guest agent lives");
    is_refused(R"({ "ioeventfd": { "name": "bell", "port": 1 } })", "no ports");
}

BOOST_AUTO_TEST_CASE(a_check_asks_for_what_it_names) {
    const Played played(R"({ "check": { "intid": 42, "active": true, "pending": true } })");
    BOOST_TEST(played.calls.at(0) == "inspect interrupt 42");
    BOOST_TEST(played.trace.events().size() == 2U);
    BOOST_TEST(played.expects.at(0) == "INTID 42 pending = 0x1");
    BOOST_TEST(played.expects.at(1) == "INTID 42 active = 0x1");
    is_refused(R"({ "check": { "intid": 42 } })", "enabled");
}

BOOST_AUTO_TEST_CASE(only_a_vcpu_that_is_started_executes) {
    const auto refusal = [](const std::string& steps) {
        const std::string file = R"({ "name": "a file", "arch": "arm64", "source": "none",
            "vcpus": { "count": 3, "started": 1 }, "steps": [ { "raise": 10 }, { "ack": 42 }, )" +
                                 steps + " ] }";
        try {
            load_text(file, "file.json");
        } catch (const ScenarioError& error) {
            return error.reason();
        }
        return std::string("none");
    };
    const std::string is_off = "can never be reached: vCPU 2 is off, and no step starts it by PSCI CPU_ON";
    BOOST_TEST(refusal(R"({ "cpu_on": 1 }, { "started": 1 }, { "mask": 1 })") == "none");
    BOOST_TEST(refusal(R"({ "cpu_on": 1 }, { "started": 1 }, { "mask": 2 })") == is_off);
    BOOST_TEST(refusal(R"({ "write": { "mmio": "0x50000000", "value": 1 } }, { "mask": 2 })") == is_off);
    BOOST_TEST(refusal(R"({ "cpu_on": { "vcpu": 2, "returns": "DENIED" } }, { "mask": 2 })") == is_off);
    BOOST_TEST(refusal(R"({ "cpu_on": 1 }, { "started": 2 })") ==
               "nothing before this step can start it by PSCI CPU_ON");
}

BOOST_AUTO_TEST_CASE(outcomes_are_intids) {
    const auto outcomes = [](const std::string& allowed) {
        return load_text(R"({ "name": "a file", "arch": "arm64", "source": "none", "vcpus": 2,
            "machine": { "its": true }, "steps": [ { "raise": 10 } ], "outcomes": { "allowed": [ )" +
                             allowed + " ] } }",
                         "file.json")
            .outcomes.value()
            .allowed;
    };
    const auto acks = outcomes(R"({ "ack": 8200 }, { "ack": { "vcpu": 1, "intid": [ 42, 43 ] } })");
    BOOST_TEST(describe(acks.at(0)) == "ack 0x2008 on vCPU 0");
    BOOST_TEST(describe(acks.at(1)) == "ack 0x2a or 0x2b on vCPU 1");
    BOOST_CHECK_EXCEPTION(outcomes(R"({ "ack": [ 42 ] })"), ScenarioError, [](const ScenarioError& error) {
        return error.reason().find(R"(use "intid": [..] for any of several)") != std::string::npos;
    });
    BOOST_CHECK_THROW(outcomes(R"({ "ack": "nmi" })"), ScenarioError);
    BOOST_CHECK_THROW(outcomes(R"({ "ack": { "vector": 42 } })"), ScenarioError);
}

BOOST_AUTO_TEST_CASE(quiet_is_asked_for_by_priority) {
    const Played played(R"({ "quiet": { "priority": "0x80" } })");
    BOOST_TEST(played.expects.at(0) == "quiet for priority 0x80");
}

BOOST_AUTO_TEST_CASE(the_machine_needs_what_its_gic_is) {
    const auto needs = [](const std::string& machine) {
        const std::string file = R"({ "name": "a file", "arch": "arm64", "source": "none", "machine": { )" +
                                 machine + R"( }, "steps": [ { "raise": 10 }, { "ack": 42 } ] })";
        return load_text(file, "file.json").requires_.capabilities;
    };
    BOOST_TEST(needs(R"("gic": "v2")") == Lines{"arm_vgic_v2"}, boost::test_tools::per_element());
    BOOST_TEST(needs(R"("its": true)") == (Lines{"arm_vgic_v3", "arm_vgic_its"}),
               boost::test_tools::per_element());
    BOOST_TEST(needs(R"("spis": 32)").empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::scenarios
