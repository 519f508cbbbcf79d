#include "vmm/arm64/gic_register_names.hpp"

#include <fmt/format.h>

#include <span>

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"
#include "irqchip/arm64/gic_distributor_registers.hpp"
#include "irqchip/arm64/gic_redistributor_registers.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"
#include "irqchip/arm64/its_registers.hpp"

namespace irqbench::vmm::arm64 {

namespace {

namespace chip = irqchip::arm64;

std::span<const chip::GicRegister> table_of(Frame frame, bool is_v3) {
    switch (frame) {
        case Frame::distributor:
            if (is_v3) return chip::gic_distributor_registers;
            return chip::gicv2_distributor_registers;
        case Frame::redistributor: return chip::gic_redistributor_registers;
        case Frame::cpu_interface:
            if (is_v3) return chip::icc_registers;
            return chip::gicv2_cpu_registers;
        case Frame::its: break;
    }
    return chip::its_registers;
}

std::string name_in(const chip::GicRegister& row, std::uint32_t index) {
    if (!row.run.empty()) return std::string(row.run[index]);
    // Private interrupts have none, and are counted.
    if (row.info.offset == chip::gicd3::irouter) index += chip::private_count;
    return row.info.count > 1 ? fmt::format("{}{}", row.info.name, index) : std::string(row.info.name);
}

}  // namespace

RegisterName name_of(const GicRegister& where, bool is_v3) {
    for (const chip::GicRegister& row : table_of(where.frame, is_v3)) {
        if (where.number < row.info.offset || where.number >= row.info.end()) continue;
        const std::uint32_t inside = where.number - row.info.offset;
        RegisterName found{name_in(row, inside / row.info.stride), row.info.bits,
                           inside % row.info.stride != 0,
                           row.bank == chip::Bank::clear_enable || row.bank == chip::Bank::clear_active};
        // Those that are not there have one row of the table together.
        if (where.frame == Frame::its && where.number >= chip::gits::baser && row.info.count > 1)
            found.name = fmt::format("GITS_BASER{}", (where.number - chip::gits::baser) / 8);
        return found;
    }
    return {fmt::format("{:#x}", where.number), 64, false, false};
}

}  // namespace irqbench::vmm::arm64
