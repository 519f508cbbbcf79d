#pragma once

#include <cstdint>
#include <optional>

#include "routing/arm64.hpp"

/// How KVM_IRQ_LINE names a line on arm64 (Linux, Documentation/virt/kvm/api.rst, 4.25).
namespace irqbench::vmm::arm64 {

/// Bits 27:24.
enum class LineType : std::uint8_t { cpu = 0, spi = 1, ppi = 2 };

/// A line in parts. The documentation calls `vcpu` an index; it is looked up as an id (Linux,
/// arch/arm64/kvm/arm.c, kvm_vm_ioctl_irq_line, since 6.7).
struct IrqLine {
    LineType type;
    std::uint32_t vcpu = 0;    ///< bits 31:28 (times 256) and 23:16; of an SPI nothing
    std::uint32_t number = 0;  ///< bits 15:0: an INTID, or of a CPU 0 for its IRQ and 1 for its FIQ
};

inline constexpr unsigned line_type_shift = 24;
inline constexpr std::uint32_t line_number_mask = 0xffff;

constexpr std::uint32_t encode_line(const IrqLine& line) {
    return (line.vcpu >> 8 & 0xf) << 28 | static_cast<std::uint32_t>(line.type) << line_type_shift |
           (line.vcpu & 0xff) << 16 | (line.number & line_number_mask);
}

/// The type may be one that there is not.
constexpr IrqLine decode_line(std::uint32_t word) {
    return {static_cast<LineType>(word >> line_type_shift & 0xf), (word >> 28) << 8 | (word >> 16 & 0xff),
            word & line_number_mask};
}

/// What KVM_IRQ_LINE takes for a GSI of Machine::set_line(): a GSI is an SPI, and what has a type of its own
/// is meant as it is. Nothing for a GSI whose INTID does not fit, which would name another.
constexpr std::optional<std::uint32_t> line_word(std::uint32_t gsi) {
    if (gsi >> line_type_shift != 0) return gsi;
    if (gsi + routing::arm64::first_spi > line_number_mask) return std::nullopt;
    return encode_line({LineType::spi, 0, gsi + routing::arm64::first_spi});
}

}  // namespace irqbench::vmm::arm64
