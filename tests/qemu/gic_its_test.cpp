#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "irqchip/arm64/gicv3_with_its.hpp"
#include "tests/irqchip/flat_memory.hpp"
#include "tests/qemu/gic_machine.hpp"
#include "tests/qemu/search.hpp"

// QEMU's ITS against ours: the same commands and MSIs, then which LPI is pending at which CPU, as QEMU's
// pending tables in memory have it. Its tables of devices and events have a format of their own. MAPTI of an
// event that is mapped is left out: it is unpredictable, QEMU maps it anew.
namespace irqbench::tests::qemu {
namespace {

using namespace irqchip::arm64;
namespace c = its_command;

constexpr auto arch = tools::lab::Arch::arm64;
constexpr std::uint64_t default_operations = 3'000;
constexpr std::uint64_t operations_a_look = 10;

constexpr std::uint64_t queue = 0x1'0000, devices = 0x2'0000, collections = 0x3'0000,
                        configurations = 0x4'0000, pending = 0x6'0000, itts = 0x10'0000, size = 0x20'0000;
constexpr std::uint64_t valid = std::uint64_t{1} << 63;
constexpr unsigned id_bits = 16;
constexpr std::uint32_t event_count = 16;

boost::test_tools::assertion_result needs_qemu(boost::unit_test::test_unit_id) {
    return found_or_required(arch);
}

/// Both sides, told the same.
class Pair {
  public:
    explicit Pair(const tools::lab::Qemu& qemu) : qemu_(qemu, 3), ours_(options()) {
        for (std::uint64_t at = 0; at < 256; at += 8)
            store(GicMachine::memory + configurations + at, 0xA1A1'A1A1'A1A1'A1A1);
        for (unsigned cpu = 0; cpu < GicMachine::cpu_count; ++cpu) {
            redistributor(cpu, gicr::propbaser, (GicMachine::memory + configurations) | (id_bits - 1), 8);
            redistributor(cpu, gicr::pendbaser, pending_of(cpu), 8);
            redistributor(cpu, gicr::ctlr, 1, 4);
        }
        its(gits::cbaser, valid | (GicMachine::memory + queue), 8);
        its(gits::baser, valid | (GicMachine::memory + devices), 8);
        its(gits::baser + 8, valid | (GicMachine::memory + collections), 8);
        its(gits::ctlr, 1, 4);
    }

    void send(const ItsCommand& command) {
        for (std::size_t i = 0; i < command.words.size(); ++i)
            store(GicMachine::memory + queue + writer_ + 8 * i, command.words[i]);
        writer_ = (writer_ + ItsCommand::size) % 4096;
        its(gits::cwriter, writer_, 8);
    }
    /// By device 0, which is what qtest's writes come from.
    void signal(std::uint32_t event) {
        qemu_.write({GicMachine::its + gits::translater, 4}, event);
        static_cast<void>(ours_.signal(0, event, memory_));
    }

    std::string difference() {
        std::vector<GicMachine::Place> places{{GicMachine::its + gits::creadr, 8}};
        for (unsigned cpu = 0; cpu < GicMachine::cpu_count; ++cpu)
            for (std::uint32_t byte = 0; byte < 8; ++byte)
                places.push_back({pending_of(cpu) + first_lpi / 8 + byte, 1});
        const std::vector<std::uint64_t> theirs = qemu_.read(places);
        std::string found;
        if (const std::uint64_t creadr = ours_.read_its(gits::creadr, 8); creadr != theirs[0])
            found += fmt::format("  GITS_CREADR {:#x} here, {:#x} in QEMU\n", creadr, theirs[0]);
        for (unsigned cpu = 0; cpu < GicMachine::cpu_count; ++cpu)
            for (std::uint32_t lpi = 0; lpi < 64; ++lpi) {
                const bool there = (theirs[1 + 8 * cpu + lpi / 8] >> lpi % 8 & 1) != 0;
                if (ours_.lpis(cpu).pending(first_lpi + lpi) != there)
                    found += fmt::format("  {} pending at {} {}\n", first_lpi + lpi, cpu,
                                         there ? "in QEMU only" : "here only");
            }
        return found;
    }

  private:
    static Gicv3Options options() {
        Gicv3Options options;
        options.cpus = {0, 1};
        return options;
    }
    static std::uint64_t pending_of(unsigned cpu) {
        return GicMachine::memory + pending + std::uint64_t{cpu} * 0x1'0000;
    }
    void store(std::uint64_t address, std::uint64_t value) {
        qemu_.write({address, 8}, value);
        memory_.write64(address, value);
    }
    void redistributor(unsigned cpu, std::uint32_t offset, std::uint64_t value, unsigned bytes) {
        qemu_.write({GicMachine::redistributors + cpu * GicMachine::redistributor_size + offset, bytes},
                    value);
        ours_.write_redistributor(cpu, offset, bytes, value, memory_);
    }
    void its(std::uint32_t offset, std::uint64_t value, unsigned bytes) {
        qemu_.write({GicMachine::its + offset, bytes}, value);
        static_cast<void>(ours_.write_its(offset, bytes, value, memory_));
    }

    GicMachine qemu_;
    /// As our ITS reaches it.
    FlatMemory memory_{size, GicMachine::memory};
    Gicv3WithIts ours_;
    std::uint32_t writer_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(qemu_its, *boost::unit_test::precondition(needs_qemu))

BOOST_AUTO_TEST_CASE(its_commands_leave_the_same_lpis_pending) {
    BOOST_REQUIRE_MESSAGE(found_qemu(arch).found, found_qemu(arch).why_not);
    const std::uint64_t seed = number("IRQBENCH_QEMU_SEED", 1);
    const std::uint64_t wanted = number("IRQBENCH_QEMU_OPERATIONS", default_operations);
    std::mt19937_64 random(seed);
    const auto pick = [&](std::uint32_t count) { return static_cast<std::uint32_t>(random() % count); };
    Pair pair(*found_qemu(arch).found);
    std::map<std::pair<std::uint32_t, std::uint32_t>, bool> mapped;
    for (std::uint32_t device = 0; device < 2; ++device)
        pair.send(c::mapd(device, GicMachine::memory + itts + device * 0x1000ULL, 4));
    for (std::uint16_t collection = 0; collection < 3; ++collection)
        pair.send(c::mapc(collection, collection % 2));
    std::string since;
    for (std::uint64_t done = 1; done <= wanted; ++done) {
        const std::uint32_t device = pick(2);
        const std::uint32_t event = pick(event_count);
        const auto collection = static_cast<std::uint16_t>(pick(3));
        std::string what = "MSI";
        const auto send = [&](const ItsCommand& command) {
            what = name(command.opcode());
            pair.send(command);
        };
        switch (pick(12)) {
            case 0:
            case 1:
                if (mapped[{device, event}]) break;
                mapped[{device, event}] = true;
                send(c::mapti(device, event, first_lpi + event_count * device + event, collection));
                break;
            case 2: send(c::movi(device, event, collection)); break;
            case 3:
                if (pick(4) == 0)
                    send(c::movall(pick(2), pick(2)));
                else
                    send(c::interrupt(device, event));
                break;
            case 4:
                if (pick(4) == 0)
                    send(c::mapc(collection, pick(2)));
                else
                    send(c::clear(device, event));
                break;
            case 5:
                mapped[{device, event}] = false;
                send(c::discard(device, event));
                break;
            case 6: send(c::clear(device, event)); break;
            case 7: send(pick(2) == 0 ? c::inv(device, event) : c::invall(collection)); break;
            case 8: send(c::sync(pick(2))); break;
            case 9: pair.signal(event); break;
            default: send(c::interrupt(device, event)); break;
        }
        since += fmt::format("  {} of {}:{}, collection {}\n", what, device, event, collection);
        if (done % operations_a_look != 0) continue;
        const std::string difference = pair.difference();
        BOOST_REQUIRE_MESSAGE(difference.empty(),
                              fmt::format("seed {}, after\n{}there is\n{}", seed, since, difference));
        since.clear();
    }
    std::cout << fmt::format("QEMU {}, ITS, seed {}: {} operations\n", found_qemu(arch).found->version, seed,
                             wanted);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests::qemu
