#include "vmm/kvm/coalesced_zone.hpp"

#include <utility>

namespace irqbench::vmm::kvm {

CoalescedZone::CoalescedZone(Vm& vm, Space space, std::uint64_t address, std::uint32_t bytes)
    : vm_(&vm), zone_{address, bytes, {space == Space::port ? 1u : 0u}} {
    require(vm.try_register_coalesced(zone_), "KVM_REGISTER_COALESCED_MMIO");
}

CoalescedZone::CoalescedZone(CoalescedZone&& other) noexcept
    : vm_(std::exchange(other.vm_, nullptr)), zone_(other.zone_) {}

CoalescedZone& CoalescedZone::operator=(CoalescedZone&& other) noexcept {
    std::swap(vm_, other.vm_);
    std::swap(zone_, other.zone_);
    return *this;
}

CoalescedZone::~CoalescedZone() {
    if (vm_ != nullptr) static_cast<void>(vm_->try_unregister_coalesced(zone_));
}

}  // namespace irqbench::vmm::kvm
