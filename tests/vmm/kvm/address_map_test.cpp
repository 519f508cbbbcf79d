#include "vmm/kvm/address_map.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>

namespace irqbench::vmm::kvm {
namespace {

constexpr std::uint64_t host = 0x7f0000000000;

MemoryRange range(std::uint64_t guest, std::uint64_t bytes, Access access = Access::ram) {
    return {guest, bytes, host + guest, access, false};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(address_map)

BOOST_AUTO_TEST_CASE(the_last_request_for_a_byte_wins) {
    AddressMap map;
    map.add(range(0x1000, 0x3000));
    map.add(range(0x2000, 0x1000, Access::rom));
    map.remove(0x3800, 0x100);
    BOOST_TEST((map.find(0x1fff)->access == Access::ram));
    BOOST_TEST((map.find(0x2000)->access == Access::rom));
    BOOST_TEST((map.find(0x3000)->access == Access::ram));
    BOOST_TEST(map.find(0x37ff) != nullptr);
    BOOST_TEST(map.find(0x3800) == nullptr);
    BOOST_TEST(map.find(0x38ff) == nullptr);
    BOOST_TEST(map.find(0x3900)->userspace_address == host + 0x3900);
    BOOST_TEST(map.find(0x0fff) == nullptr);
    BOOST_TEST(map.find(0x4000) == nullptr);
}

BOOST_AUTO_TEST_CASE(maps_that_look_the_same_are_equal_whatever_led_to_them) {
    AddressMap at_once;
    at_once.add(range(0x1000, 0x3000));
    AddressMap in_pieces;
    in_pieces.add(range(0x3000, 0x1000));
    in_pieces.add(range(0x1000, 0x800));
    in_pieces.add(range(0x1400, 0x2000, Access::rom));
    in_pieces.add(range(0x1400, 0x2000));
    in_pieces.set_dirty_logging(0, 0x1800, true);
    BOOST_TEST((in_pieces != at_once));
    in_pieces.set_dirty_logging(0x1000, 0x1000, false);
    BOOST_TEST((in_pieces == at_once));
    BOOST_TEST(in_pieces.ranges().size() == 1u);
}

BOOST_AUTO_TEST_CASE(neighbours_that_are_not_neighbours_in_the_host_stay_apart) {
    AddressMap map;
    map.add(range(0x1000, 0x1000));
    map.add({0x2000, 0x1000, host + 0x5000, Access::ram, false});
    BOOST_TEST(map.ranges().size() == 2u);
}

BOOST_AUTO_TEST_CASE(what_no_page_table_can_map_is_refused) {
    AddressMap map;
    BOOST_CHECK_THROW(map.add(range(0x1000, 0)), std::invalid_argument);
    BOOST_CHECK_THROW(map.add({0x1000, 0x1000, host + 1, Access::ram, false}), std::invalid_argument);
    BOOST_CHECK_THROW(map.add({0xfffffffffffff000, 0x1000, host, Access::ram, false}), std::invalid_argument);
    BOOST_CHECK_THROW(map.remove(0xfffffffffffff000, 0x1001), std::invalid_argument);
    BOOST_CHECK_THROW(map.set_dirty_logging(1, ~std::uint64_t{0}, true), std::invalid_argument);
    BOOST_TEST(map.ranges().empty());
    map.add({0xffffffffffffe000, 0x1000, host, Access::ram, false});
    BOOST_TEST(map.find(0xffffffffffffefff) != nullptr);
    map.remove(0, ~std::uint64_t{0});
    BOOST_TEST(map.ranges().empty());
}

BOOST_AUTO_TEST_CASE(empty_requests_change_nothing) {
    AddressMap map;
    map.add(range(0x1000, 0x1000));
    const AddressMap before = map;
    map.remove(0x1800, 0);
    map.set_dirty_logging(0x1800, 0, true);
    BOOST_TEST((map == before));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
