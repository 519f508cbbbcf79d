#include <benchmark/benchmark.h>

#include "irqchip/arm64/gicv2.hpp"
#include "irqchip/arm64/gicv3.hpp"

// The GICs alone, round by round: line up, acknowledge, line down, EOI. What is implemented must not matter,
// nor how much else is pending.
using namespace irqbench::irqchip;
using namespace irqbench::irqchip::arm64;

namespace {

constexpr std::uint32_t intid = 57;
constexpr std::uint32_t all_ones = 0xFFFF'FFFF;
constexpr std::uint8_t urgent = 0x20;
constexpr std::uint8_t lazy = 0xA0;
constexpr std::uint64_t no_mask = 0xFF;

struct Version3 {
    Gicv3 gic;

    explicit Version3(std::uint32_t spis) : gic(options(spis)) {
        gic.write_distributor(gicd3::ctlr, 4, 3);
        for (std::uint32_t first = 32; first < 32 + spis; first += 32) word(0x100, first / 8, all_ones);
        for (std::uint32_t each = 32; each < 32 + spis; ++each)
            gic.write_distributor(0x400 + each, 1, each == intid ? urgent : lazy);
        write(icc::pmr, no_mask);
        write(icc::igrpen1, 1);
    }
    static Gicv3Options options(std::uint32_t spis) {
        Gicv3Options options;
        options.spis = spis;
        return options;
    }
    void word(std::uint32_t registers, std::uint32_t offset, std::uint32_t value) {
        gic.write_distributor(registers + offset, 4, value);
    }
    void write(std::uint32_t number, std::uint64_t value) {
        static_cast<void>(gic.write_sysreg(0, number, value));
    }
    std::uint64_t acknowledge() { return gic.read_sysreg(0, icc::iar1).value_or(spurious); }
    void end(std::uint64_t which) { write(icc::eoir1, which); }
};

struct Version2 {
    Gicv2 gic;

    explicit Version2(std::uint32_t spis) : gic({1, spis, 5, 3}) {
        gic.write_distributor(0, gicd::ctlr, 4, 3);
        for (std::uint32_t first = 32; first < 32 + spis; first += 32)
            word(gicd::isenabler, first / 8, all_ones);
        for (std::uint32_t each = 32; each < 32 + spis; ++each) {
            gic.write_distributor(0, gicd::ipriorityr + each, 1, each == intid ? urgent : lazy);
            gic.write_distributor(0, gicd::itargetsr + each, 1, 1);
        }
        static_cast<void>(gic.write_cpu_interface(0, gicc::pmr, 4, no_mask));
        static_cast<void>(gic.write_cpu_interface(0, gicc::ctlr, 4, 3));
    }
    void word(std::uint32_t registers, std::uint32_t offset, std::uint32_t value) {
        gic.write_distributor(0, registers + offset, 4, value);
    }
    std::uint64_t acknowledge() { return gic.read_cpu_interface(0, gicc::iar, 4); }
    void end(std::uint64_t which) { static_cast<void>(gic.write_cpu_interface(0, gicc::eoir, 4, which)); }
};

/// `pending`: whether every other SPI waits all the while.
template <class Version>
void gics_round(benchmark::State& state, std::uint32_t spis, bool pending, bool edge) {
    Version its(spis);
    if (edge) its.word(0xC00, intid / 16 * 4, all_ones);
    for (std::uint32_t each = 32; pending && each < 32 + spis; ++each)
        if (each != intid) its.gic.set_line(each, true);
    for (auto _ : state) {
        its.gic.set_line(intid, true);
        if (!its.gic.irq(0) || its.acknowledge() != intid) state.SkipWithError("an interrupt was not taken");
        its.gic.set_line(intid, false);
        its.end(intid);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

void gicv3_round(benchmark::State& state, std::uint32_t spis, bool pending, bool edge) {
    gics_round<Version3>(state, spis, pending, edge);
}
BENCHMARK_CAPTURE(gicv3_round, level_64_spis, 64U, false, false);
BENCHMARK_CAPTURE(gicv3_round, level_988_spis, 988U, false, false);
BENCHMARK_CAPTURE(gicv3_round, edge_988_spis, 988U, false, true);
BENCHMARK_CAPTURE(gicv3_round, level_988_spis_all_pending, 988U, true, false);

void gicv2_round(benchmark::State& state, std::uint32_t spis, bool pending, bool edge) {
    gics_round<Version2>(state, spis, pending, edge);
}
BENCHMARK_CAPTURE(gicv2_round, level_64_spis, 64U, false, false);
BENCHMARK_CAPTURE(gicv2_round, level_988_spis, 988U, false, false);
BENCHMARK_CAPTURE(gicv2_round, edge_988_spis, 988U, false, true);
BENCHMARK_CAPTURE(gicv2_round, level_988_spis_all_pending, 988U, true, false);

}  // namespace
