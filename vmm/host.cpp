#include <algorithm>

#include "vmm/machine.hpp"

namespace irqbench::vmm {

bool Host::offers(std::string_view placement, std::string_view capability) const {
    if (const auto ours = own.find(placement); ours != own.end()) {
        const auto& offered = ours->second.capabilities;
        if (std::find(offered.begin(), offered.end(), capability) != offered.end()) return true;
        if (!ours->second.uses_kvm) return false;
    }
    return std::any_of(capabilities.begin(), capabilities.end(), [capability](const NamedValue& each) {
        return each.name == capability && each.value != 0;
    });
}

bool Host::has_trait(std::string_view placement, std::string_view trait) const {
    return !own.contains(placement) && std::find(traits.begin(), traits.end(), trait) != traits.end();
}

bool Host::uses_kvm(std::string_view placement) const {
    const auto ours = own.find(placement);
    return ours == own.end() || ours->second.uses_kvm;
}

}  // namespace irqbench::vmm
