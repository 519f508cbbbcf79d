#include "vmm/factory.hpp"

#include <linux/kvm.h>
#include <sys/utsname.h>

#include <array>
#include <utility>

#include "vmm/architecture.hpp"
#include "vmm/kernel_trace.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/kvm_machine.hpp"
#include "vmm/model/architectures.hpp"

namespace irqbench::vmm {

namespace {

constexpr std::string_view model_placement = "model";

// <linux/kvm.h> has these for some architectures only. Everywhere else KVM answers 0.
constexpr unsigned long reinject_control = 24;
constexpr unsigned long pit2 = 33;
constexpr unsigned long pit_state2 = 35;

/// Capabilities by the names `requires` uses: lower case, without KVM_CAP_.
constexpr std::array<std::pair<std::string_view, unsigned long>, 38> capabilities{{
    {"irqchip", KVM_CAP_IRQCHIP},
    {"split_irqchip", KVM_CAP_SPLIT_IRQCHIP},
    {"irq_routing", KVM_CAP_IRQ_ROUTING},
    {"irq_inject_status", KVM_CAP_IRQ_INJECT_STATUS},
    {"signal_msi", KVM_CAP_SIGNAL_MSI},
    {"irqfd", KVM_CAP_IRQFD},
    {"irqfd_resample", KVM_CAP_IRQFD_RESAMPLE},
    {"ioeventfd", KVM_CAP_IOEVENTFD},
    {"ioeventfd_any_length", KVM_CAP_IOEVENTFD_ANY_LENGTH},
    {"ioeventfd_no_length", KVM_CAP_IOEVENTFD_NO_LENGTH},
    {"x2apic_api", KVM_CAP_X2APIC_API},
    {"x86_user_space_msr", KVM_CAP_X86_USER_SPACE_MSR},
    {"x86_msr_filter", KVM_CAP_X86_MSR_FILTER},
    {"x86_smm", KVM_CAP_X86_SMM},
    {"pit2", pit2},
    {"pit_state2", pit_state2},
    {"reinject_control", reinject_control},
    {"tsc_deadline_timer", KVM_CAP_TSC_DEADLINE_TIMER},
    {"get_tsc_khz", KVM_CAP_GET_TSC_KHZ},
    {"user_nmi", KVM_CAP_USER_NMI},
    {"vcpu_events", KVM_CAP_VCPU_EVENTS},
    {"mp_state", KVM_CAP_MP_STATE},
    {"set_boot_cpu_id", KVM_CAP_SET_BOOT_CPU_ID},
    {"immediate_exit", KVM_CAP_IMMEDIATE_EXIT},
    {"coalesced_mmio", KVM_CAP_COALESCED_MMIO},
    {"coalesced_pio", KVM_CAP_COALESCED_PIO},
    {"readonly_mem", KVM_CAP_READONLY_MEM},
    {"nr_memslots", KVM_CAP_NR_MEMSLOTS},
    {"manual_dirty_log_protect2", KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2},
    {"nr_vcpus", KVM_CAP_NR_VCPUS},
    {"max_vcpus", KVM_CAP_MAX_VCPUS},
    {"max_vcpu_id", KVM_CAP_MAX_VCPU_ID},
    {"msi_devid", KVM_CAP_MSI_DEVID},
    {"device_ctrl", KVM_CAP_DEVICE_CTRL},
    {"arm_psci_0_2", KVM_CAP_ARM_PSCI_0_2},
    {"arm_user_irq", KVM_CAP_ARM_USER_IRQ},
    {"arm_irq_line_layout_2", KVM_CAP_ARM_IRQ_LINE_LAYOUT_2},
    {"arm_vm_ipa_size", KVM_CAP_ARM_VM_IPA_SIZE},
}};

/// Devices of KVM_CREATE_DEVICE, which no KVM_CAP_ tells of, in the same list.
constexpr std::array<std::pair<std::string_view, std::uint32_t>, 3> devices{{
    {"arm_vgic_v2", KVM_DEV_TYPE_ARM_VGIC_V2},
    {"arm_vgic_v3", KVM_DEV_TYPE_ARM_VGIC_V3},
    {"arm_vgic_its", KVM_DEV_TYPE_ARM_VGIC_ITS},
}};

/// Capabilities that are one bit of what another one answers.
struct Flag {
    std::string_view name;
    unsigned long capability;
    std::uint64_t bit;
};
constexpr std::array<Flag, 1> flags{{
    {"x2apic_suppress_eoi_broadcast", KVM_CAP_X2APIC_API, 1U << 2},  // younger than some <linux/kvm.h>
}};

constexpr auto capability_list = [] {
    std::array<std::string_view, capabilities.size() + flags.size() + devices.size()> names{};
    std::size_t i = 0;
    for (const auto& [name, number] : capabilities) names[i++] = name;
    for (const Flag& flag : flags) names[i++] = flag.name;
    for (const auto& [name, type] : devices) names[i++] = name;
    return names;
}();

}  // namespace

std::span<const std::string_view> capability_names() { return capability_list; }

std::vector<std::string> placements() {
    auto names = architecture::placements();
    names.emplace_back(model_placement);
    return names;
}

Host presumed_host(std::string_view arch) {
    Host host;
    host.arch = arch;
    OwnControllers& own = host.own[std::string(model_placement)];
    own.uses_kvm = false;
    for (const model::Modelled& each : model::modelled())
        own.of_arch[std::string(each.arch)].assign(each.capabilities.begin(), each.capabilities.end());
    return host;
}

Host probe_host() {
    Host host = presumed_host(architecture::name());
    utsname names{};
    if (uname(&names) == 0) {
        host.kernel = names.release;
        host.kernel_version = running_kernel_version(names.release, names.version);
    }
    if (const auto reason = kvm::System::unavailable()) {
        host.unavailable = *reason;
        host.untraced = "there is no KVM";
        host.placements = {std::string(model_placement)};
        return host;
    }
    host.untraced = KernelTrace::unavailable();
    const kvm::System system;
    // A VM is asked: of some, KVM knows nothing without one (KVM_CAP_MSI_DEVID on arm64).
    const kvm::Vm vm(system);
    for (const auto& [name, number] : capabilities)
        host.capabilities.push_back(
            {std::string(name), static_cast<std::uint64_t>(vm.check_extension(number))});
    for (const Flag& flag : flags) {
        // A VM without a split irqchip would leave some out.
        const auto answer = static_cast<std::uint64_t>(system.check_extension(flag.capability));
        host.capabilities.push_back({std::string(flag.name), (answer & flag.bit) != 0 ? 1U : 0U});
    }
    for (const auto& [name, type] : devices)
        host.capabilities.push_back({std::string(name), vm.supports_device(type) ? 1U : 0U});
    host.placements = architecture::placements(system);
    host.placements.emplace_back(model_placement);
    host.own.merge(architecture::own_controllers());
    architecture::probe_traits(host);
    return host;
}

std::unique_ptr<Machine> make_machine(const MachineConfig& config, Trace& trace) {
    if (config.placement != model_placement) return std::make_unique<KvmMachine>(config, trace);
    const std::string_view arch = config.arch.empty() ? architecture::name() : config.arch;
    return std::make_unique<model::ModelMachine>(config, trace, model::modelled(arch).make_hardware);
}

}  // namespace irqbench::vmm
