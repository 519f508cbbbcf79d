#include "irqchip/arm64/its.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/its_fixture.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

namespace c = its_command;

constexpr ItsOptions stalling{2, 16, ItsErrorPolicy::stall};
constexpr std::uint64_t retry = 1, stalled = 1;

}  // namespace

BOOST_AUTO_TEST_SUITE(its_queue)

BOOST_AUTO_TEST_CASE(a_write_of_cwriter_executes_the_commands_before_it) {
    GuestIts guest;
    BOOST_TEST(guest.send({c::mapd(5, place::itt(5), 5), c::mapc(1, 0), c::mapti(5, 3, 8200, 1),
                           c::interrupt(5, 3)}) == "8200 mapped to 0, 8200 pending at 0");
    BOOST_TEST(guest.get(gits::creadr) == 0x80);
    BOOST_TEST(guest.get(gits::cwriter) == 0x80);
    BOOST_TEST(guest.best(0) == "8200 at priority a0");
}

BOOST_AUTO_TEST_CASE(the_queue_wraps_at_its_end) {
    for (const std::uint32_t pages : {1U, 3U}) {
        GuestIts guest({2}, false);
        guest.queue_size = pages * 4096;
        guest.set_up();
        guest.put(gits::ctlr, 0, 4);
        guest.put(gits::cbaser, valid_bit | place::queue | (pages - 1));
        guest.put(gits::ctlr, 1, 4);
        guest.send({c::mapd(5, place::itt(5), 5), c::mapc(1, 0), c::mapti(5, 3, 8200, 1)});
        const std::uint32_t commands = pages * 128;
        for (std::uint32_t sent = 3; sent < 2 * commands + 5; ++sent)
            BOOST_TEST(guest.send(c::interrupt(5, 3)) == "8200 pending at 0");
        BOOST_TEST(guest.get(gits::creadr) == 5 * 32);
        // All but one slot at once, across the end.
        for (std::uint32_t i = 0; i < commands - 1; ++i) guest.store(c::interrupt(5, 3));
        BOOST_TEST(guest.write(gits::cwriter, guest.writer).size() == commands - 1);
        BOOST_TEST(guest.get(gits::creadr) == 4 * 32);
    }
}

