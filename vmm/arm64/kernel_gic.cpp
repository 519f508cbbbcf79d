#include "vmm/arm64/kernel_gic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "routing/arm64.hpp"
#include "vmm/arm64/boot.hpp"
#include "vmm/arm64/urgency.hpp"
#include "vmm/kernel_routing.hpp"

namespace irqbench::vmm::arm64 {

namespace {

using routing::arm64::first_spi;

// Offsets in the distributor, and of the same registers for private interrupts from the redistributor's
// second frame (IHI 0069, 12.9 and 12.11).
constexpr std::uint32_t gicd_ctlr = 0x000;
constexpr std::uint32_t igroupr = 0x080;
constexpr std::uint32_t isenabler = 0x100;
constexpr std::uint32_t ispendr = 0x200;
constexpr std::uint32_t isactiver = 0x300;
constexpr std::uint32_t ipriorityr = 0x400;
constexpr std::uint32_t itargetsr = 0x800;
constexpr std::uint32_t icfgr = 0xc00;
constexpr std::uint32_t irouter = 0x6000;
constexpr std::uint32_t second_frame = 0x10000;

// Encodings as in KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS; beside them the offsets of the GICv2 CPU interface.
struct CpuRegister {
    std::string_view name;
    std::uint32_t v3;
    std::uint32_t v2;
};
constexpr CpuRegister pmr{"pmr", 0xc230, 0x04};
constexpr CpuRegister ap1r0{"ap1r0", 0xc648, 0xd0};
constexpr std::array cpu_registers{CpuRegister{"ctlr", 0xc664, 0x00},    pmr,
                                   CpuRegister{"bpr0", 0xc643, 0x08},    CpuRegister{"bpr1", 0xc663, 0x1c},
                                   CpuRegister{"igrpen0", 0xc666, 0x00}, CpuRegister{"igrpen1", 0xc667, 0x00},
                                   CpuRegister{"ap0r0", 0xc644, 0xd0},   ap1r0};

kvm::Device make_gic(kvm::Vm& vm, bool is_v3) {
    return {vm, static_cast<std::uint32_t>(is_v3 ? KVM_DEV_TYPE_ARM_VGIC_V3 : KVM_DEV_TYPE_ARM_VGIC_V2)};
}

}  // namespace

std::vector<std::string_view> gic_versions(const kvm::Vm& vm) {
    std::vector<std::string_view> versions;
    if (vm.supports_device(KVM_DEV_TYPE_ARM_VGIC_V3)) versions.emplace_back("v3");
    if (vm.supports_device(KVM_DEV_TYPE_ARM_VGIC_V2)) versions.emplace_back("v2");
    return versions;
}

KernelGic::KernelGic(kvm::Vm& vm, const MachineConfig& config, Recorder& recorder)
    : ArmPlacement(vm, config, recorder), is_v3_(false), irqfds_(vm) {
    const auto versions = gic_versions(vm);
    if (versions.empty()) throw std::invalid_argument("this host's KVM has no GIC");
    const std::string_view version = config.gic.empty() ? versions.front() : config.gic;
    if (std::find(versions.begin(), versions.end(), version) == versions.end())
        throw std::invalid_argument(fmt::format("this host's KVM has no GIC{}", version));
    is_v3_ = version == "v3";
}

void KernelGic::set_address(kvm::Device& device, std::uint64_t type, std::uint64_t address) {
    device.set(KVM_DEV_ARM_VGIC_GRP_ADDR, type, address);
}

void KernelGic::create_controllers() {
    gic_.emplace(make_gic(vm_, is_v3_));
    gic_->set(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, first_spi + config_.spis);
    if (!is_v3_) {
        set_address(*gic_, KVM_VGIC_V2_ADDR_TYPE_DIST, AGENT_GICD);
        set_address(*gic_, KVM_VGIC_V2_ADDR_TYPE_CPU, AGENT_GICC);
        return;
    }
    set_address(*gic_, KVM_VGIC_V3_ADDR_TYPE_DIST, AGENT_GICD);
    // One region for all: its number, no flags, where it begins, and how many redistributors it holds.
    const std::uint64_t region = std::uint64_t{config_.vcpu_ids.size()} << 52 | AGENT_GICR;
    if (gic_->has(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION))
        set_address(*gic_, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, region);
    else
        set_address(*gic_, KVM_VGIC_V3_ADDR_TYPE_REDIST, AGENT_GICR);
    if (!config_.its) return;
    its_.emplace(vm_, static_cast<std::uint32_t>(KVM_DEV_TYPE_ARM_VGIC_ITS));
    set_address(*its_, KVM_VGIC_ITS_ADDR_TYPE, AGENT_ITS);
}

// A scenario begins with a distributor that forwards both groups; nothing is enabled.
void KernelGic::finish() {
    gic_->set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT);
    if (its_) its_->set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT);
    set_distributor(gicd_ctlr, distributor(gicd_ctlr) | 3);
    table_ = routing::arm64::default_table(config_.spis);
}

