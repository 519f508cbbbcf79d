#include "vmm/portable_state.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "routing/x86.hpp"
#include "vmm/kvm/system.hpp"

namespace irqbench::vmm {

namespace {

constexpr std::string_view kernel = "kernel";
constexpr std::string_view split = "split";
constexpr std::string_view userspace = "userspace";
constexpr std::string_view model = "model";

/// What a mode lacks that the state needs.
std::string lacking(const PortableState& state, std::string_view placement) {
    if (placement == split && state.pc.chips.pit) return "there is no PIT in split mode";
    if (placement == split)
        for (const SavedIrqfd& irqfd : state.irqfds)
            if (irqfd.assigned && irqfd.spec.resample && irqfd.spec.via_kernel && !irqfd.spec.other_vm)
                return fmt::format(
                    "the irqfd '{}' is the kernel's and resamples, which is for an IOAPIC in the kernel",
                    irqfd.spec.name);
    // Where a split irqchip comes to that by itself it goes on with it.
    if (placement == split && state.placement != split)
        if (const auto gsi = routing::x86::message_in_the_way(state.routes, state.pc.chips.ioapic.entries))
            return fmt::format(
                "GSI {} is a message, and IOAPIC pin {} is in use: the kernel has one route of that number",
                *gsi, *gsi);
    if (placement == kernel && (state.pc.chips.pic[0].single || state.pc.chips.pic[1].single))
        return "an 8259A is in single mode, which KVM's has not";
    if (placement == userspace || placement == model)
        for (const SavedIrqfd& irqfd : state.irqfds)
            if (irqfd.spec.via_kernel || irqfd.spec.other_vm)
                return fmt::format("the irqfd '{}' can be the kernel's only", irqfd.spec.name);
    return {};
}

/// What a mode lacks of the GIC. Time passes for a timer that is set as fast as a counter runs, and a model's
/// has another frequency.
std::string lacking_of_gic(const PortableState& state, const MachineConfig& config,
                           std::string_view placement) {
    if (placement == userspace && state.board.version != 2) return "userspace mode has a GICv2";
    if (!config.gic.empty() && config.gic != fmt::format("v{}", state.board.version))
        return fmt::format("it is that of a GICv{}", state.board.version);
    if (state.board.spis != config.spis)
        return fmt::format("it is that of a GIC with {} SPIs", state.board.spis);
    if (state.board.its.has_value() != config.its)
        return config.its ? "it has no ITS, and this machine has"
                          : "it has an ITS, and this machine has none";
    if ((state.placement == model) == (placement == model)) return {};
    constexpr std::uint64_t enabled = 1;
    const auto& cpus = state.board.cpus;
    const auto timed = std::find_if(cpus.begin(), cpus.end(), [](const arm64::CpuState& cpu) {
        return (cpu.timer.control & enabled) != 0;
    });
    if (timed == cpus.end()) return {};
    return fmt::format("the timer of vCPU {} is set, and the counter of a model is another",
                       timed - cpus.begin());
}

/// What the host's KVM lacks that the state needs. In userspace mode a CPU that waits to be started keeps its
/// SMI with us.
std::string lacking_here(const PortableState& state, std::string_view placement) {
    const auto& cpus = state.pc.cpus;
    const auto waits = std::find_if(cpus.begin(), cpus.end(), [placement](const x86::CpuState& cpu) {
        const bool runs = cpu.activity == x86::Activity::running || cpu.activity == x86::Activity::halted;
        return cpu.smi && (runs || placement != userspace);
    });
    if (waits == cpus.end() || kvm::System().check_extension(KVM_CAP_X86_SMM) != 0) return {};
    return fmt::format("an SMI is pending at vCPU {}, and this host's KVM has no system management mode",
                       waits - cpus.begin());
}

/// A model's CPU is at a place of the agent's program, not of its code.
std::string unlike_a_model(const PortableState& state) {
    for (std::size_t index = 0; index < state.vcpus.size(); ++index) {
        const event::Rest& rest = state.vcpus[index].rest;
        if (rest.state == event::RestState::storming)
            return fmt::format("vCPU {} was stopped inside of a handler", index);
        if (rest.depth != 0)
            return fmt::format("vCPU {} is in a handler that stays, and its frames are the agent's", index);
        if (!state.vcpus[index].mailbox.posted.empty())
            return fmt::format("vCPU {} is inside of an operation, and where is the agent's to know", index);
        if (index >= state.pc.cpus.size()) continue;
        const x86::CpuState& cpu = state.pc.cpus[index];
        if (cpu.injected || cpu.nmi_injected || cpu.shadow != 0)
            return fmt::format("vCPU {} is about to take an event that has left its local APIC", index);
    }
    return {};
}

}  // namespace

CpuStanding& PortableState::standing(std::size_t vcpu) {
    if (!board.cpus.empty()) return board.cpus.at(vcpu);
    return pc.cpus.at(vcpu);
}

const CpuStanding& PortableState::standing(std::size_t vcpu) const {
    if (!board.cpus.empty()) return board.cpus.at(vcpu);
    return pc.cpus.at(vcpu);
}

std::string unfit_anywhere(const PortableState& state, const MachineConfig& config,
                           std::string_view placement) {
    if (state.run != config.run) return "it is that of another way to run (stepped or free)";
    if (!std::equal(state.vcpus.begin(), state.vcpus.end(), config.vcpu_ids.begin(), config.vcpu_ids.end(),
                    [](const PortableState::Vcpu& vcpu, std::uint32_t id) { return vcpu.id == id; }))
        return "it is that of a machine with other vCPUs";
    if (state.memory_bytes != config.memory) return "it is that of a machine with another \"memory\"";
    if (state.pc.chips.pit.has_value() != config.pit)
        return config.pit ? "it has no PIT, and this machine has" : "it has a PIT, and this machine has none";
    if (std::string reason = lacking(state, placement); !reason.empty()) return reason;
    if (!state.board.cpus.empty())
        if (std::string reason = lacking_of_gic(state, config, placement); !reason.empty()) return reason;
    const bool was_model = state.placement == model;
    return was_model != (placement == model) ? unlike_a_model(state) : std::string();
}

std::string unfit(const PortableState& state, const MachineConfig& config, std::string_view placement) {
    std::string reason = unfit_anywhere(state, config, placement);
    if (reason.empty() && placement != model) reason = lacking_here(state, placement);
    return reason;
}

std::string gic_of(const PortableState& state, const MachineConfig& config) {
    return state.board.cpus.empty() ? config.gic : fmt::format("v{}", state.board.version);
}

void require_fit(const PortableState& state, const MachineConfig& config, std::string_view placement) {
    if (const std::string reason = unfit(state, config, placement); !reason.empty())
        throw Unreachable(
            fmt::format("the saved state cannot be restored in {} mode: {}", placement, reason));
}

bool is_agents_page(std::uint64_t address, std::size_t vcpus) {
    if (address == AGENT_RESET) return true;
    if (address >= AGENT_TRAMPOLINE && address < AGENT_SMM + 0x1000) return true;
    return address >= AGENT_BLOCKS && address < guest::Agent::memory_size(vcpus);
}

}  // namespace irqbench::vmm
