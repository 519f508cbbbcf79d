#include "tools/import/kvm_events.hpp"

#include <array>
#include <optional>

#include "tools/import/scanner.hpp"

namespace irqbench::importing {

namespace {

std::optional<std::uint32_t> delivery_mode(std::string_view word) {
    constexpr std::array<std::string_view, 8> words = {"Fixed", "LowPrio", "SMI",  "Res3",
                                                       "NMI",   "INIT",    "SIPI", "ExtINT"};
    for (std::uint32_t mode = 0; mode < words.size(); ++mode)
        if (words[mode] == word) return mode;
    return std::nullopt;
}

/// `(Fixed|physical|edge|masked)`: the bits that these words are in a redirection entry's low half, which
/// are those of a message's data too. "rh" and the words of an IPI are told by the caller.
struct Attributes {
    std::uint32_t mode = 0;
    bool logical = false;
    bool level = false;
    bool masked = false;
    bool hint = false;
    bool asserted = false;
    std::uint32_t shorthand = 0;
};

std::optional<Attributes> attributes(Scanner& scanner) {
    if (!scanner.word("(").ok()) return std::nullopt;
    const auto mode = delivery_mode(scanner.until("|)"));
    if (!mode) return std::nullopt;
    Attributes result{*mode};
    while (scanner.accept("|")) {
        const std::string_view word = scanner.until("|)");
        if (word == "logical")
            result.logical = true;
        else if (word == "level")
            result.level = true;
        else if (word == "masked")
            result.masked = true;
        else if (word == "rh")
            result.hint = true;
        else if (word == "assert")
            result.asserted = true;
        else if (word == "self")
            result.shorthand = 1;
        else if (word == "all")
            result.shorthand = 2;
        else if (word == "all-but-self")
            result.shorthand = 3;
        else if (word != "physical" && word != "edge" && word != "de-assert" && word != "dst")
            return std::nullopt;
    }
    if (!scanner.word(")").ok()) return std::nullopt;
    return result;
}

std::uint32_t data_bits(std::uint32_t vector, const Attributes& is) {
    return (vector & 0xff) | is.mode << 8 | (is.level ? 1U << 15 : 0U);
}

bool read_entry(Scanner& scan, Event& event) { return scan.word("vcpu").number(event.a).ok(); }

bool read_set_irq(Scanner& scan, Event& event) {
    return scan.word("gsi")
        .number(event.a)
        .word("level")
        .number(event.b)
        .word("source")
        .number(event.value)
        .ok();
}

bool read_pic_set_irq(Scanner& scan, Event& event) {
    std::uint32_t chip = 0;
    scan.word("chip").number(chip).word("pin").number(event.a).word("(");
    if (!scan.ok() || chip > 1 || event.a > 7) return false;
    event.a += 8 * chip;
    const std::string_view words = scan.until(")");
    event.flag = words.ends_with("|masked");
    event.b = scan.rest().find("(coalesced)") != std::string_view::npos ? 1 : 0;
    return words.starts_with("edge") || words.starts_with("level");
}

/// Of the destination only the eight bits that the register has.
bool read_ioapic_set_irq(Scanner& scan, Event& event) {
    std::uint32_t dest = 0;
    std::uint32_t vector = 0;
    scan.word("pin").number(event.a).word("dst").number(dest, 16).word("vec").number(vector);
    const auto is = attributes(scan);
    if (!is || dest > 0xff || vector > 0xff) return false;
    event.value = std::uint64_t{dest} << 56 | data_bits(vector, *is) | (is->logical ? 1U << 11 : 0U) |
                  (is->masked ? 1U << 16 : 0U);
    return true;
}

bool read_msi(Scanner& scan, Event& event) {
    std::uint32_t vector = 0;
    scan.word("dst").number(event.value, 16).word("vec").number(vector);
    const auto is = attributes(scan);
    if (!is || vector > 0xff || event.value > UINT32_MAX) return false;
    event.a = data_bits(vector, *is);
    event.b = (is->logical ? 4U : 0U) | (is->hint ? 8U : 0U);
    return true;
}

bool read_accept(Scanner& scan, Event& event) {
    std::uint32_t vector = 0;
    scan.word("apicid").number(event.a, 16).word("vec").number(vector);
    const auto is = attributes(scan);
    if (!is || vector > 0xff) return false;
    event.b = data_bits(vector, *is);
    return true;
}

/// `irq 81` until Linux 5.19, `IRQ 0x51` and `Soft/INTn 0x51` since.
bool read_inject(Scanner& scan, Event& event) {
    if (scan.accept("Soft/INTn"))
        event.flag = true;
    else if (!scan.accept("IRQ"))
        scan.word("irq");
    if (!scan.number(event.a).ok() || event.a > 0xff) return false;
    if (scan.accept("[reinjected]")) event.flag = true;
    return true;
}

bool read_eoi(Scanner& scan, Event& event) {
    if (!scan.word("apicid").number(event.a, 16).word("vector").ok()) return false;
    if (scan.accept("-1")) {
        event.b = UINT32_MAX;
        return true;
    }
    return scan.number(event.b).ok() && event.b <= 0xff;
}

bool read_ack_irq(Scanner& scan, Event&) { return scan.word("irqchip").ok(); }

struct ApicRegister {
    std::string_view name;
    std::uint32_t offset;
};
constexpr ApicRegister apic_registers[] = {
    {"APIC_ID", 0x20},    {"APIC_TASKPRI", 0x80},   {"APIC_EOI", 0xb0},      {"APIC_LDR", 0xd0},
    {"APIC_DFR", 0xe0},   {"APIC_SPIV", 0xf0},      {"APIC_ESR", 0x280},     {"APIC_ICR", 0x300},
    {"APIC_ICR2", 0x310}, {"APIC_LVTT", 0x320},     {"APIC_LVTTHMR", 0x330}, {"APIC_LVTPC", 0x340},
    {"APIC_LVT0", 0x350}, {"APIC_LVT1", 0x360},     {"APIC_LVTERR", 0x370},  {"APIC_TMICT", 0x380},
    {"APIC_TDCR", 0x3e0}, {"APIC_SELF_IPI", 0x3f0}, {"APIC_LVTCMCI", 0x2f0},
};

Meaning read_apic(Scanner& scan, Event& event) {
    if (scan.accept("apic_read")) return Meaning::irrelevant;
    if (!scan.word("apic_write").ok()) return Meaning::malformed;
    const std::string_view name = scan.until(" ");
    if (!scan.word("=").number(event.value, 16).ok()) return Meaning::malformed;
    for (const ApicRegister& known : apic_registers) {
        if (known.name != name) continue;
        event.a = known.offset;
        return Meaning::event;
    }
    return Meaning::irrelevant;
}

bool read_ipi(Scanner& scan, Event& event) {
    std::uint32_t vector = 0;
    scan.word("dst").number(event.a, 16).word("vec").number(vector);
    const auto is = attributes(scan);
    if (!is || vector > 0xff) return false;
    event.b = data_bits(vector, *is) | (is->logical ? 1U << 11 : 0U) | (is->asserted ? 1U << 14 : 0U) |
              is->shorthand << 18;
    return true;
}

/// Those of the IOAPIC, where every PC has it.
Meaning read_mmio(Scanner& scan, Event& event) {
    const std::string_view what = scan.word("mmio").until(" ");
    std::uint64_t value = 0;
    scan.word("len").number(event.a).word("gpa").number(event.value, 16).word("val").number(value, 16);
    if (!scan.ok() || (what != "read" && what != "write" && what != "unsatisfied-read"))
        return Meaning::malformed;
    event.b = static_cast<std::uint32_t>(value);
    constexpr std::uint64_t ioapic = 0xfec00000;
    const bool is_ours = event.value >= ioapic && event.value < ioapic + 0x100;
    return what == "write" && is_ours ? Meaning::event : Meaning::irrelevant;
}

Meaning read_pio(Scanner& scan, Event& event) {
    const bool is_write = scan.accept("pio_write");
    if (!is_write) scan.word("pio_read");
    std::uint32_t size = 0;
    std::uint32_t count = 0;
    scan.word("at").number(event.a, 16).word("size").number(size).word("count").number(count);
    // Until Linux 3.18 there was no value.
    if (!scan.ok()) return Meaning::malformed;
    if (!scan.accept("val") || !scan.number(event.b, 16).ok()) return Meaning::malformed;
    switch (event.a) {
        case 0x20:
        case 0x21:
        case 0xa0:
        case 0xa1:
        case 0x4d0:
        case 0x4d1:
        case 0x40:
        case 0x43: return is_write ? Meaning::event : Meaning::irrelevant;
        default: return Meaning::irrelevant;
    }
}

/// `msr_write 1b = 0xfee00d00`: IA32_APIC_BASE and IA32_TSC_DEADLINE. The LAPIC's own are kvm_apic too.
Meaning read_msr(Scanner& scan, Event& event) {
    if (scan.accept("msr_read")) return Meaning::irrelevant;
    scan.word("msr_write").number(event.a, 16).word("=").number(event.value, 16);
    if (!scan.ok()) return Meaning::malformed;
    if (scan.accept("(#GP)")) return Meaning::irrelevant;
    constexpr std::uint32_t apic_base = 0x1b;
    constexpr std::uint32_t tsc_deadline = 0x6e0;
    return event.a == apic_base || event.a == tsc_deadline ? Meaning::event : Meaning::irrelevant;
}

Meaning read_cr(Scanner& scan, Event& event) {
    if (scan.accept("cr_read")) return Meaning::irrelevant;
    std::uint32_t number = 0;
    scan.word("cr_write").number(number, 16).word("=").number(event.value, 16);
    if (!scan.ok()) return Meaning::malformed;
    event.b = static_cast<std::uint32_t>(event.value);
    return number == 8 ? Meaning::event : Meaning::irrelevant;
}

/// `reason KVM_EXIT_IOAPIC_EOI (26)`; where the kernel is older than the reason, `reason 26 (26)`.
Meaning read_userspace_exit(Scanner& scan, Event&) {
    scan.word("reason").until("(");
    if (scan.accept("(-")) return Meaning::irrelevant;
    std::uint32_t reason = 0;
    if (!scan.word("(").number(reason).ok()) return Meaning::malformed;
    constexpr std::uint32_t ioapic_eoi = 26;
    return reason == ioapic_eoi ? Meaning::event : Meaning::irrelevant;
}

struct Reader {
    std::string_view name;
    Event::Kind kind;
    bool (*plain)(Scanner&, Event&);
    Meaning (*choosy)(Scanner&, Event&) = nullptr;  ///< of events of which some are wanted
};
constexpr Reader readers[] = {
    {"kvm_entry", Event::Kind::entry, read_entry},
    {"kvm_set_irq", Event::Kind::set_irq, read_set_irq},
    {"kvm_pic_set_irq", Event::Kind::pic_set_irq, read_pic_set_irq},
    {"kvm_ioapic_set_irq", Event::Kind::ioapic_set_irq, read_ioapic_set_irq},
    {"kvm_msi_set_irq", Event::Kind::msi, read_msi},
    {"kvm_apic_accept_irq", Event::Kind::accept, read_accept},
    {"kvm_apicv_accept_irq", Event::Kind::accept, read_accept},
    {"kvm_inj_virq", Event::Kind::inject, read_inject},
    {"kvm_eoi", Event::Kind::eoi, read_eoi},
    {"kvm_ack_irq", Event::Kind::acknowledge, read_ack_irq},
    {"kvm_apic_ipi", Event::Kind::ipi, read_ipi},
    {"kvm_apic", Event::Kind::apic_write, nullptr, read_apic},
    {"kvm_mmio", Event::Kind::mmio_write, nullptr, read_mmio},
    {"kvm_pio", Event::Kind::pio_write, nullptr, read_pio},
    {"kvm_msr", Event::Kind::msr_write, nullptr, read_msr},
    {"kvm_cr", Event::Kind::cr8_write, nullptr, read_cr},
    {"kvm_userspace_exit", Event::Kind::ioapic_eoi, nullptr, read_userspace_exit},
};

}  // namespace

Meaning read_kvm_event(std::string_view name, std::string_view text, Event& event) {
    for (const Reader& reader : readers) {
        if (reader.name != name) continue;
        event.kind = reader.kind;
        Scanner scanner(text);
        if (reader.choosy != nullptr) return reader.choosy(scanner, event);
        return reader.plain(scanner, event) ? Meaning::event : Meaning::malformed;
    }
    return Meaning::irrelevant;
}

}  // namespace irqbench::importing
