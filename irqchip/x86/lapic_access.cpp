#include <algorithm>
#include <array>
#include <limits>

#include "irqchip/x86/lapic.hpp"

// The register file: which accesses are allowed, and where they lead.
namespace irqbench::irqchip::x86 {

namespace {

constexpr std::uint8_t no_row = 0xFF;
constexpr std::uint32_t slots = 0x40;

/// Row of the table by offset / 16.
constexpr auto row_of_slot = [] {
    std::array<std::uint8_t, slots> rows{};
    for (std::uint8_t& row : rows) row = no_row;
    for (std::size_t i = 0; i < lapic_register_table.size(); ++i)
        rows[lapic_register_table[i].offset / 16U] = static_cast<std::uint8_t>(i);
    return rows;
}();

constexpr std::uint64_t low_bytes(unsigned size) {
    return size >= 8 ? std::numeric_limits<std::uint64_t>::max() : (std::uint64_t{1} << (8 * size)) - 1;
}

constexpr std::uint32_t low_half(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

}  // namespace

std::optional<LocalApic::Lvt> LocalApic::lvt_at(std::uint16_t offset) {
    switch (offset) {
        case lapic::lvt_cmci: return cmci;
        case lapic::lvt_timer: return timer;
        case lapic::lvt_thermal: return thermal;
        case lapic::lvt_perf: return performance;
        case lapic::lvt_lint0: return lint0;
        case lapic::lvt_lint1: return lint1;
        case lapic::lvt_error: return error;
        default: return std::nullopt;
    }
}

const LapicRegister* LocalApic::find(std::uint32_t offset) const {
    const std::uint32_t slot = offset / 16;
    if (slot >= slots || row_of_slot[slot] == no_row) return nullptr;
    if (slot == lapic::lvt_cmci / 16U && !options_.cmci) return nullptr;
    return &lapic_register_table[row_of_slot[slot]];
}

std::uint64_t LocalApic::missing_bits(const LapicRegister& row) const {
    if (row.offset == lapic::svr && !options_.eoi_suppression) return Svr::suppress_eoi_broadcast.mask;
    if (row.offset == lapic::lvt_timer && !options_.tsc_deadline) return std::uint64_t{1} << 18;
    return 0;
}

std::uint64_t LocalApic::read(std::uint32_t offset, unsigned size, LapicTime now) {
    if (mode() != ApicMode::xapic) return low_bytes(size);
    const LapicRegister* row = find(offset);
    if (row == nullptr || !row->xapic) {
        log(Esr{}.with(Esr::illegal_register, true));
        return 0;
    }
    const std::uint32_t part = offset % 16;
    if (size > 4 || part + size > 4 || row->xapic->access == Access::write_only) return 0;
    return value_of(*row, now) >> (8 * part) & low_bytes(size);
}

Effects LocalApic::write(std::uint32_t offset, unsigned size, std::uint64_t value, LapicTime now) {
    if (mode() != ApicMode::xapic) return {};
    const LapicRegister* row = find(offset);
    if (row == nullptr || !row->xapic) {
        // Table 11-1, note 1: a write to the remote read register of former processors is no error.
        if (offset / 16 != lapic::remote_read / 16U) log(Esr{}.with(Esr::illegal_register, true));
        return {};
    }
    if (offset % 16 != 0 || size != 4 || row->xapic->access == Access::read_only) return {};
    return write_register(*row, low_half(value), row->xapic->writable & ~missing_bits(*row), now);
}

bool LocalApic::owns_msr(std::uint32_t index) {
    return index == msr::apic_base || index == msr::tsc_deadline ||
           (index >= msr::x2apic && index < msr::x2apic_end);
}

std::optional<std::uint64_t> LocalApic::read_msr(std::uint32_t index, LapicTime now) const {
    if (!owns_msr(index)) return std::nullopt;
    if (index == msr::apic_base) return base_.raw();
    if (index == msr::tsc_deadline) {
        if (!options_.tsc_deadline) return std::nullopt;
        return timer_.tsc_deadline(now.tsc);
    }
    if (mode() != ApicMode::x2apic) return std::nullopt;
    const LapicRegister* row = find((index - msr::x2apic) * 16);
    if (row == nullptr || !row->x2apic || row->x2apic->access == Access::write_only) return std::nullopt;
    return value_of(*row, now);
}

std::optional<Effects> LocalApic::write_msr(std::uint32_t index, std::uint64_t value, LapicTime now) {
    if (!owns_msr(index)) return std::nullopt;
    if (index == msr::apic_base) return write_base(value);
    if (index == msr::tsc_deadline) return write_tsc_deadline(value, now);
    if (mode() != ApicMode::x2apic) return std::nullopt;
    const LapicRegister* row = find((index - msr::x2apic) * 16);
    if (row == nullptr || !row->x2apic || row->x2apic->access == Access::read_only) return std::nullopt;
    if ((value & (row->x2apic_reserved | missing_bits(*row))) != 0) return std::nullopt;
    return write_register(*row, value, row->x2apic->writable, now);
}

std::uint32_t LocalApic::version() const {
    LapicVersion version;
    version.set(version.eoi_suppression, options_.eoi_suppression);
    version.set(version.maximum_lvt, static_cast<std::uint8_t>(options_.cmci ? 6 : 5));
    return version.raw();
}

std::uint32_t LocalApic::ldr() const {
    if (mode() != ApicMode::x2apic) return ldr_.raw();
    X2apicLdr ldr;
    ldr.set(ldr.cluster, static_cast<std::uint16_t>(x2apic_id_ >> 4));
    ldr.set(ldr.members, static_cast<std::uint16_t>(1U << (x2apic_id_ & 0xF)));
    return ldr.raw();
}

std::uint64_t LocalApic::value_of(const LapicRegister& row, LapicTime now) const {
    if (const auto which = lvt_at(row.offset)) return lvt_[*which].raw();
    if (row.offset >= lapic::isr && row.offset < lapic::esr) {
        const VectorSet& set = row.offset < lapic::tmr ? isr_ : row.offset < lapic::irr ? tmr_ : irr_;
        return set.register_word(row.offset / 16U % 8);
    }
    switch (row.offset) {
        case lapic::id: return mode() == ApicMode::x2apic ? x2apic_id_ : id_.raw();
        case lapic::version: return version();
        case lapic::tpr: return tpr_.raw();
        case lapic::apr: return apr();
        case lapic::ppr: return ppr();
        case lapic::ldr: return ldr();
        case lapic::dfr: return dfr_.raw();
        case lapic::svr: return svr_.raw();
        case lapic::esr: return esr_.raw();
        case lapic::icr: return mode() == ApicMode::x2apic ? icr_.raw() : low_half(icr_.raw());
        case lapic::icr_high: return icr_.get(icr_.destination);
        case lapic::timer_initial: return timer_.initial();
        case lapic::timer_current: return timer_.current(now.bus);
        case lapic::timer_divide: return timer_.divide();
        default: return 0;
    }
}

std::optional<std::uint32_t> LocalApic::peek(std::uint32_t offset, LapicTime now) const {
    const LapicRegister* row = find(offset);
    if (row == nullptr || !row->xapic || offset % 16 != 0) return std::nullopt;
    return low_half(value_of(*row, now));
}

Effects LocalApic::write_register(const LapicRegister& row, std::uint64_t value, std::uint64_t writable,
                                  LapicTime now) {
    const std::uint32_t word = low_half(value);
    if (const auto which = lvt_at(row.offset)) return write_lvt(*which, word, low_half(writable), now);
    switch (row.offset) {
        case lapic::id: id_.write(word); break;
        case lapic::tpr: tpr_.write(word); break;
        case lapic::eoi: return eoi();
        case lapic::ldr: ldr_.write(word); break;
        case lapic::dfr: dfr_.write(word); break;
        case lapic::svr: return write_svr(low_half(value & writable), now);
        case lapic::esr: latch_errors(); break;
        case lapic::icr:
            // The lower half of an xAPIC's ICR leaves the destination alone.
            icr_.write(value, writable);
            return send(icr_);
        case lapic::icr_high: icr_.write(std::uint64_t{word} << 32, writable << 32); break;
        case lapic::timer_initial: return change_timer(now, [&] { timer_.set_initial(word, now.bus); });
        case lapic::timer_divide: return change_timer(now, [&] { timer_.set_divide(word, now.bus); });
        case lapic::self_ipi: return self_ipi(SelfIpi{word}.get(SelfIpi::vector));
        default: break;
    }
    return {};
}

}  // namespace irqbench::irqchip::x86
