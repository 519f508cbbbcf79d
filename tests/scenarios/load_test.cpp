#include "scenarios/engine/load.hpp"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include "scenarios/engine/explain.hpp"
#include "tests/scenarios/files.hpp"
#include "vmm/guest/agent.hpp"

namespace irqbench::scenarios {

BOOST_AUTO_TEST_SUITE(loader)

std::string message_of(const std::string& text) {
    try {
        load_text(text, "file.json");
    } catch (const ScenarioError& error) {
        return error.what();
    }
    return "accepted";
}

/// A scenario with set-up, a handler that stays and a look at a controller.
constexpr std::string_view whole_example = R"({ // A level line that rises while its pin is masked.
  "name":   "level line raised while masked is delivered on unmask",
  "arch":   "x86_64",
  "source": "82093AA 3.2.4, bit 16",
  "setup": [
    { "ioapic":  { "pin": 10, "vector": "0x51", "trigger": "level", "masked": true } },
    { "handler": { "vector": "0x51", "stays": true } }
  ],
  "steps": [
    { "raise":  10 },
    { "quiet":  true },
    { "unmask": 10 },
    { "ack":    "0x51" },
    { "check":  { "ioapic": { "pin": 10, "remote_irr": true } } },
    { "lower":  10 },
    { "eoi":    0 },
    { "return": 0 },
    { "quiet":  true }
  ]
})";

BOOST_AUTO_TEST_CASE(the_example_of_the_readme_loads) {
    const std::string readme = read_text(source_dir() / "scenarios/README.md");
    const std::size_t begin = readme.find('\n', readme.find("```jsonc")) + 1;
    const std::string example = readme.substr(begin, readme.find("```", begin) - begin);
    BOOST_TEST(example.find("an edge on an unmasked pin is delivered once") != std::string::npos);
    BOOST_TEST(message_of(example) == "accepted");
}

BOOST_AUTO_TEST_CASE(steps_are_numbered_through_setup_steps_and_blocks) {
    const Scenario scenario = load_text(file_with(R"({ "raise": 10 },
        { "repeat": { "times": 3, "steps": [ { "pulse": 10 }, { "ack": "0x51" } ] } },
        { "quiet": true })",
                                                  R"({ "cli": 0 })"),
                                        "file.json");
    BOOST_TEST(scenario.setup.at(0).number == 1U);
    BOOST_TEST(scenario.steps.at(0).number == 2U);
    BOOST_TEST(scenario.steps.at(1).number == 3U);
    const std::vector<Step>& inside = scenario.steps.at(1).block->threads.at(0).second;
    BOOST_TEST(inside.at(0).number == 4U);
    BOOST_TEST(inside.at(1).number == 5U);
    BOOST_TEST(inside.at(1).pointer == "/steps/1/repeat/steps/1");
    BOOST_TEST(inside.at(1).line == 2U);
    BOOST_TEST(scenario.steps.at(2).number == 6U);
}

BOOST_AUTO_TEST_CASE(a_step_keeps_its_place_and_its_text) {
    const Scenario scenario = load_text(whole_example, "dir/file.json");
    const Step& step = scenario.steps.at(4);
    BOOST_TEST(scenario.file.string() == "dir/file.json");
    BOOST_TEST(step.text == R"({ "check": { "ioapic": { "pin": 10, "remote_irr": true } } })");
    BOOST_TEST(step.line == 14U);
    BOOST_TEST(step.pointer == "/steps/4");
}

