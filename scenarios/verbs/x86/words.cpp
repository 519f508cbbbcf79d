#include "scenarios/verbs/x86/words.hpp"

#include <fmt/format.h>

#include "irqchip/x86/ioapic_registers.hpp"
#include "irqchip/x86/lapic_registers.hpp"
#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios {

using irqchip::x86::lapic_registers;

namespace {

constexpr auto lapic_names = [] {
    std::array<std::string_view, lapic_registers.size()> names{};
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = lapic_registers[i].name;
    return names;
}();

std::string lapic_name(std::uint16_t offset) {
    for (const auto& row : lapic_registers)
        if (row.offset == offset) return std::string(row.name);
    return fmt::format("{:#x}", offset);
}

}  // namespace

namespace verbs::x86 {

void note_delivery(Facts& facts, DeliveryMode mode) {
    const bool starts = mode == DeliveryMode::init || mode == DeliveryMode::reserved_6;
    facts.starts_any = facts.starts_any || starts;
    facts.wakes_later = facts.wakes_later || starts || mode == DeliveryMode::nmi || mode == DeliveryMode::smi;
}

vmm::GuestOp port_out(std::uint16_t port, std::uint8_t value) {
    return operation(OP_PORT_OUT, port, value, 1, fmt::format("write port {:#x}", port));
}

vmm::GuestOp lapic_write(std::uint16_t offset, std::uint64_t value) {
    return operation(OP_LAPIC_WRITE, offset, value, 4, fmt::format("write lapic {}", lapic_name(offset)));
}

void ioapic_write(std::vector<vmm::GuestOp>& operations, std::uint32_t selector, std::uint32_t value) {
    namespace window = irqchip::x86::window;
    operations.push_back(operation(OP_WRITE, ioapic_base + window::ioregsel, selector, 4, "select ioapic"));
    operations.push_back(operation(OP_WRITE, ioapic_base + window::iowin, value, 4,
                                   fmt::format("write ioapic {:#x}", selector)));
}

}  // namespace verbs::x86

verbs::x86::LapicRegisterName Form<verbs::x86::LapicRegisterName>::read(const Cursor& at, Limits) {
    const auto& row = lapic_registers[detail::read_word(at, lapic_names)];
    return {std::string(row.name), row.offset};
}

Json Form<verbs::x86::LapicRegisterName>::schema(Limits) { return detail::word_schema(lapic_names); }

}  // namespace irqbench::scenarios
