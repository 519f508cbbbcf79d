#include "irqchip/arm64/its_tables.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/its_fixture.hpp"
#include "tests/irqchip/register_rows.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

namespace c = its_command;

constexpr auto rw = Access::read_write;

// arm-vgic-its.rst, "ITS Table ABI REV0".
const FieldRow device_sheet[] = {
    {"valid", 63, 63, rw}, {"next", 62, 49, rw}, {"itt", 48, 5, rw}, {"size", 4, 0, rw}};
const FieldRow interrupt_sheet[] = {{"next", 63, 48, rw}, {"intid", 47, 16, rw}, {"collection", 15, 0, rw}};
const FieldRow collection_sheet[] = {
    {"valid", 63, 63, rw}, {"target", 47, 16, rw}, {"collection", 15, 0, rw}};

/// An ITS with the device table `baser` describes.
GuestIts guest_with_devices(std::uint64_t baser) {
    GuestIts guest({.redistributors = 2, .all_page_sizes = true});
    guest.put(gits::ctlr, 0, 4);
    guest.put(gits::baser, baser);
    guest.put(gits::ctlr, 1, 4);
    guest.send(c::mapc(1, 0));
    return guest;
}

/// Whether a device can be mapped, and its entry is where it belongs then.
bool can_map(GuestIts& guest, std::uint32_t device, std::uint64_t where) {
    if (guest.send(c::mapd(device, place::itts, 5)) != "nothing") return false;
    BOOST_TEST(guest.memory.read64(where).value() == (valid_bit | place::itts >> 3 | 4), "device " << device);
    return true;
}

