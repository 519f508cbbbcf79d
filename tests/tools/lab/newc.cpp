#include "tests/tools/lab/newc.hpp"

namespace irqbench::tests {

std::vector<NewcEntry> read_newc(const std::string& archive) {
    std::vector<NewcEntry> entries;
    const auto field = [&archive](std::size_t header, std::size_t index) {
        return std::stoul(archive.substr(header + 6 + 8 * index, 8), nullptr, 16);
    };
    constexpr std::size_t header_size = 110;
    const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
    for (std::size_t at = 0; archive.compare(at, 6, "070701") == 0;) {
        const std::size_t file_size = field(at, 6);
        const std::size_t name_size = field(at, 11);
        NewcEntry entry{archive.substr(at + header_size, name_size - 1), field(at, 1), {}};
        at += padded(header_size + name_size);
        if (entry.name == "TRAILER!!!") break;
        entry.content = archive.substr(at, file_size);
        entries.push_back(entry);
        at += padded(file_size);
    }
    return entries;
}

}  // namespace irqbench::tests
