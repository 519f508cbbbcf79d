#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace irqbench::vmm::kvm {

/// What guest accesses to a range of memory do.
enum class Access {
    ram,
    rom,         ///< writes exit, as MMIO, and nobody is meant to care
    rom_device,  ///< reads come from memory, writes exit, as MMIO, to a device
};

/// Guest physical memory that is backed by memory of this process.
struct MemoryRange {
    std::uint64_t guest_address = 0;
    std::uint64_t bytes = 0;
    std::uint64_t userspace_address = 0;
    Access access = Access::ram;
    bool log_dirty = false;

    [[nodiscard]] std::uint64_t guest_end() const { return guest_address + bytes; }
    bool operator==(const MemoryRange&) const = default;
};

/// What a guest's physical address space is meant to look like, byte by byte. A value: it knows neither slots
/// nor pages, and two maps that look the same to the guest are equal, whatever requests they came from.
class AddressMap {
  public:
    /// Maps `range` over whatever was there.
    /// @throws std::invalid_argument if it is empty, reaches the end of the address space, or lies
    /// differently within a
    ///         page in the guest and in this process, so that no page table could map it
    void add(const MemoryRange& range);
    /// Unmaps all that is mapped in the range. An empty range is none. @throws std::invalid_argument if it
    /// wraps
    void remove(std::uint64_t guest_address, std::uint64_t bytes);
    /// Turns dirty logging on or off for all that is mapped in the range. @throws as remove()
    void set_dirty_logging(std::uint64_t guest_address, std::uint64_t bytes, bool on);

    /// The range that contains the address, or null.
    [[nodiscard]] const MemoryRange* find(std::uint64_t guest_address) const;
    /// By address, none touching one that could be part of it.
    [[nodiscard]] std::span<const MemoryRange> ranges() const { return ranges_; }

    bool operator==(const AddressMap&) const = default;

  private:
    std::vector<MemoryRange> cut(std::uint64_t begin, std::uint64_t end);
    void insert(MemoryRange range);

    std::vector<MemoryRange> ranges_;
};

}  // namespace irqbench::vmm::kvm
