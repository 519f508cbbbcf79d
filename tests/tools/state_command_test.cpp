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

BOOST_AUTO_TEST_CASE(what_is_saved_is_as_the_printed_schema_says) {
    state();
    BOOST_TEST(scenarios::state_schema_accepts(nlohmann::json::parse(read("s.json"))));
    BOOST_TEST(run({"schema", "--state"}) == 0);
    BOOST_TEST(nlohmann::json::parse(out)["title"] == "irqbench saved state");
    BOOST_TEST(run({"schema", "--state", "--verbs"}) == 2);
}

BOOST_AUTO_TEST_CASE(a_state_of_another_architecture_is_refused_with_its_file_and_place) {
    const std::string path = state();
    file("it.json", R"({ "name": "it", "arch": "arm64", "source": "none", "steps": [
        { "restore": { "file": "s.json" } }, { "check": { "intid": 40, "pending": false } } ] })");
    for (const char* command : {"check", "run"}) {
        BOOST_TEST(run({command, folder() + "/it.json"}) == 2);
        BOOST_TEST(
            out.find(path + ":3: /arch: this is the state of a machine of x86_64, and none of arm64 can "
                            "go on from it") != std::string::npos,
            out);
    }
}

// What only speaks of states is a scenario.
BOOST_AUTO_TEST_CASE(a_scenario_that_mentions_the_word_is_still_one) {
    file("it.json", "{ \"name\": \"\\\"irqbench_state\\\" \", \"irqbench_state\": 2 }");
    BOOST_TEST(run({"check", folder()}) == 2);
    BOOST_TEST(out.ends_with("1 file: 0 good, 1 malformed, 0 invalid\n"));
}

// An older file of the same name, or one that another run wrote meanwhile, is none of its business.
BOOST_AUTO_TEST_CASE(a_restore_takes_what_this_run_saved) {
    state();
    file("it.json", scenario_text("it", R"({ "cli": 0 }, { "msi": "0x61" }, { "save": { "file": "s.json" } },
        { "sti": 0 }, { "ack": "0x61" }, { "restore": { "file": "./s.json" } }, { "sti": 0 }, { "ack": "0x61" })"));
    restoring("reader", "s.json");
    BOOST_TEST(verdicts(results()) == "model pass, model pass");
    // Also where it goes on from a file first.
    file("it.json", scenario_text("it", R"({ "repeat": { "times": 2, "steps": [
        { "restore": { "file": "s.json" } }, { "save": { "file": "s.json" } } ] } }, { "sti": 0 }, { "ack": "0x51" })"));
    BOOST_TEST(verdicts(results({"--states", folder() + "/kept"})) == "model pass, model pass");
}

BOOST_AUTO_TEST_CASE(runs_that_are_repeated_keep_their_states_apart) {
    saving("it");
    const std::string kept = folder() + "/kept";
    const std::string below = kept + folder() + "/it/model";
    BOOST_TEST(run({"run", folder() + "/it.json", "--states", kept}) == 0);
    BOOST_TEST(fs::exists(below + "/s.json"));
    BOOST_TEST(run({"run", folder() + "/it.json", "--states", kept, "--repeat", "3", "--jobs", "3"}) == 0);
    for (const char* number : {"0", "1", "2"}) BOOST_TEST(fs::exists(below + "/" + number + "/s.json"));
    BOOST_TEST(!fs::exists(below + "/3"));
    // A variable of the shell that is not set.
    BOOST_TEST(run({"run", folder() + "/it.json", "--states", ""}) == 2);
    BOOST_TEST(err.find("--states: the name is empty") != std::string::npos, err);
}

BOOST_AUTO_TEST_CASE(files_that_would_overwrite_each_others_states_are_told_before_the_run) {
    saving("it");
    saving("it.b");
    const auto complaint = [&](const std::vector<std::string>& more) {
        std::vector<std::string> arguments{"run", folder(), "--states", folder() + "/kept"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        machines = 0;
        const int status = run(arguments);
        BOOST_TEST(status == (machines == 0 ? 2 : 0));
        return err;
    };
    BOOST_TEST(complaint({}) == "");
    saving("it/model/s.json/deep");
    BOOST_TEST(complaint({}).find("--states: " + folder() + "/it.json and " + folder() +
                                  "/it/model/s.json/deep.json would both write ") != std::string::npos);
    fs::remove_all(folder() + "/it");
    fs::remove_all(folder() + "/kept");
    const fs::path former = fs::current_path();
    fs::current_path(folder());
    file("sub/it.json", read("it.json"));
    std::string renamed = read("it.json");
    renamed.replace(renamed.find("\"it\""), 4, "\"up\"");
    file("it.json", renamed);
    fs::current_path(folder() + "/sub");
    BOOST_TEST(run({"run", "it.json", "../it.json", "--states", "kept"}) == 2);
    BOOST_TEST(err.find("it.json and ../it.json would both write ") != std::string::npos);
    fs::current_path(former);
}

BOOST_AUTO_TEST_CASE(a_state_that_a_scenario_goes_on_from_is_not_overwritten_by_another) {
    state("kept.json");
    saving("it", "kept.json");
    fs::create_directories(folder() + "/kept" + folder() + "/it/model");
    fs::rename(folder() + "/kept.json", folder() + "/kept" + folder() + "/it/model/kept.json");
    restoring("reader", "kept" + folder() + "/it/model/kept.json");
    BOOST_TEST(run({"run", folder(), "--states", folder() + "/kept"}) == 2);
    BOOST_TEST(err.find("which " + folder() + "/reader.json reads: use another folder") != std::string::npos);
    BOOST_TEST(run({"run", folder(), "--states", folder() + "/other"}) == 0);
    BOOST_TEST(run({"run", folder(), "--states", folder() + "/kept", "--trace-out",
                    folder() + "/kept" + folder() + "/it/model/kept.json"}) == 2);
}

BOOST_AUTO_TEST_SUITE_END()
