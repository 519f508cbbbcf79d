#pragma once

#include <string>
#include <vector>

namespace irqbench::tests {

/// An entry of a cpio archive in the newc format.
struct NewcEntry {
    std::string name;
    unsigned long mode = 0;
    std::string content;  ///< of a link: what it leads to
};

/// The entries up to the one that ends the archive. Read by hand, because cpio(1) is not everywhere.
std::vector<NewcEntry> read_newc(const std::string& archive);

}  // namespace irqbench::tests
