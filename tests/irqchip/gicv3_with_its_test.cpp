#include "irqchip/arm64/gicv3_with_its.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/gic_fixture.hpp"
#include "tests/irqchip/its_fixture.hpp"
#include "tests/irqchip/naive_its.hpp"
#include "tests/irqchip/random_source.hpp"

namespace irqbench::irqchip::arm64 {
namespace {

namespace c = its_command;

constexpr std::uint32_t ctlr_enable_lpis = 1;

/// A guest with LPIs: device 5 has events 0 to 31; collection n is CPU n.
struct Guest {
    FlatMemory memory{place::end};
    Gicv3WithIts gic;
    std::uint32_t writer = 0;

    explicit Guest(unsigned cpus = 2, bool start = true) : gic(GuestGicv3::cpus(cpus)) {
        std::fill_n(memory.bytes.begin() + static_cast<std::ptrdiff_t>(place::configurations), 1U << 16,
                    std::uint8_t{0xA1});
        gic.write_distributor(gicd3::ctlr, 4, 3);
        for (unsigned cpu = 0; cpu < cpus; ++cpu) {
            put(cpu, gicr::propbaser, place::configurations | 15, 8);
            put(cpu, gicr::pendbaser, place::pending_of(cpu), 8);
            put(cpu, gicr::ctlr, ctlr_enable_lpis);
            set(icc::pmr, 0xFF, cpu);
            set(icc::igrpen0, 1, cpu);
            set(icc::igrpen1, 1, cpu);
        }
        if (!start) return;
        put_its(gits::cbaser, valid_bit | place::queue);
        put_its(gits::baser, valid_bit | place::devices);
        put_its(gits::baser + 8, valid_bit | place::collections);
        put_its(gits::ctlr, 1, 4);
        send({c::mapd(5, place::itt(5), 5)});
        for (unsigned cpu = 0; cpu < cpus; ++cpu) send({c::mapc(static_cast<std::uint16_t>(cpu), cpu)});
    }

    void put(unsigned cpu, std::uint32_t offset, std::uint64_t value, unsigned size = 4) {
        gic.write_redistributor(cpu, offset, size, value, memory);
    }
    std::string put_its(std::uint32_t offset, std::uint64_t value, unsigned size = 8) {
        return text(gic.write_its(offset, size, value, memory));
    }
    std::string send(std::initializer_list<ItsCommand> commands) {
        for (const ItsCommand& command : commands) {
            for (std::size_t i = 0; i < 4; ++i)
                memory.write64(place::queue + writer + 8 * i, command.words[i]);
            writer = (writer + ItsCommand::size) % 4096;
        }
        return put_its(gits::cwriter, writer);
    }
    std::string signal(std::uint32_t event, std::uint32_t device = 5) {
        return text(gic.signal(device, event, memory));
    }
    void priority(std::uint32_t spi, std::uint8_t value) { gic.write_distributor(0x400 + spi, 1, value); }
    void configure(std::uint32_t intid, std::uint8_t configuration) {
        memory.bytes[place::configurations + intid - first_lpi] = configuration;
    }

