#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

// A second GIC, of both versions, written down from the manuals without regard to speed: an object per
// interrupt, and a look at all of them for every question. 5 priority bits.
namespace irqbench::irqchip::arm64 {

struct NaiveGic {
    struct Interrupt {
        bool enabled = false, latch = false, active = false, group1 = false, edge = false, line = false;
        unsigned priority = 0;
        std::set<unsigned> sources;  ///< GICv2 SGIs
        std::set<unsigned> cpus;     ///< GICv2 SPIs
        unsigned affinity = 0;       ///< GICv3 SPIs
        bool any = false;

        bool pending() const { return latch || !sources.empty() || (!edge && line); }
    };
    struct Cpu {
        unsigned affinity = 0, pmr = 0, bpr0 = 2, bpr1 = 3;
        bool group0 = false, group1 = false, common = false, split_eoi = false;
        bool ack_group1 = false, fiq = false;        // GICv2
        bool stay_out0 = false, stay_out1 = false;   // GICv3
        std::set<std::pair<unsigned, int>> running;  ///< active priority, group
        std::optional<std::pair<unsigned, unsigned>> lpi;
        bool lpis = false;
        std::vector<Interrupt> own = std::vector<Interrupt>(32);
    };

    bool v2;
    bool dist0 = false, dist1 = false;
    std::vector<Cpu> cpus;
    std::vector<Interrupt> spis;

    NaiveGic(bool version2, unsigned cpu_count, unsigned spi_count)
        : v2(version2), cpus(cpu_count), spis(spi_count) {
        for (Cpu& cpu : cpus) {
            for (unsigned i = 0; i < 32; ++i) {
                cpu.own[i].edge = cpu.own[i].enabled = i < 16;
                cpu.own[i].group1 = !v2;
            }
        }
        for (Interrupt& spi : spis) spi.group1 = !v2;
    }

    bool exists(unsigned intid) const { return intid < 32 + spis.size(); }
    Interrupt& at(unsigned cpu, unsigned intid) {
        return intid < 32 ? cpus[cpu].own[intid] : spis[intid - 32];
    }

    void set_line(unsigned cpu, unsigned intid, bool level) {
        Interrupt& irq = at(cpu, intid);
        if (irq.edge && level && !irq.line) irq.latch = true;
        irq.line = level;
    }

    /// The CPU that takes the 1 of N interrupts of a group; -1 for none.
    int chosen(bool group1) const {
        for (unsigned i = 0; i < cpus.size(); ++i) {
            const Cpu& cpu = cpus[i];
            if (group1 ? cpu.group1 && !cpu.stay_out1 : cpu.group0 && !cpu.stay_out0)
                return static_cast<int>(i);
        }
        return -1;
    }
    bool reaches(const Interrupt& irq, unsigned cpu, unsigned intid) const {
        if (intid < 32) return true;
        if (v2) return irq.cpus.count(cpu) != 0;
        if (irq.any) return chosen(irq.group1) == static_cast<int>(cpu);
        return irq.affinity == cpus[cpu].affinity;
    }

    struct Found {
        unsigned intid = 1023, priority = 256;
        bool group1 = false;
    };
    /// The highest priority pending interrupt of enabled groups.
    Found highest(unsigned cpu) {
        Found best;
        const Cpu& its = cpus[cpu];
        for (unsigned intid = 0; exists(intid); ++intid) {
            const Interrupt& irq = at(cpu, intid);
            if (!irq.enabled || !irq.pending() || irq.active || !reaches(irq, cpu, intid)) continue;
            if (irq.group1 ? !dist1 || !its.group1 : !dist0 || !its.group0) continue;
            if (irq.priority < best.priority) best = {intid, irq.priority, irq.group1};
        }
        if (its.lpi && its.lpis && dist1 && its.group1 && its.lpi->second < best.priority)
            best = {its.lpi->first, its.lpi->second, true};
        return best;
    }
    unsigned preempting_part(unsigned cpu, unsigned priority, bool group1) const {
        const Cpu& its = cpus[cpu];
        const unsigned subpriority_bits = group1 && !its.common ? its.bpr1 : its.bpr0 + 1;
        return priority >> subpriority_bits << subpriority_bits;
    }
    unsigned running(unsigned cpu) const {
        return cpus[cpu].running.empty() ? 0xFF : cpus[cpu].running.begin()->first;
    }
    Found signalled(unsigned cpu) {
        const Found best = highest(cpu);
        if (best.intid == 1023 || best.priority >= cpus[cpu].pmr) return {};
        const unsigned active = running(cpu);
        if (active != 0xFF &&
            preempting_part(cpu, best.priority, best.group1) >= preempting_part(cpu, active, best.group1))
            return {};
        return best;
    }
    std::string output(unsigned cpu) {
        const Found found = signalled(cpu);
        if (found.intid == 1023) return "";
        if (v2) return !found.group1 && cpus[cpu].fiq ? "fiq" : "irq";
        return found.group1 ? "irq" : "fiq";
    }

