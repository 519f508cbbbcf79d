#include "vmm/kvm/vm.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "tests/vmm/kvm/guest.hpp"
#include "vmm/kvm/device.hpp"

namespace irqbench::vmm::kvm {
namespace {

kvm_irq_routing_entry pin(std::uint32_t gsi, std::uint32_t chip, std::uint32_t number) {
    kvm_irq_routing_entry entry{};
    entry.gsi = gsi;
    entry.type = KVM_IRQ_ROUTING_IRQCHIP;
    entry.u.irqchip = {chip, number};
    return entry;
}

kvm_irq_routing_entry msi(std::uint32_t gsi, std::uint32_t vector) {
    kvm_irq_routing_entry entry{};
    entry.gsi = gsi;
    entry.type = KVM_IRQ_ROUTING_MSI;
    entry.u.msi.address_lo = 0xfee00000;
    entry.u.msi.data = vector;
    return entry;
}

kvm_msi message(std::uint32_t vector) {
    kvm_msi message{};
    message.address_lo = 0xfee00000;
    message.data = vector;
    return message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(vm, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(the_system_tells_what_it_offers) {
    const System system;
    BOOST_TEST(!System::unavailable());
    BOOST_TEST(system.api_version() == 12);
    BOOST_TEST(system.check_extension(KVM_CAP_USER_MEMORY) == 1);
    BOOST_TEST(system.check_extension(0xffff) == 0);
    BOOST_TEST(system.vcpu_mmap_size() >= 4096u);
    BOOST_TEST(system.vcpu_mmap_size() % 4096 == 0u);
    BOOST_TEST(!system.supported_cpuid().empty());
    BOOST_TEST(!system.msr_indices().empty());
}

BOOST_AUTO_TEST_CASE(without_irqchip_interrupt_calls_are_refused) {
    const System system;
    Vm vm(system);
    kvm_irqchip state{};
    BOOST_TEST(vm.try_irq_line(0, true).error == ENXIO);
    BOOST_TEST(vm.try_irq_line_status(0, true).error == ENXIO);
    BOOST_TEST(vm.try_get_irqchip(KVM_IRQCHIP_IOAPIC, state).error == ENXIO);
    BOOST_TEST(vm.try_set_gsi_routing({}).error == EINVAL);
    BOOST_TEST(vm.try_signal_msi(message(0x51)).error == EINVAL);
    BOOST_TEST(vm.try_create_pit2().error == ENOENT);
    BOOST_CHECK_EXCEPTION(vm.set_gsi_routing({}), std::system_error, [](const std::system_error& error) {
        return std::string(error.what()) == "KVM_SET_GSI_ROUTING: Invalid argument";
    });
}

BOOST_AUTO_TEST_CASE(the_irqchip_is_created_once_and_before_vcpus) {
    const System system;
    Vm vm(system);
    vm.create_irqchip();
    BOOST_TEST(vm.try_create_irqchip().error == EEXIST);
    Vm late(system);
    const Vcpu vcpu(late, 0);
    BOOST_TEST(late.try_create_irqchip().error == EINVAL);
    BOOST_TEST(late.try_set_boot_cpu_id(1).error == EBUSY);
}

BOOST_AUTO_TEST_CASE(routing_tables_are_refused_as_the_kernel_documents) {
    const System system;
    Vm vm(system);
    vm.create_irqchip();
    const auto error = [&](std::vector<kvm_irq_routing_entry> entries) {
        return vm.try_set_gsi_routing(entries).error;
    };
    BOOST_TEST(error({}) == 0);
    BOOST_TEST(error({pin(4, KVM_IRQCHIP_IOAPIC, 4), pin(4, KVM_IRQCHIP_PIC_MASTER, 4)}) == 0);
    BOOST_TEST(error({msi(4095, 0x51)}) == 0);
    BOOST_TEST(error({msi(4096, 0x51)}) == EINVAL);
    BOOST_TEST(error({pin(4, KVM_IRQCHIP_IOAPIC, 24)}) == EINVAL);
    BOOST_TEST(error({pin(4, 3, 0)}) == EINVAL);
    BOOST_TEST(error({msi(5, 0x51), msi(5, 0x52)}) == EINVAL);
    BOOST_TEST(error({pin(4, KVM_IRQCHIP_IOAPIC, 4), pin(4, KVM_IRQCHIP_IOAPIC, 5)}) == EINVAL);
    BOOST_TEST(error(std::vector(4096, msi(0, 0x51))) == EINVAL);  // one GSI
    std::vector<kvm_irq_routing_entry> full;
    for (std::uint32_t gsi = 0; gsi < 4096; ++gsi) full.push_back(msi(gsi, 0x51));
    BOOST_TEST(error(full) == 0);
    full.push_back(pin(0, KVM_IRQCHIP_IOAPIC, 0));
    BOOST_TEST(error(full) == EINVAL);
}

BOOST_AUTO_TEST_CASE(the_irqchip_state_shows_a_line_that_was_raised) {
    MiniGuest guest(Irqchip::full);
    Vm& vm = guest.vm;
    vm.set_gsi_routing(std::vector{pin(30, KVM_IRQCHIP_IOAPIC, 5)});
    kvm_irqchip ioapic = vm.get_irqchip(KVM_IRQCHIP_IOAPIC);
    BOOST_TEST((ioapic.chip.ioapic.irr & (1u << 5)) == 0u);
    BOOST_TEST(vm.irq_line_status(30, true) == -1);  // the pin is masked
    ioapic = vm.get_irqchip(KVM_IRQCHIP_IOAPIC);
    BOOST_TEST((ioapic.chip.ioapic.irr & (1u << 5)) != 0u);
    vm.irq_line(30, false);
    BOOST_TEST(vm.irq_line_status(31, true) == -1);  // has no route
    BOOST_TEST(vm.try_irq_line(5000, true).ok());

    ioapic.chip.ioapic.redirtbl[5].fields.vector = 0x77;
    vm.set_irqchip(ioapic);
    BOOST_TEST(+vm.get_irqchip(KVM_IRQCHIP_IOAPIC).chip.ioapic.redirtbl[5].fields.vector == 0x77);
    kvm_irqchip unknown{};
    BOOST_TEST(vm.try_get_irqchip(3, unknown).error == EINVAL);
    unknown.chip_id = 3;
    BOOST_TEST(vm.try_set_irqchip(unknown).error == EINVAL);
}

BOOST_AUTO_TEST_CASE(a_split_irqchip_takes_msis_and_has_no_state_of_its_own) {
    MiniGuest guest(Irqchip::split);
    guest.load({0xf4});
    // The LAPIC must be enabled by software to accept anything: SVR bit 8.
    kvm_lapic_state lapic = guest.vcpu->lapic();
    lapic.regs[0xf1] |= 1;
    guest.vcpu->set_lapic(lapic);
    BOOST_TEST(guest.vm.signal_msi(message(0x51)) > 0);
    const auto irr = [&] {
        return static_cast<unsigned char>(guest.vcpu->lapic().regs[0x200 + 0x10 * 2 + 2]);
    };
    BOOST_TEST((irr() & 2) != 0);  // vector 0x51 is bit 17 of the third word
    kvm_irqchip state{};
    BOOST_TEST(guest.vm.try_get_irqchip(KVM_IRQCHIP_IOAPIC, state).error == ENXIO);
}

BOOST_AUTO_TEST_CASE(the_pit_needs_the_full_irqchip_and_keeps_its_state) {
    const System system;
    Vm vm(system);
    vm.create_irqchip();
    BOOST_TEST(vm.try_reinject_control(true).error == ENXIO);
    vm.create_pit2();
    BOOST_TEST(vm.try_create_pit2().error == EEXIST);
    kvm_pit_state2 pit = vm.pit2();
    pit.channels[2].mode = 3;
    pit.channels[2].count = 1234;
    vm.set_pit2(pit);
    BOOST_TEST(vm.pit2().channels[2].count == 1234u);
    vm.reinject_control(false);
}

BOOST_AUTO_TEST_CASE(slots_are_refused_as_the_kernel_documents) {
    const System system;
    Vm vm(system);
    GuestMemory memory;
    memory.add(0, 0x10000);
    const std::uint64_t host = memory.userspace_address(0, 0x10000);
    const auto error = [&](std::uint32_t slot, std::uint32_t flags, std::uint64_t guest,
                           std::uint64_t bytes) {
        kvm_userspace_memory_region region{};
        region = {slot, flags, guest, bytes, host};
        return vm.try_set_user_memory_region(region).error;
    };
    BOOST_TEST(error(0, 0, 0, 0) == EINVAL);  // nothing to delete
    BOOST_TEST(error(0, 0, 0x10000, 0x4000) == 0);
    BOOST_TEST(error(1, 0, 0x13000, 0x1000) == EEXIST);
    BOOST_TEST(error(0, 0, 0x10000, 0x3000) == EINVAL);                 // resized
    BOOST_TEST(error(0, KVM_MEM_READONLY, 0x10000, 0x4000) == EINVAL);  // made read-only
    BOOST_TEST(error(1, 0, 0x800, 0x1000) == EINVAL);
    BOOST_TEST(error(1, 0, 0, 0x800) == EINVAL);
    BOOST_TEST(error(1, 0x80, 0, 0x1000) == EINVAL);
    BOOST_TEST(error(static_cast<std::uint32_t>(vm.check_extension(KVM_CAP_NR_MEMSLOTS)), 0, 0, 0x1000) ==
               EINVAL);
    BOOST_TEST(error(0, KVM_MEM_LOG_DIRTY_PAGES, 0x10000, 0x4000) == 0);
    BOOST_TEST(error(0, KVM_MEM_LOG_DIRTY_PAGES, 0x20000, 0x4000) == 0);
    BOOST_TEST(error(0, 0, 0, 0) == 0);
}

BOOST_AUTO_TEST_CASE(a_vcpu_id_is_used_once) {
    const System system;
    Vm vm(system);
    const Vcpu vcpu(vm, 7);
    BOOST_TEST(vcpu.id() == 7u);
    const auto again = Vcpu::try_create(vm, 7);
    BOOST_TEST(again.outcome.error == EEXIST);
    BOOST_TEST(!again.object);
    BOOST_TEST(Vcpu::try_create(vm, 1u << 20).outcome.error == EINVAL);
    BOOST_CHECK_EXCEPTION(Vcpu(vm, 7), std::system_error, [](const std::system_error& error) {
        return std::string(error.what()) == "KVM_CREATE_VCPU: File exists";
    });
}

BOOST_AUTO_TEST_CASE(unknown_devices_and_attributes_are_refused) {
    const System system;
    Vm vm(system);
    BOOST_TEST(!vm.supports_device(KVM_DEV_TYPE_ARM_VGIC_V3));
    BOOST_TEST(Device::try_create(vm, KVM_DEV_TYPE_ARM_VGIC_V3).outcome.error == ENODEV);
    BOOST_CHECK_EXCEPTION(Device(vm, 0xffff), std::system_error, [](const std::system_error& error) {
        return std::string(error.what()) == "KVM_CREATE_DEVICE: No such device";
    });
    if (!vm.supports_device(KVM_DEV_TYPE_VFIO)) {
        std::cout << "no KVM_DEV_TYPE_VFIO here: attributes not tested\n";
        return;
    }
    Device device(vm, KVM_DEV_TYPE_VFIO);
    BOOST_TEST(device.has(KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD));
    BOOST_TEST(!device.has(KVM_DEV_VFIO_GROUP, 99));
    const std::int32_t no_group = -1;
    BOOST_TEST(device.try_set(KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, no_group).error == EBADF);
    BOOST_TEST(device.try_set(99, 0).error == ENXIO);
}

BOOST_AUTO_TEST_CASE(a_forked_child_is_locked_out) {
    const System system;
    Vm vm(system);
    vm.create_irqchip();
    const pid_t child = ::fork();
    if (child == 0) ::_exit(vm.try_irq_line(0, true).error);
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST(WEXITSTATUS(status) == EIO);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
