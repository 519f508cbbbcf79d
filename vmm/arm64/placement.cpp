#include "vmm/arm64/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vmm/arm64/boot.hpp"
#include "vmm/arm64/urgency.hpp"

namespace irqbench::vmm::arm64 {

namespace {

constexpr std::uint64_t pstate_i = 0x80;

/// Of the system counter; the guest's runs as fast (Arm ARM D12.1.2).
std::uint64_t counter_frequency_hz() {
    std::uint64_t hz = 0;
    __asm__("mrs %0, cntfrq_el0" : "=r"(hz));
    return hz;
}

}  // namespace

ArmPlacement::ArmPlacement(kvm::Vm& vm, const MachineConfig& config, Recorder& recorder)
    : vm_(vm), config_(config), recorder_(recorder) {}

void ArmPlacement::start(VcpuSlot& slot, bool running) {
    add(slot, running);
    if (running) enter_agent(slot.vcpu, slot.index);
}

// Whether it runs is one of the parts.
void ArmPlacement::adopt(VcpuSlot& slot) { add(slot, true); }

void ArmPlacement::add(VcpuSlot& slot, bool running) {
    slots_.push_back(&slot);
    seen_.emplace_back();
    kvm_vcpu_init init = vm_.preferred_target();
    init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
    if (!running) init.features[0] |= 1U << KVM_ARM_VCPU_POWER_OFF;
    slot.vcpu.init(init);
    slot.agent.reset(config_.run == RunMode::free ? IDLE_HALT : IDLE_EXIT, default_policy);
    slot.agent.set_word(BLOCK_GICC, cpu_interface());
}

// KVM on arm64 has neither of these calls.
Outcome ArmPlacement::nmi(VcpuSlot&) { return {0, ENOTTY}; }
Outcome ArmPlacement::inject(VcpuSlot&, std::uint32_t, Injection) { return {0, ENOTTY}; }

std::optional<AgentExit> ArmPlacement::agent_exit(const kvm::Exit& exit) const {
    const auto* mmio = std::get_if<kvm::MmioExit>(&exit);
    if (mmio == nullptr || mmio->address != AGENT_EXIT_ADDRESS || !mmio->write || mmio->data.empty())
        return std::nullopt;
    const auto word = static_cast<std::uint8_t>(mmio->data.front());
    if (word < AGENT_EXIT_IDLE || word > AGENT_EXIT_WAITING) return std::nullopt;
    return static_cast<AgentExit>(word);
}

bool ArmPlacement::handle(VcpuSlot& slot, const kvm::Exit& exit) {
    const auto* mmio = std::get_if<kvm::MmioExit>(&exit);
    if (mmio == nullptr) return false;
    // Nothing is there: reads give all ones, writes go nowhere.
    if (!mmio->write) std::fill(mmio->data.begin(), mmio->data.end(), std::byte{0xff});
    recorder_.add(Lane::wire,
                  event::Wire{std::nullopt, fmt::format("unclaimed {} of {:#x}",
                                                        mmio->write ? "write" : "read", mmio->address)},
                  slot.index);
    return true;
}

// KVM says whether PSCI has stopped a vCPU, and nothing of WFI, which it ends at every signal. The agent says
// that it waits and how often it has found nothing pending: once more since it was last asked, and whatever
// was sent before that had not become pending.
std::optional<event::RestState> ArmPlacement::parked(VcpuSlot& slot) {
    if (slot.vcpu.mp_state() == KVM_MP_STATE_STOPPED) return event::RestState::not_started;
    const std::uint32_t waits = slot.agent.word(BLOCK_WAITS);
    if (config_.run == RunMode::stepped || waits == 0) return std::nullopt;
    const Wait before = std::exchange(seen_[slot.index], {slot.agent.word(BLOCK_LOOKS), waits});
    if (seen_[slot.index].looks == before.looks) return std::nullopt;
    return event::RestState::halted;
}

// It has left the WFI already, since it is outside of KVM_RUN.
void ArmPlacement::unpark(VcpuSlot&) {}

bool ArmPlacement::interrupts_enabled(VcpuSlot& slot) {
    if (const std::uint32_t waits = slot.agent.word(BLOCK_WAITS); waits != 0) return waits == WAITS_ENABLED;
    // One with nothing to do that a signal took out of its wait masks interrupts on its way back there.
    const bool idles = config_.run == RunMode::free && slot.agent.mailbox_empty() && !slot.agent.executing();
    if (idles && seen_[slot.index].waits != 0) return seen_[slot.index].waits == WAITS_ENABLED;
    return (slot.vcpu.reg(pstate_register()) & pstate_i) == 0;
}

std::string ArmPlacement::priority_in_words(std::uint32_t urgency) const {
    return arm64::priority_in_words(urgency);
}

// The sample that took the shortest: how much later the counter is read than the clock, or the other way
// round, nobody knows.
GuestClock ArmPlacement::clock(VcpuSlot& slot) {
    GuestClock clock;
    auto shortest = std::chrono::nanoseconds::max();
    for (int sample = 0; sample < 3; ++sample) {
        const auto before = recorder_.now();
        const std::uint64_t counter = slot.vcpu.reg(KVM_REG_ARM_TIMER_CNT);
        const auto after = recorder_.now();
        if (after - before >= shortest) continue;
        shortest = after - before;
        clock.counter = counter;
        clock.at = after;
        clock.within = shortest;
    }
    if (const auto hz = counter_frequency_hz(); hz > 0) clock.ns_per_tick = 1e9 / static_cast<double>(hz);
    return clock;
}

std::string ArmPlacement::registers(VcpuSlot& slot) {
    std::string text =
        fmt::format("pc {:#x} pstate {:#x}", slot.vcpu.reg(pc_register()), slot.vcpu.reg(pstate_register()));
    for (const std::size_t number : {0U, 1U, 2U, 5U, 9U, 12U, 16U, 17U, 28U, 30U})
        text += fmt::format(" x{} {:#x}", number, slot.vcpu.reg(general_register(number)));
    constexpr std::uint32_t esr_el1 = 0xc290;
    constexpr std::uint32_t far_el1 = 0xc300;
    constexpr std::uint32_t sctlr_el1 = 0xc080;
    text += fmt::format("\nsctlr {:#x} esr {:#x} far {:#x}", slot.vcpu.reg(system_register(sctlr_el1)),
                        slot.vcpu.reg(system_register(esr_el1)), slot.vcpu.reg(system_register(far_el1)));
    return text +
           fmt::format("\nagent: depth {}, in service {:#x}, {}", slot.agent.depth(), slot.agent.in_service(),
                       slot.agent.unfinished() == nullptr ? "mailbox empty"
                                                          : "executing " + slot.agent.unfinished()->text);
}

}  // namespace irqbench::vmm::arm64
