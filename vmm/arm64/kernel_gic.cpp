#include "vmm/arm64/kernel_gic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <stdexcept>

#include "irqchip/arm64/gic_redistributor_registers.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"
#include "irqchip/arm64/its_registers.hpp"
#include "routing/arm64.hpp"
#include "vmm/arm64/boot.hpp"
#include "vmm/arm64/irq_line.hpp"
#include "vmm/arm64/system_registers.hpp"
#include "vmm/arm64/urgency.hpp"
#include "vmm/kernel_routing.hpp"

namespace irqbench::vmm::arm64 {

namespace {

using routing::arm64::first_spi;

namespace gicd = irqchip::arm64::gicd;
namespace gicc = irqchip::arm64::gicc;
namespace gicr = irqchip::arm64::gicr;
namespace gits = irqchip::arm64::gits;
namespace icc = irqchip::arm64::icc;

/// Encodings as in KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS; beside them the offsets of the GICv2 CPU interface.
struct CpuRegister {
    std::string_view name;
    std::uint32_t v3;
    std::uint32_t v2;
    bool of_v2 =
        true;  ///< not there already by another name: its GICC_CTLR has both enables, its APR both groups
};
constexpr CpuRegister pmr{"pmr", icc::pmr, gicc::pmr};
constexpr std::array cpu_registers{CpuRegister{"ctlr", icc::ctlr, gicc::ctlr},
                                   pmr,
                                   CpuRegister{"bpr0", icc::bpr0, gicc::bpr},
                                   CpuRegister{"bpr1", icc::bpr1, gicc::abpr},
                                   CpuRegister{"igrpen0", icc::igrpen0, gicc::ctlr, false},
                                   CpuRegister{"igrpen1", icc::igrpen1, gicc::ctlr, false},
                                   CpuRegister{"ap0r0", icc::ap0r, gicc::apr},
                                   CpuRegister{"ap1r0", icc::ap1r, gicc::apr, false}};

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

KernelGic::KernelGic(kvm::Vm& vm, kvm::GuestMemory& memory, const MachineConfig& config, Recorder& recorder)
    : ArmPlacement(vm, config, recorder), is_v3_(false), memory_(memory), irqfds_(vm) {
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

void KernelGic::initialise() {
    gic_->set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT);
    if (its_) its_->set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT);
}

// A scenario begins with a distributor that forwards both groups; nothing is enabled.
void KernelGic::finish() {
    initialise();
    set_distributor(gicd::ctlr, distributor(gicd::ctlr) | 3);
    table_ = routing::arm64::default_table(config_.spis);
}

std::uint64_t KernelGic::affinity(std::uint32_t vcpu) const {
    if (!is_v3_) return std::uint64_t{vcpu} << KVM_DEV_ARM_VGIC_CPUID_SHIFT;
    const std::uint64_t mpidr = slots_.at(vcpu)->vcpu.reg(system_register(sysregs::mpidr));
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
                                    affinity(vcpu) | (gicr::sgi_base + offset));
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
    const auto value = gic_->get<std::uint32_t>(KVM_DEV_ARM_VGIC_GRP_CPU_REGS, affinity(vcpu) | which);
    // Through this interface a GICv2's PMR has its five bits at the bottom (arm-vgic.rst); guests have them
    // at the top.
    return which == pmr.v2 ? (value & 0x1f) << 3 : value;
}

Outcome KernelGic::set_line(std::uint32_t gsi, bool level, bool want_status) {
    const auto line = line_word(gsi);
    if (!line) return {0, EINVAL};
    const std::uint64_t begun = lines_.begin();
    const Outcome outcome =
        want_status ? vm_.try_irq_line_status(*line, level) : vm_.try_irq_line(*line, level);
    if (outcome.ok() && !is_v3_) lines_.set(*line, level, begun);
    return outcome;
}

Outcome KernelGic::deassign_irqfd(std::string_view name) {
    const auto [outcome, ended] = irqfds_.deassign(name);
    const auto gsi = ended && ended->spec.resample ? std::optional(ended->spec.gsi) : std::nullopt;
    // The last of a GSI lets go of the line.
    if (gsi && remembers_lines() && !irqfds_.resamples(*gsi)) remember_gsi(*gsi, false);
    if (gsi && concurrent_) among_others(gsi);
    return outcome;
}

// KVM raises the line of a level-sensitive SPI, and leaves it at that.
void KernelGic::signal(std::string_view irqfd, std::uint64_t count) {
    const auto gsi = irqfds_.signal(irqfd, count);
    if (is_v3_ || count == 0 || !gsi) return;
    if (concurrent_)
        among_others(gsi);
    else
        remember_gsi(*gsi, true);
}

std::vector<event::Resampled> KernelGic::take_resampled() {
    auto kicks = irqfds_.take_resampled();
    if (!remembers_lines()) return kicks;
    for (const event::Resampled& kick : kicks)
        if (const auto gsi = irqfds_.gsi_of(kick.irqfd)) remember_gsi(*gsi, false, true);
    return kicks;
}

