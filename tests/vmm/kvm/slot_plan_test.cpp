#include "vmm/kvm/slot_plan.hpp"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <map>
#include <ostream>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/vmm/kvm/slot_requests.hpp"

namespace irqbench::vmm::kvm {

std::ostream& operator<<(std::ostream& out, SlotChange change) {
    constexpr std::array names{"create", "move", "flags_only", "remove", "harvest"};
    return out << names[static_cast<std::size_t>(change)];
}

std::ostream& operator<<(std::ostream& out, const Slot& slot) {
    return out << "slot " << slot.id << std::hex << " at 0x" << slot.guest_address << "+0x" << slot.bytes
               << " -> 0x" << slot.userspace_address << std::dec << (slot.read_only ? " ro" : " rw")
               << (slot.log_dirty ? " logged" : "");
}

std::ostream& operator<<(std::ostream& out, const SlotOperation& operation) {
    return out << operation.change << ' ' << operation.slot;
}

namespace {

constexpr std::uint32_t many_slots = 1000;
constexpr std::uint64_t host = 0x7f0000000000;
constexpr std::uint64_t page = slot_test::page_size;

using Dirty = std::set<std::pair<std::uint64_t, std::uint64_t>>;  ///< guest and userspace address of the page

/// The part of virt/kvm/kvm_main.c that decides what a KVM_SET_USER_MEMORY_REGION is, written down
/// independently of the planner.
class FakeKernel {
  public:
    /// @returns what the kernel takes the request for. @throws std::runtime_error where it returns an errno
    SlotChange set(std::uint32_t id, bool read_only, bool log_dirty, std::uint64_t guest, std::uint64_t bytes,
                   std::uint64_t userspace) {
        refuse_if(guest % page != 0 || bytes % page != 0 || userspace % page != 0,
                  "EINVAL: not page-aligned");
        refuse_if(guest + bytes < guest, "EINVAL: wraps");
        const auto old = slots_.find(id);
        if (bytes == 0) {
            refuse_if(old == slots_.end(), "EINVAL: nothing to delete");
            slots_.erase(old);
            return SlotChange::remove;
        }
        const bool exists = old != slots_.end();
        if (exists) {
            refuse_if(old->second.slot.userspace_address != userspace || old->second.slot.bytes != bytes ||
                          old->second.slot.read_only != read_only,
                      "EINVAL: slots cannot be resized, re-backed or made read-only");
        }
        const bool moves = exists && old->second.slot.guest_address != guest;
        if (!exists || moves) {
            for (const auto& [other_id, other] : slots_) {
                refuse_if(other_id != id && other.slot.guest_address < guest + bytes &&
                              guest < other.slot.guest_end(),
                          "EEXIST: overlap");
            }
        }
        SlotChange change = SlotChange::create;
        if (exists) {
            refuse_if(!moves && old->second.slot.log_dirty == log_dirty, "the request changes nothing");
            change = moves ? SlotChange::move : SlotChange::flags_only;
        }
        State& state = slots_[id];
        state.slot = {id, guest, bytes, userspace, read_only, log_dirty};
        if (!log_dirty) state.dirty_pages.clear();
        return change;
    }

    /// KVM_GET_DIRTY_LOG.
    void harvest(std::uint32_t id, Dirty& to) {
        State& state = slots_.at(id);
        refuse_if(!state.slot.log_dirty, "ENOENT: no dirty log");
        for (const std::uint64_t number : state.dirty_pages) {
            to.emplace(state.slot.guest_address + number * page,
                       state.slot.userspace_address + number * page);
        }
        state.dirty_pages.clear();
    }

    void guest_writes(std::uint64_t address) {
        for (auto& [id, state] : slots_) {
            if (address < state.slot.guest_address || address >= state.slot.guest_end()) continue;
            if (state.slot.log_dirty && !state.slot.read_only) {
                state.dirty_pages.insert((address - state.slot.guest_address) / page);
            }
        }
    }

    [[nodiscard]] std::optional<slot_test::Page> page_at(std::uint64_t address) const {
        for (const auto& [id, state] : slots_) {
            if (address < state.slot.guest_address || address >= state.slot.guest_end()) continue;
            return slot_test::Page{state.slot.userspace_address + (address - state.slot.guest_address),
                                   state.slot.read_only, state.slot.log_dirty};
        }
        return std::nullopt;
    }

  private:
    struct State {
        Slot slot;
        std::set<std::uint64_t> dirty_pages;
    };

    static void refuse_if(bool condition, const char* what) {
        if (condition) throw std::runtime_error(what);
    }

