#include "tools/irqbench/shrink_player.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "scenarios/engine/load.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/shrink/file_text.hpp"
#include "tools/shrink/reducer.hpp"
#include "vmm/factory.hpp"

namespace irqbench::tests {

namespace {

using tools::shrinking::Json;

struct ShrinkFixture : Cli {
    ShrinkFixture() {
        has_model = true;
        host.placements = {"model"};
    }

    /// Shrinks the file to small.json.
    int shrink(const std::string& path, const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{"shrink", path, "--output", folder() + "/small.json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(arguments);
    }
    [[nodiscard]] Json small(const std::string& name = "small.json") const {
        return tools::shrinking::to_json(scenarios::read_document(folder() + "/" + name).root);
    }
    std::string bug(const std::string& steps, const std::string& more = "") {
        return file("bug.json", scenario_text("a bug", steps, more));
    }
};

/// Pieces that pass wherever they stand: messages, lines, IPIs, priorities, blocks, irqfds.
class Padding {
  public:
    explicit Padding(unsigned seed) : dice_(seed) {}

    Json piece() {
        const std::uint32_t vcpu = below(4);
        const std::uint32_t vector = 0x60 + 16 * below(6) + below(8);
        const Json ack = {{"ack", {{"vcpu", vcpu}, {"vector", vector}}}};
        const Json message = {{"msi", {{"vector", vector}, {"dest", vcpu}}}};
        const std::uint32_t pin = 16 + below(4);
        switch (below(8)) {
            case 0: return {message, ack};
            case 1: return {{{"raise", pin}}, {{"ack", 0xc0 + pin}}, {{"lower", pin}}};
            case 2: return {{{"mask", pin}}, {{"unmask", pin}}};
            case 3: return {{{"ipi", {{"from", vcpu}, {"to", vcpu}, {"vector", vector}}}}, ack};
            case 4: return {{{"cli", vcpu}}, message, {{"sti", vcpu}}, ack};
            case 5:
                return {{{"tpr", {{"vcpu", vcpu}, {"value", 0xf0}}}},
                        message,
                        {{"tpr", {{"vcpu", vcpu}, {"value", 0}}}},
                        ack};
            case 6: {
                Json block = Json::object();
                block["repeat"] = {{"times", 2 + below(3)}, {"steps", Json::array({message, ack})}};
                return Json::array({block});
            }
            default: return {{{"signal", "device"}}, {{"ack", 0xe8}}};
        }
    }

  private:
    std::uint32_t below(std::uint32_t count) { return static_cast<std::uint32_t>(dice_() % count); }

    std::mt19937 dice_;
};

/// A file of so many steps, innocent but for these, which are among them as they are.
std::string padded(unsigned seed, std::size_t count, const std::vector<Json>& essence) {
    Padding padding(seed);
    Json document = {{"name", "a long story"}, {"arch", "x86_64"},
                     {"source", "a test"},     {"description", "What a machine did for a while"},
                     {"tags", {"long"}},       {"vcpus", 4}};
    document["setup"] = Json::array();
    for (const std::uint32_t pin : {16U, 17U, 18U, 19U})
        document["setup"].push_back({{"ioapic", {{"pin", pin}, {"vector", 0xc0 + pin}}}});
    document["setup"].push_back({{"ioapic", {{"pin", 23}, {"vector", "0xe8"}}}});
    document["setup"].push_back({{"ioapic", {{"pin", 20}, {"vector", "0x51"}, {"trigger", "level"}}}});
    document["setup"].push_back({{"handler", {{"vector", "0x51"}, {"eoi", "never"}}}});
    document["setup"].push_back({{"irqfd", {{"name", "device"}, {"gsi", 23}}}});
    Json& steps = document["steps"] = Json::array();
    const std::size_t share = count / (essence.size() + 1);
    for (std::size_t part = 0; part <= essence.size(); ++part) {
        while (steps.size() < share * (part + 1))
            for (Json& step : padding.piece()) steps.push_back(std::move(step));
        if (part < essence.size())
            for (const Json& step : essence[part]) steps.push_back(step);
    }
    return tools::shrinking::file_text(document);
}

/// Remote IRR stays until the EOI; the file has it that it does not.
const std::vector<Json> level_bug{
    {{{"raise", 20}}, {{"ack", "0x51"}}},
    Json::array({{{"check", {{"ioapic", {{"pin", 20}, {"remote_irr", false}}}}}}})};

std::size_t steps_of(const Json& document) {
    return document.value("setup", Json::array()).size() + document["steps"].size();
}

/// Every document with one step, element or member less, but for those that are kept.
void add_smaller(const Json& whole, const Json::json_pointer& where, std::vector<Json>& all) {
    const Json& value = whole.at(where);
    for (const auto& item : value.items()) {
        if (where.empty() && tools::shrinking::is_kept(item.key())) continue;
        Json smaller = whole;
        Json& place = smaller.at(where);
        if (value.is_array())
            place.erase(std::stoul(item.key()));
        else
            place.erase(item.key());
        all.push_back(smaller);
        const auto inner = value.is_array() ? where / std::stoul(item.key()) : where / item.key();
        if (item.value().is_structured()) add_smaller(whole, inner, all);
    }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shrink_command, ShrinkFixture)

BOOST_AUTO_TEST_CASE(a_failure_among_five_hundred_steps_becomes_its_essence) {
    for (const unsigned seed : {1U, 2U, 3U}) {
        const std::string path = file("bug.json", padded(seed, 500, level_bug));
        BOOST_TEST(run({"check", path}) == 0, out);
        BOOST_TEST(shrink(path) == 0, err);
        BOOST_TEST(err.find("keeps in model: fail: check: expected ioapic N remote_irr = ") == 0U, err);
        const Json result = small();
        BOOST_TEST(steps_of(result) == 3U, result.dump());
        for (const char* needed : {R"({"raise":)", R"({"check":)", R"("vector":"0x51","trigger":"level")"})
            BOOST_TEST(result.dump().find(needed) != std::string::npos, result.dump());
        BOOST_TEST(!result.contains("vcpus"));
        BOOST_TEST(!result.contains("tags"));
        BOOST_TEST(result["name"] == "a long story (shrunk)");
        const std::string description = result["description"];
        BOOST_TEST(
            description.starts_with("What a machine did for a while. Shrunk by irqbench from bug.json, "),
            description);
        BOOST_TEST(run({"check", folder() + "/small.json"}) == 0, out);
        BOOST_TEST(run({"check", folder()}) == 0, out);
        BOOST_TEST(run({"run", folder() + "/small.json", "--irqchip", "model"}) == 1, out);
        BOOST_TEST(out.find("remote_irr") != std::string::npos, out);
    }
}

BOOST_AUTO_TEST_CASE(no_single_thing_of_the_result_can_be_left_out) {
    const std::string path = file("bug.json", padded(7, 60, level_bug));
    BOOST_TEST(shrink(path) == 0, err);
    const Json result = small();
    tools::Surroundings surroundings{
        std::cout,
        std::cout,
        false,
        false,
        {},
        {},
        [](const vmm::MachineConfig& config, vmm::Trace& trace) { return vmm::make_machine(config, trace); },
        interrupted};
    tools::ShrinkPlayer player({{"model"}, {}, {}, 1, 1}, host, surroundings, path);
    (void)player.start(scenarios::load_text(result.dump(), path));
    BOOST_TEST(player.shows(result.dump()));
    std::vector<Json> smaller;
    add_smaller(result, Json::json_pointer(), smaller);
    BOOST_TEST(smaller.size() > 5U);
    for (const Json& each : smaller) BOOST_TEST(!player.shows(each.dump()), each.dump());
}

BOOST_AUTO_TEST_CASE(of_two_failures_the_first_is_kept) {
    const std::string path = bug(R"({ "msi": { "vector": "0x61" } }, { "ack": "0x61" },
        { "msi": { "vector": "0x52" } }, { "ack": "0x51" },
        { "msi": { "vector": "0x62" } }, { "ack": "0x63" })");
    BOOST_TEST(shrink(path) == 0, err);
    BOOST_TEST(small()["steps"].dump() == R"([{"msi":"0x52"},{"ack":"0x51"}])");
}

BOOST_AUTO_TEST_CASE(steps_in_blocks_are_found) {
    const std::string path = bug(R"({ "repeat": { "times": 20, "steps": [
        { "msi": { "vector": "0x61" } }, { "ack": "0x61" },
        { "only": { "irqchip": ["model", "split"], "because": "it may", "steps": [
            { "cli": 0 }, { "sti": 0 }, { "msi": { "vector": "0x52" } },
            { "ack": { "any_order": [ { "vcpu": 0, "vector": "0x51" } ] } } ] } } ] } })");
    BOOST_TEST(shrink(path) == 0, err);
    BOOST_TEST(small()["steps"].dump() == R"([{"msi":"0x52"},{"ack":"0x51"}])");
}

BOOST_AUTO_TEST_CASE(a_failure_that_needs_its_block_keeps_it) {
    // The second turn finds the line high already.
    const std::string path = bug(R"({ "msi": { "vector": "0x61" } }, { "ack": "0x61" },
        { "repeat": { "times": 50, "steps": [ { "raise": 10 }, { "ack": "0x51" }, { "cli": 0 }, { "sti": 0 } ] } })",
                                 R"( "setup": [ { "ioapic": { "pin": 10, "vector": "0x51" } } ],)");
    BOOST_TEST(shrink(path) == 0, err);
    const Json step = small()["steps"].back();
    BOOST_TEST(step.dump() == R"({"repeat":{"times":2,"steps":[{"raise":0},{"ack":"0x51"}]}})",
               small().dump());
}

BOOST_AUTO_TEST_CASE(what_passes_elsewhere_goes_on_passing_there) {
    // The fake of this mode has no lines.
    host.placements = {"kernel", "model"};
    const std::string path =
        file("bug.json", padded(4, 80, {{{{"raise", 16}}, {{"ack", 0xd0}}, {{"lower", 16}}}}));
    BOOST_TEST(shrink(path, {"--irqchip", "kernel"}) == 0, err);
    BOOST_TEST(err.find("keeps in kernel: fail: ") != std::string::npos, err);
    BOOST_TEST(err.find("goes on passing in model\n") != std::string::npos, err);
    BOOST_TEST(run({"run", folder() + "/small.json", "--irqchip", "kernel,model"}) == 1);
    BOOST_TEST(out.find("1 passed, 1 failed") != std::string::npos, out);
    BOOST_TEST(shrink(path, {"--irqchip", "kernel", "--against", "none"}) == 0, err);
    BOOST_TEST(err.find("nothing says what is right") != std::string::npos, err);
    BOOST_TEST(run({"run", folder() + "/small.json", "--irqchip", "model"}) == 1);
}

BOOST_AUTO_TEST_CASE(groups_stand_where_they_are_done) {
    file("some.groups.json", R"({ "groups": { "both": { "parameters": { "vector": "number" }, "steps": [
        { "msi": { "vector": "$vector" } }, { "ack": "0x61" } ] } } })");
    const std::string path = bug(R"({ "do": "both", "with": { "vector": "0x61" } },
                                    { "do": "both", "with": { "vector": "0x62" } })",
                                 R"( "use": ["some.groups.json"],)");
    std::filesystem::create_directories(folder() + "/elsewhere");
    BOOST_TEST(run({"shrink", path, "-o", folder() + "/elsewhere/small.json"}) == 0, err);
    BOOST_TEST(small("elsewhere/small.json")["steps"].dump() == R"([{"msi":"0x62"},{"ack":"0x61"}])");
    BOOST_TEST(!small("elsewhere/small.json").contains("use"));
}

BOOST_AUTO_TEST_CASE(a_state_beside_the_file_is_found_from_elsewhere) {
    const std::string setup = R"( "setup": [ { "ioapic": { "pin": 10, "vector": "0x61" } } ],)";
    const std::string saver =
        file("saver.json",
             scenario_text("saver", R"({ "save": { "file": "s.json" } }, { "raise": 10 }, { "ack": "0x61" })",
                           setup));
    BOOST_TEST(run({"run", saver, "--irqchip", "model", "--states", folder() + "/states"}) == 0, out);
    for (const auto& each : std::filesystem::recursive_directory_iterator(folder() + "/states"))
        if (each.path().filename() == "s.json") std::filesystem::copy(each.path(), folder() + "/s.json");
    const std::string path =
        bug(passing_steps + R"(, { "restore": { "file": "s.json" } }, { "raise": 10 }, { "ack": "0x62" })");
    std::filesystem::create_directories(folder() + "/elsewhere");
    BOOST_TEST(run({"shrink", path, "-o", folder() + "/elsewhere/small.json"}) == 0, err);
    BOOST_TEST(small("elsewhere/small.json")["steps"].size() == 3U);
    BOOST_TEST(run({"run", folder() + "/elsewhere/small.json", "--irqchip", "model"}) == 1, out);
    BOOST_TEST(out.find("came      ack 0x61 on vCPU 0") != std::string::npos, out);
}

