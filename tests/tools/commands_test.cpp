#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/tools/cli_fixture.hpp"
#include "tests/tools/golden.hpp"

using namespace irqbench;
using namespace irqbench::tests;

namespace {

const std::vector<std::string> subcommands = {"run",  "list",   "check",     "explain",
                                              "caps", "schema", "completion"};

std::string shell(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "r");
    BOOST_REQUIRE(pipe != nullptr);
    std::string output;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
    pclose(pipe);
    return output;
}

/// The folder's name differs from run to run.
std::string without_folder(std::string text, const std::string& folder) {
    for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder))
        text.replace(at, folder.size(), "DIR");
    return text;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(commands, Cli)

BOOST_AUTO_TEST_CASE(every_command_has_help_and_version) {
    std::string help;
    for (const auto& command : subcommands) {
        BOOST_TEST(run({command, "--version"}) == 0);
        BOOST_TEST(out.rfind("irqbench ", 0) == 0U);
        BOOST_TEST(run({command, "--help"}) == 0);
        help += out + "\n";
    }
    BOOST_TEST(run({"--version"}) == 0);
    BOOST_TEST(run({"--help"}) == 0);
    BOOST_TEST(is_golden(out + "\n" + help, "help.txt"));
}

BOOST_AUTO_TEST_CASE(check_says_what_is_wrong_with_each_file) {
    file("good.json", scenario_text("good", passing_steps));
    BOOST_TEST(run({"check", folder()}) == 0);
    BOOST_TEST(out == "1 file: 1 good, 0 malformed, 0 invalid\n");
    file("invalid.json", scenario_text("invalid", R"({ "raise": 10 }, { "quiet": true })"));
    BOOST_TEST(run({"check", folder()}) == 4);
    file("malformed.json", R"({ "name": 1 })");
    BOOST_TEST(run({"check", folder()}) == 2);
    BOOST_TEST(out.find("malformed.json:1: /: needs the key") != std::string::npos);
    BOOST_TEST(out.find("3 files: 1 good, 1 malformed, 1 invalid\n") != std::string::npos);
    BOOST_TEST(run({"check", folder(), "--filter", "nothing"}) == 5);
    BOOST_TEST(machines == 0);
}

BOOST_AUTO_TEST_CASE(list_prints_claims_as_text_and_json) {
    file("a.json", scenario_text("first claim", passing_steps,
                                 R"( "tags": ["eoi"], "modes": { "only": ["split"], "because": "x" },)"));
    BOOST_TEST(run({"list", folder()}) == 0);
    BOOST_TEST(without_folder(out, folder()) ==
               "DIR/a.json\n    first claim\n    tags: eoi\n    irqchip: only split\n");
    BOOST_TEST(run({"list", folder(), "--format", "json"}) == 0);
    BOOST_TEST(nlohmann::json::parse(out)[0]["scenario"] == "first claim");
    file("b.json", "{");
    BOOST_TEST(run({"list", folder()}) == 2);
    BOOST_TEST(out.find("first claim") != std::string::npos);
    BOOST_TEST(err.find("b.json:1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(explain_prints_english) {
    file("a.json", scenario_text("first claim", passing_steps));
    BOOST_TEST(run({"explain", folder() + "/a.json"}) == 0);
    BOOST_TEST(out.find("first claim") != std::string::npos);
    BOOST_TEST(out.find("Expect: vCPU 0 takes vector 0x51.") != std::string::npos);
    file("b.json", "{");
    BOOST_TEST(run({"explain", folder()}) == 2);
}

BOOST_AUTO_TEST_CASE(caps_is_a_table_of_what_the_host_offers) {
    BOOST_TEST(run({"caps"}) == 0);
    BOOST_TEST(is_golden(out, "caps.txt"));
    BOOST_TEST(run({"caps", "--format", "json"}) == 0);
    BOOST_TEST(is_golden(out, "caps.json"));
    host.unavailable = "/dev/kvm: Permission denied";
    BOOST_TEST(run({"caps"}) == 3);
    BOOST_TEST(out == "kernel         Linux 6.1.176\nno KVM         /dev/kvm: Permission denied\n");
}

BOOST_AUTO_TEST_CASE(schema_is_json) {
    BOOST_TEST(run({"schema"}) == 0);
    BOOST_TEST(nlohmann::json::parse(out).contains("$schema"));
}

BOOST_AUTO_TEST_CASE(completion_knows_commands_options_and_their_values) {
    BOOST_TEST(run({"completion", "bash"}) == 0);
    const std::string script = file("irqbench.bash", out);
    const auto complete = [&script](const std::string& words) {
        return shell("bash -c 'source " + script + "; COMP_WORDS=(irqbench " + words +
                     "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _irqbench; echo ${COMPREPLY[*]}'");
    };
    BOOST_TEST(complete("ex") == "explain\n");
    BOOST_TEST(complete("run --re") == "--repeat\n");
    BOOST_TEST(complete("run --irqchip s") == "split\n");
    BOOST_TEST(complete("run --format j") == "json junit\n");
    BOOST_TEST(complete("list --format j") == "json\n");
    BOOST_TEST(complete("caps --tr") == "\n");
}

BOOST_AUTO_TEST_CASE(the_man_page_knows_every_command_and_option) {
    std::ifstream file(IRQBENCH_SOURCE_DIR "/tools/man/irqbench.1");
    std::string page((std::istreambuf_iterator<char>(file)), {});
    for (auto at = page.find("\\-"); at != std::string::npos; at = page.find("\\-")) page.erase(at, 1);
    tools::Surroundings unused{std::cout, std::cout, false, false, {}, {}, {}, interrupted};
    const tools::CommandLine line(unused);
    for (const CLI::App* command : line.app.get_subcommands({})) {
        BOOST_TEST(page.find(".SS " + command->get_name()) != std::string::npos, command->get_name());
        for (const CLI::Option* option : command->get_options())
            for (const auto& name : option->get_lnames())
                BOOST_TEST(page.find("--" + name) != std::string::npos, command->get_name() << " --" << name);
    }
    for (const char* status : {"0", "1", "2", "3", "4", "5", "130"})
        BOOST_TEST(page.find(std::string(".TP\n.B ") + status + "\n") != std::string::npos, status);
}

BOOST_AUTO_TEST_SUITE_END()
