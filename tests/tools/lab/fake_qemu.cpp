#include "tests/tools/lab/fake_qemu.hpp"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace irqbench::tests {

namespace fs = std::filesystem;
using namespace tools;

record::Finished finished(std::uint64_t index, const std::string& kernel) {
    record::Finished record;
    record.index = index;
    record.result.scenario = "scenario " + std::to_string(index);
    record.result.file = "file" + std::to_string(index);
    record.result.irqchip = "split";
    record.result.kernel = kernel;
    return record;
}

FakeQemu::FakeQemu() {
    std::string name = (fs::temp_directory_path() / "irqbench-lab-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = name;
}

FakeQemu::~FakeQemu() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

lab::Qemu FakeQemu::qemu(const std::string& script) {
    const fs::path program = folder_ / "qemu";
    std::ofstream(program)
        << "#!/bin/sh\n"
        << "cd " << folder_.string() << "\n"
        << "while [ $# -gt 0 ]; do case $1 in -initrd) initrd=$2;; -kernel) kernel=$2;; -append) append=$2;; "
           "-serial) case $2 in file:*) console=${2#file:};; esac;; esac; shift; done\n"
        << "name=$(basename \"$kernel\"); echo x >> \"boots.$name\"; boot=$(wc -l < \"boots.$name\")\n"
        << "up() { echo '{\"event\":\"up\",\"release\":\"'${1:-6.1-test}'\",\"version\":\"#1\"}'; "
           "echo '{\"event\":\"kvm\",\"error\":\"\"}'; }\n"
        << "off() { " << says(record::End{})
        << "echo '{\"event\":\"exit\",\"status\":0}'; echo '{\"event\":\"off\"}'; }\n"
        << script << "\n";
    fs::permissions(program, fs::perms::owner_all);
    return {program, {}, {}, "10.0.0"};
}

std::string FakeQemu::writes(const std::string& stream, const std::string& text) {
    // As process 1 does: each byte as the code point of its number.
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            encoded += c;
        } else {
            encoded += static_cast<char>(0xc0 | byte >> 6);
            encoded += static_cast<char>(0x80 | (byte & 0x3f));
        }
    }
    const nlohmann::ordered_json said = {{"event", "output"}, {"stream", stream}, {"text", encoded}};
    return "cat <<'END'\n" + said.dump() + "\nEND\n";
}

std::string FakeQemu::says(const Record& record) { return writes("out", record_line(record)); }

std::string FakeQemu::read(const std::string& name) const {
    std::ifstream stream(folder_ / name, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + name);
    return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace irqbench::tests
