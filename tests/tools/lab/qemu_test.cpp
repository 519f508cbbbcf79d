#include "tools/lab/qemu.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tools/lab/fake_host.hpp"
#include "tools/lab/error.hpp"

using namespace irqbench::tools::lab;
using namespace irqbench::tests;

namespace {

std::string says_version(const std::string& version) {
    return "echo 'QEMU emulator version " + version + " (Debian 1:" + version + "+ds-2)'";
}

struct Host : FakeDebian {
    void check_refused(const std::filesystem::path& program, const std::string& reason) {
        BOOST_CHECK_EXCEPTION(own_qemu(program, interrupted), Unavailable,
                              [&reason](const Unavailable& error) {
                                  BOOST_TEST_MESSAGE(error.what());
                                  return std::string(error.what()).find(reason) != std::string::npos;
                              });
    }

    /// The packages of a QEMU, whose dynamic loader is a script that runs what it is given.
    void offer_qemu(const std::string& version) const {
        offer("any", "qemu-system-x86", "1:" + version + "+ds-2");
        file("simulation", "Inst libc6 (2.36-9 Debian:12/stable [amd64])\nInst qemu-system-x86 (1:" +
                               version + "+ds-2 Debian:12/stable [amd64])\n");
        namespace fs = std::filesystem;
        const auto loader = file("package.libc6/lib/x86_64-linux-gnu/ld-linux.so.2",
                                 "#!/bin/sh\n[ \"$1\" = --library-path ] && [ \"$3\" = --argv0 ] || exit "
                                 "9\nshift 4\nexec \"$@\"\n");
        const auto qemu = file("package.qemu-system-x86/usr/bin/qemu-system-x86_64",
                               "#!/bin/sh\n" + says_version(version) + "\n");
        for (const auto& path : {loader, qemu}) fs::permissions(path, fs::perms::owner_all);
        file("package.qemu-system-x86/usr/share/qemu/bios.bin", "");
        file("package.qemu-system-x86/usr/share/doc/readme", "");
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(qemu, Host)

BOOST_AUTO_TEST_CASE(versions_are_read_and_ordered) {
    BOOST_TEST((parse_qemu_version("QEMU emulator version 7.2.19 (Debian 1:7.2+dfsg-7)\n").value() ==
                QemuVersion{7, 2, 19}));
    BOOST_TEST((parse_qemu_version("QEMU emulator version 10.1.50 (v10.1.0-123-g1234567)").value() ==
                QemuVersion{10, 1, 50}));
    BOOST_TEST((parse_qemu_version("version 11.0").value() == QemuVersion{11, 0, 0}));
    BOOST_TEST(!parse_qemu_version("GNU bash 5.2"));
    BOOST_TEST((QemuVersion{9, 2, 9} < needed_qemu));
    BOOST_TEST((QemuVersion{10, 0, 0} >= needed_qemu));
}

BOOST_AUTO_TEST_CASE(the_users_own_is_taken_if_it_is_new_enough) {
    const auto path = program("my-qemu", says_version("10.0.2"));
    const Qemu qemu = own_qemu(path, interrupted);
    BOOST_TEST(qemu.program == path);
    BOOST_TEST(file_of(qemu) == path);
    BOOST_TEST(qemu.version == "10.0.2");
    BOOST_TEST(own_qemu("my-qemu", interrupted).program == path);
}

BOOST_AUTO_TEST_CASE(each_way_to_be_unusable_has_its_own_message) {
    check_refused(folder() / "none", "none is no program that is there");
    check_refused(program("old", says_version("7.2.19")),
                  "old is 7.2.19; 10.0 is needed, because older ones lose boots of newer kernels");
    check_refused(program("broken", "echo 'error while loading shared libraries: libfdt.so.1' >&2; exit 127"),
                  "broken cannot be run: error while loading shared libraries: libfdt.so.1");
    check_refused(program("silent", "exit 4"), "silent cannot be run: exit status 4");
    check_refused(program("other", "echo 'GNU bash 5.2'"), "other is no QEMU: it does not say its version");
}

BOOST_AUTO_TEST_CASE(the_hosts_is_taken_if_it_is_new_enough) {
    const auto path = program("qemu-system-aarch64", says_version("10.1.0"));
    const QemuSearch search = find_qemu(Arch::arm64, cache(), interrupted);
    BOOST_REQUIRE(search.found.has_value());
    BOOST_TEST(search.found->program == path);
    BOOST_TEST(search.found->arguments.empty());
}

BOOST_AUTO_TEST_CASE(the_hosts_needs_no_cache) {
    program("qemu-system-x86_64", says_version("10.0.2"));
    BOOST_TEST(find_qemu(Arch::x86_64, {}, interrupted).found.has_value());
    program("qemu-system-x86_64", says_version("7.2.19"));
    // Not that of the current folder either.
    file("qemu/x86_64/file", "");
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(folder());
    const std::string why_not = find_qemu(Arch::x86_64, {}, interrupted).why_not;
    std::filesystem::current_path(before);
    BOOST_TEST(why_not.ends_with(", and none is in the cache"), why_not);
}

BOOST_AUTO_TEST_CASE(why_there_is_none_tells_of_the_host_and_of_the_cache) {
    program("qemu-system-x86_64", says_version("7.2.19"));
    QemuSearch search = find_qemu(Arch::x86_64, cache(), interrupted);
    BOOST_TEST(!search.found);
    BOOST_TEST_INFO(search.why_not);
    BOOST_TEST((search.why_not.find("qemu-system-x86_64 is 7.2.19; 10.0 is needed") != std::string::npos));
    BOOST_TEST(search.why_not.ends_with(", and none is in the cache"));
    file("cache/qemu/x86_64/usr/bin/qemu-system-x86_64", "");
    search = find_qemu(Arch::x86_64, cache(), interrupted);
    BOOST_TEST_INFO(search.why_not);
    BOOST_TEST(
        (search.why_not.find("; the QEMU in " + (cache() / "qemu/x86_64").string()) != std::string::npos));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(fetch_qemu_, Host, *boost::unit_test::precondition(needs_keyring))

BOOST_AUTO_TEST_CASE(a_fetched_qemu_runs_with_its_own_loader_and_firmware) {
    offer_qemu("10.0.2");
    const Qemu qemu = fetch_qemu(Arch::x86_64, fetching());
    BOOST_TEST(qemu.version == "10.0.2");
    const auto root = cache() / "qemu/x86_64";
    BOOST_TEST(qemu.program == root / "lib/x86_64-linux-gnu/ld-linux.so.2");
    const std::string program = root / "usr/bin/qemu-system-x86_64";
    const std::vector<std::string> expected{
        "--library-path",       root / "lib/x86_64-linux-gnu", "--argv0", program, program, "-L",
        root / "usr/share/qemu"};
    BOOST_TEST(qemu.arguments == expected, boost::test_tools::per_element());
    BOOST_TEST(file_of(qemu) == program);
    BOOST_TEST(!std::filesystem::exists(root / "usr/share/doc"));
    BOOST_TEST(!exists("cache/fetching"));
}

BOOST_AUTO_TEST_CASE(a_fetched_qemu_can_be_named_by_the_path_that_is_told) {
    offer_qemu("10.0.2");
    const Qemu fetched = fetch_qemu(Arch::x86_64, fetching());
    std::filesystem::create_symlink(file_of(fetched), folder() / "link");
    for (const auto& path : {file_of(fetched), folder() / "link"}) {
        const Qemu named = own_qemu(path, interrupted);
        BOOST_TEST(named.program == fetched.program);
        BOOST_TEST(named.arguments == fetched.arguments, boost::test_tools::per_element());
        BOOST_TEST(named.version == "10.0.2");
    }
}

BOOST_AUTO_TEST_CASE(a_cache_whose_path_has_a_colon_is_refused_before_anything_is_fetched) {
    offer_qemu("10.0.2");
    Fetching colon = fetching();
    colon.cache = folder() / "a:b";
    BOOST_CHECK_EXCEPTION(fetch_qemu(Arch::x86_64, colon), Unavailable, [](const Unavailable& error) {
        return std::string(error.what()).find("a:b would not find its libraries, because of the ':'") !=
               std::string::npos;
    });
    BOOST_TEST(calls_of(" download ") == 0U);
    fetch_qemu(Arch::x86_64, fetching());
    std::filesystem::rename(cache(), colon.cache);
    program("qemu-system-x86_64", says_version("7.2.19"));
    const QemuSearch search = find_qemu(Arch::x86_64, colon.cache, interrupted);
    BOOST_TEST(!search.found);
    BOOST_TEST(search.why_not.find("because of the ':'") != std::string::npos, search.why_not);
    check_refused(colon.cache / "qemu/x86_64/usr/bin/qemu-system-x86_64", "because of the ':'");
}

BOOST_AUTO_TEST_CASE(a_fetched_qemu_is_found_and_not_fetched_again) {
    offer_qemu("10.0.2");
    fetch_qemu(Arch::x86_64, fetching());
    program("qemu-system-x86_64", says_version("7.2.19"));
    const QemuSearch search = find_qemu(Arch::x86_64, cache(), interrupted);
    BOOST_REQUIRE(search.found.has_value());
    BOOST_TEST(search.found->version == "10.0.2");
    BOOST_TEST(fetch_qemu(Arch::x86_64, fetching()).program == search.found->program);
    BOOST_TEST(calls_of(" download ") == 1U);
}

BOOST_AUTO_TEST_CASE(a_cached_qemu_that_broke_is_replaced) {
    offer_qemu("10.0.2");
    file("cache/qemu/x86_64/usr/bin/qemu-system-x86_64", "broken");
    BOOST_TEST(fetch_qemu(Arch::x86_64, fetching()).version == "10.0.2");
}

BOOST_AUTO_TEST_CASE(too_old_ones_of_all_suites_are_refused_by_their_versions) {
    offer_qemu("7.2.19");
    BOOST_CHECK_EXCEPTION(fetch_qemu(Arch::x86_64, fetching()), Unavailable, [](const Unavailable& error) {
        const std::string text = error.what();
        return text.find("Debian has no QEMU 10.0 or newer: ") != std::string::npos &&
               text.find("stable has 1:7.2.19+ds-2") != std::string::npos;
    });
    BOOST_TEST(calls_of(" download ") == 0U);
}

BOOST_AUTO_TEST_CASE(one_that_does_not_work_is_not_put_into_the_cache) {
    offer_qemu("10.0.2");
    file("package.qemu-system-x86/usr/bin/qemu-system-x86_64", "#!/bin/sh\necho no >&2; exit 127\n");
    BOOST_CHECK_EXCEPTION(fetch_qemu(Arch::x86_64, fetching()), Unavailable, [](const Unavailable& error) {
        return std::string(error.what()).find("QEMU was fetched, and does not work: ") != std::string::npos;
    });
    BOOST_TEST(!exists("cache/qemu"));
}

BOOST_AUTO_TEST_SUITE_END()
