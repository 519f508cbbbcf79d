#include "irqchip/x86/saved_state.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/irqchip/ioapic_fixture.hpp"
#include "tests/irqchip/lapic_fixture.hpp"
#include "tests/irqchip/pic_fixture.hpp"
#include "tests/irqchip/pit_fixture.hpp"
#include "tests/irqchip/random_source.hpp"

// A controller that is restored from what another one was saved as is that one; and whatever a state says, it
// does no harm.
namespace irqbench::irqchip::x86 {
namespace {

constexpr int steps = 20'000;

template <class T>
void scramble(T& value, Random& random) {
    value = static_cast<T>(random.coin() ? random.wide() : random() % 3);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(saved_state)

BOOST_AUTO_TEST_CASE(a_pic_is_what_it_was) {
    Random random(1);
    GuestPic guest;
    for (int step = 0; step < steps; ++step) {
        const auto pin = random() % Pic::pin_count;
        const auto value = static_cast<std::uint8_t>(random());
        const auto port = random.pick<std::uint16_t>({0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1});
        switch (random() % 5) {
            case 0: guest.raise(pin); break;
            case 1: guest.lower(pin); break;
            case 2: guest.out(port, value); break;
            case 3: guest.in(port); break;
            default: guest.acknowledge(); break;
        }
        BOOST_REQUIRE((Pic(guest.pic.state()) == guest.pic));
    }
}

BOOST_AUTO_TEST_CASE(an_ioapic_is_what_it_was) {
    Random random(1);
    GuestIoApic guest({IoApicModel::v20, false});
    for (int step = 0; step < steps; ++step) {
        const unsigned pin = random() % IoApic::pin_count;
        switch (random() % 5) {
            case 0: guest.set_low(pin, random.pick({0x51U, 0x8051U, 0x1'8051U, 0x8151U, 0x0451U})); break;
            case 1: guest.set_high(pin, random()); break;
            case 2: guest.raise(pin, random.pick({LineSource::wire, LineSource::resample})); break;
            case 3: guest.lower(pin, random.pick({LineSource::wire, LineSource::resample})); break;
            default: guest.eoi(0x51); break;
        }
        BOOST_REQUIRE((IoApic(guest.ioapic.options(), guest.ioapic.state()) == guest.ioapic));
    }
}

BOOST_AUTO_TEST_CASE(a_local_apic_is_what_it_was) {
    for (const bool extended : {false, true}) {
        GuestLapic guest = extended ? GuestLapic::in_x2apic_mode(5) : GuestLapic(5);
        guest.now = {1000, 2000};
        guest.set(lapic::tpr, 0x20);
        guest.set(lapic::lvt_timer, 0x2'0061);
        guest.set(lapic::lvt_lint1, 0x1'0400);
        guest.set(lapic::timer_divide, 0xB);
        guest.set(lapic::timer_initial, 500);
        guest.fixed(0x51);
        guest.fixed(0x81, Trigger::level);
        BOOST_TEST(guest.take() == 0x81);
        LocalApic other(5, false);
        const Effects effects = other.restore(guest.apic.state(guest.now), false, guest.now);
        BOOST_TEST((other == guest.apic));
        BOOST_TEST(text(effects) == text(Effects{ArmTimer{TimerClock::apic_bus, 1500}}));
    }
}

BOOST_AUTO_TEST_CASE(a_timer_goes_on_with_what_was_left_of_it) {
    GuestLapic guest;
    guest.put(lapic::lvt_timer, 0x61);
    guest.put(lapic::timer_divide, 0xB);
    guest.put(lapic::timer_initial, 500);
    guest.now.bus = 200;
    LocalApic other(0, true);
    const LapicTime later{7000, 0};
    const Effects effects = other.restore(guest.apic.state(guest.now), false, later);
    BOOST_TEST(text(effects) == text(Effects{ArmTimer{TimerClock::apic_bus, 7300}}));
    BOOST_TEST(other.peek(lapic::timer_current, {7100, 0}).value() == 200U);
}

BOOST_AUTO_TEST_CASE(a_periodic_timer_that_begins_with_nothing_does_not_run) {
    GuestLapic guest;
    LapicState state = guest.apic.state(guest.now);
    state.at(lapic::lvt_timer) = 0x2'0061;
    state.at(lapic::timer_current) = 5;
    LocalApic other(0, true);
    BOOST_TEST(text(other.restore(state, false, guest.now)) == "nothing");
    BOOST_TEST(other.peek(lapic::timer_current, {1000, 0}).value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_deadline_that_nobody_has_served_is_still_to_come) {
    GuestLapic guest;
    guest.put(lapic::lvt_timer, 0x4'0061);
    guest.wrmsr(msr::tsc_deadline, 100);
    guest.now.tsc = 150;
    LocalApic other(0, true);
    const Effects effects = other.restore(guest.apic.state(guest.now), false, guest.now);
    BOOST_TEST(text(effects) == text(Effects{ArmTimer{TimerClock::tsc, 100}}));
}

BOOST_AUTO_TEST_CASE(a_pit_is_what_it_was) {
    Random random(1);
    GuestPit guest;
    for (int step = 0; step < steps; ++step) {
        switch (random() % 4) {
            case 0:
                guest.out(random.pick<std::uint16_t>({0x40, 0x41, 0x42, 0x43, 0x61}), random() & 0xFF);
                break;
            case 1: guest.in(random.pick<std::uint16_t>({0x40, 0x41, 0x42, 0x61})); break;
            default: guest.wait(random() % 300); break;
        }
        Pit other;
        const std::uint64_t later = guest.now + 5'000;
        static_cast<void>(other.restore(guest.pit.state(guest.now), later));
        for (unsigned channel = 0; channel < Pit::channel_count; ++channel)
            BOOST_REQUIRE((other.channel(channel) == guest.pit.channel(channel)));
    }
}

BOOST_AUTO_TEST_CASE(no_state_makes_a_controller_do_harm) {
    Random random(1);
    for (int round = 0; round < 300; ++round) {
        LapicState lapic_state;
        for (std::uint32_t& word : lapic_state.registers) scramble(word, random);
        scramble(lapic_state.apic_base, random);
        scramble(lapic_state.tsc_deadline, random);
        scramble(lapic_state.errors, random);
        GuestLapic lapic(0);
        static_cast<void>(
            lapic.apic.restore(lapic_state, random.coin(), {random.wide() >> 8, random.wide()}));
        IoApicState ioapic_state;
        for (std::uint64_t& entry : ioapic_state.entries) scramble(entry, random);
        for (std::uint32_t& drivers : ioapic_state.drivers) scramble(drivers, random);
        scramble(ioapic_state.irr, random);
        scramble(ioapic_state.select, random);
        GuestIoApic ioapic;
        ioapic.ioapic = IoApic({}, ioapic_state);
        for (unsigned pin = 0; pin < IoApic::pin_count; ++pin) {
            const RedirectionEntry entry = ioapic.ioapic.entry(pin);
            BOOST_REQUIRE(!entry.get(entry.remote_irr) || is_level(entry));
        }
        PicState pic_state;
        for (I8259AState& chip : pic_state) {
            for (std::uint32_t& drivers : chip.drivers) scramble(drivers, random);
            for (auto* byte : {&chip.latched, &chip.isr, &chip.imr, &chip.elcr, &chip.base,
                               &chip.lowest_priority, &chip.init_step})
                scramble(*byte, random);
        }
        GuestPic pic;
        pic.pic = Pic(pic_state);
        PitState pit_state;
        for (PitChannelState& channel : pit_state.channels) {
            scramble(channel.mode, random);
            scramble(channel.element, random);
            scramble(channel.reload, random);
            channel.gate = random.coin();
            channel.counting = random.coin();
            channel.armed = random.coin();
            channel.has_count = random.coin();
        }
        GuestPit pit;
        static_cast<void>(pit.pit.restore(pit_state, 0));
        for (int step = 0; step < 50; ++step) {
            lapic.wait_bus(random() % 100'000);
            lapic.put(0x10 * (random() % 0x40), random());
            lapic.get(0x10 * (random() % 0x40));
            lapic.take();
            ioapic.set_low(random() % IoApic::pin_count, random());
            ioapic.raise(random() % IoApic::pin_count);
            ioapic.eoi(static_cast<std::uint8_t>(random()));
            pic.raise(random() % Pic::pin_count);
            pic.acknowledge();
            pit.wait(random() % 100'000);
            pit.in(0x40);
        }
        for (unsigned pin = 0; pin < IoApic::pin_count; ++pin)
            BOOST_REQUIRE(!ioapic.ioapic.pending(pin) || is_level(ioapic.ioapic.entry(pin)));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip::x86
