#include "tools/lab/kernels.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/tools/lab/fake_host.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/modules.hpp"

using namespace irqbench::tools::lab;
using namespace irqbench::tests;

namespace {

constexpr const char* meta = "linux-image-cloud-amd64";

/// A mirror with a 6.1 in bookworm whose package is of the old kind: one for all.
struct Mirror : FakeDebian {
    Mirror() { add_kernel("bookworm", "6.1.176-1", "6.1.0-50"); }

    void add_kernel(const std::string& suite, const std::string& version, const std::string& release) const {
        offer(suite, meta, version, "linux-image-" + release + " (= " + version + ")");
        offer(suite, "linux-image-" + release, version, "kmod, linux-base");
        const std::string files = "package.linux-image-" + release + "/";
        file(files + "boot/vmlinuz-" + release, fake_bzimage(release));
        file(files + "boot/config-" + release, "CONFIG_KVM=m\n");
        add_modules(files + "lib/modules/" + release);
    }

    void add_modules(const std::string& folder) const {
        for (const char* module : {"kvm", "kvm-amd", "irqbypass", "e1000"})
            file(folder + "/kernel/" + module + ".ko", module);
        file(folder + "/modules.builtin", "kernel/virtio_console.ko\n");
        file("modules.dep",
             "kernel/kvm.ko: kernel/irqbypass.ko\nkernel/kvm-amd.ko: kernel/kvm.ko kernel/irqbypass.ko\n"
             "kernel/irqbypass.ko:\nkernel/e1000.ko:\n");
    }

    Kernel fetch(std::string_view name, bool update = false) {
        return fetch_kernel(name, Arch::x86_64, fetching(), update);
    }

    void check_refused(std::string_view name, const std::string& reason) {
        BOOST_CHECK_EXCEPTION(fetch(name), Unavailable, [&reason](const Unavailable& error) {
            BOOST_TEST_MESSAGE(error.what());
            return std::string(error.what()).find(reason) != std::string::npos;
        });
        BOOST_TEST(!cached_kernel(cache(), Arch::x86_64, name));
        BOOST_TEST(!exists("cache/fetching"));
    }

