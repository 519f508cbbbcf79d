#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/tools/cli_fixture.hpp"
#include "tests/tools/golden.hpp"

using namespace irqbench;
using namespace irqbench::tests;

namespace {

const std::vector<std::string> subcommands = {"run",     "list",   "check",  "fuzz",      "shrink",
                                              "explain", "import", "record", "report",    "compare",
                                              "bench",   "caps",   "schema", "completion"};

std::string shell(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "r");
    BOOST_REQUIRE(pipe != nullptr);
    std::string output;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
    pclose(pipe);
    return output;
}

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
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

BOOST_AUTO_TEST_CASE(help_is_also_a_word) {
    BOOST_TEST(run({"--help"}) == 0);
    const std::string help = out;
    BOOST_TEST(run({"help"}) == 0);
    BOOST_TEST(out == help);
    BOOST_TEST(run({"run", "--help"}) == 0);
    const std::string help_of_run = out;
    BOOST_TEST(run({"help", "run"}) == 0);
    BOOST_TEST(out == help_of_run);
    BOOST_TEST(run({"help", "bogus"}) == 2);
    BOOST_TEST(run({"-V"}) == 0);
    BOOST_TEST(out.rfind("irqbench ", 0) == 0U);
}

BOOST_AUTO_TEST_CASE(every_text_about_exit_statuses_has_the_same_order) {
    BOOST_TEST(run({"--help"}) == 0);
    const std::string order = "130, 2, 4, 3, 1, 5";
    BOOST_TEST(out.find(order) != std::string::npos);
    for (const char* file : {"/README.md", "/scenarios/README.md", "/tools/man/irqbench.1"})
        BOOST_TEST(text_of(IRQBENCH_SOURCE_DIR + std::string(file)).find(order) != std::string::npos, file);
}

