#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "irqchip/x86/msi.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/placement.hpp"
#include "vmm/recorder.hpp"

namespace irqbench::vmm::x86 {

/// What handlers do unless a scenario says otherwise.
inline constexpr std::uint8_t default_policy = POLICY_EOI_LAPIC;

/// What all x86 placements have in common, wherever their local APICs are.
class X86Placement : public Placement {
  public:
    X86Placement(const kvm::System& system, kvm::Vm& vm, const MachineConfig& config, Recorder& recorder);

    void adopt(VcpuSlot& slot) override { add(slot); }
    [[nodiscard]] bool is_portable() const override { return true; }
    [[nodiscard]] std::uint8_t usual_policy(std::uint32_t vector) const override;
    Outcome inject(VcpuSlot& slot, std::uint32_t vector, Injection how) override;
    [[nodiscard]] std::optional<AgentExit> agent_exit(const kvm::Exit& exit) const override;
    bool handle(VcpuSlot& slot, const kvm::Exit& exit) override;
    [[nodiscard]] bool interrupts_enabled(VcpuSlot& slot) override { return slot.vcpu.if_flag(); }
    /// Of PPR, or of the vector whose class it is (SDM vol. 3A, 10.8.3.1).
    [[nodiscard]] std::string priority_in_words(std::uint32_t priority) const override {
        return vector_text(priority);
    }
    std::optional<Marker> send_marker(VcpuSlot& slot, std::uint32_t priority) override;
    [[nodiscard]] GuestClock clock(VcpuSlot& slot) override;
    [[nodiscard]] std::string registers(VcpuSlot& slot) override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;

  protected:
    /// What a marker must not be mistaken for, at a local APIC.
    struct MarkerConditions {
        bool enabled = false;
        std::function<bool(std::uint32_t vector)> requested;  ///< pending or in service already
    };
    [[nodiscard]] virtual MarkerConditions marker_conditions(VcpuSlot& slot) = 0;

    /// Gives a new vCPU its CPUID and its agent.
    void add(VcpuSlot& slot);
    /// A part that every vCPU has, by index.
    template <class T>
    StateAccess of_vcpus(std::string_view name, std::function<T(VcpuSlot&)> save,
                         std::function<void(VcpuSlot&, const T&)> restore) {
        return vcpu_part<T>(name, slots_, std::move(save), std::move(restore));
    }
    // Parts that vCPUs have in KVM in every placement.
    [[nodiscard]] StateAccess sregs_state();
    [[nodiscard]] StateAccess regs_state();
    [[nodiscard]] StateAccess tsc_state();
    /// All that KVM_GET_MSR_INDEX_LIST names but those with parts of their own.
    [[nodiscard]] StateAccess msrs_state();
    [[nodiscard]] StateAccess events_state();

    /// What KVM has of a vCPU in every placement; its activity apart.
    [[nodiscard]] CpuState save_cpu(VcpuSlot& slot) const;
    /// The registers. A CPU that has none and runs is put at the agent's entry.
    void restore_core(VcpuSlot& slot, const CpuState& cpu, const irqchip::x86::LapicState& lapic);
    /// After the local APIC, where that is the kernel's. NMIs and SMIs that are pending are left to the
    /// caller unless `pending`.
    void restore_msrs_and_events(VcpuSlot& slot, const CpuState& cpu, bool pending);

    [[nodiscard]] std::span<const kvm_cpuid_entry2> cpuid() const { return cpuid_; }
    [[nodiscard]] irqchip::x86::DestinationFormat destinations() const;

    kvm::Vm& vm_;
    const MachineConfig& config_;
    Recorder& recorder_;
    std::vector<VcpuSlot*> slots_;

  private:
    void change_msrs(kvm::Vcpu& vcpu, std::span<const kvm_msr_entry> saved) const;

    const std::vector<kvm_cpuid_entry2>& cpuid_;
    const std::vector<std::uint32_t>& msrs_;
};

}  // namespace irqbench::vmm::x86
