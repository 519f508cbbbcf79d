#include "tools/bugs/page.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace irqbench::tools::bugs {

namespace fs = std::filesystem;

namespace {

using Kind = scenarios::Verdict::Kind;

std::vector<Row> some_rows() {
    return {
        {"X01", "an EOI | that is lost", "KVM", "0123456789ab", ""},
        {"L02", "a timer that is lost", "KVM", "n/e", "", "a timer | that stops", "fixed before all of them"},
        {"Q03", "what cannot be seen", "QEMU", "1a", "needs hardware"}};
}

Result result(const char* row, const char* file, const char* irqchip, const char* kernel, Kind kind) {
    Result made;
    made.file = file;
    made.irqchip = irqchip;
    made.kernel = kernel;
    made.verdict.kind = kind;
    made.reference = {row, "linux 0123456789ab"};
    return made;
}

Result before_the_fix(const char* irqchip, const char* kernel) {
    Result made = result("X01", "a.json", irqchip, kernel, Kind::known);
    made.verdict.reason = "fixed in Linux 6.2: an EOI that is lost";
    made.verdict.failure = scenarios::Failure{};
    made.verdict.failure->expected = "ack 0x51";
    made.verdict.failure->came = "nothing";
    return made;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string slurp(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The rows that the scenarios of the library name.
std::set<std::string> named_rows() {
    static const std::regex references(R"re("reference": *\[([^\]]*)\])re");
    static const std::regex name(R"re("([A-Z][0-9]{2})")re");
    std::set<std::string> names;
    for (const char* folder : {"scenarios/x86", "scenarios/arm64"}) {
        for (const auto& entry : fs::recursive_directory_iterator(fs::path(IRQBENCH_SOURCE_DIR) / folder)) {
            if (entry.path().extension() != ".json") continue;
            const std::string text = slurp(entry.path());
            std::smatch list;
            if (!std::regex_search(text, list, references)) continue;
            const std::string words = list[1];
            for (std::sregex_iterator at(words.begin(), words.end(), name), end; at != end; ++at)
                names.insert((*at)[1]);
        }
    }
    return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bug_page)

BOOST_AUTO_TEST_CASE(a_row_has_a_line_with_a_cell_for_each_kernel_and_one_for_ours) {
    const auto rows = some_rows();
    const std::vector<Result> results{result("X01", "a.json", "kernel", "6.1.0-50-amd64", Kind::pass),
                                      before_the_fix("split", "6.1.0-50-amd64"),
                                      result("X01", "a.json", "kernel", "7.2.13", Kind::pass),
                                      result("X01", "a.json", "split", "7.2.13", Kind::pass),
                                      result("X01", "a.json", "model", "6.18.1", Kind::pass),
                                      result("X01", "a.json", "userspace", "7.2.13", Kind::skip)};
    const std::string text = page(rows, results);
    BOOST_TEST(has(text, "1 of 3 rows have a scenario"));
    BOOST_TEST(has(text, "| scenario | control | from | 6.1 | 7.2 | ours |"));
    BOOST_TEST(has(
        text,
        R"(| X01 | an EOI \| that is lost | KVM | 0123456789ab | `a.json` |  | - | kernel pass, split known | pass | pass |)"));
    BOOST_TEST(has(
        text, R"(| X01 | an EOI \| that is lost | `a.json` | 6.1 split: expected ack 0x51, came nothing |)"));
    BOOST_TEST(has(text, "| Q03 | what cannot be seen | QEMU | 1a | needs hardware |"));
    BOOST_TEST(has(text, "| L02 | a timer that is lost | KVM | n/e | not run |"));
}

BOOST_AUTO_TEST_CASE(the_oldest_kernel_is_that_of_the_fix_or_of_what_a_file_needs) {
    scenarios::Scenario scenario;
    BOOST_TEST(oldest_kernel(scenario) == "");
    scenario.requires_.kernel = "6.9";
    BOOST_TEST(oldest_kernel(scenario) == "6.9");
    scenario.fixed_in = scenarios::FixedIn{{6, 13, 0}, {{6, 1, 176}, {6, 12, 95}}, {}};
    BOOST_TEST(oldest_kernel(scenario) == "6.13, 6.12.95, 6.1.176");
    const auto rows = some_rows();
    const std::vector<Result> results{result("X01", "a.json", "kernel", "7.2.13", Kind::pass)};
    BOOST_TEST(has(page(rows, results, {{"a.json", "6.13"}}), "`a.json` |  | 6.13 | pass | - |"));
}

BOOST_AUTO_TEST_CASE(where_a_fix_of_the_kernel_explains_what_came_userspace_is_told_apart_too) {
    const auto rows = some_rows();
    const std::vector<Result> results{before_the_fix("userspace", "5.10.0-32-cloud-arm64"),
                                      result("X01", "a.json", "userspace", "7.2.13", Kind::pass),
                                      result("X01", "a.json", "kernel", "7.2.13", Kind::pass)};
    const std::string text = page(rows, results);
    BOOST_TEST(has(text, "`a.json` | 5.10 userspace: expected ack 0x51, came nothing |"));
    BOOST_TEST(has(text, "`a.json` |  | - | known | pass | pass |"));
}

BOOST_AUTO_TEST_CASE(of_two_runs_in_a_mode_the_worse_counts) {
    const auto rows = some_rows();
    const std::vector<Result> results{result("X01", "a.json", "kernel", "7.2.13", Kind::skip),
                                      result("X01", "a.json", "kernel", "7.2.13", Kind::fail),
                                      result("X01", "a.json", "kernel", "7.2.13", Kind::pass),
                                      result("L02", "b.json", "kernel", "7.2.13", Kind::skip)};
    const std::string text = page(rows, results);
    BOOST_TEST(has(text, "`a.json` |  | - | fail | - |"));
    BOOST_TEST(has(text, R"(`b.json` | a timer \| that stops | - | - | - |)"));
    BOOST_TEST(has(text, "| X01 | an EOI \\| that is lost | not established |"));
    BOOST_TEST(has(text, "| L02 | a timer that is lost | fixed before all of them |"));
    BOOST_TEST(!has(text, "Told apart"));
}

BOOST_AUTO_TEST_CASE(results_and_rows_that_contradict_each_other_are_refused) {
    const auto rows = some_rows();
    const std::vector<Result> unknown{result("Z09", "a.json", "kernel", "7.2.13", Kind::pass)};
    BOOST_CHECK_THROW(page(rows, unknown), std::invalid_argument);
    const std::vector<Result> excused{result("Q03", "a.json", "kernel", "7.2.13", Kind::pass)};
    BOOST_CHECK_THROW(page(rows, excused), std::invalid_argument);
    auto alike = rows;
    const std::vector<Result> told{before_the_fix("split", "6.1.0-50-amd64")};
    BOOST_CHECK_NO_THROW(page(alike, told));
    alike[0].alike = "fixed before all of them";
    BOOST_CHECK_THROW(page(alike, told), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(the_first_lines_of_the_patches_of_a_row_are_its_control) {
    const fs::path folder = fs::temp_directory_path() / fmt::format("irqbench-controls-{}", ::getpid());
    fs::create_directory(folder);
    const auto write = [&folder](const char* name, const char* text) {
        std::ofstream(folder / name) << text;
    };
    write("X01_b.patch", "Nor the other.\nFails in: model\n");
    write("X01_a.patch", "The one does not.\nFails in: model\n");
    write("notes", "nothing\n");
    auto rows = some_rows();
    add_controls(rows, folder);
    BOOST_TEST(rows[0].control == "The one does not. Nor the other.");
    BOOST_TEST(rows[2].control.empty());
    write("L02.patch", "It has a text already.\n");
    rows = some_rows();
    BOOST_CHECK_THROW(add_controls(rows, folder), std::invalid_argument);
    fs::remove(folder / "L02.patch");
    write("Z09.patch", "There is no such row.\n");
    rows = some_rows();
    BOOST_CHECK_THROW(add_controls(rows, folder), std::invalid_argument);
    fs::remove_all(folder);
}

BOOST_AUTO_TEST_CASE(rows_that_mean_nothing_are_refused) {
    using scenarios::Json;
    const Json row = {{"row", "X01"}, {"bug", "b"}, {"where", "w"}, {"reference", "r"}};
    BOOST_TEST(read_rows(Json::array({row})).size() == 1U);
    BOOST_CHECK_THROW(read_rows(Json::array({row, row})), std::invalid_argument);
    BOOST_CHECK_THROW(read_rows(Json::array({Json{{"row", "X01"}}})), std::invalid_argument);
    BOOST_CHECK_THROW(read_rows(Json::array({7})), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(each_row_of_the_list_has_a_scenario_or_a_reason_and_the_page_names_it) {
    const fs::path docs = fs::path(IRQBENCH_SOURCE_DIR) / "docs";
    std::ifstream in(docs / "bugs.json");
    auto rows = read_rows(scenarios::Json::parse(in));
    add_controls(rows, fs::path(IRQBENCH_SOURCE_DIR) / "tests" / "controls");
    const std::set<std::string> named = named_rows();
    const std::string written = slurp(docs / "bugs.md");
    const std::string told_apart = written.substr(0, written.find("## With a scenario"));
    BOOST_TEST(rows.size() > 100U);
    for (const Row& row : rows) {
        BOOST_TEST_CONTEXT(row.name) {
            const std::string line = "| " + row.name + " |";
            BOOST_TEST((named.contains(row.name) == row.without.empty()));
            BOOST_TEST((named.contains(row.name) == !row.control.empty()));
            BOOST_TEST((named.contains(row.name) == (has(told_apart, line) || !row.alike.empty())));
            BOOST_TEST((!has(told_apart, line) || row.alike.empty()));
            BOOST_TEST(has(written, line));
        }
    }
    for (const std::string& name : named)
        BOOST_TEST(std::any_of(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; }),
                   name);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tools::bugs