BOOST_AUTO_TEST_CASE(the_head_becomes_the_machine_and_the_requirements) {
    const Scenario scenario = load_text(file_with(R"({ "raise": 10 }, { "ack": "0x51" })", "", R"(
        "description": "text", "tags": [ "a", "b" ], "reference": [ "X07" ],
        "vcpus": { "ids": [ 0, 1, 300 ], "started": 1 },
        "machine": { "x2apic": true, "x2apic_ids": true, "pit": true, "pit_reinject": false, "ioapic_version": "0x20",
                     "memory": "0x100000", "storm_budget": 7 },
        "run": "free",
        "modes": { "only": [ "kernel" ], "because": "the PIT is there" },
        "requires": { "capabilities": [ "x2apic_api" ], "kernel": "6.1", "because": "so", "irqchip": [ "split" ],
                      "trait_absent": [ "timer_divide_write_restarts" ] },
        "fixed_in": { "linux": [ "6.1.120", "6.12.5", "6.13" ], "irqchip": [ "kernel" ] },
        "known": [ { "when": { "trait": "lint0_unmask_unnoticed", "irqchip": [ "kernel" ], "run": "free" }, "because": "b",
                     "instead": { "step": 2, "came": "nothing" } } ])"),
                                        "file.json");
    BOOST_TEST(scenario.name == "a test");
    BOOST_TEST(scenario.description == "text");
    BOOST_TEST(scenario.tags.size() == 2U);
    BOOST_TEST(scenario.reference.at(0) == "X07");
    BOOST_TEST(scenario.config.vcpu_ids.at(2) == 300U);
    BOOST_TEST(scenario.config.started == 1U);
    BOOST_TEST(scenario.config.x2apic);
    BOOST_TEST(scenario.config.x2apic_ids);
    BOOST_TEST(scenario.config.pit);
    BOOST_TEST((scenario.config.pit_reinject == false));
    BOOST_TEST(scenario.config.ioapic_version == 0x20U);
    BOOST_TEST(scenario.config.memory == 0x100000U);
    BOOST_TEST(scenario.config.storm_budget == 7U);
    BOOST_TEST((scenario.config.run == vmm::RunMode::free));
    BOOST_TEST(scenario.free_only);
    BOOST_TEST(scenario.modes_only.at(0) == "kernel");
    BOOST_TEST(scenario.modes_because == "the PIT is there");
    BOOST_TEST(scenario.requires_.capabilities.at(0) == "x2apic_api");
    BOOST_TEST(scenario.requires_.kernel == "6.1");
    BOOST_TEST(scenario.requires_.traits_absent.at(0) == "timer_divide_write_restarts");
    BOOST_TEST(scenario.requires_.modes.at(0) == "split");
    BOOST_REQUIRE(scenario.fixed_in.has_value());
    BOOST_TEST((scenario.fixed_in->mainline == vmm::KernelVersion{6, 13, 0}));
    BOOST_TEST((scenario.fixed_in->stable == std::vector<vmm::KernelVersion>{vmm::KernelVersion{6, 1, 120},
                                                                             vmm::KernelVersion{6, 12, 5}}));
    BOOST_TEST(scenario.fixed_in->modes.at(0) == "kernel");
    BOOST_TEST(explain(scenario).find("Fixed in: Linux 6.13, 6.1.120, 6.12.5 (in kernel mode)\n") !=
               std::string::npos);
    BOOST_TEST(scenario.known.at(0).step == 2U);
    BOOST_TEST(scenario.known.at(0).trait == "lint0_unmask_unnoticed");
    BOOST_TEST((scenario.known.at(0).run == vmm::RunMode::free));
    BOOST_TEST(scenario.known.at(0).pointer == "/known/0");
}

BOOST_AUTO_TEST_CASE(a_fix_is_one_release_or_several) {
    const auto fixed_in = [](const std::string& value) {
        const auto scenario = load_text(file_with(R"({ "raise": 10 }, { "ack": "0x51" })", "",
                                                  R"("reference": [ "X07" ], "fixed_in": )" + value),
                                        "file.json");
        return scenario.fixed_in.value_or(FixedIn{});
    };
    for (const char* text : {R"("6.13")", R"([ "6.13" ])", R"({ "linux": "6.13" })"}) {
        const FixedIn fix = fixed_in(text);
        BOOST_TEST((fix.mainline == vmm::KernelVersion{6, 13, 0}), text);
        BOOST_TEST(fix.stable.empty());
        BOOST_TEST(fix.modes.empty());
    }
    BOOST_TEST((fixed_in(R"([ "6.13", "5.10.230" ])").stable.at(0) == vmm::KernelVersion{5, 10, 230}));
}

