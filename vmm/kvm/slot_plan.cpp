#include "vmm/kvm/slot_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <stdexcept>

#include "vmm/kvm/memory.hpp"

namespace irqbench::vmm::kvm {
namespace {

constexpr std::uint64_t page_size = GuestMemory::page_size;

std::uint64_t page_down(std::uint64_t address) { return address & ~(page_size - 1); }
/// Saturates at the last page: no range reaches beyond it.
std::uint64_t page_up(std::uint64_t address) {
    return address > ~(page_size - 1) ? ~(page_size - 1) : page_down(address + page_size - 1);
}

/// The part of `slot` from `begin` to `end`.
Slot part(Slot slot, std::uint64_t begin, std::uint64_t end) {
    slot.userspace_address += begin - slot.guest_address;
    slot.guest_address = begin;
    slot.bytes = end - begin;
    return slot;
}

/// Appends a slot without an id, as a part of the last one where it can be.
void append(std::vector<Slot>& slots, const Slot& slot) {
    if (slot.bytes == 0) return;
    if (!slots.empty()) {
        Slot& last = slots.back();
        if (last.guest_end() == slot.guest_address &&
            last.userspace_address + last.bytes == slot.userspace_address &&
            last.read_only == slot.read_only && last.log_dirty == slot.log_dirty) {
            last.bytes += slot.bytes;
            return;
        }
    }
    slots.push_back(slot);
}

/// Ranges that follow each other in the guest and in this process, with one kind of access as the kernel sees
/// it.
struct Stretch {
    std::span<const MemoryRange> ranges;

    [[nodiscard]] bool read_only() const { return ranges.front().access != Access::ram; }
    [[nodiscard]] bool continued_by(const MemoryRange& next) const {
        const MemoryRange& last = ranges.back();
        return last.guest_end() == next.guest_address &&
               last.userspace_address + last.bytes == next.userspace_address &&
               read_only() == (next.access != Access::ram);
    }
    /// The whole pages of it as slots without ids: one for each change of dirty logging.
    void append_slots(std::vector<Slot>& slots) const {
        const std::uint64_t end = page_down(ranges.back().guest_end());
        std::uint64_t at = page_up(ranges.front().guest_address);
        if (at >= end) return;
        const auto append_up_to = [&](std::uint64_t to, bool log_dirty) {
            to = std::min(to, end);
            if (to <= at) return;
            const std::uint64_t userspace =
                ranges.front().userspace_address + (at - ranges.front().guest_address);
            append(slots, {0, at, to - at, userspace, read_only(), log_dirty});
            at = to;
        };
        for (const MemoryRange& range : ranges) {
            if (!range.log_dirty) continue;
            append_up_to(page_down(range.guest_address), false);
            append_up_to(page_up(range.guest_end()), true);
        }
        append_up_to(end, false);
    }
};

/// The whole pages of a map, in as few slots as possible, by address and without ids.
std::vector<Slot> whole_pages(const AddressMap& map) {
    std::vector<Slot> slots;
    const auto ranges = map.ranges();
    for (std::size_t first = 0; first < ranges.size();) {
        Stretch stretch{ranges.subspan(first, 1)};
        while (first + stretch.ranges.size() < ranges.size() &&
               stretch.continued_by(ranges[first + stretch.ranges.size()])) {
            stretch.ranges = ranges.subspan(first, stretch.ranges.size() + 1);
        }
        stretch.append_slots(slots);
        first += stretch.ranges.size();
    }
    return slots;
}

/// `slot` as it has to be for `wanted` to hold at all of its addresses, or nothing if it cannot stay.
std::optional<Slot> staying(Slot slot, std::span<const Slot> wanted) {
    auto piece = std::partition_point(wanted.begin(), wanted.end(), [&](const Slot& other) {
        return other.guest_end() <= slot.guest_address;
    });
    // Adjacent pieces of one kind have been merged, so one that stops early is followed by something else.
    if (piece == wanted.end() || piece->guest_address > slot.guest_address ||
        piece->guest_end() < slot.guest_end() || piece->read_only != slot.read_only ||
        piece->userspace_address - piece->guest_address != slot.userspace_address - slot.guest_address) {
        return std::nullopt;
    }
    slot.log_dirty = piece->log_dirty;
    return slot;
}

/// The parts of `wanted` that lie outside of `kept`; both by address, and every kept slot inside of one
/// wanted.
std::vector<Slot> without(std::span<const Slot> wanted, std::span<const Slot> kept) {
    std::vector<Slot> rest;
    auto hole = kept.begin();
    for (const Slot& slot : wanted) {
        std::uint64_t at = slot.guest_address;
        for (; hole != kept.end() && hole->guest_address < slot.guest_end(); ++hole) {
            append(rest, part(slot, at, hole->guest_address));
            at = hole->guest_end();
        }
        append(rest, part(slot, at, slot.guest_end()));
    }
    return rest;
}

bool overlap(const Slot& a, const Slot& b) {
    return a.guest_address < b.guest_end() && b.guest_address < a.guest_end();
}

/// Hands out the lowest ids that no slot has.
class FreeIds {
  public:
    FreeIds(std::span<const Slot> used, std::uint32_t max_slots) : max_slots_(max_slots) {
        for (const Slot& slot : used) used_.push_back(slot.id);
        std::sort(used_.begin(), used_.end());
    }

