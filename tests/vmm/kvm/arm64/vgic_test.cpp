#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstdint>
#include <iostream>
#include <optional>
#include <vector>

#include "tests/needs_kvm.hpp"
#include "tests/vmm/kvm/since.hpp"
#include "vmm/kvm/device.hpp"
#include "vmm/kvm/memory.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vcpu.hpp"
#include "vmm/kvm/vm.hpp"

// Attributes of KVM's GICs that no scenario has a use for. Source: Linux,
// Documentation/virt/kvm/devices/arm-vgic*.rst.
namespace irqbench::vmm::kvm {
namespace {

constexpr std::uint64_t distributor = 0x8000000;
constexpr std::uint64_t redistributors = 0x80a0000;
constexpr std::uint64_t frames = 0x20000;  ///< of one redistributor
constexpr std::uint32_t addresses = KVM_DEV_ARM_VGIC_GRP_ADDR;

/// KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION: how many redistributors, where, and which region it is.
constexpr std::uint64_t region(std::uint64_t count, std::uint64_t base, std::uint64_t index) {
    return count << 52 | base | index;
}

/// A VM with vCPUs and a GIC of one version, as far as it can be had.
struct Vgic {
    Vgic(std::uint32_t type, std::uint32_t vcpus) : vm(system) {
        if (!vm.supports_device(type)) {
            std::cout << "skipped: no such GIC on this host\n";
            return;
        }
        gic.emplace(vm, type);
        for (std::uint32_t id = 0; id < vcpus; ++id) {
            cpus.emplace_back(vm, id);
            kvm_vcpu_init init = vm.preferred_target();
            init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
            cpus.back().init(init);
        }
    }

    int set_address(std::uint64_t type, std::uint64_t address) {
        return gic->try_set(addresses, type, address).error;
    }
    int set_irqs(std::uint32_t count) { return gic->try_set(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, count).error; }
    int initialise() { return gic->try_set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT).error; }
    /// The low half of GICR_TYPER of the vCPU whose MPIDR is Aff0 = `cpu`.
    std::uint32_t typer(std::uint64_t cpu) {
        return gic->get<std::uint32_t>(KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
                                       cpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | 8);
    }

    System system;
    Vm vm;
    std::optional<Device> gic;
    std::vector<Vcpu> cpus;
};

constexpr std::uint32_t typer_last = 1U << 4;

}  // namespace

