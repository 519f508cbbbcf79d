#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace irqbench::importing {

/// One of the kernel's events about KVM (kvm:*), as far as interrupts go by it: numbers alone, so that a
/// trace of millions of lines fits into memory.
struct Event {
    enum class Kind : std::uint8_t {
        entry,           ///< a: vCPU id, or unnamed_vcpu
        set_irq,         ///< a: GSI, b: level, value: the source's number
        pic_set_irq,     ///< a: input of the pair, b: 1 if it was pending already, flag: masked
        ioapic_set_irq,  ///< a: pin, value: the redirection entry, as the register has it
        msi,             ///< a: data, value: destination, b: address bits 2 and 3
        accept,          ///< a: APIC id, b: vector, delivery mode and trigger, as a message's data
        inject,          ///< a: vector, flag: once more, after an exit in the middle of it
        eoi,             ///< a: APIC id, b: vector, or more than 0xff where none was in service
        acknowledge,     ///< an EOI has come to a pin of the IOAPIC or PIC
        apic_write,      ///< a: offset of the register, value
        ipi,             ///< a: destination, b: low half of the ICR
        mmio_write,      ///< value: address, a: bytes, b: the value; of an IOAPIC
        pio_write,       ///< a: port, b: the value; of a PIC or the PIT
        msr_write,       ///< a: number, value
        cr8_write,       ///< b: the value
        ioapic_eoi,      ///< a userspace exit because of the EOI of a level-triggered interrupt
        lost,            ///< value: so many events of this CPU are missing here, 0 if that is not known
        // Of arm64 hosts alone:
        leave,       ///< the guest, after an entry
        irq_line,    ///< KVM_IRQ_LINE, of which `line` tells the rest
        line,        ///< of the vGIC; a: vCPU of a private one, b: INTID, flag: level
        timer_line,  ///< the same of a timer of vCPU a, told before it
        mmio_read,   ///< value, a: low half of the address, b: bytes, and from bit 4 the high half
        gic_write,   ///< the same; `mmio_write` of x86 has its own words
        cpu_on,      ///< PSCI CPU_ON, of a vCPU that no event names
        sgi,         ///< by a system register, whose value no event has
    };

    std::uint64_t at_ns = 0;
    std::uint64_t value = 0;
    std::uint32_t line = 0;    ///< of the file, from 1; of a binary file, the record's number
    std::uint32_t thread = 0;  ///< 0 is a CPU that is idle
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    std::uint16_t cpu = no_cpu;
    Kind kind = Kind::entry;
    bool flag = false;

    static constexpr std::uint16_t no_cpu = 0xffff;
    /// Of an entry on arm64: the one for which its thread set the timers last.
    static constexpr std::uint32_t unnamed_vcpu = UINT32_MAX;
};

/// `FILE:LINE: reason`
class TraceError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace irqbench::importing
