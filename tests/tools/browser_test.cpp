#include "tests/tools/browser.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/tools/cli_fixture.hpp"
#include "tests/tools/process.hpp"
#include "tests/tools/samples.hpp"
#include "tools/report/page.hpp"

namespace irqbench::tests {

namespace {

boost::test_tools::assertion_result has_browser(boost::unit_test::test_unit_id) {
    const std::string reason = no_browser();
    if (!reason.empty()) std::cout << "skipped: " << reason << '\n';
    return reason.empty();
}

/// What comes has another vector.
constexpr const char* failing = R"({
  "name": "a resampling irqfd raises its line until the EOI </script><b>",
  "arch": "x86_64",
  "source": "KVM api.rst, 4.75 KVM_IRQFD, KVM_IRQFD_FLAG_RESAMPLE",
  "setup": [ { "ioapic": { "pin": 10, "vector": "0x51", "trigger": "level" } },
             { "irqfd": { "name": "dev", "gsi": 10, "resample": true } } ],
  "steps": [ { "signal": "dev" }, { "resampled": "dev" }, { "ack": "0x61" } ]
})";

/// Pictures for docs/report.md are made when the environment asks for them, as golden files are.
bool wants_pictures() { return std::getenv("IRQBENCH_UPDATE_PICTURES") != nullptr; }
std::string picture_file(const std::string& name) { return IRQBENCH_SOURCE_DIR "/docs/pictures/" + name; }

/// A browser, and a page of scenarios of the library and one that fails, really run on the model.
struct Page : Cli {
    Page() : browser(folder(), 1280, 620) { make(failing); }

    /// From the folder of the page, so that names are the same wherever that is.
    void make(const std::string& text) {
        file("failing.json", text);
        std::error_code there;
        std::filesystem::create_directory_symlink(IRQBENCH_SOURCE_DIR "/scenarios", folder() + "/scenarios",
                                                  there);
        Process run(folder(),
                    {"run", "failing.json", "scenarios/x86/ioapic", "scenarios/x86/resample", "--irqchip",
                     "model,userspace", "--report", path()},
                    [this] {
                        if (chdir(folder().c_str()) != 0) _exit(126);
                    });
        BOOST_TEST_REQUIRE(run.wait() == 1);
    }
    [[nodiscard]] std::string path() const { return folder() + "/page.html"; }

    /// To the first failure by keyboard alone.
    void open_failure() {
        browser.open(path());
        browser.press("n");
        browser.press("Enter");
        browser.wait_for("!document.getElementById('detail').hidden");
    }
    std::string text(const std::string& selector) {
        return browser.value("document.querySelector('" + selector + "').textContent");
    }
    int count(const std::string& selector) {
        return browser.value("document.querySelectorAll('" + selector + "').length");
    }
    void check_silence() {
        for (const std::string& complaint : browser.complaints()) BOOST_ERROR(complaint);
    }

