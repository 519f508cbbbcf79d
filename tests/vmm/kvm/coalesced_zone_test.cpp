#include "vmm/kvm/coalesced_zone.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>

#include "tests/vmm/kvm/guest.hpp"

namespace irqbench::vmm::kvm {

BOOST_AUTO_TEST_SUITE(coalesced_zone, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(writes_of_both_spaces_wait_in_the_ring_in_their_order) {
    MiniGuest guest;
    const CoalescedZone memory(guest.vm, CoalescedZone::Space::mmio, 0xd0000, 0x100);
    const CoalescedZone ports(guest.vm, CoalescedZone::Space::port, 0x70, 2);
    guest.load(
        {
            0x66, 0xb8, 0x78, 0x56, 0x34, 0x12,  // mov eax, 0x12345678
            0x66, 0xa3, 0x10, 0x00,              // mov [0x10], eax
            0xe6, 0x70,                          // out 0x70, al
            0xa2, 0xff, 0x00,                    // mov [0xff], al
            0xa2, 0x00, 0x01,                    // mov [0x100], al
            0xf4,                                // hlt
        },
        0xd0000);
    // The first write behind the zone exits; what came before it is in the ring.
    BOOST_TEST(guest.run<MmioExit>().address == 0xd0100u);
    const auto first = guest.vcpu->next_coalesced_write();
    BOOST_REQUIRE(first.has_value());
    BOOST_TEST(!first->port);
    BOOST_TEST(first->address == 0xd0010u);
    BOOST_TEST(first->bytes == 4u);
    BOOST_TEST(first->value == 0x12345678u);
    const auto second = guest.vcpu->next_coalesced_write();
    BOOST_REQUIRE(second.has_value());
    BOOST_TEST(second->port);
    BOOST_TEST(second->address == 0x70u);
    BOOST_TEST(second->value == 0x78u);
    const auto third = guest.vcpu->next_coalesced_write();
    BOOST_REQUIRE(third.has_value());
    BOOST_TEST(third->address == 0xd00ffu);
    BOOST_TEST(third->bytes == 1u);
    BOOST_TEST(!guest.vcpu->next_coalesced_write());
    guest.run<HltExit>();
}

BOOST_AUTO_TEST_CASE(a_full_ring_exits_and_goes_on_behind_its_end) {
    MiniGuest guest;
    const CoalescedZone ports(guest.vm, CoalescedZone::Space::port, 0x70, 1);
    guest.load({
        0x31, 0xc0,  // xor ax, ax
        0x40,        // again: inc ax
        0xe7, 0x70,  // out 0x70, ax, which the one-byte zone does not take
        0xe6, 0x70,  // out 0x70, al
        0xeb, 0xf9,  // jmp again
    });
    const auto drained = [&] {
        std::uint64_t count = 0;
        while (guest.vcpu->next_coalesced_write()) ++count;
        return count;
    };
    for (std::uint64_t i = 1; i <= 3; ++i) {
        const auto io = guest.run<IoExit>();
        BOOST_TEST(io.size == 2);
        BOOST_TEST(value_of(io.data) == i);
        BOOST_TEST(drained() == (i == 1 ? 0u : 1u));
    }
    guest.load({
        0x31, 0xc0,  // xor ax, ax
        0xe6, 0x70,  // again: out 0x70, al
        0x40,        // inc ax
        0xeb, 0xfb,  // jmp again
    });
    constexpr std::uint64_t ring = (4096 - 8) / 24 - 1;  // one entry stays free
    for (int round = 0; round < 3; ++round) {
        const auto io = guest.run<IoExit>();
        BOOST_TEST(io.size == 1);
        std::uint8_t expected = static_cast<std::uint8_t>(std::to_integer<unsigned>(io.data[0]) - ring);
        std::uint64_t count = 0;
        while (const auto write = guest.vcpu->next_coalesced_write()) {
            BOOST_REQUIRE(write->value == expected++);
            ++count;
        }
        BOOST_TEST(count == ring);
    }
}

BOOST_AUTO_TEST_CASE(writes_exit_again_once_the_zone_is_gone) {
    MiniGuest guest;
    {
        CoalescedZone zone(guest.vm, CoalescedZone::Space::port, 0x70, 1);
        const CoalescedZone moved = std::move(zone);
    }
    guest.load({0xe6, 0x70});  // out 0x70, al
    guest.run<IoExit>();
    BOOST_TEST(!guest.vcpu->next_coalesced_write());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
