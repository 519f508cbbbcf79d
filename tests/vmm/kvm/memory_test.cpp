#include "vmm/kvm/memory.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <stdexcept>
#include <string>

namespace irqbench::vmm::kvm {

BOOST_AUTO_TEST_SUITE(guest_memory)

BOOST_AUTO_TEST_CASE(what_is_written_is_read_at_its_guest_address) {
    GuestMemory memory;
    memory.add(0x10000, 0x2000);
    memory.add(0x0, 0x1000);
    BOOST_TEST(memory.read<std::uint32_t>(0x10ffe) == 0u);
    memory.write<std::uint32_t>(0x10ffe, 0x44332211);
    BOOST_TEST(memory.read<std::uint8_t>(0x11001) == 0x44);
    BOOST_TEST(memory.read<std::uint32_t>(0xffc) == 0u);
    memory.fill(0x10000, 0x2000, std::byte{0xee});
    std::array<std::byte, 3> bytes{};
    memory.read_bytes(0x11ffd, bytes);
    BOOST_TEST((bytes[2] == std::byte{0xee}));
    memory.write_bytes(0, bytes);
    BOOST_TEST(memory.read<std::uint32_t>(0) == 0xeeeeeeu);
}

BOOST_AUTO_TEST_CASE(any_byte_outside_is_refused_with_its_address) {
    GuestMemory memory;
    memory.add(0x1000, 0x1000);
    memory.add(0xfffffffffffff000, 0x1000);
    BOOST_CHECK_EXCEPTION(static_cast<void>(memory.read<std::uint64_t>(0x1ff9)), std::out_of_range,
                          [](const std::out_of_range& error) {
                              return std::string(error.what()) == "guest memory 0x1ff9+0x8: no such memory";
                          });
    BOOST_CHECK_THROW(static_cast<void>(memory.read<std::uint8_t>(0xfff)), std::out_of_range);
    BOOST_CHECK_THROW(memory.write<std::uint8_t>(0x2000, 1), std::out_of_range);
    BOOST_CHECK_THROW(memory.fill(0x1000, ~std::uint64_t{0}, {}), std::out_of_range);
    BOOST_CHECK_THROW(static_cast<void>(memory.userspace_address(0x1000, 0x1001)), std::out_of_range);
    BOOST_CHECK_THROW(static_cast<void>(memory.read<std::uint64_t>(0xfffffffffffffffc)), std::out_of_range);
    BOOST_TEST(memory.read<std::uint64_t>(0xfffffffffffffff8) == 0u);
    BOOST_TEST(memory.read<std::uint64_t>(0x1ff8) == 0u);
    BOOST_TEST(memory.contains(0x1000, 0x1000));
    BOOST_TEST(!memory.contains(0x1001, 0x1000));
}

BOOST_AUTO_TEST_CASE(memory_that_cannot_be_is_refused) {
    GuestMemory memory;
    memory.add(0x2000, 0x2000);
    BOOST_CHECK_THROW(memory.add(0, 0), std::invalid_argument);
    BOOST_CHECK_THROW(memory.add(0x800, 0x1000), std::invalid_argument);
    BOOST_CHECK_THROW(memory.add(0, 0x800), std::invalid_argument);
    BOOST_CHECK_THROW(memory.add(0xfffffffffffff000, 0x2000), std::invalid_argument);
    BOOST_CHECK_THROW(memory.add(0x1000, 0x2000), std::invalid_argument);
    BOOST_CHECK_THROW(memory.add(0x3000, 0x1000), std::invalid_argument);
    memory.add(0x1000, 0x1000);
    memory.add(0x4000, 0x1000);
}

BOOST_AUTO_TEST_CASE(words_shared_with_a_running_guest_are_aligned) {
    GuestMemory memory;
    memory.add(0, 0x1000);
    memory.store_release<std::uint64_t>(8, 0x1122334455667788);
    BOOST_TEST(memory.load_acquire<std::uint32_t>(8) == 0x55667788u);
    BOOST_TEST(memory.load_acquire<std::uint32_t>(12) == 0x11223344u);
    BOOST_CHECK_THROW(static_cast<void>(memory.load_acquire<std::uint64_t>(12)), std::invalid_argument);
    BOOST_CHECK_THROW(memory.store_release<std::uint32_t>(2, 0), std::invalid_argument);
    BOOST_CHECK_THROW(memory.store_release<std::uint32_t>(0x1000, 0), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(its_place_in_this_process_is_where_accesses_go) {
    GuestMemory memory;
    memory.add(0x1000, 0x1000);
    memory.write<std::uint8_t>(0x1234, 0x77);
    std::uint8_t there = 0;
    std::memcpy(&there, reinterpret_cast<const void*>(memory.userspace_address(0x1234, 1)), 1);
    BOOST_TEST(there == 0x77);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
