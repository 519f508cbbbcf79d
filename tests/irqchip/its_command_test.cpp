#include "irqchip/arm64/its_command.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <string>

namespace irqbench::irqchip::arm64 {
namespace {

using Words = std::array<std::uint64_t, 4>;

}  // namespace

BOOST_AUTO_TEST_SUITE(its_commands_as_data)

// IHI 0069, 5.3: the figures of each command.
BOOST_AUTO_TEST_CASE(every_command_is_encoded_as_the_manual_draws_it) {
    namespace c = its_command;
    const auto same = [](const ItsCommand& command, const Words& words) { return command.words == words; };
    BOOST_TEST(
        same(c::mapd(0x1234, 0xF'5678'9ABC'DE00, 5), {0x0000'1234'0000'0008, 4, 0x800F'5678'9ABC'DE00, 0}));
    BOOST_TEST(same(c::mapd(1, 0, 32), {0x0000'0001'0000'0008, 31, 0x8000'0000'0000'0000, 0}));
    BOOST_TEST(same(c::unmap_device(7), {0x0000'0007'0000'0008, 0, 0, 0}));
    BOOST_TEST(same(c::mapc(0xABCD, 0x12), {0x09, 0, 0x8000'0000'0012'ABCD, 0}));
    BOOST_TEST(same(c::unmap_collection(0xABCD), {0x09, 0, 0xABCD, 0}));
    BOOST_TEST(same(c::mapti(2, 3, 0x2004, 5), {0x0000'0002'0000'000A, 0x0000'2004'0000'0003, 5, 0}));
    BOOST_TEST(same(c::mapi(2, 0x2004, 5), {0x0000'0002'0000'000B, 0x2004, 5, 0}));
    BOOST_TEST(same(c::movi(2, 3, 5), {0x0000'0002'0000'0001, 3, 5, 0}));
    BOOST_TEST(same(c::discard(2, 3), {0x0000'0002'0000'000F, 3, 0, 0}));
    BOOST_TEST(same(c::clear(2, 3), {0x0000'0002'0000'0004, 3, 0, 0}));
    BOOST_TEST(same(c::interrupt(2, 3), {0x0000'0002'0000'0003, 3, 0, 0}));
    BOOST_TEST(same(c::inv(2, 3), {0x0000'0002'0000'000C, 3, 0, 0}));
    BOOST_TEST(same(c::invall(5), {0x0D, 0, 5, 0}));
    BOOST_TEST(same(c::movall(1, 2), {0x0E, 0, 0x1'0000, 0x2'0000}));
    BOOST_TEST(same(c::sync(3), {0x05, 0, 0x3'0000, 0}));
}

BOOST_AUTO_TEST_CASE(every_field_is_where_the_manual_draws_it) {
    constexpr ItsCommand ones{{~0ULL, ~0ULL, ~0ULL, ~0ULL}};
    BOOST_TEST(ones.device() == 0xFFFF'FFFF);
    BOOST_TEST(ones.event() == 0xFFFF'FFFF);
    BOOST_TEST(ones.intid() == 0xFFFF'FFFF);
    BOOST_TEST(ones.event_bits() == 32);
    BOOST_TEST(ones.valid());
    BOOST_TEST(ones.itt() == 0x000F'FFFF'FFFF'FF00);
    BOOST_TEST(ones.collection() == 0xFFFF);
    BOOST_TEST(ones.target() == 0x7'FFFF'FFFF);
    BOOST_TEST(ones.second_target() == 0x7'FFFF'FFFF);
    constexpr ItsCommand neighbours{{0xFFFF'FF00, 0x20, 0x7FF0'0000'0000'00FF, 0xFFF8'0000'0000'FFFF}};
    BOOST_TEST(static_cast<unsigned>(neighbours.opcode()) == 0);
    BOOST_TEST(neighbours.device() == 0);
    BOOST_TEST(neighbours.event_bits() == 1);
    BOOST_TEST(!neighbours.valid());
    BOOST_TEST(neighbours.itt() == 0);
    BOOST_TEST(neighbours.second_target() == 0);
}

/// IHI 0069, 5.3: the errors of each command.
BOOST_AUTO_TEST_CASE(every_error_has_the_code_and_the_name_of_the_manual) {
    const std::map<std::string, std::uint32_t> sheet{
        {"MOVI_DEVICE_OOR", 0x010101},
        {"MOVI_COLLECTION_OOR", 0x010103},
        {"MOVI_UNMAPPED_DEVICE", 0x010104},
        {"MOVI_ID_OOR", 0x010105},
        {"MOVI_UNMAPPED_INTERRUPT", 0x010107},
        {"MOVI_UNMAPPED_COLLECTION", 0x010109},
        {"MOVI_ITE_INVALID", 0x010110},
        {"INT_DEVICE_OOR", 0x010301},
        {"INT_UNMAPPED_DEVICE", 0x010304},
        {"INT_ID_OOR", 0x010305},
        {"INT_UNMAPPED_INTERRUPT", 0x010307},
        {"INT_ITE_INVALID", 0x010310},
        {"CLEAR_DEVICE_OOR", 0x010501},
        {"CLEAR_UNMAPPED_DEVICE", 0x010504},
        {"CLEAR_ID_OOR", 0x010505},
        {"CLEAR_UNMAPPED_INTERRUPT", 0x010507},
        {"CLEAR_ITE_INVALID", 0x010510},
        {"MAPD_DEVICE_OOR", 0x010801},
        {"MAPD_ITTSIZE_OOR", 0x010802},
        {"MAPC_PROCNUM_OOR", 0x010902},
        {"MAPC_COLLECTION_OOR", 0x010903},
        {"MAPTI_DEVICE_OOR", 0x010A01},
        {"MAPTI_COLLECTION_OOR", 0x010A03},
        {"MAPTI_UNMAPPED_DEVICE", 0x010A04},
        {"MAPTI_ID_OOR", 0x010A05},
        {"MAPTI_PHYSICALID_OOR", 0x010A06},
        {"MAPI_DEVICE_OOR", 0x010B01},
        {"MAPI_COLLECTION_OOR", 0x010B03},
        {"MAPI_UNMAPPED_DEVICE", 0x010B04},
        {"MAPI_ID_OOR", 0x010B05},
        {"MAPI_PHYSICALID_OOR", 0x010B06},
        {"INV_DEVICE_OOR", 0x010C01},
        {"INV_UNMAPPED_DEVICE", 0x010C04},
        {"INV_ID_OOR", 0x010C05},
        {"INV_UNMAPPED_INTERRUPT", 0x010C07},
        {"INV_ITE_INVALID", 0x010C10},
        {"INVALL_COLLECTION_OOR", 0x010D03},
        {"INVALL_UNMAPPED_COLLECTION", 0x010D09},
        {"MOVALL_PROCNUM_OOR", 0x010E01},
        {"DISCARD_DEVICE_OOR", 0x010F01},
        {"DISCARD_UNMAPPED_DEVICE", 0x010F04},
        {"DISCARD_ID_OOR", 0x010F05},
        {"DISCARD_UNMAPPED_INTERRUPT", 0x010F07},
        {"DISCARD_ITE_INVALID", 0x010F10},
    };
    std::size_t found = 0;
    for (unsigned opcode = 0; opcode < 256; ++opcode)
        for (unsigned fault = 0; fault <= static_cast<unsigned>(ItsFault::queue_unreachable); ++fault) {
            const ItsError error{static_cast<ItsOpcode>(opcode), static_cast<ItsFault>(fault)};
            const auto row = sheet.find(error.name());
            if (row == sheet.end()) continue;
            ++found;
            BOOST_TEST((error.code() == row->second), row->first);
        }
    BOOST_TEST(found == sheet.size());
}

BOOST_AUTO_TEST_CASE(what_the_architecture_does_not_number_has_no_code) {
    const ItsError unknown{static_cast<ItsOpcode>(0x29), ItsFault::unknown_command};
    BOOST_TEST(unknown.name() == "UNKNOWN_COMMAND");
    BOOST_TEST(!unknown.code());
    const ItsError queue{ItsOpcode{}, ItsFault::queue_unreachable};
    BOOST_TEST(queue.name() == "QUEUE_UNREACHABLE");
    BOOST_TEST(!queue.code());
    const ItsError table{ItsOpcode::mapti, ItsFault::table_unreachable};
    BOOST_TEST(table.name() == "MAPTI_TABLE_UNREACHABLE");
    BOOST_TEST(!table.code());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
