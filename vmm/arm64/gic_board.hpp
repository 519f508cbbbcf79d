#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "routing/resampler.hpp"
#include "routing/table.hpp"
#include "vmm/arm64/model_gic.hpp"
#include "vmm/machine.hpp"
#include "vmm/model/hardware.hpp"
#include "vmm/portable_state.hpp"

namespace irqbench::vmm::arm64 {

/// One of our GICs with what is around it: the routes of GSIs, KVM_IRQ_LINE's names for lines, and who is
/// told of the end of a level interrupt. It answers as KVM does with its own GIC: an SPI has one level, which
/// an irqfd and KVM_IRQ_LINE overwrite.
///
/// Any call but the const ones may change what CPUs are told: ask irq() and fiq() of all of them afterwards.
class GicBoard final : public model::GsiInputs {
  public:
    /// Around a GIC that was made for this machine, with the routes that KVM's has at first: every GSI to its
    /// SPI.
    /// @param wires hears of every resamplefd that is due; must outlive this
    GicBoard(std::unique_ptr<ModelGic> gic, const MachineConfig& config, model::Wires& wires);
    /// Another one with this one's state, and its wires.
    GicBoard(const GicBoard& other);
    GicBoard& operator=(const GicBoard&) = delete;
    /// Takes over the state of another one of the same machine, and keeps its own wires.
    void restore(const GicBoard& saved);

    /// The GIC with its lines and routes, as portable state; into a new one, with the memory restored.
    void save(PortableState& state);
    void restore(const PortableState& state);

    /// The GIC itself. What its CPUs' accesses cause goes to carry_out().
    [[nodiscard]] ModelGic& gic() { return *gic_; }
    [[nodiscard]] const ModelGic& gic() const { return *gic_; }
    void carry_out(const irqchip::Effects& effects);
    /// A CPU's write. @returns false where no frame of the GIC is
    bool mmio_write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value);

    [[nodiscard]] bool irq(std::uint32_t cpu) const { return gic_->irq(cpu); }
    [[nodiscard]] bool fiq(std::uint32_t cpu) const { return gic_->fiq(cpu); }

    /// See Machine.
    Outcome set_line(std::uint32_t gsi, bool level);
    Outcome msi(const MsiMessage& message) { return gic_->msi(message); }
    Outcome route(const routing::RoutingTable& table);
    [[nodiscard]] const routing::RoutingTable& routes() const { return routes_; }
    /// The output of a CPU's timer, whose line nobody else moves.
    void set_timer(std::uint32_t cpu, std::uint32_t ppi, bool level);

    void drive(std::uint32_t gsi, bool level, irqchip::LineSource source) override;
    void listen(std::uint32_t gsi, routing::ListenerId listener) override;
    void unlisten(std::uint32_t gsi, routing::ListenerId listener) override;

    /// As Placement::running_priority() has it.
    [[nodiscard]] std::uint32_t running_priority(std::uint32_t cpu) const;
    /// `interrupt` takes a CPU in bits 31:16 and an INTID below, as the `kernel` placement does.
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) const;

  private:
    [[nodiscard]] GicShape shape() const;
    [[nodiscard]] bool is_spi(std::uint32_t intid) const;
    Outcome set_private_line(std::uint32_t cpu_id, std::uint32_t intid, bool level);
    void carry_out(const routing::ResampleActions& actions);
    void spi_ended(std::uint32_t intid);

    std::unique_ptr<ModelGic> gic_;
    const std::uint32_t spis_;
    const bool its_;
    const std::vector<std::uint32_t> cpu_ids_;
    model::Wires& wires_;
    routing::RoutingTable routes_;
    routing::Resampler resampler_;
};

}  // namespace irqbench::vmm::arm64
