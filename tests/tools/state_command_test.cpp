#include <boost/test/unit_test.hpp>
#include <fstream>

#include "tests/tools/run_fixture.hpp"

using namespace irqbench;
using namespace irqbench::tests;

namespace {

namespace fs = std::filesystem;

/// A host with the model only, and scenarios that save and restore there.
struct StateFixture : RunFixture {
    StateFixture() {
        host.placements = {"model"};
        host.own["model"] = {{}, false};
        has_model = true;
    }
    /// A scenario that saves the file with a message pending.
    void saving(const std::string& name, const std::string& state = "s.json") {
        file(name + ".json", scenario_text(name, R"({ "cli": 0 }, { "msi": "0x51" }, { "save": { "file": ")" +
                                                     state + R"(" } }, { "sti": 0 }, { "ack": "0x51" })"));
    }
    /// One that goes on from such a file.
    void restoring(const std::string& name, const std::string& state) {
        file(name + ".json", scenario_text(name, R"({ "restore": { "file": ")" + state +
                                                     R"(" } }, { "sti": 0 }, { "ack": "0x51" })"));
    }
    /// @returns the path of a saved state beside the scenarios
    std::string state(const std::string& name = "s.json") {
        saving("saves-" + name);
        BOOST_REQUIRE(run({"run", folder() + "/saves-" + name + ".json", "--states", folder() + "/made"}) ==
                      0);
        for (const auto& entry : fs::recursive_directory_iterator(folder() + "/made"))
            if (entry.path().filename() == "s.json") fs::rename(entry.path(), folder() + "/" + name);
        fs::remove_all(folder() + "/made");
        fs::remove(folder() + "/saves-" + name + ".json");
        return folder() + "/" + name;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(state_files_of_commands, StateFixture)

BOOST_AUTO_TEST_CASE(a_folder_with_states_and_groups_has_its_scenarios_only) {
    state();
    good();
    std::ofstream(folder() + "/commented.json") << "// mine\n" << read("s.json");
    file("shapes/a.groups.json", R"({ "groups": { "a": { "steps": [ { "nmi": 0 } ] } } })");
    fs::create_symlink("shapes/a.groups.json", folder() + "/link.json");
    fs::create_symlink("s.json", folder() + "/other.json");
    BOOST_TEST(run({"check", folder()}) == 0);
    BOOST_TEST(out == "1 file: 1 good, 0 malformed, 0 invalid\n");
    BOOST_TEST(run({"list", folder()}) == 0);
    BOOST_TEST(out == folder() + "/good.json\n    good\n");
    BOOST_TEST(verdicts(results()) == "model pass");
}

BOOST_AUTO_TEST_CASE(a_state_that_is_named_is_told_what_it_is) {
    const std::string path = state();
    BOOST_TEST(run({"run", path}) == 2);
    BOOST_TEST(out.find("is a saved state for 'restore' steps of scenarios, and is none itself") !=
               std::string::npos);
    file("g.json", R"({ "groups": { "a": { "steps": [ { "nmi": 0 } ] } } })");
    BOOST_TEST(run({"check", folder() + "/g.json"}) == 2);
    BOOST_TEST(out.starts_with(folder() +
                               "/g.json:1: /: holds groups of steps for scenarios that use it, and is none"));
}

// What only speaks of states is a scenario.
BOOST_AUTO_TEST_CASE(a_scenario_that_mentions_the_word_is_still_one) {
    file("it.json", "{ \"name\": \"\\\"irqbench_state\\\" \", \"irqbench_state\": 2 }");
    BOOST_TEST(run({"check", folder()}) == 2);
    BOOST_TEST(out.ends_with("1 file: 0 good, 1 malformed, 0 invalid\n"));
}

BOOST_AUTO_TEST_SUITE_END()
