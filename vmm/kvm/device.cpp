#include "vmm/kvm/device.hpp"

#include <utility>

namespace irqbench::vmm::kvm {
namespace {

kvm_device_attr attribute_request(std::uint32_t group, std::uint64_t attribute, std::uint64_t address) {
    kvm_device_attr request{};
    request.group = group;
    request.attr = attribute;
    request.addr = address;
    return request;
}

Fd create(Vm& vm, std::uint32_t type) {
    Attempt<Fd> attempt = vm.try_create_device(type);
    require(attempt.outcome, "KVM_CREATE_DEVICE");
    return std::move(*attempt.object);
}

}  // namespace

Device::Device(Vm& vm, std::uint32_t type) : Device(create(vm, type)) {}

Attempt<Device> Device::try_create(Vm& vm, std::uint32_t type) {
    Attempt<Fd> attempt = vm.try_create_device(type);
    if (!attempt.object) return {attempt.outcome, std::nullopt};
    return {attempt.outcome, Device(std::move(*attempt.object))};
}

bool Device::has(std::uint32_t group, std::uint64_t attribute) const {
    return try_ioctl(fd_.get(), IRQBENCH_KVM_REQUEST(KVM_HAS_DEVICE_ATTR),
                     attribute_request(group, attribute, 0))
        .ok();
}

Outcome Device::transfer_in(std::uint32_t group, std::uint64_t attribute, std::uint64_t address) const {
    return try_ioctl(fd_.get(), IRQBENCH_KVM_REQUEST(KVM_GET_DEVICE_ATTR),
                     attribute_request(group, attribute, address));
}

Outcome Device::transfer_out(std::uint32_t group, std::uint64_t attribute, std::uint64_t address) {
    return try_ioctl(fd_.get(), IRQBENCH_KVM_REQUEST(KVM_SET_DEVICE_ATTR),
                     attribute_request(group, attribute, address));
}

}  // namespace irqbench::vmm::kvm
