#pragma once

#include <cstdint>
#include <optional>

#include "tools/import/machines.hpp"
#include "tools/import/trace.hpp"

namespace irqbench::importing::arm64 {

/// Where a guest finds its GIC.
struct Layout {
    enum class Frame : std::uint8_t { distributor, redistributor, cpu_interface, its };
    struct Place {
        Frame frame;
        std::uint32_t cpu = 0;  ///< id of a redistributor's
        std::uint32_t offset;
    };

    std::uint32_t version = 3;
    std::uint64_t distributor = 0;
    std::uint64_t redistributors = 0;  ///< one behind the other, of all vCPUs
    std::uint64_t cpu_interface = 0;
    std::size_t vcpus = 0;
    std::uint32_t spis = 64;
    bool is_known = false;           ///< accesses were seen
    bool has_cpu_interface = false;  ///< whose accesses are in the trace: the GIC is emulated above KVM
    bool its = false;                ///< was accessed

    [[nodiscard]] std::optional<Place> find(std::uint64_t address) const;
};

constexpr std::uint64_t address_of(const Event& access) {
    return access.a | static_cast<std::uint64_t>(access.b >> 4) << 32;
}
constexpr std::uint32_t bytes_of(const Event& access) { return access.b & 0xf; }

/// Goes by the addresses that VMMs choose: no event names those that the kernel was told.
Layout find_layout(const KvmTrace& trace, const Machine& machine);

}  // namespace irqbench::importing::arm64
