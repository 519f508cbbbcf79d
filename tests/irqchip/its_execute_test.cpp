#include "irqchip/arm64/its.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/its_fixture.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

namespace c = its_command;

}  // namespace

BOOST_AUTO_TEST_SUITE(its_commands)

BOOST_AUTO_TEST_CASE(mapti_maps_an_event_to_any_lpi) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send(c::mapti(5, 31, 65535, 1)) == "65535 mapped to 0");
    BOOST_TEST(guest.send(c::interrupt(5, 31)) == "65535 pending at 0");
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "8200 pending at 0");
}

BOOST_AUTO_TEST_CASE(mapi_maps_an_event_to_the_lpi_of_the_same_number) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send({c::mapd(6, place::itts, 16), c::mapi(6, 9000, 1)}) == "9000 mapped to 0");
    BOOST_TEST(guest.send(c::interrupt(6, 9000)) == "9000 pending at 0");
}

BOOST_AUTO_TEST_CASE(a_mapped_event_keeps_its_mapping) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send({c::mapc(2, 1), c::mapti(5, 3, 8300, 2)}) == "nothing");
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "8200 pending at 0");
    BOOST_TEST(guest.send({c::discard(5, 3), c::mapti(5, 3, 8300, 2), c::interrupt(5, 3)}) ==
               "8200 cleared at 0, 8300 mapped to 1, 8300 pending at 1");
}

BOOST_AUTO_TEST_CASE(an_event_can_be_mapped_before_its_collection) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send({c::mapti(5, 4, 8201, 7), c::interrupt(5, 4)}) == "INT_ITE_INVALID at 0x80");
    BOOST_TEST(guest.send({c::mapc(7, 1), c::interrupt(5, 4)}) == "8201 pending at 1");
}

BOOST_AUTO_TEST_CASE(mapc_sends_what_comes_elsewhere_and_moves_nothing) {
    GuestIts guest = mapped_guest();
    guest.send(c::interrupt(5, 3));
    BOOST_TEST(guest.send(c::mapc(1, 1)) == "nothing");
    BOOST_TEST(guest.best(0) == "8200 at priority a0");
    BOOST_TEST(guest.best(1) == "nothing");
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "8200 pending at 1");
}

BOOST_AUTO_TEST_CASE(an_unmapped_collection_takes_nothing) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send({c::unmap_collection(1), c::interrupt(5, 3)}) == "INT_ITE_INVALID at 0x80");
    BOOST_TEST(guest.send(c::unmap_collection(1)) == "nothing");
    BOOST_TEST(guest.send(c::unmap_collection(9)) == "nothing");
}

// IHI 0069, 5.3: RDbase is GICR_TYPER.Processor_Number where GITS_TYPER.PTA is clear.
BOOST_AUTO_TEST_CASE(targets_are_processor_numbers_whatever_the_index) {
    GuestIts guest = mapped_guest({.redistributors = 2, .processor_numbers = {0, 18}});
    BOOST_TEST(guest.send({c::mapc(2, 18), c::mapti(5, 4, 8201, 2), c::interrupt(5, 4)}) ==
               "8201 mapped to 1, 8201 pending at 1");
    BOOST_TEST(guest.send(c::mapc(3, 1)) == "MAPC_PROCNUM_OOR at 0xc0");
    BOOST_TEST(guest.send(c::movall(18, 0)) == "all moved from 1 to 0");
    BOOST_TEST(guest.send(c::movall(18, 1)) == "MOVALL_PROCNUM_OOR at 0x100");
    BOOST_TEST(guest.send(c::movi(5, 4, 1)) == "8201 moved from 1 to 0");
    BOOST_TEST(guest.send(c::invall(2)) == "all invalidated at 1");
}

BOOST_AUTO_TEST_CASE(to_unmap_a_collection_no_redistributor_need_exist) {
    GuestIts guest = mapped_guest();
    ItsCommand unmap = c::unmap_collection(1);
    unmap.words[2] |= 99ULL << 16;
    BOOST_TEST(guest.send({unmap, c::interrupt(5, 3)}) == "INT_ITE_INVALID at 0x80");
}

BOOST_AUTO_TEST_CASE(an_unmapped_device_sends_nothing) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send({c::unmap_device(5), c::interrupt(5, 3)}) == "INT_UNMAPPED_DEVICE at 0x80");
    BOOST_TEST(guest.send(c::unmap_device(5)) == "nothing");
    // What it sent is still pending.
    GuestIts other = mapped_guest();
    other.send({c::interrupt(5, 3), c::unmap_device(5)});
    BOOST_TEST(other.best(0) == "8200 at priority a0");
}

BOOST_AUTO_TEST_CASE(a_device_gets_another_table) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send({c::mapd(5, place::itt(6), 5), c::interrupt(5, 3)}) ==
               "INT_UNMAPPED_INTERRUPT at 0x80");
    BOOST_TEST(guest.send({c::mapd(5, place::itt(5), 2), c::interrupt(5, 3)}) == "8200 pending at 0");
    BOOST_TEST(guest.send({c::mapd(5, place::itt(5), 1), c::interrupt(5, 3)}) == "INT_ID_OOR at 0x100");
}

BOOST_AUTO_TEST_CASE(movi_takes_a_pending_lpi_along) {
    GuestIts guest = mapped_guest();
    guest.configure(8200, 0x41);
    guest.send({c::mapc(2, 1), c::inv(5, 3), c::interrupt(5, 3)});
    guest.configure(8200, 0x81);
    BOOST_TEST(guest.send(c::movi(5, 3, 2)) == "8200 moved from 0 to 1");
    BOOST_TEST(guest.best(0) == "nothing");
    BOOST_TEST(guest.best(1) == "8200 at priority 40");
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "8200 pending at 1");
}

