#include "scenarios/engine/groups.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "scenarios/engine/explain.hpp"
#include "scenarios/engine/load.hpp"
#include "tests/scenarios/files.hpp"

namespace irqbench::scenarios {

namespace {

namespace fs = std::filesystem;

/// A folder with a scenario and what it uses.
struct Folder {
    Folder() : path(fs::temp_directory_path() / ("irqbench-groups-" + std::to_string(::getpid()))) {
        fs::create_directories(path / "shapes");
    }
    ~Folder() { fs::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
    /// What loading the scenario says, with `~` for the folder; empty if it is good.
    [[nodiscard]] std::string message() const {
        try {
            load(path / "it.json");
            return "";
        } catch (const ScenarioError& error) {
            std::string text = error.what();
            for (auto at = text.find(path.string()); at != std::string::npos; at = text.find(path.string()))
                text.replace(at, path.string().size(), "~");
            return text;
        }
    }
    [[nodiscard]] std::string message_with(const std::string& groups) const {
        write("shapes/msi.groups.json", groups);
        return message();
    }

    fs::path path;
};

const std::string uses = file_with("\n{ \"do\": \"interrupt\",\n \"with\": { \"vector\": \"0x51\" } }", "",
                                   R"("use": [ "shapes/msi.groups.json" ])");
const std::string interrupt = R"({ "groups": {
  "interrupt": { "parameters": { "vector": "number" },
    "steps": [
      { "msi": { "vector": "$vector" } },
      { "ack": "$vector" } ] } } })";

}  // namespace

BOOST_AUTO_TEST_SUITE(groups)

