#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace irqbench::irqchip::arm64 {

/// Where an MSI goes.
struct Translation {
    std::uint32_t redistributor;  ///< by index
    std::uint32_t intid;
    friend bool operator==(const Translation&, const Translation&) = default;
};

/// What an ITS has read in its tables: of each event that was signalled, so that a signal costs the same
/// however many are mapped.
class TranslationCache {
  public:
    struct Entry {
        std::uint16_t collection;
        Translation translation;
        friend bool operator==(const Entry&, const Entry&) = default;
    };

    /// Null unless it is cached.
    const Translation* find(std::uint32_t device, std::uint32_t event) const {
        const auto found = entries_.find(key(device, event));
        return found == entries_.end() ? nullptr : &found->second.translation;
    }

    void insert(std::uint32_t device, std::uint32_t event, const Entry& entry) {
        // A guest that signals ever other events does not make it grow for ever.
        if (entries_.size() == limit) clear();
        entries_.insert_or_assign(key(device, event), entry);
    }

    void forget(std::uint32_t device, std::uint32_t event) { entries_.erase(key(device, event)); }
    void forget_device(std::uint32_t device) {
        std::erase_if(entries_, [&](const auto& entry) { return entry.first >> 32 == device; });
    }
    void forget_collection(std::uint16_t collection) {
        std::erase_if(entries_, [&](const auto& entry) { return entry.second.collection == collection; });
    }
    void clear() { entries_.clear(); }

    friend bool operator==(const TranslationCache&, const TranslationCache&) = default;

  private:
    static constexpr std::size_t limit = std::size_t{1} << 16;

    static constexpr std::uint64_t key(std::uint32_t device, std::uint32_t event) {
        return std::uint64_t{device} << 32 | event;
    }

    std::unordered_map<std::uint64_t, Entry> entries_;
};

}  // namespace irqbench::irqchip::arm64
