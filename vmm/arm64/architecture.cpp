#include "vmm/architecture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "irqchip/arm64/gicv2_registers.hpp"
#include "vmm/arm64/boot.hpp"
#include "vmm/arm64/irq_line.hpp"
#include "vmm/arm64/kernel_gic.hpp"
#include "vmm/arm64/traits.hpp"
#include "vmm/arm64/userspace_gic.hpp"
#include "vmm/guest/agent.hpp"

namespace irqbench::vmm::architecture {

namespace {

void raise_irq(kvm::Vm& vm, std::uint32_t vcpu_id) {
    vm.irq_line(arm64::encode_line({arm64::LineType::cpu, vcpu_id, KVM_ARM_IRQ_CPU_IRQ}), true);
}

/// A GICv2 that has one interrupt: the read of GICC_IAR takes it, and all other accesses go nowhere.
void answer_iar(kvm::Vm& vm, std::uint32_t vcpu_id, const kvm::Exit& exit, std::uint32_t vector) {
    const auto* mmio = std::get_if<kvm::MmioExit>(&exit);
    if (mmio == nullptr || mmio->write) return;
    const bool takes = mmio->address == AGENT_GICC + std::uint64_t{irqchip::arm64::gicc::iar};
    kvm::answer(mmio->data, takes ? vector : 0);
    if (takes) vm.irq_line(arm64::encode_line({arm64::LineType::cpu, vcpu_id, KVM_ARM_IRQ_CPU_IRQ}), false);
}

}  // namespace

BareInput bare_input() { return {raise_irq, answer_iar}; }

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
    std::vector<std::string> names;
    if (!arm64::gic_versions(vm).empty()) names.emplace_back("kernel");
    if (arm64::has_user_irqs(vm)) names.emplace_back("userspace");
    return names;
}

std::unique_ptr<Placement> make_placement(const kvm::System&, kvm::Vm& vm, kvm::GuestMemory& memory,
                                          const MachineConfig& config, Recorder& recorder) {
    if (config.placement == "kernel") return std::make_unique<arm64::KernelGic>(vm, memory, config, recorder);
    if (config.placement == "userspace") return std::make_unique<arm64::UserspaceGic>(vm, config, recorder);
    throw std::invalid_argument(fmt::format("no irqchip mode is called '{}'", config.placement));
}

std::map<std::string, OwnControllers, std::less<>> own_controllers() {
    OwnControllers userspace;
    userspace.capabilities = {"irq_routing", "irqfd", "irqfd_resample", "arm_vgic_v2"};
    return {{"userspace", std::move(userspace)}};
}

// The machines that are probed have KVM's GIC.
void probe_traits(Host& host) {
    const kvm::System system;
    const auto gics = arm64::gic_versions(kvm::Vm(system));
    for (const std::string_view gic : gics)
        host.traits_of_gic[std::string(gic)] = arm64::probe_traits(std::string(gic));
    // What every GIC shows is the host's.
    for (const std::string_view trait : arm64::trait_names) {
        const auto shows = [trait](const auto& of_gic) {
            return std::find(of_gic.second.begin(), of_gic.second.end(), trait) != of_gic.second.end();
        };
        if (gics.empty() || !std::all_of(host.traits_of_gic.begin(), host.traits_of_gic.end(), shows))
            continue;
        host.traits.emplace_back(trait);
        for (auto& [gic, traits] : host.traits_of_gic)
            traits.erase(std::find(traits.begin(), traits.end(), trait));
    }
}

}  // namespace irqbench::vmm::architecture