    std::map<std::uint32_t, State> slots_;
};

/// Whether `wanted` maps all of the slot's pages as the slot does, with or without logging but the same for
/// all.
bool could_stay(const Slot& slot, const slot_test::ByteMap& wanted) {
    const auto first = wanted.page(slot.guest_address);
    for (std::uint64_t offset = 0; offset < slot.bytes; offset += page) {
        const auto there = wanted.page(slot.guest_address + offset);
        if (!there || there->userspace_address != slot.userspace_address + offset ||
            there->read_only != slot.read_only || there->log_dirty != first->log_dirty) {
            return false;
        }
    }
    return true;
}

/// One guest, its kernel and the oracle.
struct Simulation {
    AddressMap map;
    std::vector<Slot> slots;
    FakeKernel kernel;
    slot_test::ByteMap oracle;
    Dirty harvested;
    Dirty written;
    std::map<SlotChange, unsigned> changes;

    void request(std::span<const slot_test::SlotRequest> batch) {
        for (const auto& one : batch) {
            slot_test::apply(map, one);
            oracle.apply(one);
        }
        for (const SlotOperation& operation : plan_slots(slots, map, many_slots)) {
            BOOST_TEST_CONTEXT(operation) { carry_out(operation); }
        }
    }

    void carry_out(const SlotOperation& operation) {
        ++changes[operation.change];
        const Slot& slot = operation.slot;
        if (operation.change == SlotChange::harvest) {
            kernel.harvest(slot.id, harvested);
        } else {
            if (operation.change == SlotChange::remove || operation.change == SlotChange::move) {
                const Slot before = *std::find_if(slots.begin(), slots.end(),
                                                  [&](const Slot& other) { return other.id == slot.id; });
                BOOST_TEST(!could_stay(before, oracle));
            }
            const std::uint64_t bytes = operation.change == SlotChange::remove ? 0 : slot.bytes;
            const SlotChange taken_for = kernel.set(slot.id, slot.read_only, slot.log_dirty,
                                                    slot.guest_address, bytes, slot.userspace_address);
            BOOST_TEST(taken_for == operation.change);
        }
        apply(slots, operation);
    }

    void check_pages() const {
        for (std::uint64_t number = 0; number < slot_test::window_pages; ++number) {
            const std::uint64_t address = slot_test::window + number * page;
            BOOST_TEST_CONTEXT("page " << number) {
                BOOST_TEST((kernel.page_at(address) == oracle.page(address)));
            }
        }
    }

    void guest_writes(std::uint64_t address) {
        const auto there = oracle.page(address);
        if (there && !there->read_only && there->log_dirty)
            written.emplace(address, there->userspace_address);
        kernel.guest_writes(address);
    }