std::uint64_t KernelGic::affinity(std::uint32_t vcpu) const {
    if (!is_v3_) return std::uint64_t{vcpu} << KVM_DEV_ARM_VGIC_CPUID_SHIFT;
    constexpr std::uint32_t mpidr_el1 = 0xc005;
    const std::uint64_t mpidr = slots_.at(vcpu)->vcpu.reg(system_register(mpidr_el1));
    return ((mpidr & 0xffffff) | (mpidr >> 8 & 0xff000000)) << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT;
}

std::uint32_t KernelGic::distributor(std::uint32_t offset) const {
    return gic_->get<std::uint32_t>(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, affinity(0) | offset);
}

void KernelGic::set_distributor(std::uint32_t offset, std::uint32_t value) {
    gic_->set(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, affinity(0) | offset, value);
}

std::uint32_t KernelGic::own_register(std::uint32_t vcpu, std::uint32_t offset) const {
    if (!is_v3_) return gic_->get<std::uint32_t>(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, affinity(vcpu) | offset);
    return gic_->get<std::uint32_t>(KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
                                    affinity(vcpu) | (second_frame + offset));
}

std::uint32_t KernelGic::bits_of(std::uint32_t vcpu, std::uint32_t intid, std::uint32_t offset,
                                 std::uint32_t bits) const {
    const std::uint32_t of_word = 32 / bits;
    const std::uint32_t at = offset + intid / of_word * 4;
    const std::uint32_t word = intid < first_spi ? own_register(vcpu, at) : distributor(at);
    return word >> intid % of_word * bits & ((1U << bits) - 1);
}

std::uint64_t KernelGic::cpu_register(std::uint32_t vcpu, std::uint32_t which) const {
    if (is_v3_) return gic_->get<std::uint64_t>(KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, affinity(vcpu) | which);
    return gic_->get<std::uint32_t>(KVM_DEV_ARM_VGIC_GRP_CPU_REGS, affinity(vcpu) | which);
}

// A GSI is an SPI; what has a type of its own in bits 27:24 is meant as api.rst has it for KVM_IRQ_LINE.
Outcome KernelGic::set_line(std::uint32_t gsi, bool level, bool want_status) {
    const bool is_gsi = gsi >> KVM_ARM_IRQ_TYPE_SHIFT == 0;
    const std::uint32_t line =
        is_gsi
            ? static_cast<std::uint32_t>(KVM_ARM_IRQ_TYPE_SPI) << KVM_ARM_IRQ_TYPE_SHIFT | (gsi + first_spi)
            : gsi;
    return want_status ? vm_.try_irq_line_status(line, level) : vm_.try_irq_line(line, level);
}

Outcome KernelGic::msi(const MsiMessage& message) { return try_signal(vm_, message); }

Outcome KernelGic::route(const routing::RoutingTable& table) {
    const Outcome outcome = try_set_routing(vm_, table);
    if (outcome.ok()) table_ = table;
    return outcome;
}

// Of what is active the highest bit set in the active priorities registers; the vGIC has one of each group
// for its 32 levels.
std::uint32_t KernelGic::running_priority(VcpuSlot& slot) {
    std::uint32_t limit = static_cast<std::uint32_t>(cpu_register(slot.index, is_v3_ ? pmr.v3 : pmr.v2));
    // Through this interface a GICv2's PMR has its five bits at the bottom (arm-vgic.rst).
    if (!is_v3_) limit = (limit & 0x1f) << 3;
    for (const CpuRegister& row : cpu_registers) {
        if (!row.name.starts_with("ap")) continue;
        const auto active = static_cast<std::uint32_t>(cpu_register(slot.index, is_v3_ ? row.v3 : row.v2));
        if (active != 0) limit = std::min(limit, static_cast<std::uint32_t>(std::countr_zero(active)) * 8);
    }
    return urgency(limit);
}