    Browser browser;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(report_page, Page, *boost::unit_test::precondition(has_browser))

BOOST_AUTO_TEST_CASE(filters_and_search_leave_what_they_name) {
    browser.open(path());
    const int all = browser.value("page.rows.length");
    BOOST_TEST(all > 40);
    browser.click("[data-filter=\"verdict:fail\"]");
    browser.wait_for("document.querySelectorAll('#rows .row').length === 1");
    BOOST_TEST(text("#rows .cell.fail").find("FAIL") == 0U);
    BOOST_TEST(text("#shown") == "1 of " + std::to_string(all) + " scenarios");
    browser.click("[data-filter=\"verdict:fail\"]");
    browser.press("/");
    browser.type("remote irr");
    browser.wait_for("matrix.rows.length < " + std::to_string(all));
    BOOST_TEST(
        browser.value("matrix.rows.every((row) => page.rows[row].name.toLowerCase().includes('remote'))") ==
        true);
    browser.press("Escape");
    browser.click("[data-filter=\"mode:model\"]");
    browser.wait_for("matrix.columns.length === 1");
    BOOST_TEST(count("#head [role=columnheader]") == 2);
    check_silence();
}

BOOST_AUTO_TEST_CASE(the_keyboard_leads_to_a_failure_and_its_timeline_tells_it) {
    open_failure();
    BOOST_TEST(text("h1[tabindex]") == "a resampling irqfd raises its line until the EOI </script><b>");
    BOOST_TEST(text(".why").find("ack 0x61 on vCPU 0") != std::string::npos);
    BOOST_TEST(text(".lanes").find("ioapic pin 10") != std::string::npos);
    BOOST_TEST(text(".lanes").find("vCPU 0") != std::string::npos);
    for (const char* state : {"line high", "masked", "pending", "in service 0x51"})
        BOOST_TEST(count(std::string("[data-state=\"") + state + "\"]") > 0, state);
    BOOST_TEST(text(".missed-text") == "expected ack 0x61 on vCPU 0");
    BOOST_TEST(text(".wrong-text").find("ack 0x51") == 0U);
    // It should have been where the other one came: its box ends just before that, in the lane of the vCPU.
    BOOST_TEST(browser.value("(() => { const box = document.querySelector('.missed').getBBox();"
                             " const came = document.querySelector('.ring').getBBox();"
                             " return box.x + box.width <= came.x + came.width && box.y <= came.y &&"
                             " came.y < box.y + box.height; })()") == true);
    BOOST_TEST(text(".readout").find("ack 0x51") != std::string::npos);
    browser.press("Home");
    BOOST_TEST(text(".events .now td:last-child") == browser.value("timelines[0].picture.marks[0].text"));
    browser.press("ArrowRight");
    BOOST_TEST(browser.value("timelines[0].now") == 1);
    browser.press("f");
    BOOST_TEST(browser.value("timelines[0].now === timelines[0].picture.wrong") == true);
    browser.press("t");
    BOOST_TEST(text("[aria-pressed=true]") == "true time");
    browser.press("Escape");
    browser.wait_for("document.getElementById('detail').hidden");
    check_silence();
}

BOOST_AUTO_TEST_CASE(an_event_under_the_pointer_shows_its_values) {
    open_failure();
    browser.click(".mark.wrong");
    BOOST_TEST(browser.value("!document.getElementById('tip').hidden") == true);
    BOOST_TEST(text("#tip").find("vCPU 0: ack 0x51") != std::string::npos);
    check_silence();
}

BOOST_AUTO_TEST_CASE(two_runs_of_a_scenario_stand_side_by_side) {
    open_failure();
    browser.value(
        "document.getElementById('beside').selectedIndex = 1, "
        "document.getElementById('beside').dispatchEvent(new Event('change'))");
    // Without KVM the other one was skipped, and has no timeline.
    browser.wait_for("document.querySelectorAll('.sides.two h2').length === 2");
    BOOST_TEST(count(".sides.two .timeline") >= 1);
    check_silence();
}

BOOST_AUTO_TEST_CASE(dark_is_what_the_reader_prefers) {
    browser.open(path());
    const std::string colour = "getComputedStyle(document.body).backgroundColor";
    const auto light = browser.value(colour);
    browser.prefer_dark(true);
    BOOST_TEST(browser.value(colour) != light);
    BOOST_TEST(browser.value(colour) == "rgb(21, 23, 27)");
    check_silence();
}

BOOST_AUTO_TEST_CASE(of_a_thousand_scenarios_only_those_in_sight_are_in_the_document_and_all_on_paper) {
    std::vector<tools::Result> results;
    for (int i = 0; i < 1000; ++i) {
        results.push_back(failed_sample());
        results.back().scenario = results.back().file = "scenario " + std::to_string(i);
        if (i != 700) results.back().verdict = {};
    }
    std::ofstream(path()) << tools::html_page(results);
    browser.open(path());
    BOOST_TEST(count("#rows .row") > 5);
    BOOST_TEST(count("#rows .row") < 80);
    browser.press("n");
    browser.wait_for("document.querySelector('#rows .cell.fail.active') !== null");
    BOOST_TEST(count("#rows .row") < 80);
    BOOST_TEST(browser.value("document.querySelector('.active').closest('.row').firstChild.textContent") ==
               "scenario 700");
    browser.value("window.dispatchEvent(new Event('beforeprint'))");
    BOOST_TEST(count("#rows .row") == 1000);
    browser.print_media(true);
    BOOST_TEST(browser.value("getComputedStyle(document.getElementById('filters')).display") == "none");
    browser.print_media(false);
    browser.value("window.dispatchEvent(new Event('afterprint'))");
    BOOST_TEST(count("#rows .row") < 80);
    check_silence();
}

BOOST_AUTO_TEST_CASE(pictures_for_the_documentation) {
    if (!wants_pictures()) return;
    std::string plain = failing;
    plain.replace(plain.find(" </script><b>"), std::string(" </script><b>").size(), "");
    make(plain);
    std::filesystem::create_directories(picture_file(""));
    browser.open(path());
    // Of no host in particular.
    browser.value("document.getElementById('title').textContent = 'irqbench on Linux 6.18'");
    browser.write_screenshot(picture_file("report_matrix.png"));
    open_failure();
    browser.write_screenshot(picture_file("report_timeline.png"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests
