#include "vmm/kvm/irqfd.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tests/vmm/kvm/guest.hpp"

namespace irqbench::vmm::kvm {
namespace {

constexpr std::uint32_t gsi = 5;  // by default IOAPIC pin 5 and PIC pin 5

struct FullVm {
    FullVm() : vm(system) { vm.create_irqchip(); }
    System system;
    Vm vm;

    /// Whether the PIC has seen a rising edge on the GSI. No vCPU takes it, so it stays.
    [[nodiscard]] bool pic_requested() const {
        return (vm.get_irqchip(KVM_IRQCHIP_PIC_MASTER).chip.pic.irr & (1u << gsi)) != 0;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(irqfd, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(a_signal_has_reached_the_pin_once_it_is_drained) {
    FullVm host;
    const EventFd trigger;
    Irqfd irqfd(host.vm, trigger, gsi);
    BOOST_TEST(!host.pic_requested());
    trigger.signal();
    irqfd.drain(trigger);
    BOOST_TEST(host.pic_requested());
    BOOST_TEST(trigger.drain() == 0u);  // the kernel took it
}

BOOST_AUTO_TEST_CASE(it_is_still_assigned_after_draining) {
    FullVm host;
    const EventFd trigger;
    Irqfd irqfd(host.vm, trigger, gsi);
    irqfd.drain(trigger);
    BOOST_TEST(Irqfd::try_assign(host.vm, trigger, gsi).outcome.error == EBUSY);
    trigger.signal();
    irqfd.drain(trigger);
    BOOST_TEST(host.pic_requested());
}

BOOST_AUTO_TEST_CASE(what_was_signalled_before_it_was_assigned_is_injected) {
    FullVm host;
    const EventFd trigger;
    trigger.signal(3);
    Irqfd irqfd(host.vm, trigger, gsi);
    irqfd.drain(trigger);
    BOOST_TEST(host.pic_requested());
}

BOOST_AUTO_TEST_CASE(it_is_deassigned_when_it_goes_and_not_before) {
    FullVm host;
    const EventFd trigger;
    {
        std::optional<Irqfd> first(std::in_place, host.vm, trigger, gsi);
        const Irqfd second = std::move(*first);
        first.reset();
        BOOST_TEST(Irqfd::try_assign(host.vm, trigger, gsi).outcome.error == EBUSY);
    }
    trigger.signal();
    BOOST_TEST(trigger.drain() == 1u);  // nobody took it
    Irqfd again(host.vm, trigger, gsi);
    BOOST_TEST(again.try_deassign().ok());
}

BOOST_AUTO_TEST_CASE(a_failed_assignment_leaves_the_other_one_alone) {
    FullVm host;
    const EventFd trigger;
    Irqfd irqfd(host.vm, trigger, gsi);
    BOOST_CHECK_EXCEPTION(Irqfd(host.vm, trigger, gsi), std::system_error,
                          [](const std::system_error& error) {
                              return std::string(error.what()) == "KVM_IRQFD: Device or resource busy";
                          });
    trigger.signal();
    irqfd.drain(trigger);
    BOOST_TEST(host.pic_requested());
}

BOOST_AUTO_TEST_CASE(an_eventfd_serves_one_vm_at_a_time) {
    FullVm host;
    FullVm other;
    const EventFd trigger;
    Irqfd irqfd(host.vm, trigger, gsi);
    BOOST_TEST(Irqfd::try_assign(other.vm, trigger, gsi).outcome.error == EBUSY);
}

BOOST_AUTO_TEST_CASE(a_resampling_line_stays_up_until_it_is_told_otherwise) {
    FullVm host;
    kvm_irq_routing_entry route{};
    route.gsi = gsi;
    route.type = KVM_IRQ_ROUTING_IRQCHIP;
    route.u.irqchip = {KVM_IRQCHIP_IOAPIC, 5};
    host.vm.set_gsi_routing({&route, 1});
    // Level-triggered and masked: the pin's IRR bit follows the line.
    kvm_irqchip ioapic = host.vm.get_irqchip(KVM_IRQCHIP_IOAPIC);
    ioapic.chip.ioapic.redirtbl[5].fields.trig_mode = 1;
    host.vm.set_irqchip(ioapic);
    const auto line_is_up = [&] {
        return (host.vm.get_irqchip(KVM_IRQCHIP_IOAPIC).chip.ioapic.irr & (1u << 5)) != 0;
    };

    const EventFd trigger;
    const EventFd resample;
    const EventFd keeper_trigger;
    const EventFd keeper_resample;
    // Another one on the GSI keeps the resampler, and with it the line, while the first is drained.
    const Irqfd keeper(host.vm, keeper_trigger, gsi, &keeper_resample);
    Irqfd irqfd(host.vm, trigger, gsi, &resample);
    trigger.signal();
    irqfd.drain(trigger);
    BOOST_TEST(line_is_up());
    BOOST_TEST(resample.drain() == 0u);
}

BOOST_AUTO_TEST_CASE(the_kernel_refuses_what_it_documents) {
    FullVm host;
    const EventFd trigger;
    const EventFd resample;
    BOOST_TEST(Irqfd::try_assign(host.vm, trigger, 4096).outcome.ok());
    BOOST_TEST(Irqfd::try_assign(host.vm, trigger, 0xffffffff).outcome.ok());

    kvm_irqfd request{};
    request.gsi = gsi;
    request.fd = static_cast<std::uint32_t>(-1);
    BOOST_TEST(host.vm.try_irqfd(request).error == EBADF);
    request.fd = static_cast<std::uint32_t>(host.system.fd());
    BOOST_TEST(host.vm.try_irqfd(request).error == EINVAL);
    request.fd = static_cast<std::uint32_t>(trigger.fd());
    request.flags = 0x80;
    BOOST_TEST(host.vm.try_irqfd(request).error == EINVAL);
    request.flags = KVM_IRQFD_FLAG_DEASSIGN;
    BOOST_TEST(host.vm.try_irqfd(request).ok());  // although it is not assigned

    Vm none(host.system);
    BOOST_TEST(Irqfd::try_assign(none, trigger, gsi).outcome.error == EINVAL);
    Vm split(host.system);
    split.enable_cap(KVM_CAP_SPLIT_IRQCHIP, {24});
    BOOST_TEST(Irqfd::try_assign(split, trigger, gsi, &resample).outcome.error == EINVAL);
    BOOST_TEST(Irqfd::try_assign(split, trigger, gsi).outcome.ok());
}

BOOST_AUTO_TEST_CASE(an_abandoned_one_stays_assigned_until_the_vm_goes) {
    const EventFd trigger;
    {
        FullVm host;
        Irqfd(host.vm, trigger, gsi).abandon();
        BOOST_TEST(Irqfd::try_assign(host.vm, trigger, gsi).outcome.error == EBUSY);
    }
    FullVm next;
    BOOST_TEST(Irqfd::try_assign(next.vm, trigger, gsi).outcome.ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
