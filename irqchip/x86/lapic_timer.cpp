#include "irqchip/x86/lapic_timer.hpp"

namespace irqbench::irqchip::x86 {

std::uint32_t LapicTimer::current(std::uint64_t bus) const {
    if (count_ == 0) return 0;
    const std::uint64_t elapsed = bus > start_ ? (bus - start_) / divisor() : 0;
    if (elapsed < count_) return static_cast<std::uint32_t>(count_ - elapsed);
    if (mode_ == TimerMode::one_shot) return 0;
    return static_cast<std::uint32_t>(initial() - (elapsed - count_) % initial());
}

std::optional<ArmTimer> LapicTimer::deadline() const {
    if (tsc_deadline_ != 0) return ArmTimer{TimerClock::tsc, tsc_deadline_};
    if (count_ != 0) return ArmTimer{TimerClock::apic_bus, end()};
    return std::nullopt;
}

bool LapicTimer::expire(LapicTime now) {
    if (tsc_deadline_ != 0) {
        if (now.tsc < tsc_deadline_) return false;
        tsc_deadline_ = 0;
        return true;
    }
    if (count_ == 0 || now.bus < end()) return false;
    if (mode_ == TimerMode::one_shot) {
        count_ = 0;
        return true;
    }
    const std::uint64_t period = initial() * divisor();
    start_ = now.bus - (now.bus - end()) % period;
    count_ = initial();
    return true;
}

void LapicTimer::set_mode(TimerMode mode) {
    if (mode == mode_) return;
    const bool counted = counts();
    mode_ = mode;
    // 11.5.4.1 lets every change of mode disarm the timer, but processors do not between these two
    // (kvm-unit-tests apic.c, test_apic_change_mode(), run on bare metal), nor does KVM.
    if (counted && counts()) return;
    stop();
    initial_ = {};
}

void LapicTimer::set_initial(std::uint32_t value, std::uint64_t bus) {
    if (!counts()) return;
    initial_.write(value);
    count_ = initial();
    start_ = bus;
}

void LapicTimer::set_divide(std::uint32_t value, std::uint64_t bus) {
    count_ = current(bus);
    start_ = bus;
    divide_.write(value);
}

void LapicTimer::set_tsc_deadline(std::uint64_t value) {
    if (mode_ == TimerMode::tsc_deadline) tsc_deadline_ = value;
}

void LapicTimer::stop() {
    count_ = 0;
    tsc_deadline_ = 0;
}

}  // namespace irqbench::irqchip::x86
