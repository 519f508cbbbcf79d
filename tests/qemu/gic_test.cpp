#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "irqchip/arm64/gicv3.hpp"
#include "tests/qemu/gic_machine.hpp"
#include "tests/qemu/search.hpp"
#include "tests/qemu/shrink.hpp"

// QEMU's GICv3 against ours: random writes and lines on both, then every register that shows what became of
// them. What is decided differently is programmed alike first (groups, enabled SGIs, configurations of PPIs,
// GICR_WAKER) or not looked at (identification, GICR_CTLR). IRQBENCH_QEMU_SEED and IRQBENCH_QEMU_OPERATIONS
// change what is tried.
namespace irqbench::tests::qemu {
namespace {

using namespace irqchip::arm64;

constexpr auto arch = tools::lab::Arch::arm64;
constexpr std::uint64_t default_operations = 6'000;
constexpr std::size_t operations_an_episode = 300;
constexpr std::size_t operations_a_look = 20;
constexpr int shrink_tries = 100;
constexpr std::uint32_t sgi_frame = 0x1'0000;

boost::test_tools::assertion_result needs_qemu(boost::unit_test::test_unit_id) {
    return found_or_required(arch);
}

/// Who has a register: the distributor, or the redistributor of a CPU.
enum class Frame : std::uint8_t { distributor, redistributor0, redistributor1 };

unsigned cpu_of(Frame frame) { return frame == Frame::redistributor1 ? 1 : 0; }

struct Register {
    Frame frame;
    std::uint32_t offset;
    unsigned size;
};

/// A write, or a line if `size` is zero: `offset` is its INTID.
struct GicOperation {
    Register place;
    std::uint64_t value;
};

std::string text(const Register& place) {
    constexpr const char* names[] = {"GICD", "GICR of 0", "GICR of 1"};
    return fmt::format("{} + {:#x} ({} bytes)", names[static_cast<unsigned>(place.frame)], place.offset,
                       place.size);
}

std::string text(const GicOperation& operation) {
    if (operation.place.size == 0)
        return fmt::format("line {} of CPU {} {}", operation.place.offset, cpu_of(operation.place.frame),
                           operation.value != 0 ? "up" : "down");
    return fmt::format("{:#x} to {}", operation.value, text(operation.place));
}

GicMachine::Place place_of(const Register& each) {
    const std::uint64_t base =
        each.frame == Frame::distributor
            ? GicMachine::distributor
            : GicMachine::redistributors + cpu_of(each.frame) * GicMachine::redistributor_size;
    return {base + each.offset, each.size};
}

struct Version3 {
    static constexpr unsigned version = 3;
    Gicv3 gic{options()};

