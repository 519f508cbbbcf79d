#include "tools/fuzz/generator.hpp"

#include <boost/test/unit_test.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "scenarios/engine/load.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/fuzz/expectations.hpp"
#include "tools/fuzz/shrinker.hpp"
#include "tools/fuzz/x86/architecture.hpp"
#include "tools/fuzz/x86/features.hpp"
#include "vmm/factory.hpp"

namespace irqbench::tests {

namespace {

namespace fuzz = tools::fuzz;
using fuzz::Case;
using fuzz::Json;
namespace feature = fuzz::x86::feature;
using Features = std::vector<std::string_view>;

const fuzz::Heading heading{"generated", "a test", {}};

const fuzz::Player model(vmm::make_machine, "model");

bool uses(const Case& each, const char* verb) {
    return std::any_of(each.steps.begin(), each.steps.end(),
                       [verb](const Json& step) { return step.contains(verb); });
}

Case case_of(std::vector<Json> steps, std::uint32_t vcpus = 1) {
    return {&fuzz::x86::architecture, vcpus, Json::object(), std::move(steps)};
}

Case generate(std::uint64_t seed, std::uint64_t number, const fuzz::GeneratorOptions& options) {
    return fuzz::generate(fuzz::x86::architecture, seed, number, options);
}

Json step(const char* verb, Json argument) {
    Json made = Json::object();
    made[verb] = std::move(argument);
    return made;
}

template <class Event>
bool ends_with(const fuzz::Pair& pair) {
    const auto& trace = pair.reference.trace;
    return std::any_of(trace.begin(), trace.end(),
                       [](const vmm::Event& each) { return std::holds_alternative<Event>(each.what); });
}

/// Machines by turns do and do not deliver messages: the first mode does, the second does not.
vmm::Event trouble(const std::string& reason) { return event_of(vmm::event::Trouble{reason, false}); }

void second_loses_messages(Cli& cli) {
    cli.prepare = [&cli](FakeMachine& machine) {
        if (cli.machines % 2 == 0) machine.causes["msi"] = {};
    };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fuzzing)

BOOST_AUTO_TEST_CASE(one_seed_makes_the_same_bytes) {
    std::set<std::string> texts;
    for (std::uint64_t number = 0; number < 100; ++number) {
        const std::string text = text_of(generate(5, number, {}), heading);
        BOOST_TEST(text == text_of(generate(5, number, {}), heading));
        texts.insert(text);
        texts.insert(text_of(generate(6, number, {}), heading));
    }
    BOOST_TEST(texts.size() == 200U);
}

BOOST_AUTO_TEST_CASE(what_is_generated_loads_and_passes_on_the_model_once_its_expectations_are_written) {
    std::set<std::string> verbs;
    std::uint64_t cut = 0;
    for (std::uint64_t number = 0; number < 2000; ++number) {
        BOOST_TEST_CONTEXT("case " << number) {
            const fuzz::Pair pair = model.begin(generate(1, number, {}));
            const Case whole = with_expectations(pair.each, pair.reference);
            const auto scenario = scenarios::load_text(text_of(whole, heading), "generated.json");
            const auto verdict = model.run(scenario, "model");
            // No file can claim a fault, nor a storm of two.
            if (ends_with<vmm::event::Fault>(pair) || ends_with<vmm::event::Storm>(pair))
                ++cut;
            else
                BOOST_TEST(verdict.reason == "", verdict.reason + '\n' + text_of(whole, heading));
            for (const Json& each : whole.steps) verbs.insert(each.begin().key());
        }
    }
    BOOST_TEST(cut < 400U);
    for (const char* verb :
         {"ack",       "arrives",  "cli",       "cr8",     "deassign", "doorbell", "eoi",   "halt",
          "handler",   "ioapic",   "ioeventfd", "ipi",     "irqfd",    "lapic",    "lower", "mask",
          "msi",       "nmi",      "ocw",       "pic",     "pit",      "pulse",    "raise", "read",
          "resampled", "retarget", "return",    "route",   "signal",   "started",  "sti",   "storm",
          "timer",     "tpr",      "unmask",    "unroute", "write"})
        BOOST_TEST(verbs.count(verb) == 1U, verb);
}

BOOST_AUTO_TEST_CASE(a_case_plays_the_same_twice) {
    for (std::uint64_t number = 0; number < 200; ++number) {
        fuzz::Pair pair = model.begin(generate(3, number, {}));
        model.compare(pair, "model");
        BOOST_TEST(fuzz::kind_of(pair) == "", number);
    }
}

BOOST_AUTO_TEST_CASE(what_means_nothing_to_the_reference_is_left_out) {
    const Case each = case_of({step("handler", {{"vector", "0x51"}, {"stays", true}}), step("return", 0),
                               step("msi", "0x51"), step("halt", 0), step("return", 0), step("eoi", 0)});
    const fuzz::Pair pair = model.begin(each);
    BOOST_REQUIRE(pair.each.steps.size() == 3U);
    BOOST_TEST(pair.each.steps[1].dump() == R"({"msi":"0x51"})");
    BOOST_TEST(pair.each.steps[2].dump() == R"({"halt":0})");
    BOOST_TEST(pair.reference.performance.performed.size() == 3U);
}

BOOST_AUTO_TEST_CASE(what_reads_and_writes_raise_is_expected_of_them) {
    const Case each = case_of({step("write", {{"msr", "0x1b"}, {"value", "0xfee00400"}})});
    const fuzz::Pair pair = model.begin(each);
    const Case whole = with_expectations(pair.each, pair.reference);
    BOOST_REQUIRE(whole.steps.size() == 3U);
    BOOST_TEST(whole.steps[2]["write"]["fault"] == "#GP");
}

BOOST_AUTO_TEST_CASE(a_timer_is_let_expire_or_left_out) {
    const auto with = [](std::vector<Json> before) {
        before.push_back(step("timer", {{"mode", "periodic"}, {"vector", "0x51"}, {"count", 100000}}));
        before.push_back(step("timer", {{"mode", "off"}}));
        return model.begin(case_of(std::move(before)));
    };
    const fuzz::Pair expires = with({});
    const Case whole = with_expectations(expires.each, expires.reference);
    BOOST_REQUIRE(whole.steps.size() == 3U);
    BOOST_TEST(whole.steps[1].dump() == R"({"arrives":"0x51"})");
    const fuzz::Pair held_back = with({step("cli", 0)});
    BOOST_TEST(held_back.each.steps.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_any_of_several_may_take_is_expected_of_any) {
    const Case each = case_of(
        {step("lapic", {{"vcpu", 0}, {"register", "ldr"}, {"value", "0x1000000"}}),
         step("lapic", {{"vcpu", 1}, {"register", "ldr"}, {"value", "0x2000000"}}),
         step("msi",
              {{"vector", "0x51"}, {"mode", "lowest-priority"}, {"dest_mode", "logical"}, {"dest", 3}})},
        2);
    const fuzz::Player player(vmm::make_machine, "model");
    fuzz::Pair pair = player.begin(each);
    pair.leeway.one_of[0x51] = {0, 1};
    const Case whole = with_expectations(pair.each, pair.reference, pair.leeway);
    BOOST_REQUIRE(whole.steps.size() == 4U);
    BOOST_TEST(whole.steps[3].dump() == R"({"ack":{"vcpu":[0,1],"vector":"0x51"}})");
}

BOOST_AUTO_TEST_CASE(where_lowest_priority_is_settled_otherwise_one_of_the_set_is_as_good_as_another) {
    std::uint64_t arbitrated = 0;
    for (std::uint64_t number = 0; number < 400; ++number) {
        const Case each = generate(1, number, {{feature::arbitration}, 40});
        const bool used = text_of(each, heading).find("lowest-priority") != std::string::npos;
        if (!used || each.vcpus == 1) continue;
        ++arbitrated;
        // Nobody holds anything back, or it would be another who has it then.
        for (const char* verb : {"cli", "halt", "tpr", "cr8", "eoi"}) BOOST_TEST(!uses(each, verb), verb);
    }
    BOOST_TEST(arbitrated > 10U);
}

BOOST_AUTO_TEST_CASE(a_case_ends_with_a_storm) {
    const Case each = case_of({step("ioapic", {{"pin", 10}, {"vector", "0x51"}, {"trigger", "level"}}),
                               step("msi", "0x61"), step("raise", 10), step("lower", 10)});
    const fuzz::Pair pair = model.begin(each);
    BOOST_TEST(pair.each.steps.size() == 3U);
    BOOST_TEST(pair.reference.performance.performed.size() == 3U);
    const Case whole = with_expectations(pair.each, pair.reference);
    BOOST_TEST(whole.steps.back().dump() == R"({"storm":"0x51"})");
    const auto scenario = scenarios::load_text(text_of(whole, heading), "generated.json");
    BOOST_TEST(model.run(scenario, "model").reason == "");
}

BOOST_AUTO_TEST_CASE(a_case_ends_with_a_fault) {
    const Case each = case_of({step("msi", "0x61"), step("msi", "0x12"), step("msi", "0x61")});
    const fuzz::Pair pair = model.begin(each);
    BOOST_TEST(pair.each.steps.size() == 2U);
    BOOST_TEST(ends_with<vmm::event::Fault>(pair));
}

BOOST_AUTO_TEST_CASE(what_is_excluded_is_not_generated) {
    const fuzz::GeneratorOptions options{
        {feature::level, feature::level_messages, feature::service, feature::poll}, 40};
    for (std::uint64_t number = 0; number < 300; ++number) {
        const Case each = generate(1, number, options);
        BOOST_TEST(!uses(each, "eoi"));
        const std::string text = text_of(each, heading);
        BOOST_TEST(text.find("\"level\"") == std::string::npos);
        BOOST_TEST(text.find("\"resample\"") == std::string::npos);
        BOOST_TEST(text.find("\"ocw3\": \"0x0c\"") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(what_is_left_out_is_not_made_use_of) {
    for (std::uint64_t number = 0; number < 300; ++number) {
        const Features without{feature::own_pins,  feature::errors,  feature::versions,
                               feature::time,      feature::startup, feature::apic_base,
                               feature::doorbells, feature::service, feature::lowest_priority};
        const Case each = generate(1, number, {without, 40});
        const std::string text = text_of(each, heading);
        for (const char* verb : {"timer", "pit", "ioeventfd", "write"}) BOOST_TEST(!uses(each, verb), verb);
        for (const char* word : {"\"esr\"", "\"version\"", "\"init\"", "\"stays\"", "\"lowest-priority\"",
                                 "\"pin\": 0,", "\"pin\": 2,", "\"pin\": 8,"})
            BOOST_TEST(text.find(word) == std::string::npos, word);
    }
}

BOOST_AUTO_TEST_CASE(messages_keep_to_vectors_that_no_level_pin_has_where_these_may_not_be_shared) {
    for (std::uint64_t number = 0; number < 500; ++number) {
        const Case each = generate(1, number, {{feature::shared_message, feature::tpr_subclass}, 40});
        std::set<std::uint64_t> of_level_pins;
        std::set<std::uint64_t> of_messages;
        for (const Json& step : each.steps) {
            const Json& argument = step.begin().value();
            const std::string verb = step.begin().key();
            if (verb == "tpr") BOOST_TEST((*fuzz::number_at(argument, "value") & 0xF) == 0U);
            const Json& message = verb == "route" && argument.contains("msi") ? argument["msi"] : argument;
            const auto vector = message.is_object() ? fuzz::number_at(message, "vector") : std::nullopt;
            if (!vector) continue;
            if (verb == "ioapic" && argument.contains("trigger")) of_level_pins.insert(*vector);
            if (verb == "msi" || verb == "ipi" || verb == "route" || verb == "timer")
                of_messages.insert(*vector);
        }
        for (const std::uint64_t vector : of_messages) BOOST_TEST(of_level_pins.count(vector) == 0U, number);
    }
}

BOOST_AUTO_TEST_CASE(no_ipi_goes_to_255_beside_cpus_in_x2apic_mode_where_modes_may_not_be_mixed) {
    const auto is_mixed = [](const Case& each) {
        bool changed = false;
        for (const Json& step : each.steps) {
            const Json& argument = step.begin().value();
            changed = changed || (step.begin().key() == "write" && argument.contains("msr"));
            if (changed && step.begin().key() == "ipi" && fuzz::number_at(argument, "to") == 0xFFU &&
                !argument.contains("dest_mode"))
                return true;
        }
        return false;
    };
    std::size_t free = 0;
    for (std::uint64_t number = 0; number < 5000; ++number) {
        free += is_mixed(generate(1, number, {{}, 40})) ? 1U : 0U;
        BOOST_TEST(!is_mixed(generate(1, number, {{feature::mixed_modes}, 40})), number);
    }
    BOOST_TEST(free > 0U);
}

BOOST_FIXTURE_TEST_CASE(what_is_not_wanted_is_not_generated, Cli) {
    for (std::uint64_t number = 0; number < 300; ++number)
        BOOST_TEST(!uses(generate(1, number, {{feature::cr8}, 40}), "cr8"));
    const std::vector<std::string> fuzz{"fuzz", "--between", "kernel,split", "--count",
                                        "20",   "--out",     folder()};
    const auto with = [&fuzz](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), fuzz.begin(), fuzz.end());
        return arguments;
    };
    BOOST_TEST(run(with({"--without", "nothing"})) == 2);
    // It reaches the generator: two that differ in this do not without it.
    prepare = [this](FakeMachine& machine) {
        if (machines % 2 == 0) machine.causes["guest write cr8"] = {taken(0x61)};
    };
    BOOST_TEST(run(with({})) == 1);
    BOOST_TEST(run(with({"--without", "cr8,poll"})) == 0);
}

BOOST_AUTO_TEST_CASE(the_shrinker_finds_the_steps_that_matter) {
    std::vector<Json> steps;
    for (std::uint32_t i = 0; i < 20; ++i) steps.push_back(step("raise", i));
    steps[4] = step("msi", {{"vector", "0x93"}, {"dest", 1}, {"hint", true}});
    steps[13] = step("lower", 3);
    const auto shows = [](const Case& each) {
        const auto at = [&](const char* verb) {
            return std::find_if(each.steps.begin(), each.steps.end(),
                                [verb](const Json& found) { return found.contains(verb); });
        };
        return at("msi") < at("lower") && at("lower") != each.steps.end() &&
               (*at("msi"))["msi"].contains("vector");
    };
    const Case smallest = fuzz::shrink(case_of(steps, 4), shows, 1000);
    BOOST_TEST(smallest.vcpus == 1U);
    BOOST_REQUIRE(smallest.steps.size() == 2U);
    BOOST_TEST(smallest.steps[0].dump() == R"({"msi":{"vector":"0x51"}})");
    BOOST_TEST(smallest.steps[1].dump() == R"({"lower":3})");
}

BOOST_AUTO_TEST_CASE(the_shrinker_gives_up_when_its_patience_ends) {
    std::size_t tried = 0;
    const auto shows = [&tried](const Case&) {
        ++tried;
        return false;
    };
    (void)fuzz::shrink(case_of(std::vector<Json>(64, step("raise", 1))), shows, 10);
    BOOST_TEST(tried == 10U);
}

BOOST_FIXTURE_TEST_CASE(modes_that_agree_pass, Cli) {
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--count", "20", "--out", folder()}) == 0);
    BOOST_TEST(out.find("seed 1: 20 scenarios") == 0U, out);
    BOOST_TEST(machines == 40);
    BOOST_TEST(std::filesystem::is_empty(folder()));
}

BOOST_FIXTURE_TEST_CASE(a_difference_becomes_the_smallest_file_that_shows_it, Cli) {
    second_loses_messages(*this);
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--count", "20", "--out", folder()}) == 1);
    BOOST_TEST(out.find("irqbench run --irqchip split " + folder() + "/fuzz-1-") != std::string::npos, out);
    const auto name = out.substr(out.find("fuzz-1-"), out.find(".json") + 5 - out.find("fuzz-1-"));
    const std::string text = read(name);
    BOOST_TEST(text.find("found by irqbench fuzz, seed 1, case ") != std::string::npos, text);
    BOOST_TEST(text.find("//   split   nothing more") != std::string::npos, text);
    const auto scenario = scenarios::load_text(text, name);
    BOOST_REQUIRE(scenario.steps.size() == 2U);
    BOOST_TEST(scenario.steps[0].text.find("\"msi\"") != std::string::npos);
    BOOST_TEST(scenario.steps[1].text.find("\"ack\"") != std::string::npos);
    const std::string first = out;
    machines = 0;
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--count", "20", "--out", folder()}) == 1);
    BOOST_TEST(read(name) == text);
    BOOST_TEST(run({"check", folder()}) == 0);
}

BOOST_FIXTURE_TEST_CASE(the_command_in_a_file_finds_it_again, Cli) {
    // What is known of the host here is not what the command is to depend on.
    host.traits = {"lapic_eoi_at_delivery"};
    second_loses_messages(*this);
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--seed", "7", "--count", "20", "--max-steps", "12",
                    "--without", "cr8", "--out", folder()}) == 1);
    const auto name = out.substr(out.find("fuzz-7-"), out.find(".json") + 5 - out.find("fuzz-7-"));
    const std::string text = read(name);
    const std::string mark = "found by  irqbench ";
    const auto begin = text.find(mark);
    BOOST_REQUIRE(begin != std::string::npos);
    std::istringstream command(
        text.substr(begin + mark.size(), text.find('\n', begin) - begin - mark.size()));
    std::vector<std::string> arguments{std::istream_iterator<std::string>(command), {}};
    arguments.insert(arguments.end(), {"--out", "-"});
    host.traits = {};
    machines = 0;
    BOOST_TEST(run(arguments) == 1);
    BOOST_TEST(out == text);
    BOOST_TEST(err.find("seed 7: 1 scenario,") != std::string::npos, err);
}

BOOST_FIXTURE_TEST_CASE(what_is_there_is_not_overwritten, Cli) {
    second_loses_messages(*this);
    const std::vector<std::string> command{"fuzz", "--between", "kernel,split", "--count",
                                           "20",   "--out",     folder()};
    BOOST_TEST(run(command) == 1);
    const auto stem = out.substr(out.find("fuzz-1-"), out.find(".json") - out.find("fuzz-1-"));
    const std::string text = read(stem + ".json");
    file(stem + ".json", scenario_text("mine", passing_steps));
    machines = 0;
    BOOST_TEST(run(command) == 1);
    BOOST_TEST(read(stem + ".json") == scenario_text("mine", passing_steps));
    BOOST_TEST(
        out.find("irqbench run --irqchip split " + folder() + "/" + stem + "-2.json") != std::string::npos,
        out);
    BOOST_TEST(read(stem + "-2.json").find("2: kernel and split differ") != std::string::npos);
    BOOST_TEST(run({"check", folder()}) == 0);
    // What it would write is there already.
    machines = 0;
    BOOST_TEST(run(command) == 1);
    BOOST_TEST(!std::filesystem::exists(folder() + "/" + stem + "-3.json"));
}

BOOST_FIXTURE_TEST_CASE(a_difference_may_be_printed_instead, Cli) {
    second_loses_messages(*this);
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--count", "20", "--out", "-"}) == 1);
    BOOST_TEST(err.find("  irqbench run --irqchip split fuzz-1-") != std::string::npos, err);
    BOOST_TEST(err.find("seed 1: 20 scenarios") != std::string::npos, err);
    const auto scenario = scenarios::load_text(out.substr(0, out.find("\n}\n") + 3), "printed");
    BOOST_TEST(scenario.steps.size() == 2U);
    // Nothing but files.
    BOOST_TEST(out.rfind("\n}\n") + 3 == out.size());
    BOOST_TEST(out.find("{\n") == 0U);
    BOOST_TEST(std::filesystem::is_empty(folder()));
}

BOOST_FIXTURE_TEST_CASE(a_difference_that_does_not_show_again_writes_no_file, Cli) {
    constexpr int of_the_search = 40;
    prepare = [this](FakeMachine& machine) {
        if (machines % 2 == 0 && machines <= of_the_search) machine.causes["msi"] = {};
    };
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--count", "20", "--out", folder()}) == 1);
    BOOST_TEST(
        out.find("not seen again when played once more:\n  irqbench fuzz --arch x86_64 --seed 1 --case ") !=
            std::string::npos,
        out);
    BOOST_TEST(std::filesystem::is_empty(folder()));
}

BOOST_FIXTURE_TEST_CASE(a_reference_that_breaks_is_no_agreement, Cli) {
    prepare = [](FakeMachine& machine) { machine.causes["msi"] = {trouble("KVM_RUN: Input/output error")}; };
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--count", "20", "--out", folder()}) == 3);
    BOOST_TEST(err.find("kernel broke in ") != std::string::npos, err);
    BOOST_TEST(err.find("KVM_RUN: Input/output error") != std::string::npos, err);
}

BOOST_FIXTURE_TEST_CASE(what_was_found_is_told_whatever_ends_the_search, Cli) {
    prepare = [this](FakeMachine& machine) {
        if (machines == 30) throw std::runtime_error("KVM_CREATE_VM: Too many open files");
        if (machines % 2 == 0) machine.causes["msi"] = {};
    };
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--count", "20", "--out", folder()}) == 3);
    BOOST_TEST(out.find("msi: ack / nothing more, kernel and split") != std::string::npos, out);
    BOOST_TEST(err.find("Too many open files") != std::string::npos, err);
}

BOOST_FIXTURE_TEST_CASE(an_interrupted_search_says_so, Cli) {
    interrupted = true;
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--out", folder()}) == 130);
    BOOST_TEST(err.find("interrupted") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_fuzzed_is_refused, Cli) {
    BOOST_TEST(run({"fuzz", "--between", "kernel,kernel"}) == 2);
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--seconds", "0"}) == 2);
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--seconds", "18446744073709551615"}) == 2);
    BOOST_TEST(run({"fuzz", "--between", "kernel"}) == 2);
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--out", folder() + "/nowhere"}) == 2);
    for (const char* option : {"--seed", "--first", "--case"}) {
        BOOST_TEST(run({"fuzz", "--between", "kernel,split", option, "-1", "--out", folder()}) == 2);
        BOOST_TEST(err.find(std::string(option) + ": -1 is no whole number from 0 to ") != std::string::npos,
                   err);
    }
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--case", "1", "--count", "2"}) == 2);
    // As diff answers.
    BOOST_TEST(run({"fuzz", "--between", "kernel,userspace", "--out", folder()}) == 5);
    BOOST_TEST(err.find("userspace") != std::string::npos, err);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests
