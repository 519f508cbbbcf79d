#include <boost/test/unit_test.hpp>

#include "tests/irqchip/pit_fixture.hpp"
#include "tests/irqchip/random_source.hpp"

// A channel does what a naive second one does, pulse by pulse, and the PIT survives whatever is written to
// it.
namespace irqbench::irqchip::x86 {
namespace {

constexpr int steps = 100'000;

/// An 8254 counter written from the timing diagrams: OUT and the count are functions of the pulses counted
/// since the load.
struct NaiveChannel {
    unsigned mode = 0;
    bool bcd = false;
    bool gate = true;
    bool out = false;
    bool has_count = false, loads = false, loaded = false, fresh = false, over = false;
    unsigned written = 0;  // the last count, 1 and up
    unsigned n = 1;        // the count of the cycle under way
    unsigned k = 0;        // pulses counted since the load, or since the half cycle began in mode 3

    unsigned modulus() const { return bcd ? 10'000 : 65'536; }

    void program(unsigned new_mode, bool new_bcd) {
        *this = NaiveChannel{new_mode, new_bcd, gate, new_mode != 0};
    }
    void count(unsigned value) {
        written = value == 0 ? modulus() : value;
        has_count = fresh = true;
        if (mode == 0) out = false;
        if (mode == 0 || mode == 4) loads = true;
        if ((mode == 2 || mode == 3) && !loaded) loads = true;
    }
    void set_gate(bool level) {
        if (level && !gate && has_count && mode != 0 && mode != 4) loads = true;
        if (!level && (mode == 2 || mode == 3)) out = true;
        gate = level;
    }
    void pulse() {
        if (mode >= 4) out = true;
        if (loads) {
            n = written;
            k = 0;
            loads = fresh = over = false;
            loaded = true;
            out = mode != 0 && mode != 1;
            return;
        }
        const bool gated = mode == 0 || mode == 2 || mode == 3 || mode == 4;
        if (!loaded || (gated && !gate)) return;
        ++k;
        switch (mode) {
            case 0:
            case 1: out = out || k == n; break;
            case 2:
                if (k == n) {
                    n = written;
                    k = 0;
                    fresh = false;
                }
                out = k != n - 1;
                break;
            case 3:
                if (k == (out ? (n + 1) / 2 : n / 2)) {
                    out = !out;
                    n = written;
                    k = 0;
                    fresh = false;
                }
                break;
            default:
                out = over || k != n;
                over = over || k == n;
                break;
        }
    }
    unsigned value() const {
        if (!loaded) return 0;
        if (mode == 3) return (n - n % 2 - 2 * k) % modulus();
        return (n + modulus() - k % modulus()) % modulus();
    }
};

unsigned decimal(unsigned value) {
    return value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
}

struct Pair {
    Random random;
    GuestPit guest;
    NaiveChannel naive;
    std::optional<std::uint64_t> armed;
    bool level = false;

    explicit Pair(unsigned seed) : random(seed) {}

    void follow(const Effects& effects) {
        for (const Effect& effect : effects) {
            if (const auto* out = std::get_if<OutputChanged>(&effect)) {
                BOOST_REQUIRE(out->channel == 0);
                BOOST_REQUIRE(out->level != level);
                level = out->level;
            } else if (const auto* arm = std::get_if<ArmTimer>(&effect)) {
                armed = arm->deadline;
            } else {
                BOOST_REQUIRE(std::holds_alternative<DisarmTimer>(effect));
                armed.reset();
            }
        }
    }
    void out(std::uint16_t port, unsigned value) {
        follow(guest.pit.write(port, static_cast<std::uint8_t>(value), guest.now));
    }
    /// Counts of 1 are illegal in modes 2 and 3.
    unsigned some_count() {
        const unsigned value = random() % 8 == 0 ? random() % 3000 : 2 + random() % 12;
        return value < 2 ? 2 : value;
    }

