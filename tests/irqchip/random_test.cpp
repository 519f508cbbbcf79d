#include <boost/test/unit_test.hpp>
#include <random>

#include "tests/irqchip/ioapic_fixture.hpp"
#include "tests/irqchip/pic_fixture.hpp"

// Whatever a guest writes and whatever lines do, the chips keep their invariants. Seeded, so a failure
// repeats.
namespace irqbench::irqchip::x86 {
namespace {

constexpr int steps = 100'000;

template <class T = std::uint32_t>
T pick(std::mt19937& random, std::initializer_list<T> choices) {
    return choices.begin()[random() % choices.size()];
}

/// Few values often, all values sometimes.
std::uint32_t entry_half(std::mt19937& random) {
    const std::uint32_t usual =
        pick(random, {0x51U, 0x52U, 0x8051U, 0x8052U, 0x1'8051U, 0x1'0051U, 0x8151U, 0x8451U});
    return random() % 4 == 0 ? static_cast<std::uint32_t>(random()) : usual;
}

void check_invariants(const IoApic& ioapic) {
    for (unsigned pin = 0; pin < IoApic::pin_count; ++pin) {
        const RedirectionEntry entry = ioapic.entry(pin);
        BOOST_REQUIRE(!entry.get(entry.remote_irr) || is_level(entry));
        BOOST_REQUIRE(!ioapic.pending(pin) || (is_level(entry) && ioapic.asserted(pin)));
        // Without resamplers and refusals every level interrupt is delivered, in service, masked or in a
        // storm.
        BOOST_REQUIRE(!entry.get(entry.delivery_status));
        const std::uint64_t reserved = entry.raw() & 0x00FF'FFFF'FFFE'0000;
        BOOST_REQUIRE(reserved == 0);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(random_access)

BOOST_AUTO_TEST_CASE(the_ioapic_keeps_its_invariants) {
    std::mt19937 random(1);
    GuestIoApic guest({IoApicModel::v20, false});
    for (int step = 0; step < steps; ++step) {
        const unsigned pin = random() % 3 == 0 ? static_cast<unsigned>(random() % IoApic::pin_count) : 10;
        switch (random() % 8) {
            case 0: guest.set_low(pin, entry_half(random)); break;
            case 1: guest.set_high(pin, static_cast<std::uint32_t>(random())); break;
            case 2: guest.raise(pin, pick(random, {LineSource::wire, LineSource::resample})); break;
            case 3: guest.lower(pin, pick(random, {LineSource::wire, LineSource::resample})); break;
            case 4: guest.eoi(static_cast<std::uint8_t>(entry_half(random))); break;
            case 5: guest.put(0x40, 4, entry_half(random)); break;
            case 6: guest.set(static_cast<std::uint32_t>(random() % 256), entry_half(random)); break;
            default:
                guest.put(static_cast<std::uint32_t>(random() % 0x50), pick(random, {1U, 2U, 4U, 8U}),
                          random());
                break;
        }
        check_invariants(guest.ioapic);
    }
}

BOOST_AUTO_TEST_CASE(the_pic_keeps_its_invariants) {
    std::mt19937 random(1);
    GuestPic guest;
    for (int step = 0; step < steps; ++step) {
        const auto pin = static_cast<unsigned>(random() % Pic::pin_count);
        const auto value = static_cast<std::uint8_t>(random());
        const auto port = pick<std::uint16_t>(random, {0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1});
        const bool intr = guest.pic.intr();
        const I8259A master = guest.pic.master();
        const bool slave_asked = guest.pic.slave().request().has_value();
        switch (random() % 6) {
            case 0: guest.raise(pin); break;
            case 1: guest.lower(pin); break;
            case 2: guest.out(port, value); break;
            case 3: guest.in(port); break;
            case 4: guest.command(pick<std::uint16_t>(random, {0x20, 0xA0}), ocw2::eoi); break;
            default: {
                const unsigned vector = guest.acknowledge();
                const bool of_slave = master.request() == I8259A::cascade_irq && !master.single();
                const std::uint8_t base = of_slave ? guest.pic.slave().base() : master.base();
                BOOST_REQUIRE((vector & 0xF8) == base);
                if (!of_slave) BOOST_REQUIRE((vector & 7) == master.request().value_or(7));
                if (!intr) BOOST_REQUIRE((guest.pic.master() == master));
                break;
            }
        }
        const I8259A& now = guest.pic.master();
        BOOST_REQUIRE(guest.pic.intr() == now.request().has_value());
        BOOST_REQUIRE((now.elcr() & 0x07) == 0);
        BOOST_REQUIRE((guest.pic.slave().elcr() & 0x21) == 0);
        // When the slave begins to ask, the master hears it.
        if (!slave_asked && guest.pic.slave().request()) BOOST_REQUIRE((now.irr() & 0x04) != 0);
        if (now.request()) BOOST_REQUIRE((now.irr() & ~now.imr() & 1U << *now.request()) != 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
