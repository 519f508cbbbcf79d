#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "tests/vmm/kvm/guest.hpp"
#include "tests/vmm/kvm/since.hpp"
#include "vmm/kvm/coalesced_zone.hpp"
#include "vmm/kvm/ioeventfd.hpp"

// What KVM does with a guest's stores by itself, on any architecture: coalesced MMIO and ioeventfds.
namespace irqbench::vmm::kvm {
namespace {

constexpr std::uint64_t zone_address = 0xd0000;
constexpr std::uint64_t zone_bytes = 0x100;

CoalescedZone zone_of(MiniGuest& guest) {
    return {guest.vm, CoalescedZone::Space::mmio, zone_address, zone_bytes};
}

Doorbell doorbell_at(std::uint64_t address, std::uint32_t length,
                     std::optional<std::uint64_t> datamatch = std::nullopt) {
    return {address, false, length, datamatch};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(coalesced_mmio, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(writes_wait_in_the_ring_in_their_order_and_reads_come_out) {
    MiniGuest guest;
    const CoalescedZone zone = zone_of(guest);
    BOOST_TEST(!guest.store(zone_address + 0x10, 0x12345678, 4).has_value());
    BOOST_TEST(!guest.store(zone_address + zone_bytes - 1, 0x9a).has_value());
    BOOST_TEST(guest.store(zone_address + zone_bytes, 1).has_value());
    BOOST_TEST(guest.store(zone_address + zone_bytes - 2, 1, 4).has_value());  // not inside as a whole
    BOOST_TEST(!guest.fetch(zone_address + 0x10).has_value());
    const auto first = guest.vcpu->next_coalesced_write();
    BOOST_REQUIRE(first.has_value());
    BOOST_TEST(!first->port);
    BOOST_TEST(first->address == zone_address + 0x10);
    BOOST_TEST(first->bytes == 4u);
    BOOST_TEST(first->value == 0x12345678u);
    const auto second = guest.vcpu->next_coalesced_write();
    BOOST_REQUIRE(second.has_value());
    BOOST_TEST(second->address == zone_address + zone_bytes - 1);
    BOOST_TEST(second->bytes == 1u);
    BOOST_TEST(second->value == 0x9au);
    BOOST_TEST(!guest.vcpu->next_coalesced_write().has_value());
}

BOOST_AUTO_TEST_CASE(a_full_ring_lets_writes_out_until_it_is_read) {
    MiniGuest guest;
    const CoalescedZone zone = zone_of(guest);
    constexpr std::uint32_t ring = (4096 - 8) / 24 - 1;  // one entry stays free
    if (!since("6.12", "KVM lets writes out before the ring is full")) return;
    for (int round = 0; round < 3; ++round) {
        for (std::uint32_t i = 0; i < ring; ++i) BOOST_REQUIRE(!guest.store(zone_address, i, 4).has_value());
        const auto left = guest.store(zone_address, ring, 4);
        BOOST_REQUIRE(left.has_value());
        BOOST_TEST(left->value == ring);
        for (std::uint32_t i = 0; i < ring; ++i) {
            const auto write = guest.vcpu->next_coalesced_write();
            BOOST_REQUIRE(write.has_value());
            BOOST_REQUIRE(write->value == i);
        }
        BOOST_TEST(!guest.vcpu->next_coalesced_write().has_value());
    }
}

BOOST_AUTO_TEST_CASE(writes_come_out_again_once_the_zone_is_gone) {
    MiniGuest guest;
    {
        CoalescedZone zone = zone_of(guest);
        const CoalescedZone moved = std::move(zone);
        BOOST_TEST(!guest.store(zone_address, 1).has_value());
    }
    BOOST_TEST(guest.store(zone_address, 2).has_value());
    BOOST_REQUIRE(guest.vcpu->next_coalesced_write().has_value());
    BOOST_TEST(!guest.vcpu->next_coalesced_write().has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ioeventfd_of_mmio, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(only_the_matching_store_rings_and_the_others_come_out) {
    MiniGuest guest;
    const EventFd event;
    const Ioeventfd doorbell(guest.vm, event, doorbell_at(0xd0040, 4, 7));
    BOOST_TEST(!guest.store(0xd0040, 7, 4).has_value());
    BOOST_TEST(!guest.store(0xd0040, 7, 4).has_value());
    BOOST_TEST(event.drain() == 2u);
    const auto other = guest.store(0xd0040, 8, 4);
    BOOST_REQUIRE(other.has_value());
    BOOST_TEST(other->value == 8u);
    const auto narrow = guest.store(0xd0040, 7, 2);
    BOOST_REQUIRE(narrow.has_value());
    BOOST_TEST(narrow->bytes == 2u);
    BOOST_TEST(guest.store(0xd0044, 7, 4).has_value());
    BOOST_TEST(event.drain() == 0u);
}

BOOST_AUTO_TEST_CASE(length_zero_rings_for_every_width) {
    MiniGuest guest;
    const EventFd event;
    const Ioeventfd doorbell(guest.vm, event, doorbell_at(0xd0040, 0));
    for (const unsigned bytes : {1U, 2U, 4U}) BOOST_TEST(!guest.store(0xd0040, 1, bytes).has_value());
    BOOST_TEST(event.drain() == 3u);
    BOOST_TEST(guest.store(0xd0041, 1).has_value());
    BOOST_TEST(event.drain() == 0u);
}

BOOST_AUTO_TEST_CASE(it_rings_no_more_once_it_is_gone) {
    MiniGuest guest;
    const EventFd event;
    {
        Ioeventfd first(guest.vm, event, doorbell_at(0xd0040, 1));
        const Ioeventfd doorbell = std::move(first);
        BOOST_TEST(!guest.store(0xd0040, 1).has_value());
    }
    BOOST_TEST(event.drain() == 1u);
    BOOST_TEST(guest.store(0xd0040, 1).has_value());
    BOOST_TEST(event.drain() == 0u);
}

BOOST_AUTO_TEST_CASE(the_kernel_refuses_doorbells_that_are_the_same_or_none) {
    const System system;
    Vm vm(system);
    const EventFd event;
    const EventFd other;
    const auto error = [&](const Doorbell& doorbell) {
        auto attempt = Ioeventfd::try_assign(vm, other, doorbell);
        if (attempt.object) attempt.object->abandon();
        return attempt.outcome.error;
    };
    Ioeventfd doorbell(vm, event, doorbell_at(0xd0040, 4, 7));
    BOOST_TEST(error(doorbell_at(0xd0040, 4, 7)) == EEXIST);
    BOOST_TEST(error(doorbell_at(0xd0040, 4)) == EEXIST);
    BOOST_TEST(error(doorbell_at(0xd0040, 4, 8)) == 0);
    BOOST_TEST(error(doorbell_at(0xd0040, 2, 7)) == 0);
    BOOST_TEST(error(doorbell_at(0xd0040, 3)) == EINVAL);
    BOOST_TEST(error(doorbell_at(0xd0040, 0, 1)) == EINVAL);
    BOOST_TEST(error(doorbell_at(~std::uint64_t{0}, 4)) == EINVAL);
    BOOST_TEST(doorbell.try_deassign().ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
