#include <boost/test/unit_test.hpp>

#include "tests/irqchip/gic_fixture.hpp"
#include "tests/irqchip/naive_gic.hpp"
#include "tests/irqchip/random_source.hpp"

// Whatever guests write and whatever lines do, the GICs do what a naive second one does. Seeded, so a failure
// repeats.
namespace irqbench::irqchip::arm64 {
namespace {

constexpr int steps = 20'000;
/// The registers of all interrupts are compared now and then only: that takes most of the time.
constexpr int steps_between_registers = 4;
constexpr unsigned cpu_count = 3;
constexpr std::uint32_t spi_count = 64;

/// Few INTIDs often, so that they meet; all of them sometimes, those that do not exist too.
std::uint32_t some_intid(Random& random) {
    if (random() % 8 == 0) return random() % 128;
    return random.pick({0U, 3U, 15U, 16U, 27U, 32U, 40U, 41U, 63U, 64U, 95U});
}

std::uint8_t some_priority(Random& random) {
    if (random() % 4 == 0) return static_cast<std::uint8_t>(random());
    return static_cast<std::uint8_t>(random.pick({0x00U, 0x40U, 0x48U, 0x80U, 0xA0U, 0xF8U}));
}

/// A value for a register of a bit per INTID: one bit mostly.
std::uint32_t some_bits(Random& random, std::uint32_t intid) {
    return random() % 4 == 0 ? random() & random() : 1U << intid % 32;
}

/// A register with a field per INTID and what is written there.
struct FieldWrite {
    std::uint32_t intid;
    std::uint32_t offset;
    std::uint32_t value;
    unsigned bytes = 4;
};

FieldWrite some_field_write(Random& random, bool targets) {
    const std::uint32_t intid = some_intid(random);
    switch (random() % 8) {
        case 0: return {intid, 0x400 + intid, some_priority(random), 1};
        case 1: return {intid, 0x400 + intid / 4 * 4, some_priority(random) * 0x01010101U};
        case 2: return {intid, 0xC00 + intid / 16 * 4, random()};
        case 3:
            if (targets && random.coin()) return {intid, 0x800 + intid, random() % 8, 1};
            if (targets) return {intid, 0x800 + intid / 4 * 4, random()};
            [[fallthrough]];
        default: {
            // Enabling and latching more often than their opposites; groups now and then.
            const std::uint32_t registers =
                random.pick({0x080U, 0x100U, 0x100U, 0x180U, 0x200U, 0x200U, 0x280U, 0x300U, 0x380U, 0x380U});
            return {intid, registers + intid / 32 * 4, some_bits(random, intid)};
        }
    }
}

template <class Guest>
struct Pair {
    Random random;
    Guest guest;
    NaiveGic naive;

    Pair(unsigned seed, Guest its, bool version2)
        : random(seed), guest(std::move(its)), naive(version2, cpu_count, spi_count) {
        naive.dist0 = naive.dist1 = true;
        for (NaiveGic::Cpu& cpu : naive.cpus) {
            cpu.pmr = 0xF8;
            cpu.group0 = cpu.group1 = true;
        }
    }

    unsigned cpu() { return random() % cpu_count; }

    void drive_line() {
        const std::uint32_t intid = 16 + some_intid(random) % (16 + spi_count);
        const unsigned of = cpu();
        const bool level = random.coin();
        guest.gic.set_line(intid, level, LineSource::wire, of);
        naive.set_line(of, intid, level);
    }

