#include "irqchip/arm64/its.hpp"

#include <algorithm>

namespace irqbench::irqchip::arm64 {

LpiEffects Its::signal(std::uint32_t device, std::uint32_t event, const TableMemory& memory) {
    if (!enabled()) return {};
    const auto result = translate(device, event, memory);
    if (const auto* fault = std::get_if<ItsFault>(&result))
        return {TranslationFailed{device, event, {ItsOpcode::interrupt, *fault}}};
    const auto& to = std::get<Translation>(result);
    return {LpiPending{to.redistributor, to.intid}};
}

std::variant<DeviceEntry, ItsFault> Its::find_device(std::uint32_t device, const TableMemory& memory) const {
    if (device >> its_device_bits != 0) return ItsFault::device_oor;
    const auto address = devices().entry(device, memory);
    const auto raw = address ? memory.read64(*address) : std::nullopt;
    if (!raw) return ItsFault::device_oor;
    const DeviceEntry entry{*raw};
    if (!entry.get(entry.valid) || !mapped_.contains(device)) return ItsFault::unmapped_device;
    return entry;
}

std::variant<Its::Event, ItsFault> Its::find_event(std::uint32_t device, std::uint32_t event,
                                                   const TableMemory& memory) const {
    const auto found = find_device(device, memory);
    if (const auto* fault = std::get_if<ItsFault>(&found)) return *fault;
    const auto& entry = std::get<DeviceEntry>(found);
    // A guest that writes into its device table can make the size anything.
    if (event >> std::min(entry.event_bits(), its_event_bits) != 0) return ItsFault::id_oor;
    const std::uint64_t address = entry.itt_address() + std::uint64_t{event} * its_entry_size;
    const auto raw = memory.read64(address);
    if (!raw) return ItsFault::table_unreachable;
    return Event{address, InterruptEntry{*raw}};
}

std::variant<Its::Event, ItsFault> Its::find_mapped(std::uint32_t device, std::uint32_t event,
                                                    const TableMemory& memory) const {
    auto found = find_event(device, event, memory);
    const auto* mapped = std::get_if<Event>(&found);
    if (mapped != nullptr && mapped->entry.get(InterruptEntry::intid) == 0)
        return ItsFault::unmapped_interrupt;
    return found;
}

std::variant<Translation, ItsFault> Its::translation_of(const InterruptEntry& entry) const {
    const auto target = target_of(entry.get(entry.collection));
    const std::uint32_t intid = entry.get(entry.intid);
    if (!target || !is_lpi(intid)) return ItsFault::ite_invalid;
    return Translation{*target, intid};
}

std::vector<Translation> Its::mapped(const TableMemory& memory) const {
    std::vector<Translation> translations;
    std::uint32_t left = max_saved_entries;
    for (const std::uint32_t device : mapped_) {
        const auto found = find_device(device, memory);
        const auto* entry = std::get_if<DeviceEntry>(&found);
        if (entry == nullptr) continue;
        const std::uint64_t events = std::uint64_t{1} << entry->event_bits();
        for (std::uint64_t event = 0; event < events && left != 0; ++event, --left) {
            const auto raw = memory.read64(entry->itt_address() + event * its_entry_size);
            if (!raw) break;
            const auto translation = translation_of(InterruptEntry{*raw});
            if (const auto* leads = std::get_if<Translation>(&translation)) translations.push_back(*leads);
        }
    }
    return translations;
}

std::variant<Translation, ItsFault> Its::translate(std::uint32_t device, std::uint32_t event,
                                                   const TableMemory& memory) {
    if (const Translation* known = cache_.find(device, event)) return *known;
    const auto found = find_mapped(device, event, memory);
    if (const auto* fault = std::get_if<ItsFault>(&found)) return *fault;
    const InterruptEntry entry = std::get<Event>(found).entry;
    const auto result = translation_of(entry);
    if (const auto* translation = std::get_if<Translation>(&result))
        cache_.insert(device, event, {entry.get(entry.collection), *translation});
    return result;
}

std::optional<std::uint32_t> Its::redistributor_called(std::uint64_t number) const {
    const auto& numbers = options_.processor_numbers;
    if (numbers.empty())
        return number < options_.redistributors ? std::optional(static_cast<std::uint32_t>(number))
                                                : std::nullopt;
    const auto found = std::find(numbers.begin(), numbers.end(), number);
    if (found == numbers.end()) return std::nullopt;
    return static_cast<std::uint32_t>(found - numbers.begin());
}

std::optional<std::uint32_t> Its::target_of(std::uint16_t collection) const {
    const auto number = collections_.target(collection);
    return number ? redistributor_called(*number) : std::nullopt;
}

bool Its::has_collection(std::uint16_t collection, const TableMemory& memory) const {
    // The table has no holes, but as in KVM an ICID beyond it is out of range even while it is empty.
    const auto address = collection_table().entry(collection, memory);
    return address && memory.read64(*address);
}

bool Its::is_lpi(std::uint32_t intid) const {
    return intid >= first_lpi && intid >> options_.lpi_id_bits == 0;
}

}  // namespace irqbench::irqchip::arm64