    std::uint32_t take() {
        while (next_used_ < used_.size() && used_[next_used_] == next_) {
            ++next_used_;
            ++next_;
        }
        if (next_ >= max_slots_) {
            throw std::length_error(
                fmt::format("the memory map needs more than the {} slots this KVM has", max_slots_));
        }
        return next_++;
    }

  private:
    std::uint32_t max_slots_;
    std::vector<std::uint32_t> used_;
    std::size_t next_used_ = 0;
    std::uint32_t next_ = 0;
};

/// Writes the plan down, and carries every operation out on a copy of the table to see what it leaves.
class Planner {
  public:
    explicit Planner(std::span<const Slot> current) : table_(current.begin(), current.end()) {}

    void remove(const Slot& slot) {
        harvest(slot);
        add({SlotChange::remove, slot});
    }

    void set_flags(const Slot& before, const Slot& after) {
        if (before.log_dirty == after.log_dirty) return;
        harvest(before);
        add({SlotChange::flags_only, after});
    }

    void move(const Slot& before, Slot after) {
        harvest(before);  // the bits stand for addresses that are no longer its own
        after.id = before.id;
        Slot moved = after;
        moved.log_dirty = before.log_dirty;
        add({SlotChange::move, moved});
        if (moved.log_dirty != after.log_dirty) add({SlotChange::flags_only, after});
    }

    void create(const Slot& slot) { add({SlotChange::create, slot}); }

    /// Whether nothing but the slot itself is at the place it shall move to.
    [[nodiscard]] bool has_room(const Slot& moving, const Slot& destination) const {
        return std::none_of(table_.begin(), table_.end(), [&](const Slot& other) {
            return other.id != moving.id && overlap(other, destination);
        });
    }

    [[nodiscard]] const std::vector<Slot>& table() const { return table_; }
    [[nodiscard]] std::vector<SlotOperation> take() { return std::move(operations_); }

  private:
    void harvest(const Slot& slot) {
        if (slot.log_dirty) add({SlotChange::harvest, slot});
    }

    void add(const SlotOperation& operation) {
        apply(table_, operation);
        operations_.push_back(operation);
    }

