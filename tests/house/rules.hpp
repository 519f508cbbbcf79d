#pragma once

#include <compare>
#include <cstddef>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

/// The house rules that a compiler does not check, read off the text of a source tree.
namespace irqbench::house {

struct Finding {
    std::string file;      ///< relative to the tree
    std::size_t line = 0;  ///< from 1; 0 for the file as a whole
    std::string complaint;

    friend auto operator<=>(const Finding&, const Finding&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Finding& finding);
};

/// Own sources of the tree at `root`, sorted: C++ and assembler files of the six folders.
/// @throws std::filesystem::filesystem_error if a folder is missing
std::vector<std::filesystem::path> sources(const std::filesystem::path& root);

/// All violations in the tree, sorted:
/// - includes go one way, irqchip <- routing <- vmm <- scenarios <- tools; tests may include all, and nobody
/// includes
///   tests; a quoted include names an existing file from the root of the tree
/// - irqchip and routing hold pure values: no kernel, threads, clocks, I/O or logging
/// - ioctl() is called in vmm/kvm only, and in tests/perf/raw_*, which measures what vmm/kvm adds
/// - every source is in the list of its folder's CMakeLists.txt
/// - no file is longer than 500 lines
std::vector<Finding> violations(const std::filesystem::path& root);

}  // namespace irqbench::house
