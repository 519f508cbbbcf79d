#include "vmm/kvm/memory_slots.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdint>
#include <ostream>
#include <set>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "tests/vmm/kvm/guest.hpp"
#include "tests/vmm/kvm/slot_requests.hpp"
#include "vmm/kvm/mapping.hpp"

namespace irqbench::vmm::kvm {

std::ostream& operator<<(std::ostream& out, const DirtyPage& page) {
    return out << std::hex << "0x" << page.guest_address << " -> 0x" << page.userspace_address << std::dec;
}

namespace {

constexpr std::uint64_t page = slot_test::page_size;

// Random sequences for the kernel to carry out. On arm64 it mostly does so on an emulated CPU.
#if defined(__aarch64__)
constexpr unsigned sequences_of_slots = 200;
constexpr unsigned sequences_with_a_guest = 10;
#else
constexpr unsigned sequences_of_slots = 10000;
constexpr unsigned sequences_with_a_guest = 200;
#endif

/// Host memory for random maps. Each page begins with its own number, from 1.
struct Areas {
    static constexpr std::uint64_t pages = slot_test::areas * slot_test::area_pages;

    Areas() : mapping(Mapping::anonymous(pages * page)) {
        for (std::uint64_t i = 0; i < pages; ++i) mapping.bytes()[i * page] = std::byte(i + 1);
    }

    [[nodiscard]] std::uint64_t address() const {
        return reinterpret_cast<std::uintptr_t>(mapping.bytes().data());
    }
    [[nodiscard]] std::uint8_t number_of(std::uint64_t userspace_address) const {
        return static_cast<std::uint8_t>((userspace_address - address()) / page + 1);
    }

    Mapping mapping;
};

void request(MemorySlots& slots, std::span<const slot_test::SlotRequest> batch) {
    slots.update([&](AddressMap& map) {
        for (const auto& one : batch) slot_test::apply(map, one);
    });
}

/// A guest that reads a byte at an address, then writes one there.
class Prober {
  public:
    explicit Prober(MiniGuest& guest) : guest_(guest) {}

    struct Findings {
        std::optional<std::uint8_t> value;  ///< what was read, nothing if the read exited
        bool write_exited;
        bool operator==(const Findings&) const = default;
    };

    /// @param value what to write
    Findings probe(std::uint64_t address, std::uint8_t value) {
        const auto read = guest_.fetch(address);
        return {read, guest_.store(address, value).has_value()};
    }

  private:
    MiniGuest& guest_;
};

constexpr std::uint64_t window = slot_test::window;

std::vector<std::uint64_t> guest_addresses(const std::vector<DirtyPage>& dirty) {
    std::vector<std::uint64_t> addresses;
    for (const DirtyPage& one : dirty) addresses.push_back(one.guest_address);
    return addresses;
}

/// A guest with eight pages of logged memory.
struct Logged {
    Logged() {
        guest.memory.add(window, 8 * page);
        guest.slots.add(guest.memory, window, 8 * page);
        guest.slots.set_dirty_logging(window, 8 * page, true);
    }

    void write_to(std::initializer_list<std::uint64_t> numbers) {
        for (const std::uint64_t number : numbers) {
            BOOST_TEST(!Prober(guest).probe(window + number * page, 1).write_exited);
        }
    }

    /// The dirty pages, by number.
    std::vector<std::uint64_t> take() {
        std::vector<std::uint64_t> numbers;
        for (const std::uint64_t address : guest_addresses(guest.slots.take_dirty_pages())) {
            numbers.push_back((address - window) / page);
        }
        return numbers;
    }

