#include "irqchip/x86/lapic.hpp"

#include <algorithm>
#include <cassert>

// State as a whole: reset, IA32_APIC_BASE, priorities and what the CPU sees. Register accesses are in
// lapic_access.cpp, interrupts that arrive in lapic_delivery.cpp, interrupts that leave in lapic_ipi.cpp.
namespace irqbench::irqchip::x86 {

namespace {

constexpr unsigned class_of(unsigned priority) { return priority >> 4; }

}  // namespace

LocalApic::LocalApic(std::uint32_t id, bool bootstrap, LapicOptions options)
    : options_(options), x2apic_id_(id), bootstrap_(bootstrap) {
    assert(options.physical_address_bits > 32 && options.physical_address_bits <= 52);
    static_cast<void>(reset());
}

Effects LocalApic::reset() {
    base_ = ApicBase{}.with(ApicBase::bootstrap, bootstrap_);
    id_ = LapicId{}.with(LapicId::id, static_cast<std::uint8_t>(x2apic_id_));
    return initialize();
}

Effects LocalApic::init() { return initialize(); }

Effects LocalApic::initialize() {
    Effects effects;
    if (awaited()) effects.add(DisarmTimer{});
    tpr_ = {};
    ldr_ = {};
    dfr_ = {};
    svr_ = {};
    irr_ = {};
    isr_ = {};
    tmr_ = {};
    esr_ = {};
    errors_ = {};
    icr_ = {};
    lvt_ = {};
    ext_int_latched_ = false;
    timer_ = {};
    return effects;
}

std::optional<std::uint64_t> LocalApic::mmio_base() const {
    if (mode() != ApicMode::xapic) return std::nullopt;
    return base_.get(base_.page) << 12;
}

std::optional<Effects> LocalApic::write_base(std::uint64_t value) {
    const std::uint64_t address_mask = (std::uint64_t{1} << options_.physical_address_bits) - 1;
    const std::uint64_t extended = options_.x2apic ? 0 : ApicBase::extended.mask;
    if ((value & ~(ApicBase::writable_mask() & address_mask & ~extended)) != 0) return std::nullopt;

    ApicBase next = base_;
    next.write(value);
    const ApicMode from = mode();
    const ApicMode to = mode_of(next);
    // 11.12.5, figure 11-27: into x2APIC mode from xAPIC mode only, and out of it into the disabled state
    // only.
    if (to == ApicMode::disabled && next.get(next.extended)) return std::nullopt;
    if (from == ApicMode::disabled && to == ApicMode::x2apic) return std::nullopt;
    if (from == ApicMode::x2apic && to == ApicMode::xapic) return std::nullopt;
    base_ = next;
    if (from == to) return Effects{};

    Effects effects;
    // The xAPIC id the guest chose, LDR and the upper half of ICR do not survive x2APIC mode (11.12.5.1), nor
    // does anything else survive its end.
    id_ = LapicId{}.with(LapicId::id, static_cast<std::uint8_t>(x2apic_id_));
    if (to == ApicMode::x2apic) {
        ldr_ = {};
        icr_.set(icr_.destination, 0U);
    } else if (from == ApicMode::x2apic) {
        effects = initialize();
    } else if (to == ApicMode::disabled) {
        if (awaited()) effects.add(DisarmTimer{});
        timer_.stop();
        ext_int_latched_ = false;
    } else {
        for (unsigned pin = 0; pin < lint_count; ++pin) evaluate_lint(pin);
    }
    return effects;
}

std::uint8_t LocalApic::ppr() const {
    const unsigned in_service = isr_.highest().value_or(0);
    // 11.8.3.1 leaves open what bits 3:0 are if both classes are equal; as in KVM they are those of TPR.
    return static_cast<std::uint8_t>(class_of(tpr()) >= class_of(in_service) ? tpr() : in_service & 0xF0);
}

std::uint8_t LocalApic::apr() const {
    // The manual's "TPR[7:4] AND ISRV[7:4]" is read as a list of which the highest counts, not as a bit
    // operation.
    const unsigned requested = class_of(irr_.highest().value_or(0));
    const unsigned in_service = class_of(isr_.highest().value_or(0));
    const unsigned task = class_of(tpr());
    if (task >= requested && task > in_service) return tpr();
    return static_cast<std::uint8_t>(std::max({task, in_service, requested}) << 4);
}

std::optional<std::uint8_t> LocalApic::pending() const {
    if (mode() == ApicMode::disabled) return std::nullopt;
    const auto vector = irr_.highest();
    if (!vector || class_of(*vector) <= class_of(ppr())) return std::nullopt;
    return vector;
}

std::uint8_t LocalApic::acknowledge() {
    const auto vector = pending();
    if (!vector) return svr_.get(svr_.vector);
    irr_.clear(*vector);
    isr_.set(*vector);
    return *vector;
}

bool LocalApic::ext_int() const {
    if (mode() == ApicMode::disabled) return lints_[0];
    if (ext_int_latched_) return true;
    for (const Lvt which : {lint0, lint1}) {
        const LvtEntry& entry = lvt_[which];
        if (lints_[which - lint0] && !entry.get(entry.masked) &&
            entry.get(entry.delivery_mode) == DeliveryMode::ext_int)
            return true;
    }
    return false;
}

void LocalApic::set_cr8(std::uint8_t priority_class) {
    tpr_.set(tpr_.priority, static_cast<std::uint8_t>(priority_class << 4));
}

std::vector<NamedValue> LocalApic::fields(LapicTime now) const {
    std::vector<NamedValue> values;
    for (const LapicRegister& row : lapic_registers) {
        const std::uint64_t value = row.offset == lapic::id ? id() : peek(row.offset, now).value_or(0);
        values.push_back({row.name, value});
    }
    return values;
}

}  // namespace irqbench::irqchip::x86
