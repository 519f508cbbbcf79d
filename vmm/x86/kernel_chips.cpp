#include "vmm/x86/kernel_chips.hpp"

#include <algorithm>
#include <cstring>

#include "irqchip/x86/lapic.hpp"
#include "irqchip/x86/pit.hpp"
#include "routing/board.hpp"
#include "vmm/x86/cpu_facts.hpp"

namespace irqbench::vmm::x86 {

using irqchip::x86::I8259AState;
using irqchip::x86::IoApicState;
using irqchip::x86::LapicState;
using irqchip::x86::PitAccess;
using irqchip::x86::PitChannel;
using irqchip::x86::PitChannelState;
using irqchip::x86::PitControl;
using irqchip::x86::PitState;
namespace lapic = irqchip::x86::lapic;

namespace {

/// arch/x86/kvm/i8254.h, RW_STATE_WORD1: the second of two bytes comes next.
constexpr std::uint8_t second_byte = 4;
constexpr std::uint8_t never_programmed = 0xff;

void* place(kvm_lapic_state& page, std::size_t index) { return page.regs + 16 * index; }

bool is_x2apic(const LapicState& state) { return (state.apic_base & apic_base_x2apic) != 0; }

/// How far a counter has come that KVM loaded at some time. KVM's has its count at once.
PitChannelState after(const kvm_pit_channel_state& kernel, std::chrono::nanoseconds now) {
    PitChannel channel(kernel.gate != 0);
    if (kernel.mode == never_programmed) return channel.state();
    channel = PitChannel(true);
    PitControl control;
    control = control.with(PitControl::access, PitAccess::low_then_high)
                  .with(PitControl::mode, static_cast<std::uint8_t>(std::min<unsigned>(kernel.mode, 5)))
                  .with(PitControl::bcd, kernel.bcd != 0);
    channel.program(control);
    channel.write(static_cast<std::uint8_t>(kernel.count));
    channel.write(static_cast<std::uint8_t>(kernel.count >> 8));
    const auto elapsed =
        std::max(now - std::chrono::nanoseconds(kernel.count_load_time), std::chrono::nanoseconds::zero());
    constexpr std::uint64_t second = 1'000'000'000;
    const auto ns = static_cast<std::uint64_t>(elapsed.count());
    constexpr std::uint64_t hz = irqchip::x86::Pit::clock_hz;
    (void)channel.run(1 + ns / second * hz + ns % second * hz / second);
    PitChannelState state = channel.state();
    state.gate = kernel.gate != 0;
    return state;
}

}  // namespace

LapicState saved(const kvm_lapic_state& page, std::uint64_t apic_base, std::uint64_t tsc_deadline,
                 std::uint32_t id) {
    LapicState state;
    for (std::size_t i = 0; i < state.registers.size(); ++i)
        std::memcpy(&state.registers[i], page.regs + 16 * i, sizeof state.registers[i]);
    state.apic_base = apic_base;
    state.tsc_deadline = tsc_deadline;
    if (is_x2apic(state)) state.at(lapic::id) = id;
    return state;
}

kvm_lapic_state kernel_form(const LapicState& saved, std::uint32_t id, bool wide_ids) {
    LapicState state = saved;
    // Without KVM_CAP_X2APIC_API the register has an xAPIC's form also in x2APIC mode.
    if (is_x2apic(state)) state.at(lapic::id) = wide_ids ? id : id << 24;
    kvm_lapic_state page{};
    for (std::size_t i = 0; i < state.registers.size(); ++i)
        std::memcpy(place(page, i), &state.registers[i], sizeof state.registers[i]);
    return page;
}

I8259AState saved(const kvm_pic_state& pic) {
    I8259AState state;
    state.latched = static_cast<std::uint8_t>(pic.irr & ~pic.elcr);
    state.isr = pic.isr;
    state.imr = pic.imr;
    state.elcr = pic.elcr;
    state.base = pic.irq_base;
    state.lowest_priority = (pic.priority_add + 7U) & 7U;
    state.init_step = pic.init_state;
    state.needs_icw4 = pic.init4 != 0;
    state.auto_eoi = pic.auto_eoi != 0;
    state.rotate_on_auto_eoi = pic.rotate_on_auto_eoi != 0;
    state.special_mask = pic.special_mask != 0;
    state.special_fully_nested = pic.special_fully_nested_mode != 0;
    state.poll = pic.poll != 0;
    state.reads_isr = pic.read_reg_select != 0;
    return state;
}

kvm_pic_state kernel_form(const I8259AState& saved, std::uint8_t elcr_mask) {
    kvm_pic_state pic{};
    for (unsigned irq = 0; irq < saved.drivers.size(); ++irq)
        if (saved.drivers[irq] != 0) pic.last_irr |= static_cast<std::uint8_t>(1U << irq);
    pic.elcr = saved.elcr & elcr_mask;
    pic.elcr_mask = elcr_mask;
    pic.irr = static_cast<std::uint8_t>((saved.latched & ~pic.elcr) | (pic.last_irr & pic.elcr));
    pic.isr = saved.isr;
    pic.imr = saved.imr;
    pic.irq_base = saved.base;
    pic.priority_add = (saved.lowest_priority + 1U) & 7U;
    pic.init_state = saved.init_step;
    pic.init4 = saved.needs_icw4;
    pic.auto_eoi = saved.auto_eoi;
    pic.rotate_on_auto_eoi = saved.rotate_on_auto_eoi;
    pic.special_mask = saved.special_mask;
    pic.special_fully_nested_mode = saved.special_fully_nested;
    pic.poll = saved.poll;
    pic.read_reg_select = saved.reads_isr;
    return pic;
}

IoApicState saved(const kvm_ioapic_state& ioapic) {
    IoApicState state;
    state.select = static_cast<std::uint8_t>(ioapic.ioregsel);
    state.id = (ioapic.id & 0xf) << 24;
    state.irr = ioapic.irr;
    for (std::size_t pin = 0; pin < state.entries.size(); ++pin)
        state.entries[pin] = ioapic.redirtbl[pin].bits;
    return state;
}

kvm_ioapic_state kernel_form(const IoApicState& saved) {
    kvm_ioapic_state ioapic{};
    ioapic.base_address = routing::x86::Board::ioapic_address;
    ioapic.ioregsel = saved.select;
    ioapic.id = saved.id >> 24 & 0xf;
    ioapic.irr = saved.irr;
    for (std::size_t pin = 0; pin < saved.entries.size(); ++pin)
        ioapic.redirtbl[pin].bits = saved.entries[pin];
    return ioapic;
}

PitState saved(const kvm_pit_state2& pit, std::chrono::nanoseconds now) {
    PitState state;
    for (std::size_t i = 0; i < state.channels.size(); ++i) {
        const kvm_pit_channel_state& kernel = pit.channels[i];
        PitChannelState& channel = state.channels[i];
        channel = after(kernel, now);
        if (kernel.rw_mode >= 1 && kernel.rw_mode <= 3)
            channel.access = static_cast<PitAccess>(kernel.rw_mode);
        if (kernel.write_state == second_byte) channel.low_byte = kernel.write_latch;
        channel.low_was_read = kernel.read_state == second_byte;
        if (kernel.count_latched != 0) channel.latched_count = kernel.latched_count;
        channel.latched_low_was_read = kernel.count_latched == second_byte;
        if (kernel.status_latched != 0) channel.latched_status = kernel.status;
    }
    state.port_b = static_cast<std::uint8_t>((pit.channels[2].gate != 0 ? 1 : 0) |
                                             ((pit.flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON) != 0 ? 2 : 0));
    return state;
}

kvm_pit_state2 kernel_form(const PitState& saved) {
    kvm_pit_state2 pit{};
    for (std::size_t i = 0; i < saved.channels.size(); ++i) {
        const PitChannelState& channel = saved.channels[i];
        kvm_pit_channel_state& kernel = pit.channels[i];
        kernel.mode = channel.has_count ? channel.mode : never_programmed;
        kernel.rw_mode = static_cast<std::uint8_t>(channel.access);
        kernel.bcd = channel.bcd;
        kernel.gate = channel.gate;
        kernel.count = channel.reload == 0 ? 0x10000 : channel.reload;
        kernel.write_state = channel.low_byte ? second_byte : kernel.rw_mode;
        kernel.write_latch = channel.low_byte.value_or(0);
        kernel.read_state = channel.low_was_read ? second_byte : kernel.rw_mode;
        if (channel.latched_count) {
            kernel.count_latched = channel.latched_low_was_read ? second_byte : kernel.rw_mode;
            kernel.latched_count = *channel.latched_count;
        }
        kernel.status_latched = channel.latched_status.has_value();
        kernel.status = channel.latched_status.value_or(0);
    }
    if ((saved.port_b & 2) != 0) pit.flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
    return pit;
}

}  // namespace irqbench::vmm::x86
