#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>

#include "irqchip/arm64/gicv2.hpp"
#include "irqchip/arm64/gicv3.hpp"
#include "tests/irqchip/effects_text.hpp"

// GICs as a guest programs them. Effects come back as text.
namespace irqbench::irqchip::arm64 {

inline constexpr std::uint32_t all_ones = 0xFFFF'FFFF;

/// What both versions have alike: registers with a field per INTID. `Self` has put(), get() and byte().
template <class Self>
struct GuestGic {
    void enable(std::uint32_t intid, unsigned cpu = 0) { bit(0x100, intid, cpu); }
    void disable(std::uint32_t intid, unsigned cpu = 0) { bit(0x180, intid, cpu); }
    void set_pending(std::uint32_t intid, unsigned cpu = 0) { bit(0x200, intid, cpu); }
    void clear_pending(std::uint32_t intid, unsigned cpu = 0) { bit(0x280, intid, cpu); }
    void set_active(std::uint32_t intid, unsigned cpu = 0) { bit(0x300, intid, cpu); }
    void clear_active(std::uint32_t intid, unsigned cpu = 0) { bit(0x380, intid, cpu); }
    void priority(std::uint32_t intid, std::uint8_t value, unsigned cpu = 0) {
        self().byte(0x400 + intid, intid, value, cpu);
    }
    void set_group(std::uint32_t intid, unsigned group, unsigned cpu = 0) {
        const std::uint32_t offset = 0x080 + intid / 32 * 4;
        const std::uint32_t its = 1U << intid % 32;
        const std::uint32_t others = self().bank(offset, intid, cpu) & ~its;
        self().set_bank(offset, intid, others | (group != 0 ? its : 0), cpu);
    }
    void edge(std::uint32_t intid, bool edge = true) {
        const std::uint32_t offset = 0xC00 + intid / 16 * 4;
        const std::uint32_t its = 2U << 2 * (intid % 16);
        const std::uint32_t others = self().bank(offset, intid, 0) & ~its;
        self().set_bank(offset, intid, others | (edge ? its : 0), 0);
    }
    /// `pending active`, as far as the registers show them.
    std::string state(std::uint32_t intid, unsigned cpu = 0) {
        std::string text;
        const auto add = [&](std::uint32_t registers, const char* name) {
            if ((self().bank(registers + intid / 32 * 4, intid, cpu) >> intid % 32 & 1) == 0) return;
            text += (text.empty() ? "" : " ") + std::string(name);
        };
        add(0x200, "pending");
        add(0x300, "active");
        return text.empty() ? "inactive" : text;
    }

    void raise(std::uint32_t intid, unsigned cpu = 0, LineSource source = LineSource::wire) {
        self().gic.set_line(intid, true, source, cpu);
    }
    void lower(std::uint32_t intid, unsigned cpu = 0, LineSource source = LineSource::wire) {
        self().gic.set_line(intid, false, source, cpu);
    }

    /// `irq`, `fiq` or nothing.
    std::string output(unsigned cpu = 0) {
        return self().gic.irq(cpu) ? "irq" : self().gic.fiq(cpu) ? "fiq" : "";
    }

  private:
    Self& self() { return static_cast<Self&>(*this); }
    void bit(std::uint32_t registers, std::uint32_t intid, unsigned cpu) {
        self().set_bank(registers + intid / 32 * 4, intid, 1U << intid % 32, cpu);
    }
};

/// Both groups on everywhere, no priority masked; every SPI goes to CPU 0.
struct GuestGicv2 : GuestGic<GuestGicv2> {
    Gicv2 gic;

