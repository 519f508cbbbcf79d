#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/arm64/gic_board.hpp"
#include "vmm/arm64/virtual_timer.hpp"
#include "vmm/guest/agent_abi.h"
#include "vmm/model/deadlines.hpp"
#include "vmm/model/hardware.hpp"

namespace irqbench::vmm::arm64 {

/// A GIC, virtual timers and PSCI for a model machine, at the addresses and with the answers of the `kernel`
/// placement.
class ModelHardware final : public model::Hardware {
  public:
    /// @throws std::invalid_argument for a GIC that cannot be as `config` says
    ModelHardware(const MachineConfig& config, model::Surroundings& surroundings);

    ModelHardware(const ModelHardware& other) = default;

    [[nodiscard]] std::unique_ptr<model::Hardware> clone() const override {
        return std::make_unique<ModelHardware>(*this);
    }
    [[nodiscard]] bool is_portable() const override { return true; }
    [[nodiscard]] std::string unportable() const override { return board_.gic().unportable(); }
    void save(PortableState& state) override;
    void restore(const PortableState& state) override;

    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override;
    Outcome msi(const MsiMessage& message) override;
    Outcome reset_controller(std::string_view controller) override {
        return board_.gic().reset_controller(controller);
    }
    Outcome route(const routing::RoutingTable& table) override;
    [[nodiscard]] const routing::RoutingTable& routes() const override { return board_.routes(); }
    void drive(std::uint32_t gsi, bool level, irqchip::LineSource source) override;
    void listen(std::uint32_t gsi, routing::ListenerId listener) override;
    void unlisten(std::uint32_t gsi, routing::ListenerId listener) override;

    /// PSTATE.I inhibits nothing beyond itself; WFI ends with any interrupt that is pending (Arm ARM,
    /// D1.6.2). EOIR can come first, DIR comes at the end of a handler.
    [[nodiscard]] model::CpuRules cpu_rules() const override { return {false, true, false, POLICY_EOI}; }
    [[nodiscard]] bool interrupt_pending(std::uint32_t cpu) const override {
        return board_.irq(cpu) || board_.fiq(cpu);
    }
    model::Acknowledged acknowledge(std::uint32_t cpu) override;
    [[nodiscard]] model::Entry entry_of(std::uint32_t vector) const override;
    std::optional<model::Access> execute(std::uint32_t cpu, const GuestOp& op, model::Bus& bus) override;
    std::optional<std::uint32_t> end_of_interrupt(std::uint32_t cpu, const model::Acknowledged& interrupt,
                                                  std::uint8_t policy, model::Bus& bus) override;
    void prepare_started(std::uint32_t cpu, model::Bus& bus) override;

    std::optional<std::uint64_t> mmio_read(std::uint32_t cpu, std::uint64_t address, unsigned size) override;
    bool mmio_write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value) override;
    // There are no ports.
    std::optional<std::uint32_t> port_in(std::uint32_t, std::uint16_t, unsigned) override { return {}; }
    bool port_out(std::uint32_t, std::uint16_t, unsigned, std::uint32_t) override { return false; }

    [[nodiscard]] std::optional<std::chrono::nanoseconds> next_timer() const override {
        return deadlines_.next();
    }
    void run_timers() override;
    [[nodiscard]] std::string held_back() const override { return {}; }

    [[nodiscard]] std::uint32_t running_priority(std::uint32_t cpu) const override;
    [[nodiscard]] std::string priority_in_words(std::uint32_t urgency) const override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller,
                                                  std::uint32_t index) const override;

  private:
    [[nodiscard]] std::uint64_t counter() const;
    /// Anything may have changed what is pending for any CPU.
    void look_at_all();
    void act(const irqchip::Effects& effects);
    /// The output of a timer may be another, and when it will be.
    void update_timer(std::uint32_t cpu);

    model::Access access_memory(std::uint32_t cpu, const GuestOp& op, model::Bus& bus);
    model::Access modify_memory(std::uint32_t cpu, const GuestOp& op, model::Bus& bus);
    std::optional<model::Access> clear_memory(std::uint32_t cpu, const GuestOp& op, model::Bus& bus);
    model::Access read_sysreg(std::uint32_t cpu, std::uint32_t number);
    model::Access write_sysreg(std::uint32_t cpu, std::uint32_t number, std::uint64_t value);
    std::uint64_t call(std::uint32_t cpu, const GuestOp& op);
    std::uint64_t cpu_on(std::uint64_t affinity);

    MachineConfig config_;
    model::Surroundings& surroundings_;
    GicBoard board_;
    std::vector<VirtualTimer> timers_;
    model::Deadlines deadlines_;  ///< by CPU, of its timer
    std::vector<bool> on_;        ///< as PSCI has it
    /// What the counter is when time begins.
    std::uint64_t first_count_ = VirtualTimer::first_count;
    /// SGIs that other machines use as markers; the model needs none.
    std::vector<std::optional<std::uint32_t>> markers_;
};

std::unique_ptr<model::Hardware> make_model_hardware(const MachineConfig& config,
                                                     model::Surroundings& surroundings);

/// See model::Modelled.
inline constexpr std::array<std::string_view, 14> model_capabilities{
    "irqchip",      "irq_routing",          "signal_msi",
    "irqfd",        "irqfd_resample",       "ioeventfd",
    "msi_devid",    "ioeventfd_any_length", "ioeventfd_no_length",
    "device_ctrl",  "arm_vgic_v2",          "arm_vgic_v3",
    "arm_vgic_its", "arm_psci_0_2"};

}  // namespace irqbench::vmm::arm64