BOOST_AUTO_TEST_CASE(links_are_followed_once_and_dangling_ones_are_named) {
    file("real/a.json", scenario_text("first claim", passing_steps));
    std::filesystem::create_directory_symlink(folder() + "/real", folder() + "/link");
    std::filesystem::create_directory_symlink("..", folder() + "/real/up");
    BOOST_TEST(run({"check", folder() + "/link"}) == 0);
    BOOST_TEST(run({"check", folder()}) == 0);
    BOOST_TEST(out == "1 file: 1 good, 0 malformed, 0 invalid\n");
    std::filesystem::create_symlink("nowhere", folder() + "/real/dangling.json");
    BOOST_TEST(run({"check", folder() + "/real"}) == 2);
    BOOST_TEST(out.find("dangling.json:1: /: cannot be read: No such file or directory\n") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(behind_a_link_to_a_folder_two_dots_lead_out_of_that_folder) {
    file("elsewhere/deep/b.json", scenario_text("b", passing_steps));
    file("elsewhere/a.json", scenario_text("right", passing_steps));
    file("a.json", scenario_text("wrong", passing_steps));
    std::filesystem::create_directory_symlink("elsewhere/deep", folder() + "/link");
    BOOST_TEST(run({"list", folder() + "/link/../a.json"}) == 0);
    BOOST_TEST(out == folder() + "/link/../a.json\n    right\n");
    BOOST_TEST(run({"list", folder() + "/elsewhere/../elsewhere/./a.json"}) == 0);
    BOOST_TEST(out == folder() + "/elsewhere/a.json\n    right\n");
}

BOOST_AUTO_TEST_CASE(of_the_names_of_a_file_the_first_in_order_counts) {
    for (const char name : std::string("zyxwvutsonmlkbcdefghij"))
        std::filesystem::create_directory_symlink("real", folder() + "/" + name);
    file("real/a.json", scenario_text("claim", passing_steps));
    BOOST_TEST(run({"list", folder()}) == 0);
    BOOST_TEST(out == folder() + "/b/a.json\n    claim\n");
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_listed_is_named_and_loses_nothing) {
    file("good.json", scenario_text("good", passing_steps));
    file("closed/a.json", scenario_text("first claim", passing_steps));
    std::filesystem::permissions(folder(), std::filesystem::perms(0755));
    std::filesystem::permissions(folder() + "/closed", std::filesystem::perms::none);
    // Nothing is closed to root.
    const uid_t user = geteuid();
    constexpr uid_t nobody = 65534;
    if (user == 0) BOOST_REQUIRE(seteuid(nobody) == 0);
    const int status = run({"check", folder()});
    if (user == 0) BOOST_REQUIRE(seteuid(user) == 0);
    std::filesystem::permissions(folder() + "/closed", std::filesystem::perms::owner_all);
    BOOST_TEST(status == 2);
    BOOST_TEST(
        out.find(
            "/closed:1: /: cannot be read: Permission denied\n2 files: 1 good, 1 malformed, 0 invalid\n") !=
        std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_named_pipe_is_not_waited_for) {
    const std::string path = folder() + "/pipe.json";
    BOOST_REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    for (const auto& argument : {path, folder()}) {
        BOOST_TEST(run({"check", argument}) == 2);
        BOOST_TEST(out.find("cannot be read: it is a pipe, and nobody writes to it") != std::string::npos);
    }
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

BOOST_AUTO_TEST_CASE(no_text_of_a_file_reaches_the_terminal_as_an_escape) {
    const std::string steps = R"({ "irqfd": { "name": "d\u001b[2J\u009b\n", "gsi": 24, "resample": true } },
        { "msi": 81 }, { "ack": 81 }, { "resampled": "d\u001b[2J\u009b\n" })";
    file("a.json", scenario_text("first\\u001b[2J\\u007f\\nclaim", steps, R"( "description": "\u001b",)"));
    file("b.json", scenario_text("second", R"({ "rise\u001b": 1 })"));
    for (const char* command : {"list", "explain", "check", "run"}) {
        run({command, folder(), "--filter", "[ab].json"});
        for (const std::string& text : {out, err})
            BOOST_TEST(text.find_first_of("\x1b\x7f") == std::string::npos, command << " prints " << text);
        BOOST_TEST(out.find("\xc2\x9b") == std::string::npos, command);
    }
    run({"list", folder()});
    BOOST_TEST(out.find("    first\ufffd[2J\ufffd claim\n") != std::string::npos);
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
    host.placements = {"model"};
    BOOST_TEST(run({"caps"}) == 3);
    const std::string remedy =
        "become a member of the device's group: `sudo usermod -aG kvm $USER`, then log in again\n";
    BOOST_TEST(out ==
               "kernel         Linux 6.1.176\nno KVM         /dev/kvm: Permission denied\nremedy         " +
                   remedy + "irqchip modes  model\n");
    host.placements.clear();
    BOOST_TEST(run({"run", file("good.json", scenario_text("good", passing_steps))}) == 5);
    BOOST_TEST(err ==
               "irqbench: no KVM on this host: /dev/kvm: Permission denied\nirqbench: remedy: " + remedy);
    host.unavailable = "/dev/kvm: No such file or directory";
    BOOST_TEST(run({"caps"}) == 3);
    BOOST_TEST(out.find("remedy         load kvm_intel or kvm_amd") != std::string::npos);
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
    BOOST_TEST(complete("run --re") == "--repeat --retry-errors --repeat-scale --report --resume\n");
    BOOST_TEST(complete("run --irqchip s") == "split\n");
    BOOST_TEST(complete("run --irqchip kernel,s") == "kernel,split\n");
    BOOST_TEST(complete("run --irqchip kernel,") ==
               "kernel,kernel kernel,split kernel,userspace kernel,model kernel,all\n");
    BOOST_TEST(complete("run --format j") == "json jsonl junit\n");
    BOOST_TEST(complete("run --format = j") == "json jsonl junit\n");
    BOOST_TEST(complete("run --format =") == "text json jsonl junit tap ktap html\n");
    BOOST_TEST(complete("list --format j") == "json\n");
    BOOST_TEST(complete("caps --tr") == "\n");
}

BOOST_AUTO_TEST_CASE(the_man_page_knows_every_command_and_option) {
    std::string page = text_of(IRQBENCH_SOURCE_DIR "/tools/man/irqbench.1");
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
