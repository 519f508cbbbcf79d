#include <algorithm>
#include <cstddef>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"
#include "irqchip/arm64/gic_distributor_registers.hpp"
#include "irqchip/arm64/gic_redistributor_registers.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"
#include "irqchip/arm64/its_registers.hpp"
#include "routing/arm64.hpp"
#include "vmm/arm64/irq_line.hpp"
#include "vmm/arm64/kernel_gic.hpp"
#include "vmm/arm64/virtual_timer.hpp"
#include "vmm/kernel_routing.hpp"

// Saved state of KVM's GIC, by the attributes of its devices. A part is what has to be written to a GIC that
// has just been initialised.
namespace irqbench::vmm::arm64 {

namespace vgic {

namespace gic = irqchip::arm64;
namespace gicd = irqchip::arm64::gicd;
namespace gicc = irqchip::arm64::gicc;
namespace gicr = irqchip::arm64::gicr;
namespace gits = irqchip::arm64::gits;
namespace icc = irqchip::arm64::icc;

constexpr std::uint32_t all_ones = 0xffff'ffff;
constexpr std::uint32_t word_bits = 32;  ///< INTIDs in a register with a bit for each
constexpr std::uint32_t gits_baser_count = 8;

/// A line as KVM_IRQ_LINE names it.
constexpr std::uint32_t spi_line(std::uint32_t intid) { return encode_line({LineType::spi, 0, intid}); }
constexpr std::uint32_t ppi_line(std::uint32_t vcpu, std::uint32_t intid) {
    return encode_line({LineType::ppi, vcpu, intid});
}

/// KVM has registers of 32 bits, but for these groups.
constexpr bool is_wide(std::uint32_t group) {
    return group == KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS || group == KVM_DEV_ARM_VGIC_GRP_ITS_REGS;
}

/// Active priorities registers of each group (IHI 0069, ICC_AP0R<n>_EL1).
constexpr std::uint32_t active_priorities_registers(std::uint64_t icc_ctlr) {
    const std::uint32_t priority_bits = (icc_ctlr >> 8 & 7) + 1;
    return priority_bits >= 7 ? 4 : priority_bits == 6 ? 2 : 1;
}

}  // namespace vgic

struct KernelGic::Redistributors {
    RegisterWrites writes;
    Markers markers;
};

struct KernelGic::PendingTable {
    std::uint64_t address;
    std::vector<std::byte> bytes;
};

struct KernelGic::Its {
    RegisterWrites writes;  ///< all but GITS_CTLR
    std::uint64_t ctlr;
};

// The GIC has registers when it has been initialised, which needs all vCPUs.
void KernelGic::adopt(VcpuSlot& slot) {
    ArmPlacement::adopt(slot);
    if (slots_.size() == config_.vcpu_ids.size()) initialise();
}

std::vector<StateAccess> KernelGic::state() {
    using Lines = LineMemory::Lines;
    std::vector<StateAccess> parts{registers_state()};
    for (StateAccess& part : events_state()) parts.push_back(std::move(part));
    const auto registers = [this](std::string_view name, std::function<RegisterWrites()> save) {
        return state_access<RegisterWrites>(name, std::move(save),
                                            [this](const RegisterWrites& writes) { write(*gic_, writes); });
    };
    parts.push_back(registers("iidr", [this] {
        RegisterWrites writes;
        add_register(writes, *gic_, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, affinity(0) | vgic::gicd::iidr);
        return writes;
    }));
    parts.push_back(registers("distributor", [this] { return distributor_writes(); }));
    if (is_v3_)
        parts.push_back(state_access<Redistributors>(
            "redistributors", [this] { return save_redistributors(); },
            [this](const Redistributors& saved) {
                write(*gic_, saved.writes);
                marker_sgis_ = saved.markers;
            }));
    parts.push_back(registers("cpu_interfaces", [this] { return cpu_interface_writes(); }));
    parts.push_back(is_v3_ ? registers("lines", [this] { return line_writes(); })
                           : state_access<Lines>(
                                 "lines",
                                 [this] {
                                     look_for_lines();
                                     return lines_.high();
                                 },
                                 [this](const Lines& lines) { drive_again(lines); }));
    if (its_) {
        parts.push_back(state_access<std::vector<PendingTable>>(
            "pending_tables", [this] { return save_pending_tables(); },
            [this](const std::vector<PendingTable>& tables) {
                for (const PendingTable& table : tables) memory_.write_bytes(table.address, table.bytes);
            }));
        parts.push_back(state_access<Its>(
            "its", [this] { return save_its(); }, [this](const Its& its) { restore_its(its); }));
    }
    parts.push_back(state_access<routing::RoutingTable>(
        "routing", [this] { return table_; },
        [this](const routing::RoutingTable& table) {
            kvm::require(try_set_routing(vm_, table), "KVM_SET_GSI_ROUTING");
            table_ = table;
        }));
    parts.push_back(irqfds_.state());
    parts.push_back(timers_state());
    parts.push_back(power_state());
    return parts;
}

void KernelGic::add_register(RegisterWrites& to, const kvm::Device& device, std::uint32_t group,
                             std::uint64_t attribute) const {
    const std::uint64_t value = vgic::is_wide(group) ? device.get<std::uint64_t>(group, attribute)
                                                     : device.get<std::uint32_t>(group, attribute);
    to.push_back({group, attribute, value});
}

void KernelGic::write(kvm::Device& device, const RegisterWrites& writes) {
    for (const RegisterWrite& each : writes) {
        if (vgic::is_wide(each.group))
            device.set(each.group, each.attribute, each.value);
        else
            device.set(each.group, each.attribute, static_cast<std::uint32_t>(each.value));
    }
}

// What is set comes where it belongs when it is told to be active or pending: group, priority, trigger and
// target are known by then. Of registers that set bits alone, those that clear them come first.
void KernelGic::add_interrupts(RegisterWrites& to, std::uint32_t vcpu, std::uint32_t first) const {
    using namespace vgic;
    const bool is_private = first == 0;
    const bool in_redistributor = is_v3_ && is_private;
    const std::uint32_t group =
        in_redistributor ? KVM_DEV_ARM_VGIC_GRP_REDIST_REGS : KVM_DEV_ARM_VGIC_GRP_DIST_REGS;
    const std::uint64_t base = affinity(vcpu) + (in_redistributor ? gicr::sgi_base : 0);
    const auto bits = [&](std::uint32_t offset) { return base + offset + first / 8; };
    const auto add = [&](std::uint64_t attribute) { add_register(to, *gic_, group, attribute); };
    const auto add_words = [&](std::uint32_t offset, std::uint32_t bits_of_each) {
        for (std::uint32_t word = 0; word < bits_of_each; ++word)
            add(base + offset + first / 8 * bits_of_each + word * 4);
    };
    add(bits(gicd::igroupr));
    add_words(gicd::ipriorityr, 8);
    add_words(gicd::icfgr, 2);
    if (!is_private && is_v3_) {
        // Of 64 bits, by halves.
        for (std::uint32_t intid = first; intid < first + word_bits; ++intid)
            for (const std::uint32_t half : {0U, 4U})
                add(base + gic::gicd3::irouter + (intid - routing::arm64::first_spi) * 8 + half);
    } else if (!is_private) {
        add_words(gicd::itargetsr, 8);
    }
    to.push_back({group, bits(gicd::icenabler), all_ones});
    add(bits(gicd::isenabler));
    to.push_back({group, bits(gicd::icactiver), all_ones});
    add(bits(gicd::isactiver));
    add(bits(gicd::ispendr));
    if (is_v3_) return;
    to.back().value &= ~std::uint64_t{pending_by_line(vcpu, first)};
    if (!is_private) return;
    // GICD_ISPENDR would have SGIs come from the vCPU itself.
    to.back().value &= ~std::uint64_t{(1U << gic::sgi_count) - 1};
    for (std::uint32_t word = 0; word < gic::sgi_count / 4; ++word) add(base + gicd::spendsgir + word * 4);
}

KernelGic::RegisterWrites KernelGic::distributor_writes() const {
    using namespace vgic;
    RegisterWrites writes;
    add_register(writes, *gic_, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, affinity(0) | gicd::ctlr);
    if (!is_v3_)
        for (const VcpuSlot* slot : slots_) add_interrupts(writes, slot->index, 0);
    for (std::uint32_t first = word_bits; first < routing::arm64::first_spi + config_.spis;
         first += word_bits)
        add_interrupts(writes, 0, first);
    return writes;
}

// Where the tables of LPIs are is said before GICR_CTLR enables LPIs, and cannot be said afterwards.
KernelGic::Redistributors KernelGic::save_redistributors() const {
    using namespace vgic;
    Redistributors saved{{}, marker_sgis_};
    for (const VcpuSlot* slot : slots_) {
        if (its_)
            for (const std::uint32_t offset :
                 {gicr::propbaser, gicr::propbaser + 4, gicr::pendbaser, gicr::pendbaser + 4, gicr::ctlr})
                add_register(saved.writes, *gic_, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
                             affinity(slot->index) | offset);
        add_interrupts(saved.writes, slot->index, 0);
    }
    return saved;
}

// BPR1 is neither read nor written while CBPR has it follow BPR0, so that CTLR is without it for the time
// being and comes last.
KernelGic::RegisterWrites KernelGic::cpu_interface_writes() {
    using namespace vgic;
    constexpr std::uint64_t common_binary_point = 1;
    RegisterWrites writes;
    for (const VcpuSlot* slot : slots_) {
        const std::uint64_t base = affinity(slot->index);
        const auto add = [&](std::uint32_t group, std::uint32_t which) {
            add_register(writes, *gic_, group, base | which);
        };
        if (!is_v3_) {
            for (const std::uint32_t offset : {gicc::pmr, gicc::bpr, gicc::abpr, gicc::apr, gicc::apr + 4,
                                               gicc::apr + 8, gicc::apr + 12, gicc::ctlr})
                add(KVM_DEV_ARM_VGIC_GRP_CPU_REGS, offset);
            continue;
        }
        constexpr std::uint32_t group = KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;
        const auto ctlr = gic_->get<std::uint64_t>(group, base | icc::ctlr);
        for (const std::uint32_t which : {icc::pmr, icc::igrpen0, icc::igrpen1, icc::bpr0}) add(group, which);
        for (std::uint32_t number = 0; number < active_priorities_registers(ctlr); ++number) {
            add(group, icc::ap0r + number);
            add(group, icc::ap1r + number);
        }
        if ((ctlr & common_binary_point) != 0)
            gic_->set(group, base | icc::ctlr, ctlr & ~common_binary_point);
        add(group, icc::bpr1);
        if ((ctlr & common_binary_point) != 0) gic_->set(group, base | icc::ctlr, ctlr);
        writes.push_back({group, base | icc::ctlr, ctlr});
    }
    return writes;
}

KernelGic::RegisterWrites KernelGic::line_writes() const {
    constexpr std::uint64_t line_level = std::uint64_t{VGIC_LEVEL_INFO_LINE_LEVEL}
                                         << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT;
    RegisterWrites writes;
    for (const VcpuSlot* slot : slots_)
        add_register(writes, *gic_, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, affinity(slot->index) | line_level);
    for (std::uint32_t first = vgic::word_bits; first < routing::arm64::first_spi + config_.spis;
         first += vgic::word_bits)
        add_register(writes, *gic_, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, affinity(0) | line_level | first);
    return writes;
}

// KVM writes pending bits to the guest's tables. They are of the saved state: in the machine that goes on, an
// LPI that is mapped anew would take up an old one.
std::vector<KernelGic::PendingTable> KernelGic::save_pending_tables() {
    using namespace vgic;
    constexpr std::uint64_t address_bits = 0x000f'ffff'ffff'0000;
    constexpr std::uint64_t most_id_bits = 16;  // KVM's INTERRUPT_ID_BITS_ITS
    std::vector<PendingTable> before;
    for (const VcpuSlot* slot : slots_) {
        const auto wide = [&](std::uint32_t offset) {
            const auto half = [&](std::uint32_t at) {
                return std::uint64_t{
                    gic_->get<std::uint32_t>(KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, affinity(slot->index) | at)};
            };
            return half(offset + 4) << 32 | half(offset);
        };
        const std::uint64_t id_bits = std::min(most_id_bits, (wide(gicr::propbaser) & 0x1f) + 1);
        const std::uint64_t address = wide(gicr::pendbaser) & address_bits;
        const std::uint64_t bytes = std::max<std::uint64_t>(std::uint64_t{1} << id_bits, 8) / 8;
        if (!memory_.contains(address, bytes)) continue;
        before.push_back({address, std::vector<std::byte>(bytes)});
        memory_.read_bytes(address, before.back().bytes);
    }
    gic_->set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES);
    std::vector<PendingTable> saved = before;
    for (PendingTable& table : saved) memory_.read_bytes(table.address, table.bytes);
    for (const PendingTable& table : before) memory_.write_bytes(table.address, table.bytes);
    return saved;
}

