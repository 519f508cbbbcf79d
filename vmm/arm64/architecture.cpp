#include "vmm/architecture.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "vmm/arm64/boot.hpp"
#include "vmm/arm64/kernel_gic.hpp"
#include "vmm/arm64/traits.hpp"
#include "vmm/guest/agent.hpp"

namespace irqbench::vmm::architecture {

std::string_view name() { return "arm64"; }

void add_agent(kvm::Vm&, kvm::GuestMemory& memory, kvm::MemorySlots& slots,
               std::span<const std::uint32_t> vcpu_ids) {
    const std::uint64_t bytes = guest::Agent::memory_size(vcpu_ids.size());
    memory.add(0, bytes);
    slots.add(memory, 0, bytes);
    arm64::load_agent(memory);
}

std::vector<std::string> placements() { return {"kernel", "userspace"}; }

std::vector<std::string> placements(const kvm::System& system) {
    const kvm::Vm vm(system);
    if (arm64::gic_versions(vm).empty()) return {};
    return {"kernel"};
}

std::unique_ptr<Placement> make_placement(const kvm::System&, kvm::Vm& vm, const MachineConfig& config,
                                          Recorder& recorder) {
    if (config.placement == "kernel") return std::make_unique<arm64::KernelGic>(vm, config, recorder);
    throw std::invalid_argument(fmt::format("no irqchip mode is called '{}'", config.placement));
}

std::map<std::string, OwnControllers, std::less<>> own_controllers() { return {}; }

// The machines that are probed need a GIC.
std::vector<std::string> probe_traits() {
    if (placements(kvm::System()).empty()) return {};
    return arm64::probe_traits();
}

}  // namespace irqbench::vmm::architecture
