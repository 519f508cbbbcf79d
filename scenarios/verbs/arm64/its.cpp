#include "scenarios/verbs/arm64/its.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "irqchip/arm64/its_registers.hpp"
#include "routing/arm64.hpp"

namespace irqbench::scenarios::verbs::arm64 {

namespace {

constexpr std::uint64_t valid_bit = std::uint64_t{1} << 63;
constexpr std::uint64_t gits_ctlr = AGENT_ITS + irqchip::arm64::gits::ctlr;
constexpr std::uint64_t gits_cbaser = AGENT_ITS + irqchip::arm64::gits::cbaser;
constexpr std::uint64_t gits_cwriter = AGENT_ITS + irqchip::arm64::gits::cwriter;
constexpr std::uint64_t gits_baser_devices = AGENT_ITS + irqchip::arm64::gits::baser;
constexpr std::uint64_t gits_baser_collections = gits_baser_devices + 8;
constexpr std::uint64_t gits_translater = AGENT_ITS + irqchip::arm64::gits::translater;

/// Inner shareable, write-back: bits 61:59 and 11:10 of GITS_*BASER.
constexpr std::uint64_t its_attributes = std::uint64_t{7} << 59 | 1U << 10;
/// The same of GICR_*BASER: bits 9:7 and 11:10.
constexpr std::uint64_t lpi_attributes = 7U << 7 | 1U << 10;
constexpr std::uint64_t interrupt_id_bits = irqchip::arm64::default_lpi_id_bits;
constexpr std::uint64_t command_bytes = irqchip::arm64::ItsCommand::size;

vmm::GuestOp write_long(std::uint64_t address, std::uint64_t value, std::string text) {
    return operation(OP_WRITE, address, value, 8, std::move(text));
}

constexpr std::uint64_t memory_at(std::uint64_t offset) { return vmm::scenario_memory + offset; }

/// How far the queue has been written.
std::uint64_t queue_position(Stage& stage) {
    const auto values = stage.machine.inspect("its", 0);
    const auto found = std::find_if(values.begin(), values.end(),
                                    [](const vmm::NamedValue& value) { return value.name == "cwriter"; });
    return found == values.end() ? 0 : found->value & 0xfffe0;
}

/// RDbase with GITS_TYPER.PTA 0: the processor number, which KVM has from the vCPU's id.
std::uint64_t target(Stage& stage, std::optional<std::uint32_t> vcpu) {
    return std::uint64_t{stage.config.vcpu_ids.at(vcpu.value_or(0))} << 16;
}

/// Where the interrupt translation table of a device is, which has 8 bytes an event (GITS_TYPER), and how
/// long it is.
constexpr std::uint32_t translation_tables = 16;
struct TranslationTable {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};
TranslationTable translation_table(const CommandArguments& arguments, std::size_t vcpus) {
    constexpr std::uint64_t entry_bytes = irqchip::arm64::its_entry_size;
    constexpr std::uint64_t small_bytes = ItsMemory::bytes_each / translation_tables;
    constexpr std::uint32_t widest_event = irqchip::arm64::its_event_bits;
    constexpr std::uint64_t large_bytes = entry_bytes << widest_event;
    const std::uint64_t slot = arguments.device.value_or(0) % translation_tables;
    const std::uint64_t bytes = entry_bytes << std::min(arguments.event_bits, widest_event);
    if (bytes <= small_bytes) return {ItsMemory::translations + slot * small_bytes, bytes};
    return {ItsMemory::large_translations(vcpus) + slot * large_bytes, bytes};
}

/// Whether the command gives its device a table. One of more events than the ITS has gets none.
bool has_table(const CommandArguments& arguments) {
    return arguments.command == ItsCommand::mapd && arguments.valid &&
           arguments.event_bits <= irqchip::arm64::its_event_bits;
}

/// What every verb about LPIs needs: the tables of `its`.
Facts with_tables(Facts facts) {
    facts.memory = ItsMemory::pending;
    facts.memory_of_a_vcpu = ItsMemory::bytes_each;
    return facts;
}

/// Why such a machine has none; nothing if it has.
std::string without_tables(const vmm::MachineConfig& config) {
    if (config.its) return "";
    return fmt::format(
        "needs an ITS, and memory for its tables: set \"machine\": {{ \"its\": true, "
        "\"memory\": \"{:#x}\" }}",
        ItsMemory::large_translations(config.vcpu_ids.size()));
}

std::array<std::uint64_t, 4> encode(const CommandArguments& arguments, Stage& stage) {
    const std::uint64_t device = arguments.device.value_or(0);
    const std::uint64_t collection = arguments.collection.value_or(0);
    const std::uint64_t valid = arguments.valid ? valid_bit : 0;
    std::array<std::uint64_t, 4> words{static_cast<std::uint64_t>(arguments.command) | device << 32,
                                       arguments.event.value_or(0), 0, 0};
    switch (arguments.command) {
        case ItsCommand::mapd:
            words[1] = arguments.event_bits - 1;
            words[2] = valid | memory_at(translation_table(arguments, stage.config.vcpu_ids.size()).offset);
            break;
        case ItsCommand::mapc: words[2] = valid | target(stage, arguments.to) | collection; break;
        case ItsCommand::mapti:
            words[1] |= std::uint64_t{arguments.intid.value_or(0)} << 32;
            words[2] = collection;
            break;
        case ItsCommand::mapi:
        case ItsCommand::movi:
        case ItsCommand::invall: words[2] = collection; break;
        case ItsCommand::movall:
            words[2] = target(stage, arguments.from);
            words[3] = target(stage, arguments.to);
            break;
        case ItsCommand::sync: words[2] = target(stage, arguments.to); break;
        case ItsCommand::interrupt:
        case ItsCommand::clear:
        case ItsCommand::inv:
        case ItsCommand::discard: break;
    }
    return words;
}

std::string message_in_words(std::uint32_t event, std::optional<std::uint32_t> device,
                             std::optional<std::uint64_t> address) {
    std::string text = fmt::format("event {}", event);
    if (device) text += fmt::format(" of device {}", *device);
    if (address) text += fmt::format(" to {:#x}", *address);
    return text;
}

/// The keys that a command takes beside `command` and `vcpu`: what it needs, and what it may have.
struct CommandKeys {
    ItsCommand command;
    std::array<std::string_view, 4> needed;
    std::array<std::string_view, 2> optional{};
};

// IHI 0069, 5.3.
constexpr std::array command_keys{
    CommandKeys{ItsCommand::mapd, {"device"}, {"event_bits", "valid"}},
    CommandKeys{ItsCommand::mapc, {"collection"}, {"to", "valid"}},
    CommandKeys{ItsCommand::mapti, {"device", "event", "intid", "collection"}},
    CommandKeys{ItsCommand::mapi, {"device", "event", "collection"}},
    CommandKeys{ItsCommand::movi, {"device", "event", "collection"}},
    CommandKeys{ItsCommand::movall, {"from", "to"}},
    CommandKeys{ItsCommand::discard, {"device", "event"}},
    CommandKeys{ItsCommand::clear, {"device", "event"}},
    CommandKeys{ItsCommand::interrupt, {"device", "event"}},
    CommandKeys{ItsCommand::inv, {"device", "event"}},
    CommandKeys{ItsCommand::invall, {"collection"}},
    CommandKeys{ItsCommand::sync, {"to"}},
};

constexpr const CommandKeys& keys_of(ItsCommand command) {
    return *std::find_if(command_keys.begin(), command_keys.end(),
                         [command](const CommandKeys& keys) { return keys.command == command; });
}

}  // namespace

void CommandArguments::check(const CommandArguments& arguments, const Cursor& at) {
    const CommandKeys& keys = keys_of(arguments.command);
    const std::string_view name = word_of(arguments.command);
    for (const std::string_view key : keys.needed)
        if (!key.empty() && at.node().find(key) == nullptr)
            at.fail(fmt::format("{} needs the key '{}'", name, key));
    const auto takes = [&](std::string_view key) {
        const auto is_it = [key](std::string_view each) { return each == key; };
        return key == "command" || key == "vcpu" ||
               std::any_of(keys.needed.begin(), keys.needed.end(), is_it) ||
               std::any_of(keys.optional.begin(), keys.optional.end(), is_it);
    };
    for (const Node::Member& member : *at.node().object())
        if (!takes(member.key))
            at.at(member.key, member.value).fail(fmt::format("{} takes no '{}'", name, member.key));
    if (arguments.command == ItsCommand::mapc && arguments.valid != arguments.to.has_value())
        at.fail(arguments.valid ? "mapc needs the key 'to', or \"valid\": false"
                                : "mapc takes no 'to' where 'valid' is false");
}

std::string ItsVerb::explain() const {
    return fmt::format("{} gives the ITS and the redistributors their tables, {}and enables LPIs.", who(),
                       arguments_.two_level ? "that of the devices in two levels, " : "");
}

Facts ItsVerb::facts() const { return with_tables(GuestVerb::facts()); }

std::string ItsVerb::unfit_for(const vmm::MachineConfig& config) const { return without_tables(config); }

std::vector<vmm::GuestOp> set_up_its(const vmm::MachineConfig& config, bool two_level) {
    namespace gicr = irqchip::arm64::gicr;
    constexpr std::uint64_t pages_64k = 2U << 8;
    constexpr std::uint64_t queue_pages = ItsMemory::bytes_each / 0x1000 - 1;
    constexpr std::uint64_t pending_zero = std::uint64_t{1} << 62;
    constexpr std::uint64_t indirect = std::uint64_t{1} << 62;
    // Memory of a table is zero when it is given to the ITS (IHI 0069, 5.2), also after a reset.
    constexpr std::uint64_t second_level = memory_at(ItsMemory::second_level);
    std::vector<vmm::GuestOp> operations{
        operation(OP_CLEAR, memory_at(ItsMemory::devices), ItsMemory::bytes_each, 8, "clear devices"),
        operation(OP_CLEAR, memory_at(ItsMemory::collections), ItsMemory::bytes_each, 8, "clear collections"),
        write_long(gits_baser_devices,
                   valid_bit | (two_level ? indirect : 0) | its_attributes | pages_64k |
                       memory_at(ItsMemory::devices),
                   "gits_baser0"),
        write_long(gits_baser_collections,
                   valid_bit | its_attributes | pages_64k | memory_at(ItsMemory::collections), "gits_baser1"),
        write_long(gits_cbaser, valid_bit | its_attributes | memory_at(ItsMemory::queue) | queue_pages,
                   "gits_cbaser"),
        write_long(gits_cwriter, 0, "gits_cwriter")};
    if (two_level) {
        operations.push_back(
            operation(OP_CLEAR, second_level, 2 * ItsMemory::bytes_each, 8, "clear second level of devices"));
        for (std::uint64_t page = 0; page < 2; ++page)
            operations.push_back(write_long(memory_at(ItsMemory::devices) + page * sizeof page,
                                            valid_bit | (second_level + page * ItsMemory::bytes_each),
                                            fmt::format("second level {} of devices", page)));
    }
    for (std::uint32_t vcpu = 0; vcpu < config.vcpu_ids.size(); ++vcpu) {
        const std::uint64_t frames = redistributor_of(vcpu);
        operations.push_back(
            write_long(frames + gicr::propbaser,
                       lpi_attributes | memory_at(ItsMemory::properties) | (interrupt_id_bits - 1),
                       fmt::format("gicr_propbaser of {}", vcpu)));
        operations.push_back(write_long(
            frames + gicr::pendbaser,
            pending_zero | lpi_attributes | memory_at(ItsMemory::pending + vcpu * ItsMemory::bytes_each),
            fmt::format("gicr_pendbaser of {}", vcpu)));
        operations.push_back(write_word(frames + gicr::ctlr, 1, fmt::format("gicr_ctlr of {}", vcpu)));
    }
    operations.push_back(write_word(gits_ctlr, 1, "gits_ctlr"));
    return operations;
}

std::vector<vmm::GuestOp> ItsVerb::operations(Stage& stage) const {
    return set_up_its(stage.config, arguments_.two_level);
}

std::string ResetVerb::explain() const {
    return fmt::format("The host resets the ITS{}.", refusal_in_words(arguments_.error));
}

void ResetVerb::perform(Stage& stage) const {
    stage.machine.reset_controller(word_of(arguments_.controller));
}

Facts ResetVerb::facts() const {
    Facts facts;
    facts.asserts = arguments_.error.has_value();
    return facts;
}

std::string ResetVerb::unfit_for(const vmm::MachineConfig& config) const { return without_tables(config); }

std::string LpiVerb::explain() const {
    return fmt::format("{} configures LPI {}: priority {:#04x}, {}.", who(), arguments_.intid,
                       arguments_.priority, arguments_.enabled ? "enabled" : "disabled");
}

Facts LpiVerb::facts() const { return with_tables(GuestVerb::facts()); }

std::string LpiVerb::unfit_for(const vmm::MachineConfig& config) const { return without_tables(config); }

std::vector<vmm::GuestOp> LpiVerb::operations(Stage&) const {
    const std::uint32_t value = (arguments_.priority & 0xfc) | 2 | (arguments_.enabled ? 1U : 0U);
    return {operation(OP_WRITE,
                      memory_at(ItsMemory::properties) + arguments_.intid - irqchip::arm64::first_lpi, value,
                      1, fmt::format("configuration of {}", arguments_.intid))};
}

std::string CommandVerb::explain() const {
    std::string text = fmt::format("{} has the ITS execute {}", who(), word_of(arguments_.command));
    const auto add = [&text](std::string_view name, const std::optional<std::uint32_t>& value) {
        if (value) text += fmt::format(", {} {}", name, *value);
    };
    add("device", arguments_.device);
    add("event", arguments_.event);
    add("INTID", arguments_.intid);
    add("collection", arguments_.collection);
    add("from vCPU", arguments_.from);
    add("to vCPU", arguments_.to);
    return text + (arguments_.valid ? "." : ", not valid.");
}

Facts CommandVerb::facts() const {
    Facts facts = with_tables(GuestVerb::facts());
    facts.apart = true;  // it goes where the queue ends
    if (has_table(arguments_)) {
        const std::uint32_t device = arguments_.device.value_or(0);
        facts.tenant = Tenant{
            device % translation_tables, device, "devices",
            fmt::format("share a translation table: use ids that differ modulo {}", translation_tables)};
        // The large tables follow what there is for each vCPU.
        const TranslationTable table = translation_table(arguments_, 0);
        facts.memory = std::max(facts.memory, table.offset + table.bytes);
    }
    for (const auto& vcpu : {arguments_.from, arguments_.to})
        if (vcpu) facts.vcpus.push_back(*vcpu);
    facts.causes = true;
    return facts;
}

std::string CommandVerb::unfit_for(const vmm::MachineConfig& config) const { return without_tables(config); }

std::vector<vmm::GuestOp> CommandVerb::operations(Stage& stage) const {
    const std::uint64_t position = queue_position(stage);
    const std::string name(word_of(arguments_.command));
    std::vector<vmm::GuestOp> operations;
    // What a table holds when its device is mapped are mappings, as far as the ITS reads it and does not keep
    // them elsewhere, as KVM does: no software leaves anything there (IHI 0069, 5.3.11).
    if (has_table(arguments_)) {
        const TranslationTable table = translation_table(arguments_, stage.config.vcpu_ids.size());
        operations.push_back(operation(OP_CLEAR, memory_at(table.offset), table.bytes, 8, "clear itt"));
    }
    std::uint64_t at = memory_at(ItsMemory::queue) + position;
    for (const std::uint64_t word : encode(arguments_, stage)) {
        operations.push_back(write_long(at, word, name + " word"));
        at += sizeof word;
    }
    operations.push_back(
        write_long(gits_cwriter, (position + command_bytes) % ItsMemory::bytes_each, "gits_cwriter"));
    return operations;
}

std::string MsiVerb::explain() const {
    return fmt::format("The host sends {}{}{}.",
                       message_in_words(arguments_.event, arguments_.device, arguments_.address),
                       status_in_words(arguments_.status), refusal_in_words(arguments_.error));
}

void MsiVerb::perform(Stage& stage) const {
    stage.machine.msi({arguments_.address.value_or(gits_translater), arguments_.event, arguments_.device});
}

Facts MsiVerb::facts() const {
    Facts facts;
    facts.threadable = facts.causes = true;
    facts.asserts = arguments_.status || arguments_.error;
    return facts;
}

std::string RouteVerb::explain() const {
    const std::string where = arguments_.spi ? fmt::format("INTID {}", *arguments_.spi)
                                             : message_in_words(arguments_.msi->event, arguments_.msi->device,
                                                                arguments_.msi->address);
    return fmt::format("The host routes {} to {}{}.", gsi_in_words(arguments_.gsi), where,
                       refusal_in_words(arguments_.error));
}

void RouteVerb::perform(Stage& stage) const {
    using namespace routing;
    RoutingTable table = stage.machine.routes();
    if (arguments_.spi)
        table.set(arguments_.gsi,
                  {PinRoute{routing::arm64::gic, *arguments_.spi - routing::arm64::first_spi}});
    else
        table.set(arguments_.gsi, {MsiRoute{arguments_.msi->address.value_or(gits_translater),
                                            arguments_.msi->event, arguments_.msi->device}});
    stage.machine.route(table);
}

Facts RouteVerb::facts() const {
    Facts facts;
    facts.threadable = facts.routes = true;
    facts.routed = arguments_.gsi;
    facts.asserts = arguments_.error.has_value();
    return facts;
}

// What must be refused need not be there.
std::string RouteVerb::unfit_for(const vmm::MachineConfig& config) const {
    if (arguments_.error) return {};
    if (arguments_.spi && *arguments_.spi >= irqchip::arm64::first_special)
        return fmt::format("INTID {} is no SPI", *arguments_.spi);
    if (arguments_.spi) return Intid::unfit_for(config, *arguments_.spi);
    if (arguments_.msi->address || config.its) return {};
    return "needs an ITS for its message: set \"machine\": { \"its\": true }";
}

}  // namespace irqbench::scenarios::verbs::arm64
