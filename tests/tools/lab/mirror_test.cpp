#include "tools/lab/mirror.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <map>

#include "tests/tools/lab/fake_host.hpp"
#include "tests/tools/lab/newc.hpp"

using namespace irqbench::tools::lab;
using namespace irqbench::tests;
namespace fs = std::filesystem;

namespace {

struct Host : FakeHost {
    /// What has been mirrored, by its path below the host's folder: `KIND CONTENT`.
    std::map<std::string, std::string> mirrored(const std::vector<fs::path>& paths) const {
        Initramfs initramfs;
        for (const auto& path : paths) mirror(initramfs, folder() / path);
        const std::string top = folder().relative_path().string() + "/";
        std::map<std::string, std::string> found;
        for (const auto& entry : read_newc(initramfs.finish().content()))
            if (entry.name.rfind(top, 0) == 0)
                found[entry.name.substr(top.size())] =
                    std::string(word(static_cast<mode_t>(entry.mode))) + entry.content;
        return found;
    }

    static const char* word(mode_t mode) {
        const bool closed = (mode & 0777) == 0;
        if (S_ISDIR(mode)) return closed ? "closed folder" : "folder";
        if (S_ISLNK(mode)) return "link ";
        if (S_ISFIFO(mode)) return "pipe";
        return closed ? "closed " : "file ";
    }
};

using Tree = std::map<std::string, std::string>;

void check_equal(const Tree& found, const Tree& expected) {
    for (const auto& [path, what] : expected)
        BOOST_TEST((found.count(path) == 1 && found.at(path) == what),
                   path << " is " << (found.count(path) == 0 ? "not there" : found.at(path)));
    BOOST_TEST(found.size() == expected.size());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mirror_, Host)

BOOST_AUTO_TEST_CASE(a_file_comes_with_the_folders_above_it) {
    file("a/b/c.json", "text");
    file("a/other.json", "not asked for");
    check_equal(mirrored({"a/b/c.json"}), {{"a", "folder"}, {"a/b", "folder"}, {"a/b/c.json", "file text"}});
}

BOOST_AUTO_TEST_CASE(links_stay_links_and_what_they_lead_to_is_there) {
    file("real/a.json", "text");
    fs::create_symlink("real/a.json", folder() / "second.json");
    fs::create_directory_symlink(folder() / "real", folder() / "absolute");
    check_equal(mirrored({"second.json", "absolute/a.json"}),
                {{"second.json", "link real/a.json"},
                 {"absolute", "link " + (folder() / "real").string()},
                 {"real", "folder"},
                 {"real/a.json", "file text"}});
}

BOOST_AUTO_TEST_CASE(behind_a_link_the_folder_above_is_that_of_what_it_leads_to) {
    file("elsewhere/a.json", "right");
    file("elsewhere/deep/b.json", "");
    file("a.json", "wrong");
    fs::create_directory_symlink("elsewhere/deep", folder() / "link");
    check_equal(mirrored({"link/../a.json"}), {{"link", "link elsewhere/deep"},
                                               {"elsewhere", "folder"},
                                               {"elsewhere/deep", "folder"},
                                               {"elsewhere/a.json", "file right"}});
}

BOOST_AUTO_TEST_CASE(a_link_to_nowhere_and_one_to_itself_are_there) {
    fs::create_symlink("nowhere", folder() / "dangling.json");
    fs::create_symlink("round.json", folder() / "round.json");
    check_equal(mirrored({"dangling.json", "round.json", "nothing.json"}),
                {{"dangling.json", "link nowhere"}, {"round.json", "link round.json"}});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_closed_inside_too) {
    file("open.json", "text");
    fs::permissions(file("closed.json", "text"), fs::perms::none);
    fs::create_directory(folder() / "closed");
    fs::permissions(folder() / "closed", fs::perms::none);
    fs::permissions(folder(), fs::perms(0755));
    // Nothing is closed to root, and access() asks for the real user.
    const bool is_root = ::getuid() == 0;
    constexpr uid_t nobody = 65534;
    if (is_root) BOOST_REQUIRE(::setresuid(nobody, nobody, 0) == 0);
    const Tree found = mirrored({"open.json", "closed.json", "closed"});
    if (is_root) BOOST_REQUIRE(::setresuid(0, 0, 0) == 0);
    check_equal(found, {{"open.json", "file text"}, {"closed.json", "closed "}, {"closed", "closed folder"}});
}

BOOST_AUTO_TEST_CASE(a_pipe_is_not_read) {
    BOOST_REQUIRE(::mkfifo((folder() / "pipe.json").c_str(), 0600) == 0);
    check_equal(mirrored({"pipe.json"}), {{"pipe.json", "pipe"}});
}

BOOST_AUTO_TEST_CASE(what_lies_where_the_machine_mounts_its_own_is_left_out) {
    for (const char* path : {"/proc/self/fd/0", "/dev/stdin", "/sys/kernel", "/proc/../proc/1"})
        BOOST_TEST(is_of_host_only(path), path);
    for (const char* path : {"/", "/dev", "/proc", "/dev/shm", "/dev/shm/a.json", "/process/x", "/a/dev/x"})
        BOOST_TEST(!is_of_host_only(path), path);
    Initramfs initramfs;
    mirror(initramfs, "/proc/self/status");
    for (const auto& entry : read_newc(initramfs.finish().content()))
        BOOST_TEST(entry.name.find("status") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
