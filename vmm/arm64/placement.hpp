#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/kvm/vm.hpp"
#include "vmm/placement.hpp"
#include "vmm/recorder.hpp"

namespace irqbench::vmm::arm64 {

/// What handlers do unless a scenario says otherwise.
inline constexpr std::uint8_t default_policy = POLICY_EOI;

/// What all arm64 placements have in common, wherever their GIC is.
class ArmPlacement : public Placement {
  public:
    ArmPlacement(kvm::Vm& vm, const MachineConfig& config, Recorder& recorder);

    void start(VcpuSlot& slot, bool running) override;
    void adopt(VcpuSlot& slot) override;
    [[nodiscard]] bool is_portable() const override { return true; }
    [[nodiscard]] std::uint8_t usual_policy(std::uint32_t) const override { return default_policy; }
    Outcome nmi(VcpuSlot& slot) override;
    Outcome inject(VcpuSlot& slot, std::uint32_t vector, Injection how) override;
    [[nodiscard]] std::optional<AgentExit> agent_exit(const kvm::Exit& exit) const override;
    bool handle(VcpuSlot& slot, const kvm::Exit& exit) override;
    [[nodiscard]] std::optional<event::RestState> parked(VcpuSlot& slot) override;
    void unpark(VcpuSlot& slot) override;
    [[nodiscard]] bool interrupts_enabled(VcpuSlot& slot) override;
    [[nodiscard]] std::string priority_in_words(std::uint32_t urgency) const override;
    [[nodiscard]] GuestClock clock(VcpuSlot& slot) override;
    [[nodiscard]] std::string registers(VcpuSlot& slot) override;

  protected:
    /// Where the agent finds the CPU interface of a GICv2; 0 for system registers.
    [[nodiscard]] virtual std::uint64_t cpu_interface() const = 0;

    // Parts of a saved state that vCPUs have in every placement.
    /// All that KVM_GET_REG_LIST names but those of the timers.
    [[nodiscard]] StateAccess registers_state();
    /// The virtual timers, and the counter of all of them.
    [[nodiscard]] StateAccess timers_state();
    /// None where KVM has no vCPU events.
    [[nodiscard]] std::vector<StateAccess> events_state();
    /// Whether PSCI has stopped them.
    [[nodiscard]] StateAccess power_state();

    // The same of a portable state: vCPUs with their timers; then their registers alone, and when the GIC is
    // there what makes them go on.
    void save_cpus(PortableState& state);
    void restore_cores(const PortableState& state);
    void restore_timers_and_power(const PortableState& state);

    kvm::Vm& vm_;
    const MachineConfig& config_;
    Recorder& recorder_;
    std::vector<VcpuSlot*> slots_;

  private:
    /// Gives a new vCPU its features and its agent.
    void add(VcpuSlot& slot, bool running);

    /// What parked() last saw of a vCPU that waits.
    struct Wait {
        std::uint32_t looks = 0;  ///< BLOCK_LOOKS
        std::uint32_t waits = 0;  ///< BLOCK_WAITS
    };
    std::vector<Wait> seen_;  ///< by vCPU
};

}  // namespace irqbench::vmm::arm64
