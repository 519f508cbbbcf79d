#include "vmm/kvm/ioeventfd.hpp"

#include <cassert>
#include <utility>

namespace irqbench::vmm::kvm {
namespace {

kvm_ioeventfd assign_request(const EventFd& event, const Doorbell& doorbell) {
    kvm_ioeventfd request{};
    request.datamatch = doorbell.datamatch.value_or(0);
    request.addr = doorbell.address;
    request.len = doorbell.bytes;
    request.fd = event.fd();
    if (doorbell.port) request.flags |= KVM_IOEVENTFD_FLAG_PIO;
    if (doorbell.datamatch) request.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
    return request;
}

}  // namespace

Ioeventfd::Ioeventfd(Vm& vm, const EventFd& event, const Doorbell& doorbell)
    : vm_(&vm), request_(assign_request(event, doorbell)) {
    require(vm.try_ioeventfd(request_), "KVM_IOEVENTFD");
}

Attempt<Ioeventfd> Ioeventfd::try_assign(Vm& vm, const EventFd& event, const Doorbell& doorbell) {
    const kvm_ioeventfd request = assign_request(event, doorbell);
    const Outcome outcome = vm.try_ioeventfd(request);
    if (!outcome.ok()) return {outcome, std::nullopt};
    return {outcome, Ioeventfd(vm, request)};
}

Ioeventfd::Ioeventfd(Ioeventfd&& other) noexcept
    : vm_(std::exchange(other.vm_, nullptr)), request_(other.request_) {}

Ioeventfd& Ioeventfd::operator=(Ioeventfd&& other) noexcept {
    std::swap(vm_, other.vm_);
    std::swap(request_, other.request_);
    return *this;
}

Ioeventfd::~Ioeventfd() {
    if (vm_ != nullptr) static_cast<void>(vm_->try_ioeventfd(deassign_request()));
}

Outcome Ioeventfd::try_deassign() {
    assert(vm_ != nullptr);
    return std::exchange(vm_, nullptr)->try_ioeventfd(deassign_request());
}

Outcome Ioeventfd::try_deassign(Vm& vm, const EventFd& event, const Doorbell& doorbell) {
    Ioeventfd former(vm, assign_request(event, doorbell));
    return former.try_deassign();
}

kvm_ioeventfd Ioeventfd::deassign_request() const {
    kvm_ioeventfd request = request_;
    request.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
    return request;
}

}  // namespace irqbench::vmm::kvm
