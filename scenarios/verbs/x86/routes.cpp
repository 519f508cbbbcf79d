#include "scenarios/verbs/x86/routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "routing/x86.hpp"

namespace irqbench::scenarios {

namespace verbs::x86 {

using irqchip::x86::DestinationFormat;
using irqchip::x86::Message;

namespace {

/// Why a machine has no messages to such a destination; nothing if it has.
std::string too_wide(std::uint32_t destination, const vmm::MachineConfig& config) {
    constexpr std::uint32_t last_extended_id = 0x7fff;
    if (config.x2apic_ids || destination <= last_extended_id) return "";
    return fmt::format(
        "the destination {:#x} is wider than this machine's messages: set \"machine\": {{ \"x2apic_ids\": "
        "true }}",
        destination);
}

}  // namespace

void MsiFields::check_vector(const MsiFields& fields, const Cursor& at) {
    const bool takes_vector =
        fields.mode == DeliveryMode::fixed || fields.mode == DeliveryMode::lowest_priority;
    if (takes_vector && !fields.address && !fields.vector)
        at.fail(fmt::format("a {} message needs the key 'vector'", word_of(fields.mode)));
}

vmm::MsiMessage MsiFields::message(const vmm::MachineConfig& config) const {
    if (address) return {*address, data.value_or(0), std::nullopt};
    const Message message{.destination = dest,
                          .destination_mode = dest_mode,
                          .delivery_mode = mode,
                          .vector = static_cast<std::uint8_t>(vector.value_or(0)),
                          .trigger = trigger,
                          .level = level.value_or(trigger == Trigger::level),
                          .redirection_hint = hint};
    const auto format = config.x2apic_ids ? DestinationFormat::x2apic_api : DestinationFormat::extended;
    const auto msi = irqchip::x86::encode(message, format);
    if (!msi) throw std::logic_error("a destination wider than the machine's passed the checks of load()");
    return {msi->address, msi->data, std::nullopt};
}

void MsiFields::note(Facts& facts) const {
    if (address)
        facts.wakes_later = facts.starts_any = true;
    else
        note_delivery(facts, mode);
}

std::string MsiFields::in_words() const {
    if (address) return fmt::format("address {:#x} data {:#x}", *address, data.value_or(0));
    std::string text;
    if (mode != DeliveryMode::fixed) text += fmt::format("{} ", word_of(mode));
    if (vector) text += fmt::format("vector {} ", vmm::vector_text(*vector));
    text += fmt::format("to {} {:#x}",
                        dest_mode == DestinationMode::physical ? "APIC id" : "logical destination", dest);
    if (trigger == Trigger::level)
        text += level.value_or(true) ? ", level-triggered" : ", level-triggered, de-asserted";
    if (hint) text += ", with the redirection hint";
    return text;
}

std::string MsiVerb::explain() const {
    return fmt::format("The host sends an MSI: {}{}{}.", arguments_.in_words(),
                       status_in_words(arguments_.status), refusal_in_words(arguments_.error));
}

Facts MsiVerb::facts() const {
    Facts facts;
    facts.threadable = true;
    facts.causes = facts.wakes = true;
    arguments_.note(facts);
    facts.wakes_later = false;
    facts.asserts = arguments_.status || arguments_.error;
    return facts;
}

std::string MsiVerb::unfit_for(const vmm::MachineConfig& config) const {
    return too_wide(arguments_.dest, config);
}

routing::Route RouteTarget::route(const vmm::MachineConfig& config) const {
    if (ioapic) return routing::PinRoute{routing::x86::ioapic, *ioapic};
    if (pic) return routing::x86::pic_route(*pic);
    if (msi) {
        const vmm::MsiMessage message = msi->message(config);
        return routing::MsiRoute{message.address, message.data};
    }
    const RawRouteArguments& entry = raw.value();
    return routing::from_raw({entry.type, entry.flags, {entry.chip, entry.pin, 0, 0}});
}

std::string RouteTarget::in_words() const {
    if (ioapic) return fmt::format("IOAPIC pin {}", *ioapic);
    if (pic) return fmt::format("PIC input {}", *pic);
    if (msi) return fmt::format("an MSI ({})", msi->in_words());
    const RawRouteArguments& entry = raw.value();
    return fmt::format("a raw entry of type {} with flags {:#x}, chip {:#x}, pin {:#x}", entry.type,
                       entry.flags, entry.chip, entry.pin);
}

std::vector<routing::Route> GsiRoutes::routes(const vmm::MachineConfig& config) const {
    if (to.empty()) return {route(config)};
    std::vector<routing::Route> all;
    for (const RouteTarget& target : to) all.push_back(target.route(config));
    return all;
}

void RouteTarget::note(Facts& facts) const {
    if (msi) msi->note(facts);
    if (raw) facts.wakes_later = facts.starts_any = true;
}

void GsiRoutes::note(Facts& facts) const {
    RouteTarget::note(facts);
    for (const RouteTarget& target : to) target.note(facts);
}

std::string GsiRoutes::in_words() const {
    std::string text = gsi_in_words(gsi) + " to ";
    if (to.empty()) return text + RouteTarget::in_words();
    for (std::size_t i = 0; i < to.size(); ++i) text += (i == 0 ? "" : " and ") + to[i].in_words();
    return text;
}

std::uint32_t GsiRoutes::widest_destination() const {
    std::uint32_t widest = msi ? msi->dest : 0;
    for (const RouteTarget& target : to) widest = std::max(widest, target.msi ? target.msi->dest : 0);
    return widest;
}

std::string RouteVerb::explain() const {
    return fmt::format("The host routes {}{}.", arguments_.in_words(), refusal_in_words(arguments_.error));
}

void RouteVerb::perform(Stage& stage) const {
    routing::RoutingTable table = stage.machine.routes();
    table.set(arguments_.gsi, arguments_.routes(stage.config));
    stage.machine.route(table);
}

Facts RouteVerb::facts() const {
    Facts facts;
    facts.threadable = facts.routes = true;
    facts.routed = arguments_.gsi;
    arguments_.note(facts);
    facts.asserts = arguments_.error.has_value();
    return facts;
}

std::string RouteVerb::unfit_for(const vmm::MachineConfig& config) const {
    return too_wide(arguments_.widest_destination(), config);
}

std::string RoutesVerb::explain() const {
    std::string what;
    if (arguments_.fill) {
        const FillArguments& fill = *arguments_.fill;
        what = fmt::format("one that sends the GSIs {} to {} to an MSI ({})", fill.first,
                           std::uint64_t{fill.first} + fill.count - 1, fill.msi.in_words());
    } else if (arguments_.table.named) {
        what = *arguments_.table.named == NamedTable::defaults ? "the kernel's default" : "an empty one";
    } else {
        what = "this:";
        for (const GsiRoutes& gsi : arguments_.table.listed) what += fmt::format(" {};", gsi.in_words());
        what.pop_back();
    }
    return fmt::format("The host replaces the routing table by {}{}.", what,
                       refusal_in_words(arguments_.error));
}

void RoutesVerb::perform(Stage& stage) const {
    routing::RoutingTable table;
    if (arguments_.fill) {
        const FillArguments& fill = *arguments_.fill;
        const vmm::MsiMessage message = fill.msi.message(stage.config);
        for (std::uint32_t i = 0; i < fill.count; ++i)
            table.set(fill.first + i, {routing::MsiRoute{message.address, message.data}});
    } else if (arguments_.table.named) {
        if (*arguments_.table.named == NamedTable::defaults) table = routing::x86::default_table();
    } else {
        for (const GsiRoutes& gsi : arguments_.table.listed) table.set(gsi.gsi, gsi.routes(stage.config));
    }
    stage.machine.route(table);
}

Facts RoutesVerb::facts() const {
    Facts facts;
    facts.threadable = facts.routes = true;
    if (arguments_.fill) arguments_.fill->msi.note(facts);
    for (const GsiRoutes& gsi : arguments_.table.listed) gsi.note(facts);
    facts.asserts = arguments_.error.has_value();
    return facts;
}

std::string RoutesVerb::unfit_for(const vmm::MachineConfig& config) const {
    std::uint32_t widest = arguments_.fill ? arguments_.fill->msi.dest : 0;
    for (const GsiRoutes& gsi : arguments_.table.listed) widest = std::max(widest, gsi.widest_destination());
    return too_wide(widest, config);
}

}  // namespace verbs::x86

verbs::x86::TableChoice Form<verbs::x86::TableChoice>::read(const Cursor& at, Limits) {
    using verbs::x86::GsiRoutes;
    if (at.node().array() == nullptr) return {Form<verbs::x86::NamedTable>::read(at, {}), {}};
    auto listed = Form<std::vector<GsiRoutes>>::read(at, {});
    std::vector<std::uint32_t> gsis;
    for (const GsiRoutes& routes : listed) gsis.push_back(routes.gsi);
    std::sort(gsis.begin(), gsis.end());
    const auto twice = std::adjacent_find(gsis.begin(), gsis.end());
    if (twice != gsis.end())
        at.fail(fmt::format("GSI {} is listed twice: use 'to' for several routes", *twice));
    return {std::nullopt, std::move(listed)};
}

Json Form<verbs::x86::TableChoice>::schema(Limits) {
    return {
        {"anyOf",
         {Form<verbs::x86::NamedTable>::schema({}), Form<std::vector<verbs::x86::GsiRoutes>>::schema({})}}};
}

}  // namespace irqbench::scenarios
