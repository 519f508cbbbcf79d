#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace irqbench::vmm::model {

/// A guest's memory, of which only the pages that were written exist: the others read zero. Little-endian.
class Memory {
  public:
    Memory() = default;
    Memory(const Memory& other);
    Memory& operator=(const Memory& other) { return *this = Memory(other); }
    Memory(Memory&&) = default;
    Memory& operator=(Memory&&) = default;
    ~Memory() = default;

    void add(std::uint64_t address, std::uint64_t bytes) { regions_.emplace_back(address, bytes); }

    /// The pages that were written, by address.
    [[nodiscard]] std::map<std::uint64_t, std::vector<std::byte>> pages() const;
    /// Whether every byte of an access is memory.
    [[nodiscard]] bool contains(std::uint64_t address, unsigned size) const;
    /// Of an access that contains() has.
    [[nodiscard]] std::uint64_t read(std::uint64_t address, unsigned size) const;
    void write(std::uint64_t address, unsigned size, std::uint64_t value);

  private:
    static constexpr std::uint64_t page_size = 4096;
    using Page = std::array<std::uint8_t, page_size>;

    std::vector<std::pair<std::uint64_t, std::uint64_t>> regions_;  ///< address, bytes
    std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;
};

}  // namespace irqbench::vmm::model
