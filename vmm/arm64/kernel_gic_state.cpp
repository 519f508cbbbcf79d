#include <algorithm>
#include <cstddef>
#include <span>

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

constexpr std::uint32_t word_bits = 32;  ///< INTIDs in a register with a bit for each
constexpr std::uint64_t line_level = std::uint64_t{VGIC_LEVEL_INFO_LINE_LEVEL}
                                     << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT;
constexpr std::uint64_t both_groups = 3;           ///< of GICD_CTLR
constexpr std::uint64_t writable_of_icc_ctlr = 3;  ///< EOImode and CBPR
/// Through this interface a GICv2's PMR has its five bits at the bottom (arm-vgic.rst).
constexpr std::uint64_t pmr_of_kvm = 0x1f;
constexpr unsigned pmr_shift = 3;

/// A line as KVM_IRQ_LINE names it.
constexpr std::uint32_t spi_line(std::uint32_t intid) { return encode_line({LineType::spi, 0, intid}); }
constexpr std::uint32_t ppi_line(std::uint32_t vcpu, std::uint32_t intid) {
    return encode_line({LineType::ppi, vcpu, intid});
}

/// KVM has registers of 32 bits, but for these groups.
constexpr bool is_wide(std::uint32_t group) {
    return group == KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS || group == KVM_DEV_ARM_VGIC_GRP_ITS_REGS;
}

}  // namespace vgic