BOOST_AUTO_TEST_CASE(a_pipe_is_read_once) {
    int ends[2];
    BOOST_REQUIRE(pipe(ends) == 0);
    const std::string text = scenario_text("a bug", failing_steps);
    BOOST_REQUIRE(write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    close(ends[1]);
    BOOST_TEST(shrink(fmt::format("/proc/self/fd/{}", ends[0])) == 0, err);
    close(ends[0]);
    BOOST_TEST(small()["steps"].size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_does_not_fail_is_refused) {
    const std::string path = bug(passing_steps);
    BOOST_TEST(shrink(path) == 5);
    BOOST_TEST(err == fmt::format(
                          "irqbench: {} does not fail, so that there is nothing to shrink: passes in model\n",
                          path));
    BOOST_TEST(!std::filesystem::exists(folder() + "/small.json"));
    BOOST_TEST(shrink(path, {"--irqchip", "kernel"}) == 5);
    BOOST_TEST(err.find("kernel: this host does not offer kernel irqchip mode") != std::string::npos, err);
    // What fails only where nobody asked for it is not kept.
    host.placements = {"kernel", "model"};
    const auto line = R"({ "raise": 10 }, { "msi": { "vector": "0x51" } }, { "ack": "0x51" })";
    prepare = [](FakeMachine& machine) { machine.causes["msi"] = {}; };
    BOOST_TEST(shrink(bug(line), {"--irqchip", "model", "--against", "kernel"}) == 5, err);
    BOOST_TEST(err.find("fails in kernel too, which is not kept: ") == 0U, err);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_used_has_the_status_of_check) {
    BOOST_TEST(shrink(file("bug.json", "{")) == 2);
    BOOST_TEST(err.find("bug.json:1: ") != std::string::npos, err);
    BOOST_TEST(shrink(bug(R"({ "raise": 10 }, { "quiet": true })")) == 4);
    BOOST_TEST(shrink(file("bug.json", scenario_text("a", R"({ "do": 7 })", R"( "use": [7],)"))) == 2);
    BOOST_TEST(shrink(file("bug.json", scenario_text("a", passing_steps, R"( "use": "x",)"))) == 2);
    BOOST_TEST(shrink(folder() + "/none.json") == 2);
    BOOST_TEST(shrink(folder()) == 2);
    BOOST_TEST(err.find("one file is shrunk at a time") != std::string::npos, err);
    BOOST_TEST(shrink(bug(failing_steps), {"--irqchip", "bogus"}) == 2);
    BOOST_TEST(shrink(bug(failing_steps), {"--repeat", "0"}) == 2);
    BOOST_TEST(machines == 0);
}

BOOST_AUTO_TEST_CASE(the_file_itself_is_replaced_on_demand_only) {
    const std::string path = bug(passing_steps + ", " + failing_steps);
    const std::string text = read("bug.json");
    BOOST_TEST(run({"shrink", path, "-o", path}) == 2);
    BOOST_TEST(err.find("is the file itself: --in-place replaces it") != std::string::npos, err);
    BOOST_TEST(run({"shrink", path}) == 0);
    BOOST_TEST(read("bug.json") == text);
    BOOST_TEST(small("bug-shrunk.json")["steps"].size() == 2U);
    BOOST_TEST(run({"shrink", path}) == 2);
    BOOST_TEST(err.find("is there already") != std::string::npos, err);
    BOOST_TEST(run({"shrink", path, "--in-place", "-o", "x"}) == 2);
    BOOST_TEST(run({"shrink", path, "--in-place"}) == 0);
    BOOST_TEST(read("bug.json") == read("bug-shrunk.json"));
    // Nothing else is left there.
    const auto files = std::filesystem::directory_iterator(folder());
    BOOST_TEST(std::distance(begin(files), end(files)) == 2);
}

BOOST_AUTO_TEST_CASE(printed_it_is_all_that_is_printed) {
    const std::string path = bug(passing_steps + ", " + failing_steps);
    BOOST_TEST(run({"shrink", path, "-o", "-"}) == 0);
    BOOST_TEST(run({"check", file("small.json", out)}) == 0);
    BOOST_TEST(small()["steps"].size() == 2U);
    out_is_full = true;
    BOOST_TEST(run({"shrink", path, "-o", "-"}) == 3);
    out_is_full = false;
    BOOST_TEST(run({"shrink", path, "-o", folder() + "/no/such/small.json"}) == 3);
    BOOST_TEST(err.find("cannot write") != std::string::npos, err);
}

BOOST_AUTO_TEST_CASE(an_interrupt_leaves_the_smallest_so_far) {
    const std::string path = file("bug.json", padded(5, 100, level_bug));
    asked = [this](const vmm::MachineConfig&) {
        if (machines == 10) interrupted = true;
    };
    BOOST_TEST(shrink(path) == 130);
    BOOST_TEST(machines == 10);
    BOOST_TEST(err.find("interrupted: this is the smallest so far") != std::string::npos, err);
    interrupted = false;
    const Json result = small();
    BOOST_TEST(steps_of(result) > 5U);
    BOOST_TEST(steps_of(result) < 100U);
    BOOST_TEST(result["description"].get<std::string>().ends_with("; not to the end."));
    BOOST_TEST(run({"check", folder() + "/small.json"}) == 0, out);
    BOOST_TEST(run({"run", folder() + "/small.json", "--irqchip", "model"}) == 1);
    // Before anything is known to fail there is nothing to write.
    std::filesystem::remove(folder() + "/small.json");
    machines = 9;
    BOOST_TEST(shrink(path) == 130);
    interrupted = false;
    BOOST_TEST(!std::filesystem::exists(folder() + "/small.json"));
}

/// The clock is waited for here, so that it is late wherever this runs.
BOOST_AUTO_TEST_CASE(when_the_time_is_up_the_smallest_so_far_is_a_file_that_fails) {
    const std::string path = file("bug.json", padded(5, 100, level_bug));
    int late_at = 10;
    asked = [this, &late_at](const vmm::MachineConfig&) {
        if (machines == late_at) std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    };
    for (const int machine : {10, 1}) {
        late_at = machine;
        machines = 0;
        std::filesystem::remove(folder() + "/small.json");
        BOOST_TEST(shrink(path, {"--seconds", "1"}) == 0, err);
        BOOST_TEST(machines <= late_at + 1);
        BOOST_TEST(err.find("the time is up: this is the smallest so far") != std::string::npos, err);
        BOOST_TEST(small()["description"].get<std::string>().ends_with("; not to the end."));
        BOOST_TEST(run({"check", folder() + "/small.json"}) == 0, out);
        BOOST_TEST(run({"run", folder() + "/small.json", "--irqchip", "model"}) == 1);
        BOOST_TEST(out.find("remote_irr") != std::string::npos, out);
    }
    BOOST_TEST(shrink(path, {"--seconds", "0"}) == 2);
}

BOOST_AUTO_TEST_CASE(what_fails_now_and_then_is_shown_by_any_of_several_runs) {
    host.placements = {"kernel"};
    const std::string steps = passing_steps + ", " + passing_steps + R"(, { "raise": 3 }, { "quiet": true })";
    prepare = [this](FakeMachine& machine) {
        if (machines % 3 == 0) machine.causes["raise 3"] = {taken(0x77, 0)};
    };
    BOOST_TEST(shrink(bug(steps), {"--repeat", "3"}) == 0, err);
    BOOST_TEST(err.find("keeps in kernel: fail: quiet: expected quiet, came ack 0x77\n") == 0U, err);
    const std::string few = small()["steps"].dump();
    BOOST_TEST(small()["steps"].size() <= 4U, few);
    BOOST_TEST(few.find(R"({"raise":3},{"quiet":true})") != std::string::npos, few);
    machines = 2;
    BOOST_TEST(shrink(bug(steps)) == 0, err);
    BOOST_TEST(err.find("does not fail in the same way every time: --repeat N") != std::string::npos, err);
}

BOOST_AUTO_TEST_CASE(in_the_lab_the_result_is_printed) {
    const std::string path = bug(failing_steps);
    BOOST_TEST(run({"lab", "--", "shrink", path}) == 2);
    BOOST_TEST(err.find("shrink --output -") != std::string::npos, err);
    BOOST_TEST(run({"lab", "--", "shrink", path, "-o", "-", "--kernel", "6.12"}) == 2);
    BOOST_TEST(err.find("no lab inside the lab") != std::string::npos, err);
    BOOST_TEST(run({"shrink", path, "--kernel", "6.1,6.12"}) == 2);
    BOOST_TEST(run({"shrink", path, "--offline"}) == 2);
    BOOST_TEST(machines == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests
