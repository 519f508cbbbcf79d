#include "vmm/kvm/ioeventfd.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "tests/vmm/kvm/guest.hpp"

namespace irqbench::vmm::kvm {
namespace {

constexpr std::uint64_t port = 0x90;
constexpr std::uint64_t mmio = 0xd0040;

Doorbell port_doorbell(std::uint32_t length, std::optional<std::uint64_t> datamatch = std::nullopt) {
    return {port, true, length, datamatch};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ioeventfd, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(only_the_matching_port_write_rings_and_the_others_exit) {
    MiniGuest guest;
    const EventFd event;
    const Ioeventfd doorbell(guest.vm, event, port_doorbell(1, 7));
    guest.load({
        0xb0, 0x07,  // mov al, 7
        0xe6, 0x90,  // out 0x90, al
        0xe6, 0x90,  // out 0x90, al
        0xb0, 0x08,  // mov al, 8
        0xe6, 0x90,  // out 0x90, al
        0xb0, 0x07,  // mov al, 7
        0xe7, 0x90,  // out 0x90, ax
        0xf4,        // hlt
    });
    auto io = guest.run<IoExit>();
    BOOST_TEST(value_of(io.data) == 8u);
    BOOST_TEST(event.drain() == 2u);
    io = guest.run<IoExit>();
    BOOST_TEST(io.size == 2);
    guest.run<HltExit>();
    BOOST_TEST(event.drain() == 0u);
}

BOOST_AUTO_TEST_CASE(length_zero_rings_for_every_width) {
    MiniGuest guest;
    const EventFd event;
    const Ioeventfd doorbell(guest.vm, event, {mmio, false, 0, std::nullopt});
    guest.load(
        {
            0xa2, 0x40, 0x00,        // mov [0x40], al
            0xa3, 0x40, 0x00,        // mov [0x40], ax
            0x66, 0xa3, 0x40, 0x00,  // mov [0x40], eax
            0xa2, 0x41, 0x00,        // mov [0x41], al
            0xf4,                    // hlt
        },
        0xd0000);
    BOOST_TEST(guest.run<MmioExit>().address == mmio + 1);
    BOOST_TEST(event.drain() == 3u);
    guest.run<HltExit>();
}

BOOST_AUTO_TEST_CASE(it_rings_no_more_once_it_is_gone) {
    MiniGuest guest;
    const EventFd event;
    {
        Ioeventfd first(guest.vm, event, port_doorbell(1));
        const Ioeventfd doorbell = std::move(first);
    }
    guest.load({0xe6, 0x90, 0xf4});  // out 0x90, al; hlt
    guest.run<IoExit>();
    BOOST_TEST(event.drain() == 0u);
}

BOOST_AUTO_TEST_CASE(the_kernel_refuses_what_it_documents) {
    const System system;
    Vm vm(system);
    const EventFd event;
    const EventFd other;
    const auto error = [&](const Doorbell& doorbell) {
        auto attempt = Ioeventfd::try_assign(vm, other, doorbell);
        if (attempt.object) attempt.object->abandon();  // unregistering takes 8 ms
        return attempt.outcome.error;
    };
    Ioeventfd doorbell(vm, event, port_doorbell(1, 7));
    BOOST_TEST(error(port_doorbell(1, 7)) == EEXIST);
    BOOST_TEST(error(port_doorbell(1)) == EEXIST);
    BOOST_TEST(error(port_doorbell(1, 8)) == 0);
    BOOST_TEST(error(port_doorbell(2, 7)) == 0);
    BOOST_TEST(error(port_doorbell(3)) == EINVAL);
    BOOST_TEST(error(port_doorbell(16)) == EINVAL);
    BOOST_TEST(error({mmio, false, 0, 1}) == EINVAL);
    BOOST_TEST(error({~std::uint64_t{0}, false, 4, std::nullopt}) == EINVAL);
    BOOST_TEST(doorbell.try_deassign().ok());
    BOOST_CHECK_EXCEPTION(Ioeventfd(vm, event, port_doorbell(3)), std::system_error,
                          [](const std::system_error& failure) {
                              return std::string(failure.what()) == "KVM_IOEVENTFD: Invalid argument";
                          });
    kvm_ioeventfd missing{};
    missing.addr = 0x1234;
    missing.len = 4;
    missing.fd = event.fd();
    missing.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
    BOOST_TEST(vm.try_ioeventfd(missing).error == ENOENT);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