    std::vector<Slot> table_;
    std::vector<SlotOperation> operations_;
};

struct Move {
    Slot from;
    Slot to;
};

/// Takes the slots that only change their address out of `leaving` and `missing`.
std::vector<Move> find_moves(std::vector<Slot>& leaving, std::vector<Slot>& missing) {
    std::vector<Move> moves;
    std::erase_if(leaving, [&](const Slot& slot) {
        const auto destination = std::find_if(missing.begin(), missing.end(), [&](const Slot& other) {
            return other.bytes == slot.bytes && other.userspace_address == slot.userspace_address &&
                   other.read_only == slot.read_only;
        });
        if (destination == missing.end()) return false;
        moves.push_back({slot, *destination});
        missing.erase(destination);
        return true;
    });
    return moves;
}

/// Plans the moves in an order in which each finds room. Those that block each other in a circle become
/// removals, and what they should have led to is missing.
void plan_moves(Planner& planner, std::vector<Move> moves, std::vector<Slot>& missing) {
    while (!moves.empty()) {
        const auto possible = std::find_if(moves.begin(), moves.end(), [&](const Move& move) {
            return planner.has_room(move.from, move.to);
        });
        if (possible != moves.end()) {
            planner.move(possible->from, possible->to);
            moves.erase(possible);
        } else {
            planner.remove(moves.back().from);
            missing.push_back(moves.back().to);
            moves.pop_back();
        }
    }
}

}  // namespace

std::vector<SlotOperation> plan_slots(std::span<const Slot> current, const AddressMap& wanted,
                                      std::uint32_t max_slots) {
    const std::vector<Slot> target = whole_pages(wanted);
    std::vector<Slot> kept;
    std::vector<Slot> leaving;
    Planner planner(current);
    for (const Slot& slot : current) {
        if (const auto after = staying(slot, target)) {
            kept.push_back(*after);
            planner.set_flags(slot, *after);
        } else {
            leaving.push_back(slot);
        }
    }
    std::vector<Slot> missing = without(target, kept);
    const std::vector<Move> moves = find_moves(leaving, missing);
    for (const Slot& slot : leaving) planner.remove(slot);
    plan_moves(planner, moves, missing);
    FreeIds ids(planner.table(), max_slots);
    for (Slot& slot : missing) {
        slot.id = ids.take();
        planner.create(slot);
    }
    return planner.take();
}

void apply(std::vector<Slot>& slots, const SlotOperation& operation) {
    const Slot& slot = operation.slot;
    const auto require_that = [&](bool condition, const char* what) {
        if (!condition) throw std::logic_error(fmt::format("memory slot {}: {}", slot.id, what));
    };
    const auto existing =
        std::find_if(slots.begin(), slots.end(), [&](const Slot& other) { return other.id == slot.id; });
    if (operation.change == SlotChange::create) {
        require_that(existing == slots.end(), "exists already");
        require_that(slot.bytes != 0, "empty");
    } else {
        require_that(existing != slots.end(), "does not exist");
    }
    switch (operation.change) {
        case SlotChange::harvest:
            require_that(*existing == slot && slot.log_dirty, "has no such dirty log");
            return;
        case SlotChange::remove:
            require_that(*existing == slot, "is not as it should be removed");
            slots.erase(existing);
            return;
        case SlotChange::flags_only: {
            Slot toggled = *existing;
            toggled.log_dirty = !toggled.log_dirty;
            require_that(toggled == slot, "does not only change its flags");
            *existing = slot;
            return;
        }
        case SlotChange::move: {
            Slot moved = *existing;
            moved.guest_address = slot.guest_address;
            require_that(moved == slot && *existing != slot, "does not only change its address");
            slots.erase(existing);
            break;
        }
        case SlotChange::create: break;
    }
    const auto next = std::partition_point(slots.begin(), slots.end(), [&](const Slot& other) {
        return other.guest_address < slot.guest_address;
    });
    require_that(next == slots.end() || !overlap(*next, slot), "overlaps the slot above");
    require_that(next == slots.begin() || !overlap(*std::prev(next), slot), "overlaps the slot below");
    slots.insert(next, slot);
}

}  // namespace irqbench::vmm::kvm
