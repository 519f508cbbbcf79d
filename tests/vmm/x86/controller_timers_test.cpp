#include "vmm/x86/controller_timers.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>

#include "irqchip/x86/lapic_registers.hpp"

using namespace irqbench;
using namespace irqbench::vmm::x86;
using namespace std::chrono_literals;
using irqchip::ArmTimer;
using irqchip::TimerClock;
using routing::x86::Platform;
namespace request = routing::x86::request;

namespace {

constexpr std::uint64_t lapic_page = 0xfee00000;

Platform platform_of(std::size_t cpus) {
    routing::x86::PlatformOptions options;
    options.apic_ids.clear();
    for (std::uint32_t id = 0; id < cpus; ++id) options.apic_ids.push_back(id);
    options.pit = true;
    return Platform(options);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(controller_timers)

BOOST_AUTO_TEST_CASE(the_clocks_have_their_rates) {
    ControllerTimers timers(2);
    timers.set_tsc(1, {1000, 1ms, 2'000'000});
    BOOST_TEST(timers.clocks(0, 3ms).lapic.bus == 3'000'000U);
    BOOST_TEST(timers.clocks(0, 1s).pit == 1'193'182U);
    BOOST_TEST(timers.clocks(1, 3ms).lapic.tsc == 1000U + 4'000'000U);
    BOOST_TEST(timers.clocks(1, 0ms).lapic.tsc == 1000U);
}

BOOST_AUTO_TEST_CASE(the_earliest_of_all_timers_is_next) {
    ControllerTimers timers(2);
    timers.set_tsc(1, {500, 0ms, 1'000'000});
    BOOST_TEST(!timers.next().has_value());
    BOOST_TEST(timers.take(request::ArmStormTimer{3, 10ms}, 1ms));
    BOOST_TEST(timers.next()->count() == 11'000'000);
    BOOST_TEST(timers.storm_armed(3));
    BOOST_TEST(timers.take(request::ArmPitTimer{1'193'182 / 200}, 1ms));
    BOOST_TEST((*timers.next() < 5ms && *timers.next() > 4990us));
    BOOST_TEST(timers.take(request::ArmLapicTimer{1, ArmTimer{TimerClock::tsc, 3000}}, 1ms));
    BOOST_TEST(timers.next()->count() == 2500);
    BOOST_TEST(timers.take(request::ArmLapicTimer{0, ArmTimer{TimerClock::apic_bus, 2000}}, 1ms));
    BOOST_TEST(timers.next()->count() == 2000);
    BOOST_TEST(timers.take(request::DisarmLapicTimer{0}, 1ms));
    BOOST_TEST(timers.next()->count() == 2500);
    BOOST_TEST(timers.take(request::DisarmLapicTimer{1}, 1ms));
    BOOST_TEST(timers.take(request::DisarmPitTimer{}, 1ms));
    BOOST_TEST(timers.next()->count() == 11'000'000);
    BOOST_TEST(!timers.take(request::LookAtCpu{0}, 1ms));
}

// Rounding down would have the chip called early, and asked again at once, for ever.
BOOST_AUTO_TEST_CASE(a_clock_has_reached_its_deadline_when_that_is_due) {
    ControllerTimers timers(1);
    for (const std::uint32_t khz : {999'999U, 1'193'183U, 2'500'001U, 3U}) {
        timers.set_tsc(0, {7, 3ns, khz});
        for (std::uint64_t deadline = 8; deadline < 100'000; deadline = deadline * 3 + 1) {
            timers.take(request::ArmLapicTimer{0, ArmTimer{TimerClock::tsc, deadline}}, 0ns);
            BOOST_TEST(timers.clocks(0, *timers.next()).lapic.tsc >= deadline);
            BOOST_TEST(timers.clocks(0, *timers.next() - 1ns).lapic.tsc < deadline);
        }
    }
    timers.take(request::DisarmLapicTimer{0}, 0ns);
    for (std::uint64_t deadline = 1; deadline < 100'000; deadline = deadline * 3 + 1) {
        timers.take(request::ArmPitTimer{deadline}, 0ns);
        BOOST_TEST(timers.clocks(0, *timers.next()).pit >= deadline);
        BOOST_TEST(timers.clocks(0, *timers.next() - 1ns).pit < deadline);
    }
}

BOOST_AUTO_TEST_CASE(a_deadline_at_the_end_of_time_is_far_away_and_a_past_one_is_due) {
    ControllerTimers timers(1);
    timers.set_tsc(0, {5000, 1ms, 1});
    timers.take(request::ArmLapicTimer{0, ArmTimer{TimerClock::tsc, ~std::uint64_t{0}}}, 1ms);
    BOOST_TEST((*timers.next() == std::chrono::nanoseconds::max()));
    timers.take(request::ArmLapicTimer{0, ArmTimer{TimerClock::tsc, 1}}, 1ms);
    BOOST_TEST((*timers.next() <= 1ms));
}

BOOST_AUTO_TEST_CASE(a_timer_that_is_due_is_told_once_and_a_periodic_one_is_armed_again) {
    using namespace irqchip::x86;
    Platform platform = platform_of(2);
    ControllerTimers timers(2);
    const auto write = [&](std::uint16_t offset, std::uint32_t value) {
        const auto response = platform.mmio_write(1, lapic_page + offset, 4, value, timers.clocks(1, 0ns));
        for (const auto& todo : response->requests) timers.take(todo, 0ns);
    };
    constexpr std::uint32_t periodic = 0x20000;
    write(lapic::svr, 0x1ff);
    write(lapic::timer_divide, 0xb);
    write(lapic::lvt_timer, periodic | 0x51);
    write(lapic::timer_initial, 1000);
    BOOST_TEST(timers.next()->count() == 1000);
    BOOST_TEST(!timers.expire(platform, 999ns).has_value());
    const auto response = timers.expire(platform, 1000ns);
    BOOST_REQUIRE(response.has_value());
    BOOST_TEST(platform.lapic(1).irr().test(0x51));
    BOOST_TEST(!timers.next().has_value());
    for (const auto& todo : response->requests) timers.take(todo, 1000ns);
    BOOST_TEST(timers.next()->count() == 2000);
}

BOOST_AUTO_TEST_SUITE_END()