    void set(std::uint32_t number, std::uint64_t value, unsigned cpu = 0) {
        BOOST_TEST(text(gic.write_sysreg(cpu, number, value).value()) == "nothing");
    }
    std::uint64_t reg(std::uint32_t number, unsigned cpu = 0) { return gic.read_sysreg(cpu, number).value(); }
    std::uint64_t take(unsigned cpu = 0) { return reg(icc::iar1, cpu); }
    void eoi(std::uint64_t intid, unsigned cpu = 0) { set(icc::eoir1, intid, cpu); }
    /// Everything `cpu` takes, each with its EOI.
    std::string taken(unsigned cpu = 0) {
        std::string all;
        while (gic.irq(cpu)) {
            const std::uint64_t intid = take(cpu);
            eoi(intid, cpu);
            all += (all.empty() ? "" : " ") + std::to_string(intid);
        }
        BOOST_TEST(take(cpu) == spurious);
        return all;
    }
};

/// Event 3 is LPI 8200 at CPU 0, event 4 is LPI 8201 there.
Guest mapped_guest_of(unsigned cpus = 2) {
    Guest guest(cpus);
    BOOST_TEST(guest.send({c::mapti(5, 3, 8200, 0), c::mapti(5, 4, 8201, 0)}) ==
               "8200 mapped to 0, 8201 mapped to 0");
    return guest;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gicv3_with_its)

BOOST_AUTO_TEST_CASE(an_msi_is_acknowledged_and_ended_once) {
    Guest guest = mapped_guest_of();
    BOOST_TEST(guest.signal(3) == "8200 pending at 0");
    BOOST_TEST(guest.gic.irq(0));
    BOOST_TEST(!guest.gic.irq(1));
    BOOST_TEST(!guest.gic.fiq(0));
    BOOST_TEST(guest.reg(icc::hppir1) == 8200);
    BOOST_TEST(guest.gic.peek_sysreg(0, icc::iar1).value() == 8200);
    BOOST_TEST(guest.take() == 8200);
    BOOST_TEST(guest.reg(icc::rpr) == 0xA0);
    BOOST_TEST(!guest.gic.irq(0));
    BOOST_TEST(guest.take() == spurious);
    BOOST_TEST(!guest.gic.lpis(0).pending(8200));
    guest.eoi(8200);
    BOOST_TEST(guest.reg(icc::rpr) == 0xFF);
    BOOST_TEST(guest.take() == spurious);
}

BOOST_AUTO_TEST_CASE(msis_that_come_before_the_acknowledge_are_one_and_one_that_comes_after_is_another) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    guest.signal(3);
    BOOST_TEST(guest.take() == 8200);
    // LPIs have no active state: the next is pending at once, and waits for the priority drop.
    guest.signal(3);
    BOOST_TEST(guest.gic.lpis(0).pending(8200));
    BOOST_TEST(guest.take() == spurious);
    guest.eoi(8200);
    BOOST_TEST(guest.taken() == "8200");
}

BOOST_AUTO_TEST_CASE(with_split_eoi_an_lpi_is_over_with_the_priority_drop) {
    Guest guest = mapped_guest_of();
    guest.set(icc::ctlr, 2);
    guest.signal(3);
    BOOST_TEST(guest.take() == 8200);
    guest.signal(3);
    guest.eoi(8200);
    BOOST_TEST(guest.take() == 8200);
    guest.set(icc::dir, 8200);
    BOOST_TEST(guest.reg(icc::rpr) == 0xA0);
    guest.eoi(8200);
    BOOST_TEST(guest.take() == spurious);
}

BOOST_AUTO_TEST_CASE(lpis_and_spis_are_taken_by_priority) {
    Guest guest = mapped_guest_of();
    guest.configure(8201, 0x41);
    BOOST_TEST(guest.send({c::inv(5, 4)}) == "8201 invalidated at 0");
    guest.gic.write_distributor(0x104, 4, 1U << 8 | 1U << 9 | 1U << 10);
    const std::pair<std::uint32_t, std::uint8_t> priorities[] = {{40, 0x40}, {41, 0x80}, {42, 0xC0}};
    for (const auto& [intid, priority] : priorities) {
        guest.priority(intid, priority);
        guest.gic.write_distributor(gicd3::irouter + 8 * (intid - 32), 8, 0);
        guest.gic.write_distributor(0xC08, 4, all_ones);
        guest.gic.set_line(intid, true);
    }
    guest.signal(3);
    guest.signal(4);
    // Of equal priorities the lowest INTID is first.
    BOOST_TEST(guest.taken() == "40 8201 41 8200 42");
}

BOOST_AUTO_TEST_CASE(an_lpi_preempts_an_spi_and_is_preempted_by_one) {
    Guest guest = mapped_guest_of();
    guest.gic.write_distributor(0x104, 4, 1U << 8 | 1U << 9);
    guest.priority(40, 0xB0);
    guest.priority(41, 0x90);
    guest.gic.set_line(40, true);
    BOOST_TEST(guest.take() == 40);
    guest.signal(3);
    BOOST_TEST(guest.take() == 8200);
    guest.signal(4);
    BOOST_TEST(guest.take() == spurious);
    guest.gic.set_line(41, true);
    BOOST_TEST(guest.take() == 41);
    guest.gic.set_line(41, false);
    BOOST_TEST(text(guest.gic.write_sysreg(0, icc::eoir1, 41).value()) == "eoi of spi 41");
    BOOST_TEST(guest.reg(icc::rpr) == 0xA0);
    guest.eoi(8200);
    BOOST_TEST(guest.take() == 8201);
    guest.eoi(8201);
    BOOST_TEST(guest.reg(icc::rpr) == 0xB0);
}

BOOST_AUTO_TEST_CASE(pmr_masks_an_lpi) {
    Guest guest = mapped_guest_of();
    guest.set(icc::pmr, 0xA0);
    guest.signal(3);
    BOOST_TEST(!guest.gic.irq(0));
    BOOST_TEST(guest.reg(icc::hppir1) == 8200);
    BOOST_TEST(guest.take() == spurious);
    guest.set(icc::pmr, 0xA8);
    BOOST_TEST(guest.taken() == "8200");
}

BOOST_AUTO_TEST_CASE(an_lpi_that_its_configuration_disables_stays_pending_until_it_is_enabled) {
    Guest guest = mapped_guest_of();
    guest.configure(8200, 0xA0);
    guest.signal(3);
    BOOST_TEST(guest.taken() == "8200");
    BOOST_TEST(guest.send({c::inv(5, 3)}) == "8200 invalidated at 0");
    guest.signal(3);
    BOOST_TEST(!guest.gic.irq(0));
    BOOST_TEST(guest.gic.lpis(0).pending(8200));
    guest.configure(8200, 0x21);
    BOOST_TEST(!guest.gic.irq(0));
    guest.send({c::inv(5, 3)});
    BOOST_TEST(guest.take() == 8200);
    BOOST_TEST(guest.reg(icc::rpr) == 0x20);
}

BOOST_AUTO_TEST_CASE(invall_reads_all_configurations_of_a_collection_again) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    guest.signal(4);
    guest.configure(8200, 0xA0);
    guest.configure(8201, 0xA0);
    BOOST_TEST(guest.gic.irq(0));
    BOOST_TEST(guest.send({c::invall(1)}) == "all invalidated at 1");
    BOOST_TEST(guest.gic.irq(0));
    BOOST_TEST(guest.send({c::invall(0)}) == "all invalidated at 0");
    BOOST_TEST(!guest.gic.irq(0));
    guest.configure(8201, 0xA1);
    guest.send({c::invall(0)});
    BOOST_TEST(guest.taken() == "8201");
}