/// A device table of `pages` pages, size 0 to 2 as in GITS_BASER, in which `last` is the last with room.
void check_flat(std::uint64_t page_size, std::uint64_t pages, std::uint32_t last) {
    GuestIts guest = guest_with_devices(valid_bit | place::devices | page_size << 8 | (pages - 1));
    BOOST_TEST(can_map(guest, 0, place::devices));
    BOOST_TEST(can_map(guest, 1, place::devices + 8));
    BOOST_TEST(can_map(guest, last, place::devices + 8ULL * last));
    BOOST_TEST(!can_map(guest, last + 1, 0));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(its_tables)

BOOST_AUTO_TEST_CASE(entries_are_laid_out_as_kvm_lays_them_out) {
    check_fields(field_table<DeviceEntry>(), device_sheet);
    check_fields(field_table<InterruptEntry>(), interrupt_sheet);
    check_fields(field_table<CollectionEntry>(), collection_sheet);
}

BOOST_AUTO_TEST_CASE(commands_write_entries_where_kvm_saves_them) {
    GuestIts guest;
    guest.send(c::mapd(5, 0x12'3400, 5));
    BOOST_TEST(guest.memory.read64(place::devices + 5 * 8).value() == 0x8000'0000'0002'4684);
    guest.send(c::unmap_device(5));
    BOOST_TEST(guest.memory.read64(place::devices + 5 * 8).value() == 0);
    guest.send(c::mapd(5, 0x12'3400, 16));
    BOOST_TEST(guest.memory.read64(place::devices + 5 * 8).value() == 0x8000'0000'0002'468F);
    guest.send(c::mapti(5, 7, 0x3456, 0x789));
    BOOST_TEST(guest.memory.read64(0x12'3400 + 7 * 8).value() == 0x0000'0000'3456'0789);
    guest.send({c::mapc(0x789, 0), c::mapc(0x78A, 1), c::movi(5, 7, 0x78A)});
    BOOST_TEST(guest.memory.read64(0x12'3400 + 7 * 8).value() == 0x0000'0000'3456'078A);
    guest.send(c::discard(5, 7));
    BOOST_TEST(guest.memory.read64(0x12'3400 + 7 * 8).value() == 0);
}

BOOST_AUTO_TEST_CASE(an_itt_may_be_anywhere_below_2_to_the_52) {
    GuestIts guest;
    guest.send(c::mapd(5, 0xF'FFFF'FFFF'FF00, 16));
    BOOST_TEST(guest.memory.read64(place::devices + 5 * 8).value() == 0x8001'FFFF'FFFF'FFEF);
    BOOST_TEST(guest.send(c::interrupt(5, 65535)) == "INT_TABLE_UNREACHABLE at 0x20");
}

BOOST_AUTO_TEST_CASE(a_flat_device_table_ends_with_its_pages) {
    check_flat(0, 1, 511);
    check_flat(0, 3, 1535);
    check_flat(1, 1, 2047);
    check_flat(1, 2, 4095);
    check_flat(2, 1, 8191);
    check_flat(2, 2, 16383);
    check_flat(3, 1, 8191);
}

BOOST_AUTO_TEST_CASE(a_device_has_at_most_16_bits_however_large_the_table) {
    GuestIts guest = guest_with_devices(valid_bit | place::itts | 2 << 8 | 15);
    BOOST_TEST(can_map(guest, 0xFFFF, place::itts + 8 * 0xFFFF));
    BOOST_TEST(!can_map(guest, 0x1'0000, 0));
    guest.memory.write64(place::itts + 8 * 0x1'0000, valid_bit | place::second_level >> 3);
    BOOST_TEST(guest.signal(0x1'0000, 0) == "INT_DEVICE_OOR of 10000:0");
}

BOOST_AUTO_TEST_CASE(an_event_has_at_most_16_bits_whatever_a_guest_writes_into_its_table) {
    for (const std::uint64_t size : {16ULL, 31ULL}) {
        GuestIts guest = mapped_guest();
        guest.memory.write64(place::devices + 5 * 8, valid_bit | place::itt(5) >> 3 | size);
        guest.memory.write64(place::itt(5) + 8 * 0x1'0000, 8201 << 16 | 1);
        BOOST_TEST(guest.signal(5, 3) == "8200 pending at 0");
        BOOST_TEST(guest.signal(5, 0x1'0000) == "INT_ID_OOR of 5:10000");
    }
}

BOOST_AUTO_TEST_CASE(a_table_that_ends_outside_memory_has_room_as_far_as_it_goes) {
    GuestIts guest = guest_with_devices(valid_bit | (place::end - 0x1'0000) | 2 << 8 | 15);
    BOOST_TEST(can_map(guest, 8191, place::end - 8));
    BOOST_TEST(!can_map(guest, 8192, 0));
}

BOOST_AUTO_TEST_CASE(a_two_level_table_has_room_where_pages_are) {
    for (const std::uint64_t size : {0ULL, 1ULL, 2ULL}) {
        const std::uint32_t per_page = 512U << (2 * size);
        GuestIts guest = guest_with_devices(valid_bit | indirect_bit | place::devices | size << 8);
        BOOST_TEST(!can_map(guest, 0, 0));
        guest.memory.write64(place::devices + 8, valid_bit | place::second_level);
        BOOST_TEST(!can_map(guest, per_page - 1, 0));
        BOOST_TEST(can_map(guest, per_page, place::second_level));
        BOOST_TEST(can_map(guest, 2 * per_page - 1, place::second_level + 8 * (per_page - 1)));
        BOOST_TEST(!can_map(guest, 2 * per_page, 0));
        // The descriptor's lower bits are reserved.
        guest.memory.write64(place::devices + 16, valid_bit | place::second_level | 0xFFF);
        BOOST_TEST(can_map(guest, 2 * per_page + 1, place::second_level + 8));
        guest.memory.write64(place::devices + 16, place::second_level);
        BOOST_TEST(!can_map(guest, 2 * per_page + 1, 0));
        guest.memory.write64(place::devices + 16, valid_bit | 0xF'FFFF'FFFF'0000);
        BOOST_TEST(!can_map(guest, 2 * per_page + 1, 0));
    }
}

BOOST_AUTO_TEST_CASE(the_first_level_ends_with_its_pages) {
    GuestIts guest = guest_with_devices(valid_bit | indirect_bit | (place::end - 4096));
    BOOST_TEST(!can_map(guest, 0xFFFF, 0));
    guest.memory.write64(place::end - 4096 + 127 * 8, valid_bit | place::second_level);
    BOOST_TEST(can_map(guest, 0xFFFF, place::second_level + 511 * 8));
    GuestIts outside = guest_with_devices(valid_bit | indirect_bit | place::end);
    BOOST_TEST(!can_map(outside, 0, 0));
}

BOOST_AUTO_TEST_CASE(events_of_a_two_level_device_are_translated) {
    GuestIts guest = guest_with_devices(valid_bit | indirect_bit | place::devices | 2 << 8);
    guest.memory.write64(place::devices + 8, valid_bit | place::second_level);
    guest.send({c::mapd(8195, place::itts, 5), c::mapti(8195, 1, 8200, 1)});
    BOOST_TEST(guest.signal(8195, 1) == "8200 pending at 0");
    BOOST_TEST(guest.signal(3, 1) == "INT_DEVICE_OOR of 3:1");
}

BOOST_AUTO_TEST_CASE(bits_51_to_48_of_a_large_page_are_in_bits_15_to_12) {
    const auto where = [](std::uint64_t baser) {
        return TableLocation(GitsBaser{baser}).first_level_entry(0);
    };
    BOOST_TEST(where(0xFFFF'FFFF'F000) == 0xFFFF'FFFF'F000);
    BOOST_TEST(where(0xFFFF'FFFF'F000 | 1 << 8) == 0xFFFF'FFFF'C000);
    BOOST_TEST(where(0xFFFF'FFFF'0000 | 2 << 8) == 0xFFFF'FFFF'0000);
    BOOST_TEST(where(0x0000'1234'A000 | 2 << 8) == 0xA'0000'1234'0000);
}

BOOST_AUTO_TEST_CASE(the_collection_table_has_no_holes) {
    GuestIts guest;
    const auto entry = [&](unsigned index) {
        return guest.memory.read64(place::collections + 8ULL * index).value();
    };
    guest.memory.write64(place::collections + 8 * 2, ~0ULL);
    guest.send({c::mapc(7, 0), c::mapc(3, 1)});
    BOOST_TEST(entry(0) == 0x8000'0000'0000'0007);
    BOOST_TEST(entry(1) == 0x8000'0000'0001'0003);
    BOOST_TEST(entry(2) == 0);
    guest.send({c::mapc(7, 1), c::mapc(9, 0)});
    BOOST_TEST(entry(0) == 0x8000'0000'0001'0007);
    BOOST_TEST(entry(2) == 0x8000'0000'0000'0009);
    guest.send(c::unmap_collection(7));
    BOOST_TEST(entry(0) == 0x8000'0000'0000'0009);
    BOOST_TEST(entry(1) == 0x8000'0000'0001'0003);
    BOOST_TEST(entry(2) == 0);
    guest.send(c::mapc(9, 1));
    BOOST_TEST(entry(0) == 0x8000'0000'0001'0009);
    guest.send(c::unmap_collection(3));
    BOOST_TEST(entry(1) == 0);
    guest.send(c::unmap_collection(9));
    BOOST_TEST(entry(0) == 0);
}

BOOST_AUTO_TEST_CASE(a_full_collection_table_has_no_end_mark) {
    GuestIts guest({.redistributors = 2, .all_page_sizes = true});
    guest.put(gits::ctlr, 0, 4);
    guest.put(gits::baser + 8, valid_bit | place::collections);
    guest.put(gits::ctlr, 1, 4);
    guest.memory.write64(place::collections + 4096, 0x1234);
    for (std::uint16_t i = 0; i < 512; ++i) BOOST_TEST(guest.send(c::mapc(i, 1)) == "nothing");
    BOOST_TEST(guest.memory.read64(place::collections + 511 * 8).value() == 0x8000'0000'0001'01FF);
    BOOST_TEST(guest.memory.read64(place::collections + 4096).value() == 0x1234);
    const std::string refused = guest.send(c::mapc(512, 1));
    BOOST_TEST(refused.starts_with("MAPC_COLLECTION_OOR"));
}

BOOST_AUTO_TEST_CASE(a_collection_table_outside_memory_has_no_room) {
    GuestIts guest({.redistributors = 2, .all_page_sizes = true});
    guest.put(gits::ctlr, 0, 4);
    guest.put(gits::baser + 8, valid_bit | (place::end - 4096) | 1);
    guest.put(gits::ctlr, 1, 4);
    BOOST_TEST(guest.send(c::mapc(512, 1)) == "MAPC_COLLECTION_OOR at 0x0");
    BOOST_TEST(guest.send(c::mapc(511, 1)) == "nothing");
    guest.memory.holes = {place::end - 4096};
    BOOST_TEST(guest.send(c::mapc(3, 1)) == "MAPC_COLLECTION_OOR at 0x40");
    BOOST_TEST(guest.send(c::unmap_collection(511)) == "MAPC_COLLECTION_OOR at 0x60");
}

BOOST_AUTO_TEST_CASE(another_collection_table_is_an_empty_one) {
    GuestIts guest = mapped_guest();
    guest.put(gits::ctlr, 0, 4);
    const std::uint64_t table = guest.get(gits::baser + 8);
    guest.put(gits::baser + 8, table);
    guest.put(gits::ctlr, 1, 4);
    BOOST_TEST(guest.signal(5, 3) == "8200 pending at 0");
    guest.put(gits::ctlr, 0, 4);
    guest.put(gits::baser + 8, valid_bit | place::second_level);
    guest.put(gits::ctlr, 1, 4);
    BOOST_TEST(guest.signal(5, 3) == "INT_ITE_INVALID of 5:3");
    BOOST_TEST(guest.send({c::mapc(1, 1), c::interrupt(5, 3)}) == "8200 pending at 1");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(its_translation_cache)

BOOST_AUTO_TEST_CASE(a_translation_is_kept_until_a_command_changes_it) {
    GuestIts guest = mapped_guest();
    guest.signal(5, 3);
    // A guest that changes a table itself is not heard.
    const std::uint64_t entry = guest.memory.read64(place::itt(5) + 3 * 8).value();
    guest.memory.write64(place::itt(5) + 3 * 8, 0);
    BOOST_TEST(guest.signal(5, 3) == "8200 pending at 0");
    BOOST_TEST(guest.send(c::mapd(5, place::itt(5), 5)) == "nothing");
    BOOST_TEST(guest.signal(5, 3) == "INT_UNMAPPED_INTERRUPT of 5:3");
    guest.memory.write64(place::itt(5) + 3 * 8, entry);
    BOOST_TEST(guest.signal(5, 3) == "8200 pending at 0");
}

BOOST_AUTO_TEST_CASE(every_command_that_changes_a_translation_is_heard) {
    const auto after = [](std::initializer_list<ItsCommand> commands) {
        GuestIts guest = mapped_guest();
        guest.send(c::mapc(2, 1));
        BOOST_TEST(guest.signal(5, 3) == "8200 pending at 0");
        guest.send(commands);
        return guest.signal(5, 3);
    };
    BOOST_TEST(after({c::discard(5, 3)}) == "INT_UNMAPPED_INTERRUPT of 5:3");
    BOOST_TEST(after({c::discard(5, 3), c::mapti(5, 3, 8300, 1)}) == "8300 pending at 0");
    BOOST_TEST(after({c::movi(5, 3, 2)}) == "8200 pending at 1");
    BOOST_TEST(after({c::mapc(1, 1)}) == "8200 pending at 1");
    BOOST_TEST(after({c::unmap_collection(1)}) == "INT_ITE_INVALID of 5:3");
    BOOST_TEST(after({c::unmap_device(5)}) == "INT_UNMAPPED_DEVICE of 5:3");
    BOOST_TEST(after({c::mapd(5, place::itt(6), 5)}) == "INT_UNMAPPED_INTERRUPT of 5:3");
    BOOST_TEST(after({c::mapd(5, place::itt(5), 1)}) == "INT_ID_OOR of 5:3");
}

BOOST_AUTO_TEST_CASE(other_translations_stay_when_one_changes) {
    GuestIts guest = mapped_guest();
    guest.send(
        {c::mapc(2, 1), c::mapti(5, 4, 8201, 2), c::mapd(6, place::itt(6), 5), c::mapti(6, 3, 8202, 2)});
    for (const auto& [device, event] : {std::pair{5U, 3U}, {5U, 4U}, {6U, 3U}}) guest.signal(device, event);
    std::fill_n(guest.memory.bytes.begin() + static_cast<std::ptrdiff_t>(place::itts), 0x10'0000,
                std::uint8_t{0});
    guest.send({c::mapc(1, 0), c::unmap_device(7)});
    BOOST_TEST(guest.signal(5, 3) == "INT_UNMAPPED_INTERRUPT of 5:3");
    BOOST_TEST(guest.signal(5, 4) == "8201 pending at 1");
    BOOST_TEST(guest.signal(6, 3) == "8202 pending at 1");
}

BOOST_AUTO_TEST_CASE(disabling_the_its_forgets_all) {
    GuestIts guest = mapped_guest();
    guest.signal(5, 3);
    guest.memory.write64(place::itt(5) + 3 * 8, 0);
    guest.put(gits::ctlr, 0, 4);
    guest.put(gits::ctlr, 1, 4);
    BOOST_TEST(guest.signal(5, 3) == "INT_UNMAPPED_INTERRUPT of 5:3");
}

BOOST_AUTO_TEST_CASE(events_that_share_a_place_in_the_cache_are_told_apart) {
    GuestIts guest = mapped_guest();
    guest.send(c::mapd(5, place::itts, 16));
    for (std::uint32_t event = 0; event < 1024; event += 64) guest.send(c::mapti(5, event, 9000 + event, 1));
    for (int round = 0; round < 2; ++round)
        for (std::uint32_t event = 0; event < 1024; event += 64)
            BOOST_TEST(guest.signal(5, event) == fmt::format("{} pending at 0", 9000 + event));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
