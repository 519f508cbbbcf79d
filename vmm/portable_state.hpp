#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "routing/table.hpp"
#include "vmm/gic_state.hpp"
#include "vmm/guest/agent.hpp"
#include "vmm/pc_state.hpp"
#include "vmm/saved_eventfds.hpp"

namespace irqbench::vmm {

/// A state that machines of every irqchip mode can be restored from, also by another process: a value without
/// anything of the host's.
struct PortableState final : MachineState {
    /// A handler that does something else than the usual.
    struct Handler {
        std::uint32_t vector = 0;
        std::uint8_t policy = 0;
        std::optional<std::uint32_t> lowers;
    };
    /// A vCPU and its agent.
    struct Vcpu {
        std::uint32_t id = 0;
        std::vector<Handler> handlers;
        event::Rest rest{event::RestState::idle, true, 0, 0};
        guest::Agent::Ends mailbox;  ///< where there is an agent in the memory
    };

    std::string placement;  ///< the irqchip mode it was saved in
    RunMode run = RunMode::stepped;
    std::uint64_t memory_bytes = 0;                          ///< MachineConfig::memory
    std::map<std::uint64_t, std::vector<std::byte>> memory;  ///< by page, those that are not zero
    std::uint32_t barrier = 0;                               ///< SHARED_BARRIER
    std::uint32_t smis = 0;                                  ///< SHARED_SMIS
    std::vector<Vcpu> vcpus;
    routing::RoutingTable routes;
    /// In an order in which they can be assigned.
    std::vector<SavedIrqfd> irqfds;
    std::vector<SavedIoeventfd> ioeventfds;
    // One of these, by the architecture; the other has no CPUs.
    x86::PcState pc;
    arm64::BoardState board;

    /// The CPU that this vCPU is.
    [[nodiscard]] CpuStanding& standing(std::size_t vcpu);
    [[nodiscard]] const CpuStanding& standing(std::size_t vcpu) const;
};

/// Why a machine built from `config` cannot go on from this state in that irqchip mode on this host; empty if
/// it can.
[[nodiscard]] std::string unfit(const PortableState& state, const MachineConfig& config,
                                std::string_view placement);

/// The same for any host: what the state and the irqchip mode say by themselves.
[[nodiscard]] std::string unfit_anywhere(const PortableState& state, const MachineConfig& config,
                                         std::string_view placement);

/// MachineConfig::gic of a machine that goes on from there: where the configuration leaves it to the host,
/// the state says what it is.
[[nodiscard]] std::string gic_of(const PortableState& state, const MachineConfig& config);

/// A state that cannot be gone on from there; nothing has been changed.
class Unreachable : public std::invalid_argument {
  public:
    using std::invalid_argument::invalid_argument;
};

/// @throws Unreachable with the reason that unfit() gives
void require_fit(const PortableState& state, const MachineConfig& config, std::string_view placement);

/// Whether the page is one of the guest agent's own, which a machine without one does not have.
[[nodiscard]] bool is_agents_page(std::uint64_t address, std::size_t vcpus);

}  // namespace irqbench::vmm
