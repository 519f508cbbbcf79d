#include "irqchip/arm64/its.hpp"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>

#include "tests/irqchip/naive_its.hpp"
#include "tests/irqchip/random_source.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

namespace c = its_command;

constexpr unsigned redistributors = 3;
constexpr std::uint32_t retry = 1;

constexpr std::array device_ids{0U, 1U, 5U, 700U, 8191U};

/// One of two tables of a device. The next one starts where no event that is drawn has its entry.
std::uint64_t itt(std::uint32_t device, bool second) {
    const auto index = std::find(device_ids.begin(), device_ids.end(), device) - device_ids.begin();
    return place::itts + (static_cast<std::uint64_t>(index) * 2 + (second ? 1 : 0)) * 0x800;
}

/// Few of each, so that they meet.
struct Draw {
    Random random;

    explicit Draw(unsigned seed) : random(seed) {}

    std::uint32_t device() {
        return random() % 32 == 0 ? random.pick({8192U, 0x1'0000U, 0xFFFF'FFFFU})
                                  : device_ids[random() % device_ids.size()];
    }
    std::uint32_t event() {
        return random() % 32 == 0 ? random.pick({31U, 32U, 255U, 65536U}) : random() % 6;
    }
    std::uint32_t intid() {
        return random() % 32 == 0 ? random.pick({0U, 8191U, 65536U, ~0U})
                                  : random.pick({8192U, 8193U, 8194U, 9000U, 9001U, 40000U, 65535U});
    }
    std::uint16_t collection() {
        return random() % 32 == 0 ? std::uint16_t{8192} : random.pick<std::uint16_t>({0, 1, 2, 3, 300, 8191});
    }
    std::uint32_t redistributor() { return random() % 32 == 0 ? redistributors : random() % redistributors; }
    std::uint8_t configuration() {
        return static_cast<std::uint8_t>(random.pick({0x00U, 0x40U, 0x80U, 0xA0U}) | (random() % 4 != 0));
    }
    ItsCommand command() {
        switch (random() % 20) {
            case 0:
            case 1: {
                // Two tables a device, none of them another's: whom of two it would obey is not defined.
                const std::uint32_t id = device();
                const unsigned bits = 1 + random() % (random() % 16 == 0 ? 17 : 8);
                return c::mapd(id, itt(id, random.coin()), bits);
            }
            case 2: return random() % 4 == 0 ? c::unmap_device(device()) : c::sync(redistributor());
            case 3:
            case 4: return c::mapc(collection(), redistributor());
            case 5: return random() % 4 == 0 ? c::unmap_collection(collection()) : c::invall(collection());
            case 6:
            case 7:
            case 8: return c::mapti(device(), event(), intid(), collection());
            case 9: return c::mapi(device(), random.coin() ? intid() : event(), collection());
            case 10:
            case 11: return c::movi(device(), event(), collection());
            case 12:
                return random() % 4 == 0 ? c::movall(redistributor(), redistributor())
                                         : c::inv(device(), event());
            case 13: return c::clear(device(), event());
            case 14: return random.coin() ? c::discard(device(), event()) : c::inv(device(), event());
            case 15:
                return random() % 8 == 0 ? ItsCommand{{random() % 256, random.wide(), random.wide(), 0}}
                                         : c::interrupt(device(), event());
            default: return c::interrupt(device(), event());
        }
    }
};

/// The chip and the naive one, told the same.
struct Pair {
    Draw draw;
    GuestIts guest;
    NaiveIts naive;
    std::vector<ItsCommand> queued;
    std::uint32_t first_queued = 0;

    Pair(unsigned seed, ItsErrorPolicy policy)
        : draw(seed), guest({redistributors, 16, policy}), naive(guest.memory, redistributors) {}

    bool stalls() const { return guest.its.options().on_error == ItsErrorPolicy::stall; }

    std::string execute_naively() {
        std::string all;
        while (!queued.empty()) {
            std::string error;
            std::string happened = naive.execute(queued.front(), error);
            if (!error.empty()) {
                const std::string command(name(queued.front().opcode()));
                happened =
                    fmt::format("{}{}{} at {:#x}", command, command.empty() ? "" : "_", error, first_queued);
            }
            if (!happened.empty()) all += (all.empty() ? "" : ", ") + happened;
            if (!error.empty() && stalls()) break;
            queued.erase(queued.begin());
            first_queued = (first_queued + 32) % 4096;
        }
        return all.empty() ? "nothing" : all;
    }

    void send() {
        const unsigned count = 1 + draw.random() % 5;
        for (unsigned i = 0; i < count; ++i) {
            const ItsCommand command = draw.command();
            queued.push_back(command);
            guest.store(command);
        }
        BOOST_REQUIRE(guest.put(gits::cwriter, guest.writer) == execute_naively());
        while (guest.its.stalled()) {
            BOOST_REQUIRE(!queued.empty());
            queued.front() = c::sync(0);
            for (std::size_t i = 0; i < 4; ++i)
                guest.memory.write64(place::queue + first_queued + 8 * i, queued.front().words[i]);
            BOOST_REQUIRE(guest.put(gits::cwriter, guest.writer | retry) == execute_naively());
        }
        BOOST_REQUIRE(guest.get(gits::creadr) == first_queued);
        BOOST_REQUIRE(queued.empty());
    }

    void signal() {
        const std::uint32_t device = draw.device();
        const std::uint32_t event = draw.event();
        std::string error;
        std::string expected = naive.translate(device, event, error);
        if (!error.empty()) expected = fmt::format("INT_{} of {:x}:{:x}", error, device, event);
        BOOST_REQUIRE(guest.signal(device, event) == expected);
    }

    void take() {
        const unsigned n = draw.random() % redistributors;
        const auto lpi = guest.redistributors[n].best();
        if (!lpi) return;
        guest.redistributors[n].clear_pending(lpi->intid);
        naive.lpis[n].pending.erase(lpi->intid);
    }

    void toggle() {
        const unsigned n = draw.random() % redistributors;
        const bool enabled = draw.random() % 3 != 0;
        if (enabled)
            guest.enable_lpis(n);
        else
            guest.disable_lpis(n);
        naive.set_enabled(n, enabled);
    }

    /// To a new ITS, by way of tables in KVM's format.
    void migrate() {
        // A table so large holds those of other devices, and entries linked twice.
        for (const auto& [id, device] : naive.devices)
            if (device.bits > 8) return;
        BOOST_REQUIRE(!guest.its.save(guest.memory));
        const Its old = guest.its;
        guest.its = Its(old.options());
        for (const std::uint32_t offset : {gits::cbaser, gits::baser, gits::baser + 8, gits::cwriter})
            guest.put(offset, old.read(offset, 8));
        BOOST_REQUIRE(guest.its.restore_creadr(old.read(gits::creadr, 8)));
        BOOST_REQUIRE(!guest.its.restore(guest.memory));
        BOOST_REQUIRE(guest.put(gits::ctlr, 1, 4) == "nothing");
    }

    void step() {
        const unsigned lot = draw.random() % 400;
        if (lot == 0)
            migrate();
        else if (lot < 10)
            toggle();
        else if (lot < 60)
            guest.configure(draw.random.pick({8192U, 8193U, 8194U, 9000U, 9001U, 40000U, 65535U}),
                            draw.configuration());
        else if (lot < 120)
            take();
        else if (lot < 220)
            signal();
        else
            send();
    }

    void compare() const {
        for (unsigned n = 0; n < redistributors; ++n) {
            BOOST_REQUIRE(guest.best(n) == naive.best(n));
            for (const std::uint32_t intid : {8192U, 8193U, 8194U, 9000U, 9001U, 40000U, 65535U})
                BOOST_REQUIRE(guest.redistributors[n].pending(intid) ==
                              (naive.lpis[n].pending.count(intid) != 0));
        }
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(its_random)

BOOST_AUTO_TEST_CASE(it_does_what_a_naive_its_does) {
    for (unsigned seed = 1; seed <= 6; ++seed) {
        Pair pair(seed, seed % 2 == 0 ? ItsErrorPolicy::stall : ItsErrorPolicy::pass_over);
        for (int step = 0; step < 15'000; ++step) {
            BOOST_TEST_CONTEXT("seed " << seed << ", step " << step) {
                pair.step();
                pair.compare();
            }
        }
    }
}

/// What surroundings may rely on, whatever a guest writes.
void check(const GuestIts& guest, const LpiEffects& effects) {
    const auto exists = [&](std::uint32_t n) { return n < guest.redistributors.size(); };
    const auto lpi = [](std::uint32_t intid) { return intid >= first_lpi && intid < 1U << 16; };
    const auto sound = [&](const LpiEffect& effect) {
        return std::visit(
            Overloaded{
                [&](const LpiPending& e) { return exists(e.redistributor) && lpi(e.intid); },
                [&](const LpiCleared& e) { return exists(e.redistributor) && lpi(e.intid); },
                [&](const LpiMapped& e) { return exists(e.redistributor) && lpi(e.intid); },
                [&](const LpiMoved& e) {
                    return exists(e.from) && exists(e.to) && e.from != e.to && lpi(e.intid);
                },
                [&](const AllLpisMoved& e) { return exists(e.from) && exists(e.to) && e.from != e.to; },
                [&](const LpiInvalidated& e) { return exists(e.redistributor) && lpi(e.intid); },
                [&](const AllLpisInvalidated& e) { return exists(e.redistributor); },
                [&](const CommandFailed& e) { return !e.error.name().empty(); },
                [&](const TranslationFailed& e) { return !e.error.name().empty(); },
            },
            effect);
    };
    for (const LpiEffect& effect : effects) BOOST_REQUIRE(sound(effect));
    BOOST_REQUIRE(effects.size() <= 2U * 32768);
    const std::uint64_t size = ((guest.get(gits::cbaser) & 0xFF) + 1) * 4096;
    const std::uint64_t reader = guest.get(gits::creadr);
    BOOST_REQUIRE((reader & ~1ULL) < size);
    BOOST_REQUIRE(guest.get(gits::cwriter) < size);
    if (guest.its.enabled() && (reader & 1) == 0) BOOST_REQUIRE(reader == guest.get(gits::cwriter));
    for (const LpiRedistributor& lpis : guest.redistributors)
        if (const auto best = lpis.best()) BOOST_REQUIRE(lpis.pending(best->intid));
}

BOOST_AUTO_TEST_CASE(anything_may_be_in_memory_and_in_any_register_at_any_time) {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        Draw draw(seed);
        Random& random = draw.random;
        GuestIts guest({.redistributors = redistributors,
                        .on_error = seed % 2 == 0 ? ItsErrorPolicy::stall : ItsErrorPolicy::pass_over,
                        .all_page_sizes = seed > 2});
        const auto somewhere = [&] {
            const std::uint64_t low = random.pick({0ULL, 1ULL, 8ULL, 0x100ULL, 0x600ULL, 0x200ULL});
            return random.pick({place::queue, place::devices, place::collections, place::second_level,
                                place::itts, place::end - 0x1'0000, place::end}) +
                   random() % 32 * low;
        };
        const auto word = [&]() -> std::uint64_t {
            switch (random() % 5) {
                case 0: return random.wide();
                case 1: return valid_bit | somewhere();
                case 2: return valid_bit | indirect_bit | somewhere();
                case 3: return random() % 0x8000;
                default: return draw.command().words[random() % 4];
            }
        };
        const auto act = [&](const LpiEffects& effects) {
            check(guest, effects);
            guest.settle(effects);
            check(guest, {});
        };
        for (int step = 0; step < 10'000; ++step) {
            switch (random() % 12) {
                case 0: act(guest.write(random.pick({0x80U, 0x100U, 0x108U}), word())); break;
                case 1: act(guest.write(random() % 0x48 * 4, word(), random.pick({4U, 8U, 2U}))); break;
                case 2: act(guest.write(gits::ctlr, random() % 4 != 0, 4)); break;
                case 3: act(guest.write(gits::cwriter, random() % 128 * 32 | random() % 2)); break;
                case 4:
                case 5: guest.memory.write64(somewhere() & ~7ULL, word()); break;
                case 6:
                case 7: {
                    guest.writer = static_cast<std::uint32_t>(guest.get(gits::cwriter)) % 4096;
                    for (unsigned i = random() % 8; i > 0; --i) guest.store(draw.command());
                    act(guest.write(gits::cwriter, guest.writer | random() % 2));
                    break;
                }
                case 8: act(guest.its.signal(draw.device(), draw.event(), guest.memory)); break;
                case 9: guest.memory.holes.assign(random() % 3, somewhere() & ~0xFFFULL); break;
                case 10: {
                    LpiRedistributor& lpis = guest.redistributors[random() % redistributors];
                    if (random() % 4 == 0)
                        lpis.disable(guest.memory);
                    else
                        lpis.enable(GicrPropbaser{word()}, GicrPendbaser{word()}, guest.memory);
                    break;
                }
                default:
                    if (random() % 16 == 0) static_cast<void>(guest.its.save(guest.memory));
                    if (random() % 16 == 0) static_cast<void>(guest.its.restore(guest.memory));
                    break;
            }
            // Out of what refuses everything else, once in a while.
            if (random() % 256 == 0) {
                guest.put(gits::ctlr, 0, 4);
                guest.memory.holes.clear();
                guest.set_up();
                guest.writer = 0;
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