struct KernelGic::Redistributors {
    RegisterValues values;
    Markers markers;
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
    const auto registers = [this](std::string_view name, std::function<RegisterValues()> save) {
        return state_access<RegisterValues>(
            name, std::move(save), [this](const RegisterValues& values) { write_registers(*this, values); });
    };
    parts.push_back(registers("iidr", [this] {
        const GicRegister iidr{Frame::distributor, 0, vgic::gicd::iidr};
        return RegisterValues{{iidr, read_register(iidr)}};
    }));
    parts.push_back(registers("distributor", [this] { return distributor_values(*this, shape()); }));
    if (is_v3_)
        parts.push_back(state_access<Redistributors>(
            "redistributors",
            [this] {
                return Redistributors{redistributor_values(*this, shape()), marker_sgis_};
            },
            [this](const Redistributors& saved) {
                write_registers(*this, saved.values);
                marker_sgis_ = saved.markers;
            }));
    parts.push_back(registers("cpu_interfaces", [this] { return cpu_interface_values(*this, shape()); }));
    parts.push_back(state_access<Lines>(
        "lines", [this] { return high_lines(); }, [this](const Lines& lines) { set_lines(lines); }));
    if (its_) {
        parts.push_back(state_access<std::vector<PendingTable>>(
            "pending_tables", [this] { return save_pending_tables(); },
            [this](const std::vector<PendingTable>& tables) { write_tables(tables); }));
        parts.push_back(state_access<ItsState>(
            "its", [this] { return save_its(); }, [this](const ItsState& its) { restore_its(its); }));
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

void KernelGic::write_tables(const std::vector<PendingTable>& tables) {
    for (const PendingTable& table : tables)
        if (memory_.contains(table.address, table.bytes.size()))
            memory_.write_bytes(table.address, std::as_bytes(std::span(table.bytes)));
}

// In the order of state(); GICD_IIDR is the new GIC's own.
void KernelGic::save(PortableState& state) {
    BoardState& board = state.board;
    board.version = is_v3_ ? 3 : 2;
    board.spis = config_.spis;
    save_cpus(state);
    for (VcpuSlot* slot : slots_)
        if (const auto marker = marker_sgis_.find(slot->index); marker != marker_sgis_.end())
            board.cpus[slot->index].marker = marker->second;
    board.distributor = distributor_values(*this, shape());
    if (is_v3_) board.redistributors = redistributor_values(*this, shape());
    board.cpu_interfaces = cpu_interface_values(*this, shape());
    board.lines = high_lines();
    if (its_) {
        board.its = save_its();
        board.pending_tables = save_pending_tables();
    }
    state.routes = table_;
    state.irqfds = irqfds_.save_portable();
}

void KernelGic::restore(const PortableState& state) {
    const BoardState& board = state.board;
    restore_cores(state);
    // A GICv2 takes the groups of interrupts only from those that say which revision they know
    // (arm-vgic.rst).
    const GicRegister iidr{Frame::distributor, 0, vgic::gicd::iidr};
    write_register(iidr, read_register(iidr));
    write_registers(*this, board.distributor);
    write_registers(*this, board.redistributors);
    write_registers(*this, board.cpu_interfaces);
    set_lines(board.lines);
    write_tables(board.pending_tables);
    if (board.its) restore_its(*board.its);
    for (const VcpuSlot* slot : slots_)
        if (const auto marker = board.cpus.at(slot->index).marker) marker_sgis_[slot->index] = *marker;
    kvm::require(try_set_routing(vm_, state.routes), "KVM_SET_GSI_ROUTING");
    table_ = state.routes;
    irqfds_.restore_portable(state.irqfds);
    restore_timers_and_power(state);
}

GicShape KernelGic::shape() const {
    return {is_v3_, its_.has_value(), static_cast<std::uint32_t>(slots_.size()), config_.spis};
}

KernelGic::Attribute KernelGic::attribute_of(const GicRegister& where) const {
    switch (where.frame) {
        case Frame::distributor: return {KVM_DEV_ARM_VGIC_GRP_DIST_REGS, affinity(where.cpu) | where.number};
        case Frame::redistributor:
            return {KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, affinity(where.cpu) | where.number};
        case Frame::cpu_interface:
            return {static_cast<std::uint32_t>(is_v3_ ? KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS
                                                      : KVM_DEV_ARM_VGIC_GRP_CPU_REGS),
                    affinity(where.cpu) | where.number};
        case Frame::its: break;
    }
    return {KVM_DEV_ARM_VGIC_GRP_ITS_REGS, where.number};
}

std::uint64_t KernelGic::read_register(const GicRegister& where) const {
    const Attribute at = attribute_of(where);
    const kvm::Device& device = where.frame == Frame::its ? *its_ : *gic_;
    const std::uint64_t value = vgic::is_wide(at.group) ? device.get<std::uint64_t>(at.group, at.number)
                                                        : device.get<std::uint32_t>(at.group, at.number);
    // KVM's GIC has one enable for both groups: bit 1 of a GICv3's register, bit 0 of a GICv2's.
    if (where.frame == Frame::distributor && where.number == vgic::gicd::ctlr) {
        const bool enabled = (value & (is_v3_ ? 2 : 1)) != 0;
        return enabled ? value | vgic::both_groups : value & ~vgic::both_groups;
    }
    if (is_v3_) return value;
    if (where.frame == Frame::cpu_interface)
        return where.number == vgic::gicc::pmr ? (value & vgic::pmr_of_kvm) << vgic::pmr_shift : value;
    const std::uint32_t first = (where.number - vgic::gicd::ispendr) * 8;
    const bool is_pending = where.number >= vgic::gicd::ispendr && where.number < vgic::gicd::icpendr;
    if (!is_pending) return value;
    const std::uint64_t of_sgis = first == 0 ? (1U << vgic::gic::sgi_count) - 1 : 0;
    return value & ~(pending_by_line(where.cpu, first) | of_sgis);
}

// What tells how many bits there are is the new GIC's own.
void KernelGic::write_register(const GicRegister& where, std::uint64_t value) {
    using namespace vgic;
    const Attribute at = attribute_of(where);
    if (is_v3_ && where.frame == Frame::cpu_interface && where.number == icc::ctlr)
        value = (gic_->get<std::uint64_t>(at.group, at.number) & ~writable_of_icc_ctlr) |
                (value & writable_of_icc_ctlr);
    if (!is_v3_ && where.frame == Frame::cpu_interface && where.number == gicc::pmr) value >>= pmr_shift;
    if (where.frame == Frame::distributor && where.number == gicd::ctlr && (value & both_groups) != 0)
        value |= both_groups;
    kvm::Device& device = where.frame == Frame::its ? *its_ : *gic_;
    if (is_wide(at.group))
        device.set(at.group, at.number, value);
    else
        device.set(at.group, at.number, static_cast<std::uint32_t>(value));
}

// Of 32 INTIDs each.
std::set<std::uint32_t> KernelGic::high_lines() {
    using namespace vgic;
    if (!is_v3_) {
        look_for_lines();
        return lines_.high();
    }
    std::set<std::uint32_t> high;
    const auto add = [&](std::uint32_t vcpu, std::uint32_t first) {
        const auto levels =
            gic_->get<std::uint32_t>(KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, affinity(vcpu) | line_level | first);
        for (std::uint32_t intid = first; intid < first + word_bits; ++intid) {
            if ((levels >> (intid - first) & 1) == 0 || VirtualTimer::drives(intid)) continue;
            high.insert(first == 0 ? ppi_line(slots_[vcpu]->vcpu.id(), intid) : spi_line(intid));
        }
    };
    for (const VcpuSlot* slot : slots_) add(slot->index, 0);
    for (std::uint32_t first = word_bits; first < routing::arm64::first_spi + config_.spis;
         first += word_bits)
        add(0, first);
    return high;
}

void KernelGic::set_lines(const std::set<std::uint32_t>& high) {
    using namespace vgic;
    if (!is_v3_) return drive_again(high);
    const auto set = [&](std::uint32_t vcpu, std::uint32_t first) {
        std::uint32_t levels = 0;
        for (std::uint32_t intid = first; intid < first + word_bits; ++intid)
            if (high.contains(first == 0 ? ppi_line(slots_[vcpu]->vcpu.id(), intid) : spi_line(intid)))
                levels |= 1U << (intid - first);
        gic_->set(KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, affinity(vcpu) | line_level | first, levels);
    };
    for (const VcpuSlot* slot : slots_) set(slot->index, 0);
    for (std::uint32_t first = word_bits; first < routing::arm64::first_spi + config_.spis;
         first += word_bits)
        set(0, first);
}

// KVM writes pending bits to the guest's tables. They are of the saved state: in the machine that goes on, an
// LPI that is mapped anew would take up an old one.
std::vector<PendingTable> KernelGic::save_pending_tables() {
    using namespace vgic;
    std::vector<PendingTable> before;
    for (const VcpuSlot* slot : slots_) {
        const auto wide = [&](std::uint32_t offset) {
            return read_wide(*this, {Frame::redistributor, slot->index, offset});
        };
        PendingTable table = pending_table_of(wide(gicr::propbaser), wide(gicr::pendbaser));
        if (!memory_.contains(table.address, table.bytes.size())) continue;
        memory_.read_bytes(table.address, std::as_writable_bytes(std::span(table.bytes)));
        before.push_back(std::move(table));
    }
    gic_->set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES);
    std::vector<PendingTable> saved = before;
    for (PendingTable& table : saved)
        memory_.read_bytes(table.address, std::as_writable_bytes(std::span(table.bytes)));
    write_tables(before);
    return saved;
}

ItsState KernelGic::save_its() {
    its_->set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_SAVE_TABLES);
    return {its_values(*this), read_register({Frame::its, 0, vgic::gits::ctlr})};
}

void KernelGic::restore_its(const ItsState& its) {
    write_registers(*this, its.registers);
    its_->set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES);
    write_register({Frame::its, 0, vgic::gits::ctlr}, its.ctlr);
}

std::uint32_t KernelGic::pending_by_line(std::uint32_t vcpu, std::uint32_t first) const {
    std::uint32_t by_line = 0;
    for (std::uint32_t intid = std::max(first, vgic::gic::sgi_count); intid < first + vgic::word_bits;
         ++intid) {
        if ((bits_of(vcpu, intid, vgic::gicd::icfgr, 2) & 2) != 0) continue;
        const std::uint32_t line = first == 0 ? vgic::ppi_line(vcpu, intid) : vgic::spi_line(intid);
        if (VirtualTimer::drives(intid) || lines_.is_high(line)) by_line |= 1U << (intid - first);
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
