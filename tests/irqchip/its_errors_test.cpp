#include "irqchip/arm64/its.hpp"

#include <algorithm>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "tests/irqchip/its_fixture.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

namespace c = its_command;

/// Collections up to 8191 have room, devices too; event 4 of device 5 is mapped to collection 9, which is
/// not.
GuestIts guest_of_errors(ItsOptions options) {
    GuestIts guest = mapped_guest(options);
    guest.send(c::mapti(5, 4, 8201, 9));
    // Device 7's table is outside memory.
    guest.send(c::mapd(7, place::end, 5));
    // Event 5 is what only a guest's own hand can make it: an INTID that is no LPI.
    guest.memory.write64(
        place::itt(5) + 5 * 8,
        InterruptEntry{}.with(InterruptEntry::intid, 1023).with(InterruptEntry::collection, 1).raw());
    return guest;
}

struct Row {
    const char* error;
    ItsCommand command;
};

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.error; }

const Row rows[] = {
    {"MAPD_DEVICE_OOR", c::mapd(0x1'0000, place::itts, 5)},
    {"MAPD_DEVICE_OOR", c::mapd(0x2000, place::itts, 5)},
    {"MAPD_DEVICE_OOR", c::mapd(0xFFFF'FFFF, place::itts, 5)},
    {"MAPD_DEVICE_OOR", c::unmap_device(0x2000)},
    {"MAPD_ITTSIZE_OOR", c::mapd(6, place::itts, 17)},
    {"MAPD_ITTSIZE_OOR", c::mapd(6, place::itts, 32)},
    {"MAPC_PROCNUM_OOR", c::mapc(2, 2)},
    {"MAPC_PROCNUM_OOR", c::mapc(2, 0xFFFF'FFFF)},
    {"MAPC_COLLECTION_OOR", c::mapc(0x2000, 1)},
    {"MAPC_COLLECTION_OOR", c::unmap_collection(0x2000)},
    {"MAPTI_DEVICE_OOR", c::mapti(0x2000, 3, 8210, 1)},
    {"MAPTI_COLLECTION_OOR", c::mapti(5, 6, 8210, 0x2000)},
    {"MAPTI_COLLECTION_OOR", c::mapti(6, 6, 8210, 0x2000)},
    {"MAPTI_UNMAPPED_DEVICE", c::mapti(6, 6, 8210, 1)},
    {"MAPTI_ID_OOR", c::mapti(5, 32, 8210, 1)},
    {"MAPTI_ID_OOR", c::mapti(5, 0xFFFF'FFFF, 8210, 1)},
    {"MAPTI_PHYSICALID_OOR", c::mapti(5, 6, 8191, 1)},
    {"MAPTI_PHYSICALID_OOR", c::mapti(5, 6, 65536, 1)},
    {"MAPTI_PHYSICALID_OOR", c::mapti(5, 6, 0xFFFF'FFFF, 1)},
    {"MAPTI_PHYSICALID_OOR", c::mapti(5, 6, 0, 1)},
    {"MAPTI_TABLE_UNREACHABLE", c::mapti(7, 6, 8210, 1)},
    {"MAPI_DEVICE_OOR", c::mapi(0x2000, 8210, 1)},
    {"MAPI_COLLECTION_OOR", c::mapi(5, 8210, 0x2000)},
    {"MAPI_UNMAPPED_DEVICE", c::mapi(6, 8210, 1)},
    {"MAPI_ID_OOR", c::mapi(5, 8210, 1)},
    {"MAPI_PHYSICALID_OOR", c::mapi(5, 6, 1)},
    {"MOVI_DEVICE_OOR", c::movi(0x2000, 3, 1)},
    {"MOVI_COLLECTION_OOR", c::movi(5, 3, 0x2000)},
    {"MOVI_UNMAPPED_DEVICE", c::movi(6, 3, 1)},
    {"MOVI_ID_OOR", c::movi(5, 32, 1)},
    {"MOVI_UNMAPPED_INTERRUPT", c::movi(5, 6, 1)},
    {"MOVI_UNMAPPED_COLLECTION", c::movi(5, 3, 9)},
    {"MOVI_UNMAPPED_COLLECTION", c::movi(5, 4, 1)},
    {"MOVI_ITE_INVALID", c::movi(5, 5, 1)},
    {"MOVI_TABLE_UNREACHABLE", c::movi(7, 3, 1)},
    {"DISCARD_DEVICE_OOR", c::discard(0x2000, 3)},
    {"DISCARD_UNMAPPED_DEVICE", c::discard(6, 3)},
    {"DISCARD_ID_OOR", c::discard(5, 32)},
    {"DISCARD_UNMAPPED_INTERRUPT", c::discard(5, 6)},
    {"DISCARD_ITE_INVALID", c::discard(5, 4)},
    {"DISCARD_ITE_INVALID", c::discard(5, 5)},
    {"CLEAR_DEVICE_OOR", c::clear(0x2000, 3)},
    {"CLEAR_UNMAPPED_DEVICE", c::clear(6, 3)},
    {"CLEAR_ID_OOR", c::clear(5, 32)},
    {"CLEAR_UNMAPPED_INTERRUPT", c::clear(5, 6)},
    {"CLEAR_ITE_INVALID", c::clear(5, 4)},
    {"INT_DEVICE_OOR", c::interrupt(0x2000, 3)},
    {"INT_DEVICE_OOR", c::interrupt(0x1'0005, 3)},
    {"INT_UNMAPPED_DEVICE", c::interrupt(6, 3)},
    {"INT_ID_OOR", c::interrupt(5, 32)},
    {"INT_ID_OOR", c::interrupt(5, 0x1'0003)},
    {"INT_UNMAPPED_INTERRUPT", c::interrupt(5, 6)},
    {"INT_ITE_INVALID", c::interrupt(5, 4)},
    {"INT_ITE_INVALID", c::interrupt(5, 5)},
    {"INT_TABLE_UNREACHABLE", c::interrupt(7, 3)},
    {"INV_DEVICE_OOR", c::inv(0x2000, 3)},
    {"INV_UNMAPPED_DEVICE", c::inv(6, 3)},
    {"INV_ID_OOR", c::inv(5, 32)},
    {"INV_UNMAPPED_INTERRUPT", c::inv(5, 6)},
    {"INV_ITE_INVALID", c::inv(5, 4)},
    {"INVALL_COLLECTION_OOR", c::invall(0x2000)},
    {"INVALL_UNMAPPED_COLLECTION", c::invall(9)},
    {"MOVALL_PROCNUM_OOR", c::movall(2, 0)},
    {"MOVALL_PROCNUM_OOR", c::movall(0, 2)},
    {"MOVALL_PROCNUM_OOR", c::movall(0xFFFF'FFFF, 0xFFFF'FFFF)},
    {"UNKNOWN_COMMAND", {}},
    {"UNKNOWN_COMMAND", {{0x02, 0, 0, 0}}},
    // VMAPP of GICv4.
    {"UNKNOWN_COMMAND", {{0x29, 0, ~0ULL, ~0ULL}}},
    {"UNKNOWN_COMMAND", {{0xFF, ~0ULL, ~0ULL, ~0ULL}}},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(its_errors)

BOOST_DATA_TEST_CASE(a_command_with_an_error_says_so_and_does_nothing, boost::unit_test::data::make(rows),
                     row) {
    GuestIts guest = guest_of_errors({2});
    const GuestIts before = guest;
    BOOST_TEST(guest.send(row.command) == fmt::format("{} at 0xa0", row.error));
    // Nothing but the queue moved.
    BOOST_TEST((guest.redistributors == before.redistributors));
    const auto tables = static_cast<std::ptrdiff_t>(place::devices);
    BOOST_TEST(std::equal(guest.memory.bytes.begin() + tables, guest.memory.bytes.end(),
                          before.memory.bytes.begin() + tables));
    BOOST_TEST(guest.get(gits::creadr) == 0xC0);
    BOOST_TEST(guest.signal(5, 3) == "8200 pending at 0");
}

BOOST_DATA_TEST_CASE(or_stalls_at_it, boost::unit_test::data::make(rows), row) {
    GuestIts guest = guest_of_errors({2, 16, ItsErrorPolicy::stall});
    BOOST_TEST(guest.send({row.command, c::interrupt(5, 3)}) == fmt::format("{} at 0xa0", row.error));
    BOOST_TEST(guest.get(gits::creadr) == 0xA1);
}

BOOST_AUTO_TEST_CASE(as_many_lpis_as_the_gic_has_can_be_mapped) {
    GuestIts guest = mapped_guest({2, 17});
    BOOST_TEST(guest.send(c::mapti(5, 6, 0x1'FFFF, 1)) == "131071 mapped to 0");
    BOOST_TEST(guest.send(c::interrupt(5, 6)) == "131071 pending at 0");
    BOOST_TEST(guest.best(0) == "131071 at priority a0");
    BOOST_TEST(guest.send(c::mapti(5, 7, 0x2'0000, 1)) == "MAPTI_PHYSICALID_OOR at 0xa0");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
