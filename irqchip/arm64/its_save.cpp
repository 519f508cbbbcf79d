#include "irqchip/arm64/its.hpp"

#include <algorithm>
#include <set>
#include <type_traits>
#include <vector>

// Tables as KVM saves and restores them: valid entries are linked by the distance to the next one, and what
// lies between two of them is undefined.
namespace irqbench::irqchip::arm64 {

namespace {

using Fault = std::optional<TableFault>;

/// Entries side by side.
struct Run {
    std::uint64_t address;
    std::uint32_t first;
    std::uint32_t count;
};

std::vector<Run> device_runs(const TableLocation& table, const TableMemory& memory) {
    constexpr std::uint32_t all = 1U << its_device_bits;
    if (!table.indirect()) return {{table.first_level_entry(0), 0, std::min(table.first_level_size(), all)}};
    std::vector<Run> runs;
    const std::uint32_t per_page = table.entries_per_page();
    // The smallest first level has more descriptors than there are DeviceIDs for.
    for (std::uint32_t i = 0; i * per_page < all; ++i)
        if (const auto page = table.second_level_page(i, memory))
            runs.push_back({*page, i * per_page, per_page});
    return runs;
}

Run events_of(const DeviceEntry& device) { return {device.itt_address(), 0, 1U << device.event_bits()}; }

/// Guest memory and how much of it may still be looked at.
class Reader {
  public:
    explicit Reader(TableMemory& memory) : memory_(memory) {}

    TableMemory& memory() { return memory_; }

    Fault read(std::uint64_t address, std::uint64_t& raw) {
        if (left_ == 0) return TableFault::too_large;
        --left_;
        const auto value = memory_.read64(address);
        if (!value) return TableFault::unreachable;
        raw = *value;
        return {};
    }
    Fault write(std::uint64_t address, std::uint64_t raw) {
        if (memory_.write64(address, raw)) return {};
        return TableFault::unreachable;
    }

  private:
    TableMemory& memory_;
    std::uint32_t left_ = Its::max_saved_entries;
};

/// Valid entries in ascending order, each written when the distance to the next is known.
template <class Entry>
class Chain {
  public:
    explicit Chain(Reader& reader) : reader_(reader) {}

    Fault add(std::uint64_t address, std::uint32_t id, Entry entry) {
        if (const Fault fault = write_last(std::min(id - id_, Entry::max_next))) return fault;
        any_ = true;
        address_ = address;
        id_ = id;
        entry_ = entry;
        return {};
    }
    Fault end() { return write_last(0); }

  private:
    Fault write_last(std::uint32_t distance) {
        if (!any_) return {};
        return reader_.write(address_, entry_.with(Entry::next, static_cast<std::uint16_t>(distance)).raw());
    }

