#include "irqchip/arm64/its.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/its_fixture.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

namespace c = its_command;

std::string saved(GuestIts& guest) {
    const auto fault = guest.its.save(guest.memory);
    constexpr const char* names[] = {"unreachable", "inconsistent", "too large"};
    return fault ? names[static_cast<unsigned>(*fault)] : "well";
}
std::string restored(GuestIts& guest) {
    const auto fault = guest.its.restore(guest.memory);
    constexpr const char* names[] = {"unreachable", "inconsistent", "too large"};
    return fault ? names[static_cast<unsigned>(*fault)] : "well";
}

/// A new ITS, its memory that of `from`, before its tables are restored.
GuestIts successor(const GuestIts& from) {
    GuestIts guest(from.its.options(), false);
    guest.memory = from.memory;
    guest.put(gits::cbaser, from.get(gits::cbaser));
    guest.put(gits::baser, from.get(gits::baser));
    guest.put(gits::baser + 8, from.get(gits::baser + 8));
    guest.put(gits::cwriter, from.get(gits::cwriter));
    guest.its.restore_creadr(from.get(gits::creadr));
    guest.writer = from.writer;
    return guest;
}

/// Devices 5, 6 and 8000 with events 3 and 31, 0, none; collections 1 and 2.
GuestIts populated() {
    GuestIts guest = mapped_guest();
    guest.send({c::mapti(5, 31, 8201, 2), c::mapd(6, place::itt(6), 1), c::mapti(6, 0, 8202, 2),
                c::mapd(8000, place::itt(7), 3), c::mapc(2, 1)});
    return guest;
}

constexpr std::uint64_t device(std::uint64_t next, std::uint64_t itt, std::uint64_t bits) {
    return valid_bit | next << 49 | itt >> 3 | (bits - 1);
}
constexpr std::uint64_t event(std::uint64_t next, std::uint64_t intid, std::uint64_t collection) {
    return next << 48 | intid << 16 | collection;
}
std::uint64_t device_at(std::uint32_t id) { return place::devices + 8ULL * id; }
std::uint64_t event_at(std::uint32_t owner, std::uint32_t id) { return place::itt(owner) + 8ULL * id; }

}  // namespace

BOOST_AUTO_TEST_SUITE(its_save)