BOOST_AUTO_TEST_CASE(movi_of_an_lpi_that_is_not_pending_moves_what_comes) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send({c::mapc(2, 1), c::movi(5, 3, 2)}) == "8200 moved from 0 to 1");
    BOOST_TEST(guest.best(1) == "nothing");
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "8200 pending at 1");
}

BOOST_AUTO_TEST_CASE(movi_within_a_redistributor_changes_the_collection_only) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send({c::mapc(2, 0), c::movi(5, 3, 2)}) == "nothing");
    BOOST_TEST(guest.send({c::mapc(2, 1), c::interrupt(5, 3)}) == "8200 pending at 1");
}

BOOST_AUTO_TEST_CASE(movall_moves_what_is_pending) {
    GuestIts guest = mapped_guest();
    guest.send({c::mapti(5, 4, 8201, 1), c::interrupt(5, 3), c::interrupt(5, 4)});
    BOOST_TEST(guest.send(c::movall(0, 1)) == "all moved from 0 to 1");
    BOOST_TEST(guest.best(0) == "nothing");
    BOOST_TEST(guest.best(1) == "8200 at priority a0");
    BOOST_TEST(guest.redistributors[1].pending(8201));
    // The collection is where it was.
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "8200 pending at 0");
}

BOOST_AUTO_TEST_CASE(movall_to_itself_does_nothing) {
    GuestIts guest = mapped_guest();
    guest.send(c::interrupt(5, 3));
    BOOST_TEST(guest.send(c::movall(0, 0)) == "nothing");
    BOOST_TEST(guest.best(0) == "8200 at priority a0");
}

BOOST_AUTO_TEST_CASE(clear_makes_an_lpi_not_pending) {
    GuestIts guest = mapped_guest();
    guest.send(c::interrupt(5, 3));
    BOOST_TEST(guest.send(c::clear(5, 3)) == "8200 cleared at 0");
    BOOST_TEST(guest.best(0) == "nothing");
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "8200 pending at 0");
}

BOOST_AUTO_TEST_CASE(discard_removes_the_mapping_and_what_is_pending) {
    GuestIts guest = mapped_guest();
    guest.send(c::interrupt(5, 3));
    BOOST_TEST(guest.send(c::discard(5, 3)) == "8200 cleared at 0");
    BOOST_TEST(guest.best(0) == "nothing");
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "INT_UNMAPPED_INTERRUPT at 0xa0");
}

BOOST_AUTO_TEST_CASE(inv_makes_a_new_configuration_known) {
    GuestIts guest = mapped_guest();
    guest.configure(8200, 0x21);
    guest.send(c::interrupt(5, 3));
    BOOST_TEST(guest.best(0) == "8200 at priority a0");
    BOOST_TEST(guest.send(c::inv(5, 3)) == "8200 invalidated at 0");
    BOOST_TEST(guest.best(0) == "8200 at priority 20");
}

BOOST_AUTO_TEST_CASE(invall_makes_all_new_configurations_known) {
    GuestIts guest = mapped_guest();
    guest.send({c::mapti(5, 4, 8201, 1), c::interrupt(5, 3), c::interrupt(5, 4)});
    guest.configure(8200, 0xA0);
    guest.configure(8201, 0x41);
    BOOST_TEST(guest.best(0) == "8200 at priority a0");
    BOOST_TEST(guest.send(c::invall(1)) == "all invalidated at 0");
    BOOST_TEST(guest.best(0) == "8201 at priority 40");
}

BOOST_AUTO_TEST_CASE(sync_has_nothing_to_wait_for) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send({c::sync(0), c::sync(99), c::interrupt(5, 3)}) == "8200 pending at 0");
}

BOOST_AUTO_TEST_CASE(a_device_signals_its_events) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.signal(5, 3) == "8200 pending at 0");
    BOOST_TEST(guest.best(0) == "8200 at priority a0");
    BOOST_TEST(guest.signal(5, 4) == "INT_UNMAPPED_INTERRUPT of 5:4");
    BOOST_TEST(guest.signal(6, 3) == "INT_UNMAPPED_DEVICE of 6:3");
    guest.put(gits::ctlr, 0, 4);
    BOOST_TEST(guest.signal(5, 3) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_cpu_is_no_device) {
    GuestIts guest = mapped_guest();
    const Its before = guest.its;
    BOOST_TEST(guest.put(gits::translater, 3, 4) == "nothing");
    BOOST_TEST((guest.its == before));
}

BOOST_AUTO_TEST_CASE(a_redistributor_without_lpis_drops_them) {
    GuestIts guest = mapped_guest();
    guest.disable_lpis(0);
    BOOST_TEST(guest.signal(5, 3) == "8200 pending at 0");
    guest.enable_lpis(0);
    BOOST_TEST(guest.best(0) == "nothing");
}

BOOST_AUTO_TEST_CASE(bits_a_command_does_not_have_are_ignored) {
    GuestIts guest = mapped_guest();
    ItsCommand command = c::interrupt(5, 3);
    command.words[0] |= 0xFFFF'FF00;
    command.words[1] |= 0xFFFF'FFFF'0000'0000;
    command.words[2] = command.words[3] = ~0ULL;
    BOOST_TEST(guest.send(command) == "8200 pending at 0");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
