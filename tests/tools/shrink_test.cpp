#include "tools/shrink/reducer.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "scenarios/engine/document.hpp"
#include "scenarios/engine/judge.hpp"
#include "scenarios/engine/load.hpp"
#include "tools/shrink/delta.hpp"
#include "tools/shrink/file_text.hpp"
#include "tools/shrink/symptom.hpp"
#include "vmm/factory.hpp"

namespace irqbench::tests {

namespace {

namespace shrinking = tools::shrinking;
using shrinking::Json;
using shrinking::Part;
using Numbers = std::vector<int>;

/// Plays delta debugging with a list of numbers, of which those that `shows` accepts are smaller ones.
struct NumberList {
    explicit NumberList(int count) : numbers(static_cast<std::size_t>(count)) {
        std::iota(numbers.begin(), numbers.end(), 0);
    }

    template <class Shows>
    shrinking::Drop drop(const Shows& shows) {
        return [this, shows](const std::vector<Part>& parts) {
            Numbers candidate = numbers;
            shrinking::erase_parts(candidate, parts);
            ++tries;
            if (!shows(candidate)) return false;
            numbers = candidate;
            return true;
        };
    }

    Numbers numbers;
    int tries = 0;
};

bool has(const Numbers& numbers, int number) {
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

/// What a scenario comes to on the model.
std::string symptom_on_the_model(const std::string& text) {
    const auto scenario = scenarios::load_text(text, "a.json");
    vmm::Trace trace;
    scenarios::RunOptions options;
    options.config = scenario.config;
    options.config.placement = "model";
    const auto machine = vmm::make_machine(options.config, trace);
    const auto performance = scenarios::perform(scenario, *machine, trace, options);
    return shrinking::symptom_of(scenarios::judge(scenario, performance, trace.events()), performance,
                                 trace.events());
}

std::string two_vcpus(const std::string& steps) {
    return R"({ "name": "a", "arch": "x86_64", "source": "a test", "vcpus": 2,
        "setup": [ { "ioapic": { "pin": 10, "vector": "0x51" } } ], "steps": [ )" +
           steps + " ] }";
}

/// Documents that have all of these texts show it.
shrinking::Witness witness_of(std::vector<std::string> texts) {
    return {[texts](const Json& document) {
                const std::string text = document.dump();
                return std::all_of(texts.begin(), texts.end(), [&text](const std::string& each) {
                    return text.find(each) != std::string::npos;
                });
            },
            [] { return false; }};
}

Json json(const std::string& text) { return shrinking::to_json(scenarios::parse_document("a", text).root); }

}  // namespace

BOOST_AUTO_TEST_SUITE(shrinking_parts)

BOOST_AUTO_TEST_CASE(delta_debugging_finds_what_is_needed_wherever_it_is) {
    for (const Numbers& needed : {Numbers{0}, Numbers{499}, Numbers{3, 250, 499}, Numbers{}}) {
        NumberList list(500);
        const auto left = shrinking::take_away(500, list.drop([&needed](const Numbers& numbers) {
            return std::all_of(needed.begin(), needed.end(), [&](int each) { return has(numbers, each); });
        }));
        BOOST_TEST(list.numbers == needed, boost::test_tools::per_element());
        BOOST_TEST(left == needed.size());
        BOOST_TEST(list.tries < 100);
    }
}

BOOST_AUTO_TEST_CASE(neighbours_and_pairs_that_only_go_together_go) {
    NumberList list(20);
    const auto shows = [](const Numbers& numbers) {
        // 3 with 4 and 5; 7 with 15; 9 stays.
        return has(numbers, 3) == has(numbers, 4) && has(numbers, 4) == has(numbers, 5) &&
               has(numbers, 7) == has(numbers, 15) && has(numbers, 9);
    };
    auto left = shrinking::take_away(20, list.drop(shows));
    BOOST_TEST((list.numbers == Numbers{3, 4, 5, 7, 9, 15}));
    left = shrinking::take_away_together(left, list.drop(shows));
    BOOST_TEST((list.numbers == Numbers{9}));
    BOOST_TEST(left == 1U);
}

BOOST_AUTO_TEST_CASE(a_document_is_written_as_it_was_read) {
    const std::string text = R"({
  "name": "a",
  "vcpus": { "count": 2 },
  "steps": [
    { "raise": 10 },
    { "ack": ["0x51", { "vector": "0x61", "vcpu": 1 }] },
    {}
  ],
  "tags": []
}
)";
    BOOST_TEST(
        shrinking::file_text(json("// lost\n" + text)).find("\"steps\": [\n    { \"raise\": 10 },\n") !=
        std::string::npos);
    BOOST_TEST(json(shrinking::file_text(json(text))) == json(text));
    const Json numbers = json(R"({ "a": [18446744073709551615, -1, 0.5, null, true, "\u001b\"" ] })");
    BOOST_TEST(json(shrinking::file_text(numbers)) == numbers);
}

BOOST_AUTO_TEST_CASE(steps_of_groups_stand_where_they_are_done) {
    const Json document = json(R"({ "groups": {
            "inner": { "parameters": { "gsi": "number" }, "steps": [ { "raise": "$gsi" }, { "lower": "$gsi" } ] },
            "outer": { "steps": [ { "do": "inner", "with": { "gsi": 3 } }, { "quiet": true } ] } },
        "setup": [ { "do": "inner", "with": { "gsi": 1 } } ],
        "steps": [ { "repeat": { "times": 2, "steps": [ { "do": "outer" } ] } } ] })");
    BOOST_TEST(shrinking::without_groups(document, "a.json").dump() ==
               R"({"setup":[{"raise":1},{"lower":1}],"steps":[{"repeat":{"times":2,"steps":)"
               R"([{"raise":3},{"lower":3},{"quiet":true}]}}]})");
}

BOOST_AUTO_TEST_CASE(members_blocks_and_numbers_become_simple) {
    const Json document = json(R"({ "name": "a", "tags": ["x", "y"], "vcpus": { "count": 7, "started": 2 },
        "setup": [ { "ioapic": { "pin": 3, "vector": "0x51" } } ],
        "steps": [ { "repeat": { "times": 9, "steps": [ { "raise": { "gsi": 12, "status": "delivered" } },
                     { "only": { "irqchip": ["model"], "because": "x", "steps": [ { "lower": 12 } ] } } ] } },
                   { "quiet": true } ] })");
    const Json result = shrinking::reduced(
        document, witness_of({R"("raise":{"gsi":)", R"("lower":)", R"("vcpus":{"count":)"}));
    BOOST_TEST(result.dump() ==
               R"({"name":"a","vcpus":{"count":0},"steps":[{"raise":{"gsi":0}},{"lower":0}]})");
}

BOOST_AUTO_TEST_CASE(the_same_number_in_several_places_shrinks_in_all_of_them) {
    const Json document = json(R"({ "steps": [ { "raise": 12 }, { "lower": 12 } ] })");
    auto witness = witness_of({"raise", "lower"});
    const auto shows = witness.shows;
    witness.shows = [shows](const Json& candidate) {
        const Json& steps = candidate.value("steps", Json::array());
        return shows(candidate) && steps.size() == 2 && steps[0]["raise"] == steps[1]["lower"] &&
               steps[0]["raise"].is_number() && steps[0]["raise"] >= 5;
    };
    BOOST_TEST(shrinking::reduced(document, witness).dump() == R"({"steps":[{"raise":5},{"lower":5}]})");
}

BOOST_AUTO_TEST_CASE(what_says_what_the_file_is_stays) {
    const Json document = json(R"({ "name": "a", "arch": "x86_64", "source": "s", "reference": ["r", "q"],
        "description": "d", "requires": { "kernel": "6.1" }, "modes": { "not": ["split"], "because": "b" },
        "fixed_in": "6.13", "run": "free", "steps": [ { "raise": 1 } ] })");
    Json expected = document;
    expected.erase("run");
    expected.erase("steps");
    BOOST_TEST(shrinking::reduced(document, witness_of({})) == expected);
}

BOOST_AUTO_TEST_CASE(nothing_is_tried_twice_or_after_the_end) {
    std::vector<std::string> tried;
    shrinking::Witness witness;
    witness.shows = [&tried](const Json& document) {
        tried.push_back(document.dump());
        return false;
    };
    witness.stops = [&tried] { return tried.size() == 30; };
    Json document = json(R"({ "steps": [] })");
    for (int i = 0; i < 100; ++i) document["steps"].push_back({{"raise", i}});
    BOOST_TEST((shrinking::reduced(document, witness) == document));
    BOOST_TEST(tried.size() == 30U);
    std::sort(tried.begin(), tried.end());
    BOOST_TEST((std::unique(tried.begin(), tried.end()) == tried.end()));
}

BOOST_AUTO_TEST_CASE(a_symptom_has_what_came_and_not_where) {
    const std::string wrong = "fail: ack: expected ack 0x52, came ack 0x51";
    BOOST_TEST(symptom_on_the_model(two_vcpus(R"({ "raise": 10 }, { "ack": "0x52" })")) == wrong);
    BOOST_TEST(symptom_on_the_model(two_vcpus(
                   R"({ "msi": { "vector": "0x61" } }, { "ack": "0x61" },
                      { "msi": { "vector": "0x51", "dest": 1 } }, { "ack": { "vector": "0x52", "vcpu": 1 } })")) ==
               wrong);
    BOOST_TEST(symptom_on_the_model(two_vcpus(R"({ "raise": 10 }, { "ack": "0x53" })")) != wrong);
    BOOST_TEST(symptom_on_the_model(two_vcpus(R"({ "raise": 10 }, { "ack": "0x51" })")).empty());
    BOOST_TEST(
        symptom_on_the_model(two_vcpus(
            R"({ "msi": { "vector": "0x61" } }, { "ack": "0x61" }, { "raise": 10 }, { "lower": 10 })")) ==
        "fail: expected nothing more, came ack 0x51");
    BOOST_TEST(
        symptom_on_the_model(two_vcpus(
            R"({ "raise": 10 }, { "ack": "0x51" }, { "route": { "gsi": 5, "ioapic": 5, "errno": "EINVAL" } })")) ==
        "fail: route: expected EINVAL, came success of route");
    BOOST_TEST(
        symptom_on_the_model(two_vcpus(
            R"({ "raise": 10 }, { "ack": "0x51" }, { "check": { "ioapic": { "pin": 10, "vector": 82 } } })")) ==
        "fail: check: expected ioapic N vector = 0x52, came ioapic N vector = 0x51");
}

BOOST_AUTO_TEST_CASE(the_symptom_of_an_absence_has_its_cause) {
    const std::string twice =
        symptom_on_the_model(two_vcpus(R"({ "raise": 10 }, { "ack": { "vector": "0x51", "times": 2 } })"));
    BOOST_TEST(shrinking::is_absence(twice), twice);
    BOOST_TEST(twice.starts_with("fail: ack: expected ack 0x51, came nothing after some, after "), twice);
    BOOST_TEST(twice.find("raise") != std::string::npos, twice);
    BOOST_TEST(twice.find("ioapic pin N up") != std::string::npos, twice);
    const std::string other = symptom_on_the_model(
        two_vcpus(R"({ "msi": { "vector": "0x51" } }, { "ack": { "vector": "0x51", "times": 2 } })"));
    BOOST_TEST(other != twice);
    BOOST_TEST(!shrinking::is_absence("fail: ack: expected ack 0x52, came ack 0x51"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests
