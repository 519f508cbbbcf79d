#include "routing/platform.hpp"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <random>

#include "irqchip/x86/lapic_bus.hpp"
#include "routing/x86.hpp"

namespace irqbench::routing::x86 {
namespace {

using irqchip::CpuSignal;
using irqchip::x86::ApicMode;
using irqchip::x86::LocalApic;

constexpr std::uint64_t lapic_page = 0xFEE0'0000;

/// What is asked of a machine, in words.
std::string asked(const PlatformResponse& response) {
    struct Words {
        std::string operator()(const request::NotifyListeners& e) const {
            return fmt::format("notify {}", e.gsi);
        }
        std::string operator()(const request::ArmStormTimer& e) const {
            return fmt::format("storm {}", e.pin);
        }
        std::string operator()(const request::SignalCpu& e) const {
            static constexpr const char* names[] = {"nmi", "smi", "init", "sipi"};
            return fmt::format("{} {} {:x}", names[static_cast<int>(e.signal)], e.cpu, e.vector);
        }
        std::string operator()(const request::LookAtCpu& e) const { return fmt::format("look {}", e.cpu); }
        std::string operator()(const request::ArmLapicTimer& e) const {
            return fmt::format("arm {} {}", e.cpu, e.timer.deadline);
        }
        std::string operator()(const request::DisarmLapicTimer& e) const {
            return fmt::format("disarm {}", e.cpu);
        }
        std::string operator()(const request::ArmPitTimer&) const { return "arm pit"; }
        std::string operator()(const request::DisarmPitTimer&) const { return "disarm pit"; }
    };
    std::string text;
    for (const PlatformRequest& each : response.requests)
        text += (text.empty() ? "" : ", ") + std::visit(Words(), each);
    return text;
}

/// A PC whose local APICs are enabled, and a guest that programs them.
struct Pc {
    explicit Pc(std::vector<std::uint32_t> ids = {0, 1}, bool pit = false)
        : platform(options(std::move(ids), pit)) {
        platform.route(default_table());
        for (std::size_t cpu = 0; cpu < platform.cpus(); ++cpu) (void)lapic(cpu, 0xF0, 0x1FF);
    }
    static PlatformOptions options(std::vector<std::uint32_t> ids, bool pit) {
        PlatformOptions options;
        options.apic_ids = std::move(ids);
        options.pit = pit;
        return options;
    }

    PlatformResponse lapic(std::size_t cpu, std::uint32_t offset, std::uint32_t value) {
        return platform.mmio_write(cpu, lapic_page + offset, 4, value, now).value();
    }
    std::uint32_t lapic(std::size_t cpu, std::uint32_t offset) {
        return static_cast<std::uint32_t>(platform.mmio_read(cpu, lapic_page + offset, 4, now).value());
    }
    PlatformResponse ipi(std::size_t cpu, std::uint32_t destination, std::uint32_t low) {
        (void)lapic(cpu, 0x310, destination << 24);
        return lapic(cpu, 0x300, low);
    }
    void x2apic(std::size_t cpu) {
        const auto base = platform.read_msr(cpu, 0x1B, now).value();
        BOOST_REQUIRE(platform.write_msr(cpu, 0x1B, base | 0x400, now));
    }
    void redirect(unsigned pin, std::uint64_t entry) {
        for (unsigned half = 0; half < 2; ++half) {
            (void)platform.mmio_write(0, Board::ioapic_address, 4, 0x10 + 2 * pin + (1 - half), now);
            (void)platform.mmio_write(0, Board::ioapic_address + 0x10, 4,
                                      half == 0 ? entry >> 32 : entry & 0xFFFFFFFF, now);
        }
    }
    void start_pic() {
        for (const auto& [port, value] : std::vector<std::pair<std::uint16_t, std::uint8_t>>{{0x20, 0x11},
                                                                                             {0x21, 0x20},
                                                                                             {0x21, 4},
                                                                                             {0x21, 1},
                                                                                             {0xA0, 0x11},
                                                                                             {0xA1, 0x28},
                                                                                             {0xA1, 2},
                                                                                             {0xA1, 1},
                                                                                             {0x21, 0},
                                                                                             {0xA1, 0}})
            (void)platform.port_out(port, 1, value, now);
    }

    [[nodiscard]] std::string next(std::size_t cpu) const {
        const auto interrupt = platform.interrupt(cpu);
        if (!interrupt) return "";
        return interrupt->ext_int ? "ext" : fmt::format("{:x}", interrupt->vector);
    }
    std::string take(std::size_t cpu) { return fmt::format("{:x}", platform.acknowledge(cpu).vector); }

    Platform platform;
    Platform::Time now;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(platform)

BOOST_AUTO_TEST_CASE(an_edge_goes_to_the_cpu_its_entry_names) {
    Pc pc;
    pc.redirect(20, std::uint64_t{1} << 56 | 0x51);
    BOOST_TEST(asked(pc.platform.set_gsi(20, true)) == "look 1");
    BOOST_TEST(pc.next(0) == "");
    BOOST_TEST(pc.next(1) == "51");
    BOOST_TEST(pc.take(1) == "51");
    BOOST_TEST(pc.next(1) == "");
    BOOST_TEST(pc.platform.lapic(1).isr().test(0x51));
}

BOOST_AUTO_TEST_CASE(a_level_comes_again_after_its_eoi_until_it_is_low) {
    Pc pc;
    pc.redirect(20, 0x8051);
    (void)pc.platform.set_gsi(20, true);
    for (int i = 0; i < 2; ++i) {
        BOOST_TEST(pc.take(0) == "51");
        BOOST_TEST(pc.platform.board().ioapic().entry(20).get(irqchip::x86::RedirectionEntry::remote_irr));
        if (i == 1) (void)pc.platform.set_gsi(20, false);
        (void)pc.lapic(0, 0xB0, 0);
    }
    BOOST_TEST(pc.next(0) == "");
    BOOST_TEST(!pc.platform.board().ioapic().entry(20).get(irqchip::x86::RedirectionEntry::remote_irr));
}

BOOST_AUTO_TEST_CASE(an_eoi_reaches_the_listeners_of_the_line) {
    Pc pc;
    pc.redirect(20, 0x8051);
    BOOST_TEST(pc.platform.listen(20, 1));
    (void)pc.platform.set_gsi(20, true, irqchip::LineSource::resample);
    BOOST_TEST(pc.take(0) == "51");
    BOOST_TEST(asked(pc.lapic(0, 0xB0, 0)).find("notify 20") != std::string::npos);
    BOOST_TEST(pc.next(0) == "");
}

BOOST_AUTO_TEST_CASE(a_level_that_nobody_accepts_stays_with_the_ioapic) {
    Pc pc;
    (void)pc.lapic(0, 0xF0, 0xFF);
    pc.redirect(20, 0x8051);
    const auto sent = pc.platform.set_gsi_status(20, true);
    BOOST_TEST(sent.status == 0);
    BOOST_TEST(!pc.platform.board().ioapic().entry(20).get(irqchip::x86::RedirectionEntry::remote_irr));
    (void)pc.lapic(0, 0xF0, 0x1FF);
    BOOST_TEST(pc.next(0) == "");
}

BOOST_AUTO_TEST_CASE(the_status_of_a_line_counts_who_took_it) {
    Pc pc;
    pc.redirect(20, std::uint64_t{0xFF} << 56 | 0x51);
    BOOST_TEST(pc.platform.set_gsi_status(20, true).status == 2);
    BOOST_TEST(pc.platform.set_gsi_status(99, true).status == -1);
}

BOOST_AUTO_TEST_CASE(the_pic_interrupts_cpu_0_through_its_lint0) {
    Pc pc;
    pc.start_pic();
    (void)pc.lapic(0, 0x350, 0x700);
    (void)pc.lapic(1, 0x350, 0x700);
    BOOST_TEST(asked(pc.platform.set_gsi(4, true)) == "look 0");
    BOOST_TEST(pc.next(0) == "ext");
    BOOST_TEST(pc.next(1) == "");
    BOOST_TEST(pc.take(0) == "24");
    BOOST_TEST(pc.next(0) == "");
}

BOOST_AUTO_TEST_CASE(ipis_go_to_whom_they_name) {
    Pc pc({0, 1, 2});
    BOOST_TEST(asked(pc.ipi(0, 2, 0x51)) == "look 2, look 0");
    BOOST_TEST(pc.next(2) == "51");
    BOOST_TEST(pc.next(1) == "");
    (void)pc.ipi(0, 0, 0xC0061);  // all excluding self
    BOOST_TEST(pc.next(0) == "");
    BOOST_TEST(pc.next(1) == "61");
    (void)pc.ipi(0, 0xFF, 0x71);  // broadcast
    BOOST_TEST(pc.next(0) == "71");
    BOOST_TEST(pc.next(1) == "71");
}

BOOST_AUTO_TEST_CASE(an_ipi_is_told) {
    Pc pc;
    std::string told;
    const auto response = pc.ipi(0, 1, 0x51);
    for (const WireEvent& event : response.events) told += text(event);
    BOOST_TEST(told == "lapic 0 sends vector 0x51 to 1");
}

BOOST_AUTO_TEST_CASE(init_and_start_up_are_the_cpus) {
    Pc pc;
    BOOST_TEST(asked(pc.ipi(0, 1, 0x4500)) == "look 1, init 1 0, look 1, look 0");
    BOOST_TEST(pc.lapic(1, 0xF0) == 0xFFU);
    BOOST_TEST(asked(pc.ipi(0, 1, 0x4608)) == "sipi 1 8, look 1, look 0");
    BOOST_TEST(asked(pc.ipi(0, 1, 0x4400)) == "nmi 1 0, look 1, look 0");
}

BOOST_AUTO_TEST_CASE(a_start_up_ipi_is_for_who_waits_for_one) {
    Pc pc;
    BOOST_TEST(asked(pc.ipi(0, 1, 0x4608)) == "look 1, look 0");  // no INIT yet
    BOOST_TEST(asked(pc.ipi(0, 1, 0x4500)) == "look 1, init 1 0, look 1, look 0");
    BOOST_TEST(asked(pc.ipi(0, 1, 0x4608)) == "sipi 1 8, look 1, look 0");
    BOOST_TEST(asked(pc.ipi(0, 1, 0x4608)) == "look 1, look 0");  // it runs
    // The bootstrap processor waits for none.
    BOOST_TEST(asked(pc.ipi(1, 0, 0x4500)).find("init 0 0") != std::string::npos);
    BOOST_TEST(asked(pc.ipi(1, 0, 0x4608)).find("sipi") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_id_that_changes_is_followed) {
    Pc pc;
    (void)pc.lapic(1, 0x20, 7U << 24);
    (void)pc.ipi(0, 1, 0x51);
    BOOST_TEST(pc.next(1) == "");
    (void)pc.ipi(0, 7, 0x52);
    BOOST_TEST(pc.next(1) == "52");
    pc.x2apic(1);
    (void)pc.ipi(0, 1, 0x53);
    BOOST_TEST(pc.next(1) == "53");
}

BOOST_AUTO_TEST_CASE(an_x2apic_whose_id_is_255_is_no_broadcast) {
    Pc pc({0, 0xFF, 2});
    for (std::size_t cpu = 0; cpu < 3; ++cpu) pc.x2apic(cpu);
    BOOST_REQUIRE(pc.platform.write_msr(0, 0x830, std::uint64_t{0xFF} << 32 | 0x51, pc.now));
    BOOST_TEST(pc.next(1) == "51");
    BOOST_TEST(pc.next(2) == "");
    BOOST_REQUIRE(pc.platform.write_msr(0, 0x830, std::uint64_t{0xFFFFFFFF} << 32 | 0x61, pc.now));
    BOOST_TEST(pc.next(2) == "61");
}

BOOST_AUTO_TEST_CASE(messages_of_devices_are_decoded) {
    Pc pc;
    const auto sent = pc.platform.send({0xFEE0'1000, 0x51});
    BOOST_REQUIRE(sent);
    BOOST_TEST(sent->status == 1);
    BOOST_TEST(pc.next(1) == "51");
    BOOST_TEST(pc.platform.send({0xFEE0'9000, 0x51})->status == 0);
    BOOST_TEST(!pc.platform.send({0x1234, 0x51}));
}

BOOST_AUTO_TEST_CASE(a_timer_is_armed_and_expires) {
    Pc pc;
    (void)pc.lapic(1, 0x3E0, 0xB);
    (void)pc.lapic(1, 0x320, 0x51);
    BOOST_TEST(asked(pc.lapic(1, 0x380, 1000)) == "arm 1 1000, look 1");
    pc.now.lapic.bus = 1000;
    BOOST_TEST(asked(pc.platform.lapic_expired(1, pc.now)).find("look 1") != std::string::npos);
    BOOST_TEST(pc.next(1) == "51");
}

BOOST_AUTO_TEST_CASE(the_pit_drives_gsi_0) {
    Pc pc({0}, true);
    pc.start_pic();
    (void)pc.lapic(0, 0x350, 0x700);
    (void)pc.platform.port_out(0x43, 1, 0x30, pc.now);
    (void)pc.platform.port_out(0x40, 1, 100, pc.now);
    BOOST_TEST(asked(*pc.platform.port_out(0x40, 1, 0, pc.now)) == "arm pit");
    pc.now.pit = 101;
    (void)pc.platform.pit_expired(pc.now);
    BOOST_TEST(pc.next(0) == "ext");
    BOOST_TEST(pc.take(0) == "20");
}

BOOST_AUTO_TEST_CASE(the_routes_say_which_pin_the_pit_drives) {
    for (const unsigned pin : {0U, 2U}) {
        Pc pc({0}, true);
        RoutingTable table;
        table.add(0, PinRoute{ioapic, pin});
        pc.platform.route(table);
        pc.redirect(0, 0x50);
        pc.redirect(2, 0x52);
        (void)pc.platform.port_out(0x43, 1, 0x30, pc.now);
        (void)pc.platform.port_out(0x40, 1, 100, pc.now);
        (void)pc.platform.port_out(0x40, 1, 0, pc.now);
        pc.now.pit = 101;
        (void)pc.platform.pit_expired(pc.now);
        BOOST_TEST(pc.next(0) == fmt::format("{:x}", 0x50 + pin));
    }
}

BOOST_AUTO_TEST_CASE(addresses_are_claimed_where_controllers_are_for_some_cpu) {
    Pc pc({0, 1});
    BOOST_TEST(pc.platform.claims(Board::ioapic_address));
    BOOST_TEST(pc.platform.claims(Board::ioapic_address + 0xFFF));
    BOOST_TEST(!pc.platform.claims(Board::ioapic_address + 0x1000));
    BOOST_TEST(!pc.platform.claims(Board::ioapic_address - 1));
    BOOST_TEST(pc.platform.claims(lapic_page + 0xB0));
    BOOST_TEST(!pc.platform.claims(0xD000'0000));
    BOOST_REQUIRE(pc.platform.write_msr(1, 0x1B, 0xD000'0800, pc.now));
    BOOST_TEST(pc.platform.claims(0xD000'0FFF));
    BOOST_TEST(pc.platform.claims(lapic_page));
    BOOST_TEST(pc.platform.claims_port(0x21));
    BOOST_TEST(!pc.platform.claims_port(0x10021));
    BOOST_TEST(!pc.platform.claims_port(0x40));
    BOOST_TEST(Pc({0}, true).platform.claims_port(0x40));
}

BOOST_AUTO_TEST_CASE(accesses_of_nobody_are_nobodys) {
    Pc pc;
    BOOST_TEST(!pc.platform.mmio_read(0, 0xFED0'0000, 4, pc.now));
    BOOST_TEST(!pc.platform.mmio_write(0, 0xFED0'0000, 4, 0, pc.now));
    BOOST_TEST(!pc.platform.port_in(0x80, 1, pc.now));
    BOOST_TEST(!pc.platform.port_out(0x40, 1, 0, pc.now));
    BOOST_TEST(!pc.platform.write_msr(0, 0x808, 0, pc.now));
    pc.x2apic(0);
    BOOST_TEST(!pc.platform.mmio_read(0, lapic_page, 4, pc.now));
}

// The index of ids is an optimisation: a search must find the same.
BOOST_AUTO_TEST_CASE(every_message_reaches_those_that_a_search_finds) {
    std::mt19937 random(1);
    const auto below = [&random](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
    std::size_t reached = 0;
    for (int round = 0; round < 2000; ++round) {
        Pc pc({0, 1, 2, 0x101, 0x1FF, 0xFF, 7});
        for (std::size_t cpu = 0; cpu < pc.platform.cpus(); ++cpu) {
            if (below(3) == 0) (void)pc.lapic(cpu, 0x20, below(9) << 24);
            if (below(3) == 0) (void)pc.lapic(cpu, 0xD0, below(256) << 24);
            if (below(3) == 0) (void)pc.lapic(cpu, 0xE0, 0);  // the cluster model
            if (below(2) == 0) pc.x2apic(cpu);
        }
        irqchip::x86::Message message;
        const std::uint32_t destinations[] = {below(10),  0x101,    0x1FF,    0xFF,          0x107,
                                              0xFFFFFFFF, 0x100002, 0x1F8000, below(0x20000)};
        message.destination = destinations[below(std::size(destinations))];
        message.destination_mode = static_cast<irqchip::x86::DestinationMode>(below(2));
        message.delivery_mode = static_cast<irqchip::x86::DeliveryMode>(below(2));
        message.vector = 0x51;
        const auto format = irqchip::x86::DestinationFormat::x2apic_api;
        const auto encoded = encode(message, format);
        if (!encoded) continue;
        std::vector<LocalApic> lapics;
        for (std::size_t cpu = 0; cpu < pc.platform.cpus(); ++cpu) lapics.push_back(pc.platform.lapic(cpu));
        PlatformOptions options = Pc::options({0, 1, 2, 0x101, 0x1FF, 0xFF, 7}, false);
        options.destinations = format;
        Platform platform(options);
        for (std::size_t cpu = 0; cpu < lapics.size(); ++cpu) platform.set_lapic(cpu, lapics[cpu]);
        int taken = 0;
        for_each_recipient(lapics, *decode(*encoded, format),
                           [&](std::size_t cpu) { taken += lapics[cpu].deliver(message).accepted ? 1 : 0; });
        reached += static_cast<std::size_t>(taken);
        BOOST_TEST(platform.send(*encoded)->status == taken);
        for (std::size_t cpu = 0; cpu < lapics.size(); ++cpu)
            BOOST_TEST((platform.lapic(cpu) == lapics[cpu]), "round " << round << " cpu " << cpu);
    }
    BOOST_TEST(reached > 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::routing::x86