BOOST_AUTO_TEST_SUITE(vgic, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(redistributors_follow_one_base_in_the_old_form) {
    Vgic one(KVM_DEV_TYPE_ARM_VGIC_V3, 2);
    if (!one.gic) return;
    BOOST_TEST(one.set_address(KVM_VGIC_V3_ADDR_TYPE_DIST, distributor) == 0);
    BOOST_TEST(one.set_address(KVM_VGIC_V3_ADDR_TYPE_REDIST, redistributors + 0x1000) == EINVAL);
    BOOST_TEST(one.set_address(KVM_VGIC_V3_ADDR_TYPE_REDIST, redistributors) == 0);
    BOOST_TEST(one.set_address(KVM_VGIC_V3_ADDR_TYPE_REDIST, redistributors) != 0);
    // The two forms exclude each other.
    BOOST_TEST(one.set_address(KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, region(2, 0x9000000, 0)) == EINVAL);
    BOOST_TEST(one.gic->get<std::uint64_t>(addresses, KVM_VGIC_V3_ADDR_TYPE_REDIST) == redistributors);
    BOOST_TEST(one.initialise() == 0);
    if (!since("6.1", "user space reads no GICR_TYPER.Last")) return;
    BOOST_TEST((one.typer(0) & typer_last) == 0u);
    BOOST_TEST((one.typer(1) & typer_last) != 0u);
}

BOOST_AUTO_TEST_CASE(redistributors_lie_in_regions_in_the_new_form) {
    Vgic two(KVM_DEV_TYPE_ARM_VGIC_V3, 3);
    if (!two.gic) return;
    constexpr auto type = KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION;
    constexpr std::uint64_t elsewhere = 0x9000000;
    BOOST_TEST(two.set_address(KVM_VGIC_V3_ADDR_TYPE_DIST, distributor) == 0);
    BOOST_TEST(two.set_address(type, region(1, redistributors, 1)) == EINVAL);  // not one after the other
    BOOST_TEST(two.set_address(type, region(0, redistributors, 0)) == EINVAL);  // of none
    BOOST_TEST(two.set_address(type, region(1, redistributors, 0)) == 0);
    BOOST_TEST(two.set_address(type, region(2, redistributors, 1)) == EINVAL);  // over each other
    BOOST_TEST(two.set_address(type, region(2, elsewhere, 1)) == 0);
    BOOST_TEST(two.set_address(KVM_VGIC_V3_ADDR_TYPE_REDIST, elsewhere + 4 * frames) == EINVAL);
    BOOST_TEST(two.initialise() == 0);
    if (!since("6.1", "user space reads no GICR_TYPER.Last")) return;
    // Each region ends with its own last one.
    BOOST_TEST((two.typer(0) & typer_last) != 0u);
    BOOST_TEST((two.typer(1) & typer_last) == 0u);
    BOOST_TEST((two.typer(2) & typer_last) != 0u);
}

BOOST_AUTO_TEST_CASE(the_number_of_irqs_is_set_once_in_thirty_twos) {
    for (const std::uint32_t type : {KVM_DEV_TYPE_ARM_VGIC_V3, KVM_DEV_TYPE_ARM_VGIC_V2}) {
        Vgic gic(type, 1);
        if (!gic.gic) continue;
        for (const std::uint32_t count : {32U, 63U, 100U, 1056U})
            BOOST_TEST(gic.set_irqs(count) == EINVAL, count);
        BOOST_TEST(gic.set_irqs(96) == 0);
        BOOST_TEST(gic.set_irqs(96) == EBUSY);
        BOOST_TEST(gic.gic->get<std::uint32_t>(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0) == 96u);
    }
}

BOOST_AUTO_TEST_CASE(a_gicv2_has_a_distributor_a_cpu_interface_and_no_redistributor) {
    Vgic gic(KVM_DEV_TYPE_ARM_VGIC_V2, 2);
    if (!gic.gic) return;
    BOOST_TEST(gic.set_address(KVM_VGIC_V3_ADDR_TYPE_REDIST, redistributors) != 0);
    BOOST_TEST(gic.set_address(KVM_VGIC_V2_ADDR_TYPE_DIST, distributor + 4) == EINVAL);
    BOOST_TEST(gic.set_address(KVM_VGIC_V2_ADDR_TYPE_DIST, distributor) == 0);
    BOOST_TEST(gic.set_address(KVM_VGIC_V2_ADDR_TYPE_DIST, distributor) == EEXIST);
    BOOST_TEST(gic.set_address(KVM_VGIC_V2_ADDR_TYPE_CPU, distributor + 0x10000) == 0);
    BOOST_TEST(gic.initialise() == 0);
    // GICD_ITARGETSR0 is banked: the vCPU is in the attribute (CPU id).
    for (const std::uint64_t cpu : {0U, 1U})
        BOOST_TEST((gic.gic->get<std::uint32_t>(KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
                                                cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | 0x800) &
                    0xff) == 1U << cpu);
}

BOOST_AUTO_TEST_CASE(an_its_is_reset_by_its_attribute_and_the_gic_has_none_such) {
    Vgic gic(KVM_DEV_TYPE_ARM_VGIC_V3, 1);
    if (!gic.gic) return;
    Device its(gic.vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
    BOOST_TEST(its.has(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET));
    BOOST_TEST(!gic.gic->has(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET));
    BOOST_TEST(its.try_set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