    [[nodiscard]] nlohmann::json record(const std::string& name) const {
        return nlohmann::json::parse(read("cache/kernels/x86_64/" + name + "/kernel.json"));
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kernels, Mirror)

BOOST_AUTO_TEST_CASE(the_names_are_those_of_the_documentation) {
    BOOST_TEST(kernel_names() == "5.10, 6.1, 6.12, 7.2, sid");
}

BOOST_AUTO_TEST_CASE(a_name_that_is_none_is_refused_with_those_there_are) {
    check_refused("6.2", "there is no kernel named 6.2; there are 5.10, 6.1, 6.12, 7.2, sid");
}

BOOST_AUTO_TEST_CASE(nothing_is_in_the_cache_at_first) {
    BOOST_TEST(!cached_kernel(cache(), Arch::x86_64, "6.1"));
}

BOOST_AUTO_TEST_CASE(what_is_damaged_is_not_in_the_cache) {
    file("cache/kernels/x86_64/6.1/image", "image");
    file("cache/kernels/x86_64/6.1/kernel.json", "{ \"rel");
    BOOST_TEST(!cached_kernel(cache(), Arch::x86_64, "6.1"));
    file("cache/kernels/x86_64/6.1/kernel.json", "{}");
    BOOST_TEST(cached_kernel(cache(), Arch::x86_64, "6.1").has_value());
    std::filesystem::remove(cache() / "kernels/x86_64/6.1/image");
    BOOST_TEST(!cached_kernel(cache(), Arch::x86_64, "6.1"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(fetch_kernel_, Mirror, *boost::unit_test::precondition(needs_keyring))

BOOST_AUTO_TEST_CASE(a_fetched_kernel_is_in_the_cache_with_all_there_is_to_know) {
    const Kernel kernel = fetch("6.1");
    BOOST_TEST(kernel.name == "6.1");
    BOOST_TEST((kernel.arch == Arch::x86_64));
    BOOST_TEST(kernel.release == "6.1.0-50");
    BOOST_TEST(kernel.package_version == "6.1.176-1");
    BOOST_TEST((read("cache/kernels/x86_64/6.1/image") == fake_bzimage("6.1.0-50")));
    BOOST_TEST(read("cache/kernels/x86_64/6.1/config") == "CONFIG_KVM=m\n");
    BOOST_TEST(record("6.1")["suite"] == "bookworm");
    BOOST_TEST(record("6.1")["packages"][0] == "linux-image-6.1.0-50=6.1.176-1");
    const auto cached = cached_kernel(cache(), Arch::x86_64, "6.1");
    BOOST_REQUIRE(cached.has_value());
    BOOST_TEST(cached->image == kernel.image);
    BOOST_TEST(cached->modules == kernel.modules);
}

BOOST_AUTO_TEST_CASE(only_modules_that_a_machine_may_need_are_kept) {
    const Kernel kernel = fetch("6.1");
    const std::vector<std::string> wanted{"kvm_amd", "virtio_console", "e1000"};
    const auto set = find_modules(kernel.modules, wanted);
    BOOST_REQUIRE(set.files.size() == 3U);
    BOOST_TEST(set.files.back() == kernel.modules / "kernel/kvm-amd.ko");
    BOOST_TEST((set.built_in == std::vector<std::string>{"virtio_console"}));
    BOOST_TEST((set.missing == std::vector<std::string>{"e1000"}));
    BOOST_TEST(!std::filesystem::exists(kernel.modules / "kernel/e1000.ko"));
}

BOOST_AUTO_TEST_CASE(a_cached_kernel_is_not_fetched_again) {
    fetch("6.1");
    const std::string before = calls();
    BOOST_TEST(fetch("6.1").release == "6.1.0-50");
    BOOST_TEST(calls() == before);
}

BOOST_AUTO_TEST_CASE(a_kernel_in_several_packages_is_put_together) {
    offer("sid", meta, "7.2.13-1", "linux-base-cloud-amd64 (= 7.2.13-1), linux-image-7.2.13 (= 7.2.13-1)");
    offer("sid", "linux-image-7.2.13", "7.2.13-1",
          "dracut | initramfs-tools, linux-base-7.2.13 (= 7.2.13-1), linux-binary-7.2.13 (= 7.2.13-1), "
          "linux-modules-7.2.13 (= 7.2.13-1)");
    for (const char* part : {"linux-base-7.2.13", "linux-binary-7.2.13", "linux-modules-7.2.13"})
        offer("sid", part, "7.2.13-1");
    file("package.linux-base-7.2.13/boot/config-7.2.13", "CONFIG_KVM=m\n");
    file("package.linux-binary-7.2.13/usr/lib/modules/7.2.13/vmlinuz", fake_bzimage("7.2.13"));
    add_modules("package.linux-modules-7.2.13/usr/lib/modules/7.2.13");
    const Kernel kernel = fetch("7.2");
    BOOST_TEST(kernel.release == "7.2.13");
    BOOST_TEST(exists("cache/kernels/x86_64/7.2/image"));
    BOOST_TEST(exists("cache/kernels/x86_64/7.2/config"));
    BOOST_TEST(std::filesystem::exists(kernel.modules / "kernel/kvm-amd.ko"));
    BOOST_TEST(record("7.2")["packages"].size() == 4U);
    BOOST_TEST((told.back() == "fetching 7.2 7.2.13-1 (x86_64), 4.0 MB"));
}

BOOST_AUTO_TEST_CASE(an_update_takes_a_newer_release_and_leaves_nothing_of_the_old) {
    fetch("6.1");
    add_kernel("bookworm", "6.1.200-1", "6.1.0-60");
    BOOST_TEST(fetch("6.1").release == "6.1.0-50");
    BOOST_TEST(fetch("6.1", true).release == "6.1.0-60");
    BOOST_TEST(cached_kernel(cache(), Arch::x86_64, "6.1")->package_version == "6.1.200-1");
}

BOOST_AUTO_TEST_CASE(an_update_to_the_same_release_downloads_no_kernel) {
    fetch("6.1");
    BOOST_TEST(fetch("6.1", true).release == "6.1.0-50");
    BOOST_TEST(calls_of(" download ") == 1U);
    BOOST_TEST(calls_of(" update") == 2U);
}

BOOST_AUTO_TEST_CASE(a_suite_that_went_on_is_passed_over_for_one_that_still_has_it) {
    add_kernel("sid", "7.3.1-1", "7.3.1");
    add_kernel("testing", "7.2.14-1", "7.2.14");
    BOOST_TEST(fetch("7.2").release == "7.2.14");
    BOOST_TEST(record("7.2")["suite"] == "testing");
}

BOOST_AUTO_TEST_CASE(when_no_suite_has_it_the_error_says_what_they_have_instead) {
    add_kernel("sid", "7.20.1-1", "7.20.1");
    check_refused("7.2",
                  "no 7.2 for x86_64 any more: sid has 7.20.1-1, testing has no linux-image-cloud-amd64; "
                  "`sid` names whatever sid has");
}

BOOST_AUTO_TEST_CASE(an_update_keeps_what_no_suite_has_any_more) {
    add_kernel("sid", "7.2.13-1", "7.2.13");
    fetch("7.2");
    add_kernel("sid", "7.3.1-1", "7.3.1");
    BOOST_TEST(fetch("7.2", true).release == "7.2.13");
    BOOST_TEST(told.back() ==
               "7.2 stays as it is, 7.2.13-1: sid has 7.3.1-1, testing has no linux-image-cloud-amd64");
}

BOOST_AUTO_TEST_CASE(sid_is_whatever_sid_has) {
    add_kernel("sid", "8.0.1-1", "8.0.1");
    BOOST_TEST(fetch("sid").release == "8.0.1");
}

BOOST_AUTO_TEST_CASE(what_apt_says_is_passed_on_and_nothing_is_left) {
    file("update",
         "echo \"E: Failed to fetch http://mirror.test  Could not resolve 'mirror.test'\" >&2; exit 100");
    check_refused("6.1",
                  "the package lists of bookworm cannot be had: the mirror cannot be reached; is this host "
                  "online? (Failed to fetch");
}

BOOST_AUTO_TEST_CASE(a_download_that_fails_leaves_nothing) {
    file("download", "echo 'E: Write error - write (28: No space left on device)' >&2; exit 100");
    check_refused(
        "6.1", "linux-image-6.1.0-50=6.1.176-1 cannot be downloaded: the disk with the lab's cache is full");
}

BOOST_AUTO_TEST_CASE(a_package_that_cannot_be_extracted_leaves_nothing) {
    program("dpkg-deb", "echo 'dpkg-deb: error: not a Debian format archive' >&2; exit 2");
    check_refused("6.1",
                  "linux-image-6.1.0-50.deb cannot be extracted: dpkg-deb: error: not a Debian format");
}

BOOST_AUTO_TEST_CASE(a_depmod_that_fails_leaves_nothing) {
    program("depmod", "echo 'depmod: ERROR: no' >&2; exit 1");
    check_refused("6.1", "depmod failed: depmod: ERROR: no");
}

BOOST_AUTO_TEST_CASE(an_image_of_another_architecture_is_not_taken) {
    file("package.linux-image-6.1.0-50/boot/vmlinuz-6.1.0-50", fake_arm64_image("6.1.0-50"));
    check_refused("6.1", "has a kernel for arm64");
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_it_soon_and_leaves_nothing) {
    file("download", "sleep 60");
    std::thread user([this] {
        while (calls_of(" download ") == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        interrupted = true;
    });
    const auto begin = std::chrono::steady_clock::now();
    BOOST_CHECK_THROW(fetch("6.1"), Interrupted);
    user.join();
    BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(20)));
    BOOST_TEST(!exists("cache/kernels"));
    BOOST_TEST(!exists("cache/fetching"));
}

BOOST_AUTO_TEST_CASE(two_at_once_fetch_it_once) {
    file("download", "sleep 0.5");
    Fetching second = fetching();
    second.progress = [](const std::string&) {};
    std::thread thread([&second] { fetch_kernel("6.1", Arch::x86_64, second); });
    fetch("6.1");
    thread.join();
    BOOST_TEST(calls_of(" update") == 1U);
    BOOST_TEST(calls_of(" download ") == 1U);
}

BOOST_AUTO_TEST_CASE(apt_is_kept_to_its_own_area) {
    file("update",
         "cp cache/fetching/apt0/apt.conf conf; "
         "cp cache/fetching/apt0/sources.list sources");
    fetch("6.1");
    const std::string conf = read("conf");
    const std::string area = (cache() / "fetching/apt0").string();
    for (const std::string& line :
         {"Dir::State::lists \"" + area + "/lists\";", "Dir::State::status \"" + area + "/status\";",
          "Dir::Cache \"" + area + "/cache\";", "Dir::Etc::sourcelist \"" + area + "/sources.list\";",
          std::string("Dir::Etc::sourceparts \"/dev/null\";"), std::string("APT::Architecture \"amd64\";"),
          std::string("APT::Get::AllowUnauthenticated \"false\";")})
        BOOST_TEST((conf.find(line) != std::string::npos), line);
    BOOST_TEST(read("sources") ==
               "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg target=Packages] "
               "http://mirror.test/debian bookworm main\n");
}

BOOST_AUTO_TEST_SUITE_END()
