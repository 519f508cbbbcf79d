#include "vmm/model/doorbells.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>

using namespace irqbench::vmm;
using irqbench::vmm::model::Doorbells;

namespace {

IoeventfdSpec bell(std::string name, std::uint64_t address, std::uint32_t length,
                   std::optional<std::uint64_t> match = {}) {
    return {std::move(name), address, false, length, match};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(model_doorbells)

BOOST_AUTO_TEST_CASE(a_write_rings_by_place_width_and_value) {
    Doorbells bells;
    BOOST_TEST(bells.assign(bell("any", 0x1000, 4)).ok());
    BOOST_TEST(bells.assign(bell("five", 0x2000, 2, 5)).ok());
    BOOST_TEST(bells.assign(bell("wide", 0x3000, 0)).ok());
    BOOST_TEST(bells.ring(false, 0x1000, 4, 9));
    BOOST_TEST(!bells.ring(false, 0x1000, 2, 9));
    BOOST_TEST(!bells.ring(false, 0x1004, 4, 9));
    BOOST_TEST(!bells.ring(true, 0x1000, 4, 9));
    BOOST_TEST(bells.ring(false, 0x2000, 2, 0x10005));  // the bytes written are what counts
    BOOST_TEST(!bells.ring(false, 0x2000, 2, 6));
    BOOST_TEST(bells.ring(false, 0x3000, 1, 0));
    BOOST_TEST(bells.ring(false, 0x3000, 8, 0));
    const auto rung = bells.take_rung();
    BOOST_TEST(rung.size() == 3);
    BOOST_TEST(rung[2].name == "wide");
    BOOST_TEST(rung[2].count == 2);
    BOOST_TEST(bells.take_rung().empty());
}

BOOST_AUTO_TEST_CASE(what_one_write_could_ring_twice_is_refused) {
    Doorbells bells;
    (void)bells.assign(bell("five", 0x1000, 4, 5));
    BOOST_TEST(bells.assign(bell("a", 0x1000, 4)).error == EEXIST);
    BOOST_TEST(bells.assign(bell("b", 0x1000, 0)).error == EEXIST);
    BOOST_TEST(bells.assign(bell("six", 0x1000, 4, 6)).ok());
    BOOST_TEST(bells.assign(bell("short", 0x1000, 2)).ok());
    BOOST_TEST(bells.assign(bell("c", 0x1000, 3)).error == EINVAL);
    BOOST_TEST(bells.assign(bell("d", 0x2000, 0, 1)).error == EINVAL);
    BOOST_TEST(bells.assign(bell("e", ~std::uint64_t{1}, 4)).error == EINVAL);
}

BOOST_AUTO_TEST_CASE(a_second_deassignment_is_an_error) {
    Doorbells bells;
    (void)bells.assign(bell("bell", 0x1000, 4));
    BOOST_TEST(bells.deassign("bell").ok());
    BOOST_TEST(!bells.ring(false, 0x1000, 4, 0));
    BOOST_TEST(bells.deassign("bell").error == ENOENT);
    BOOST_TEST(bells.assign(bell("bell", 0x1000, 4)).ok());
    BOOST_TEST(bells.ring(false, 0x1000, 4, 0));
}

BOOST_AUTO_TEST_SUITE_END()
