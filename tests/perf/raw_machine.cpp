#include "tests/perf/raw_machine.hpp"

#include <sys/ioctl.h>

#include <cstring>
#include <stdexcept>

#include "vmm/architecture.hpp"
#include "vmm/guest/agent.hpp"
#include "vmm/x86/boot.hpp"

namespace irqbench::perf {

RawMachine::RawMachine(const kvm_msi& message) : vm_(system_), slots_(vm_), message_(message) {
    load();
    kvm_lapic_state lapic = vcpu_.front().lapic();
    constexpr std::uint32_t enabled = 0x1ff;
    constexpr std::uint32_t masked = 0x10000;
    std::memcpy(lapic.regs + 0xf0, &enabled, sizeof enabled);
    std::memcpy(lapic.regs + 0x350, &masked, sizeof masked);
    std::memcpy(lapic.regs + 0x360, &masked, sizeof masked);
    vcpu_.front().set_lapic(lapic);
    run();
}

RawMachine::RawMachine(std::uint32_t vector) : vm_(system_), slots_(vm_), interrupt_{vector} {
    load();
    run_to_idle();
}

void RawMachine::load() {
    const std::uint32_t id = 0;
    vmm::architecture::add_agent(vm_, memory_, slots_, std::span(&id, 1));
    if (message_) vm_.enable_cap(KVM_CAP_SPLIT_IRQCHIP, {24});
    vcpu_.emplace_back(vm_, id);
    static const auto cpuid = system_.supported_cpuid();
    vmm::x86::set_cpuid(vcpu_.front(), cpuid);
    vmm::guest::Agent agent(memory_, 0);
    agent.reset(IDLE_EXIT, POLICY_EOI_LAPIC);
    agent.set_word(BLOCK_LAPIC, vmm::x86::lapic_address);
    // This loop never reads the log, so its room must never run out.
    memory_.write(AGENT_BLOCKS + BLOCK_ROOM, std::uint32_t{0x7fffffff});
    vmm::x86::enter_agent(vcpu_.front(), 0, false);
}

void RawMachine::run() {
    if (ioctl(vcpu_.front().fd(), KVM_RUN, 0) != 0) throw std::runtime_error("KVM_RUN");
    ++exits_;
}

void RawMachine::run_to_idle() {
    do run();
    while (std::holds_alternative<vmm::kvm::MmioExit>(vcpu_.front().exit()));
}

void RawMachine::inject() {
    if (message_) {
        if (ioctl(vm_.fd(), KVM_SIGNAL_MSI, &*message_) < 0) throw std::runtime_error("KVM_SIGNAL_MSI");
    } else if (ioctl(vcpu_.front().fd(), KVM_INTERRUPT, &interrupt_) != 0) {
        throw std::runtime_error("KVM_INTERRUPT");
    }
}

void RawMachine::step() {
    inject();
    for (int idle = 0; idle < 2; ++idle) message_ ? run() : run_to_idle();
}

std::uint32_t RawMachine::taken() const {
    return memory_.load_acquire<std::uint32_t>(AGENT_BLOCKS + BLOCK_HEAD);
}

}  // namespace irqbench::perf
