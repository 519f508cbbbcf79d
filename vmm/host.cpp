#include <algorithm>

#include "vmm/machine.hpp"

namespace irqbench::vmm {

namespace {

bool lists(const auto& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool Host::offers(std::string_view placement, std::string_view capability, std::string_view of_arch) const {
    if (const auto ours = own.find(placement); ours != own.end()) {
        if (lists(ours->second.capabilities, capability)) return true;
        const auto particular = ours->second.of_arch.find(of_arch);
        if (particular != ours->second.of_arch.end() && lists(particular->second, capability)) return true;
        if (!ours->second.uses_kvm) return false;
    }
    return std::any_of(capabilities.begin(), capabilities.end(), [capability](const NamedValue& each) {
        return each.name == capability && each.value != 0;
    });
}

bool Host::has_trait(std::string_view placement, std::string_view trait, std::string_view gic) const {
    if (own.contains(placement)) return false;
    const auto particular = traits_of_gic.find(gic);
    return lists(traits, trait) || (particular != traits_of_gic.end() && lists(particular->second, trait));
}

bool Host::uses_kvm(std::string_view placement) const {
    const auto ours = own.find(placement);
    return ours == own.end() || ours->second.uses_kvm;
}

}  // namespace irqbench::vmm