BOOST_AUTO_TEST_CASE(vcpus_are_one_unless_said_and_numbered_from_0) {
    BOOST_TEST(load_text(whole_example, "f").config.vcpu_ids.size() == 1U);
    const auto scenario =
        load_text(file_with(R"({ "raise": 10 }, { "ack": "0x51" })", "", R"("vcpus": 3)"), "f");
    BOOST_TEST(scenario.config.vcpu_ids == (std::vector<std::uint32_t>{0, 1, 2}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(threads_and_outcomes_are_read) {
    const Scenario scenario = load_text(file_with(R"({ "repeat": { "times": 1000, "steps": [
        { "parallel": { "times": 5,
            "flipper":  [ { "route": { "gsi": 24, "msi": { "dest": 1, "vector": "0x61" } } } ],
            "signaler": [ { "loop": [ { "signal": "dev" } ], "until": "flipper" } ] } } ] } })",
                                                  R"({ "irqfd": { "name": "dev", "gsi": 24 } })",
                                                  R"("vcpus": 2, "run": "free", "outcomes": {
        "allowed":   [ { "ack": { "vcpu": 0, "vector": "0x51" } }, { "ack": { "vcpu": "any", "vector": "0x61" } } ],
        "forbidden": [ { "ack": "nmi" } ], "seen": "all allowed" })"),
                                        "file.json");
    const Block& repeat = *scenario.steps.at(0).block;
    BOOST_TEST((repeat.kind == Block::Kind::repeat));
    BOOST_TEST(repeat.times == 1000U);
    const Block& parallel = *repeat.threads.at(0).second.at(0).block;
    BOOST_TEST((parallel.kind == Block::Kind::parallel));
    BOOST_TEST(parallel.times == 5U);
    BOOST_TEST(parallel.threads.at(0).first == "flipper");
    const Block& loop = *parallel.threads.at(1).second.at(0).block;
    BOOST_TEST((loop.kind == Block::Kind::loop));
    BOOST_TEST(loop.until == "flipper");
    const Outcomes& outcomes = scenario.outcomes.value();
    BOOST_TEST(outcomes.allowed.at(0).id == 0x51U);
    BOOST_TEST(outcomes.allowed.at(1).vcpus.empty());
    BOOST_TEST((outcomes.forbidden.at(0).kind == vmm::event::Kind::nmi));
    BOOST_TEST(outcomes.all_allowed_seen);
}

BOOST_AUTO_TEST_CASE(numbers_are_plain_or_hex) {
    for (const char* number : {"81", "\"0x51\"", "\"0x051\"", "\"0x0000000000000000000051\""})
        BOOST_TEST(message_of(file_with(std::string(R"({ "raise": 10 }, { "ack": )") + number + " }")) ==
                   "accepted");
    for (const char* number :
         {"\"81\"", "\"0X51\"", "\"0x\"", "\"x51\"", "\"0x51 \"", "8.1e1", "null", "-0.0", "\"\""})
        BOOST_TEST(message_of(file_with(std::string(R"({ "raise": 10 }, { "ack": )") + number + " }")) !=
                   "accepted");
}

BOOST_AUTO_TEST_CASE(two_million_steps_are_the_most_there_may_be) {
    const auto repeated = [](int times) {
        // Two steps an iteration.
        return file_with(R"({ "repeat": { "times": )" + std::to_string(times) +
                         R"(, "steps": [ { "pulse": 10 }, { "ack": "0x51" } ] } })");
    };
    BOOST_TEST(message_of(repeated(1'000'000)) == "accepted");
    BOOST_TEST(message_of(repeated(1'000'001)) ==
               "file.json:1: /steps: more than 2000000 steps, repeats included");
    // The product does not fit 64 bits.
    std::string steps = R"({ "pulse": 10 })";
    for (int i = 0; i < 4; ++i) steps = R"({ "repeat": { "times": 2000000, "steps": [ )" + steps + " ] } }";
    BOOST_TEST(message_of(file_with(steps + R"(, { "ack": "0x51" })"))
                   .ends_with("more than 2000000 steps, repeats included"));
}

BOOST_AUTO_TEST_CASE(two_million_steps_may_be_written_out) {
    std::string steps = R"({ "ack": "0x51" })";
    for (int i = 0; i < 2'000'000; ++i) steps += R"(,{"eoi":0})";
    BOOST_TEST(message_of(file_with(R"({ "raise": 10 }, )" + steps)).ends_with("more than 2000000 steps"));
}

BOOST_AUTO_TEST_CASE(threads_are_bounded) {
    std::string threads;
    for (int i = 0; i < 17; ++i)
        threads += (i == 0 ? "" : ", ") + ("\"t" + std::to_string(i)) + R"(": [ { "pulse": 10 } ])";
    BOOST_TEST(message_of(file_with(R"({ "parallel": { )" + threads + " } }")) ==
               "file.json:1: /steps/0/parallel: more than 16 threads");
}