    MiniGuest guest;
};

using Pages = std::vector<std::uint64_t>;

void check_pages(const Pages& are, const Pages& expected) {
    BOOST_TEST(are == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(memory_slots_of_a_vm, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(the_kernel_accepts_random_sequences) {
    constexpr unsigned sequences = sequences_of_slots;
    const std::uint64_t seed = slot_test::first_seed();
    BOOST_TEST_MESSAGE("seeds " << seed << " to " << seed + sequences - 1 << " (IRQBENCH_SLOT_SEED)");
    const Areas areas;
    const System system;
    Vm vm(system);
    MemorySlots slots(vm);
    for (unsigned i = 0; i < sequences; ++i) {
        BOOST_TEST_CONTEXT("IRQBENCH_SLOT_SEED=" << seed + i) {
            slot_test::RequestGenerator random(seed + i, areas.address());
            const std::uint64_t batches = 3 + random.below(8);
            for (std::uint64_t batch = 0; batch < batches; ++batch) {
                BOOST_REQUIRE_NO_THROW(request(slots, random.batch(slots.slots())));
            }
            BOOST_REQUIRE_NO_THROW(slots.remove(0, ~std::uint64_t{0}));
            BOOST_TEST(slots.slots().empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_guest_finds_what_a_byte_map_says_and_dirties_what_it_writes) {
    constexpr unsigned sequences = sequences_with_a_guest;
    const std::uint64_t seed = slot_test::first_seed();
    const Areas areas;
    MiniGuest guest;
    Prober prober(guest);
    for (unsigned i = 0; i < sequences; ++i) {
        BOOST_TEST_CONTEXT("IRQBENCH_SLOT_SEED=" << seed + i) {
            slot_test::RequestGenerator random(seed + i, areas.address());
            slot_test::ByteMap oracle;
            std::set<DirtyPage> written;
            for (int batch = 0; batch < 8; ++batch) {
                const auto slots = guest.slots.slots().subspan(1);  // without the guest's own memory
                const auto requests = random.batch(slots);
                request(guest.slots, requests);
                for (const auto& one : requests) oracle.apply(one);
                for (std::uint64_t number = 0; number < slot_test::window_pages; ++number) {
                    if (!random.chance(50)) continue;
                    const std::uint64_t address = window + number * page;
                    const auto there = oracle.page(address);
                    Prober::Findings expected{std::nullopt, true};
                    if (there) {
                        expected = {areas.number_of(there->userspace_address), there->read_only};
                        if (!there->read_only && there->log_dirty) {
                            written.insert({address, there->userspace_address});
                        }
                    }
                    const auto found = prober.probe(address, expected.value.value_or(0));
                    BOOST_TEST_CONTEXT("page " << number) { BOOST_TEST((found == expected)); }
                }
            }
            const std::vector<DirtyPage> expected(written.begin(), written.end());
            BOOST_TEST(guest.slots.take_dirty_pages() == expected, boost::test_tools::per_element());
            guest.slots.remove(window, slot_test::window_pages * page);
        }
    }
}

BOOST_AUTO_TEST_CASE(dirty_pages_are_taken_once) {
    Logged logged;
    check_pages(logged.take(), {});
    logged.write_to({1, 5});
    check_pages(logged.take(), {1, 5});
    check_pages(logged.take(), {});
    logged.write_to({5});
    check_pages(logged.take(), {5});
}

BOOST_AUTO_TEST_CASE(dirty_pages_survive_that_their_slot_is_cut) {
    Logged logged;
    logged.write_to({0, 3, 7});
    logged.guest.slots.remove(window + 3 * page, page);
    logged.write_to({6});
    check_pages(logged.take(), {0, 3, 6, 7});
}

BOOST_AUTO_TEST_CASE(dirty_pages_survive_that_logging_ends) {
    Logged logged;
    logged.write_to({2});
    logged.guest.slots.set_dirty_logging(window, 8 * page, false);
    logged.write_to({4});
    check_pages(logged.take(), {2});
}

BOOST_AUTO_TEST_CASE(dirty_pages_keep_the_address_they_were_written_at_when_their_slot_moves) {
    Logged logged;
    logged.write_to({2});
    MemorySlots& slots = logged.guest.slots;
    const MemoryRange range = *slots.map().find(window);
    slots.update([&](AddressMap& map) {
        map.remove(window, 8 * page);
        MemoryRange moved = range;
        moved.guest_address = window + page;
        map.add(moved);
    });
    BOOST_TEST(slots.slots().back().guest_address == window + page);
    logged.write_to({4});
    const std::vector<DirtyPage> pages = slots.take_dirty_pages();
    BOOST_REQUIRE(pages.size() == 2u);
    BOOST_TEST(pages[0].guest_address == window + 2 * page);
    BOOST_TEST(pages[0].userspace_address == range.userspace_address + 2 * page);
    BOOST_TEST(pages[1].guest_address == window + 4 * page);
    BOOST_TEST(pages[1].userspace_address == range.userspace_address + 3 * page);
}

BOOST_AUTO_TEST_CASE(a_rom_device_is_read_from_memory_and_its_writes_exit) {
    MiniGuest guest;
    guest.memory.add(window, page);
    guest.memory.write<std::uint8_t>(window, 0x42);
    guest.slots.add(guest.memory, window, page, Access::rom_device);
    BOOST_TEST((guest.fetch(window) == 0x42));
    const auto left = guest.store(window, 0x99);
    BOOST_REQUIRE(left.has_value());
    BOOST_TEST(left->address == window);
    BOOST_TEST(left->value == 0x99u);
    BOOST_TEST((guest.slots.map().find(left->address)->access == Access::rom_device));
    BOOST_TEST(guest.memory.read<std::uint8_t>(window) == 0x42);
}

BOOST_AUTO_TEST_CASE(memory_that_becomes_rom_keeps_its_content_and_loses_its_writes) {
    MiniGuest guest;
    Prober prober(guest);
    guest.memory.add(window, page);
    guest.slots.add(guest.memory, window, page);
    BOOST_TEST(!prober.probe(window, 0x42).write_exited);
    guest.slots.add(guest.memory, window, page, Access::rom);
    BOOST_TEST((prober.probe(window, 0x43) == Prober::Findings{0x42, true}));
    guest.slots.add(guest.memory, window, page, Access::ram);
    BOOST_TEST((prober.probe(window, 0x44) == Prober::Findings{0x42, false}));
    BOOST_TEST(guest.memory.read<std::uint8_t>(window) == 0x44);
}

BOOST_AUTO_TEST_CASE(a_request_that_is_refused_changes_nothing) {
    MiniGuest guest;
    const AddressMap before = guest.slots.map();
    BOOST_CHECK_THROW(guest.slots.add({window, 0, 0, Access::ram, false}), std::invalid_argument);
    BOOST_CHECK_THROW(guest.slots.add(guest.memory, 0, 2 * MiniGuest::memory_bytes), std::out_of_range);
    // The kernel takes no memory above what its own address space has room for.
    BOOST_CHECK_THROW(guest.slots.add({window, page, std::uint64_t{1} << 63, Access::ram, false}),
                      std::system_error);
    BOOST_TEST((guest.slots.map() == before));
    BOOST_TEST(guest.slots.slots().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_plan_that_failed_halfway_is_set_right_by_the_next_request) {
    MiniGuest guest;
    Prober prober(guest);
    guest.memory.add(window, 4 * page);
    guest.slots.add(guest.memory, window, 4 * page);
    // The slot is removed before the kernel is asked for the part it refuses.
    BOOST_CHECK_THROW(guest.slots.add({window + page, page, std::uint64_t{1} << 63, Access::ram, false}),
                      std::system_error);
    guest.slots.update([](AddressMap&) {});
    for (std::uint64_t number = 0; number < 4; ++number) {
        BOOST_TEST(!prober.probe(window + number * page, 1).write_exited);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