    void compare_fields(unsigned of, std::uint32_t first_block) {
        for (std::uint32_t block = first_block; block < 4; ++block) {
            for (std::uint32_t registers = 0x080; registers < 0x400; registers += 0x80)
                compare_field(of, block * 32, registers + 4 * block);
            for (std::uint32_t intid = 32 * block; intid < 32 * block + 32; intid += 4)
                compare_field(of, intid, 0x400 + intid);
            for (std::uint32_t intid = 32 * block; intid < 32 * block + 32; intid += 16)
                compare_field(of, intid, 0xC00 + intid / 4);
        }
    }
    void compare_field(unsigned of, std::uint32_t intid, std::uint32_t offset) {
        const std::uint32_t actual = guest.bank(offset, intid, of);
        const std::uint32_t expected = naive.read_fields(of, offset);
        BOOST_REQUIRE_MESSAGE(actual == expected, "cpu " << of << ", offset " << std::hex << offset << ": "
                                                         << actual << " and not " << expected);
    }
};

struct PairV2 : Pair<GuestGicv2> {
    explicit PairV2(unsigned seed) : Pair(seed, GuestGicv2({cpu_count, spi_count, 5, 3}), true) {
        for (NaiveGic::Interrupt& spi : naive.spis) spi.cpus = {0};
    }

    void step() {
        const unsigned of = cpu();
        NaiveGic::Cpu& its = naive.cpus[of];
        switch (random() % 16) {
            case 0:
            case 1:
            case 2:
            case 3: {
                const FieldWrite write = some_field_write(random, true);
                guest.put(write.offset, write.value, of, write.bytes);
                naive.write_fields(of, write.offset, write.value, write.bytes);
                break;
            }
            case 4:
            case 5: drive_line(); break;
            case 6:
            case 7: {
                const bool alias = random.coin();
                BOOST_REQUIRE(guest.get_cpu(alias ? gicc::aiar : gicc::iar, of) ==
                              naive.acknowledge(of, alias));
                break;
            }
            case 8:
            case 9: {
                const std::uint32_t intid = random() % 16 == 0 ? 1020 + random() % 4 : some_intid(random);
                const std::uint32_t offset = random.pick({gicc::eoir, gicc::eoir, gicc::aeoir});
                BOOST_REQUIRE(guest.put_cpu(offset, intid, of) == naive.eoi(of, intid, false));
                break;
            }
            case 10: {
                const std::uint32_t intid = some_intid(random);
                BOOST_REQUIRE(guest.dir(intid, of) == naive.dir(of, intid));
                break;
            }
            case 11: {
                const std::uint32_t value = random() % 4 == 0 ? random() : 3 | (random() & 0x21C);
                guest.put_cpu(gicc::ctlr, value, of);
                its.group0 = (value & 1) != 0;
                its.group1 = (value & 2) != 0;
                its.ack_group1 = (value & 4) != 0;
                its.fiq = (value & 8) != 0;
                its.common = (value & 0x10) != 0;
                its.split_eoi = (value & 0x200) != 0;
                break;
            }
            case 12: step_priorities(of); break;
            case 13: {
                const std::uint32_t value = random() % 8 == 0 ? random() & 3 : 3;
                guest.put(gicd::ctlr, value);
                naive.dist0 = (value & 1) != 0;
                naive.dist1 = (value & 2) != 0;
                break;
            }
            case 14: {
                const std::uint32_t value = random() & 0x03FF'800F;
                guest.put(gicd::sgir, value, of);
                naive.send_v2(of, value >> 24 & 3, value >> 16 & 0xFF, value & 15);
                break;
            }
            default: step_sources(of); break;
        }
    }
    void step_priorities(unsigned of) {
        NaiveGic::Cpu& its = naive.cpus[of];
        const std::uint32_t value = random();
        switch (random() % 6) {
            case 0:
                guest.put_cpu(gicc::bpr, value % 8, of);
                its.bpr0 = std::max(value % 8, 2U);
                break;
            case 1:
                guest.put_cpu(gicc::abpr, value % 8, of);
                its.bpr1 = std::max(value % 8, 3U);
                break;
            case 2:
                if (value % 4 != 0) break;
                guest.put_cpu(gicc::apr, value & random(), of);
                naive.set_active_word(of, 0, static_cast<std::uint32_t>(guest.get_cpu(gicc::apr, of)));
                break;
            case 3:
                if (value % 4 != 0) break;
                guest.put_cpu(gicc::nsapr, 1U << value % 32, of);
                naive.set_active_word(of, 1, 1U << value % 32);
                break;
            default: {
                const unsigned mask = random.coin() ? 0xFF : some_priority(random);
                guest.put_cpu(gicc::pmr, mask, of);
                its.pmr = mask & 0xF8;
                break;
            }
        }
    }
    void step_sources(unsigned of) {
        const std::uint32_t sgi = random() % 16;
        const std::uint32_t value = random() % 256;
        const bool sets = random.coin();
        guest.put((sets ? gicd::spendsgir : gicd::cpendsgir) + sgi, value, of, 1);
        for (unsigned source = 0; source < cpu_count; ++source) {
            if ((value >> source & 1) == 0) continue;
            if (sets)
                naive.at(of, sgi).sources.insert(source);
            else
                naive.at(of, sgi).sources.erase(source);
        }
    }

