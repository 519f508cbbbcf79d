#include "vmm/kernel_routing.hpp"

#include <algorithm>
#include <vector>

namespace irqbench::vmm {

namespace {

kvm_irq_routing_entry kernel_entry(const routing::Entry& entry) {
    const routing::RawRoute raw = routing::to_raw(entry.route);
    kvm_irq_routing_entry result{};
    result.gsi = entry.gsi;
    result.type = raw.type;
    result.flags = raw.flags;
    std::copy(raw.words.begin(), raw.words.end(), result.u.pad);
    return result;
}

}  // namespace

Outcome try_set_routing(kvm::Vm& vm, const routing::RoutingTable& table) {
    std::vector<kvm_irq_routing_entry> entries;
    entries.reserve(table.size());
    for (const routing::Entry& entry : table.entries()) entries.push_back(kernel_entry(entry));
    return vm.try_set_gsi_routing(entries);
}

Outcome try_signal(kvm::Vm& vm, const MsiMessage& message) {
    kvm_msi request{};
    request.address_lo = static_cast<std::uint32_t>(message.address);
    request.address_hi = static_cast<std::uint32_t>(message.address >> 32);
    request.data = message.data;
    if (message.device_id) {
        request.flags = KVM_MSI_VALID_DEVID;
        request.devid = *message.device_id;
    }
    return vm.try_signal_msi(request);
}

}  // namespace irqbench::vmm
