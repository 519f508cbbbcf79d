#include "tools/lab/debian.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tools/lab/fake_host.hpp"
#include "tools/lab/error.hpp"

using namespace irqbench::tools::lab;

namespace {

const HostSystem debian{"debian", "bookworm"};
const HostSystem ubuntu{"ubuntu", "noble"};

}  // namespace

BOOST_AUTO_TEST_SUITE(debian_)

BOOST_AUTO_TEST_CASE(os_release_names_the_host_with_and_without_quotes) {
    const auto host = parse_os_release(
        "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"
        "ID=debian\nID_LIKE=x\n");
    BOOST_TEST(host.id == "debian");
    BOOST_TEST(host.codename == "bookworm");
    BOOST_TEST(parse_os_release("ID=\"opensuse-leap\"\n").id == "opensuse-leap");
    BOOST_TEST(parse_os_release("").id == "");
}

BOOST_AUTO_TEST_CASE(sources_are_debians_in_the_order_of_the_host) {
    const auto sources = parse_index_targets(
        "http://other.test/repo|Other|stable\n"
        "http://a.test/debian|Debian|bookworm\n"
        "http://a.test/debian|Debian|bookworm\n"
        "http://a.test/debian|Debian Backports|bookworm-backports\n"
        "http://a.test/debian-security|Debian|bookworm-security\n",
        debian);
    const std::vector<Source> expected{{"http://a.test/debian", "bookworm"},
                                       {"http://a.test/debian", "bookworm-backports"},
                                       {"http://a.test/debian-security", "bookworm-security"}};
    BOOST_TEST((sources == expected));
}

BOOST_AUTO_TEST_CASE(before_an_update_the_host_decides_whose_the_sources_are) {
    for (const char* unknown : {"", "$(ORIGIN)"}) {
        const std::string text = std::string("http://a.test/debian|") + unknown + "|bookworm\n";
        BOOST_TEST(parse_index_targets(text, debian).size() == 1U);
        BOOST_TEST(parse_index_targets(text, ubuntu).empty());
    }
}

BOOST_AUTO_TEST_CASE(the_mirror_is_the_first_that_is_not_for_security_updates) {
    const std::vector<Source> host{{"http://s.test/debian-security", "bookworm-security"},
                                   {"http://s.test/", "buster/updates"},
                                   {"http://a.test/debian", "bookworm"},
                                   {"http://b.test/debian", "bookworm"}};
    BOOST_TEST(choose_mirror("", host) == "http://a.test/debian");
    BOOST_TEST(choose_mirror("http://asked.test/", host) == "http://asked.test/");
}

BOOST_AUTO_TEST_CASE(without_a_mirror_the_error_says_how_to_name_one) {
    BOOST_CHECK_EXCEPTION(choose_mirror("", {{"http://s.test/", "bookworm-security"}}), Unavailable,
                          [](const Unavailable& error) {
                              return std::string(error.what()).find("--mirror or IRQBENCH_MIRROR") !=
                                     std::string::npos;
                          });
}

BOOST_AUTO_TEST_CASE(madison_has_the_newest_version_first) {
    BOOST_TEST(
        parse_madison(" linux-image-cloud-amd64 | 6.12.95-1~bpo12+1 | http://a.test/debian "
                      "bookworm-backports/main amd64 Packages\n"
                      " linux-image-cloud-amd64 |  6.1.176-1 | http://a.test/debian bookworm/main amd64 "
                      "Packages\n")
            .value() == "6.12.95-1~bpo12+1");
    BOOST_TEST(!parse_madison(""));
    BOOST_TEST(!parse_madison("N: Unable to locate package\n"));
}

