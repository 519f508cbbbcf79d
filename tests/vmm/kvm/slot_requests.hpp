#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "vmm/kvm/address_map.hpp"
#include "vmm/kvm/slot_plan.hpp"

// Random memory maps for the tests of the slot planner and of the kernel that carries its plans out, and an
// oracle that says what the guest must see, made of bytes and without any notion of ranges.
namespace irqbench::vmm::kvm::slot_test {

inline constexpr std::uint64_t page_size = 4096;
inline constexpr std::uint64_t window = 0x100000;  ///< the guest physical pages that are mapped at random
inline constexpr std::uint64_t window_pages = 16;
inline constexpr std::uint64_t areas = 3;        ///< pieces of host memory that pages are mapped to
inline constexpr std::uint64_t area_pages = 20;  ///< more than the window, so that mappings can be shifted

/// The first sequence's seed: the same in every run unless the environment says otherwise.
inline std::uint64_t first_seed() {
    const char* text = std::getenv("IRQBENCH_SLOT_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
}

struct SlotRequest {
    enum class Kind { add, remove, log_dirty };
    Kind kind;
    MemoryRange range;  ///< for log_dirty, range.log_dirty is the new value
};

inline void apply(AddressMap& map, const SlotRequest& request) {
    const MemoryRange& range = request.range;
    switch (request.kind) {
        case SlotRequest::Kind::add: map.add(range); break;
        case SlotRequest::Kind::remove: map.remove(range.guest_address, range.bytes); break;
        case SlotRequest::Kind::log_dirty:
            map.set_dirty_logging(range.guest_address, range.bytes, range.log_dirty);
            break;
    }
}

/// What the guest must find at a page that is mapped.
struct Page {
    std::uint64_t userspace_address;
    bool read_only;
    bool log_dirty;
    bool operator==(const Page&) const = default;
};

/// Every byte of the window that differs from its neighbours in any sequence has its own cell, so this is as
/// good as a map of all bytes.
class ByteMap {
  public:
    static constexpr std::uint64_t cell_starts[] = {0, 1, 2048, 4095};  ///< within a page
    static constexpr std::uint64_t cells_per_page = std::size(cell_starts);

    void apply(const SlotRequest& request) {
        for (std::uint64_t cell = 0; cell < window_pages * cells_per_page; ++cell) {
            const std::uint64_t address = start_of(cell);
            if (address < request.range.guest_address || address >= request.range.guest_end()) continue;
            std::optional<Cell>& state = cells_[address];
            switch (request.kind) {
                case SlotRequest::Kind::add:
                    state = Cell{request.range.userspace_address + (address - request.range.guest_address),
                                 request.range.access != Access::ram, request.range.log_dirty};
                    break;
                case SlotRequest::Kind::remove: state.reset(); break;
                case SlotRequest::Kind::log_dirty:
                    if (state) state->log_dirty = request.range.log_dirty;
                    break;
            }
        }
    }

    /// The page that starts at `address`; nothing if it is not mapped in one piece.
    [[nodiscard]] std::optional<Page> page(std::uint64_t address) const {
        std::optional<Page> page;
        for (const std::uint64_t offset : cell_starts) {
            const auto found = cells_.find(address + offset);
            if (found == cells_.end() || !found->second) return std::nullopt;
            const Cell& cell = *found->second;
            if (!page) page = Page{cell.userspace_address, cell.read_only, false};
            if (cell.userspace_address != page->userspace_address + offset) return std::nullopt;
            if (cell.read_only != page->read_only) return std::nullopt;
            page->log_dirty |= cell.log_dirty;
        }
        return page;
    }

    /// The guest address at which a cell starts; that of one more cell than there are is the window's end.
    static std::uint64_t start_of(std::uint64_t cell) {
        return window + cell / cells_per_page * page_size + cell_starts[cell % cells_per_page];
    }

  private:
    struct Cell {
        std::uint64_t userspace_address;
        bool read_only;
        bool log_dirty;
    };
    std::map<std::uint64_t, std::optional<Cell>> cells_;
};

/// Makes requests up. The same seed makes the same ones on every host.
class RequestGenerator {
  public:
    /// @param host where the areas lie in this process
    RequestGenerator(std::uint64_t seed, std::uint64_t host) : random_(seed), host_(host) {}

    /// A number below `limit`. The library's distributions differ between implementations.
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool chance(unsigned percent) { return below(100) < percent; }

    /// One request, or a few that are to be carried out as one. `slots` is what there is now.
    std::vector<SlotRequest> batch(std::span<const Slot> slots) {
        if (!slots.empty() && chance(15)) return relocation(slots);
        if (slots.size() > 1 && chance(5)) return exchange(slots);
        std::vector<SlotRequest> requests;
        const std::uint64_t count = chance(70) ? 1 : 1 + below(3);
        for (std::uint64_t i = 0; i < count; ++i) requests.push_back(any());
        return requests;
    }

  private:
    SlotRequest any() {
        const MemoryRange range = any_range();
        if (chance(55)) return {SlotRequest::Kind::add, range};
        if (chance(50)) return {SlotRequest::Kind::remove, range};
        return {SlotRequest::Kind::log_dirty, range};
    }

    MemoryRange any_range() {
        const std::uint64_t cells = window_pages * ByteMap::cells_per_page;
        std::uint64_t first = below(cells);
        std::uint64_t end = first + 1 + below(chance(50) ? cells / 4 : cells - first);
        if (chance(60)) {  // whole pages
            first -= first % ByteMap::cells_per_page;
            end += ByteMap::cells_per_page - 1;
            end -= end % ByteMap::cells_per_page;
        }
        end = std::min(end, cells);
        MemoryRange range;
        range.guest_address = ByteMap::start_of(first);
        range.bytes = ByteMap::start_of(end) - range.guest_address;
        const std::uint64_t area = chance(60) ? 0 : below(areas);
        const std::uint64_t shift = chance(70) ? 0 : below(area_pages - window_pages + 1);
        range.userspace_address =
            host_ + (area * area_pages + shift) * page_size + (range.guest_address - window);
        range.access = chance(60) ? Access::ram : chance(50) ? Access::rom : Access::rom_device;
        range.log_dirty = chance(40);
        return range;
    }

    /// A slot's memory disappears and turns up at another address of the window.
    std::vector<SlotRequest> relocation(std::span<const Slot> slots) {
        const MemoryRange from = range_of(slots[below(slots.size())]);
        MemoryRange to = from;
        to.guest_address = window + below(window_pages - from.bytes / page_size + 1) * page_size;
        if (chance(20)) to.log_dirty = !to.log_dirty;
        return {{SlotRequest::Kind::remove, from}, {SlotRequest::Kind::add, to}};
    }

    /// The memory of two slots, cut to the same size, changes places: no slot can move before the other has.
    std::vector<SlotRequest> exchange(std::span<const Slot> slots) {
        const std::uint64_t index = below(slots.size() - 1);
        MemoryRange a = range_of(slots[index]);
        MemoryRange b = range_of(slots[index + 1]);
        std::swap(a.guest_address, b.guest_address);
        a.bytes = b.bytes = std::min(a.bytes, b.bytes);
        return {{SlotRequest::Kind::add, a}, {SlotRequest::Kind::add, b}};
    }

    static MemoryRange range_of(const Slot& slot) {
        return {slot.guest_address, slot.bytes, slot.userspace_address,
                slot.read_only ? Access::rom : Access::ram, slot.log_dirty};
    }

    std::mt19937_64 random_;
    std::uint64_t host_;
};

}  // namespace irqbench::vmm::kvm::slot_test
