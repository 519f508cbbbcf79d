#include <boost/test/unit_test.hpp>

#include "tests/irqchip/lapic_fixture.hpp"
#include "tests/irqchip/naive_lapic.hpp"
#include "tests/irqchip/random_source.hpp"

// Whatever a guest writes and whatever arrives, the local APIC does what a naive second one does and keeps
// its invariants. Seeded, so a failure repeats.
namespace irqbench::irqchip::x86 {
namespace {

constexpr int steps = 100'000;

/// Few vectors often, so that they meet; all of them sometimes.
std::uint8_t some_vector(Random& random) {
    if (random() % 8 == 0) return static_cast<std::uint8_t>(random());
    return static_cast<std::uint8_t>(random.pick({0x05U, 0x10U, 0x51U, 0x52U, 0x5FU, 0x61U, 0xE7U, 0xFFU}));
}

/// The model and the naive one, driven alike.
struct Pair {
    Random random;
    GuestLapic guest = GuestLapic::fresh();
    NaiveLapic naive;
    std::optional<std::uint64_t> armed;

    explicit Pair(unsigned seed) : random(seed) {}

    unsigned vector() { return some_vector(random); }

    /// Takes the timer's part out of the effects, and returns the rest.
    std::string settle(const Effects& effects) {
        Effects rest;
        for (const Effect& effect : effects) {
            if (const auto* arm = std::get_if<ArmTimer>(&effect)) {
                BOOST_REQUIRE((arm->clock == TimerClock::apic_bus));
                armed = arm->deadline;
            } else if (std::holds_alternative<DisarmTimer>(effect)) {
                armed.reset();
            } else {
                rest.add(effect);
            }
        }
        return text(rest);
    }
    std::string write(std::uint16_t offset, std::uint32_t value) {
        return settle(guest.apic.write(offset, 4, value, guest.now));
    }

    void let_time_pass() {
        for (unsigned ticks = random() % 40; ticks != 0; --ticks) {
            ++guest.now.bus;
            naive.tick();
            if (armed != guest.now.bus) continue;
            armed.reset();
            BOOST_REQUIRE(settle(guest.apic.expired(guest.now)) == "nothing");
        }
    }

