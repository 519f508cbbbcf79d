#include "vmm/x86/controller_timers.hpp"

#include <algorithm>
#include <limits>

namespace irqbench::vmm::x86 {

namespace request = routing::x86::request;

namespace {

using Time = ControllerTimers::Time;

constexpr std::uint64_t never = std::numeric_limits<Time::rep>::max();

/// A clock of `ticks` in `per` nanoseconds. ticks_at() of ns_of() is never less than what was asked for.
struct Rate {
    std::uint64_t ticks;
    std::uint64_t per;

    /// Ticks that are complete after so many nanoseconds.
    [[nodiscard]] constexpr std::uint64_t ticks_at(std::uint64_t ns) const {
        return ns / per * ticks + ns % per * ticks / per;
    }
    /// Nanoseconds until so many ticks are complete; `never` if that is too far away.
    [[nodiscard]] constexpr std::uint64_t ns_of(std::uint64_t count) const {
        const std::uint64_t whole = count / ticks;
        if (whole >= never / per - 1) return never;
        return whole * per + (count % ticks * per + ticks - 1) / ticks;
    }
};

constexpr Rate pit_rate{irqchip::x86::Pit::clock_hz, 1'000'000'000};

Rate rate_of(const ControllerTimers::Tsc& tsc) { return {tsc.khz, 1'000'000}; }

constexpr std::uint64_t since(Time beginning, Time now) {
    return now > beginning ? static_cast<std::uint64_t>((now - beginning).count()) : 0;
}

constexpr Time after(Time beginning, std::uint64_t ns) {
    const auto most = never - static_cast<std::uint64_t>(beginning.count());
    return beginning + Time{static_cast<Time::rep>(std::min(ns, most))};
}

bool earlier(const std::optional<Time>& a, const std::optional<Time>& b) { return a && (!b || *a < *b); }

}  // namespace

void ControllerTimers::set_tsc(std::size_t cpu, const Tsc& tsc) {
    cpus_.at(cpu).tsc = tsc;
    find_next();
}

ControllerTimers::Platform::Time ControllerTimers::clocks(std::size_t cpu, Time now) const {
    const Tsc& tsc = cpus_.at(cpu).tsc;
    const std::uint64_t ns = since({}, now);
    return {{ns * bus_ticks_per_ns, tsc.counter + rate_of(tsc).ticks_at(since(tsc.at, now))},
            pit_rate.ticks_at(ns)};
}

bool ControllerTimers::take(const routing::x86::PlatformRequest& todo, Time now) {
    if (const auto* lapic = std::get_if<request::ArmLapicTimer>(&todo)) {
        cpus_.at(lapic->cpu).armed = lapic->timer;
    } else if (const auto* quiet = std::get_if<request::DisarmLapicTimer>(&todo)) {
        cpus_.at(quiet->cpu).armed.reset();
    } else if (const auto* pit = std::get_if<request::ArmPitTimer>(&todo)) {
        pit_ = pit->deadline;
    } else if (std::holds_alternative<request::DisarmPitTimer>(todo)) {
        pit_.reset();
    } else if (const auto* storm = std::get_if<request::ArmStormTimer>(&todo)) {
        storms_.at(storm->pin) = now + storm->delay;
    } else {
        return false;
    }
    find_next();
    return true;
}

std::optional<ControllerTimers::Time> ControllerTimers::due(const Cpu& cpu) const {
    if (!cpu.armed) return std::nullopt;
    const std::uint64_t deadline = cpu.armed->deadline;
    if (cpu.armed->clock != irqchip::TimerClock::tsc) return after({}, deadline / bus_ticks_per_ns);
    if (deadline <= cpu.tsc.counter) return Time{};
    return after(cpu.tsc.at, rate_of(cpu.tsc).ns_of(deadline - cpu.tsc.counter));
}

std::optional<ControllerTimers::Time> ControllerTimers::pit_due() const {
    if (!pit_) return std::nullopt;
    return after({}, pit_rate.ns_of(*pit_));
}

void ControllerTimers::find_next() {
    next_ = pit_due();
    for (const auto& storm : storms_)
        if (earlier(storm, next_)) next_ = storm;
    for (const Cpu& cpu : cpus_)
        if (const auto at = due(cpu); earlier(at, next_)) next_ = at;
}

std::optional<routing::x86::PlatformResponse> ControllerTimers::expire(Platform& platform, Time now) {
    if (!next_ || *next_ > now) return std::nullopt;
    const Time at = *next_;
    const auto disarm = [this](auto& timer) {
        timer.reset();
        find_next();
    };
    if (pit_due() == at) {
        disarm(pit_);
        return platform.pit_expired(clocks(0, now));
    }
    for (unsigned pin = 0; pin < storms_.size(); ++pin) {
        if (storms_[pin] != at) continue;
        disarm(storms_[pin]);
        return platform.storm_expired(pin);
    }
    for (std::size_t cpu = 0; cpu < cpus_.size(); ++cpu) {
        if (due(cpus_[cpu]) != at) continue;
        disarm(cpus_[cpu].armed);
        return platform.lapic_expired(cpu, clocks(cpu, now));
    }
    return std::nullopt;
}

}  // namespace irqbench::vmm::x86