// arm-vgic-its.rst, "ITS Table ABI REV0".
BOOST_AUTO_TEST_CASE(saved_tables_are_linked_as_kvm_links_them) {
    GuestIts guest = populated();
    BOOST_TEST(saved(guest) == "well");
    const auto at = [&](std::uint64_t address) { return guest.memory.read64(address).value(); };
    BOOST_TEST(at(device_at(5)) == device(1, place::itt(5), 5));
    BOOST_TEST(at(device_at(6)) == device(7994, place::itt(6), 1));
    BOOST_TEST(at(device_at(8000)) == device(0, place::itt(7), 3));
    BOOST_TEST(at(event_at(5, 3)) == event(28, 8200, 1));
    BOOST_TEST(at(event_at(5, 31)) == event(0, 8201, 2));
    BOOST_TEST(at(event_at(6, 0)) == event(0, 8202, 2));
    BOOST_TEST(at(place::collections) == 0x8000'0000'0000'0001);
    BOOST_TEST(at(place::collections + 8) == 0x8000'0000'0001'0002);
    BOOST_TEST(at(place::collections + 16) == 0);
}

BOOST_AUTO_TEST_CASE(the_its_goes_on_with_saved_tables) {
    GuestIts guest = populated();
    saved(guest);
    BOOST_TEST(guest.signal(5, 31) == "8201 pending at 1");
    BOOST_TEST(guest.send({c::unmap_device(6), c::mapti(5, 4, 8203, 1), c::discard(5, 31)}) ==
               "8203 mapped to 0, 8201 cleared at 1");
    BOOST_TEST(saved(guest) == "well");
    BOOST_TEST(guest.memory.read64(device_at(5)).value() == device(7995, place::itt(5), 5));
    BOOST_TEST(guest.memory.read64(event_at(5, 3)).value() == event(1, 8200, 1));
    BOOST_TEST(guest.memory.read64(event_at(5, 4)).value() == event(0, 8203, 1));
}

BOOST_AUTO_TEST_CASE(a_restored_its_does_what_the_saved_one_did) {
    GuestIts guest = populated();
    saved(guest);
    GuestIts next = successor(guest);
    BOOST_TEST(restored(next) == "well");
    next.put(gits::ctlr, 1, 4);
    BOOST_TEST(next.get(gits::creadr) == guest.get(gits::creadr));
    BOOST_TEST(next.signal(5, 3) == "8200 pending at 0");
    BOOST_TEST(next.signal(5, 31) == "8201 pending at 1");
    BOOST_TEST(next.signal(6, 0) == "8202 pending at 1");
    BOOST_TEST(next.signal(8000, 0) == "INT_UNMAPPED_INTERRUPT of 1f40:0");
    BOOST_TEST(next.signal(7, 0) == "INT_UNMAPPED_DEVICE of 7:0");
    BOOST_TEST(next.send({c::mapc(3, 0), c::movi(5, 31, 3)}) == "8201 moved from 1 to 0");
}

// What KVM's vgic_its_save_cte() writes is the target of MAPC, a vCPU's id.
BOOST_AUTO_TEST_CASE(saved_collections_name_processor_numbers) {
    GuestIts guest = mapped_guest({.redistributors = 2, .processor_numbers = {0, 18}});
    guest.send({c::mapc(2, 18), c::mapti(5, 4, 8201, 2)});
    BOOST_TEST(saved(guest) == "well");
    BOOST_TEST(guest.memory.read64(place::collections + 8).value() == 0x8000'0000'0012'0002);
    GuestIts next = successor(guest);
    BOOST_TEST(restored(next) == "well");
    next.put(gits::ctlr, 1, 4);
    BOOST_TEST(next.signal(5, 4) == "8201 pending at 1");
    // One that no redistributor has.
    guest.memory.write64(place::collections + 8, 0x8000'0000'0001'0002);
    GuestIts refused = successor(guest);
    BOOST_TEST(restored(refused) != "well");
}

BOOST_AUTO_TEST_CASE(two_level_tables_are_saved_and_restored) {
    for (const std::uint64_t size : {0ULL, 1ULL, 2ULL}) {
        const std::uint32_t per_page = 512U << (2 * size);
        GuestIts guest({.redistributors = 2, .all_page_sizes = true}, false);
        guest.set_up();
        guest.put(gits::ctlr, 0, 4);
        guest.put(gits::baser, valid_bit | indirect_bit | place::devices | size << 8);
        guest.put(gits::ctlr, 1, 4);
        guest.memory.write64(place::devices + 8, valid_bit | place::itts);
        guest.memory.write64(place::devices + 24, valid_bit | (place::itts + 0x1'0000));
        const std::uint32_t first = per_page + 3;
        const std::uint32_t second = 4 * per_page - 1;
        guest.send({c::mapc(1, 1), c::mapd(first, place::itt(20), 2), c::mapti(first, 2, 8200, 1),
                    c::mapd(second, place::itt(21), 2), c::mapti(second, 1, 8201, 1)});
        BOOST_TEST(saved(guest) == "well");
        const std::uint64_t distance = std::min(second - first, (1U << 14) - 1);
        BOOST_TEST(guest.memory.read64(place::itts + 3 * 8).value() == device(distance, place::itt(20), 2));
        GuestIts next = successor(guest);
        // The last one is the last one, whatever a later page begins with.
        next.memory.write64(place::devices + 32, valid_bit | (place::itts + 0x2'0000));
        next.memory.write64(place::itts + 0x2'0000, device(0, place::itt(20), 2));
        BOOST_TEST(restored(next) == "well");
        next.put(gits::ctlr, 1, 4);
        BOOST_TEST(next.signal(4 * per_page, 2) ==
                   fmt::format("INT_UNMAPPED_DEVICE of {:x}:2", 4 * per_page));
        BOOST_TEST(next.signal(first, 2) == "8200 pending at 1");
        BOOST_TEST(next.signal(second, 1) == "8201 pending at 1");
    }
}

BOOST_AUTO_TEST_CASE(a_distance_has_14_bits_for_devices) {
    GuestIts guest({2}, false);
    guest.set_up();
    guest.put(gits::ctlr, 0, 4);
    guest.put(gits::baser, valid_bit | place::itts | 7);
    guest.put(gits::ctlr, 1, 4);
    guest.send({c::mapc(1, 0), c::mapd(1, place::devices, 1), c::mapd(60000, place::devices + 256, 1),
                c::mapti(60000, 1, 8200, 1)});
    BOOST_TEST(saved(guest) == "well");
    BOOST_TEST(guest.memory.read64(place::itts + 8).value() == device((1 << 14) - 1, place::devices, 1));
    GuestIts next = successor(guest);
    BOOST_TEST(restored(next) == "well");
    next.put(gits::ctlr, 1, 4);
    BOOST_TEST(next.signal(60000, 1) == "8200 pending at 0");
}

BOOST_AUTO_TEST_CASE(a_collection_that_only_interrupts_know_is_saved_without_a_target) {
    GuestIts guest = mapped_guest();
    guest.send({c::mapti(5, 4, 8201, 9), c::mapti(5, 6, 8202, 8), c::mapti(5, 7, 8203, 8)});
    guest.memory.write64(place::collections + 24, ~0ULL);
    BOOST_TEST(saved(guest) == "well");
    BOOST_TEST(guest.memory.read64(place::collections + 8).value() == 0x8000'FFFF'FFFF'0008);
    BOOST_TEST(guest.memory.read64(place::collections + 16).value() == 0x8000'FFFF'FFFF'0009);
    BOOST_TEST(guest.memory.read64(place::collections + 24).value() == 0);
    GuestIts next = successor(guest);
    BOOST_TEST(restored(next) == "well");
    next.put(gits::ctlr, 1, 4);
    BOOST_TEST(next.signal(5, 4) == "INT_ITE_INVALID of 5:4");
    BOOST_TEST(next.send({c::mapc(9, 1), c::interrupt(5, 4)}) == "8201 pending at 1");
    BOOST_TEST(next.memory.read64(place::collections + 8).value() == 0x8000'0000'0001'0009);
    BOOST_TEST(next.memory.read64(place::collections + 16).value() == 0);
}

BOOST_AUTO_TEST_CASE(tables_that_are_not_there_are_saved_and_restored_without_effort) {
    GuestIts guest({2}, false);
    const FlatMemory before = guest.memory;
    BOOST_TEST(saved(guest) == "well");
    BOOST_TEST(restored(guest) == "well");
    BOOST_TEST((guest.memory.bytes == before.bytes));
}

BOOST_AUTO_TEST_CASE(a_guest_that_wrote_into_its_collections_changes_nothing) {
    GuestIts guest = populated();
    guest.memory.write64(place::collections, 0);
    guest.memory.write64(place::collections + 16, ~0ULL);
    BOOST_TEST(saved(guest) == "well");
    BOOST_TEST(guest.memory.read64(place::collections).value() == 0x8000'0000'0000'0001);
    BOOST_TEST(guest.memory.read64(place::collections + 16).value() == 0);
}

BOOST_AUTO_TEST_CASE(a_restored_its_forgets_what_it_knew) {
    GuestIts guest = populated();
    guest.signal(5, 3);
    saved(guest);
    guest.memory.write64(event_at(5, 3), event(28, 8300, 2));
    BOOST_TEST(restored(guest) == "well");
    BOOST_TEST(guest.signal(5, 3) == "8300 pending at 1");
}

BOOST_AUTO_TEST_CASE(what_lies_between_linked_entries_is_cleared) {
    GuestIts guest = populated();
    saved(guest);
    GuestIts next = successor(guest);
    const std::uint64_t stale[] = {device_at(7),   device_at(7999), device_at(8001), device_at(8191),
                                   event_at(5, 4), event_at(5, 30), event_at(6, 1)};
    for (const std::uint64_t address : stale)
        next.memory.write64(address, address < place::itts ? device(0, place::itt(9), 5) : event(0, 8205, 1));
    // Not valid, and not zero.
    next.memory.write64(device_at(2), 0x1234);
    BOOST_TEST(restored(next) == "well");
    for (const std::uint64_t address : stale) BOOST_TEST(next.memory.read64(address).value() == 0);
    BOOST_TEST(next.memory.read64(device_at(2)).value() == 0);
    BOOST_TEST((next.memory.bytes == guest.memory.bytes));
}

BOOST_AUTO_TEST_CASE(entries_that_kvm_would_refuse_are_refused) {
    const auto outcome = [](std::uint64_t address, std::uint64_t value) {
        GuestIts guest = populated();
        saved(guest);
        GuestIts next = successor(guest);
        next.memory.write64(address, value);
        const std::string result = restored(next);
        next.put(gits::ctlr, 1, 4);
        const std::string signalled = next.signal(5, 3);
        BOOST_TEST((signalled == "8200 pending at 0") == (result == "well"));
        return result;
    };
    const std::uint64_t collection = place::collections + 8;
    BOOST_TEST(outcome(device_at(0), 0) == "well");
    BOOST_TEST(outcome(event_at(5, 31), event(0, 8191, 2)) == "inconsistent");
    BOOST_TEST(outcome(event_at(5, 31), event(0, 8192, 2)) == "well");
    BOOST_TEST(outcome(event_at(5, 31), event(1, 8201, 2)) == "inconsistent");
    BOOST_TEST(outcome(event_at(5, 3), event(29, 8200, 1)) == "inconsistent");
    BOOST_TEST(outcome(event_at(5, 31), event(0, 8201, 3)) == "inconsistent");
    BOOST_TEST(outcome(device_at(6), device(7994, place::itt(6), 17)) == "inconsistent");
    BOOST_TEST(outcome(device_at(6), device(7994, place::end, 1)) == "unreachable");
    BOOST_TEST(outcome(collection, 0x8000'0000'0002'0002) == "inconsistent");
    BOOST_TEST(outcome(collection, 0x8000'0000'0001'0001) == "inconsistent");
    BOOST_TEST(outcome(collection, 0x8000'0000'0001'2000) == "inconsistent");
    BOOST_TEST(outcome(collection, 0) == "inconsistent");
    BOOST_TEST(outcome(collection + 8, 0x8000'0000'0001'0002) == "inconsistent");
    BOOST_TEST(outcome(collection + 8, 0x8000'0000'0001'0003) == "well");
}

BOOST_AUTO_TEST_CASE(a_table_outside_memory_can_be_neither_saved_nor_restored) {
    GuestIts guest = populated();
    for (const std::uint64_t page : {place::devices, place::collections, place::itt(5)}) {
        guest.memory.holes.clear();
        saved(guest);
        GuestIts next = successor(guest);
        guest.memory.holes = next.memory.holes = {page};
        BOOST_TEST(saved(guest) == "unreachable");
        BOOST_TEST(restored(next) == "unreachable");
    }
}

BOOST_AUTO_TEST_CASE(what_a_guest_made_of_its_tables_is_not_saved) {
    GuestIts guest = populated();
    const std::uint64_t mapped = *guest.memory.read64(device_at(6));
    guest.memory.write64(device_at(6), device(0, place::itt(6), 32));
    BOOST_TEST(saved(guest) == "inconsistent");
    guest.memory.write64(device_at(6), mapped);
    // Of a device that nobody has mapped nothing is left.
    guest.memory.write64(device_at(9), device(0, place::itt(9), 32));
    BOOST_TEST(saved(guest) == "well");
    BOOST_TEST(*guest.memory.read64(device_at(9)) == 0U);
    guest.memory.write64(event_at(6, 1), event(0, 8210, 0x2000));
    BOOST_TEST(saved(guest) == "inconsistent");
}

BOOST_AUTO_TEST_CASE(tables_without_end_are_not_read_to_the_end) {
    GuestIts guest = mapped_guest();
    for (std::uint32_t id = 0; id < 100; ++id) guest.send(c::mapd(id, place::itts, 16));
    for (std::uint32_t id = 0; id < 8192; ++id)
        guest.memory.write64(device_at(id), device(1, place::itts, 16));
    std::fill_n(guest.memory.bytes.begin() + static_cast<std::ptrdiff_t>(place::itts), 0x8'0000,
                std::uint8_t{0});
    BOOST_TEST(saved(guest) == "too large");
    BOOST_TEST(restored(guest) == "too large");
}

// arm-vgic-its.rst, "ITS Reset State".
BOOST_AUTO_TEST_CASE(a_reset_leaves_the_formats_of_the_tables_and_what_is_pending) {
    GuestIts guest = mapped_guest();
    guest.signal(5, 3);
    const std::uint64_t devices = guest.get(gits::baser);
    guest.its.reset();
    BOOST_TEST(guest.get(gits::ctlr, 4) == 0x8000'0000U);
    for (const std::uint32_t offset : {gits::cbaser, gits::cwriter, gits::creadr})
        BOOST_TEST(guest.get(offset) == 0U);
    BOOST_TEST(guest.get(gits::baser) == (devices & ~valid_bit));
    BOOST_TEST((guest.get(gits::baser + 8) & valid_bit) == 0U);
    BOOST_TEST(guest.best(0) == "8200 at priority a0");
    BOOST_TEST(guest.signal(5, 3) == "nothing");

    // With the same tables, which nobody has cleared: the ITS itself has no collection and no device any
    // more.
    guest.writer = 0;
    guest.set_up();
    BOOST_TEST(guest.send(c::mapc(1, 1)) == "nothing");
    BOOST_TEST(guest.signal(5, 3) == "INT_UNMAPPED_DEVICE of 5:3");
    // Nor does a state have it.
    BOOST_TEST(saved(guest) == "well");
    GuestIts other = successor(guest);
    BOOST_TEST(restored(other) == "well");
    other.put(gits::ctlr, 1, 4);
    BOOST_TEST(other.signal(5, 3) == "INT_UNMAPPED_DEVICE of 5:3");
    guest.send({c::mapd(5, place::itt(5) + 0x1000, 5), c::mapti(5, 3, 8201, 1)});
    BOOST_TEST(guest.signal(5, 3) == "8201 pending at 1");
}

// As KVM frees its list of devices when their table is taken away.
BOOST_AUTO_TEST_CASE(a_device_table_that_is_taken_away_takes_its_devices_along) {
    GuestIts guest = mapped_guest();
    guest.put(gits::ctlr, 0, 4);
    guest.put(gits::baser, place::devices);
    guest.put(gits::baser, valid_bit | place::devices);
    guest.put(gits::ctlr, 1, 4);
    BOOST_TEST(guest.signal(5, 3) == "INT_UNMAPPED_DEVICE of 5:3");
    guest.send({c::mapd(5, place::itt(5) + 0x1000, 5), c::mapti(5, 3, 8201, 1)});
    BOOST_TEST(guest.signal(5, 3) == "8201 pending at 0");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
