#include "vmm/x86/placements.hpp"

#include <fmt/format.h>
#include <linux/kvm.h>

#include <stdexcept>

#include "vmm/x86/kernel_irqchip.hpp"
#include "vmm/x86/split_irqchip.hpp"

namespace irqbench::vmm::x86 {

std::vector<std::string> placement_names(const kvm::System& system) {
    std::vector<std::string> names;
    if (system.check_extension(KVM_CAP_IRQCHIP) != 0) names.emplace_back("kernel");
    if (system.check_extension(KVM_CAP_SPLIT_IRQCHIP) != 0) names.emplace_back("split");
    return names;
}

std::unique_ptr<Placement> make_placement(const kvm::System& system, kvm::Vm& vm, const MachineConfig& config,
                                          Recorder& recorder) {
    if (config.placement == "split") return std::make_unique<SplitIrqchip>(system, vm, config, recorder);
    if (config.placement == "kernel") return std::make_unique<KernelIrqchip>(system, vm, config, recorder);
    throw std::invalid_argument(fmt::format("no irqchip mode is called '{}'", config.placement));
}

}  // namespace irqbench::vmm::x86
