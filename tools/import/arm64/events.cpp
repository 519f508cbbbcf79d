#include "tools/import/arm64/events.hpp"

#include "tools/import/scanner.hpp"

namespace irqbench::importing::arm64 {

namespace {

Meaning wanted_if(bool is_read) { return is_read ? Meaning::event : Meaning::malformed; }

/// `PC: 0x...`: no vCPU.
Meaning read_entry(Scanner& scan, Event& event) {
    event.a = Event::unnamed_vcpu;
    return wanted_if(scan.word("PC:").ok());
}

Meaning read_exit(Scanner& scan, Event&) { return wanted_if(!scan.rest().empty()); }

/// `VCPU: 0, IRQ 27, level 1`, and with a colon behind `level` that of the vGIC.
bool read_line(Scanner& scan, Event& event) {
    std::uint32_t level = 0;
    scan.word("VCPU:").number(event.a).word(",").word("IRQ").number(event.b).word(",").word("level");
    scan.accept(":");
    event.flag = scan.number(level).ok() && level != 0;
    return scan.ok();
}

Meaning read_irq_line(Scanner& scan, Event&) { return wanted_if(scan.word("Inject").ok()); }

/// What the vGIC is told for an SPI names no vCPU that means anything.
Meaning read_vgic_line(Scanner& scan, Event& event) {
    // `-1` where there is none.
    if (scan.accept("VCPU: -1")) {
        std::uint32_t level = 0;
        scan.word(",").word("IRQ").number(event.b).word(",").word("level");
        scan.accept(":");
        event.flag = scan.number(level).ok() && level != 0;
        return wanted_if(scan.ok());
    }
    return wanted_if(read_line(scan, event));
}

Meaning read_timer_line(Scanner& scan, Event& event) { return wanted_if(read_line(scan, event)); }

Meaning read_set_irq(Scanner& scan, Event& event) {
    scan.word("gsi").number(event.a).word("level").number(event.b).word("source").number(event.value);
    return wanted_if(scan.ok());
}

/// `irqchip 0 pin 10`; the chip has a name where KVM of another architecture has several.
Meaning read_ack_irq(Scanner& scan, Event& event) {
    scan.word("irqchip").until(" ");
    return wanted_if(scan.word("pin").number(event.a).ok());
}

Meaning read_mmio(Scanner& scan, Event& event) {
    const std::string_view what = scan.word("mmio").until(" ");
    std::uint32_t bytes = 0;
    std::uint64_t address = 0;
    scan.word("len").number(bytes).word("gpa").number(address, 16).word("val").number(event.value, 16);
    if (!scan.ok() || (what != "read" && what != "write" && what != "unsatisfied-read"))
        return Meaning::malformed;
    constexpr std::uint64_t addresses_end = std::uint64_t{1} << 60;
    const bool is_access = bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
    if (what == "unsatisfied-read" || !is_access || address % bytes != 0 || address >= addresses_end)
        return Meaning::irrelevant;
    if (what == "read") event.kind = Event::Kind::mmio_read;
    event.a = static_cast<std::uint32_t>(address);
    event.b = bytes | static_cast<std::uint32_t>(address >> 32) << 4;
    return Meaning::event;
}

/// `HVC at 0x... (r0: 0x..., imm: 0x0)`
Meaning read_hvc(Scanner& scan, Event&) {
    std::uint64_t pc = 0;
    std::uint64_t function = 0;
    scan.word("HVC at").number(pc, 16).word("(r0:").number(function, 16);
    if (!scan.ok()) return Meaning::malformed;
    constexpr std::uint64_t cpu_on_32 = 0x84000003;
    constexpr std::uint64_t cpu_on_64 = 0xc4000003;
    return function == cpu_on_32 || function == cpu_on_64 ? Meaning::event : Meaning::irrelevant;
}

/// `PC: 101200 SYS_ICC_SGI1R_EL1 (3,0,12,11,5) write`
Meaning read_sysreg(Scanner& scan, Event&) {
    constexpr std::string_view sgi = "(3,0,12,11,";
    const std::string_view text = scan.rest();
    const auto at = text.find(sgi);
    if (at == std::string_view::npos || !text.ends_with("write")) return Meaning::irrelevant;
    const std::string_view op2 = text.substr(at + sgi.size(), 1);
    return op2 == "5" || op2 == "6" || op2 == "7" ? Meaning::event : Meaning::irrelevant;
}

struct Row {
    std::string_view name;
    Event::Kind kind;
    Meaning (*read)(Scanner&, Event&);
};
constexpr Row rows[] = {
    {"kvm_entry", Event::Kind::entry, read_entry},
    {"kvm_exit", Event::Kind::leave, read_exit},
    {"kvm_irq_line", Event::Kind::irq_line, read_irq_line},
    {"vgic_update_irq_pending", Event::Kind::line, read_vgic_line},
    {"kvm_timer_update_irq", Event::Kind::timer_line, read_timer_line},
    {"kvm_set_irq", Event::Kind::set_irq, read_set_irq},
    {"kvm_ack_irq", Event::Kind::acknowledge, read_ack_irq},
    {"kvm_mmio", Event::Kind::gic_write, read_mmio},
    {"kvm_hvc_arm64", Event::Kind::cpu_on, read_hvc},
    {"kvm_sys_access", Event::Kind::sgi, read_sysreg},
};

}  // namespace

bool is_of_this_host(std::string_view name, std::string_view text) {
    return name.starts_with("vgic_") || name == "kvm_irq_line" || name.starts_with("kvm_timer_") ||
           (name == "kvm_entry" && text.starts_with("PC: "));
}

Meaning read_event(std::string_view name, std::string_view text, Event& event) {
    for (const Row& row : rows) {
        if (row.name != name) continue;
        event.kind = row.kind;
        Scanner scanner(text);
        return row.read(scanner, event);
    }
    return Meaning::irrelevant;
}

}  // namespace irqbench::importing::arm64
