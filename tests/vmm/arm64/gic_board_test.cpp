#include "vmm/arm64/gic_board.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <initializer_list>
#include <string>
#include <vector>

#include "irqchip/arm64/gicv2_registers.hpp"
#include "routing/arm64.hpp"
#include "vmm/arm64/virtual_timer.hpp"
#include "vmm/guest/agent_abi.h"
#include "vmm/model/irqfds.hpp"

using namespace irqbench;
using irqchip::LineSource;
using vmm::Outcome;
namespace gicc = irqchip::arm64::gicc;
namespace gicd = irqchip::arm64::gicd;

namespace {

constexpr std::uint32_t type_spi = 1U << 24, type_ppi = 2U << 24;

/// Two CPUs of a GICv2, and whoever is told what happens on its wires.
struct Board final : vmm::model::Wires {
    static vmm::MachineConfig config() {
        vmm::MachineConfig config;
        config.vcpu_ids = {0, 1};
        config.gic = "v2";
        return config;
    }

    Board() {
        for (const std::uint32_t cpu : {0U, 1U}) board.gic().prepare(cpu);
    }

    [[nodiscard]] bool watches_wires() const override { return true; }
    void moved(std::optional<std::uint32_t> gsi, std::string text) override {
        told += (gsi ? std::to_string(*gsi) + ": " : "") + text;
    }
    void ended(routing::ListenerId listener) override {
        kicked.push_back(listener);
        line_at_kick = irq();
        irqfds.ended(listener);
    }

    void write(std::uint64_t address, std::uint64_t value, unsigned size = 4, std::uint32_t cpu = 0) {
        BOOST_TEST(board.mmio_write(cpu, address, size, value));
    }
    std::uint64_t read(std::uint64_t address, std::uint32_t cpu = 0) {
        return board.gic().mmio_read(cpu, address, 4).value_or(~std::uint64_t{0});
    }
    /// Enabled, to the first CPU; level-triggered unless it is said to be an edge.
    void spi(std::uint32_t intid, bool edge = false) {
        if (edge) write(AGENT_GICD + gicd::icfgr + intid / 16 * 4, 2U << intid % 16 * 2);
        write(AGENT_GICD + gicd::itargetsr + intid, 1, 1);
        write(AGENT_GICD + gicd::isenabler + intid / 32 * 4, 1U << intid % 32);
    }
    void ppi(std::uint32_t intid, std::uint32_t cpu) {
        write(AGENT_GICD + gicd::isenabler, 1U << intid, 4, cpu);
    }
    std::uint64_t acknowledge(std::uint32_t cpu = 0) { return read(AGENT_GICC + gicc::iar, cpu); }
    void eoi(std::uint64_t intid, std::uint32_t cpu = 0) { write(AGENT_GICC + gicc::eoir, intid, 4, cpu); }
    [[nodiscard]] bool irq(std::uint32_t cpu = 0) const { return board.irq(cpu); }

