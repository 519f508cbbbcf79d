#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "irqchip/effect.hpp"
#include "vmm/arm64/gic_registers.hpp"
#include "vmm/machine.hpp"
#include "vmm/model/hardware.hpp"

namespace irqbench::vmm::arm64 {

/// A register that ModelGic::registers() shows.
struct ShownRegister {
    std::string_view name;
    std::uint32_t number;  ///< offset, or number of a system register
};

/// One of our GICs as CPUs reach it, of either version, at the addresses that the guest agent
/// expects (vmm/guest/agent_abi.h). A scenario begins with a distributor that forwards both groups, as in the
/// `kernel` placement.
class ModelGic : public RegisterFile {
  public:
    virtual ~ModelGic() = default;

    /// Another one with this one's state.
    [[nodiscard]] virtual std::unique_ptr<ModelGic> clone() const = 0;

    /// 2 or 3.
    [[nodiscard]] virtual std::uint32_t version() const = 0;
    /// What the agent's boot code leaves in the CPU interface: everything is let through.
    virtual void prepare(std::uint32_t cpu) = 0;

    /// `intid` is an SPI that exists, or a PPI of `cpu`.
    virtual void set_line(std::uint32_t intid, bool asserted, irqchip::LineSource source,
                          std::uint32_t cpu) = 0;
    [[nodiscard]] virtual bool irq(std::uint32_t cpu) const = 0;
    [[nodiscard]] virtual bool fiq(std::uint32_t cpu) const = 0;

    /// IAR, of group 0 when it is taken as FIQ. The code is what the agent saves of it.
    virtual model::Acknowledged acknowledge(std::uint32_t cpu) = 0;
    /// EOIR and DIR of what acknowledge() returned, or of an INTID.
    virtual irqchip::Effects end(std::uint32_t cpu, std::uint64_t code) = 0;
    virtual irqchip::Effects deactivate(std::uint32_t cpu, std::uint64_t code) = 0;

    /// MRS and MSR of a register by its number (irqchip::arm64::sysreg). Nothing where the instruction is
    /// UNDEFINED as far as the GIC is concerned.
    virtual std::optional<std::uint64_t> read_sysreg(std::uint32_t cpu, std::uint32_t number) = 0;
    virtual std::optional<irqchip::Effects> write_sysreg(std::uint32_t cpu, std::uint32_t number,
                                                         std::uint64_t value) = 0;
    /// Nothing where no frame of the GIC is.
    virtual std::optional<std::uint64_t> mmio_read(std::uint32_t cpu, std::uint64_t address,
                                                   unsigned size) = 0;
    virtual std::optional<irqchip::Effects> mmio_write(std::uint32_t cpu, std::uint64_t address,
                                                       unsigned size, std::uint64_t value) = 0;

    /// Whether the line of an SPI, or of a PPI of `cpu`, is high.
    [[nodiscard]] virtual bool line(std::uint32_t intid, std::uint32_t cpu) const = 0;
    /// Why the registers and tables of a state would lose an interrupt; empty if they would lose none.
    [[nodiscard]] virtual std::string unportable() const { return {}; }
    /// Sees to it that what an ITS keeps in memory is complete there. @returns the tables of pending LPIs,
    /// which memory itself does not get
    virtual std::vector<PendingTable> save_tables() { return {}; }
    /// An ITS takes over the tables in memory, once its registers are restored.
    virtual void restore_tables() {}
    /// Puts tables of pending LPIs into memory, for redistributors to read them. @returns what was there
    virtual std::vector<PendingTable> exchange(const std::vector<PendingTable>& /*tables*/) { return {}; }

    /// Whether a frame of the GIC is at this address.
    [[nodiscard]] virtual bool claims(std::uint64_t address) const = 0;

    /// A device writes to the doorbell of an ITS. The outcome is that of KVM_SIGNAL_MSI.
    virtual Outcome msi(const MsiMessage& message) = 0;
    /// See Machine.
    virtual Outcome reset_controller(std::string_view /*controller*/) { return {0, ENODEV}; }

    /// The priority that an interrupt must be below to be taken: PMR's, or that of what is active.
    [[nodiscard]] virtual std::uint32_t priority_limit(std::uint32_t cpu) const = 0;
    /// Nothing if there is no such interrupt. Of an SPI or LPI any CPU will do.
    [[nodiscard]] virtual std::vector<NamedValue> interrupt(std::uint32_t cpu, std::uint32_t intid) const = 0;
    /// `distributor`, `cpu_interface` and `its`, with the registers the `kernel` placement shows.
    [[nodiscard]] virtual std::vector<NamedValue> registers(std::string_view controller,
                                                            std::uint32_t cpu) const = 0;

  protected:
    ModelGic() = default;
    ModelGic(const ModelGic&) = default;
    ModelGic& operator=(const ModelGic&) = default;
};

/// The offset of an address in a frame, if it is there.
constexpr std::optional<std::uint32_t> offset_in(std::uint64_t address, std::uint64_t base,
                                                 std::uint64_t bytes) {
    if (address < base || address - base >= bytes) return std::nullopt;
    return static_cast<std::uint32_t>(address - base);
}

/// Of MachineConfig::gic; the newest if it names none.
/// @throws std::invalid_argument for a GICv2 with more CPUs than it can have, or with an ITS
std::unique_ptr<ModelGic> make_model_gic(const MachineConfig& config, model::Surroundings& surroundings);

std::unique_ptr<ModelGic> make_model_gicv2(const MachineConfig& config);
std::unique_ptr<ModelGic> make_model_gicv3(const MachineConfig& config, model::Surroundings& surroundings);

}  // namespace irqbench::vmm::arm64
