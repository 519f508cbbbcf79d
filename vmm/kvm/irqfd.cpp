#include "vmm/kvm/irqfd.hpp"

#include <cassert>
#include <utility>

namespace irqbench::vmm::kvm {
namespace {

kvm_irqfd assign_request(const EventFd& trigger, std::uint32_t gsi, const EventFd* resample) {
    kvm_irqfd request{};
    request.fd = static_cast<std::uint32_t>(trigger.fd());
    request.gsi = gsi;
    if (resample != nullptr) {
        request.flags = KVM_IRQFD_FLAG_RESAMPLE;
        request.resamplefd = static_cast<std::uint32_t>(resample->fd());
    }
    return request;
}

}  // namespace

Irqfd::Irqfd(Vm& vm, const EventFd& trigger, std::uint32_t gsi, const EventFd* resample)
    : vm_(&vm), request_(assign_request(trigger, gsi, resample)) {
    require(vm.try_irqfd(request_), "KVM_IRQFD");
}

Attempt<Irqfd> Irqfd::try_assign(Vm& vm, const EventFd& trigger, std::uint32_t gsi, const EventFd* resample) {
    const kvm_irqfd request = assign_request(trigger, gsi, resample);
    const Outcome outcome = vm.try_irqfd(request);
    if (!outcome.ok()) return {outcome, std::nullopt};
    return {outcome, Irqfd(vm, request)};
}

Irqfd::Irqfd(Irqfd&& other) noexcept : vm_(std::exchange(other.vm_, nullptr)), request_(other.request_) {}

Irqfd& Irqfd::operator=(Irqfd&& other) noexcept {
    std::swap(vm_, other.vm_);
    std::swap(request_, other.request_);
    return *this;
}

Irqfd::~Irqfd() {
    if (vm_ != nullptr) static_cast<void>(vm_->try_irqfd(deassign_request()));
}

void Irqfd::drain(const EventFd& trigger) {
    assert(vm_ != nullptr);
    Vm* vm = std::exchange(vm_, nullptr);
    require(vm->try_irqfd(deassign_request()), "KVM_IRQFD");
    // Kernels before 5.11 leave the signal in the eventfd, and would take it for another one.
    static_cast<void>(trigger.drain());
    require(vm->try_irqfd(request_), "KVM_IRQFD");
    vm_ = vm;
}

Outcome Irqfd::try_deassign() {
    assert(vm_ != nullptr);
    return std::exchange(vm_, nullptr)->try_irqfd(deassign_request());
}

Outcome Irqfd::try_deassign(Vm& vm, const EventFd& trigger, std::uint32_t gsi) {
    Irqfd former(vm, assign_request(trigger, gsi, nullptr));
    return former.try_deassign();
}

kvm_irqfd Irqfd::deassign_request() const {
    kvm_irqfd request = request_;
    request.flags = KVM_IRQFD_FLAG_DEASSIGN;
    request.resamplefd = 0;
    return request;
}

}  // namespace irqbench::vmm::kvm