BOOST_AUTO_TEST_CASE(redistributors_read_configurations_again_where_a_guest_asks_by_register) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    guest.signal(4);
    guest.configure(8200, 0xA0);
    guest.configure(8201, 0xA0);
    guest.put(1, gicr::invlpir, 8200, 8);
    guest.put(1, gicr::invallr, 0, 8);
    BOOST_TEST(guest.reg(icc::hppir1) == 8200);
    guest.put(0, gicr::invlpir, 8200, 8);
    BOOST_TEST(guest.reg(icc::hppir1) == 8201);
    guest.put(0, gicr::invallr, 0, 8);
    BOOST_TEST(!guest.gic.irq(0));
}

BOOST_AUTO_TEST_CASE(the_int_command_is_as_good_as_an_msi) {
    Guest guest = mapped_guest_of();
    BOOST_TEST(guest.send({c::interrupt(5, 4)}) == "8201 pending at 0");
    BOOST_TEST(guest.taken() == "8201");
}

BOOST_AUTO_TEST_CASE(movi_takes_a_pending_lpi_along_and_later_ones_go_there) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    BOOST_TEST(guest.send({c::movi(5, 3, 1)}) == "8200 moved from 0 to 1");
    BOOST_TEST(guest.taken(0) == "");
    BOOST_TEST(guest.taken(1) == "8200");
    BOOST_TEST(guest.signal(3) == "8200 pending at 1");
    BOOST_TEST(guest.signal(4) == "8201 pending at 0");
    BOOST_TEST(guest.taken(1) == "8200");
    BOOST_TEST(guest.taken(0) == "8201");
}

BOOST_AUTO_TEST_CASE(movi_after_the_acknowledge_moves_nothing) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    BOOST_TEST(guest.take() == 8200);
    guest.send({c::movi(5, 3, 1)});
    BOOST_TEST(!guest.gic.irq(1));
    guest.eoi(8200);
    BOOST_TEST(guest.taken(0) == "");
    BOOST_TEST(guest.taken(1) == "");
}

BOOST_AUTO_TEST_CASE(movall_takes_all_that_is_pending_along) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    guest.signal(4);
    BOOST_TEST(guest.send({c::movall(0, 1), c::mapc(0, 1)}) == "all moved from 0 to 1");
    BOOST_TEST(guest.taken(0) == "");
    BOOST_TEST(guest.taken(1) == "8200 8201");
    BOOST_TEST(guest.signal(3) == "8200 pending at 1");
}

BOOST_AUTO_TEST_CASE(mapc_sends_later_msis_elsewhere) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    BOOST_TEST(guest.send({c::mapc(0, 1)}) == "nothing");
    BOOST_TEST(guest.signal(4) == "8201 pending at 1");
    BOOST_TEST(guest.taken(0) == "8200");
    BOOST_TEST(guest.taken(1) == "8201");
    guest.send({c::unmap_collection(0)});
    BOOST_TEST(guest.signal(4) == "INT_ITE_INVALID of 5:4");
}

BOOST_AUTO_TEST_CASE(clear_and_discard_withdraw_a_pending_lpi) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    BOOST_TEST(guest.send({c::clear(5, 3)}) == "8200 cleared at 0");
    BOOST_TEST(guest.taken() == "");
    guest.signal(3);
    BOOST_TEST(guest.taken() == "8200");
    guest.signal(3);
    guest.signal(4);
    BOOST_TEST(guest.send({c::discard(5, 3)}) == "8200 cleared at 0");
    BOOST_TEST(guest.taken() == "8201");
    BOOST_TEST(guest.signal(3) == "INT_UNMAPPED_INTERRUPT of 5:3");
    BOOST_TEST(guest.taken() == "");
}

BOOST_AUTO_TEST_CASE(mapd_without_valid_ends_a_device_and_what_was_pending_stays) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    guest.send({c::unmap_device(5)});
    BOOST_TEST(guest.signal(4) == "INT_UNMAPPED_DEVICE of 5:4");
    BOOST_TEST(guest.taken() == "8200");
}

BOOST_AUTO_TEST_CASE(mapi_uses_the_event_as_lpi) {
    Guest guest;
    guest.send({c::mapd(9, place::itt(9), 14), c::mapi(9, 8300, 1)});
    BOOST_TEST(guest.signal(8300, 9) == "8300 pending at 1");
    BOOST_TEST(guest.taken(1) == "8300");
}

BOOST_AUTO_TEST_CASE(lpis_come_while_their_redistributor_has_them_enabled) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    guest.put(0, gicr::ctlr, 0);
    BOOST_TEST(!guest.gic.irq(0));
    BOOST_TEST(guest.memory.bytes[place::pending_of(0) + 8200 / 8] == 1);
    guest.signal(4);
    guest.put(0, gicr::ctlr, ctlr_enable_lpis);
    BOOST_TEST(guest.taken() == "8200");
}

BOOST_AUTO_TEST_CASE(enabling_lpis_reads_the_pending_table_unless_it_is_said_to_be_zero) {
    for (const bool zero : {false, true}) {
        Guest guest = mapped_guest_of();
        guest.put(0, gicr::ctlr, 0);
        guest.memory.bytes[place::pending_of(0) + 8200 / 8] = 0b11;
        guest.configure(8201, 0x41);
        guest.put(0, gicr::pendbaser, place::pending_of(0) | (zero ? 1ULL << 62 : 0), 8);
        guest.put(0, gicr::ctlr, ctlr_enable_lpis);
        BOOST_TEST(guest.taken() == (zero ? "" : "8201 8200"));
    }
}

BOOST_AUTO_TEST_CASE(saved_tables_bring_another_gic_into_the_same_state) {
    Guest guest = mapped_guest_of();
    guest.send({c::movi(5, 4, 1)});
    guest.signal(3);
    guest.signal(4);
    BOOST_TEST(guest.gic.save_pending_tables(guest.memory));
    BOOST_TEST(!guest.gic.save_its_tables(guest.memory).has_value());

    Guest other(2, false);
    other.memory = guest.memory;
    for (const std::uint32_t offset : {gits::cbaser, gits::baser, gits::baser + 8})
        other.put_its(offset, guest.gic.read_its(offset, 8));
    BOOST_TEST(other.gic.restore_creadr(guest.gic.read_its(gits::creadr, 8)));
    other.put_its(gits::cwriter, guest.gic.read_its(gits::cwriter, 8));
    BOOST_TEST(!other.gic.restore_its_tables(other.memory).has_value());
    other.put_its(gits::ctlr, 1, 4);
    for (unsigned cpu = 0; cpu < 2; ++cpu) {
        other.put(cpu, gicr::ctlr, 0);
        other.memory = guest.memory;
        other.put(cpu, gicr::ctlr, ctlr_enable_lpis);
    }
    BOOST_TEST(other.taken(0) == "8200");
    BOOST_TEST(other.taken(1) == "8201");
    BOOST_TEST(other.signal(4) == "8201 pending at 1");
    BOOST_TEST(other.taken(1) == "8201");
}

BOOST_AUTO_TEST_CASE(pending_tables_outside_memory_are_told) {
    Guest guest = mapped_guest_of();
    guest.signal(3);
    guest.memory.holes = {place::pending_of(0) + 0x1000};
    BOOST_TEST(!guest.gic.save_pending_tables(guest.memory));
    guest.memory.holes = {place::pending_of(1) + 0x1000};
    BOOST_TEST(!guest.gic.save_pending_tables(guest.memory));
    guest.memory.holes.clear();
    BOOST_TEST(guest.gic.save_pending_tables(guest.memory));
}

BOOST_AUTO_TEST_CASE(a_configuration_that_could_not_be_read_is_asked_for_at_the_next_reason) {
    for (const bool by_msi : {false, true}) {
        Guest guest = mapped_guest_of();
        guest.memory.holes = {place::configurations};
        guest.send({c::inv(5, 3)});
        guest.signal(3);
        BOOST_TEST(guest.gic.lpis(0).pending(8200));
        BOOST_TEST(!guest.gic.irq(0));
        guest.memory.holes.clear();
        BOOST_TEST(!guest.gic.irq(0));
        if (by_msi)
            guest.signal(3);
        else
            guest.send({c::mapti(5, 7, 8200, 0)});
        BOOST_TEST(guest.taken() == "8200");
    }
}

BOOST_AUTO_TEST_CASE(lpis_wait_for_group_1_and_never_for_group_0) {
    Guest guest = mapped_guest_of();
    guest.set(icc::igrpen1, 0);
    guest.signal(3);
    BOOST_TEST(guest.reg(icc::iar0) == spurious);
    BOOST_TEST(guest.take() == spurious);
    guest.set(icc::igrpen1, 1);
    BOOST_TEST(guest.reg(icc::iar0) == spurious);
    BOOST_TEST(guest.taken() == "8200");
}