    void check_dirty() {
        for (const Slot& slot : slots) {
            if (slot.log_dirty) kernel.harvest(slot.id, harvested);
        }
        BOOST_TEST((harvested == written));
        harvested.clear();
        written.clear();
    }
};

MemoryRange ram(std::uint64_t guest, std::uint64_t pages, std::uint64_t userspace = 0) {
    return {guest, pages * page, userspace != 0 ? userspace : host + guest, Access::ram, false};
}

Slot slot(std::uint32_t id, std::uint64_t guest, std::uint64_t pages, std::uint64_t userspace = 0) {
    return {id, guest, pages * page, userspace != 0 ? userspace : host + guest, false, false};
}

using Operations = std::vector<SlotOperation>;

/// Plans, and checks that the plan leads from one to the other.
Operations plan(std::vector<Slot>& slots, const AddressMap& map) {
    Operations operations = plan_slots(slots, map, many_slots);
    for (const SlotOperation& operation : operations) apply(slots, operation);
    BOOST_TEST(plan_slots(slots, map, many_slots).empty());
    return operations;
}

void check_equal(const Operations& is, const Operations& expected) {
    BOOST_TEST(is == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(memory_slots)

BOOST_AUTO_TEST_CASE(ten_thousand_random_sequences_show_the_guest_what_a_byte_map_says) {
    constexpr unsigned sequences = 10000;
    const std::uint64_t seed = slot_test::first_seed();
    BOOST_TEST_MESSAGE("seeds " << seed << " to " << seed + sequences - 1 << " (IRQBENCH_SLOT_SEED)");
    std::map<SlotChange, unsigned> changes;
    for (unsigned i = 0; i < sequences; ++i) {
        BOOST_TEST_CONTEXT("IRQBENCH_SLOT_SEED=" << seed + i) {
            slot_test::RequestGenerator random(seed + i, host);
            Simulation simulation;
            const std::uint64_t batches = 3 + random.below(8);
            for (std::uint64_t batch = 0; batch < batches; ++batch) {
                simulation.request(random.batch(simulation.slots));
                simulation.check_pages();
                for (int writes = 0; writes < 8; ++writes) {
                    simulation.guest_writes(slot_test::window + random.below(slot_test::window_pages) * page);
                }
                if (random.chance(20)) simulation.check_dirty();
            }
            simulation.check_dirty();
            for (const auto& [change, count] : simulation.changes) changes[change] += count;
        }
    }
    for (const SlotChange change : {SlotChange::create, SlotChange::move, SlotChange::flags_only,
                                    SlotChange::remove, SlotChange::harvest}) {
        BOOST_TEST_MESSAGE(change << ": " << changes[change]);
        BOOST_TEST_CONTEXT(change) { BOOST_TEST(changes[change] > 1000u); }
    }
}

BOOST_AUTO_TEST_CASE(removing_the_middle_of_a_slot_keeps_prefix_and_suffix) {
    AddressMap map;
    map.add(ram(0, 8));
    std::vector<Slot> slots;
    check_equal(plan(slots, map), {{SlotChange::create, slot(0, 0, 8)}});
    map.remove(3 * page, 2 * page);
    check_equal(plan(slots, map), {{SlotChange::remove, slot(0, 0, 8)},
                                   {SlotChange::create, slot(0, 0, 3)},
                                   {SlotChange::create, slot(1, 5 * page, 3)}});
}

BOOST_AUTO_TEST_CASE(adding_over_the_middle_of_a_slot_leaves_three_slots) {
    AddressMap map;
    map.add(ram(0, 8));
    std::vector<Slot> slots;
    plan(slots, map);
    map.add(ram(3 * page, 2, host + 100 * page));
    check_equal(plan(slots, map), {{SlotChange::remove, slot(0, 0, 8)},
                                   {SlotChange::create, slot(0, 0, 3)},
                                   {SlotChange::create, slot(1, 3 * page, 2, host + 100 * page)},
                                   {SlotChange::create, slot(2, 5 * page, 3)}});
}

BOOST_AUTO_TEST_CASE(memory_beside_a_slot_leaves_it_alone) {
    AddressMap map;
    map.add(ram(0, 4));
    std::vector<Slot> slots;
    plan(slots, map);
    map.add(ram(4 * page, 4));
    check_equal(plan(slots, map), {{SlotChange::create, slot(1, 4 * page, 4)}});
}

BOOST_AUTO_TEST_CASE(adding_what_is_there_already_changes_nothing) {
    AddressMap map;
    map.add(ram(0, 8));
    std::vector<Slot> slots;
    plan(slots, map);
    map.add(ram(2 * page, 3));
    check_equal(plan(slots, map), {});
}

BOOST_AUTO_TEST_CASE(logging_of_a_whole_slot_changes_its_flags_in_place) {
    AddressMap map;
    map.add(ram(0, 8));
    std::vector<Slot> slots;
    plan(slots, map);
    Slot logged = slot(0, 0, 8);
    logged.log_dirty = true;
    map.set_dirty_logging(0, 8 * page, true);
    check_equal(plan(slots, map), {{SlotChange::flags_only, logged}});
    map.set_dirty_logging(0, 8 * page, false);
    check_equal(plan(slots, map), {{SlotChange::harvest, logged}, {SlotChange::flags_only, slot(0, 0, 8)}});
}

BOOST_AUTO_TEST_CASE(logging_of_a_part_cuts_the_slot_and_later_harvests_it_before_it_is_rejoined) {
    AddressMap map;
    map.add(ram(0, 4));
    std::vector<Slot> slots;
    plan(slots, map);
    Slot logged = slot(1, 1 * page, 1);
    logged.log_dirty = true;
    map.set_dirty_logging(1 * page, page, true);
    check_equal(plan(slots, map), {{SlotChange::remove, slot(0, 0, 4)},
                                   {SlotChange::create, slot(0, 0, 1)},
                                   {SlotChange::create, logged},
                                   {SlotChange::create, slot(2, 2 * page, 2)}});
    map.set_dirty_logging(0, 4 * page, false);
    check_equal(plan(slots, map),
                {{SlotChange::harvest, logged}, {SlotChange::flags_only, slot(1, 1 * page, 1)}});
}

BOOST_AUTO_TEST_CASE(read_only_is_set_in_two_steps) {
    AddressMap map;
    map.add(ram(0, 2));
    std::vector<Slot> slots;
    plan(slots, map);
    MemoryRange rom = ram(0, 2);
    rom.access = Access::rom;
    Slot read_only = slot(0, 0, 2);
    read_only.read_only = true;
    map.add(rom);
    check_equal(plan(slots, map), {{SlotChange::remove, slot(0, 0, 2)}, {SlotChange::create, read_only}});
    rom.access = Access::rom_device;
    map.add(rom);
    check_equal(plan(slots, map), {});
    BOOST_TEST((map.find(page)->access == Access::rom_device));
}

BOOST_AUTO_TEST_CASE(a_slot_that_only_changes_its_address_moves) {
    AddressMap map;
    map.add(ram(0, 2));
    std::vector<Slot> slots;
    plan(slots, map);
    map.remove(0, 2 * page);
    map.add(ram(page, 2, host));
    check_equal(plan(slots, map), {{SlotChange::move, slot(0, page, 2, host)}});
}

BOOST_AUTO_TEST_CASE(a_chain_of_moves_starts_where_there_is_room) {
    AddressMap map;
    map.add(ram(0, 1, host));
    map.add(ram(page, 1, host + 10 * page));
    std::vector<Slot> slots;
    plan(slots, map);
    map.remove(0, page);
    map.add(ram(page, 1, host));
    map.add(ram(2 * page, 1, host + 10 * page));
    check_equal(plan(slots, map), {{SlotChange::move, slot(1, 2 * page, 1, host + 10 * page)},
                                   {SlotChange::move, slot(0, page, 1, host)}});
}

BOOST_AUTO_TEST_CASE(slots_that_change_places_are_created_again) {
    AddressMap map;
    map.add(ram(0, 1, host));
    map.add(ram(page, 1, host + 10 * page));
    std::vector<Slot> slots;
    plan(slots, map);
    map.add(ram(0, 1, host + 10 * page));
    map.add(ram(page, 1, host));
    check_equal(plan(slots, map), {{SlotChange::remove, slot(1, page, 1, host + 10 * page)},
                                   {SlotChange::move, slot(0, page, 1, host)},
                                   {SlotChange::create, slot(1, 0, 1, host + 10 * page)}});
}

BOOST_AUTO_TEST_CASE(only_whole_pages_are_mapped) {
    AddressMap map;
    std::vector<Slot> slots;
    map.add({page - 1, 2 * page + 2, host + page - 1, Access::ram, false});
    check_equal(plan(slots, map), {{SlotChange::create, slot(0, page, 2)}});
    map.remove(3 * page - 1, 1);
    check_equal(plan(slots, map),
                {{SlotChange::remove, slot(0, page, 2)}, {SlotChange::create, slot(0, page, 1)}});
    map.add({3 * page - 1, 1, host + 3 * page - 1, Access::ram, false});
    check_equal(plan(slots, map), {{SlotChange::create, slot(1, 2 * page, 1)}});
}

BOOST_AUTO_TEST_CASE(a_page_that_is_logged_in_part_is_logged) {
    AddressMap map;
    std::vector<Slot> slots;
    map.add(ram(0, 1));
    map.set_dirty_logging(100, 1, true);
    Slot logged = slot(0, 0, 1);
    logged.log_dirty = true;
    check_equal(plan(slots, map), {{SlotChange::create, logged}});
}

BOOST_AUTO_TEST_CASE(too_many_slots_are_refused_before_any_operation) {
    AddressMap map;
    for (std::uint64_t i = 0; i < 3; ++i) map.add(ram(2 * i * page, 1));
    BOOST_TEST(plan_slots({}, map, 3).size() == 3u);
    BOOST_CHECK_EXCEPTION(
        static_cast<void>(plan_slots({}, map, 2)), std::length_error, [](const std::length_error& error) {
            return std::string(error.what()) == "the memory map needs more than the 2 slots this KVM has";
        });
}

BOOST_AUTO_TEST_CASE(an_operation_is_refused_where_the_kernel_would_refuse_it) {
    std::vector<Slot> slots;
    apply(slots, {SlotChange::create, slot(0, 0, 2)});
    apply(slots, {SlotChange::create, slot(1, 4 * page, 2)});
    Slot read_only = slot(0, 0, 2);
    read_only.read_only = true;
    const Operations refused{
        {SlotChange::create, slot(0, 8 * page, 1)},             // the id is taken
        {SlotChange::create, slot(2, 8 * page, 0)},             // empty
        {SlotChange::create, slot(2, page, 1)},                 // overlaps
        {SlotChange::create, slot(2, 3 * page, 2)},             // overlaps
        {SlotChange::remove, slot(2, 0, 2)},                    // does not exist
        {SlotChange::flags_only, slot(0, 0, 2)},                // changes nothing
        {SlotChange::flags_only, read_only},                    // toggles read-only
        {SlotChange::move, slot(0, 8 * page, 1, host)},         // resizes
        {SlotChange::move, slot(0, 8 * page, 2, host + page)},  // changes its memory
        {SlotChange::move, slot(0, 3 * page, 2, host)},         // overlaps
        {SlotChange::harvest, slot(0, 0, 2)},                   // has no dirty log
    };
    for (const SlotOperation& operation : refused) {
        BOOST_TEST_CONTEXT(operation) {
            std::vector<Slot> copy = slots;
            BOOST_CHECK_THROW(apply(copy, operation), std::logic_error);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