    std::string told;
    std::vector<routing::ListenerId> kicked;
    bool line_at_kick = false;
    vmm::arm64::GicBoard board{vmm::arm64::make_model_gicv2(config()), config(), *this};
    vmm::model::Irqfds irqfds{board};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(arm64_gic_board)

BOOST_AUTO_TEST_CASE(a_line_is_told_to_the_cpu_it_goes_to_until_it_is_acknowledged) {
    Board bench;
    bench.spi(42);
    BOOST_TEST(bench.board.set_line(10, true).ok());
    BOOST_TEST(bench.irq(0));
    BOOST_TEST(!bench.irq(1));
    BOOST_TEST(!bench.board.fiq(0));
    BOOST_TEST(bench.acknowledge() == 42U);
    BOOST_TEST(!bench.irq());
    BOOST_TEST(bench.acknowledge() == 1023U);
}

BOOST_AUTO_TEST_CASE(a_level_that_is_high_still_is_told_again_after_eoi) {
    Board bench;
    bench.spi(42);
    bench.board.set_line(10, true);
    bench.eoi(bench.acknowledge());
    BOOST_TEST(bench.told == "10: GIC: INTID 42 is done");
    BOOST_TEST(bench.irq());
    BOOST_TEST(bench.acknowledge() == 42U);
    bench.board.set_line(10, false);
    bench.eoi(42);
    BOOST_TEST(!bench.irq());
}

BOOST_AUTO_TEST_CASE(group_0_is_fiq_where_fiqen_says_so) {
    Board bench;
    bench.spi(42);
    bench.board.set_line(10, true);
    constexpr std::uint32_t fiq_enable = 8, both_groups = 3;
    bench.write(AGENT_GICC + gicc::ctlr, both_groups | fiq_enable);
    BOOST_TEST(!bench.irq());
    BOOST_TEST(bench.board.fiq(0));
    BOOST_TEST(!bench.board.fiq(1));
    bench.write(AGENT_GICD + gicd::igroupr + 4, 1U << 10);
    BOOST_TEST(bench.irq());
    BOOST_TEST(!bench.board.fiq(0));
}

BOOST_AUTO_TEST_CASE(an_irqfd_is_an_edge_and_a_resampling_one_holds_its_line_until_the_eoi) {
    Board bench;
    bench.spi(42, true);
    bench.spi(43);
    bench.irqfds.assign({"edge", 10, false, {}, false});
    bench.irqfds.assign({"level", 11, true, {}, false});
    bench.irqfds.signal("edge");
    bench.eoi(bench.acknowledge());
    BOOST_TEST(!bench.irq());
    bench.irqfds.signal("level");
    BOOST_TEST(bench.acknowledge() == 43U);
    BOOST_TEST(bench.kicked.empty());
    bench.eoi(43);
    // The line is down before the device is asked.
    BOOST_TEST(bench.kicked.size() == 1U);
    BOOST_TEST(!bench.line_at_kick);
    BOOST_TEST(!bench.irq());
    const auto kicks = bench.irqfds.take_resampled();
    BOOST_REQUIRE(kicks.size() == 1U);
    BOOST_TEST(kicks[0].irqfd == "level");
    BOOST_TEST(kicks[0].count == 1U);
}

BOOST_AUTO_TEST_CASE(a_resampling_irqfd_takes_its_line_along) {
    Board bench;
    bench.spi(42);
    bench.irqfds.assign({"level", 10, true, {}, false});
    bench.irqfds.signal("level");
    BOOST_TEST(bench.irq());
    bench.irqfds.deassign("level");
    BOOST_TEST(!bench.irq());
    BOOST_TEST(bench.kicked.empty());
}

BOOST_AUTO_TEST_CASE(the_last_driver_of_a_line_decides) {
    Board bench;
    bench.spi(42);
    bench.board.drive(10, true, LineSource::resample);
    bench.board.set_line(10, false);
    BOOST_TEST(!bench.irq());
    bench.board.set_line(10, true);
    bench.board.drive(10, false, LineSource::resample);
    BOOST_TEST(!bench.irq());
}

BOOST_AUTO_TEST_CASE(irqfds_follow_the_table_and_lines_do_not) {
    Board bench;
    bench.spi(42);
    bench.spi(43);
    routing::RoutingTable table = bench.board.routes();
    table.set(10, {routing::PinRoute{routing::arm64::gic, 11}});
    BOOST_TEST(bench.board.route(table).ok());
    bench.board.drive(10, true, LineSource::wire);
    BOOST_TEST(bench.acknowledge() == 43U);
    bench.board.set_line(10, true);
    bench.eoi(43);
    BOOST_TEST(bench.acknowledge() == 42U);
    table.set(10, {routing::PinRoute{routing::arm64::gic, 988}});
    BOOST_TEST(bench.board.route(table).error == EINVAL);
    BOOST_TEST(bool(bench.board.routes().routes(10).size() == 1U));
}

BOOST_AUTO_TEST_CASE(a_ppi_is_of_one_cpu_and_a_timers_is_the_timers) {
    Board bench;
    constexpr std::uint32_t timer = vmm::arm64::VirtualTimer::ppi;
    for (const std::uint32_t cpu : {0U, 1U}) {
        bench.ppi(20, cpu);
        bench.ppi(timer, cpu);
    }
    BOOST_TEST(bench.board.set_line(type_ppi | 1U << 16 | 20, true).ok());
    BOOST_TEST(!bench.irq(0));
    BOOST_TEST(bench.irq(1));
    bench.board.set_line(type_ppi | 1U << 16 | 20, false);
    BOOST_TEST(bench.board.set_line(type_ppi | timer, true).ok());
    BOOST_TEST(!bench.irq(0));
    bench.board.set_timer(1, timer, true);
    BOOST_TEST(!bench.irq(0));
    BOOST_TEST(bench.irq(1));
    bench.eoi(bench.acknowledge(1), 1);
    BOOST_TEST(bench.irq(1));
    bench.board.set_timer(1, timer, false);
    BOOST_TEST(!bench.irq(1));
}

// As kvm_vm_ioctl_irq_line() of Linux, arch/arm64/kvm/arm.c, answers with a GIC in the kernel.
BOOST_AUTO_TEST_CASE(lines_that_are_none_are_refused) {
    Board bench;
    BOOST_TEST(bench.board.set_line(64, true).error == EINVAL);
    BOOST_TEST(bench.board.set_line(type_spi | 31, true).error == EINVAL);
    BOOST_TEST(bench.board.set_line(type_spi | 96, true).error == EINVAL);
    BOOST_TEST(bench.board.set_line(type_ppi | 15, true).error == EINVAL);
    BOOST_TEST(bench.board.set_line(type_ppi | 2U << 16 | 20, true).error == EINVAL);
    BOOST_TEST(bench.board.set_line(1U << 28, true).error == ENXIO);
    BOOST_TEST(bench.board.msi({AGENT_ITS, 0, 0}).error == ENODEV);
}

BOOST_AUTO_TEST_CASE(what_the_gic_claims_is_what_it_answers) {
    Board bench;
    for (const std::uint64_t at : std::initializer_list<std::uint64_t>{AGENT_GICD, AGENT_GICD + 0xfff,
                                                                       AGENT_GICC, AGENT_GICC + 0x1fff})
        BOOST_TEST(bench.board.gic().claims(at));
    for (const std::uint64_t at :
         std::initializer_list<std::uint64_t>{AGENT_GICD - 1, AGENT_GICD + 0x1000, AGENT_GICC + 0x2000}) {
        BOOST_TEST(!bench.board.gic().claims(at));
        BOOST_TEST(!bench.board.mmio_write(0, at, 4, 0));
    }
}

BOOST_AUTO_TEST_SUITE_END()
