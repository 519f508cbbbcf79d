#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "irqchip/arm64/gicv2.hpp"
#include "irqchip/arm64/gicv3.hpp"
#include "tools/import/arm64/layout.hpp"

namespace irqbench::importing::arm64 {

/// What the traced machine's GIC has come to, by its manual: a vGIC's CPU interface is the processor's, and
/// in no event. Begins as a scenario's does. Takes any number that a trace may have.
class Gic {
  public:
    Gic(const Layout& layout, const std::vector<std::uint32_t>& vcpu_ids);

    /// Whether the GIC of a scenario has this interrupt.
    [[nodiscard]] bool has(std::uint32_t intid) const { return intid < 32 + spis_; }
    void write(const Layout::Place& place, std::uint32_t cpu, std::uint32_t bytes, std::uint64_t value);
    [[nodiscard]] std::uint64_t read(const Layout::Place& place, std::uint32_t cpu,
                                     std::uint32_t bytes) const;
    void set_line(std::uint32_t cpu, std::uint32_t intid, bool level);

    [[nodiscard]] bool interrupts(std::uint32_t cpu) const;
    /// What `cpu` would acknowledge now, if it is interrupted.
    [[nodiscard]] std::optional<std::uint32_t> next(std::uint32_t cpu) const;
    /// What it acknowledges; none if that is nothing.
    std::optional<std::uint32_t> acknowledge(std::uint32_t cpu);
    /// EOIR of what was acknowledged last, in EOImode 0.
    void end(std::uint32_t cpu);

    [[nodiscard]] irqchip::arm64::InterruptState state(std::uint32_t cpu, std::uint32_t intid) const;
    /// Of IROUTER, or of a target list of one.
    [[nodiscard]] std::optional<std::uint32_t> cpu_of(std::uint64_t affinity) const;
    [[nodiscard]] std::uint32_t affinity_of(std::uint32_t cpu) const { return affinities_[cpu]; }

  private:
    struct Taken {
        std::uint64_t code;
        bool is_fiq;
    };

    std::uint32_t spis_;
    std::vector<std::uint32_t> affinities_;
    std::vector<std::vector<Taken>> taken_;
    std::variant<irqchip::arm64::Gicv3, irqchip::arm64::Gicv2> gic_;
};

}  // namespace irqbench::importing::arm64
