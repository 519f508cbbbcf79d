#include "vmm/arm64/gic_registers.hpp"

#include <algorithm>
#include <array>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"
#include "irqchip/arm64/gic_distributor_registers.hpp"
#include "irqchip/arm64/gic_redistributor_registers.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"
#include "irqchip/arm64/its_registers.hpp"
#include "routing/arm64.hpp"

namespace irqbench::vmm::arm64 {

namespace {

namespace gic = irqchip::arm64;
namespace gicd = irqchip::arm64::gicd;
namespace gicc = irqchip::arm64::gicc;
namespace gicr = irqchip::arm64::gicr;
namespace gits = irqchip::arm64::gits;
namespace icc = irqchip::arm64::icc;

constexpr std::uint32_t all_ones = 0xffff'ffff;
constexpr std::uint32_t block_size = 32;  ///< INTIDs in a register with a bit for each
constexpr std::uint32_t baser_count = 8;

/// Collects registers with the values they have.
class Collection {
  public:
    explicit Collection(const RegisterFile& of) : of_(of) {}

    void add(Frame frame, std::uint32_t cpu, std::uint32_t number) {
        const GicRegister where{frame, cpu, number};
        values_.push_back({where, of_.read_register(where)});
    }
    void add_with(Frame frame, std::uint32_t cpu, std::uint32_t number, std::uint64_t value) {
        values_.push_back({{frame, cpu, number}, value});
    }
    [[nodiscard]] RegisterValues values() && { return std::move(values_); }

