#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>

// A second local APIC for the random test, in xAPIC mode with id 0: sets of vectors, a timer that is moved
// tick by tick, and no register idiom. Written from the manual (SDM vol. 3, chapter 11), not from the model.
namespace irqbench::irqchip::x86 {

struct NaiveLapic {
    std::set<unsigned> irr, isr, tmr;
    unsigned tpr = 0;
    unsigned svr = 0xFF;
    unsigned esr = 0, errors = 0;
    unsigned lvt_timer = 0x10000, lvt_error = 0x10000, lvt_lint[2] = {0x10000, 0x10000};
    bool line[2] = {false, false};
    unsigned initial = 0, count = 0, prescale = 0, divide_bits = 0;
    bool message_ext_int = false;

    bool enabled() const { return (svr & 0x100) != 0; }
    static unsigned top(const std::set<unsigned>& vectors) { return vectors.empty() ? 0 : *vectors.rbegin(); }
    unsigned ppr() const {
        const unsigned serving = top(isr) / 16;
        if (tpr / 16 > serving) return tpr;
        if (tpr / 16 < serving) return serving * 16;
        return tpr;
    }
    int pending() const {
        const unsigned vector = top(irr);
        return vector / 16 > ppr() / 16 ? static_cast<int>(vector) : -1;
    }
    unsigned acknowledge() {
        const int vector = pending();
        if (vector < 0) return svr & 0xFF;
        irr.erase(static_cast<unsigned>(vector));
        isr.insert(static_cast<unsigned>(vector));
        return static_cast<unsigned>(vector);
    }

    void error(unsigned bit) {
        const bool first = errors == 0;
        errors |= bit;
        if (!first || (lvt_error & 0x10000) != 0) return;
        if ((lvt_error & 0xFF) < 16)
            errors |= 0x40;
        else
            request(lvt_error & 0xFF, false);
    }
    bool request(unsigned vector, bool level) {
        if (vector < 16) {
            error(0x40);
            return false;
        }
        irr.insert(vector);
        level ? static_cast<void>(tmr.insert(vector)) : static_cast<void>(tmr.erase(vector));
        return true;
    }
    /// A fixed interrupt message.
    bool message(unsigned vector, bool level) { return enabled() && request(vector, level); }

    void sense(unsigned pin) {
        unsigned& entry = lvt_lint[pin];
        if ((entry & 0x8700) != 0x8000) {
            entry &= ~0x4000U;
            return;
        }
        if (line[pin] && (entry & 0x14000) == 0 && request(entry & 0xFF, true)) entry |= 0x4000;
    }
    /// @returns what the CPU is told
    std::string set_line(unsigned pin, bool level) {
        const bool rose = level && !line[pin];
        line[pin] = level;
        const unsigned entry = lvt_lint[pin];
        if ((entry & 0x8700) == 0x8000) {
            sense(pin);
            return "nothing";
        }
        if (!rose || (entry & 0x10000) != 0) return "nothing";
        switch (entry >> 8 & 7) {
            case 0: request(entry & 0xFF, false); return "nothing";
            case 2: return "smi";
            case 4: return "nmi";
            case 5: return "init";
            default: return "nothing";
        }
    }
    bool ext_int() const {
        for (unsigned pin = 0; pin < 2; ++pin)
            if (line[pin] && (lvt_lint[pin] & 0x10700) == 0x700) return true;
        return message_ext_int;
    }

    std::string eoi() {
        if (isr.empty()) return "nothing";
        const unsigned vector = top(isr);
        isr.erase(vector);
        if (tmr.count(vector) == 0) return "nothing";
        for (unsigned pin = 0; pin < 2; ++pin) {
            if ((lvt_lint[pin] & 0x4000) == 0 || (lvt_lint[pin] & 0xFF) != vector) continue;
            lvt_lint[pin] &= ~0x4000U;
            sense(pin);
        }
        if ((svr & 0x1000) != 0) return "nothing";
        return fmt::format("broadcast {:02x}", vector);
    }

    unsigned masked_if_disabled(unsigned entry) const { return enabled() ? entry : entry | 0x10000; }
    void write_svr(unsigned value) {
        svr = value & 0x13FF;
        for (unsigned* entry : {&lvt_timer, &lvt_error, &lvt_lint[0], &lvt_lint[1]})
            *entry = masked_if_disabled(*entry);
    }
    void write_lint(unsigned pin, unsigned value) {
        lvt_lint[pin] = masked_if_disabled((value & 0x1A7FF) | (lvt_lint[pin] & 0x4000));
        sense(pin);
    }
    void write_lvt_error(unsigned value) { lvt_error = masked_if_disabled(value & 0x100FF); }

    // One-shot and periodic only.
    void write_lvt_timer(unsigned value) { lvt_timer = masked_if_disabled(value & 0x300FF); }
    void write_initial(unsigned value) {
        initial = count = value;
        prescale = 0;
    }
    void write_divide(unsigned value) {
        divide_bits = value & 0xB;
        prescale = 0;
    }
    unsigned divisor() const {
        constexpr unsigned by_bits[] = {2, 4, 8, 16, 0, 0, 0, 0, 32, 64, 128, 1};
        return by_bits[divide_bits];
    }
    void tick() {
        if (count == 0 || ++prescale < divisor()) return;
        prescale = 0;
        if (--count != 0) return;
        if ((lvt_timer & 0x20000) != 0) count = initial;
        if ((lvt_timer & 0x10000) == 0) request(lvt_timer & 0xFF, false);
    }
    /// Ticks to go until the timer goes off, if anything comes of it.
    std::optional<std::uint64_t> due() const {
        if (count == 0 || (lvt_timer & 0x10000) != 0) return std::nullopt;
        return std::uint64_t{count} * divisor() - prescale;
    }
};

}  // namespace irqbench::irqchip::x86