    Reader& reader_;
    bool any_ = false;
    std::uint64_t address_ = 0;
    std::uint32_t id_ = 0;
    Entry entry_;
};

template <class Entry>
bool is_valid(const Entry& entry) {
    if constexpr (std::is_same_v<Entry, DeviceEntry>)
        return entry.get(Entry::valid);
    else
        return entry.get(Entry::intid) != 0;
}

/// Links the valid entries that `counts(id)`, and clears the others; `visit(entry)` comes before.
template <class Entry, class Counts, class Visit>
Fault link(const std::vector<Run>& runs, Reader& reader, Counts counts, Visit visit) {
    Chain<Entry> chain(reader);
    for (const Run& run : runs) {
        for (std::uint32_t i = 0; i < run.count; ++i) {
            const std::uint64_t address = run.address + std::uint64_t{i} * its_entry_size;
            std::uint64_t raw = 0;
            if (const Fault fault = reader.read(address, raw)) return fault;
            if (!is_valid(Entry{raw})) continue;
            const std::uint32_t id = run.first + i;
            if (!counts(id)) {
                if (const Fault fault = reader.write(address, 0)) return fault;
                continue;
            }
            if (const Fault fault = visit(Entry{raw})) return fault;
            if (const Fault fault = chain.add(address, id, Entry{raw})) return fault;
        }
    }
    return chain.end();
}

/// Follows the links, clears everything that is not in the chain, and calls `visit(id, entry)` for what is.
template <class Entry, class Visit>
Fault follow(const std::vector<Run>& runs, Reader& reader, Visit visit) {
    std::uint32_t expected = 0;
    bool ended = false;
    for (const Run& run : runs) {
        // A page that is not there holds no entry to go on from.
        expected = std::max(expected, run.first);
        for (std::uint32_t i = 0; i < run.count; ++i) {
            const std::uint32_t id = run.first + i;
            const std::uint64_t address = run.address + std::uint64_t{i} * its_entry_size;
            std::uint64_t raw = 0;
            if (const Fault fault = reader.read(address, raw)) return fault;
            const Entry entry{raw};
            const bool linked = !ended && id == expected;
            if (linked && is_valid(entry)) {
                if (const Fault fault = visit(id, entry)) return fault;
                ended = entry.get(Entry::next) == 0;
                expected = id + entry.get(Entry::next);
                continue;
            }
            if (linked) ++expected;
            if (raw == 0) continue;
            if (const Fault fault = reader.write(address, 0)) return fault;
        }
    }
    return {};
}

}  // namespace

std::optional<TableFault> Its::save(TableMemory& memory) const {
    Reader reader(memory);
    std::set<std::uint16_t> unmapped;
    const auto note_collection = [&](InterruptEntry entry) -> Fault {
        const std::uint16_t collection = entry.get(entry.collection);
        if (!collections_.target(collection)) unmapped.insert(collection);
        return {};
    };
    const auto save_events = [&](DeviceEntry device) -> Fault {
        if (device.event_bits() > its_event_bits) return TableFault::inconsistent;
        return link<InterruptEntry>(
            {events_of(device)}, reader, [](std::uint32_t) { return true; }, note_collection);
    };
    const auto is_mapped = [&](std::uint32_t device) { return mapped_.contains(device); };
    if (baser_[0].get(GitsBaser::valid))
        if (const Fault fault =
                link<DeviceEntry>(device_runs(devices(), memory), reader, is_mapped, save_events))
            return fault;

    if (!baser_[1].get(GitsBaser::valid)) return {};
    const TableLocation table = collection_table();
    if (!collections_.save(table, memory)) return TableFault::unreachable;
    std::uint32_t index = collections_.size();
    for (const std::uint16_t collection : unmapped) {
        const auto address = table.entry(index++, memory);
        if (!address || !has_collection(collection, memory)) return TableFault::inconsistent;
        const auto entry = CollectionEntry::of(collection, CollectionEntry::no_target);
        if (const Fault fault = reader.write(*address, entry.raw())) return fault;
    }
    if (!end_collections(index, table, memory)) return TableFault::unreachable;
    return {};
}

std::optional<TableFault> Its::restore(TableMemory& memory) {
    collections_.clear();
    mapped_.clear();
    cache_.clear();
    Reader reader(memory);
    std::map<std::uint16_t, std::uint32_t> saved;
    Fault fault = restore_collections(memory, saved);

    const auto restore_event = [&](std::uint32_t events, std::uint32_t id, InterruptEntry entry) -> Fault {
        if (entry.get(entry.intid) < first_lpi || id + entry.get(entry.next) >= events ||
            !saved.contains(entry.get(entry.collection)))
            return TableFault::inconsistent;
        return {};
    };
    const auto restore_device = [&](std::uint32_t owner, DeviceEntry device) -> Fault {
        if (device.event_bits() > its_event_bits) return TableFault::inconsistent;
        mapped_.insert(owner);
        const Run events = events_of(device);
        return follow<InterruptEntry>({events}, reader, [&](std::uint32_t id, InterruptEntry entry) {
            return restore_event(events.count, id, entry);
        });
    };
    if (!fault && baser_[0].get(GitsBaser::valid))
        fault = follow<DeviceEntry>(device_runs(devices(), memory), reader, restore_device);
    if (fault) {
        collections_.clear();
        mapped_.clear();
    }
    return fault;
}

std::optional<TableFault> Its::restore_collections(TableMemory& memory,
                                                   std::map<std::uint16_t, std::uint32_t>& saved) {
    if (!baser_[1].get(GitsBaser::valid)) return {};
    const TableLocation table = collection_table();
    for (std::uint32_t index = 0; const auto address = table.entry(index, memory); ++index) {
        const auto raw = memory.read64(*address);
        if (!raw) return TableFault::unreachable;
        const CollectionEntry entry{*raw};
        if (!entry.get(entry.valid)) break;
        const std::uint32_t target = entry.get(entry.target);
        const bool possible = redistributor_called(target) || target == CollectionEntry::no_target;
        const std::uint16_t collection = entry.get(entry.collection);
        if (!possible || !has_collection(collection, memory) || !saved.emplace(collection, target).second)
            return TableFault::inconsistent;
    }
    for (const auto& [collection, target] : saved)
        if (target != CollectionEntry::no_target && !collections_.map(collection, target, table, memory))
            return TableFault::unreachable;
    return {};
}

}  // namespace irqbench::irqchip::arm64