BOOST_AUTO_TEST_CASE(the_its_goes_by_the_options_of_the_gic) {
    Gicv3Options options = GuestGicv3::cpus(3);
    options.lpi_id_bits = 17;
    options.processor_numbers = {4, 5, 6};
    const Gicv3WithIts gic(options, {.redistributors = 1, .on_error = ItsErrorPolicy::stall});
    BOOST_TEST(gic.its().options().redistributors == 3);
    BOOST_TEST(gic.its().options().lpi_id_bits == 17);
    BOOST_TEST((gic.its().options().processor_numbers == options.processor_numbers));
    BOOST_TEST((gic.its().options().on_error == ItsErrorPolicy::stall));
    BOOST_TEST((gic == Gicv3WithIts(options, {.on_error = ItsErrorPolicy::stall})));
    BOOST_TEST((gic != Gicv3WithIts(options)));
}

BOOST_AUTO_TEST_CASE(other_system_registers_are_undefined) {
    Guest guest;
    BOOST_TEST(!guest.gic.read_sysreg(0, 0xC22F).has_value());
    BOOST_TEST(!guest.gic.read_sysreg(0, icc::eoir1).has_value());
    BOOST_TEST(!guest.gic.write_sysreg(0, icc::iar1, 0).has_value());
}

/// What a CPU is told is the best of what its redistributor keeps, after every step.
BOOST_AUTO_TEST_CASE(random_streams_leave_every_cpu_with_its_best_lpi) {
    constexpr unsigned cpus = 3;
    for (unsigned seed = 1; seed <= 4; ++seed) {
        Random random(seed);
        Guest guest(cpus);
        NaiveIts naive(guest.memory, cpus);
        const auto event = [&] { return random() % 8; };
        const auto collection = [&] { return static_cast<std::uint16_t>(random() % cpus); };
        const auto tell = [&](const ItsCommand& command) {
            std::string error;
            guest.send({command});
            naive.execute(command, error);
        };
        tell(c::mapd(5, place::itt(5), 5));
        for (unsigned cpu = 0; cpu < cpus; ++cpu) tell(c::mapc(static_cast<std::uint16_t>(cpu), cpu));
        for (int step = 0; step < 4000; ++step) {
            switch (random() % 16) {
                case 0: tell(c::mapti(5, event(), 8192 + random() % 12, collection())); break;
                case 1: tell(c::movi(5, event(), collection())); break;
                case 2: tell(c::discard(5, event())); break;
                case 3: tell(c::clear(5, event())); break;
                case 4: tell(c::inv(5, event())); break;
                case 5: tell(c::invall(collection())); break;
                case 6: tell(c::interrupt(5, event())); break;
                case 7:
                    tell(random() % 4 == 0 ? c::movall(random() % cpus, random() % cpus)
                                           : c::mapc(collection(), random() % cpus));
                    break;
                case 8:
                    guest.configure(8192 + random() % 12,
                                    static_cast<std::uint8_t>((random() % 256 & 0xF8) | (random() % 4 != 0)));
                    break;
                case 9: {
                    const unsigned cpu = random() % cpus;
                    const bool enabled = random() % 3 != 0;
                    guest.put(cpu, gicr::ctlr, enabled ? ctlr_enable_lpis : 0);
                    naive.set_enabled(cpu, enabled);
                    break;
                }
                case 10:
                case 11: {
                    const unsigned cpu = random() % cpus;
                    const std::uint64_t intid = guest.take(cpu);
                    guest.eoi(intid, cpu);
                    naive.lpis[cpu].pending.erase(static_cast<std::uint32_t>(intid));
                    break;
                }
                default: {
                    const std::uint32_t of = event();
                    std::string error;
                    guest.signal(of);
                    naive.translate(5, of, error);
                    break;
                }
            }
            for (unsigned cpu = 0; cpu < cpus; ++cpu) {
                const std::string expected = naive.best(cpu);
                const std::uint64_t told = guest.gic.peek_sysreg(cpu, icc::hppir1).value();
                BOOST_REQUIRE((told == spurious ? "nothing" : std::to_string(told)) ==
                              expected.substr(0, expected.find(' ')));
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