    void compare_registers() {
        for (unsigned of = 0; of < cpu_count; ++of) {
            compare_fields(of, 0);
            for (std::uint32_t intid = 0; intid < 128; intid += 4) compare_field(of, intid, 0x800 + intid);
        }
    }
    void compare() {
        for (unsigned of = 0; of < cpu_count; ++of) {
            BOOST_REQUIRE(guest.output(of) == naive.output(of));
            BOOST_REQUIRE(guest.running(of) == naive.running(of));
            BOOST_REQUIRE(guest.get_cpu(gicc::apr, of) == naive.active_word(of, 0));
            BOOST_REQUIRE(guest.get_cpu(gicc::nsapr, of) == naive.active_word(of, 1));
            BOOST_REQUIRE(guest.get_cpu(gicc::hppir, of) == naive.shown(of, naive.highest(of), false));
            BOOST_REQUIRE(guest.get_cpu(gicc::ahppir, of) == naive.shown(of, naive.highest(of), true));
            BOOST_REQUIRE(guest.gic.peek_cpu_interface(of, gicc::iar) ==
                          naive.shown(of, naive.signalled(of), false));
        }
    }
};

struct PairV3 : Pair<GuestGicv3> {
    static Gicv3Options options() {
        Gicv3Options options;
        options.cpus = {0x0000, 0x0101, 0x1203'0007};
        options.spis = spi_count;
        options.affinity3 = options.disable_selection = true;
        return options;
    }
    explicit PairV3(unsigned seed) : Pair(seed, GuestGicv3(options()), false) {
        for (unsigned i = 0; i < cpu_count; ++i) naive.cpus[i].affinity = options().cpus[i];
    }

    std::uint32_t some_affinity() { return random.pick({0U, 0x101U, 0x1203'0007U, 0x0203'0007U, 0x102U}); }

    void step() {
        const unsigned of = cpu();
        NaiveGic::Cpu& its = naive.cpus[of];
        switch (random() % 16) {
            case 0:
            case 1:
            case 2:
            case 3: {
                const FieldWrite write = some_field_write(random, false);
                if (write.bytes == 1)
                    guest.byte(write.offset, write.intid, static_cast<std::uint8_t>(write.value), of);
                else
                    guest.set_bank(write.offset, write.intid, write.value, of);
                naive.write_fields(of, write.offset, write.value, write.bytes);
                break;
            }
            case 4:
            case 5: drive_line(); break;
            case 6:
            case 7: {
                const bool group1 = random() % 3 != 0;
                BOOST_REQUIRE(guest.reg(group1 ? icc::iar1 : icc::iar0, of) == naive.acknowledge(of, group1));
                break;
            }
            case 8:
            case 9: {
                const std::uint32_t intid =
                    random() % 16 == 0 ? random.pick({1020U, 1023U, 500U, 9000U}) : some_intid(random);
                const bool group1 = random() % 3 != 0;
                BOOST_REQUIRE(guest.set(group1 ? icc::eoir1 : icc::eoir0, intid, of) ==
                              naive.eoi(of, intid, group1));
                break;
            }
            case 10: {
                const std::uint32_t intid = some_intid(random);
                BOOST_REQUIRE(guest.dir(intid, of) == naive.dir(of, intid));
                break;
            }
            case 11: {
                const std::uint32_t value = random();
                guest.set(icc::ctlr, value, of);
                its.common = (value & 1) != 0;
                its.split_eoi = (value & 2) != 0;
                break;
            }
            case 12: step_priorities(of); break;
            case 13: step_enables(of); break;
            case 14: {
                const std::uint64_t affinity = some_affinity();
                const std::uint64_t value = (affinity >> 24) << 48 | (affinity >> 16 & 0xFF) << 32 |
                                            (affinity >> 8 & 0xFF) << 16 | (random() % 16 << 24) |
                                            (random() & 0xFFFF) | std::uint64_t{random() % 8 == 0} << 40;
                const std::uint32_t number = random.pick({icc::sgi1r, icc::sgi1r, icc::asgi1r, icc::sgi0r});
                guest.set(number, value, of);
                naive.send_v3(of, value, number == icc::sgi1r);
                break;
            }
            default: step_routes(of); break;
        }
    }
    void step_priorities(unsigned of) {
        NaiveGic::Cpu& its = naive.cpus[of];
        const std::uint32_t value = random();
        switch (random() % 6) {
            case 0:
                guest.set(icc::bpr0, value % 8, of);
                its.bpr0 = std::max(value % 8, 2U);
                break;
            case 1:
                guest.set(icc::bpr1, value % 8, of);
                if (!its.common) its.bpr1 = std::max(value % 8, 3U);
                break;
            case 2: {
                if (value % 4 != 0) break;
                const int group = random.coin() ? 1 : 0;
                guest.set(group == 0 ? icc::ap0r : icc::ap1r, 1U << value % 32, of);
                naive.set_active_word(of, group, 1U << value % 32);
                break;
            }
            default: {
                const unsigned mask = random.coin() ? 0xFF : some_priority(random);
                guest.set(icc::pmr, mask, of);
                its.pmr = mask & 0xF8;
                break;
            }
        }
    }
    void step_enables(unsigned of) {
        NaiveGic::Cpu& its = naive.cpus[of];
        const bool on = random() % 4 != 0;
        switch (random() % 5) {
            case 0:
                guest.set(icc::igrpen0, on, of);
                its.group0 = on;
                break;
            case 1:
                guest.set(icc::igrpen1, on, of);
                its.group1 = on;
                break;
            case 2: {
                const std::uint32_t value = random() % 4 == 0 ? random() & 3 : 3;
                guest.put(gicd3::ctlr, value);
                naive.dist0 = (value & 1) != 0;
                naive.dist1 = (value & 2) != 0;
                break;
            }
            default: {
                const std::uint32_t value = random() & 0x0700'0001;
                guest.put_redistributor(gicr::ctlr, value, of);
                its.lpis = (value & 1) != 0;
                its.stay_out0 = (value & 1U << 24) != 0;
                its.stay_out1 = (value & 1U << 25) != 0;
                break;
            }
        }
    }
    void step_routes(unsigned of) {
        if (random() % 3 == 0) {
            const std::uint32_t lpi = 8192 + random() % 60'000;
            const std::uint8_t priority = some_priority(random);
            guest.gic.set_best_lpi(of, Candidate{lpi, priority});
            naive.cpus[of].lpi = {lpi, priority};
            return;
        }
        const std::uint32_t intid = some_intid(random) | 32;
        const std::uint64_t affinity = some_affinity();
        const bool any = random() % 3 == 0;
        const std::uint64_t value =
            (affinity >> 24) << 32 | (affinity & 0xFF'FFFF) | std::uint64_t{any} << 31;
        guest.route(intid, value);
        if (!naive.exists(intid)) return;
        naive.at(0, intid).any = any;
        naive.at(0, intid).affinity = static_cast<std::uint32_t>(affinity);
    }

    void compare_registers() {
        compare_fields(0, 1);
        for (unsigned of = 0; of < cpu_count; ++of) {
            for (std::uint32_t registers = 0x080; registers < 0x400; registers += 0x80)
                compare_field(of, 0, registers);
            for (std::uint32_t intid = 0; intid < 32; intid += 4) compare_field(of, intid, 0x400 + intid);
        }
    }
    void compare() {
        for (unsigned of = 0; of < cpu_count; ++of) {
            BOOST_REQUIRE(guest.output(of) == naive.output(of));
            BOOST_REQUIRE(guest.running(of) == naive.running(of));
            BOOST_REQUIRE(guest.reg(icc::ap0r, of) == naive.active_word(of, 0));
            BOOST_REQUIRE(guest.reg(icc::ap1r, of) == naive.active_word(of, 1));
            BOOST_REQUIRE(guest.reg(icc::hppir0, of) == naive.shown(of, naive.highest(of), false));
            BOOST_REQUIRE(guest.reg(icc::hppir1, of) == naive.shown(of, naive.highest(of), true));
            BOOST_REQUIRE(guest.gic.peek_sysreg(of, icc::iar1).value() ==
                          naive.shown(of, naive.signalled(of), true));
        }
    }
};

template <class ThePair>
void run(unsigned seed) {
    ThePair pair(seed);
    std::size_t taken = 0;
    for (int step = 0; step < steps; ++step) {
        BOOST_TEST_CONTEXT("seed " << seed << ", step " << step) {
            pair.step();
            pair.compare();
            if (step % steps_between_registers == 0) pair.compare_registers();
            for (const NaiveGic::Cpu& cpu : pair.naive.cpus) taken += cpu.running.size();
        }
    }
    // The dice are worth nothing if nothing is ever active.
    BOOST_TEST(taken > steps / 2);
}

/// Any access at all, to see that none goes astray.
template <class Access>
void anywhere(unsigned seed, Access access) {
    Random random(seed);
    for (int step = 0; step < steps; ++step) {
        const std::uint32_t offset = random.coin() ? random() % 0x2'1000 : random() % 0x1100;
        access(random, random.coin() ? offset : offset & ~7U, random.pick({1U, 2U, 4U, 4U, 4U, 8U}));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gic_random)

BOOST_AUTO_TEST_CASE(gicv2_does_what_the_naive_one_does) {
    for (unsigned seed = 1; seed <= 2; ++seed) run<PairV2>(seed);
}

BOOST_AUTO_TEST_CASE(gicv3_does_what_the_naive_one_does) {
    for (unsigned seed = 1; seed <= 2; ++seed) run<PairV3>(seed);
}

BOOST_AUTO_TEST_CASE(any_access_to_a_gicv2_is_harmless) {
    for (const std::uint32_t spis : {32U, 988U}) {
        GuestGicv2 guest({8, spis, 8, 3});
        anywhere(3, [&](Random& random, std::uint32_t offset, unsigned size) {
            const unsigned cpu = random() % 8;
            guest.gic.write_distributor(cpu, offset, size, random.wide());
            static_cast<void>(guest.gic.write_cpu_interface(cpu, offset, size, random.wide()));
            const std::uint64_t limit = size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * size) - 1;
            BOOST_REQUIRE(guest.gic.read_distributor(cpu, offset, size) <= limit);
            BOOST_REQUIRE(guest.gic.read_cpu_interface(cpu, offset, size) <= limit);
        });
    }
}

BOOST_AUTO_TEST_CASE(any_access_to_a_gicv3_is_harmless) {
    for (const std::uint32_t spis : {32U, 988U}) {
        Gicv3Options options = GuestGicv3::cpus(3);
        options.spis = spis;
        options.priority_bits = 8;
        GuestGicv3 guest(options);
        anywhere(4, [&](Random& random, std::uint32_t offset, unsigned size) {
            const unsigned cpu = random() % 3;
            guest.gic.write_distributor(offset, size, random.wide());
            static_cast<void>(guest.gic.write_redistributor(cpu, offset, size, random.wide()));
            const std::uint64_t limit = size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * size) - 1;
            BOOST_REQUIRE(guest.gic.read_distributor(offset, size) <= limit);
            BOOST_REQUIRE(guest.gic.read_redistributor(cpu, offset, size) <= limit);
            const std::uint32_t number = random.coin() ? random() : sysreg(3, 0, 12, 8, 0) + random() % 0x28;
            static_cast<void>(guest.gic.write_sysreg(cpu, number, random.wide()));
            static_cast<void>(guest.gic.read_sysreg(cpu, number));
        });
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
