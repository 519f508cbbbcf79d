#include "vmm/kvm/dirty_log.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <iostream>
#include <system_error>
#include <vector>

#include "tests/vmm/kvm/guest.hpp"

namespace irqbench::vmm::kvm {
namespace {

constexpr std::uint64_t pages = 100;  // more than one word of bits, and not a whole number of them
constexpr std::uint64_t bytes = pages * GuestMemory::page_size;
constexpr std::uint32_t slot = 7;
constexpr std::uint64_t data = 0x100000;

struct LoggedGuest {
    explicit LoggedGuest(DirtyLog::Clearing clearing) : log(guest.vm, clearing) {
        guest.memory.add(data, bytes);
        kvm_userspace_memory_region region{};
        region = {slot, KVM_MEM_LOG_DIRTY_PAGES, data, bytes, guest.memory.userspace_address(data, bytes)};
        guest.vm.set_user_memory_region(region);
    }

    void write_to(std::uint64_t page) {
        BOOST_TEST(!guest.store(data + page * GuestMemory::page_size, 1).has_value());
    }

    MiniGuest guest;
    DirtyLog log;
};

using Pages = std::vector<std::uint64_t>;

void check_equal(const Pages& are, const Pages& expected) {
    BOOST_TEST(are == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dirty_log, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(reading_clears_by_default) {
    LoggedGuest logged(DirtyLog::Clearing::by_get);
    logged.write_to(0);
    logged.write_to(99);
    check_equal(logged.log.get(slot, pages), {1, std::uint64_t{1} << 35});
    check_equal(logged.log.get(slot, pages), {0, 0});
    logged.write_to(64);
    check_equal(logged.log.take(slot, pages), {64});
    check_equal(logged.log.take(slot, pages), {});
}

BOOST_AUTO_TEST_CASE(with_manual_clearing_pages_stay_dirty_until_they_are_cleared) {
    {
        const System system;
        const Vm vm(system);
        if (!DirtyLog::supports_manual_clearing(vm)) {
            std::cout << "skipped: no KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2\n";
            return;
        }
    }
    LoggedGuest logged(DirtyLog::Clearing::manual);
    logged.write_to(3);
    logged.write_to(70);
    check_equal(logged.log.get(slot, pages), {8, 64});
    check_equal(logged.log.get(slot, pages), {8, 64});
    std::vector<std::uint64_t> first_word{8, 0};
    logged.log.clear(slot, pages, first_word);
    check_equal(logged.log.get(slot, pages), {0, 64});
    logged.write_to(3);
    check_equal(logged.log.take(slot, pages), {3, 70});
    check_equal(logged.log.take(slot, pages), {});
    logged.write_to(70);
    check_equal(logged.log.take(slot, pages), {70});
}

BOOST_AUTO_TEST_CASE(a_slot_without_a_log_has_none_to_read) {
    MiniGuest guest;
    DirtyLog log(guest.vm);
    BOOST_CHECK_EXCEPTION(static_cast<void>(log.get(0, 16)), std::system_error,
                          [](const std::system_error& error) { return error.code().value() == ENOENT; });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
