#include "routing/apic_map.hpp"

#include <algorithm>

namespace irqbench::routing::x86 {

using irqchip::x86::ApicMode;
using irqchip::x86::DestinationMode;
using irqchip::x86::DestinationModel;
using irqchip::x86::LocalApic;
using irqchip::x86::Message;

namespace {

/// What a destination is compared with: SDM vol. 3, 11.6.2.1, 11.6.2.2 and 11.12.10.2.
enum class Kind : std::uint64_t { xapic_id, x2apic_id, flat_bit, cluster, x2apic_cluster };

constexpr std::uint64_t key(Kind kind, std::uint32_t value) {
    return static_cast<std::uint64_t>(kind) << 32 | value;
}

constexpr std::uint32_t xapic_bits = 0xFF;

template <class Use>
void for_each_bit(std::uint32_t bits, Use use) {
    for (std::uint32_t bit = 0; bits != 0; ++bit, bits >>= 1)
        if ((bits & 1) != 0) use(bit);
}

}  // namespace

std::vector<ApicMap::Key> ApicMap::keys_of(const LocalApic& lapic) {
    switch (lapic.mode()) {
        case ApicMode::disabled: return {};
        case ApicMode::x2apic:
            return {key(Kind::x2apic_id, lapic.id()), key(Kind::x2apic_cluster, lapic.ldr() >> 16)};
        case ApicMode::xapic: break;
    }
    std::vector<Key> keys{key(Kind::xapic_id, lapic.id() & xapic_bits)};
    const std::uint32_t logical_id = lapic.ldr() >> 24;
    if (lapic.destination_model() == DestinationModel::cluster)
        keys.push_back(key(Kind::cluster, logical_id >> 4));
    else
        for_each_bit(logical_id, [&keys](std::uint32_t bit) { keys.push_back(key(Kind::flat_bit, bit)); });
    return keys;
}

void ApicMap::set(std::size_t cpu, const LocalApic& lapic) {
    if (keys_.size() <= cpu) keys_.resize(cpu + 1);
    std::vector<Key> keys = keys_of(lapic);
    if (keys == keys_[cpu]) return;
    for (const Key old : keys_[cpu]) {
        const auto list = cpus_.find(old);
        list->second.erase(std::find(list->second.begin(), list->second.end(), cpu));
        if (list->second.empty()) cpus_.erase(list);
    }
    for (const Key each : keys) {
        auto& list = cpus_[each];
        list.insert(std::lower_bound(list.begin(), list.end(), cpu), cpu);
    }
    keys_[cpu] = std::move(keys);
}

bool ApicMap::is_broadcast(const Message& message) {
    return (message.destination & xapic_bits) == xapic_bits;
}

std::vector<std::size_t> ApicMap::candidates(const Message& message) const {
    std::vector<std::size_t> found;
    const auto add = [this, &found](Kind kind, std::uint32_t value) {
        const auto list = cpus_.find(key(kind, value));
        if (list != cpus_.end()) found.insert(found.end(), list->second.begin(), list->second.end());
    };
    const std::uint32_t address = message.destination & xapic_bits;
    if (message.destination_mode == DestinationMode::physical) {
        add(Kind::xapic_id, address);
        add(Kind::x2apic_id, message.destination);
    } else {
        for_each_bit(address, [&add](std::uint32_t bit) { add(Kind::flat_bit, bit); });
        add(Kind::cluster, address >> 4);
        add(Kind::x2apic_cluster, message.destination >> 16);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

}  // namespace irqbench::routing::x86