    void step() {
        switch (random() % 16) {
            case 0:
            case 1: {
                const unsigned number = vector();
                const bool level = random.coin();
                const std::string outcome =
                    guest.fixed(static_cast<std::uint8_t>(number), level ? Trigger::level : Trigger::edge);
                BOOST_REQUIRE(outcome == (naive.message(number, level) ? "nothing" : "refused, nothing"));
                break;
            }
            case 2:
            case 3: BOOST_REQUIRE(guest.apic.acknowledge() == naive.acknowledge()); break;
            case 4:
            case 5: BOOST_REQUIRE(write(lapic::eoi, 0) == naive.eoi()); break;
            case 6:
                naive.tpr = random.coin() ? 0 : vector();
                write(lapic::tpr, naive.tpr);
                break;
            case 7: {
                const unsigned pin = random() % 2;
                const bool level = random.coin();
                BOOST_REQUIRE(guest.lint(pin, level) == naive.set_line(pin, level));
                break;
            }
            case 8: {
                const unsigned pin = random() % 2;
                const unsigned value =
                    vector() | random.pick({0U, 0x8000U, 0x8000U, 0x10000U, 0x18000U, 0x400U, 0x200U, 0x500U,
                                            0x700U, 0x4000U, 0x8400U, 0x300U});
                naive.write_lint(pin, value);
                write(pin == 0 ? lapic::lvt_lint0 : lapic::lvt_lint1, value);
                break;
            }
            case 9: {
                if (random() % 4 != 0) break;
                const unsigned value =
                    vector() | random.pick({0U, 0x100U, 0x100U, 0x100U, 0x1100U, 0xFFFF'0100U});
                naive.write_svr(value);
                write(lapic::svr, value);
                break;
            }
            case 10: {
                const unsigned value = vector() | random.pick({0U, 0x10000U});
                naive.write_lvt_error(value);
                write(lapic::lvt_error, value);
                break;
            }
            case 11: {
                naive.esr = naive.errors;
                naive.errors = 0;
                write(lapic::esr, random());
                break;
            }
            case 12: {
                const unsigned value = vector() | random.pick({0U, 0x10000U, 0x20000U, 0x30000U});
                naive.write_lvt_timer(value);
                write(lapic::lvt_timer, value);
                break;
            }
            case 13: {
                const unsigned value = random() % 3 == 0 ? 0 : random() % 20;
                naive.write_initial(value);
                write(lapic::timer_initial, value);
                break;
            }
            case 14: {
                const unsigned value = random() % 3 == 0 ? random() : 0xB;
                naive.write_divide(value);
                write(lapic::timer_divide, value);
                break;
            }
            default: let_time_pass(); break;
        }
    }

    void compare(std::uint16_t offset, const std::set<unsigned>& vectors) {
        std::uint32_t words[8] = {};
        for (const unsigned vector : vectors) words[vector / 32] |= 1U << vector % 32;
        for (unsigned i = 0; i < 8; ++i) BOOST_REQUIRE(guest.get(offset + 16 * i) == words[i]);
    }

    void compare() {
        compare(lapic::irr, naive.irr);
        compare(lapic::isr, naive.isr);
        compare(lapic::tmr, naive.tmr);
        BOOST_REQUIRE(guest.get(lapic::tpr) == naive.tpr);
        BOOST_REQUIRE(guest.get(lapic::ppr) == naive.ppr());
        BOOST_REQUIRE(guest.get(lapic::svr) == naive.svr);
        BOOST_REQUIRE(guest.get(lapic::esr) == naive.esr);
        BOOST_REQUIRE(guest.get(lapic::lvt_lint0) == naive.lvt_lint[0]);
        BOOST_REQUIRE(guest.get(lapic::lvt_lint1) == naive.lvt_lint[1]);
        BOOST_REQUIRE(guest.get(lapic::lvt_error) == naive.lvt_error);
        BOOST_REQUIRE(guest.get(lapic::lvt_timer) == naive.lvt_timer);
        BOOST_REQUIRE(guest.get(lapic::timer_current) == naive.count);
        BOOST_REQUIRE(guest.apic.ext_int() == naive.ext_int());
        const auto pending = guest.apic.pending();
        BOOST_REQUIRE((pending ? *pending : -1) == naive.pending());
        const auto due = naive.due();
        BOOST_REQUIRE(armed.has_value() == due.has_value());
        if (due) BOOST_REQUIRE(*armed == guest.now.bus + *due);
    }
};

/// What holds in every state a guest can reach.
void check_invariants(GuestLapic& guest) {
    const LocalApic& apic = guest.apic;
    const auto word = [&](std::uint16_t offset) { return apic.peek(offset, guest.now).value(); };
    for (const std::uint16_t vectors : {lapic::irr, lapic::isr, lapic::tmr})
        BOOST_REQUIRE((word(vectors) & 0xFFFF) == 0);
    const auto pending = apic.pending();
    if (pending) BOOST_REQUIRE(apic.irr().test(*pending));
    if (pending) BOOST_REQUIRE(*pending / 16 > apic.ppr() / 16);
    BOOST_REQUIRE(apic.ppr() >= apic.tpr() / 16 * 16);
    for (const std::uint16_t entry : {lapic::lvt_timer, lapic::lvt_thermal, lapic::lvt_perf, lapic::lvt_lint0,
                                      lapic::lvt_lint1, lapic::lvt_error}) {
        if ((word(lapic::svr) & 0x100) == 0) BOOST_REQUIRE((word(entry) & lvt::masked) != 0);
        BOOST_REQUIRE((word(entry) & 0xFFF8'1800) == 0);
    }
    const std::uint64_t base = apic.apic_base();
    BOOST_REQUIRE((base & 0xFFFF'C000'0000'02FF) == 0);
    BOOST_REQUIRE((base & 0xC00) != 0x400);
    BOOST_REQUIRE(apic.mmio_base().has_value() == ((base & 0xC00) == 0x800));
    if (apic.mode() == ApicMode::x2apic) BOOST_REQUIRE(apic.id() == 0x123);
    BOOST_REQUIRE((word(lapic::svr) & 0xFFFF'EC00) == 0);
    BOOST_REQUIRE((word(lapic::esr) & 0xFFFF'FF0F) == 0);
    if (word(lapic::timer_current) != 0)
        BOOST_REQUIRE(word(lapic::timer_current) <= word(lapic::timer_initial));
}

std::uint64_t some_value(Random& random) {
    switch (random() % 4) {
        case 0: return random.wide();
        case 1: return random();
        case 2: return std::uint64_t{1} << random() % 64;
        default:
            return random.pick({0ULL, 0x1FFULL, 0x51ULL, 0x8051ULL, 0xFEE0'0800ULL, 0xFEE0'0C00ULL,
                                0xFEE0'0000ULL, 0x4'0051ULL, 0x2'0051ULL, 0x10ULL, 0xC'0500ULL});
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lapic_random)

BOOST_AUTO_TEST_CASE(it_does_what_a_naive_local_apic_does) {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        Pair pair(seed);
        for (int step = 0; step < steps / 10; ++step) {
            pair.step();
            pair.compare();
        }
    }
}

BOOST_AUTO_TEST_CASE(anything_may_be_written_anywhere_at_any_time) {
    Random random(1);
    LapicOptions options;
    GuestLapic guest = GuestLapic::fresh(0x123, options);
    for (int step = 0; step < steps; ++step) {
        const std::uint64_t value = some_value(random);
        const auto in_page = random() % 4 != 0 ? random() % 0x40 * 16 : random() % 0x1400;
        guest.now.bus += random() % 64 == 0 ? value >> 32 : random() % 16;
        guest.now.tsc += random() % 64 == 0 ? value >> 32 : random() % 16;
        switch (random() % 12) {
            case 0:
            case 1:
            case 2: guest.put(in_page, value, random.pick({4U, 4U, 4U, 1U, 2U, 8U, 0U, 3U})); break;
            case 3: guest.get(in_page, random.pick({4U, 1U, 2U, 8U, 0U, 3U, 64U})); break;
            case 4:
            case 5: guest.wrmsr(0x800 + random() % 0x48, value); break;
            case 6: guest.wrmsr(random.pick({0x1BU, 0x6E0U, 0x6E0U, 0x900U}), value); break;
            case 7: static_cast<void>(guest.rdmsr(0x800 + random() % 0x101)); break;
            case 8: {
                Message message;
                message.vector = some_vector(random);
                message.delivery_mode = static_cast<DeliveryMode>(random() % 8);
                message.trigger = static_cast<Trigger>(random() % 2);
                message.level = random.coin();
                const auto received = guest.apic.deliver(message);
                for (const Effect& effect : received.effects)
                    if (std::holds_alternative<SignalCpu>(effect) && random() % 16 == 0)
                        static_cast<void>(guest.apic.init());
                break;
            }
            case 9: guest.lint(random() % 2, random.coin()); break;
            case 10:
                guest.apic.acknowledge();
                if (guest.apic.ext_int()) guest.apic.acknowledge_ext_int();
                guest.apic.set_cr8(static_cast<std::uint8_t>(random() % 4));
                break;
            default:
                static_cast<void>(guest.apic.raise(static_cast<LocalEvent>(random() % 3)));
                static_cast<void>(guest.apic.expired(guest.now));
                static_cast<void>(guest.apic.accepts(static_cast<std::uint32_t>(value),
                                                     static_cast<DestinationMode>(random() % 2)));
                break;
        }
        check_invariants(guest);
        if (random() % 1024 == 0) static_cast<void>(guest.apic.reset());
        // Out of a mode that refuses most writes, once in a while.
        if (random() % 256 == 0) guest.wrmsr(0x1B, 0xFEE0'0000);
        if (random() % 64 == 0) guest.wrmsr(0x1B, 0xFEE0'0800);
        if (random() % 256 == 0) guest.wrmsr(0x1B, 0xFEE0'0C00);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
