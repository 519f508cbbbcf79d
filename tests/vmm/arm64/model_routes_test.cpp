#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>

#include "routing/arm64.hpp"
#include "tests/vmm/arm64/board.hpp"
#include "vmm/arm64/model_hardware.hpp"

using namespace irqbench;
using namespace irqbench::tests;
using vmm::Outcome;
using vmm::RunMode;
namespace gits = irqchip::arm64::gits;

namespace {

constexpr std::uint64_t translater = AGENT_ITS + gits::translater;
/// An ITS with event 3 of device 5 mapped to LPI 8193 of the first CPU.
struct ItsBoard : ArmBoard {
    static constexpr std::uint64_t tables = vmm::scenario_memory, queue = tables, devices = tables + 0x1'0000,
                                   collections = tables + 0x2'0000, translations = tables + 0x3'0000,
                                   properties = tables + 0x4'0000, pending = tables + 0x6'0000;
    static constexpr std::uint64_t valid = std::uint64_t{1} << 63;

    static vmm::MachineConfig with(RunMode run = RunMode::stepped) {
        vmm::MachineConfig config = ArmBoard::with("v3", 1, run);
        config.its = true;
        config.memory = 0x10'0000;
        return config;
    }
    explicit ItsBoard(RunMode run = RunMode::stepped) : ArmBoard(with(run)) {}

    void enable() {
        write(AGENT_GICR + 0x70, properties | 15, 8);
        write(AGENT_GICR + 0x78, std::uint64_t{1} << 62 | pending, 8);
        write(AGENT_GICR, 1);
        write(AGENT_ITS + gits::baser, valid | devices, 8);
        write(AGENT_ITS + gits::baser + 8, valid | collections, 8);
        write(AGENT_ITS + gits::cbaser, valid | queue, 8);
        write(AGENT_ITS, 1);
    }
    void command(const irqchip::arm64::ItsCommand& command) {
        for (const std::uint64_t word : command.words) write(queue + (filled_ += 8) - 8, word, 8);
        write(AGENT_ITS + gits::cwriter, filled_, 8);
    }
    void map() {
        using namespace irqchip::arm64::its_command;
        command(mapd(5, translations, 5));
        command(mapc(0, 0));
        command(mapti(5, 3, 8193, 0));
        write(properties + 1, 0x83, 1);
        command(inv(5, 3));
    }
    Outcome message(std::uint32_t device, std::uint32_t event) {
        const Outcome outcome = machine.msi({translater, event, device});
        machine.settle();
        machine.finish();
        return outcome;
    }