BOOST_AUTO_TEST_CASE(steps_of_a_group_are_numbered_as_if_they_stood_there) {
    const Scenario scenario =
        load_text(file_with("{ \"do\": \"outer\" },\n{ \"msi\": \"0x61\" }, { \"ack\": \"0x61\" },\n"
                            "{ \"do\": \"inner\", \"with\": { \"vector\": \"0x71\" } }",
                            "", R"("groups": {
        "inner": { "parameters": { "vector": "number" },
                   "steps": [ { "msi": "$vector" }, { "ack": "$vector" } ] },
        "outer": { "steps": [ { "do": "inner", "with": { "vector": "0x51" } }, { "quiet": true } ] } })"),
                  "file.json");
    BOOST_REQUIRE(scenario.steps.size() == 7U);
    for (std::uint32_t i = 0; i < 7; ++i) BOOST_TEST(scenario.steps[i].number == i + 1);
    BOOST_TEST(scenario.steps[1].text == R"({ "ack": "0x51" })");
    BOOST_TEST(scenario.steps[1].pointer == "/steps/0");
    BOOST_TEST(scenario.steps[1].within ==
               "group 'outer', file.json:4: /groups/outer/steps/0: group 'inner', file.json:3: "
               "/groups/inner/steps/1: ");
    BOOST_TEST(scenario.steps[3].within == "");
    BOOST_TEST(scenario.steps[6].text == R"({ "ack": "0x71" })");
    BOOST_TEST(scenario.steps[6].pointer == "/steps/3");
    BOOST_TEST(scenario.steps[6].line == scenario.steps[3].line + 1);
    BOOST_TEST(explain(scenario).find("7. ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_of_groups_is_found_beside_the_file_that_uses_it) {
    const Folder folder;
    folder.write("it.json", uses);
    BOOST_TEST(folder.message_with(interrupt) == "");
    std::vector<fs::path> files;
    load(folder.path / "it.json", &files);
    BOOST_REQUIRE(files.size() == 1U);
    BOOST_TEST(files[0] == folder.path / "shapes/msi.groups.json");
    // A group that it does not need is no mistake there.
    std::string more = interrupt;
    more.replace(more.find("\"interrupt\""), 0, R"("other": { "steps": [ { "nmi": 0 } ] }, )");
    BOOST_TEST(folder.message_with(more) == "");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_in_a_file_of_groups_is_told_with_both_places) {
    const Folder folder;
    folder.write("it.json", uses);
    const std::string use = "~/it.json:1: /use/0: ";
    BOOST_TEST(folder.message() ==
               use + "~/shapes/msi.groups.json:1: /: cannot be read: No such file or directory");
    BOOST_TEST(folder.message_with("[]") ==
               use + "~/shapes/msi.groups.json:1: /: must be an object, not an array");
    BOOST_TEST(folder.message_with(R"({ "groups": {}, "steps": [] })")
                   .starts_with(use + "~/shapes/msi.groups.json:1: /steps: unknown key 'steps'"));
    BOOST_TEST(folder.message_with(R"({ "groups": { "interrupt": { "steps": [ { "mis": "0x51" } ] } } })")
                   .starts_with("~/it.json:3: /steps/0/with/vector: the group 'interrupt' has no parameter"));
    std::string wrong = interrupt;
    wrong.replace(wrong.find("\"ack\""), 5, "\"akc\"");
    BOOST_TEST(
        folder.message_with(wrong).starts_with("~/it.json:2: /steps/0: group 'interrupt', "
                                               "~/shapes/msi.groups.json:5: /groups/interrupt/steps/1/akc: "
                                               "unknown verb 'akc'"));
    // A mode has no place of its own in the file that does the group.
    wrong = interrupt;
    wrong.replace(
        wrong.find("{ \"ack\""), 1,
        R"({ "only": { "irqchip": ["splt"], "because": "so", "steps": [ { "quiet": true } ] } }, {)");
    BOOST_TEST(folder.message_with(wrong) ==
               "~/it.json:2: /steps/0: group 'interrupt', ~/shapes/msi.groups.json:5: "
               "/groups/interrupt/steps/1: unknown irqchip mode 'splt', did you mean 'split'?");
}

// Behind a link to a folder `..` leads out of what that is, not out of where it stands.
BOOST_AUTO_TEST_CASE(a_file_of_groups_may_be_behind_links) {
    const Folder folder;
    folder.write("shapes/msi.groups.json", interrupt);
    fs::create_directories(folder.path / "elsewhere");
    fs::create_symlink("../shapes/msi.groups.json", folder.path / "elsewhere/link.groups.json");
    fs::create_directory_symlink("elsewhere", folder.path / "deep");
    std::string text = uses;
    text.replace(text.find("shapes/msi"), 10, "deep/../shapes/msi");
    folder.write("it.json", text);
    BOOST_TEST(folder.message() == "");
    text.replace(text.find("deep/../shapes/msi"), 18, "deep/link");
    folder.write("it.json", text);
    BOOST_TEST(folder.message() == "");
    text.replace(text.find("\"deep/link"), 0, "\"shapes/msi.groups.json\", ");
    folder.write("it.json", text);
    BOOST_TEST(folder.message() ==
               "~/it.json:1: /use/1: 'deep/link.groups.json' is the file "
               "~/shapes/msi.groups.json, which is used already");
}

BOOST_AUTO_TEST_CASE(of_many_groups_around_a_place_the_nearest_are_told) {
    std::string groups;
    const std::string name(60, 'g');
    for (int i = 0; i < 6; ++i)
        groups += "\"" + name + std::to_string(i) + "\": { \"steps\": [ { \"do\": \"" + name +
                  std::to_string(i + 1) + "\" } ] }, ";
    groups += "\"" + name + "6\": { \"steps\": [ { \"akc\": 1 } ] }";
    try {
        load_text(file_with("{ \"do\": \"" + name + "0\" }", "", "\"groups\": { " + groups + " }"),
                  "file.json");
        BOOST_TEST(false);
    } catch (const ScenarioError& error) {
        const std::size_t end = error.reason().find("unknown verb 'akc'");
        BOOST_REQUIRE(end != std::string::npos);
        BOOST_TEST(end <= 1000U);
        BOOST_TEST(error.reason().substr(0, end).ends_with("/groups/" + name + "6/steps/0/akc: "));
    }
}

BOOST_AUTO_TEST_CASE(a_name_means_one_group) {
    const Folder folder;
    std::string twice = uses;
    twice.replace(twice.find("\"steps\""), 0,
                  R"("groups": { "interrupt": { "steps": [ { "nmi": 0 } ] } }, )");
    folder.write("it.json", twice);
    BOOST_TEST(
        folder.message_with(interrupt) ==
        "~/it.json:1: /groups/interrupt: the group 'interrupt' is in ~/shapes/msi.groups.json already");
}

BOOST_AUTO_TEST_CASE(a_file_of_groups_is_no_scenario) {
    const Folder folder;
    folder.write("shapes/msi.groups.json", interrupt);
    BOOST_CHECK_EXCEPTION(
        load(folder.path / "shapes/msi.groups.json"), ScenarioError, [](const ScenarioError& error) {
            return error.reason() == "holds groups of steps for scenarios that use it, and is none itself";
        });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::scenarios
