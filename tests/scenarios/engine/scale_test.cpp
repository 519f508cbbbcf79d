#include "scenarios/engine/scale.hpp"

#include <boost/test/unit_test.hpp>

#include "scenarios/engine/load.hpp"
#include "tests/scenarios/files.hpp"

using namespace irqbench::scenarios;

namespace {

/// The `times` of the first step, which is a block, of a file with these steps.
std::uint64_t times(const std::string& steps, double factor) {
    const std::string setup = R"({ "irqfd": { "name": "dev", "gsi": 10, "resample": true } })";
    const Scenario scenario = load_text(file_with(steps, setup), "file.json");
    return scale_repeats(scenario, factor).steps.front().block->times;
}

const std::string hundred =
    R"({ "repeat": { "times": 100, "steps": [ { "pulse": 10 }, { "ack": "0x51" } ] } })";

}  // namespace

BOOST_AUTO_TEST_SUITE(scale)

BOOST_AUTO_TEST_CASE(many_repeats_are_multiplied) {
    BOOST_TEST(times(hundred, 1) == 100U);
    BOOST_TEST(times(hundred, 0.25) == 25U);
    BOOST_TEST(times(hundred, 0.125) == 13U);
    BOOST_TEST(times(hundred, 1000) == 100'000U);
    BOOST_TEST(times(R"({ "parallel": { "times": 500, "one": [ { "pulse": 10 } ] } }, { "ack": "0x51" })",
                     0.1) == 50U);
}

BOOST_AUTO_TEST_CASE(some_are_left_of_them) { BOOST_TEST(times(hundred, 0.0001) == 10U); }

BOOST_AUTO_TEST_CASE(few_repeats_stay) {
    const std::string few =
        R"({ "repeat": { "times": 99, "steps": [ { "pulse": 10 }, { "ack": "0x51" } ] } })";
    BOOST_TEST(times(few, 0.1) == 99U);
    BOOST_TEST(times(few, 10) == 99U);
}

BOOST_AUTO_TEST_CASE(a_block_that_somebody_may_count_stays) {
    for (const char* claim :
         {R"({ "ack": { "vector": "0x51", "times": 2 } })",
          R"({ "ack": [ "0x52", { "vector": "0x51", "times": 2 } ] })",
          R"({ "arrives": { "vector": "0x51", "times": 2 } })",
          R"({ "resampled": { "irqfd": "dev", "count": 2 } })",
          R"({ "only": { "irqchip": [ "split" ], "because": "b", "steps": [ { "eoi_exits": 100 } ] } })"})
        BOOST_TEST(times(hundred + ", " + claim, 0.1) == 100U, claim);
    for (const char* claim : {R"({ "ack": "0x52" })", R"({ "resampled": "dev" })", R"({ "quiet": true })"})
        BOOST_TEST(times(hundred + ", " + claim, 0.1) == 10U, claim);
}

BOOST_AUTO_TEST_CASE(what_is_counted_inside_is_of_one_iteration) {
    const std::string inside =
        R"({ "repeat": { "times": 100, "steps": [ { "msi": { "vector": "0x51" } },
                                                  { "ack": { "vector": "0x51", "times": 2 } } ] } })";
    BOOST_TEST(times(inside, 0.5) == 50U);
    BOOST_TEST(times(inside + ", " + inside, 0.5) == 100U);
}

BOOST_AUTO_TEST_CASE(blocks_inside_of_blocks_are_scaled_and_numbers_stay) {
    const std::string nested = R"({ "repeat": { "times": 2, "steps": [ )" + hundred + " ] } }";
    const Scenario before = load_text(file_with(nested), "file.json");
    const Scenario after = scale_repeats(before, 0.5);
    const Step& outer = after.steps.front();
    BOOST_TEST(outer.block->times == 2U);
    const Step& inner = outer.block->threads.front().second.front();
    BOOST_TEST(inner.block->times == 50U);
    BOOST_TEST(inner.number == before.steps.front().block->threads.front().second.front().number);
    BOOST_TEST(before.steps.front().block->threads.front().second.front().block->times == 100U);
}

BOOST_AUTO_TEST_SUITE_END()