// GITS_CREADR after GITS_CBASER, which resets it (arm-vgic-its.rst).
KernelGic::Its KernelGic::save_its() {
    using namespace vgic;
    constexpr std::uint32_t group = KVM_DEV_ARM_VGIC_GRP_ITS_REGS;
    its_->set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_SAVE_TABLES);
    Its saved{{}, its_->get<std::uint64_t>(group, gits::ctlr)};
    for (const std::uint32_t offset : {gits::cbaser, gits::creadr, gits::cwriter, gits::iidr})
        add_register(saved.writes, *its_, group, offset);
    for (std::uint32_t number = 0; number < gits_baser_count; ++number)
        add_register(saved.writes, *its_, group, gits::baser + number * 8);
    return saved;
}

void KernelGic::restore_its(const Its& its) {
    write(*its_, its.writes);
    its_->set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES);
    its_->set(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, vgic::gits::ctlr, its.ctlr);
}

// The timers' lines are KVM's to drive.
std::uint32_t KernelGic::pending_by_line(std::uint32_t vcpu, std::uint32_t first) const {
    std::uint32_t by_line = 0;
    for (std::uint32_t intid = std::max(first, vgic::gic::sgi_count); intid < first + vgic::word_bits;
         ++intid) {
        if ((bits_of(vcpu, intid, vgic::gicd::icfgr, 2) & 2) != 0) continue;
        const bool is_timer = intid == VirtualTimer::ppi || intid == VirtualTimer::ppi_of_physical;
        const std::uint32_t line = first == 0 ? vgic::ppi_line(vcpu, intid) : vgic::spi_line(intid);
        if (is_timer || lines_.is_high(line)) by_line |= 1U << (intid - first);
    }
    return by_line;
}

// What a kick that came from several threads' time lowered may be up again.
void KernelGic::remember_gsi(std::uint32_t gsi, bool level, bool of_late) {
    for (const routing::Route& route : table_.routes(gsi)) {
        const auto* pin = std::get_if<routing::PinRoute>(&route);
        if (pin == nullptr) continue;
        const std::uint32_t line = vgic::spi_line(pin->pin + routing::arm64::first_spi);
        if (!of_late || !lines_.in_doubt(line)) lines_.set(line, level, lines_.begin());
    }
}

void KernelGic::among_others(std::optional<std::uint32_t> gsi) {
    const std::lock_guard lock(moved_mutex_);
    if (gsi)
        moved_.gsis.insert(*gsi);
    else
        moved_.routes = true;
}

// KVM moves the lines of irqfds in its own time, and to where the routes lead by then.
void KernelGic::concurrent(bool on) {
    concurrent_ = on;
    if (is_v3_) return;
    lines_.among_others(on);
    const Moved moved = std::exchange(moved_, {});
    if (moved.gsis.empty()) return;
    for (std::uint32_t pin = 0; pin < config_.spis; ++pin)
        if (moved.routes) lines_.doubt(vgic::spi_line(pin + routing::arm64::first_spi));
    for (const std::uint32_t gsi : moved.gsis)
        for (const routing::Route& route : table_.routes(gsi))
            if (const auto* pin = std::get_if<routing::PinRoute>(&route))
                lines_.doubt(vgic::spi_line(pin->pin + routing::arm64::first_spi));
}

// Of a line in doubt only the GIC knows: what is pending of a level-sensitive interrupt is taken for it. With
// no vCPU running: KVM's GIC has no registers otherwise.
void KernelGic::look_for_lines() {
    lines_.settle([this](std::uint32_t line) {
        const std::uint32_t vcpu = line >> KVM_ARM_IRQ_VCPU_SHIFT & KVM_ARM_IRQ_VCPU_MASK;
        const std::uint32_t intid = line & KVM_ARM_IRQ_NUM_MASK;
        return (bits_of(vcpu, intid, vgic::gicd::icfgr, 2) & 2) == 0 &&
               bits_of(vcpu, intid, vgic::gicd::ispendr, 1) != 0;
    });
}

/// What is edge-triggered has no level: driven again, it would be an edge.
void KernelGic::drive_again(const std::set<std::uint32_t>& lines) {
    lines_.restore(lines);
    for (const std::uint32_t line : lines) {
        const std::uint32_t vcpu = line >> KVM_ARM_IRQ_VCPU_SHIFT & KVM_ARM_IRQ_VCPU_MASK;
        if ((bits_of(vcpu, line & KVM_ARM_IRQ_NUM_MASK, vgic::gicd::icfgr, 2) & 2) == 0)
            vm_.irq_line(line, true);
    }
}

}  // namespace irqbench::vmm::arm64
