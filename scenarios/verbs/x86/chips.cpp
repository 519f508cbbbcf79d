#include "scenarios/verbs/x86/chips.hpp"

#include <fmt/format.h>

#include "irqchip/x86/ioapic_registers.hpp"
#include "irqchip/x86/lapic_registers.hpp"
#include "irqchip/x86/pic_registers.hpp"
#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios::verbs::x86 {

namespace port = irqchip::x86::port;
using irqchip::x86::Icw1;
using irqchip::x86::Icw4;
using irqchip::x86::RedirectionEntry;

namespace {

std::uint32_t low_selector(std::uint32_t pin) { return irqchip::x86::selector::redirection + 2 * pin; }

std::uint32_t low_half(const RedirectionEntry& entry) { return static_cast<std::uint32_t>(entry.raw()); }
std::uint32_t high_half(const RedirectionEntry& entry) {
    return static_cast<std::uint32_t>(entry.raw() >> 32);
}

/// The entry as it stands, put together from its fields by name.
RedirectionEntry current_entry(vmm::Machine& machine, std::uint32_t pin) {
    std::uint64_t raw = 0;
    for (const vmm::NamedValue& value : machine.inspect("ioapic", pin))
        for (const irqchip::FieldInfo& field : irqchip::field_table<RedirectionEntry>())
            if (field.name == value.name) raw |= (value.value << field.lo) & field.mask();
    return RedirectionEntry(raw);
}

}  // namespace

void IoapicArguments::check(const IoapicArguments& arguments, const Cursor& at) {
    const bool delivers_vector =
        arguments.mode == DeliveryMode::fixed || arguments.mode == DeliveryMode::lowest_priority;
    if (delivers_vector && !arguments.masked && !arguments.vector)
        at.fail("needs the key 'vector' unless the pin is masked");
}

std::string IoapicVerb::explain() const {
    std::string what;
    if (arguments_.mode != DeliveryMode::fixed) what += fmt::format("{} ", word_of(arguments_.mode));
    if (arguments_.vector) what += fmt::format("vector {} ", vmm::vector_text(*arguments_.vector));
    return fmt::format(
        "{} programs IOAPIC pin {}: {}to {} {:#x}, {}-triggered{}{}.", who(), arguments_.pin, what,
        arguments_.dest_mode == DestinationMode::physical ? "APIC id" : "logical destination",
        arguments_.dest, word_of(arguments_.trigger),
        arguments_.polarity == Polarity::low ? ", active low" : "", arguments_.masked ? ", masked" : "");
}

Facts IoapicVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = !arguments_.masked;
    facts.shared_register = ioregsel;
    note_delivery(facts, arguments_.mode);
    return facts;
}

std::vector<vmm::GuestOp> IoapicVerb::operations(Stage&) const {
    RedirectionEntry entry{0};
    entry.set(RedirectionEntry::vector, static_cast<std::uint8_t>(arguments_.vector.value_or(0)));
    entry.set(RedirectionEntry::delivery_mode, arguments_.mode);
    entry.set(RedirectionEntry::destination_mode, arguments_.dest_mode);
    entry.set(RedirectionEntry::destination, static_cast<std::uint8_t>(arguments_.dest));
    entry.set(RedirectionEntry::active_low, arguments_.polarity == Polarity::low);
    entry.set(RedirectionEntry::trigger, arguments_.trigger);
    entry.set(RedirectionEntry::masked, true);

    std::vector<vmm::GuestOp> operations;
    const std::uint32_t selector = low_selector(arguments_.pin);
    ioapic_write(operations, selector, low_half(entry));
    ioapic_write(operations, selector + 1, high_half(entry));
    entry.set(RedirectionEntry::masked, arguments_.masked);
    ioapic_write(operations, selector, low_half(entry));
    return operations;
}

template <bool masks>
std::string MaskVerb<masks>::explain() const {
    return fmt::format("{} {} IOAPIC pin {}.", who(), masks ? "masks" : "unmasks", arguments_.pin);
}