BOOST_AUTO_TEST_CASE(show_tells_what_a_package_depends_on) {
    const Package package = parse_show(
        "Package: linux-image-7.2\nVersion: 7.2.13-1\nInstalled-Size: 15\n"
        "Depends: dracut | initramfs-tools (>= 0.120), linux-binary-7.2 (= 7.2.13-1), kmod:any\n"
        "Pre-Depends: linux-base\nDescription: Linux\n Depends: none of this\nSize: 1916\n\n"
        "Package: another\nSize: 2\n");
    BOOST_TEST(package.name == "linux-image-7.2");
    BOOST_TEST(package.version == "7.2.13-1");
    BOOST_TEST(package.size_bytes == 1916U);
    const std::vector<std::string> expected{"dracut", "linux-binary-7.2", "kmod"};
    BOOST_TEST(package.depends == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_simulation_tells_new_packages_and_newer_ones) {
    const auto packages = parse_simulation(
        "NOTE: This is only a simulation!\nThe following packages will be upgraded:\n"
        "Inst libc6 [2.36-9] (2.36-10 Debian:12/stable [amd64])\n"
        "Inst qemu-system-x86 (1:10.0.2+ds-2 Debian Backports:12/stable-backports [amd64])\n"
        "Conf qemu-system-x86 (1:10.0.2+ds-2 Debian Backports:12/stable-backports [amd64])\n");
    const std::vector<std::string> expected{"libc6=2.36-10", "qemu-system-x86=1:10.0.2+ds-2"};
    BOOST_TEST(packages == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_kind_of_failure_of_apt_has_its_own_explanation) {
    const auto begins = [](const std::string& messages, const std::string& meaning) {
        const std::string text = explain_apt(messages);
        BOOST_TEST_INFO(text);
        BOOST_TEST((text.rfind(meaning, 0) == 0));
    };
    begins("E: Failed to fetch http://a.test/InRelease  Could not resolve 'a.test'\n",
           "the mirror cannot be reached");
    begins(
        "E: Failed to fetch http://a.test/InRelease  Could not connect to a.test:80 (1.2.3.4). - connect "
        "(111: Connection refused)\n",
        "the mirror cannot be reached");
    begins("E: The repository 'http://a.test nosuite Release' does not have a Release file.\n",
           "the mirror does not have it");
    begins("W: GPG error: http://a.test InRelease: NO_PUBKEY 6ED0\nE: The repository is not signed.\n",
           "its signature is by no key");
    begins("E: Write error - write (28: No space left on device)\n", "the disk with the lab's cache is full");
    begins("E: You don't have enough free space in /c/.\n", "the disk with the lab's cache is full");
    begins("E: Something else\n", "Something else");
    begins("", "it did not say why");
}

BOOST_AUTO_TEST_CASE(an_explanation_has_apts_own_words_in_one_line) {
    BOOST_TEST(explain_apt("E: Failed to fetch http://a.test/x  404  Not Found [IP: 1.2.3.4 80]\n"
                           "N: See the manual\n"
                           "E: Some index files failed to download. They have been ignored.\n") ==
               "the mirror does not have it; one of archived suites may be named with --mirror (Failed to "
               "fetch http://a.test/x  404  Not Found [IP: 1.2.3.4 80])");
}

BOOST_AUTO_TEST_CASE(of_many_complaints_the_first_few_are_told) {
    BOOST_TEST(explain_apt("tar: a\ntar: b\n\ntar: c\ntar: d\ntar: e\n") ==
               "tar: a; tar: b; tar: c; and 2 more");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(apt_area, irqbench::tests::FakeDebian,
                         *boost::unit_test::precondition(irqbench::tests::needs_keyring))

BOOST_AUTO_TEST_CASE(each_time_what_is_asked_for_is_extracted_and_no_more) {
    for (const std::string name : {"one", "two"}) {
        offer("sid", name, "1");
        file("package." + name + "/" + name, "");
    }
    const Fetching how = fetching();
    const Workspace workspace(how);
    const AptArea area(how, workspace, "amd64", {"http://mirror.test/debian", "sid"});
    area.extract({"one=1"}, workspace.make_folder("first"));
    area.extract({"two=1"}, workspace.make_folder("second"));
    BOOST_TEST(exists("cache/fetching/first/one"));
    BOOST_TEST(exists("cache/fetching/second/two"));
    BOOST_TEST(!exists("cache/fetching/second/one"));
}

BOOST_AUTO_TEST_CASE(a_source_is_added_once) {
    const Fetching how = fetching();
    const Workspace workspace(how);
    AptArea area(how, workspace, "amd64", {"http://mirror.test/debian", "bookworm"});
    area.add_source({"http://mirror.test/debian", "sid"});
    area.add_source({"http://mirror.test/debian", "sid"});
    BOOST_TEST(calls_of(" update") == 2U);
    const std::vector<std::string> expected{"reading the package lists of bookworm (amd64)",
                                            "reading the package lists of bookworm, sid (amd64)"};
    BOOST_TEST(told == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