BOOST_AUTO_TEST_CASE(threads_may_end_one_after_the_other) {
    const auto threads = [](const std::string& third) {
        return file_with(R"({ "parallel": {
            "one":   [ { "repeat": { "times": 2, "steps": [ { "loop": [ { "pulse": 10 } ], "until": "two" } ] } } ],
            "two":   [ { "loop": [ { "pulse": 11 } ], "until": "three" } ],
            "three": [ )" + third +
                             R"( ] } }, { "ack": { "vector": "0x51", "times": 1 } })",
                         R"({ "msi": "0x51" })");
    };
    BOOST_TEST(message_of(threads(R"({ "pulse": 12 })")) == "accepted");
    // In one mode only they wait for each other.
    BOOST_TEST(
        message_of(threads(R"({ "only": { "irqchip": ["split"], "because": "it is an example", "steps": [
                   { "loop": [ { "pulse": 12 } ], "until": "one" } ] } }, { "pulse": 12 })")) ==
        "file.json:1: /steps/0: never ends: every thread loops until another one has ended");
}

BOOST_AUTO_TEST_CASE(a_second_deassignment_is_for_the_kernel_to_judge) {
    BOOST_TEST(
        message_of(file_with(R"({ "deassign": "dev" }, { "deassign": { "name": "dev", "errno": "ENOENT" } })",
                             R"({ "irqfd": { "name": "dev", "gsi": 10 } })")) == "accepted");
}

BOOST_AUTO_TEST_CASE(an_nmi_or_an_ipi_reaches_a_vcpu_that_halted_for_good) {
    const std::string halt = R"({ "halt": { "vcpu": 0, "interrupts": false } }, )";
    BOOST_TEST(message_of(file_with(halt + R"({ "nmi": 0 }, { "ack": "nmi" }, { "cli": 0 })")) == "accepted");
    BOOST_TEST(message_of(file_with(R"({ "ipi": { "mode": "init", "to": 1 } },
        { "ipi": { "mode": "startup", "to": 1, "vector": 8 } }, { "cli": 1 }, { "halted": 1 })",
                                    "", R"("vcpus": { "count": 2, "started": 1 })")) == "accepted");
}

BOOST_AUTO_TEST_CASE(a_start_is_expected_of_its_vcpu_and_is_no_action) {
    const Scenario scenario = load_text(file_with(R"({ "ipi": { "mode": "startup", "to": 1, "vector": 8 } },
        { "started": 1 }, { "started": { "vcpu": 1 } })",
                                                  "", R"("vcpus": { "count": 2, "started": 1 })"),
                                        "file.json");
    for (const std::size_t i : {1U, 2U}) {
        const Verb& verb = *scenario.steps.at(i).verb;
        BOOST_TEST(!verb.acts());
        BOOST_TEST(describe(verb.expects().at(0)) == "started on vCPU 1");
        BOOST_TEST(verb.explain() == "Expect that vCPU 1 comes out of a SIPI and begins anew, once.");
    }
}

BOOST_AUTO_TEST_CASE(what_the_agent_needs_is_not_for_scenarios) {
    const auto with_two_vcpus = [](const std::string& step) {
        return message_of(file_with(step + R"(, { "raise": 10 }, { "ack": "0x51" })", "", R"("vcpus": 2)"));
    };
    const auto size = vmm::guest::Agent::memory_size(2);
    BOOST_TEST(with_two_vcpus(fmt::format(R"({{ "write": {{ "mmio": {}, "value": 0 }} }})", size - 1))
                   .find("the guest agent lives in") != std::string::npos);
    BOOST_TEST(with_two_vcpus(fmt::format(R"({{ "write": {{ "mmio": {}, "value": 0 }} }})", size)) ==
               "accepted");
    BOOST_TEST(with_two_vcpus(fmt::format(R"({{ "ioeventfd": {{ "name": "a", "address": {} }} }})", size)) ==
               "accepted");
    // Looking does no harm.
    BOOST_TEST(with_two_vcpus(R"({ "read": { "mmio": "0x20000" } })") == "accepted");
    BOOST_TEST(with_two_vcpus(R"({ "write": { "port": "0xe5", "value": 0, "size": 1 } })") == "accepted");
}

BOOST_AUTO_TEST_CASE(an_exceptions_vector_is_injected_where_it_has_a_handler) {
    const std::string inject =
        R"({ "inject": { "vcpu": 1, "vector": 13 } }, { "ack": { "vcpu": 1, "vector": 13 } })";
    for (const char* handler :
         {R"({ "handler": { "vector": 13 } })", R"({ "handler": { "vector": 13, "vcpu": 1 } })"})
        BOOST_TEST(message_of(file_with(inject, handler, R"("vcpus": 2)")) == "accepted");
    BOOST_TEST(message_of(file_with(R"({ "interrupt": { "vector": 2, "errno": "ENXIO" } })")) == "accepted");
    BOOST_TEST(message_of(file_with(R"({ "interrupt": 31 }, { "ack": 31 })"))
                   .find("an exception unless it has a handler") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_name_is_measured_in_characters) {
    const auto named = [](std::size_t length) {
        std::string name;
        for (std::size_t i = 0; i < length; ++i) name += "\u00b5";
        return message_of(R"({ "arch": "x86_64", "source": "none", "name": ")" + name +
                          R"(", "steps": [ { "raise": 10 }, { "ack": "0x51" } ] })");
    };
    BOOST_TEST(named(200) == "accepted");
    BOOST_TEST(named(201) == "file.json:1: /name: has 201 characters: 200 are the most");
}

BOOST_AUTO_TEST_CASE(a_refusal_is_an_assertion) {
    BOOST_TEST(message_of(file_with(R"({ "route": { "gsi": 4096, "ioapic": 0, "errno": "EINVAL" } })")) ==
               "accepted");
}

BOOST_AUTO_TEST_CASE(split_only_verbs_stand_where_only_split_is_left) {
    const std::string steps = R"({ "raise": 10 }, { "ack": "0x51" }, )";
    const std::string claim = R"({ "eoi_exits": 1 })";
    BOOST_TEST(message_of(file_with(steps + claim)).find("makes sense in split mode only") !=
               std::string::npos);
    BOOST_TEST(message_of(file_with(
                   steps + R"({ "only": { "irqchip": [ "split" ], "because": "EOI exits", "steps": [ )" +
                   claim + " ] } }")) == "accepted");
    BOOST_TEST(message_of(file_with(steps + claim, "",
                                    R"("modes": { "only": [ "split" ], "because": "EOI exits" })")) ==
               "accepted");
}

BOOST_AUTO_TEST_CASE(every_file_of_the_library_loads) {
    std::size_t count = 0;
    for (const auto& file : library_files()) {
        BOOST_TEST_CONTEXT(file) { BOOST_CHECK_NO_THROW(load(file)); }
        ++count;
    }
    BOOST_TEST(count > 0U);
}

BOOST_AUTO_TEST_CASE(a_scenario_is_explained_step_by_step) {
    BOOST_TEST(explain(load_text(whole_example, "file.json")) ==
               R"(level line raised while masked is delivered on unmask
Source: 82093AA 3.2.4, bit 16
Machine: 1 vCPU

Set-up
   1. vCPU 0 programs IOAPIC pin 10: vector 0x51 to APIC id 0x0, level-triggered, masked.
   2. The handler of vector 0x51 on every vCPU remains in service until told to return, and EOIs on request only.

Steps
   3. The host raises GSI 10.
   4. Expect that nothing is left to be taken.
   5. vCPU 0 unmasks IOAPIC pin 10.
   6. Expect: vCPU 0 takes vector 0x51.
   7. Check ioapic 10: remote_irr is 0x1.
   8. The host lowers GSI 10.
   9. vCPU 0 writes an EOI.
  10. vCPU 0 leaves the innermost handler that stays.
  11. Expect that nothing is left to be taken.
)");
}

BOOST_AUTO_TEST_CASE(every_step_of_the_library_has_one_sentence) {
    const auto check = [](const auto& self, const std::vector<Step>& steps) -> void {
        for (const Step& step : steps) {
            if (step.verb) {
                const std::string sentence = step.verb->explain();
                BOOST_TEST(sentence.ends_with('.'), step.text << " is explained as " << sentence);
                BOOST_TEST(sentence.find('\n') == std::string::npos);
                continue;
            }
            for (const auto& [name, body] : step.block->threads) self(self, body);
        }
    };
    for (const auto& file : library_files()) {
        const Scenario scenario = load(file);
        check(check, scenario.setup);
        check(check, scenario.steps);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::scenarios
