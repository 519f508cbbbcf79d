#include <fmt/format.h>

#include "tools/import/storyteller.hpp"

namespace irqbench::importing {

namespace {

struct KeptRegister {
    std::uint32_t offset;
    const char* name;
};
/// Those of the LAPIC that are written again as they are. EOI and ICR have events of their own.
constexpr KeptRegister kept[] = {
    {0xd0, "ldr"},        {0xe0, "dfr"},          {0xf0, "svr"},
    {0x280, "esr"},       {0x330, "lvt_thermal"}, {0x340, "lvt_perf"},
    {0x350, "lvt_lint0"}, {0x360, "lvt_lint1"},   {0x370, "lvt_error"},
};

}  // namespace

void Storyteller::lapic_write(const Event& event, ThreadState& thread) {
    constexpr std::uint32_t tpr = 0x80;
    constexpr std::uint32_t ldr = 0xd0;
    constexpr std::uint32_t dfr = 0xe0;
    constexpr std::uint32_t lint0 = 0x350;
    constexpr std::uint32_t timer = 0x320;
    Lapic& lapic = lapics_[static_cast<std::size_t>(thread.vcpu)];
    const auto value = static_cast<std::uint32_t>(event.value);
    switch (event.a) {
        case tpr:
            thread.cause = act(event, thread.vcpu, value_step("tpr", thread.vcpu, value & 0xff), false);
            return;
        case timer: lapic.timer_vector = value & 0xff; [[fallthrough]];
        case 0x380:  // the initial count
        case 0x3e0:  // and what divides it
            ++timer_writes_;
            return;
        default: break;
    }
    for (const KeptRegister& each : kept) {
        if (each.offset != event.a) continue;
        if (lapic.is_x2apic && (event.a == ldr || event.a == dfr)) return;  // which faulted
        thread.cause = act(event, thread.vcpu, lapic_step(thread.vcpu, each.name, value), false);
        if (event.a == ldr) lapic.logical_id_known = true;
        if (event.a == lint0) {
            lapic.lint0_known = true;
            story_.happenings.back().is_global = true;
            pic_causes_.fill(thread.cause);
        }
    }
}

void Storyteller::ioapic_write(const Event& event, ThreadState& thread) {
    constexpr std::uint32_t eoir = 0x40;
    constexpr std::uint32_t first_entry = 0x10;
    const auto offset = static_cast<std::uint32_t>(event.value & 0xff);
    if (offset == 0) ioapic_index_ = event.b & 0xff;
    if (offset == eoir)
        thread.cause = act(event, thread.vcpu,
                           fmt::format(R"({{ "eoir": {{ "vector": "0x{:02x}", "vcpu": {} }} }})",
                                       event.b & 0xff, thread.vcpu),
                           true);
    if (offset != 0x10 || ioapic_index_ < first_entry) return;
    const std::uint32_t pin = (ioapic_index_ - first_entry) / 2;
    if (pin >= ioapic_pins) return;
    Entry& entry = entries_[pin];
    const bool is_high = ioapic_index_ % 2 != 0;
    const std::uint64_t before = entry.value;
    entry.value = is_high ? (entry.value & UINT32_MAX) | std::uint64_t{event.b} << 32
                          : (entry.value & ~std::uint64_t{UINT32_MAX}) | event.b;
    constexpr std::uint64_t masked = 1 << 16;
    constexpr std::uint64_t read_only = 1 << 12 | 1 << 14;
    const bool changes_mask = entry.is_known && ((before ^ entry.value) & ~read_only) == masked;
    entry.is_known = entry.is_known || !is_high;
    thread.cause = act(event, thread.vcpu,
                       changes_mask ? pin_step((event.b & masked) != 0 ? "mask" : "unmask", thread.vcpu, pin)
                                    : ioapic_write_step(thread.vcpu, ioapic_index_, event.b),
                       true);
}

/// The vectors' base is in the second word of an initialisation.
void Storyteller::port_write(const Event& event, ThreadState& thread) {
    constexpr std::uint32_t slave = 0xa0;
    constexpr std::uint32_t elcr = 0x4d0;
    if (event.a == 0x40 || event.a == 0x43) {
        ++timer_writes_;
        return;
    }
    const std::size_t chip = (event.a & slave) == slave ? 1 : 0;
    const std::uint32_t value = event.b & 0xff;
    if (event.a < elcr) {
        const bool is_first_word = (event.a & 1) == 0 && (value & 0x10) != 0;
        if (is_first_word) {
            pic_awaits_base_[chip] = true;
        } else if ((event.a & 1) != 0 && pic_awaits_base_[chip]) {
            pic_awaits_base_[chip] = false;
            pic_base_[chip] = value & 0xf8;
        }
    }
    thread.cause = act(event, thread.vcpu, port_write_step(thread.vcpu, event.a, value), true);
    // The slave asks through the master.
    pic_causes_[1] = thread.cause;
    if (chip == 0) pic_causes_[0] = thread.cause;
}

void Storyteller::msr_write(const Event& event, ThreadState& thread) {
    constexpr std::uint32_t apic_base = 0x1b;
    constexpr std::uint64_t x2apic_enabled = 1 << 10;
    Lapic& lapic = lapics_[static_cast<std::size_t>(thread.vcpu)];
    if (event.a != apic_base) {
        ++timer_writes_;
        return;
    }
    if ((event.value & x2apic_enabled) == 0 || lapic.is_x2apic) return;
    lapic.is_x2apic = true;
    act(event, thread.vcpu, vcpu_step("x2apic", thread.vcpu), false);
}

}  // namespace irqbench::importing