    explicit GuestGicv2(const Gicv2Options& options = {}) : gic(options) {
        put(gicd::ctlr, 3);
        for (std::uint32_t intid = 32; intid < 32 + options.spis; intid += 4)
            put(gicd::itargetsr + intid, 0x0101'0101);
        for (unsigned cpu = 0; cpu < options.cpus; ++cpu) {
            put_cpu(gicc::pmr, 0xFF, cpu);
            put_cpu(gicc::ctlr, 3, cpu);
        }
    }

    void put(std::uint32_t offset, std::uint64_t value, unsigned cpu = 0, unsigned size = 4) {
        gic.write_distributor(cpu, offset, size, value);
    }
    std::uint64_t get(std::uint32_t offset, unsigned cpu = 0, unsigned size = 4) const {
        return gic.read_distributor(cpu, offset, size);
    }
    std::uint32_t bank(std::uint32_t offset, std::uint32_t, unsigned cpu) const {
        return static_cast<std::uint32_t>(get(offset, cpu));
    }
    void set_bank(std::uint32_t offset, std::uint32_t, std::uint32_t value, unsigned cpu) {
        put(offset, value, cpu);
    }
    void byte(std::uint32_t offset, std::uint32_t, std::uint8_t value, unsigned cpu) {
        put(offset, value, cpu, 1);
    }
    std::string put_cpu(std::uint32_t offset, std::uint64_t value, unsigned cpu = 0) {
        return text(gic.write_cpu_interface(cpu, offset, 4, value));
    }
    std::uint64_t get_cpu(std::uint32_t offset, unsigned cpu = 0) {
        return gic.read_cpu_interface(cpu, offset, 4);
    }

    void targets(std::uint32_t intid, std::uint8_t cpus) { put(gicd::itargetsr + intid, cpus, 0, 1); }
    std::uint64_t take(unsigned cpu = 0) { return get_cpu(gicc::iar, cpu); }
    std::string eoi(std::uint64_t what, unsigned cpu = 0) { return put_cpu(gicc::eoir, what, cpu); }
    std::string dir(std::uint64_t what, unsigned cpu = 0) { return put_cpu(gicc::dir, what, cpu); }
    std::uint64_t running(unsigned cpu = 0) { return get_cpu(gicc::rpr, cpu); }
};

/// Both groups on everywhere, no priority masked.
struct GuestGicv3 : GuestGic<GuestGicv3> {
    Gicv3 gic;

    explicit GuestGicv3(const Gicv3Options& options = {}) : gic(options) {
        put(gicd3::ctlr, 3);
        for (unsigned cpu = 0; cpu < gic.cpu_count(); ++cpu) {
            set(icc::pmr, 0xFF, cpu);
            set(icc::igrpen0, 1, cpu);
            set(icc::igrpen1, 1, cpu);
        }
    }
    /// CPUs with Aff0 from 0 up.
    static Gicv3Options cpus(unsigned count) {
        Gicv3Options options;
        options.cpus.clear();
        for (unsigned cpu = 0; cpu < count; ++cpu) options.cpus.push_back(cpu);
        return options;
    }

    void put(std::uint32_t offset, std::uint64_t value, unsigned size = 4) {
        gic.write_distributor(offset, size, value);
    }
    std::uint64_t get(std::uint32_t offset, unsigned size = 4) const {
        return gic.read_distributor(offset, size);
    }
    std::string put_redistributor(std::uint32_t offset, std::uint64_t value, unsigned cpu = 0,
                                  unsigned size = 4) {
        return text(gic.write_redistributor(cpu, offset, size, value));
    }
    std::uint64_t get_redistributor(std::uint32_t offset, unsigned cpu = 0, unsigned size = 4) const {
        return gic.read_redistributor(cpu, offset, size);
    }
    std::uint32_t bank(std::uint32_t offset, std::uint32_t intid, unsigned cpu) const {
        return static_cast<std::uint32_t>(intid < 32 ? get_redistributor(gicr::sgi_base + offset, cpu)
                                                     : get(offset));
    }
    void set_bank(std::uint32_t offset, std::uint32_t intid, std::uint32_t value, unsigned cpu) {
        if (intid < 32)
            put_redistributor(gicr::sgi_base + offset, value, cpu);
        else
            put(offset, value);
    }
    void byte(std::uint32_t offset, std::uint32_t intid, std::uint8_t value, unsigned cpu) {
        if (intid < 32)
            put_redistributor(gicr::sgi_base + offset, value, cpu, 1);
        else
            put(offset, value, 1);
    }

    std::string set(std::uint32_t number, std::uint64_t value, unsigned cpu = 0) {
        const auto effects = gic.write_sysreg(cpu, number, value);
        return effects ? text(*effects) : "undefined";
    }
    std::uint64_t reg(std::uint32_t number, unsigned cpu = 0) {
        const auto value = gic.read_sysreg(cpu, number);
        BOOST_REQUIRE(value.has_value());
        return *value;
    }

    void route(std::uint32_t intid, std::uint64_t value) { put(gicd3::irouter + 8 * (intid - 32), value, 8); }
    std::uint64_t take(unsigned cpu = 0) { return reg(icc::iar1, cpu); }
    std::uint64_t take0(unsigned cpu = 0) { return reg(icc::iar0, cpu); }
    std::string eoi(std::uint64_t what, unsigned cpu = 0) { return set(icc::eoir1, what, cpu); }
    std::string eoi0(std::uint64_t what, unsigned cpu = 0) { return set(icc::eoir0, what, cpu); }
    std::string dir(std::uint64_t what, unsigned cpu = 0) { return set(icc::dir, what, cpu); }
    std::uint64_t running(unsigned cpu = 0) { return reg(icc::rpr, cpu); }
};

}  // namespace irqbench::irqchip::arm64
