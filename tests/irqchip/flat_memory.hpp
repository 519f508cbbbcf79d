#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "irqchip/arm64/lpi_memory.hpp"

namespace irqbench::irqchip::arm64 {

/// Guest memory from one address up.
struct FlatMemory final : TableMemory {
    std::vector<std::uint8_t> bytes;
    /// Pages of 4 KiB that cannot be reached.
    std::vector<std::uint64_t> holes;
    std::uint64_t base;

    explicit FlatMemory(std::size_t size, std::uint64_t start = 0) : bytes(size), base(start) {}

    bool reachable(std::uint64_t address, std::size_t size) const {
        const bool hole = std::any_of(holes.begin(), holes.end(), [&](std::uint64_t page) {
            return address < page + 4096 && page < address + size;
        });
        // Below the base it is far beyond the end.
        const std::uint64_t offset = address - base;
        return !hole && offset <= bytes.size() && size <= bytes.size() - offset;
    }
    bool read(std::uint64_t address, std::span<std::uint8_t> out) const override {
        if (!reachable(address, out.size())) return false;
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(address - base), out.size(), out.begin());
        return true;
    }
    bool write(std::uint64_t address, std::span<const std::uint8_t> in) override {
        if (!reachable(address, in.size())) return false;
        std::copy(in.begin(), in.end(), bytes.begin() + static_cast<std::ptrdiff_t>(address - base));
        return true;
    }
};

}  // namespace irqbench::irqchip::arm64
