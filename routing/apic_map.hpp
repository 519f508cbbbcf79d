#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "irqchip/x86/lapic.hpp"
#include "irqchip/x86/msi.hpp"

namespace irqbench::routing::x86 {

/// Which CPUs the local APIC of may answer to a destination. Ids, logical ids and modes rarely change, and a
/// search would make every message cost as much as there are CPUs. A value: copyable and comparable.
class ApicMap {
  public:
    /// The local APIC of the CPU is now like this.
    void set(std::size_t cpu, const irqchip::x86::LocalApic& lapic);

    /// Whether a message may be for any number of CPUs: of xAPICs 0xFF is all, whatever its upper bits.
    [[nodiscard]] static bool is_broadcast(const irqchip::x86::Message& message);

    /// The CPUs that may be meant by what is no broadcast, each once, in order: all that are, and others
    /// perhaps, which LocalApic::accepts() tells apart.
    [[nodiscard]] std::vector<std::size_t> candidates(const irqchip::x86::Message& message) const;

    friend bool operator==(const ApicMap&, const ApicMap&) = default;

  private:
    using Key = std::uint64_t;

    static std::vector<Key> keys_of(const irqchip::x86::LocalApic& lapic);

    std::unordered_map<Key, std::vector<std::size_t>> cpus_;  ///< no list of them is empty
    std::vector<std::vector<Key>> keys_;                      ///< by CPU
};

}  // namespace irqbench::routing::x86