  private:
    std::uint64_t filled_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(arm64_model_routes)

BOOST_AUTO_TEST_CASE(a_message_becomes_an_lpi_on_a_cpu) {
    for (const RunMode run : {RunMode::stepped, RunMode::free}) {
        ItsBoard board(run);
        board.enable();
        board.map();
        BOOST_TEST(bool(board.message(5, 3) == Outcome{1, 0}));
        BOOST_TEST(board.taken() == 1U);
        BOOST_TEST(board.last<vmm::event::Taken>()->vector == 8193U);
        BOOST_TEST(bool(board.message(5, 4) == Outcome{0, 0}));
        BOOST_TEST(board.taken() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(the_timeline_tells_what_the_its_made_of_it) {
    ItsBoard board;
    board.enable();
    board.map();
    board.news(vmm::Lane::wire);
    board.message(5, 3);
    board.message(6, 3);
    BOOST_TEST(board.news(vmm::Lane::wire) ==
               "ITS: LPI 8193 to redistributor 0; ITS: event 3 of device 6 is dropped, INT_UNMAPPED_DEVICE");
    board.command(irqchip::arm64::its_command::discard(6, 3));
    BOOST_TEST(board.news(vmm::Lane::wire) == "ITS: command at 0x80 fails, DISCARD_UNMAPPED_DEVICE");
}

BOOST_AUTO_TEST_CASE(however_many_commands_fail_the_timeline_has_few_lines) {
    ItsBoard board;
    board.enable();
    board.news(vmm::Lane::wire);
    const std::uint64_t last_but_one = 127;
    board.write(AGENT_ITS + gits::cwriter, last_but_one * irqchip::arm64::ItsCommand::size, 8);
    const std::string lines = board.news(vmm::Lane::wire);
    BOOST_TEST(std::count(lines.begin(), lines.end(), ';') == 16);
    BOOST_TEST(lines.ends_with("; ITS: and 111 more"), lines);
}

// vgic_its_inject_msi() and vgic_its_resolve_lpi() of Linux, arch/arm64/kvm/vgic/vgic-its.c.
BOOST_AUTO_TEST_CASE(messages_are_refused_with_kvms_errnos) {
    ArmBoard without_its;
    BOOST_TEST(without_its.machine.msi({translater, 3, 5}).error == ENODEV);
    ArmBoard v2(ArmBoard::with("v2"));
    BOOST_TEST(v2.machine.msi({translater, 3, 5}).error == ENODEV);

    ItsBoard board;
    BOOST_TEST(board.machine.msi({translater, 3, std::nullopt}).error == EINVAL);
    BOOST_TEST(board.machine.msi({AGENT_GICD, 3, 5}).error == EINVAL);
    BOOST_TEST(board.message(5, 3).error == EBUSY);
    board.enable();
    board.map();
    board.write(AGENT_GICR, 0);
    BOOST_TEST(board.message(5, 3).error == EBUSY);
    BOOST_TEST(board.taken() == 0U);
}

BOOST_AUTO_TEST_CASE(an_irqfd_follows_the_route_of_its_gsi) {
    ItsBoard board;
    board.enable();
    board.map();
    board.spi(42);
    board.spi(43);
    board.machine.assign_irqfd({"dev", 10, false, {}, false});
    const auto signal = [&] {
        board.machine.signal("dev", 1);
        board.machine.settle();
        return board.last<vmm::event::Taken>()->vector;
    };
    BOOST_TEST(signal() == 42U);
    routing::RoutingTable table = board.machine.routes();
    table.set(10, {routing::PinRoute{routing::arm64::gic, 11}});
    BOOST_TEST(board.machine.route(table).ok());
    BOOST_TEST(signal() == 43U);
    table.set(10, {routing::MsiRoute{translater, 3, 5}});
    BOOST_TEST(board.machine.route(table).ok());
    board.news(vmm::Lane::wire);
    BOOST_TEST(signal() == 8193U);
    // Once, though the irqfd raises and lowers.
    BOOST_TEST(board.news(vmm::Lane::wire) == "ITS: LPI 8193 to redistributor 0");
    table.set(10, {routing::PinRoute{routing::arm64::gic, 988}});
    BOOST_TEST(board.machine.route(table).error == EINVAL);
    table.set(10, {routing::PinRoute{routing::arm64::gic, 900}});  // that some GIC could have
    BOOST_TEST(board.machine.route(table).ok());
    BOOST_TEST(signal() == 8193U);
    BOOST_TEST(board.taken() == 3U);
}

BOOST_AUTO_TEST_CASE(an_irqfd_is_asked_again_when_its_level_spi_is_done) {
    ArmBoard board;
    board.spi(42, ArmBoard::level);
    board.spi(43, ArmBoard::level);
    board.machine.assign_irqfd({"dev", 10, true, {}, false});
    board.machine.signal("dev", 1);
    board.machine.settle();
    BOOST_TEST(board.taken() == 1U);
    BOOST_TEST(board.interrupt("line", 42) == 0U);
    BOOST_TEST(board.last<vmm::event::Resampled>()->count == 1U);
    // Another driver holds the line: it is done and comes again, and each time the irqfd is asked.
    board.machine.handler(0, 42, POLICY_LOWER | POLICY_EOI, 10);
    board.line(10, true);
    BOOST_TEST(board.count<vmm::event::Resampled>() == 2U);
    board.line(11, true);
    BOOST_TEST(board.count<vmm::event::Resampled>() == 2U);
}

BOOST_AUTO_TEST_CASE(a_deassigned_irqfd_takes_the_line_it_held_with_it) {
    ArmBoard board;
    board.spi(42, ArmBoard::level);
    board.guest({cli()});
    board.machine.assign_irqfd({"dev", 10, true, {}, false});
    board.machine.signal("dev", 1);
    BOOST_TEST(board.interrupt("line", 42) == 1U);
    board.machine.deassign_irqfd("dev");
    BOOST_TEST(board.interrupt("line", 42) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
