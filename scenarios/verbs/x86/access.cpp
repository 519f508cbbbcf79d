#include "scenarios/verbs/x86/access.hpp"

#include <fmt/format.h>

#include "irqchip/x86/ioapic_registers.hpp"
#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios::verbs::x86 {

void AccessPlace::check_size(const AccessPlace& place, const Cursor& at) {
    constexpr std::uint64_t widest_port_access = 4;
    if (place.port && place.size && place.size->value > widest_port_access)
        at.fail("a port access has 1, 2 or 4 bytes, not 8");
}

std::string AccessPlace::in_words() const {
    if (msr) return fmt::format("msr {:#x}", *msr);
    if (port) return fmt::format("port {:#x}", *port);
    if (mmio) return fmt::format("mmio {:#x}", *mmio);
    if (lapic) return fmt::format("lapic {}", lapic->name);
    return fmt::format("ioapic {:#x}", ioapic.value());
}

std::optional<Place> AccessPlace::place(bool writes) const {
    if (port) return Place{true, *port, writes};
    if (mmio) return Place{false, *mmio, writes};
    return std::nullopt;
}

std::uint32_t AccessPlace::bytes() const {
    if (msr) return 8;
    if (lapic && lapic->name == "icr") return 8;
    return size ? static_cast<std::uint32_t>(size->value) : 4;
}

std::vector<vmm::GuestOp> AccessPlace::operations(bool writes, std::uint64_t value, bool observed) const {
    namespace window = irqchip::x86::window;
    std::vector<vmm::GuestOp> operations;
    vmm::GuestOp access = operation(0, 0, value, bytes(), writes ? "write " + in_words() : in_words());
    access.observed = observed;
    if (msr) {
        access.code = writes ? OP_MSR_WRITE : OP_MSR_READ;
        access.address = *msr;
    } else if (port) {
        access.code = writes ? OP_PORT_OUT : OP_PORT_IN;
        access.address = *port;
    } else if (lapic) {
        access.code = writes ? OP_LAPIC_WRITE : OP_LAPIC_READ;
        access.address = lapic->offset;
    } else {
        access.code = writes ? OP_WRITE : OP_READ;
        access.address = mmio ? *mmio : ioapic_base + window::iowin;
        if (ioapic)
            operations.push_back(
                operation(OP_WRITE, ioapic_base + window::ioregsel, *ioapic, 4, "select ioapic"));
    }
    operations.push_back(std::move(access));
    return operations;
}

void WriteArguments::check(const WriteArguments& arguments, const Cursor& at) {
    check_size(arguments, at);
    const std::uint32_t bits = arguments.bytes() * 8;
    if (bits < 64 && arguments.value >> bits != 0)
        at.fail(fmt::format("the value {:#x} does not fit into {} byte{}", arguments.value, arguments.bytes(),
                            arguments.bytes() == 1 ? "" : "s"));
}

std::string WriteVerb::explain() const {
    std::string text = fmt::format("{} writes {:#x} to {}", who(), arguments_.value, arguments_.in_words());
    if (arguments_.fault) text += fmt::format(", which must raise {}", word_of(*arguments_.fault));
    return text + ".";
}

std::vector<Expectation> WriteVerb::expects() const {
    if (arguments_.fault) return {expect::GuestFault{static_cast<std::uint32_t>(*arguments_.fault)}};
    return {};
}

Facts WriteVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = facts.wakes = true;
    facts.place = arguments_.place(true);
    facts.asserts = arguments_.fault.has_value();
    return facts;
}

std::vector<vmm::GuestOp> WriteVerb::operations(Stage&) const {
    return arguments_.operations(true, arguments_.value, false);
}

void ReadArguments::check(const ReadArguments& arguments, const Cursor& at) { check_size(arguments, at); }

std::string ReadVerb::explain() const {
    std::string text = fmt::format("{} reads {}", who(), arguments_.in_words());
    if (arguments_.is) text += fmt::format(", which must be {:#x}", *arguments_.is);
    if (arguments_.mask) text += fmt::format(" under the mask {:#x}", *arguments_.mask);
    if (arguments_.fault) text += fmt::format(", which must raise {}", word_of(*arguments_.fault));
    return text + ".";
}

std::vector<Expectation> ReadVerb::expects() const {
    if (arguments_.fault) return {expect::GuestFault{static_cast<std::uint32_t>(*arguments_.fault)}};
    if (!arguments_.is) return {};
    return {
        expect::Value{arguments_.in_words(), *arguments_.is, arguments_.mask.value_or(~std::uint64_t{0})}};
}

Facts ReadVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;  // a poll command acknowledges
    facts.place = arguments_.place(false);
    facts.asserts = arguments_.is || arguments_.fault;
    return facts;
}

std::vector<vmm::GuestOp> ReadVerb::operations(Stage&) const { return arguments_.operations(false, 0, true); }

}  // namespace irqbench::scenarios::verbs::x86