template <bool masks>
Facts MaskVerb<masks>::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = !masks;
    facts.apart = true;  // the rest of the entry is written as it stands
    return facts;
}

template <bool masks>
std::vector<vmm::GuestOp> MaskVerb<masks>::operations(Stage& stage) const {
    RedirectionEntry entry = current_entry(stage.machine, arguments_.pin);
    entry.set(RedirectionEntry::masked, masks);
    std::vector<vmm::GuestOp> operations;
    ioapic_write(operations, low_selector(arguments_.pin), low_half(entry));
    return operations;
}

template class MaskVerb<true>;
template class MaskVerb<false>;

std::string RetargetVerb::explain() const {
    return fmt::format("{} changes the destination of IOAPIC pin {} to {:#x}, writing the high half alone.",
                       who(), arguments_.pin, arguments_.dest);
}

Facts RetargetVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.shared_register = ioregsel;
    return facts;
}

std::vector<vmm::GuestOp> RetargetVerb::operations(Stage&) const {
    RedirectionEntry entry{0};
    entry.set(RedirectionEntry::destination, static_cast<std::uint8_t>(arguments_.dest));
    std::vector<vmm::GuestOp> operations;
    ioapic_write(operations, low_selector(arguments_.pin) + 1, high_half(entry));
    return operations;
}

std::string EoirVerb::explain() const {
    return fmt::format("{} writes vector {} to the IOAPIC's EOI register.", who(),
                       vmm::vector_text(arguments_.vector));
}

Facts EoirVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;  // of a level that is still high
    return facts;
}

std::vector<vmm::GuestOp> EoirVerb::operations(Stage&) const {
    return {operation(OP_WRITE, ioapic_base + irqchip::x86::window::eoir, arguments_.vector, 4,
                      "write ioapic eoir")};
}

void PicArguments::check(const PicArguments& arguments, const Cursor& at) {
    const auto check_base = [&](std::string_view key, std::uint32_t first_vector) {
        if (first_vector % 8 != 0)
            at.at(key, *at.node().find(key)).fail("must be a multiple of 8: ICW2 has no lower bits");
    };
    check_base("base", arguments.base);
    check_base("slave_base", arguments.slave_base);
}

std::string PicVerb::explain() const {
    std::string options;
    if (arguments_.auto_eoi) options += ", automatic EOI";
    if (arguments_.level_init) options += ", level-triggered by ICW1";
    if (arguments_.special_fully_nested) options += ", special fully nested mode";
    return fmt::format(
        "{} initialises both PICs: vectors {} and {}{}; masks {:#04x} and {:#04x}; LINT0 of vCPU 0 becomes "
        "ExtINT.",
        who(), vmm::vector_text(arguments_.base), vmm::vector_text(arguments_.slave_base), options,
        arguments_.mask, arguments_.slave_mask);
}

Facts PicVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;  // of lines that are high already
    facts.shared_register = "the PICs' ICWs, which come one after the other";
    return facts;
}

std::vector<vmm::GuestOp> PicVerb::operations(Stage&) const {
    Icw1 icw1;
    icw1.set(Icw1::is_icw1, true);
    icw1.set(Icw1::level_triggered, arguments_.level_init);
    icw1.set(Icw1::needs_icw4, true);
    Icw4 icw4;
    icw4.set(Icw4::x86, true);
    icw4.set(Icw4::auto_eoi, arguments_.auto_eoi);
    Icw4 master_icw4 = icw4;
    master_icw4.set(Icw4::special_fully_nested, arguments_.special_fully_nested);
    // 8259A data sheet, ICW3: a bit for the slave's input at the master, the input's number at the slave.
    constexpr std::uint8_t master_icw3 = 1 << 2;
    constexpr std::uint8_t slave_icw3 = 2;
    constexpr std::uint32_t lint0_ext_int = static_cast<std::uint32_t>(DeliveryMode::ext_int) << 8;
    constexpr std::uint16_t lint0 = *irqchip::x86::lapic_offset("lvt_lint0");
    const auto byte = [](std::uint32_t value) { return static_cast<std::uint8_t>(value); };
    return {port_out(port::master_command, icw1.raw()),
            port_out(port::master_data, byte(arguments_.base)),
            port_out(port::master_data, master_icw3),
            port_out(port::master_data, master_icw4.raw()),
            port_out(port::slave_command, icw1.raw()),
            port_out(port::slave_data, byte(arguments_.slave_base)),
            port_out(port::slave_data, slave_icw3),
            port_out(port::slave_data, icw4.raw()),
            port_out(port::master_data, byte(arguments_.mask)),
            port_out(port::slave_data, byte(arguments_.slave_mask)),
            lapic_write(lint0, lint0_ext_int)};
}

void OcwArguments::check(const OcwArguments& arguments, const Cursor& at) {
    // 8259A data sheet, figure 8: bits 4 and 3 tell ICW1, OCW2 and OCW3 apart.
    constexpr std::uint8_t selects = 0x18;
    constexpr std::uint8_t ocw3_mark = 0x08;
    if (arguments.ocw2 && (*arguments.ocw2 & selects) != 0)
        at.fail(fmt::format("{:#04x} is no OCW2: its bits 4 and 3 must be 0", *arguments.ocw2));
    if (arguments.ocw3 && (*arguments.ocw3 & (selects | 0x80)) != ocw3_mark)
        at.fail(fmt::format("{:#04x} is no OCW3: its bits 7 and 4 must be 0 and its bit 3 must be 1",
                            *arguments.ocw3));
}

std::string OcwVerb::explain() const {
    const std::string_view register_name = arguments_.ocw2 ? "OCW2" : arguments_.ocw3 ? "OCW3" : "mask";
    const std::uint8_t value = arguments_.ocw2   ? *arguments_.ocw2
                               : arguments_.ocw3 ? *arguments_.ocw3
                                                 : *arguments_.mask;
    return fmt::format("{} writes {:#04x} to the {} PIC's {}.", who(), value, word_of(arguments_.chip),
                       register_name);
}

Facts OcwVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;
    return facts;
}

std::vector<vmm::GuestOp> OcwVerb::operations(Stage&) const {
    const bool master = arguments_.chip == PicChip::master;
    if (arguments_.mask) return {port_out(master ? port::master_data : port::slave_data, *arguments_.mask)};
    const std::uint8_t command = arguments_.ocw2 ? *arguments_.ocw2 : arguments_.ocw3.value_or(0);
    return {port_out(master ? port::master_command : port::slave_command, command)};
}

void PitArguments::check(const PitArguments&, const Cursor& at) {
    const Node* machine = at.reading().document.root.find("machine");
    const Node* pit = machine == nullptr ? nullptr : machine->find("pit");
    const bool* there = pit == nullptr ? nullptr : pit->as<bool>();
    if (there == nullptr || !*there)
        at.fail("the machine has no PIT: set \"machine\": { \"pit\": true }", ScenarioError::Kind::invalid);
}

std::string PitVerb::explain() const {
    return fmt::format("{} programs PIT channel {}: mode {}, count {}.", who(), arguments_.channel,
                       arguments_.mode, arguments_.count == 0 ? 0x10000 : arguments_.count);
}

Facts PitVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;
    facts.shared_register = "the PIT's control word and the two bytes after it";
    return facts;
}

std::vector<vmm::GuestOp> PitVerb::operations(Stage&) const {
    // 8254 data sheet, control word: counter, access (low byte, then high byte), mode, binary.
    constexpr std::uint16_t control_port = 0x43;
    constexpr std::uint16_t counter_port = 0x40;
    constexpr std::uint32_t low_then_high = 3;
    const std::uint32_t control = arguments_.channel << 6 | low_then_high << 4 | arguments_.mode << 1;
    const auto counter = static_cast<std::uint16_t>(counter_port + arguments_.channel);
    return {port_out(control_port, static_cast<std::uint8_t>(control)),
            port_out(counter, static_cast<std::uint8_t>(arguments_.count)),
            port_out(counter, static_cast<std::uint8_t>(arguments_.count >> 8))};
}

}  // namespace irqbench::scenarios::verbs::x86
