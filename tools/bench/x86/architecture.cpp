#include "tools/bench/x86/architecture.hpp"

#include "irqchip/x86/ioapic_registers.hpp"
#include "routing/x86.hpp"
#include "vmm/guest/agent_abi.h"

namespace irqbench::tools::bench::x86 {

namespace {

constexpr std::uint32_t edge_pin = 10;
constexpr std::uint32_t level_pin = 11;
constexpr std::uint32_t message_gsi = 24;  ///< the first that is no pin
constexpr std::uint32_t vector = 0x51;
constexpr std::uint32_t acting_vector = 0x61;
constexpr std::uint64_t ioapic = 0xfec00000;
constexpr std::uint64_t lapic = 0xfee00000;
constexpr std::uint64_t doorbell = 0xd0001000;
constexpr std::uint64_t icr = 0x300;
constexpr std::uint64_t lvt_timer = 0x320;
constexpr std::uint64_t lvt_tsc_deadline = 2U << 17;  // SDM vol. 3, figure 11-8
constexpr std::uint64_t msr_tsc_deadline = 0x6e0;

vmm::GuestOp operation(std::uint32_t code, std::uint64_t address, std::uint64_t value, std::uint32_t size,
                       const char* text) {
    return {code, size, address, value, false, text};
}

std::vector<vmm::GuestOp> program_pin(std::uint32_t pin, bool level) {
    constexpr std::uint32_t level_bit = 1U << 15;
    const std::uint32_t low = irqchip::x86::selector::redirection + 2 * pin;
    const auto write = [](std::uint32_t selector, std::uint32_t value, const char* text) {
        return std::vector{operation(OP_WRITE, ioapic, selector, 4, "select an IOAPIC register"),
                           operation(OP_WRITE, ioapic + 0x10, value, 4, text)};
    };
    auto operations = write(low + 1, 0, "write the entry's destination");
    for (vmm::GuestOp& each : write(low, vector | (level ? level_bit : 0), "write the entry"))
        operations.push_back(std::move(each));
    return operations;
}

Stimulus line(std::uint32_t gsi) { return {Stimulus::Kind::line, gsi, gsi, false, {}}; }
Stimulus irqfd(std::uint32_t gsi, bool resample) { return {Stimulus::Kind::irqfd, gsi, gsi, resample, {}}; }
Stimulus message(std::uint32_t of_vector) {
    return {Stimulus::Kind::msi, 0, 0, false, {lapic, of_vector, std::nullopt}};
}

/// By a handler that stays until it has done it.
Wiring acting(vmm::GuestOp act) {
    Wiring wiring{message(acting_vector), acting_vector};
    wiring.act.push_back(std::move(act));
    wiring.stay_policy = POLICY_STAY | POLICY_EOI_LAPIC;
    return wiring;
}

Wiring wiring(Path path, const vmm::MachineConfig& config) {
    switch (path) {
        case Path::irq_line: return {line(edge_pin), vector, program_pin(edge_pin, false)};
        case Path::msi: return {message(vector), vector};
        case Path::irqfd:
            return {irqfd(message_gsi, false), vector, {}, {{message_gsi, routing::MsiRoute{lapic, vector}}}};
        case Path::resample: return {irqfd(level_pin, true), vector, program_pin(level_pin, true)};
        case Path::ipi:
            return acting(operation(OP_LAPIC_WRITE, icr, std::uint64_t{config.vcpu_ids.at(1)} << 32 | vector,
                                    4, "send an IPI"));
        case Path::timer: {
            Wiring timer = acting(operation(OP_MSR_WRITE, msr_tsc_deadline, 0, 8, "set the deadline"));
            timer.setup = {
                operation(OP_LAPIC_WRITE, lvt_timer, lvt_tsc_deadline | vector, 4, "set up the timer")};
            return timer;
        }
        case Path::ioeventfd: {
            Wiring bell = acting(operation(OP_WRITE, doorbell, 1, 4, "ring the doorbell"));
            bell.doorbell = vmm::IoeventfdSpec{"bell", doorbell, false, 4, std::nullopt};
            return bell;
        }
    }
    return {};
}

bool has_own_lapic(const vmm::MachineConfig& config, const vmm::Host& host) {
    return host.own.find(config.placement) != host.own.end();
}

std::string lacks(Path path, const vmm::MachineConfig& config, const vmm::Host& host) {
    if (path == Path::timer && !host.offers(config.placement, "tsc_deadline_timer", "x86_64"))
        return "this KVM's local APIC has no TSC deadline";
    if (path == Path::resample && config.placement == "split" &&
        host.has_trait(config.placement, "lapic_eoi_at_delivery"))
        return "this KVM keeps the EOI exit until the next entry of the guest (lapic_eoi_at_delivery)";
    return {};
}

std::string lacks_bare(Path path, const vmm::MachineConfig& config, const vmm::Host& host) {
    if (path == Path::resample && config.placement == "split")
        return "KVM has no resamplefds beside a split irqchip";
    const bool needs_controller = path == Path::resample || path == Path::ipi || path == Path::timer;
    if (needs_controller && has_own_lapic(config, host)) return "the controller that does it is no ioctl";
    return {};
}

void configure(vmm::MachineConfig&, const vmm::Host&) {}

routing::Route unused_route(std::uint32_t gsi) { return routing::MsiRoute{lapic, 0x20 + gsi % 0x10}; }

}  // namespace

// Physical destinations of xAPIC mode: 0xff is a broadcast.
const Architecture architecture{"x86_64", configure,    lacks,           lacks_bare,
                                wiring,   unused_route, message_gsi + 1, 255};

}  // namespace irqbench::tools::bench::x86