  private:
    const RegisterFile& of_;
    RegisterValues values_;
};

/// The registers of 32 INTIDs, the first of which is a multiple of 32.
void add_interrupts(Collection& to, bool is_v3, std::uint32_t cpu, std::uint32_t first) {
    const bool is_private = first == 0;
    const bool in_redistributor = is_v3 && is_private;
    const Frame frame = in_redistributor ? Frame::redistributor : Frame::distributor;
    const std::uint32_t base = in_redistributor ? gicr::sgi_base : 0;
    const auto bits = [&](std::uint32_t offset) { return base + offset + first / 8; };
    const auto add = [&](std::uint32_t offset) { to.add(frame, cpu, offset); };
    const auto add_words = [&](std::uint32_t offset, std::uint32_t bits_of_each) {
        for (std::uint32_t word = 0; word < bits_of_each; ++word)
            add(base + offset + first / 8 * bits_of_each + word * 4);
    };
    add(bits(gicd::igroupr));
    add_words(gicd::ipriorityr, 8);
    add_words(gicd::icfgr, 2);
    if (!is_private && is_v3) {
        // Of 64 bits, by halves.
        for (std::uint32_t intid = first; intid < first + block_size; ++intid)
            for (const std::uint32_t half : {0U, 4U})
                add(gic::gicd3::irouter + (intid - routing::arm64::first_spi) * 8 + half);
    } else if (!is_private) {
        add_words(gicd::itargetsr, 8);
    }
    to.add_with(frame, cpu, bits(gicd::icenabler), all_ones);
    add(bits(gicd::isenabler));
    to.add_with(frame, cpu, bits(gicd::icactiver), all_ones);
    add(bits(gicd::isactiver));
    add(bits(gicd::ispendr));
    if (is_v3 || !is_private) return;
    for (std::uint32_t word = 0; word < gic::sgi_count / 4; ++word) add(gicd::spendsgir + word * 4);
}

/// Active priorities registers of each group (IHI 0069, ICC_AP0R<n>_EL1).
constexpr std::uint32_t active_priorities_registers(std::uint64_t icc_ctlr) {
    const std::uint64_t priority_bits = (icc_ctlr >> 8 & 7) + 1;
    return priority_bits >= 7 ? 4 : priority_bits == 6 ? 2 : 1;
}

void add_cpu_interface_v3(Collection& to, RegisterFile& gic, std::uint32_t cpu) {
    constexpr std::uint64_t common_binary_point = 1;
    const auto add = [&](std::uint32_t number) { to.add(Frame::cpu_interface, cpu, number); };
    const GicRegister where{Frame::cpu_interface, cpu, icc::ctlr};
    const std::uint64_t ctlr = gic.read_register(where);
    for (const std::uint32_t number : {icc::pmr, icc::igrpen0, icc::igrpen1, icc::bpr0}) add(number);
    for (std::uint32_t number = 0; number < active_priorities_registers(ctlr); ++number) {
        add(icc::ap0r + number);
        add(icc::ap1r + number);
    }
    if ((ctlr & common_binary_point) != 0) gic.write_register(where, ctlr & ~common_binary_point);
    add(icc::bpr1);
    if ((ctlr & common_binary_point) != 0) gic.write_register(where, ctlr);
    to.add_with(Frame::cpu_interface, cpu, icc::ctlr, ctlr);
}

}  // namespace

RegisterValues distributor_values(const RegisterFile& gic, const GicShape& shape) {
    Collection values(gic);
    values.add(Frame::distributor, 0, gicd::ctlr);
    if (!shape.is_v3)
        for (std::uint32_t cpu = 0; cpu < shape.cpus; ++cpu) add_interrupts(values, false, cpu, 0);
    for (std::uint32_t first = block_size; first < routing::arm64::first_spi + shape.spis;
         first += block_size)
        add_interrupts(values, shape.is_v3, 0, first);
    return std::move(values).values();
}

RegisterValues redistributor_values(const RegisterFile& gic, const GicShape& shape) {
    Collection values(gic);
    for (std::uint32_t cpu = 0; cpu < shape.cpus; ++cpu) {
        if (shape.its)
            for (const std::uint32_t offset :
                 {gicr::propbaser, gicr::propbaser + 4, gicr::pendbaser, gicr::pendbaser + 4, gicr::ctlr})
                values.add(Frame::redistributor, cpu, offset);
        add_interrupts(values, true, cpu, 0);
    }
    return std::move(values).values();
}

RegisterValues cpu_interface_values(RegisterFile& gic, const GicShape& shape) {
    Collection values(gic);
    for (std::uint32_t cpu = 0; cpu < shape.cpus; ++cpu) {
        if (shape.is_v3) {
            add_cpu_interface_v3(values, gic, cpu);
            continue;
        }
        for (const std::uint32_t offset : {gicc::pmr, gicc::bpr, gicc::abpr, gicc::apr, gicc::ctlr})
            values.add(Frame::cpu_interface, cpu, offset);
    }
    return std::move(values).values();
}

RegisterValues its_values(const RegisterFile& gic) {
    Collection values(gic);
    for (const std::uint32_t offset : {gits::cbaser, gits::creadr, gits::cwriter})
        values.add(Frame::its, 0, offset);
    for (std::uint32_t number = 0; number < baser_count; ++number)
        values.add(Frame::its, 0, gits::baser + number * 8);
    return std::move(values).values();
}

void write_registers(RegisterFile& gic, const RegisterValues& values) {
    for (const RegisterValue& each : values) gic.write_register(each.where, each.value);
}

PendingTable pending_table_of(std::uint64_t propbaser, std::uint64_t pendbaser) {
    const unsigned id_bits = std::min(gic::GicrPropbaser{propbaser}.get(gic::GicrPropbaser::id_bits) + 1U,
                                      gic::default_lpi_id_bits);
    constexpr std::uint64_t address = decltype(gic::GicrPendbaser::address)::mask;
    return {pendbaser & address,
            std::vector<std::uint8_t>(std::max((std::size_t{1} << id_bits) / 8, std::size_t{1}))};
}

std::uint64_t read_wide(const RegisterFile& gic, GicRegister where) {
    const std::uint64_t low = gic.read_register(where);
    where.number += 4;
    return gic.read_register(where) << 32 | low;
}

}  // namespace irqbench::vmm::arm64
