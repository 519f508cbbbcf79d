#include <boost/test/unit_test.hpp>

#include "irqchip/arm64/gicv3.hpp"
#include "tests/irqchip/gic_fixture.hpp"

// Which CPU an interrupt goes to: SGIs, affinity routing, 1 of N; and the LPIs that are handed in.
namespace irqbench::irqchip::arm64 {
namespace {

constexpr std::uint64_t any = std::uint64_t{1} << 31;
constexpr std::uint64_t all_others = std::uint64_t{1} << 40;

constexpr std::uint64_t sgi(std::uint64_t intid) { return intid << 24; }

Gicv3Options clusters() {
    Gicv3Options options;
    options.cpus = {0x0000, 0x0001, 0x0100, 0x01'0000, 0x0001'000F, 0x0001'0010};
    return options;
}

/// The CPUs that are told of an interrupt, one digit each.
std::string told(GuestGicv3& guest) {
    std::string cpus;
    for (unsigned cpu = 0; cpu < guest.gic.cpu_count(); ++cpu)
        if (!guest.output(cpu).empty()) cpus += std::to_string(cpu);
    return cpus;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gicv3_routing)

BOOST_AUTO_TEST_CASE(sgi_goes_to_the_listed_cpus_of_one_cluster) {
    struct Row {
        std::uint64_t value;
        const char* cpus;
    };
    for (const Row row :
         {Row{1, "0"}, Row{3, "01"}, Row{0xFFFF, "01"}, Row{0x1'0001, "2"}, Row{0x1'0000'FFFF, "34"},
          Row{std::uint64_t{1} << 32 | 0x8001, "34"}, Row{std::uint64_t{1} << 32 | 0x8000, "4"},
          Row{std::uint64_t{1} << 48 | 0xFFFF, ""}, Row{std::uint64_t{1} << 44 | 1, "0"}, Row{0, ""}}) {
        GuestGicv3 guest(clusters());
        BOOST_TEST(guest.set(icc::sgi1r, sgi(5) | row.value, 2) == "nothing");
        BOOST_TEST(told(guest) == row.cpus, std::hex << row.value);
    }
}

BOOST_AUTO_TEST_CASE(sgi_to_all_others_spares_its_sender) {
    GuestGicv3 guest(clusters());
    guest.set(icc::sgi1r, sgi(5) | all_others | 0xFFFF, 2);
    BOOST_TEST(told(guest) == "01345");
    BOOST_TEST(guest.take(5) == 5);
    BOOST_TEST(guest.eoi(5, 5) == "nothing");
    BOOST_TEST(told(guest) == "0134");
}

BOOST_AUTO_TEST_CASE(sgis_sent_twice_merge_unless_the_first_is_active) {
    GuestGicv3 guest;
    guest.set(icc::sgi1r, sgi(5) | 1);
    guest.set(icc::sgi1r, sgi(5) | 1);
    BOOST_TEST(guest.take() == 5);
    BOOST_TEST(guest.state(5) == "active");
    guest.set(icc::sgi1r, sgi(5) | 1);
    BOOST_TEST(guest.state(5) == "pending active");
    guest.eoi(5);
    BOOST_TEST(guest.take() == 5);
    guest.eoi(5);
    BOOST_TEST(guest.take() == 1023);
}

BOOST_AUTO_TEST_CASE(each_sgi_register_reaches_its_groups) {
    struct Row {
        std::uint32_t number;
        bool group0, group1;
    };
    for (const Row row :
         {Row{icc::sgi1r, true, true}, Row{icc::asgi1r, true, false}, Row{icc::sgi0r, true, false}}) {
        for (const unsigned group : {0U, 1U}) {
            GuestGicv3 guest;
            guest.set_group(5, group);
            guest.set(row.number, sgi(5) | 1);
            const bool sent = group == 0 ? row.group0 : row.group1;
            BOOST_TEST(guest.state(5) == (sent ? "pending" : "inactive"));
        }
    }
}

BOOST_AUTO_TEST_CASE(spi_goes_to_the_cpu_of_its_affinity) {
    GuestGicv3 guest(clusters());
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(told(guest) == "0");
    guest.route(40, 0x0100);
    BOOST_TEST(told(guest) == "2");
    guest.route(40, 0x1'0010);
    BOOST_TEST(told(guest) == "5");
    BOOST_TEST(guest.take(0) == 1023);
    BOOST_TEST(guest.take(5) == 40);
}

BOOST_AUTO_TEST_CASE(affinity_of_no_cpu_leaves_the_spi_pending) {
    GuestGicv3 guest(clusters());
    guest.enable(40);
    guest.raise(40);
    guest.route(40, 0x0002);
    BOOST_TEST(told(guest) == "");
    BOOST_TEST(guest.state(40) == "pending");
    guest.route(40, 0x0001);
    BOOST_TEST(told(guest) == "1");
}

BOOST_AUTO_TEST_CASE(spi_rerouted_while_active_ends_where_it_was_taken) {
    GuestGicv3 guest(clusters());
    guest.enable(40);
    guest.raise(40);
    BOOST_TEST(guest.take(0) == 40);
    guest.route(40, 0x0001);
    BOOST_TEST(told(guest) == "");
    BOOST_TEST(guest.eoi(40, 0) == "eoi of spi 40");
    BOOST_TEST(told(guest) == "1");
    BOOST_TEST(guest.running(0) == 0xFF);
}

BOOST_AUTO_TEST_CASE(one_of_n_goes_to_the_lowest_cpu_that_takes_part) {
    Gicv3Options options = GuestGicv3::cpus(3);
    options.disable_selection = true;
    GuestGicv3 guest(options);
    guest.enable(40);
    guest.route(40, any | 2);
    guest.raise(40);
    BOOST_TEST(told(guest) == "0");
    guest.set(icc::igrpen1, 0, 0);
    BOOST_TEST(told(guest) == "1");
    guest.put_redistributor(gicr::ctlr, 1U << 25, 1);
    BOOST_TEST(told(guest) == "2");
    guest.set(icc::igrpen1, 0, 2);
    BOOST_TEST(told(guest) == "");
    guest.set(icc::igrpen1, 1, 0);
    BOOST_TEST(told(guest) == "0");
    BOOST_TEST(guest.take(0) == 40);
    BOOST_TEST(told(guest) == "");
}

BOOST_AUTO_TEST_CASE(one_of_n_is_chosen_for_each_group) {
    Gicv3Options options = GuestGicv3::cpus(2);
    options.disable_selection = true;
    GuestGicv3 guest(options);
    guest.enable(40);
    guest.route(40, any);
    guest.raise(40);
    guest.put_redistributor(gicr::ctlr, 1U << 24, 0);
    BOOST_TEST(told(guest) == "0");
    guest.set_group(40, 0);
    BOOST_TEST(told(guest) == "1");
    guest.set(icc::igrpen0, 0, 1);
    BOOST_TEST(told(guest) == "");
}

BOOST_AUTO_TEST_CASE(own_and_one_of_n_interrupts_compete_by_priority) {
    GuestGicv3 guest;
    for (const std::uint32_t intid : {40U, 41U, 42U}) {
        guest.enable(intid);
        guest.raise(intid);
    }
    guest.route(41, any);
    guest.priority(40, 0x80);
    guest.priority(41, 0x40);
    guest.priority(42, 0x60);
    for (const std::uint32_t expected : {41U, 42U, 40U}) {
        BOOST_TEST(guest.take() == expected);
        guest.lower(expected);
        guest.eoi(expected);
    }
}

BOOST_AUTO_TEST_CASE(one_of_n_that_is_not_implemented_cannot_be_asked_for) {
    Gicv3Options options = GuestGicv3::cpus(2);
    options.one_of_n = false;
    GuestGicv3 guest(options);
    guest.enable(40);
    guest.raise(40);
    guest.route(40, any | 1);
    BOOST_TEST(told(guest) == "1");
}

BOOST_AUTO_TEST_CASE(best_lpi_is_taken_among_the_others_and_only_once) {
    GuestGicv3 guest;
    guest.put_redistributor(gicr::ctlr, 1);
    guest.enable(40);
    guest.priority(40, 0x80);
    guest.raise(40);
    guest.gic.set_best_lpi(0, Candidate{8200, 0x40});
    BOOST_TEST(guest.reg(icc::hppir1) == 8200);
    BOOST_TEST(guest.take() == 8200);
    BOOST_TEST(guest.running() == 0x40);
    BOOST_TEST(guest.output() == "");
    BOOST_TEST(guest.reg(icc::hppir1) == 40);
    guest.gic.set_best_lpi(0, Candidate{8201, 0x20});
    BOOST_TEST(guest.take() == 8201);
    BOOST_TEST(guest.eoi(8201) == "nothing");
    BOOST_TEST(guest.running() == 0x40);
    BOOST_TEST(guest.eoi(8200) == "nothing");
    BOOST_TEST(guest.take() == 40);
}

BOOST_AUTO_TEST_CASE(lpi_waits_for_its_cpu_to_enable_lpis_and_group_1) {
    GuestGicv3 guest(GuestGicv3::cpus(2));
    guest.gic.set_best_lpi(1, Candidate{8192, 0});
    BOOST_TEST(told(guest) == "");
    BOOST_TEST(guest.put_redistributor(gicr::ctlr, 1, 1) == "enable lpis of 1");
    BOOST_TEST(guest.put_redistributor(gicr::ctlr, 1, 1) == "nothing");
    BOOST_TEST(told(guest) == "1");
    guest.put(gicd3::ctlr, 1);
    BOOST_TEST(told(guest) == "");
    guest.put(gicd3::ctlr, 2);
    guest.set(icc::igrpen1, 0, 1);
    BOOST_TEST(told(guest) == "");
    guest.set(icc::igrpen1, 1, 1);
    BOOST_TEST(told(guest) == "1");
    BOOST_TEST(guest.put_redistributor(gicr::ctlr, 0, 1) == "disable lpis of 1");
    BOOST_TEST(told(guest) == "");
    guest.put_redistributor(gicr::ctlr, 1, 1);
    guest.gic.set_best_lpi(1, std::nullopt);
    BOOST_TEST(told(guest) == "");
}

BOOST_AUTO_TEST_CASE(lpi_tables_stay_put_while_lpis_are_enabled) {
    GuestGicv3 guest;
    guest.put_redistributor(gicr::propbaser, 0x8000'000F, 0, 8);
    guest.put_redistributor(gicr::pendbaser, 0x4000'0000'9000'0000, 0, 8);
    BOOST_TEST(guest.get_redistributor(gicr::pendbaser, 0, 8) == 0x9000'0180);
    BOOST_TEST(guest.gic.redistributor(0).pendbaser().get(GicrPendbaser::pending_table_zero));
    guest.put_redistributor(gicr::ctlr, 1);
    guest.put_redistributor(gicr::propbaser, 0, 0, 8);
    guest.put_redistributor(gicr::pendbaser, 0, 0, 8);
    BOOST_TEST(guest.gic.redistributor(0).propbaser().raw() == 0x8000'018F);
    BOOST_TEST(guest.get_redistributor(gicr::pendbaser, 0, 8) == 0x9000'0180);
    guest.put_redistributor(gicr::ctlr, 0);
    guest.put_redistributor(gicr::pendbaser + 4, 0x4000'0001);
    guest.put_redistributor(gicr::propbaser, 0);
    BOOST_TEST(guest.get_redistributor(gicr::pendbaser, 0, 8) == 0x1'9000'0180);
    BOOST_TEST(guest.get_redistributor(gicr::propbaser, 0, 8) == 0x180);
}

BOOST_AUTO_TEST_CASE(invalidation_by_register_is_passed_on_while_lpis_are_enabled) {
    GuestGicv3 guest(GuestGicv3::cpus(2));
    BOOST_TEST(guest.put_redistributor(gicr::invlpir, 8192, 1) == "nothing");
    BOOST_TEST(guest.put_redistributor(gicr::invallr, 0, 1) == "nothing");
    guest.put_redistributor(gicr::ctlr, 1, 1);
    BOOST_TEST(guest.put_redistributor(gicr::invlpir, 8192, 1) == "invalidate lpi 8192 of 1");
    BOOST_TEST(guest.put_redistributor(gicr::invlpir, 0x8000'0000'0000'2001, 1, 8) ==
               "invalidate lpi 8193 of 1");
    BOOST_TEST(guest.put_redistributor(gicr::invlpir + 4, 8192, 1) == "nothing");
    BOOST_TEST(guest.put_redistributor(gicr::invallr, 0, 1) == "invalidate all lpis of 1");
    BOOST_TEST(guest.put_redistributor(gicr::invallr + 4, 0, 1) == "nothing");
    BOOST_TEST(guest.get_redistributor(gicr::syncr, 1) == 0);

    Gicv3Options options;
    options.revision = 2;
    GuestGicv3 older(options);
    older.put_redistributor(gicr::ctlr, 1);
    BOOST_TEST(older.get_redistributor(gicr::ctlr) == 1);
    BOOST_TEST(older.put_redistributor(gicr::invallr, 0) == "nothing");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::arm64
