#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <type_traits>
#include <vector>

#include "vmm/kvm/mapping.hpp"

namespace irqbench::vmm::kvm {

/// Memory of this process at guest physical addresses, and the one checked way into it. It knows nothing of
/// slots: what the guest sees is up to MemorySlots. All addresses are guest physical, all sizes bytes.
///
/// Every access throws std::out_of_range naming the address if any byte of it is not in the memory.
class GuestMemory {
  public:
    static constexpr std::uint64_t page_size = 4096;

    /// Adds zeroed memory.
    /// @throws std::invalid_argument if it is empty, not page-aligned, wraps, or overlaps what is there
    void add(std::uint64_t address, std::uint64_t bytes);

    template <class T>
    requires std::is_trivially_copyable_v<T>
    [[nodiscard]] T read(std::uint64_t address) const {
        T value;
        read_bytes(address, std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }

    template <class T>
    requires std::is_trivially_copyable_v<T>
    void write(std::uint64_t address, const T& value) {
        write_bytes(address, std::as_bytes(std::span(&value, 1)));
    }

    void read_bytes(std::uint64_t address, std::span<std::byte> to) const;
    void write_bytes(std::uint64_t address, std::span<const std::byte> from);
    void fill(std::uint64_t address, std::uint64_t bytes, std::byte value);

    /// Reads a word that a running guest may be writing; what the guest wrote before it is visible
    /// afterwards.
    /// @throws std::invalid_argument if the address is not aligned
    template <class T>
    requires(std::is_same_v<T, std::uint32_t> || std::is_same_v<T, std::uint64_t>) [[nodiscard]] T
        load_acquire(std::uint64_t address) const {
        return word<T>(address).load(std::memory_order_acquire);
    }

    /// Writes a word that a running guest may be reading; the guest that sees it sees all that was written
    /// before.
    /// @throws std::invalid_argument if the address is not aligned
    template <class T>
    requires(std::is_same_v<T, std::uint32_t> ||
             std::is_same_v<T, std::uint64_t>) void store_release(std::uint64_t address,
                                                                  std::type_identity_t<T> value) {
        word<T>(address).store(value, std::memory_order_release);
    }

    /// Adds to a word that a running guest changes too, by locked instructions.
    /// @throws std::invalid_argument if the address is not aligned
    template <class T>
    requires(std::is_same_v<T, std::uint32_t> ||
             std::is_same_v<T, std::uint64_t>) void fetch_add(std::uint64_t address,
                                                              std::type_identity_t<T> value) {
        word<T>(address).fetch_add(value, std::memory_order_acq_rel);
    }

    /// Pages by address.
    using Pages = std::map<std::uint64_t, std::vector<std::byte>>;
    /// The pages that are not all zero.
    [[nodiscard]] Pages pages() const;
    /// Makes these the contents; the rest is zero. @throws std::out_of_range for a page that is not there
    void set_pages(const Pages& pages);

    [[nodiscard]] bool contains(std::uint64_t address, std::uint64_t bytes) const;

    /// Where the range lies in this process, as the number KVM_SET_USER_MEMORY_REGION wants. For MemorySlots
    /// only.
    [[nodiscard]] std::uint64_t userspace_address(std::uint64_t address, std::uint64_t bytes) const;

  private:
    struct Region {
        std::uint64_t address;
        Mapping mapping;
    };

    [[nodiscard]] const Region* region_of(std::uint64_t address, std::uint64_t bytes) const;
    [[nodiscard]] std::span<std::byte> at(std::uint64_t address, std::uint64_t bytes) const;

    template <class T>
    [[nodiscard]] std::atomic_ref<T> word(std::uint64_t address) const {
        return std::atomic_ref<T>(*reinterpret_cast<T*>(aligned(address, sizeof(T))));
    }
    [[nodiscard]] std::byte* aligned(std::uint64_t address, std::uint64_t bytes) const;

    std::vector<Region> regions_;  // sorted by address
};

}  // namespace irqbench::vmm::kvm
