#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "routing/table.hpp"
#include "tools/bench/path.hpp"
#include "vmm/machine.hpp"

namespace irqbench::tools::bench {

/// What the host does to begin a round trip.
struct Stimulus {
    enum class Kind : std::uint8_t { line, msi, irqfd };
    Kind kind = Kind::line;
    std::uint32_t gsi = 0;          ///< of a line and an irqfd
    std::uint32_t kernel_line = 0;  ///< what KVM_IRQ_LINE calls that line
    bool resample = false;          ///< of an irqfd
    vmm::MsiMessage message{};
};

/// How a machine is wired for one path.
struct Wiring {
    Stimulus stimulus;
    /// The interrupt that it is, on vCPU 0. Where `act` is, its handler stays and does that.
    std::uint32_t vector = 0;
    std::vector<vmm::GuestOp> setup{};  ///< by vCPU 0, or by the one that takes what `act` sends
    std::vector<routing::Entry> routes{};
    std::vector<vmm::GuestOp> act{};  ///< IPI, doorbell; of a timer the first one's value is the deadline
    std::optional<vmm::IoeventfdSpec> doorbell{};
    std::uint8_t stay_policy = 0;  ///< of the handler that does it
    /// What the handler of the timer's interrupt stays for, and does, where its output is a level.
    std::vector<vmm::GuestOp> quench{};
    std::uint32_t taken_vector = 0;  ///< of that interrupt
};

/// What is particular to one architecture: everything the rest of this folder must not know.
struct Architecture {
    std::string_view name;  ///< as vmm::Host::arch says it
    /// Chooses what machine it is, of those that this host has.
    void (*configure)(vmm::MachineConfig& config, const vmm::Host& host);
    /// Why there is no such path on such a machine; nothing if there is.
    std::string (*lacks)(Path path, const vmm::MachineConfig& config, const vmm::Host& host);
    /// Why the path has no bare loop to compare it with; nothing if it has.
    std::string (*lacks_bare)(Path path, const vmm::MachineConfig& config, const vmm::Host& host);
    Wiring (*wiring)(Path path, const vmm::MachineConfig& config);
    /// A route that no interrupt takes, to make a table long.
    routing::Route (*unused_route)(std::uint32_t gsi);
    /// The first GSI that has none at first: a wiring may give it one.
    std::uint32_t first_unused_gsi;
    std::uint32_t most_vcpus;
};

[[nodiscard]] std::span<const Architecture* const> architectures();
/// Null where there is none of that name.
[[nodiscard]] const Architecture* find_architecture(std::string_view name);

}  // namespace irqbench::tools::bench
