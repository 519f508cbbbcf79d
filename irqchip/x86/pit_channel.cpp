#include "irqchip/x86/pit_channel.hpp"

#include <algorithm>
#include <limits>

namespace irqbench::irqchip::x86 {

void PitChannel::program(PitControl control) {
    const std::uint8_t mode = control.get(control.mode);
    mode_ = static_cast<std::uint8_t>(mode > 5 ? mode - 4 : mode);
    access_ = control.get(control.access);
    bcd_ = control.get(control.bcd);
    low_byte_.reset();
    low_was_read_ = false;
    count_latch_.reset();
    status_latch_.reset();
    has_count_ = false;
    null_count_ = true;
    load_next_ = false;
    counting_ = false;
    armed_ = false;
    odd_ = false;
    element_ = 0;
    out_ = mode_ != 0;
}

void PitChannel::write(std::uint8_t value) {
    switch (access_) {
        case PitAccess::low: take_count(value); break;
        case PitAccess::high: take_count(static_cast<std::uint16_t>(value << 8)); break;
        default:
            if (low_byte_) {
                take_count(static_cast<std::uint16_t>(value << 8 | *low_byte_));
                low_byte_.reset();
                break;
            }
            low_byte_ = value;
            if (mode_ == 0) {
                counting_ = false;
                load_next_ = false;
                out_ = false;
            }
            break;
    }
}

void PitChannel::take_count(std::uint16_t count) {
    count_register_ = count;
    has_count_ = true;
    null_count_ = true;
    if (mode_ == 0) out_ = false;
    // Modes 2 and 3 take a new count at the end of a cycle, modes 1 and 5 with a trigger.
    if (mode_ == 0 || mode_ == 4 || (periodic() && !counting_)) load_next_ = true;
}

std::uint8_t PitChannel::read() {
    if (status_latch_) {
        const std::uint8_t status = status_latch_->raw();
        status_latch_.reset();
        return status;
    }
    const std::uint16_t value = count_latch_ ? count_latch_->value : count();
    bool high = access_ == PitAccess::high;
    bool whole = true;
    if (access_ == PitAccess::low_then_high) {
        bool& low_was_read = count_latch_ ? count_latch_->low_was_read : low_was_read_;
        high = low_was_read;
        whole = high;
        low_was_read = !low_was_read;
    }
    if (whole) count_latch_.reset();
    return static_cast<std::uint8_t>(high ? value >> 8 : value);
}

void PitChannel::latch_count() {
    if (!count_latch_) count_latch_ = Latch{count(), false};
}

void PitChannel::latch_status() {
    if (!status_latch_) status_latch_ = status();
}

PitStatus PitChannel::status() const {
    PitStatus status;
    status.set(status.output, out_);
    status.set(status.null_count, null_count_);
    status.set(status.access, access_);
    status.set(status.mode, mode_);
    status.set(status.bcd, bcd_);
    return status;
}

std::uint16_t PitChannel::count() const {
    const std::uint32_t value = element_ % modulus();
    if (!bcd_) return static_cast<std::uint16_t>(value);
    return static_cast<std::uint16_t>(value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 |
                                      value % 10);
}

std::uint32_t PitChannel::reload() const {
    std::uint32_t value = count_register_;
    // Digits above 9 are no BCD; they weigh what they are.
    if (bcd_) value = (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 + (value & 15);
    return value == 0 ? modulus() : value;
}

void PitChannel::set_gate(bool level) {
    if (level && !gate_ && has_count_ && (triggered() || periodic())) load_next_ = true;
    if (!level && periodic()) out_ = true;
    gate_ = level;
}

void PitChannel::reload_element() {
    element_ = reload();
    odd_ = false;
    if (mode_ == 3) {
        odd_ = element_ % 2 != 0;
        element_ -= odd_ ? 1 : 0;
    }
    null_count_ = false;
}

void PitChannel::load() {
    reload_element();
    load_next_ = false;
    counting_ = true;
    armed_ = !periodic();
    out_ = mode_ > 1;
}

void PitChannel::step() {
    if (strobing()) out_ = true;
    if (load_next_) {
        load();
        return;
    }
    if (!counts()) return;
    switch (mode_) {
        case 2:
            --element_;
            if (element_ == 1) out_ = false;
            if (element_ == 0) {
                reload_element();
                out_ = true;
            }
            break;
        case 3: {
            // An odd count stays at zero for one more pulse before OUT falls.
            const bool waits = element_ == 2 && odd_ && out_;
            element_ -= std::min(element_, 2U);
            if (element_ != 0 || waits) break;
            out_ = !out_;
            reload_element();
            break;
        }
        default:
            element_ = (element_ == 0 ? modulus() : element_) - 1;
            if (element_ != 0 || !armed_) break;
            armed_ = false;
            out_ = mode_ <= 1;
            break;
    }
}

std::optional<std::uint64_t> PitChannel::quiet_pulses() const {
    if (load_next_ || strobing()) return 0;
    if (!counts()) return std::nullopt;
    switch (mode_) {
        case 2: return element_ > 2 ? element_ - 2 : 0;
        case 3: return element_ > 2 ? element_ / 2 - 1 : 0;
        default: break;
    }
    if (!armed_) return std::nullopt;
    return element_ - 1;
}

void PitChannel::skip(std::uint64_t quiet) {
    if (!counts()) return;
    const std::uint64_t down = mode_ == 3 ? 2 * quiet : quiet;
    if (down < element_)
        element_ -= static_cast<std::uint32_t>(down);
    else
        element_ = static_cast<std::uint32_t>((modulus() - (down - element_) % modulus()) % modulus());
}

std::optional<std::uint64_t> PitChannel::period() const {
    if (!periodic() || !counts() || load_next_ || null_count_) return std::nullopt;
    return std::max(reload(), 2U);
}

bool PitChannel::run(std::uint64_t pulses) {
    bool rose = false;
    while (pulses != 0) {
        if (const auto whole = period(); whole && pulses >= 2 * *whole) {
            // A count of 1 is illegal in both modes; in mode 2 its OUT stays high.
            rose = rose || mode_ == 3 || reload() > 1;
            pulses = *whole + pulses % *whole;
        }
        const std::uint64_t quiet = std::min(pulses, quiet_pulses().value_or(pulses));
        skip(quiet);
        pulses -= quiet;
        if (pulses == 0) break;
        const bool before = out_;
        step();
        --pulses;
        rose = rose || (out_ && !before);
    }
    return rose;
}

std::optional<std::uint64_t> PitChannel::pulses_to_edge() const {
    // At most: the end of a strobe, a load, a count.
    constexpr int most_steps = 4;
    PitChannel ahead = *this;
    std::uint64_t pulses = 0;
    for (int i = 0; i < most_steps; ++i) {
        const auto quiet = ahead.quiet_pulses();
        if (!quiet) return std::nullopt;
        ahead.skip(*quiet);
        ahead.step();
        pulses += *quiet + 1;
        if (ahead.out_ != out_) return pulses;
    }
    return std::nullopt;
}

std::vector<NamedValue> PitChannel::fields() const {
    std::vector<NamedValue> values;
    const PitStatus now = status();
    for (const FieldInfo& field : field_table<PitStatus>())
        values.push_back({field.name, field.extract(now.raw())});
    values.push_back({"gate", gate_});
    values.push_back({"count", count()});
    values.push_back({"reload", count_register_});
    return values;
}

}  // namespace irqbench::irqchip::x86