    void step() {
        switch (random() % 6) {
            case 0: {
                if (random() % 4 != 0) break;
                const unsigned mode = random() % 6;
                const bool bcd = random() % 4 == 0;
                naive.program(mode, bcd);
                out(0x43, pit::both | pit::mode(mode) | (bcd ? pit::bcd : 0U));
                break;
            }
            case 1: {
                const unsigned value = some_count();
                naive.count(value);
                const unsigned raw = naive.bcd ? decimal(value) : value;
                out(0x40, raw & 0xFF);
                out(0x40, raw >> 8);
                break;
            }
            case 2: {
                const bool gate = random.coin();
                naive.set_gate(gate);
                follow(guest.pit.set_gate(0, gate, guest.now));
                break;
            }
            default: {
                // In one leap, or noticed at every deadline.
                const unsigned pulses = random() % 30;
                const bool leap = random() % 8 == 0;
                for (unsigned i = 0; i < pulses; ++i) {
                    naive.pulse();
                    ++guest.now;
                    if (leap || armed != guest.now) continue;
                    armed.reset();
                    follow(guest.pit.expired(guest.now));
                    BOOST_REQUIRE(level == naive.out);
                }
                if (!leap) break;
                armed.reset();
                follow(guest.pit.expired(guest.now));
                break;
            }
        }
    }

    void compare() {
        // Reading the status port moves nothing, but brings the PIT up to date.
        const auto read = guest.pit.read(0x43, guest.now);
        follow(read.effects);
        const PitChannel& channel = guest.pit.channel(0);
        BOOST_REQUIRE(level == naive.out);
        BOOST_REQUIRE(channel.out() == naive.out);
        BOOST_REQUIRE(channel.count() == (naive.bcd ? decimal(naive.value()) : naive.value()));
        const PitStatus status = channel.status();
        BOOST_REQUIRE(status.get(status.null_count) == (naive.fresh || !naive.has_count));
        // The deadline is the next edge.
        constexpr unsigned horizon = 40;
        NaiveChannel ahead = naive;
        std::optional<std::uint64_t> edge;
        for (unsigned i = 1; i <= horizon && !edge; ++i) {
            ahead.pulse();
            if (ahead.out != naive.out) edge = guest.now + i;
        }
        if (edge) BOOST_REQUIRE(armed == edge);
        if (!edge && armed) BOOST_REQUIRE(*armed > guest.now + horizon);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pit_random)

BOOST_AUTO_TEST_CASE(a_channel_does_what_a_naive_one_does) {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        Pair pair(seed);
        for (int step = 0; step < steps / 8; ++step) {
            pair.step();
            pair.compare();
        }
    }
}

BOOST_AUTO_TEST_CASE(anything_may_be_written_anywhere_at_any_time) {
    Random random(1);
    GuestPit guest;
    bool level = false;
    for (int step = 0; step < steps; ++step) {
        guest.now += random() % 256 == 0 ? random.wide() >> 8 : random() % 200;
        const auto port = random.pick<std::uint16_t>({0x40, 0x41, 0x42, 0x43, 0x43, 0x61, 0x60});
        Effects effects;
        switch (random() % 4) {
            case 0: effects = guest.pit.read(port, guest.now).effects; break;
            case 1: effects = guest.pit.set_gate(random() % 3, random.coin(), guest.now); break;
            case 2: effects = guest.pit.expired(guest.now); break;
            default: {
                const std::uint32_t value = random.coin() ? random() : random() % 4;
                effects = guest.pit.write(port, static_cast<std::uint8_t>(value), guest.now);
                break;
            }
        }
        for (const Effect& effect : effects) {
            if (const auto* out = std::get_if<OutputChanged>(&effect)) level = out->level;
            if (const auto* arm = std::get_if<ArmTimer>(&effect)) BOOST_REQUIRE(arm->deadline > guest.now);
        }
        if (!effects.empty()) BOOST_REQUIRE(level == guest.pit.channel(0).out());
        BOOST_REQUIRE(effects.size() <= 5);
        for (unsigned channel = 0; channel < 3; ++channel) {
            const PitStatus status = guest.pit.channel(channel).status();
            BOOST_REQUIRE(status.get(status.mode) < 6);
            BOOST_REQUIRE((status.get(status.access) != PitAccess::latch));
            if (status.get(status.bcd))
                for (unsigned count = guest.pit.channel(channel).count(); count != 0; count >>= 4)
                    BOOST_REQUIRE((count & 15) < 10);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
