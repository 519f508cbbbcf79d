#include "irqchip/arm64/its.hpp"

#include <variant>

// What each command does, in the order of IHI 0069, 5.3.
namespace irqbench::irqchip::arm64 {

namespace {

/// A lookup's fault, or the outcome of what is done with what it found.
template <class Found, class Then>
std::optional<ItsFault> on(const std::variant<Found, ItsFault>& result, Then then) {
    if (const auto* fault = std::get_if<ItsFault>(&result)) return *fault;
    return then(std::get<Found>(result));
}

}  // namespace

Its::Outcome Its::execute(const ItsCommand& command, TableMemory& memory, LpiEffects& effects) {
    switch (command.opcode()) {
        case ItsOpcode::clear:
        case ItsOpcode::discard:
        case ItsOpcode::inv: return on_mapped_event(command, memory, effects);
        case ItsOpcode::interrupt:
            return on(translate(command.device(), command.event(), memory), [&](Translation to) -> Outcome {
                effects.add(LpiPending{to.redistributor, to.intid});
                return {};
            });
        case ItsOpcode::invall: return invall(command, memory, effects);
        case ItsOpcode::mapc: return mapc(command, memory);
        case ItsOpcode::mapd: return mapd(command, memory);
        case ItsOpcode::mapi: return mapti(command, command.event(), memory, effects);
        case ItsOpcode::mapti: return mapti(command, command.intid(), memory, effects);
        case ItsOpcode::movall: return movall(command, effects);
        case ItsOpcode::movi: return movi(command, memory, effects);
        case ItsOpcode::sync: return {};
    }
    return ItsFault::unknown_command;
}

Its::Outcome Its::on_mapped_event(const ItsCommand& command, TableMemory& memory, LpiEffects& effects) {
    const std::uint32_t device = command.device();
    const std::uint32_t event = command.event();
    return on(find_mapped(device, event, memory), [&](const Event& found) {
        return on(translation_of(found.entry), [&](Translation at) -> Outcome {
            if (command.opcode() == ItsOpcode::inv) {
                effects.add(LpiInvalidated{at.redistributor, at.intid});
                return {};
            }
            if (command.opcode() == ItsOpcode::discard) {
                if (!memory.write64(found.address, 0)) return ItsFault::table_unreachable;
                cache_.forget(device, event);
            }
            effects.add(LpiCleared{at.redistributor, at.intid});
            return {};
        });
    });
}

Its::Outcome Its::invall(const ItsCommand& command, const TableMemory& memory, LpiEffects& effects) const {
    if (!has_collection(command.collection(), memory)) return ItsFault::collection_oor;
    const auto target = target_of(command.collection());
    if (!target) return ItsFault::unmapped_collection;
    effects.add(AllLpisInvalidated{*target});
    return {};
}

Its::Outcome Its::mapc(const ItsCommand& command, TableMemory& memory) {
    const std::uint16_t collection = command.collection();
    if (command.valid() && !redistributor_called(command.target())) return ItsFault::procnum_oor;
    if (!has_collection(collection, memory)) return ItsFault::collection_oor;
    if (!command.valid())
        collections_.unmap(collection, collection_table(), memory);
    else if (!collections_.map(collection, static_cast<std::uint32_t>(command.target()), collection_table(),
                               memory))
        return ItsFault::collection_oor;
    cache_.forget_collection(collection);
    return {};
}

Its::Outcome Its::mapd(const ItsCommand& command, TableMemory& memory) {
    const std::uint32_t device = command.device();
    const auto address =
        (device >> its_device_bits) == 0 ? devices().entry(device, memory) : std::optional<std::uint64_t>{};
    if (!address || !memory.read64(*address)) return ItsFault::device_oor;
    DeviceEntry entry;
    if (command.valid()) {
        if (command.event_bits() > its_event_bits) return ItsFault::ittsize_oor;
        entry.set(entry.valid, true);
        entry.set(entry.itt, command.itt() >> 8);
        entry.set(entry.size, static_cast<std::uint8_t>(command.event_bits() - 1));
    }
    if (!memory.write64(*address, entry.raw())) return ItsFault::device_oor;
    if (command.valid())
        mapped_.insert(device);
    else
        mapped_.erase(device);
    cache_.forget_device(device);
    return {};
}

Its::Outcome Its::mapti(const ItsCommand& command, std::uint32_t intid, TableMemory& memory,
                        LpiEffects& effects) {
    const std::uint16_t collection = command.collection();
    const auto found = find_event(command.device(), command.event(), memory);
    const auto* fault = std::get_if<ItsFault>(&found);
    if (fault != nullptr && *fault == ItsFault::device_oor) return *fault;
    if (!has_collection(collection, memory)) return ItsFault::collection_oor;
    return on(found, [&](const Event& event) -> Outcome {
        if (!is_lpi(intid)) return ItsFault::physicalid_oor;
        // Mapped already: unpredictable (IHI 0069, 5.3, MAPTI).
        if (event.entry.get(InterruptEntry::intid) != 0) return {};
        const auto entry =
            InterruptEntry{}.with(InterruptEntry::intid, intid).with(InterruptEntry::collection, collection);
        if (!memory.write64(event.address, entry.raw())) return ItsFault::table_unreachable;
        if (const auto target = target_of(collection)) effects.add(LpiMapped{*target, intid});
        return {};
    });
}

Its::Outcome Its::movall(const ItsCommand& command, LpiEffects& effects) const {
    const auto from = redistributor_called(command.target());
    const auto to = redistributor_called(command.second_target());
    if (!from || !to) return ItsFault::procnum_oor;
    if (*from != *to) effects.add(AllLpisMoved{*from, *to});
    return {};
}

Its::Outcome Its::movi(const ItsCommand& command, TableMemory& memory, LpiEffects& effects) {
    const std::uint32_t device = command.device();
    const std::uint32_t event = command.event();
    const std::uint16_t collection = command.collection();
    return on(find_mapped(device, event, memory), [&](const Event& found) -> Outcome {
        if (!has_collection(collection, memory)) return ItsFault::collection_oor;
        const auto from = target_of(found.entry.get(InterruptEntry::collection));
        const auto to = target_of(collection);
        if (!from || !to) return ItsFault::unmapped_collection;
        const std::uint32_t intid = found.entry.get(InterruptEntry::intid);
        if (!is_lpi(intid)) return ItsFault::ite_invalid;
        const auto moved = found.entry.with(InterruptEntry::collection, collection);
        if (!memory.write64(found.address, moved.raw())) return ItsFault::table_unreachable;
        cache_.forget(device, event);
        if (*from != *to) effects.add(LpiMoved{*from, *to, intid});
        return {};
    });
}

}  // namespace irqbench::irqchip::arm64