// Of the SGIs one that nobody has enabled, just urgent enough.
std::optional<Marker> KernelGic::send_marker(VcpuSlot& slot, std::uint32_t priority) {
    const auto urgent_enough = priority_beyond(priority);
    if (!urgent_enough || !is_v3_) return std::nullopt;
    for (std::uint32_t intid = 16; intid-- > 8;) {
        if (slot.agent.policy(intid) != default_policy || bits_of(slot.index, intid, ispendr, 1) != 0)
            continue;
        if (bits_of(slot.index, intid, isenabler, 1) != 0 && marker_sgis_[slot.index] != intid) continue;
        marker_sgis_[slot.index] = intid;
        const auto write = [&](std::uint32_t offset, std::uint32_t value) {
            gic_->set(KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, affinity(slot.index) | (second_frame + offset),
                      value);
        };
        const std::uint32_t at = ipriorityr + intid / 4 * 4;
        const std::uint32_t shift = intid % 4 * 8;
        write(at, (own_register(slot.index, at) & ~(0xffU << shift)) | *urgent_enough << shift);
        write(isenabler, 1U << intid);
        // Through this interface the zeros of the word count too.
        write(ispendr, own_register(slot.index, ispendr) | 1U << intid);
        return Marker{intid, default_policy};
    }
    return std::nullopt;
}

std::vector<NamedValue> KernelGic::interrupt_state(std::uint32_t vcpu, std::uint32_t intid) const {
    const std::uint32_t config = bits_of(vcpu, intid, icfgr, 2);
    const bool edge = (config & 2) != 0;
    std::vector<NamedValue> fields{{"enabled", bits_of(vcpu, intid, isenabler, 1)},
                                   {"pending", bits_of(vcpu, intid, ispendr, 1)},
                                   {"active", bits_of(vcpu, intid, isactiver, 1)},
                                   {"priority", bits_of(vcpu, intid, ipriorityr, 8)},
                                   {"trigger", edge},
                                   {"group", bits_of(vcpu, intid, igroupr, 1)}};
    if (is_v3_) {
        // On a GICv3 this interface gives the latch alone, and the line by another attribute.
        const auto lines = gic_->get<std::uint32_t>(
            KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO,
            affinity(vcpu) | VGIC_LEVEL_INFO_LINE_LEVEL << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT |
                (intid & ~31U));
        const std::uint32_t line = lines >> intid % 32 & 1;
        fields.push_back({"line", line});
        if (!edge) fields[1].value |= line;
    }
    if (intid >= first_spi) {
        if (is_v3_)
            fields.push_back({"route", distributor(irouter + intid * 8)});
        else
            fields.push_back({"targets", bits_of(vcpu, intid, itargetsr, 8)});
    }
    return fields;
}

std::vector<NamedValue> KernelGic::inspect(std::string_view controller, std::uint32_t index) {
    const std::uint32_t vcpu = index >> 16;
    const std::uint32_t intid = index & 0xffff;
    if (controller == "interrupt" && vcpu < slots_.size() && intid < first_spi + config_.spis)
        return interrupt_state(vcpu, intid);
    if (controller == "gic") return {{"version", is_v3_ ? 3U : 2U}};
    if (controller == "its" && its_ && index == 0) {
        constexpr std::uint64_t cwriter = 0x88;
        constexpr std::uint64_t creadr = 0x90;
        return {{"cwriter", its_->get<std::uint64_t>(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, cwriter)},
                {"creadr", its_->get<std::uint64_t>(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, creadr)}};
    }
    if (controller == "distributor" && index == 0) return {{"ctlr", distributor(gicd_ctlr)}};
    if (controller == "cpu_interface" && index < slots_.size()) {
        std::vector<NamedValue> fields;
        for (const CpuRegister& row : cpu_registers)
            if (is_v3_ || !row.name.starts_with("igrpen"))
                fields.push_back({std::string(row.name), cpu_register(index, is_v3_ ? row.v3 : row.v2)});
        return fields;
    }
    return {};
}

}  // namespace irqbench::vmm::arm64
