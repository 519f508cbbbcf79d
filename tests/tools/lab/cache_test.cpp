#include "tools/lab/cache.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <map>
#include <thread>

#include "tests/tools/lab/fake_host.hpp"
#include "tools/lab/error.hpp"

using namespace irqbench::tools::lab;
namespace fs = std::filesystem;

namespace {

using Variables = std::map<std::string, std::string>;

Environment with(const Variables& variables) {
    return [variables](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string() : found->second;
    };
}

fs::path cache_with(const Variables& variables) { return cache_folder(with(variables)); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cache, irqbench::tests::FakeHost)

BOOST_AUTO_TEST_CASE(the_cache_is_where_the_user_keeps_caches) {
    BOOST_TEST(cache_with({{"XDG_CACHE_HOME", "/c"}, {"HOME", "/home/me"}}) == "/c/irqbench/lab");
    BOOST_TEST(cache_with({{"HOME", "/home/me"}}) == "/home/me/.cache/irqbench/lab");
    BOOST_TEST(cache_with({{"XDG_CACHE_HOME", "c"}, {"HOME", "/home/me"}}) == "/home/me/.cache/irqbench/lab");
    BOOST_CHECK_THROW(cache_with({}), Unavailable);
}

BOOST_AUTO_TEST_CASE(consoles_are_kept_without_a_cache_too) {
    const std::string own = "irqbench-lab-" + std::to_string(::getuid());
    BOOST_TEST(log_folder(with({{"HOME", "/home/me"}, {"TMPDIR", "/t"}})) ==
               "/home/me/.cache/irqbench/lab/logs");
    BOOST_TEST(log_folder(with({{"TMPDIR", "/t"}})) == "/t/" + own);
    BOOST_TEST(log_folder(with({{"TMPDIR", "t"}})) == "/tmp/" + own);
}

BOOST_AUTO_TEST_CASE(what_was_published_is_there_and_what_was_prepared_is_gone) {
    {
        const Workspace workspace(fetching());
        file("cache/fetching/new/file", "1");
        workspace.publish(workspace.folder() / "new", cache() / "kernels/6.1");
        file("cache/fetching/left", "2");
    }
    BOOST_TEST(read("cache/kernels/6.1/file") == "1");
    BOOST_TEST(!exists("cache/fetching"));
}

BOOST_AUTO_TEST_CASE(what_is_published_replaces_a_whole_folder) {
    file("cache/kernels/6.1/old", "1");
    const Workspace workspace(fetching());
    file("cache/fetching/new/file", "2");
    workspace.publish(workspace.folder() / "new", cache() / "kernels/6.1");
    BOOST_TEST(read("cache/kernels/6.1/file") == "2");
    BOOST_TEST(!exists("cache/kernels/6.1/old"));
}

BOOST_AUTO_TEST_CASE(what_somebody_left_who_was_killed_is_removed) {
    file("cache/fetching/left", "1");
    const Workspace workspace(fetching());
    BOOST_TEST(exists("cache/fetching"));
    BOOST_TEST(!exists("cache/fetching/left"));
}

BOOST_AUTO_TEST_CASE(a_second_waits_for_the_first_and_says_so) {
    auto first = std::make_unique<Workspace>(fetching());
    file("cache/fetching/mine", "1");
    std::atomic<bool> waits{false};
    std::atomic<bool> in{false};
    Fetching second = fetching();
    second.progress = [&waits](const std::string& text) {
        waits = text == "another irqbench is filling the cache; waiting for it to be done";
    };
    std::thread thread([&second, &in] {
        const Workspace workspace(second);
        in = true;
    });
    while (!waits) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    BOOST_TEST(!in);
    BOOST_TEST(exists("cache/fetching/mine"));
    first.reset();
    thread.join();
    BOOST_TEST(in);
}

BOOST_AUTO_TEST_CASE(waiting_ends_when_interrupted) {
    const Workspace first(fetching());
    Fetching second = fetching();
    second.progress = [this](const std::string&) { interrupted = true; };
    BOOST_CHECK_THROW(Workspace{second}, Interrupted);
}

BOOST_AUTO_TEST_CASE(a_cache_that_cannot_be_written_is_an_error_that_says_where_it_is) {
    file("cache", "a file is in the way");
    BOOST_CHECK_EXCEPTION(Workspace{fetching()}, Unavailable, [this](const Unavailable& error) {
        const std::string text = error.what();
        return text.find(cache().string()) != std::string::npos &&
               text.find("XDG_CACHE_HOME") != std::string::npos;
    });
}

BOOST_AUTO_TEST_CASE(programs_are_found_in_path_and_by_their_file) {
    const auto script = program("irqbench-test-program", "true");
    BOOST_TEST((find_program("irqbench-test-program") == script));
    BOOST_TEST((find_program(script.string()) == script));
    BOOST_TEST(!find_program("irqbench-no-such-program"));
    fs::permissions(script, fs::perms::owner_read);
    BOOST_TEST(!find_program("irqbench-test-program"));
    BOOST_TEST(!find_program(folder().string()));
}

BOOST_AUTO_TEST_CASE(the_size_of_a_folder_is_that_of_its_files) {
    file("sized/a", "12345");
    file("sized/b/c", "123");
    fs::create_symlink("a", folder() / "sized/link");
    BOOST_TEST(size_on_disk(folder() / "sized") == 8U);
    BOOST_TEST(size_on_disk(folder() / "sized/a") == 5U);
    BOOST_TEST(size_on_disk(folder() / "none") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
