#include "tools/fuzz/generator.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

#include "scenarios/engine/load.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/fuzz/expectations.hpp"
#include "tools/fuzz/shrinker.hpp"
#include "vmm/factory.hpp"

namespace irqbench::tests {

namespace {

namespace fuzz = tools::fuzz;
using fuzz::Case;
using fuzz::Feature;
using fuzz::Json;

const fuzz::Heading heading{"generated", "a test", {}};

const fuzz::Player model(vmm::make_machine, "model");

bool uses(const Case& each, const char* verb) {
    return std::any_of(each.steps.begin(), each.steps.end(),
                       [verb](const Json& step) { return step.contains(verb); });
}

Case case_of(std::vector<Json> steps, std::uint32_t vcpus = 1) { return {vcpus, false, std::move(steps)}; }

Json step(const char* verb, Json argument) {
    Json made = Json::object();
    made[verb] = std::move(argument);
    return made;
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
        const std::string text = text_of(fuzz::generate(5, number, {}), heading);
        BOOST_TEST(text == text_of(fuzz::generate(5, number, {}), heading));
        texts.insert(text);
        texts.insert(text_of(fuzz::generate(6, number, {}), heading));
    }
    BOOST_TEST(texts.size() == 200U);
}

BOOST_AUTO_TEST_CASE(what_is_generated_loads_and_passes_on_the_model_once_its_expectations_are_written) {
    std::set<std::string> verbs;
    for (std::uint64_t number = 0; number < 2000; ++number) {
        BOOST_TEST_CONTEXT("case " << number) {
            const fuzz::Pair pair = model.begin(fuzz::generate(1, number, {}));
            const Case whole = with_expectations(pair.each, pair.reference);
            const auto scenario = scenarios::load_text(text_of(whole, heading), "generated.json");
            const auto verdict = model.run(scenario, "model");
            BOOST_TEST(verdict.reason == "");
            for (const Json& each : whole.steps) verbs.insert(each.begin().key());
        }
    }
    for (const char* verb : {"ack",    "cli",   "cr8",    "eoi",   "halt", "handler",   "ioapic",
                             "ipi",    "irqfd", "lapic",  "lower", "mask", "msi",       "nmi",
                             "ocw",    "pic",   "pulse",  "raise", "read", "resampled", "retarget",
                             "return", "route", "signal", "sti",   "tpr",  "unmask",    "unroute"})
        BOOST_TEST(verbs.count(verb) == 1U, verb);
}

BOOST_AUTO_TEST_CASE(a_case_plays_the_same_twice) {
    for (std::uint64_t number = 0; number < 200; ++number) {
        fuzz::Pair pair = model.begin(fuzz::generate(3, number, {}));
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

BOOST_AUTO_TEST_CASE(a_case_ends_before_a_storm) {
    const Case each = case_of({step("ioapic", {{"pin", 10}, {"vector", "0x51"}, {"trigger", "level"}}),
                               step("msi", "0x61"), step("raise", 10), step("lower", 10)});
    const fuzz::Pair pair = model.begin(each);
    BOOST_TEST(pair.each.steps.size() == 2U);
    BOOST_TEST(pair.reference.performance.complete);
}

BOOST_AUTO_TEST_CASE(what_is_excluded_is_not_generated) {
    const fuzz::GeneratorOptions options{
        {Feature::level, Feature::level_messages, Feature::service, Feature::poll}, 40};
    for (std::uint64_t number = 0; number < 300; ++number) {
        const Case each = fuzz::generate(1, number, options);
        BOOST_TEST(!uses(each, "eoi"));
        const std::string text = text_of(each, heading);
        BOOST_TEST(text.find("\"level\"") == std::string::npos);
        BOOST_TEST(text.find("\"resample\"") == std::string::npos);
        BOOST_TEST(text.find("\"0x0c\"") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(every_feature_has_a_name) {
    std::set<Feature> features;
    for (const std::string& name : fuzz::feature_names()) features.insert(fuzz::feature_of(name));
    for (int each = 0; each <= static_cast<int>(Feature::cr8); ++each)
        BOOST_TEST(features.contains(static_cast<Feature>(each)), each);
    BOOST_CHECK_THROW(fuzz::feature_of("nothing"), std::out_of_range);
}

BOOST_FIXTURE_TEST_CASE(what_is_not_wanted_is_not_generated, Cli) {
    for (std::uint64_t number = 0; number < 300; ++number)
        BOOST_TEST(!uses(fuzz::generate(1, number, {{Feature::cr8}, 40}), "cr8"));
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

BOOST_AUTO_TEST_CASE(every_exclusion_has_a_reason_and_a_source) {
    for (const fuzz::Exclusion& row : fuzz::exclusions()) {
        BOOST_TEST(!row.because.empty());
        BOOST_TEST(!row.source.empty());
    }
}

BOOST_AUTO_TEST_CASE(an_exclusion_depends_on_mode_and_trait) {
    const auto has = [](const std::vector<std::string>& modes, const vmm::Host& host, Feature feature) {
        const auto all = fuzz::excluded(modes, host);
        return std::find(all.begin(), all.end(), feature) != all.end();
    };
    vmm::Host host;
    BOOST_TEST(!has({"userspace", "model"}, host, Feature::poll));
    BOOST_TEST(has({"model", "kernel"}, host, Feature::poll));
    BOOST_TEST(!has({"model", "split"}, host, Feature::service));
    host.traits = {"lapic_eoi_at_delivery"};
    BOOST_TEST(has({"model", "split"}, host, Feature::service));
    BOOST_TEST(has({"userspace", "model"}, host, Feature::time));
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

BOOST_FIXTURE_TEST_CASE(a_difference_may_be_printed_instead, Cli) {
    second_loses_messages(*this);
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--count", "20", "--out", "-"}) == 1);
    BOOST_TEST(out.find("  irqbench run --irqchip split fuzz-1-") != std::string::npos, out);
    const auto begin = out.find("{\n");
    const auto scenario = scenarios::load_text(out.substr(begin, out.find("\n}\n") + 3 - begin), "printed");
    BOOST_TEST(scenario.steps.size() == 2U);
    BOOST_TEST(std::filesystem::is_empty(folder()));
}

BOOST_FIXTURE_TEST_CASE(a_difference_that_does_not_show_again_writes_no_file, Cli) {
    constexpr int of_the_search = 40;
    prepare = [this](FakeMachine& machine) {
        if (machines % 2 == 0 && machines <= of_the_search) machine.causes["msi"] = {};
    };
    BOOST_TEST(run({"fuzz", "--between", "kernel,split", "--count", "20", "--out", folder()}) == 1);
    BOOST_TEST(out.find("not seen again when played once more: seed 1, case ") != std::string::npos, out);
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
    BOOST_TEST(run({"fuzz", "--between", "kernel,userspace", "--out", folder()}) == 3);
    BOOST_TEST(err.find("userspace") != std::string::npos, err);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests
