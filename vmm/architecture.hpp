#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/kvm/memory.hpp"
#include "vmm/kvm/memory_slots.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine.hpp"
#include "vmm/placement.hpp"
#include "vmm/recorder.hpp"

/// What a machine asks of the architecture of its vCPUs. Each architecture has one definition of these, in
/// the folder of its name; the build takes that of the host.
namespace irqbench::vmm::architecture {

/// What a scenario's "arch" calls it.
[[nodiscard]] std::string_view name();

/// Adds the memory of the guest agent, wherever the architecture's vCPUs look for it, and writes the agent
/// with its tables there; the vCPUs have these ids.
void add_agent(kvm::Vm& vm, kvm::GuestMemory& memory, kvm::MemorySlots& slots,
               std::span<const std::uint32_t> vcpu_ids);

/// The irqchip modes that there are, best known first.
[[nodiscard]] std::vector<std::string> placements();

/// Those of them that this host's KVM has.
[[nodiscard]] std::vector<std::string> placements(const kvm::System& system);

/// @throws std::invalid_argument for a name that placements() does not have
[[nodiscard]] std::unique_ptr<Placement> make_placement(const kvm::System& system, kvm::Vm& vm,
                                                        kvm::GuestMemory& memory, const MachineConfig& config,
                                                        Recorder& recorder);

/// What those of them offer whose controllers are all in our process.
[[nodiscard]] std::map<std::string, OwnControllers, std::less<>> own_controllers();

/// How a vCPU is interrupted by bare calls where no controller is KVM's: what stands in for one, and costs
/// nothing else. Nothing of it where the vCPU's own thread puts in a vector by KVM_INTERRUPT.
struct BareInput {
    /// From any thread.
    void (*raise)(kvm::Vm& vm, std::uint32_t vcpu_id) = nullptr;
    /// By the vCPU's thread after each exit, as long as this vector is what was raised last.
    void (*answer)(kvm::Vm& vm, std::uint32_t vcpu_id, const kvm::Exit& exit, std::uint32_t vector) = nullptr;
};
[[nodiscard]] BareInput bare_input();

/// The ways in which this host's KVM differs from the manual, each found out on a small machine, by the names
/// of scenarios::Architecture::traits: into Host::traits and Host::traits_of_gic.
void probe_traits(Host& host);

}  // namespace irqbench::vmm::architecture