    /// What the IAR or HPPIR of a group shows of an interrupt.
    unsigned shown(unsigned cpu, const Found& found, bool group1) {
        if (found.intid == 1023) return 1023;
        if (v2) {
            if (group1 && !found.group1) return 1023;
            if (!group1 && found.group1 && !cpus[cpu].ack_group1) return 1022;
        } else if (found.group1 != group1) {
            return 1023;
        }
        const auto& sources = found.intid < 32 ? at(cpu, found.intid).sources : std::set<unsigned>{};
        return found.intid | (sources.empty() ? 0 : *sources.begin() << 10);
    }
    unsigned acknowledge(unsigned cpu, bool group1) {
        const Found found = signalled(cpu);
        const unsigned value = shown(cpu, found, group1);
        if (value == 1023 || value == 1022) return value;
        cpus[cpu].running.insert({preempting_part(cpu, found.priority, found.group1), found.group1});
        if (found.intid >= 8192) {
            cpus[cpu].lpi.reset();
            return value;
        }
        Interrupt& irq = at(cpu, found.intid);
        irq.active = true;
        irq.latch = false;
        if (!irq.sources.empty()) irq.sources.erase(irq.sources.begin());
        return value;
    }

    std::string deactivate(unsigned cpu, unsigned intid) {
        if (!exists(intid) || !at(cpu, intid).active) return "nothing";
        at(cpu, intid).active = false;
        const bool told = intid >= 32 && !at(cpu, intid).edge;
        return told ? "eoi of spi " + std::to_string(intid) : "nothing";
    }
    std::string eoi(unsigned cpu, unsigned intid, bool group1) {
        if (intid >= 1020 && intid <= 1023) return "nothing";
        Cpu& its = cpus[cpu];
        const unsigned dropped = running(cpu);
        if (dropped != 0xFF && its.running.erase({dropped, 1}) == 0) its.running.erase({dropped, 0});
        if (its.split_eoi) return "nothing";
        if (v2) return deactivate(cpu, intid);
        if (dropped == 0xFF || !exists(intid)) return "nothing";
        const Interrupt& irq = at(cpu, intid);
        const bool its_own = preempting_part(cpu, irq.priority, group1) == dropped;
        return irq.group1 == group1 && its_own ? deactivate(cpu, intid) : "nothing";
    }
    std::string dir(unsigned cpu, unsigned intid) {
        return cpus[cpu].split_eoi ? deactivate(cpu, intid) : "nothing";
    }

    std::uint32_t active_word(unsigned cpu, int group) const {
        std::uint32_t word = 0;
        for (const auto& [priority, of_group] : cpus[cpu].running)
            if (of_group == group) word |= 1U << priority / 8;
        return word;
    }
    void set_active_word(unsigned cpu, int group, std::uint32_t value) {
        for (unsigned level = 0; level < 32; ++level) {
            if ((value >> level & 1) != 0)
                cpus[cpu].running.insert({8 * level, group});
            else
                cpus[cpu].running.erase({8 * level, group});
        }
    }