BOOST_AUTO_TEST_CASE(the_same_cwriter_again_is_an_empty_queue) {
    GuestIts guest = mapped_guest();
    guest.store(c::interrupt(5, 3));
    guest.writer -= 32;
    BOOST_TEST(guest.put(gits::cwriter, guest.writer) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_cwriter_beyond_the_queue_is_ignored) {
    GuestIts guest = mapped_guest();
    const Its before = guest.its;
    guest.store(c::interrupt(5, 3));
    for (const std::uint64_t value : {0x1000ULL, 0x1020ULL, 0xFFFE0ULL}) {
        BOOST_TEST(guest.put(gits::cwriter, value) == "nothing");
        BOOST_TEST((guest.its == before));
    }
    // Bits that do not exist are no part of the offset.
    BOOST_TEST(guest.put(gits::cwriter, guest.writer | 0xFFFF'FFFF'FFF0'001E) == "8200 pending at 0");
    BOOST_TEST(guest.get(gits::cwriter) == guest.writer);
}

BOOST_AUTO_TEST_CASE(the_halves_of_cwriter_are_written_alone) {
    GuestIts guest = mapped_guest();
    guest.store(c::interrupt(5, 3));
    BOOST_TEST(guest.put(gits::cwriter + 4, 0xFFFF'FFFF, 4) == "nothing");
    BOOST_TEST(guest.put(gits::cwriter, guest.writer, 4) == "8200 pending at 0");
}

BOOST_AUTO_TEST_CASE(a_disabled_its_reads_commands_when_it_is_enabled) {
    GuestIts guest = mapped_guest();
    guest.put(gits::ctlr, 0, 4);
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "nothing");
    BOOST_TEST(guest.get(gits::creadr) != guest.get(gits::cwriter));
    BOOST_TEST(guest.get(gits::ctlr, 4) == 0x8000'0000);
    BOOST_TEST(guest.put(gits::ctlr, 1, 4) == "8200 pending at 0");
    BOOST_TEST(guest.get(gits::creadr) == guest.get(gits::cwriter));
}

BOOST_AUTO_TEST_CASE(a_write_of_cbaser_empties_the_queue) {
    GuestIts guest = mapped_guest();
    guest.put(gits::ctlr, 0, 4);
    guest.store(c::interrupt(5, 3));
    guest.put(gits::cwriter, guest.writer);
    guest.put(gits::cbaser + 4, guest.get(gits::cbaser + 4, 4), 4);
    BOOST_TEST(guest.get(gits::creadr) == 0);
    BOOST_TEST(guest.get(gits::cwriter) == 0);
    BOOST_TEST(guest.put(gits::ctlr, 1, 4) == "nothing");
}

BOOST_AUTO_TEST_CASE(an_error_is_passed_over_as_kvm_does) {
    GuestIts guest = mapped_guest();
    BOOST_TEST(guest.send({c::interrupt(5, 4), c::interrupt(5, 3)}) ==
               "INT_UNMAPPED_INTERRUPT at 0x60, 8200 pending at 0");
    BOOST_TEST(!guest.its.stalled());
    BOOST_TEST(guest.get(gits::creadr) == 0xA0);
}

BOOST_AUTO_TEST_CASE(an_error_stalls_the_queue_where_it_is_asked_to) {
    GuestIts guest = mapped_guest(stalling);
    BOOST_TEST(guest.send({c::interrupt(5, 3), c::interrupt(5, 4), c::interrupt(5, 3)}) ==
               "8200 pending at 0, INT_UNMAPPED_INTERRUPT at 0x80");
    BOOST_TEST(guest.its.stalled());
    BOOST_TEST(guest.get(gits::creadr) == (0x80 | stalled));
    BOOST_TEST(guest.get(gits::cwriter) == 0xC0);
    BOOST_TEST(guest.get(gits::ctlr, 4) == 1);
}

BOOST_AUTO_TEST_CASE(a_stalled_queue_takes_commands_and_executes_none) {
    GuestIts guest = mapped_guest(stalling);
    guest.send(c::interrupt(5, 4));
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "nothing");
    BOOST_TEST(guest.get(gits::cwriter) == guest.writer);
    BOOST_TEST(guest.get(gits::creadr) == (0x60 | stalled));
    // MSIs are translated all the same.
    BOOST_TEST(guest.signal(5, 3) == "8200 pending at 0");
    guest.put(gits::ctlr, 0, 4);
    BOOST_TEST(guest.put(gits::ctlr, 1, 4) == "nothing");
    BOOST_TEST(guest.its.stalled());
}

BOOST_AUTO_TEST_CASE(retry_executes_the_command_again) {
    GuestIts guest = mapped_guest(stalling);
    guest.send({c::interrupt(5, 4), c::interrupt(5, 3)});
    BOOST_TEST(guest.put(gits::cwriter, guest.writer | retry) == "INT_UNMAPPED_INTERRUPT at 0x60");
    BOOST_TEST(guest.its.stalled());
    // Software replaces the command.
    guest.memory.write64(place::queue + 0x60 + 8, 3);
    BOOST_TEST(guest.put(gits::cwriter, guest.writer | retry) == "8200 pending at 0, 8200 pending at 0");
    BOOST_TEST(!guest.its.stalled());
    BOOST_TEST(guest.get(gits::creadr) == 0xA0);
    BOOST_TEST(guest.get(gits::cwriter) == 0xA0);
}

BOOST_AUTO_TEST_CASE(retry_without_a_stall_does_nothing) {
    GuestIts guest = mapped_guest(stalling);
    const Its before = guest.its;
    BOOST_TEST(guest.put(gits::cwriter, guest.writer | retry) == "nothing");
    BOOST_TEST((guest.its == before));
    BOOST_TEST(guest.put(gits::cwriter, 0x1000 | retry) == "nothing");
    BOOST_TEST((guest.its == before));
}

BOOST_AUTO_TEST_CASE(a_write_of_cbaser_ends_a_stall) {
    GuestIts guest = mapped_guest(stalling);
    guest.send(c::interrupt(5, 4));
    guest.put(gits::ctlr, 0, 4);
    guest.put(gits::cbaser, valid_bit | place::queue);
    BOOST_TEST(!guest.its.stalled());
}

BOOST_AUTO_TEST_CASE(a_queue_outside_memory_is_an_error_a_command) {
    for (const auto policy : {ItsErrorPolicy::pass_over, ItsErrorPolicy::stall}) {
        GuestIts guest({2, 16, policy});
        guest.memory.holes = {place::queue};
        guest.put(gits::cwriter, 0x40);
        const bool stall = policy == ItsErrorPolicy::stall;
        BOOST_TEST(guest.get(gits::creadr) == (stall ? stalled : 0x40));
        guest.memory.holes.clear();
        guest.put(gits::ctlr, 0, 4);
        guest.put(gits::cbaser, valid_bit | 0xF'FFFF'FFFF'0000);
        guest.put(gits::ctlr, 1, 4);
        BOOST_TEST(
            guest.put(gits::cwriter, 0x40) ==
            (stall ? "QUEUE_UNREACHABLE at 0x0" : "QUEUE_UNREACHABLE at 0x0, QUEUE_UNREACHABLE at 0x20"));
    }
}

BOOST_AUTO_TEST_CASE(a_queue_that_ends_outside_memory_is_read_as_far_as_it_goes) {
    GuestIts guest({2}, false);
    guest.put(gits::cbaser, valid_bit | (place::end - 0x1'0000) | 0xFF);
    guest.put(gits::baser, valid_bit | place::devices);
    guest.put(gits::baser + 8, valid_bit | place::collections);
    guest.put(gits::ctlr, 1, 4);
    // 64 KiB of zeros, then nothing: 32767 errors, and no end of the world.
    const LpiEffects effects = guest.write(gits::cwriter, 0xF'FFE0);
    BOOST_TEST(effects.size() == 0x7FFF);
    BOOST_TEST(text(effects[0]) == "UNKNOWN_COMMAND at 0x0");
    BOOST_TEST(text(effects[0x7FF]) == "UNKNOWN_COMMAND at 0xffe0");
    BOOST_TEST(text(effects[0x800]) == "QUEUE_UNREACHABLE at 0x10000");
}

BOOST_AUTO_TEST_CASE(userspace_restores_creadr) {
    GuestIts guest = mapped_guest();
    guest.store(c::interrupt(5, 3));
    guest.put(gits::cwriter, guest.writer);
    BOOST_TEST(!guest.its.restore_creadr(0x60));
    guest.put(gits::ctlr, 0, 4);
    BOOST_TEST(!guest.its.restore_creadr(0x1000));
    BOOST_TEST(guest.its.restore_creadr(0x60));
    BOOST_TEST(guest.put(gits::ctlr, 1, 4) == "8200 pending at 0");
}

BOOST_AUTO_TEST_CASE(a_copy_goes_its_own_way) {
    GuestIts guest = mapped_guest();
    GuestIts copy = guest;
    BOOST_TEST((copy.its == guest.its));
    copy.send(c::unmap_collection(1));
    BOOST_TEST((copy.its != guest.its));
    BOOST_TEST(guest.send(c::interrupt(5, 3)) == "8200 pending at 0");
    BOOST_TEST(copy.send(c::interrupt(5, 3)) == "INT_ITE_INVALID at 0x80");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