    static Gicv3Options options() {
        Gicv3Options options;
        options.cpus = {0, 1};
        options.spis = GicMachine::spi_count;
        options.priority_bits = 8;
        options.affinity3 = true;
        options.one_of_n = false;
        return options;
    }
    void write(const Register& at, std::uint64_t value) {
        if (at.frame == Frame::distributor)
            gic.write_distributor(at.offset, at.size, value);
        else
            static_cast<void>(gic.write_redistributor(cpu_of(at.frame), at.offset, at.size, value));
    }
    std::uint64_t read(const Register& at) const {
        return at.frame == Frame::distributor ? gic.read_distributor(at.offset, at.size)
                                              : gic.read_redistributor(cpu_of(at.frame), at.offset, at.size);
    }
    /// Where the registers of an INTID are.
    static Register bank(std::uint32_t offset, std::uint32_t intid, unsigned cpu, unsigned size = 4) {
        if (intid >= 32) return {Frame::distributor, offset, size};
        return {cpu == 0 ? Frame::redistributor0 : Frame::redistributor1, sgi_frame + offset, size};
    }
    static std::vector<GicOperation> alike() {
        std::vector<GicOperation> all{{{Frame::distributor, 0, 4}, 3}};
        for (const Frame frame : {Frame::redistributor0, Frame::redistributor1}) {
            all.push_back({{frame, 0x14, 4}, 0});
            all.push_back({{frame, sgi_frame + 0x80, 4}, 0xFFFF'FFFF});
            all.push_back({{frame, sgi_frame + 0x100, 4}, 0xFFFF});
        }
        for (std::uint32_t word = 1; word <= GicMachine::spi_count / 32; ++word)
            all.push_back({{Frame::distributor, 0x80 + 4 * word, 4}, 0xFFFF'FFFF});
        return all;
    }
    static std::vector<Register> registers() {
        std::vector<Register> all{{Frame::distributor, 0, 4}, {Frame::distributor, 4, 4}};
        for (std::uint32_t spi = 32; spi < 32 + GicMachine::spi_count; ++spi)
            all.push_back({Frame::distributor, 0x6000 + 8 * spi, 8});
        for (const Frame frame : {Frame::redistributor0, Frame::redistributor1}) {
            all.push_back({frame, 0x14, 4});
            all.push_back({frame, sgi_frame + 0xC00, 4});
        }
        return all;
    }
};

/// What every version has for every INTID: groups, enables, pending, active, priorities; configurations of
/// SPIs.
template <class Version>
std::vector<Register> all_registers() {
    std::vector<Register> all = Version::registers();
    const auto add = [&](std::uint32_t offset, std::uint32_t intid) {
        for (unsigned cpu = 0; cpu < (intid < 32 && Version::version == 3 ? 2U : 1U); ++cpu)
            all.push_back(Version::bank(offset, intid, cpu));
    };
    for (std::uint32_t intid = 0; intid < 32 + GicMachine::spi_count; intid += 32) {
        for (std::uint32_t bank = 0x080; bank <= 0x380; bank += 0x80) add(bank + intid / 8, intid);
        for (std::uint32_t i = 0; i < 32; i += 4) add(0x400 + intid + i, intid);
        if (intid >= 32)
            for (std::uint32_t i = 0; i < 8; i += 4) add(0xC00 + intid / 4 + i, intid);
    }
    return all;
}

template <class Version>
class Generator {
  public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    GicOperation next() {
        const unsigned cpu = Version::version == 3 ? pick(2) : 0;
        const std::uint32_t intid = pick(4) == 0 ? pick(32) : pick(8) == 0 ? 32 + pick(256) : 32 + pick(40);
        const std::uint32_t one = 1U << intid % 32;
        const std::uint32_t bits = pick(4) == 0 ? static_cast<std::uint32_t>(random_()) : one;
        switch (pick(8)) {
            case 0:
            case 1:
            case 2: return line(intid, cpu);
            case 3: {
                const std::uint32_t bank = 0x080 + 0x80 * pick(7);
                return {Version::bank(bank + intid / 32 * 4, intid, cpu), bits};
            }
            case 4: return {Version::bank(0x200 + 0x80 * pick(4) + intid / 32 * 4, intid, cpu), bits};
            case 5: return {Version::bank(0x400 + intid, intid, cpu, 1), pick(256)};
            case 6:
                if (intid < 32) return line(intid, cpu);
                return {Version::bank(0xC00 + intid / 16 * 4, intid, cpu), random_() & 0xFFFF'FFFF};
            default: return special(intid);
        }
    }

  private:
    std::uint32_t pick(std::uint32_t count) { return static_cast<std::uint32_t>(random_() % count); }

    GicOperation line(std::uint32_t intid, unsigned cpu) {
        const std::uint32_t input = intid < 16 ? 16 + intid : intid;
        return {{cpu == 0 ? Frame::redistributor0 : Frame::redistributor1, input, 0}, pick(2)};
    }
    GicOperation special(std::uint32_t intid) {
        if (pick(8) == 0) return {{Frame::distributor, 0, 4}, random_() & 0xFFFF'FFFF};
        const std::uint32_t spi = intid < 32 ? 32 + intid : intid;
        const std::uint64_t route = pick(4) == 0 ? random_() & 0xFF'00FF'FFFF : pick(3);
        const std::uint32_t at = 0x6000 + 8 * spi;
        // QEMU keeps reserved bits.
        switch (pick(4)) {
            case 0: return {{Frame::distributor, at, 4}, route & 0xFF'FFFF};
            case 1: return {{Frame::distributor, at + 4, 4}, route & 0xFF};
            default: return {{Frame::distributor, at, 8}, route};
        }
    }

    std::mt19937_64 random_;
};

template <class Version>
class Comparison {
  public:
    explicit Comparison(GicMachine& qemu) : qemu_(qemu) {}

    void restart() {
        qemu_.reset();
        ours_ = {};
        for (const GicOperation& each : Version::alike()) carry_out(each);
    }

    void carry_out(const GicOperation& operation) {
        const Register& place = operation.place;
        if (place.size == 0) {
            qemu_.set_line(place.offset, cpu_of(place.frame), operation.value != 0);
            ours_.gic.set_line(place.offset, operation.value != 0, irqchip::LineSource::wire,
                               cpu_of(place.frame));
            return;
        }
        qemu_.write(place_of(place), operation.value);
        ours_.write(place, operation.value);
    }

    /// What differs, if anything does.
    std::optional<std::string> look() {
        std::vector<GicMachine::Place> places;
        for (const Register& each : registers_) places.push_back(place_of(each));
        const std::vector<std::uint64_t> theirs = qemu_.read(places);
        std::string found;
        for (std::size_t i = 0; i < registers_.size(); ++i)
            if (const std::uint64_t value = ours_.read(registers_[i]); value != theirs[i])
                found +=
                    fmt::format("  {}: {:#x} here, {:#x} in QEMU\n", text(registers_[i]), value, theirs[i]);
        if (found.empty()) return std::nullopt;
        return found;
    }

  private:
    GicMachine& qemu_;
    Version ours_;
    std::vector<Register> registers_ = all_registers<Version>();
};

template <class Version>
std::optional<std::string> replay(Comparison<Version>& comparison, const std::vector<GicOperation>& all) {
    comparison.restart();
    for (const GicOperation& each : all) comparison.carry_out(each);
    return comparison.look();
}

template <class Version>
void compare() {
    BOOST_REQUIRE_MESSAGE(found_qemu(arch).found, found_qemu(arch).why_not);
    const std::uint64_t seed = number("IRQBENCH_QEMU_SEED", 1);
    const std::uint64_t wanted = number("IRQBENCH_QEMU_OPERATIONS", default_operations);
    GicMachine machine(*found_qemu(arch).found, Version::version);
    Comparison<Version> comparison(machine);
    Generator<Version> generator(seed);
    for (std::uint64_t done = 0; done < wanted;) {
        std::vector<GicOperation> operations;
        comparison.restart();
        for (std::size_t i = 1; i <= operations_an_episode; ++i, ++done) {
            operations.push_back(generator.next());
            comparison.carry_out(operations.back());
            if (i % operations_a_look != 0 || !comparison.look()) continue;
            const auto few = shrink<GicOperation>(
                operations,
                [&](const std::vector<GicOperation>& some) { return replay(comparison, some).has_value(); },
                shrink_tries);
            std::string lines;
            for (const GicOperation& each : few) lines += "  " + text(each) + '\n';
            BOOST_FAIL(fmt::format("seed {}, after\n{}there is\n{}", seed, lines,
                                   replay(comparison, few).value_or("nothing this time")));
        }
    }
    std::cout << fmt::format("QEMU {}, GICv{}, seed {}: {} operations\n", found_qemu(arch).found->version,
                             Version::version, seed, wanted);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(qemu_gics, *boost::unit_test::precondition(needs_qemu))

BOOST_AUTO_TEST_CASE(distributor_and_redistributors_of_its_gicv3_do_what_ours_do) { compare<Version3>(); }

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests::qemu
