#include <benchmark/benchmark.h>

#include <algorithm>

#include "irqchip/arm64/gicv3_with_its.hpp"
#include "tests/irqchip/flat_memory.hpp"

// GICv3 and ITS alone, round by round: a device signals, the CPU acknowledges the LPI and ends it.
using namespace irqbench::irqchip::arm64;

namespace {

constexpr std::uint64_t queue = 0x1'0000, devices = 0x2'0000, collections = 0x3'0000,
                        configurations = 0x4'0000, pending = 0x6'0000, itts = 0x10'0000, end = 0x20'0000;
constexpr std::uint64_t valid = std::uint64_t{1} << 63;
constexpr std::uint32_t events_per_device = 1024;
/// 60,000 LPIs are more than 16 bits of INTID have room for.
constexpr unsigned id_bits = 17;

Gicv3Options options() {
    Gicv3Options options;
    options.lpi_id_bits = id_bits;
    return options;
}

struct Machine {
    FlatMemory memory{end};
    Gicv3WithIts gic{options()};
    std::uint32_t writer = 0;

    explicit Machine(std::uint32_t mapped) {
        std::fill_n(memory.bytes.begin() + configurations, 1U << id_bits, std::uint8_t{0xA1});
        gic.write_redistributor(0, gicr::propbaser, 8, configurations | (id_bits - 1), memory);
        gic.write_redistributor(0, gicr::pendbaser, 8, pending, memory);
        gic.write_redistributor(0, gicr::ctlr, 4, 1, memory);
        gic.write_distributor(gicd3::ctlr, 4, 2);
        write_sysreg(icc::pmr, 0xFF);
        write_sysreg(icc::igrpen1, 1);
        write_its(gits::cbaser, valid | queue);
        write_its(gits::baser, valid | devices);
        write_its(gits::baser + 8, valid | collections);
        static_cast<void>(gic.write_its(gits::ctlr, 4, 1, memory));
        send(its_command::mapc(0, 0));
        for (std::uint32_t i = 0; i < mapped; ++i) {
            const std::uint32_t device = i / events_per_device;
            const std::uint32_t event = i % events_per_device;
            if (event == 0) send(its_command::mapd(device, itts + device * events_per_device * 8ULL, 10));
            send(its_command::mapti(device, event, first_lpi + i, 0));
        }
    }

    void write_sysreg(std::uint32_t number, std::uint64_t value) {
        static_cast<void>(gic.write_sysreg(0, number, value));
    }
    void write_its(std::uint32_t offset, std::uint64_t value) {
        static_cast<void>(gic.write_its(offset, 8, value, memory));
    }
    void send(const ItsCommand& command) {
        for (std::size_t i = 0; i < 4; ++i) memory.write64(queue + writer + 8 * i, command.words[i]);
        writer = (writer + ItsCommand::size) % 4096;
        write_its(gits::cwriter, writer);
    }
    void signal(std::uint32_t index) {
        static_cast<void>(gic.signal(index / events_per_device, index % events_per_device, memory));
    }

    bool round(std::uint32_t index) {
        signal(index);
        if (!gic.irq(0) || gic.read_sysreg(0, icc::iar1) != first_lpi + index) return false;
        write_sysreg(icc::eoir1, first_lpi + index);
        return true;
    }
};

/// Every mapped LPI in turn, in no order that memory likes.
void lpi_round(benchmark::State& state, std::uint32_t mapped) {
    Machine machine(mapped);
    std::uint32_t index = 0;
    for (auto _ : state) {
        if (!machine.round(index)) state.SkipWithError("an LPI was not taken");
        index = (index + 37) % mapped;
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(lpi_round, mapped_64, 64U);
BENCHMARK_CAPTURE(lpi_round, mapped_60000, 60'000U);

/// One LPI among many that are pending and come later.
void lpi_round_among_pending(benchmark::State& state, std::uint32_t mapped) {
    Machine machine(mapped);
    machine.memory.bytes[configurations] = 0x01;
    machine.send(its_command::inv(0, 0));
    for (std::uint32_t i = 1; i < mapped; ++i) machine.signal(i);
    for (auto _ : state)
        if (!machine.round(0)) state.SkipWithError("an LPI was not taken");
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(lpi_round_among_pending, mapped_64, 64U);
BENCHMARK_CAPTURE(lpi_round_among_pending, mapped_60000, 60'000U);

}  // namespace