    /// A write to the register at `offset` of those with a field per INTID, field by field.
    void write_fields(unsigned cpu, unsigned offset, std::uint32_t value, unsigned bytes) {
        if (offset < 0x400) {
            for (unsigned i = 0; i < 32; ++i) {
                const unsigned intid = offset % 0x80 / 4 * 32 + i;
                if (exists(intid)) write_bit(at(cpu, intid), intid, offset / 0x80, (value >> i & 1) != 0);
            }
        } else if (offset < 0x800) {
            for (unsigned i = 0; i < bytes; ++i)
                if (const unsigned intid = offset - 0x400 + i; exists(intid))
                    at(cpu, intid).priority = value >> 8 * i & 0xF8;
        } else if (offset < 0xC00) {
            for (unsigned i = 0; i < bytes; ++i) {
                const unsigned intid = offset - 0x800 + i;
                if (intid < 32 || !exists(intid)) continue;
                at(cpu, intid).cpus.clear();
                for (unsigned target = 0; target < cpus.size(); ++target)
                    if ((value >> (8 * i + target) & 1) != 0) at(cpu, intid).cpus.insert(target);
            }
        } else {
            for (unsigned i = 0; i < 16; ++i) {
                const unsigned intid = (offset - 0xC00) * 4 + i;
                if (intid >= 32 && exists(intid)) at(cpu, intid).edge = (value >> (2 * i + 1) & 1) != 0;
            }
        }
    }
    void write_bit(Interrupt& irq, unsigned intid, unsigned registers, bool bit) const {
        switch (registers) {
            case 1: irq.group1 = bit; return;
            case 2: irq.enabled = irq.enabled || bit; return;
            case 3: irq.enabled = irq.enabled && !bit; return;
            case 4:
            case 5:
                if (bit && !(v2 && intid < 16)) irq.latch = registers == 4;
                return;
            case 6: irq.active = irq.active || bit; return;
            default: irq.active = irq.active && !bit; return;
        }
    }
    std::uint32_t read_fields(unsigned cpu, unsigned offset) {
        std::uint32_t value = 0;
        if (offset < 0x400) {
            for (unsigned i = 0; i < 32; ++i) {
                const unsigned intid = offset % 0x80 / 4 * 32 + i;
                if (!exists(intid)) continue;
                const Interrupt& irq = at(cpu, intid);
                const unsigned what = offset / 0x80;
                const bool bit = what == 1  ? irq.group1
                                 : what < 4 ? irq.enabled
                                 : what < 6 ? irq.pending()
                                            : irq.active;
                if (bit) value |= 1U << i;
            }
        } else if (offset < 0x800) {
            for (unsigned i = 0; i < 4; ++i)
                if (exists(offset - 0x400 + i)) value |= at(cpu, offset - 0x400 + i).priority << 8 * i;
        } else if (offset < 0xC00) {
            for (unsigned i = 0; i < 4; ++i) {
                const unsigned intid = offset - 0x800 + i;
                if (!exists(intid)) continue;
                if (intid < 32)
                    value |= 1U << (8 * i + cpu);
                else
                    for (const unsigned target : at(cpu, intid).cpus) value |= 1U << (8 * i + target);
            }
        } else {
            for (unsigned i = 0; i < 16; ++i) {
                const unsigned intid = (offset - 0xC00) * 4 + i;
                if (exists(intid) && at(cpu, intid).edge) value |= 2U << 2 * i;
            }
        }
        return value;
    }

    /// GICD_SGIR: filter and list as written.
    void send_v2(unsigned cpu, unsigned filter, unsigned list, unsigned intid) {
        for (unsigned target = 0; target < cpus.size(); ++target) {
            const bool named = filter == 0   ? (list >> target & 1) != 0
                               : filter == 1 ? target != cpu
                                             : filter == 2 && target == cpu;
            if (named) at(target, intid).sources.insert(cpu);
        }
    }
    /// ICC_SGI1R, or ICC_SGI0R and ICC_ASGI1R without `both`.
    void send_v3(unsigned cpu, std::uint64_t value, bool both) {
        const auto intid = static_cast<unsigned>(value >> 24 & 15);
        for (unsigned target = 0; target < cpus.size(); ++target) {
            const unsigned affinity = cpus[target].affinity;
            bool named = target != cpu;
            if ((value >> 40 & 1) == 0) {
                named = (affinity & 0xFF) < 16 && (value >> (affinity & 0xFF) & 1) != 0 &&
                        (affinity >> 8 & 0xFF) == (value >> 16 & 0xFF) &&
                        (affinity >> 16 & 0xFF) == (value >> 32 & 0xFF) &&
                        affinity >> 24 == (value >> 48 & 0xFF);
            }
            if (named && (both || !at(target, intid).group1)) at(target, intid).latch = true;
        }
    }
};

}  // namespace irqbench::irqchip::arm64
