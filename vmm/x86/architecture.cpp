#include "vmm/architecture.hpp"

#include <fmt/format.h>
#include <linux/kvm.h>

#include <stdexcept>

#include "vmm/guest/agent.hpp"
#include "vmm/x86/boot.hpp"
#include "vmm/x86/kernel_irqchip.hpp"
#include "vmm/x86/split_irqchip.hpp"
#include "vmm/x86/traits.hpp"
#include "vmm/x86/userspace_irqchip.hpp"

namespace irqbench::vmm::architecture {

std::string_view name() { return "x86_64"; }

void add_agent(kvm::Vm& vm, kvm::GuestMemory& memory, kvm::MemorySlots& slots,
               std::span<const std::uint32_t> vcpu_ids) {
    const std::uint64_t bytes = guest::Agent::memory_size(vcpu_ids.size());
    memory.add(0, bytes);
    slots.add(memory, 0, bytes);
    memory.add(AGENT_RESET, kvm::GuestMemory::page_size);
    slots.add(memory, AGENT_RESET, kvm::GuestMemory::page_size);
    x86::load_agent(memory, vcpu_ids);
    // Address space 1 is what a vCPU in SMM sees (api.rst, KVM_SET_USER_MEMORY_REGION and
    // KVM_CAP_MULTI_ADDRESS_SPACE).
    if (vm.check_extension(KVM_CAP_MULTI_ADDRESS_SPACE) < 2) return;
    kvm_userspace_memory_region region{};
    region.slot = 1U << 16;
    region.memory_size = bytes;
    region.userspace_addr = memory.userspace_address(0, bytes);
    vm.set_user_memory_region(region);
}

std::vector<std::string> placements() { return {"kernel", "split", "userspace"}; }

std::vector<std::string> placements(const kvm::System& system) {
    std::vector<std::string> names;
    if (system.check_extension(KVM_CAP_IRQCHIP) != 0) names.emplace_back("kernel");
    if (system.check_extension(KVM_CAP_SPLIT_IRQCHIP) != 0) names.emplace_back("split");
    const auto has = [&system](unsigned long capability) { return system.check_extension(capability) != 0; };
    if (has(KVM_CAP_X86_USER_SPACE_MSR) && has(KVM_CAP_X86_MSR_FILTER) && has(KVM_CAP_IMMEDIATE_EXIT))
        names.emplace_back("userspace");
    return names;
}

std::unique_ptr<Placement> make_placement(const kvm::System& system, kvm::Vm& vm, kvm::GuestMemory&,
                                          const MachineConfig& config, Recorder& recorder) {
    if (config.placement == "split") return std::make_unique<x86::SplitIrqchip>(system, vm, config, recorder);
    if (config.placement == "userspace")
        return std::make_unique<x86::UserspaceIrqchip>(system, vm, config, recorder);
    if (config.placement == "kernel")
        return std::make_unique<x86::KernelIrqchip>(system, vm, config, recorder);
    throw std::invalid_argument(fmt::format("no irqchip mode is called '{}'", config.placement));
}

std::map<std::string, OwnControllers, std::less<>> own_controllers() {
    OwnControllers userspace;
    userspace.capabilities = {"irq_routing",
                              "irq_inject_status",
                              "signal_msi",
                              "irqfd",
                              "irqfd_resample",
                              "x2apic_api",
                              "x2apic_suppress_eoi_broadcast",
                              "pit2",
                              "tsc_deadline_timer"};
    return {{"userspace", std::move(userspace)}};
}

BareInput bare_input() { return {}; }

void probe_traits(Host& host) { host.traits = x86::probe_traits(); }

}  // namespace irqbench::vmm::architecture