Outcome KernelGic::msi(const MsiMessage& message) { return try_signal(vm_, message); }

Outcome KernelGic::route(const routing::RoutingTable& table) {
    const Outcome outcome = try_set_routing(vm_, table);
    if (outcome.ok()) table_ = table;
    if (concurrent_) among_others(std::nullopt);
    return outcome;
}

Outcome KernelGic::reset_controller(std::string_view controller) {
    if (!its_ || controller != "its") return {0, ENODEV};
    return its_->try_set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET);
}

// Of what is active the highest bit set in the active priorities registers; the vGIC has one of each group
// for its 32 levels.
std::uint32_t KernelGic::running_priority(VcpuSlot& slot) {
    auto limit = static_cast<std::uint32_t>(cpu_register(slot.index, is_v3_ ? pmr.v3 : pmr.v2));
    for (const CpuRegister& row : cpu_registers) {
        if (!row.name.starts_with("ap")) continue;
        const auto active = static_cast<std::uint32_t>(cpu_register(slot.index, is_v3_ ? row.v3 : row.v2));
        if (active != 0) limit = std::min(limit, static_cast<std::uint32_t>(std::countr_zero(active)) * 8);
    }
    return urgency(limit);
}

// What is active is not taken again, nor what is of a group that somebody has disabled (IHI
// 0069, 4.1.2, 4.7).
bool KernelGic::is_deliverable(std::uint32_t vcpu, std::uint32_t intid) const {
    const std::uint32_t group = bits_of(vcpu, intid, gicd::igroupr, 1);
    const bool forwarded = (distributor(gicd::ctlr) >> group & 1) != 0;
    const bool signalled = (cpu_register(vcpu, group == 0 ? icc::igrpen0 : icc::igrpen1) & 1) != 0;
    return forwarded && signalled && bits_of(vcpu, intid, gicd::isactiver, 1) == 0;
}

// Of the SGIs one that nobody has enabled, just urgent enough.
std::optional<Marker> KernelGic::send_marker(VcpuSlot& slot, std::uint32_t priority) {
    const auto urgent_enough = priority_beyond(priority);
    if (!urgent_enough || !is_v3_) return std::nullopt;
    for (std::uint32_t intid = irqchip::arm64::sgi_count; intid-- > 8;) {
        if (slot.agent.policy(intid) != default_policy || bits_of(slot.index, intid, gicd::ispendr, 1) != 0)
            continue;
        if (!is_deliverable(slot.index, intid)) continue;
        if (bits_of(slot.index, intid, gicd::isenabler, 1) != 0 && marker_sgis_[slot.index] != intid)
            continue;
        marker_sgis_[slot.index] = intid;
        const auto write = [&](std::uint32_t offset, std::uint32_t value) {
            gic_->set(KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, affinity(slot.index) | (gicr::sgi_base + offset),
                      value);
        };
        const std::uint32_t at = gicd::ipriorityr + intid / 4 * 4;
        const std::uint32_t shift = intid % 4 * 8;
        write(at, (own_register(slot.index, at) & ~(0xffU << shift)) | *urgent_enough << shift);
        write(gicd::isenabler, 1U << intid);
        // Through this interface the zeros of the word count too.
        write(gicd::ispendr, own_register(slot.index, gicd::ispendr) | 1U << intid);
        return Marker{intid, default_policy};
    }
    return std::nullopt;
}

std::vector<NamedValue> KernelGic::interrupt_state(std::uint32_t vcpu, std::uint32_t intid) const {
    const std::uint32_t config = bits_of(vcpu, intid, gicd::icfgr, 2);
    const bool edge = (config & 2) != 0;
    std::vector<NamedValue> fields{{"enabled", bits_of(vcpu, intid, gicd::isenabler, 1)},
                                   {"pending", bits_of(vcpu, intid, gicd::ispendr, 1)},
                                   {"active", bits_of(vcpu, intid, gicd::isactiver, 1)},
                                   {"priority", bits_of(vcpu, intid, gicd::ipriorityr, 8)},
                                   {"trigger", edge},
                                   {"group", bits_of(vcpu, intid, gicd::igroupr, 1)}};
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
            fields.push_back(
                {"route", distributor(irqchip::arm64::gicd3::irouter + (intid - first_spi) * 8)});
        else
            fields.push_back({"targets", bits_of(vcpu, intid, gicd::itargetsr, 8)});
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
        return {{"cwriter", its_->get<std::uint64_t>(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, gits::cwriter)},
                {"creadr", its_->get<std::uint64_t>(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, gits::creadr)}};
    }
    if (controller == "distributor" && index == 0) return {{"ctlr", distributor(gicd::ctlr)}};
    if (controller == "cpu_interface" && index < slots_.size()) {
        std::vector<NamedValue> fields;
        for (const CpuRegister& row : cpu_registers)
            if (is_v3_ || row.of_v2)
                fields.push_back({std::string(row.name), cpu_register(index, is_v3_ ? row.v3 : row.v2)});
        return fields;
    }
    return {};
}

}  // namespace irqbench::vmm::arm64
