#include "tests/tools/lab/fake_host.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

namespace irqbench::tests {

namespace fs = std::filesystem;

FakeHost::FakeHost() : path_(std::getenv("PATH")) {
    std::string pattern = (fs::temp_directory_path() / "irqbench-host-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = pattern;
    ::setenv("PATH", ((folder_ / "bin").string() + ":" + path_).c_str(), 1);
}

FakeHost::~FakeHost() {
    ::setenv("PATH", path_.c_str(), 1);
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

fs::path FakeHost::file(const fs::path& path, const std::string& text) const {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream stream(folder_ / path, std::ios::binary);
    stream << text << std::flush;
    if (!stream) throw std::runtime_error("cannot write " + path.string());
    return folder_ / path;
}

fs::path FakeHost::program(const std::string& name, const std::string& script) const {
    auto path = file(fs::path("bin") / name, "#!/bin/sh\n" + script + "\n");
    fs::permissions(path, fs::perms::owner_all);
    return path;
}

std::string FakeHost::read(const fs::path& path) const {
    std::ifstream stream(folder_ / path, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(stream), {}};
}

bool FakeHost::exists(const fs::path& path) const { return fs::exists(folder_ / path); }

tools::lab::Fetching FakeHost::fetching() {
    return {cache(), "http://mirror.test/debian", interrupted,
            [this](const std::string& text) { told.push_back(text); }};
}

FakeDebian::FakeDebian() {
    const std::string common = "cd_=$PWD; cd '" + folder().string() + R"('
echo "$(basename $0) $*" >> calls
suite=none
[ "$1" != -c ] || { suite=$(awk 'END { print $(NF - 1) }' "$(dirname "$2")/sources.list"); shift 2; }
)";
    program("apt-get", common + R"(
case " $* " in
*" update "*) [ ! -e update ] || . ./update ;;
*" -s "*) cat simulation ;;
*" download "*)
    [ ! -e download ] || . ./download
    shift 2
    for each; do echo "${each%%=*}" > "$cd_/${each%%=*}.deb"; done ;;
esac)");
    program("apt-cache", common + R"(
case $1 in
madison) cat "madison.$suite.$2" 2>/dev/null || cat "madison.any.$2" 2>/dev/null || true ;;
show) cat "show.${2%%=*}" ;;
esac)");
    program("dpkg-deb", "cp -R \"" + folder().string() + "/package.$(cat \"$2\")/.\" \"$3\"");
    program("depmod", "cp '" + folder().string() + "/modules.dep' \"$2/lib/modules/$3/\"");
}

void FakeDebian::offer(const std::string& suite, const std::string& name, const std::string& version,
                       const std::string& depends) const {
    file("madison." + suite + "." + name,
         " " + name + " |  " + version + " | http://mirror.test/debian " + suite + "/main amd64 Packages\n");
    file("show." + name, "Package: " + name + "\nVersion: " + version +
                             (depends.empty() ? "" : "\nDepends: " + depends) + "\nSize: 1000000\n\n");
    fs::create_directories(folder() / ("package." + name));
}

std::size_t FakeDebian::calls_of(const std::string& text) const {
    std::size_t count = 0;
    const std::string all = calls();
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
    return count;
}

boost::test_tools::assertion_result needs_keyring(boost::unit_test::test_unit_id) {
    const bool here = fs::exists("/usr/share/keyrings/debian-archive-keyring.gpg");
    if (!here) std::cout << "skipped: debian-archive-keyring is not installed\n";
    return here;
}

std::string fake_bzimage(const std::string& release) {
    std::string bytes(0x400, '\0');
    bytes.replace(0x202, 4, "HdrS");
    bytes.replace(0x206, 2, "\x0f\x02");
    bytes.replace(0x20e, 2, std::string("\0\x01", 2));
    bytes.replace(0x236, 1, "\x01");
    const std::string version = release + " (someone@somewhere) #1";
    return bytes.replace(0x300, version.size(), version);
}

std::string fake_arm64_image(const std::string& release) {
    std::string bytes(0x100, '\0');
    bytes.replace(56, 4, "ARM\x64");
    return bytes + "Linux version %s (%s)\n" + std::string(1, '\0') + "Linux version " + release +
           " (me) #1\n";
}

}  // namespace irqbench::tests
