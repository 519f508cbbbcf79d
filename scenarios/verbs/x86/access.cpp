#include "scenarios/verbs/x86/access.hpp"

#include <fmt/format.h>

#include "irqchip/x86/ioapic_registers.hpp"

namespace irqbench::scenarios::verbs::x86 {

void AccessTarget::check(const AccessTarget& target, const Cursor& at) {
    constexpr std::uint64_t widest_port_access = 4;
    if (target.port && target.size && target.size->value > widest_port_access)
        at.fail("a port access has 1, 2 or 4 bytes, not 8");
}

Access AccessTarget::access() const {
    Access access = place();
    access.sends_ipis = msr || mmio || lapic || ioapic;
    return access;
}

Access AccessTarget::place() const {
    namespace window = irqchip::x86::window;
    if (msr) return {fmt::format("msr {:#x}", *msr), OP_MSR_READ, OP_MSR_WRITE, *msr, 8};
    if (port)
        return {fmt::format("port {:#x}", *port), OP_PORT_IN, OP_PORT_OUT, *port, 4, Place{true, *port}};
    if (mmio) return {fmt::format("mmio {:#x}", *mmio), OP_READ, OP_WRITE, *mmio, 4, Place{false, *mmio}};
    if (lapic)
        return {"lapic " + lapic->name, OP_LAPIC_READ, OP_LAPIC_WRITE, lapic->offset,
                lapic->name == "icr" ? 8U : 4U};
    Access access{fmt::format("ioapic {:#x}", ioapic.value()), OP_READ, OP_WRITE,
                  ioapic_base + window::iowin};
    access.selection = {operation(OP_WRITE, ioapic_base + window::ioregsel, *ioapic, 4, "select ioapic")};
    access.shared_register = ioregsel;
    return access;
}

}  // namespace irqbench::scenarios::verbs::x86
