#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace irqbench::irqchip::arm64 {

/// Guest physical memory as an ITS and the redistributors reach it. Addresses are the guest's and may point
/// anywhere; an access that does not lie wholly in memory fails and changes nothing. Tables are
/// little-endian.
class TableMemory {
  public:
    virtual bool read(std::uint64_t address, std::span<std::uint8_t> bytes) const = 0;
    virtual bool write(std::uint64_t address, std::span<const std::uint8_t> bytes) = 0;

    std::optional<std::uint64_t> read64(std::uint64_t address) const {
        std::array<std::uint8_t, 8> bytes{};
        if (!read(address, bytes)) return std::nullopt;
        std::uint64_t value = 0;
        for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
        return value;
    }
    bool write64(std::uint64_t address, std::uint64_t value) {
        std::array<std::uint8_t, 8> bytes{};
        for (std::uint8_t& byte : bytes) {
            byte = static_cast<std::uint8_t>(value);
            value >>= 8;
        }
        return write(address, bytes);
    }

  protected:
    TableMemory() = default;
    TableMemory(const TableMemory&) = default;
    TableMemory& operator=(const TableMemory&) = default;
    ~TableMemory() = default;
};

}  // namespace irqbench::irqchip::arm64
