#include "tools/bench/arm64/architecture.hpp"

#include "irqchip/arm64/gicv2_registers.hpp"
#include "irqchip/arm64/its_command.hpp"
#include "irqchip/arm64/its_registers.hpp"
#include "routing/arm64.hpp"
#include "scenarios/verbs/arm64/its.hpp"
#include "vmm/arm64/irq_line.hpp"
#include "vmm/arm64/system_registers.hpp"
#include "vmm/arm64/virtual_timer.hpp"
#include "vmm/guest/agent_abi.h"

namespace irqbench::tools::bench::arm64 {

namespace {

namespace gic = irqchip::arm64;
namespace gicd = irqchip::arm64::gicd;
namespace its = irqchip::arm64::its_command;
namespace sysregs = vmm::arm64::sysregs;
using routing::arm64::first_spi;
using scenarios::verbs::arm64::ItsMemory;

// SPIs, by their GSI.
constexpr std::uint32_t edge_gsi = 10;
constexpr std::uint32_t level_gsi = 11;
constexpr std::uint32_t acting_gsi = 12;
constexpr std::uint32_t routed_spi = 13;  ///< where routed_gsi leads
constexpr std::uint32_t routed_gsi = 64;  ///< the first that has no route at first
constexpr std::uint32_t sgi = 5;
constexpr std::uint32_t timer_ppi = vmm::arm64::VirtualTimer::ppi;
constexpr std::uint32_t lpi = gic::first_lpi + 8;
constexpr std::uint32_t device = 3;
constexpr std::uint32_t event = 5;
constexpr std::uint64_t doorbell = AGENT_EXIT_ADDRESS + 0x1000;
constexpr std::uint32_t priority = 0xa0;
constexpr std::size_t most_of_gicv2 = 8;  ///< CPU interfaces (IHI 0048, 2.3.1)

vmm::GuestOp operation(std::uint32_t code, std::uint64_t address, std::uint64_t value, std::uint32_t size,
                       std::string text) {
    return {code, size, address, value, false, std::move(text)};
}

bool is_gicv3(const vmm::MachineConfig& config) { return config.gic == "v3"; }

/// Edge or level of an SGI and of KVM's PPIs is as it is.
std::vector<vmm::GuestOp> enable(const vmm::MachineConfig& config, std::uint32_t intid, std::uint32_t vcpu,
                                 bool edge = false) {
    const bool is_spi = intid >= first_spi;
    const std::uint64_t base = is_spi || !is_gicv3(config)
                                   ? std::uint64_t{AGENT_GICD}
                                   : scenarios::verbs::arm64::redistributor_of(vcpu) + gic::gicr::sgi_base;
    const std::uint64_t word = intid / 32 * 4;
    const std::uint64_t bit = std::uint64_t{1} << intid % 32;
    std::vector<vmm::GuestOp> operations;
    // KVM's GICv2 has all in group 0, which is its IRQ.
    if (is_gicv3(config))
        operations.push_back(
            operation(OP_MODIFY, base + gicd::igroupr + word, bit << 32 | bit, 4, "put it into group 1"));
    operations.push_back(operation(OP_WRITE, base + gicd::ipriorityr + intid, priority, 1, "its priority"));
    if (is_spi) {
        const std::uint64_t trigger = std::uint64_t{2} << intid % 16 * 2;
        operations.push_back(operation(OP_MODIFY, base + gicd::icfgr + intid / 16 * 4,
                                       trigger << 32 | (edge ? trigger : 0), 4, "its trigger"));
        operations.push_back(
            is_gicv3(config)
                ? operation(OP_WRITE, base + gic::gicd3::irouter + std::uint64_t{8} * (intid - first_spi),
                            vmm::arm64::affinity_of(config.vcpu_ids.at(vcpu)), 8, "its target")
                : operation(OP_WRITE, base + gicd::itargetsr + intid, 1U << vcpu, 1, "its target"));
    }
    operations.push_back(operation(OP_WRITE, base + gicd::isenabler + word, bit, 4, "enable it"));
    return operations;
}

std::vector<vmm::GuestOp> joined(std::vector<vmm::GuestOp> first, const std::vector<vmm::GuestOp>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

/// The event is the LPI, to vCPU 0.
std::vector<vmm::GuestOp> map_event(const vmm::MachineConfig& config) {
    constexpr std::uint64_t enabled = 1;
    auto operations = scenarios::verbs::arm64::set_up_its(config, false);
    operations.push_back(operation(OP_WRITE,
                                   vmm::scenario_memory + ItsMemory::properties + lpi - gic::first_lpi,
                                   priority | enabled, 1, "configure the LPI"));
    const std::array commands{its::mapd(device, vmm::scenario_memory + ItsMemory::translations, 5),
                              its::mapc(0, config.vcpu_ids.front()), its::mapti(device, event, lpi, 0),
                              its::sync(config.vcpu_ids.front())};
    std::uint64_t at = 0;
    for (const gic::ItsCommand& command : commands) {
        for (const std::uint64_t word : command.words) {
            operations.push_back(operation(OP_WRITE, vmm::scenario_memory + ItsMemory::queue + at, word, 8,
                                           "a word of the command"));
            at += sizeof word;
        }
    }
    operations.push_back(operation(OP_WRITE, AGENT_ITS + gic::gits::cwriter, at, 8, "have them executed"));
    return operations;
}

Stimulus line(std::uint32_t gsi) {
    return {Stimulus::Kind::line, gsi, vmm::arm64::line_word(gsi).value_or(gsi), false, {}};
}
Stimulus irqfd(std::uint32_t gsi, bool resample) { return {Stimulus::Kind::irqfd, gsi, gsi, resample, {}}; }
Stimulus message() {
    return {Stimulus::Kind::msi, 0, 0, false, {AGENT_ITS + gic::gits::translater, event, device}};
}

/// By a handler that stays until it has done it.
Wiring acting(const vmm::MachineConfig& config, std::vector<vmm::GuestOp> act) {
    const std::uint32_t intid = first_spi + acting_gsi;
    Wiring wiring{line(acting_gsi), intid, enable(config, intid, 0, true)};
    wiring.act = std::move(act);
    wiring.stay_policy = POLICY_STAY | POLICY_EOI;
    return wiring;
}

/// IHI 0069, 12.2.36 ICC_SGI1R_EL1; IHI 0048, 4.3.15 GICD_SGIR.
vmm::GuestOp send_sgi(const vmm::MachineConfig& config) {
    if (!is_gicv3(config))
        return operation(OP_WRITE, AGENT_GICD + gicd::sgir, 1U << (16 + 1) | sgi, 4, "send an SGI");
    const std::uint64_t affinity = vmm::arm64::affinity_of(config.vcpu_ids.at(1));
    return operation(
        OP_MSR_WRITE, gic::icc::sgi1r,
        std::uint64_t{sgi} << 24 | (affinity >> 8 & 0xff) << 16 | std::uint64_t{1} << (affinity & 0xf), 8,
        "send an SGI");
}

/// The output of the timer is a level: its handler turns the timer off.
Wiring timer_wiring(const vmm::MachineConfig& config) {
    const auto set = [](std::uint32_t which, std::uint64_t value, const char* text) {
        return operation(OP_MSR_WRITE, which, value, 8, text);
    };
    Wiring timer = acting(config, {set(sysregs::cntv_cval, 0, "set the deadline"),
                                   set(sysregs::cntv_ctl, 1, "turn the timer on")});
    timer.setup = joined(timer.setup, enable(config, timer_ppi, 0));
    timer.taken_vector = timer_ppi;
    timer.quench = {set(sysregs::cntv_ctl, 0, "turn the timer off")};
    return timer;
}

Wiring wiring(Path path, const vmm::MachineConfig& config) {
    const std::uint32_t edge = first_spi + edge_gsi;
    const std::uint32_t level = first_spi + level_gsi;
    const std::uint32_t routed = first_spi + routed_spi;
    switch (path) {
        case Path::irq_line: return {line(edge_gsi), edge, enable(config, edge, 0, true)};
        case Path::msi: return {message(), lpi, map_event(config)};
        case Path::irqfd:
            return {irqfd(routed_gsi, false),
                    routed,
                    enable(config, routed, 0, true),
                    {{routed_gsi, routing::PinRoute{routing::arm64::gic, routed_spi}}}};
        case Path::resample: return {irqfd(level_gsi, true), level, enable(config, level, 0)};
        case Path::ipi: {
            Wiring ipi = acting(config, {send_sgi(config)});
            ipi.setup = joined(ipi.setup, enable(config, sgi, 1));
            return ipi;
        }
        case Path::timer: return timer_wiring(config);
        case Path::ioeventfd: {
            Wiring bell = acting(config, {operation(OP_WRITE, doorbell, 1, 4, "ring the doorbell")});
            bell.doorbell = vmm::IoeventfdSpec{"bell", doorbell, false, 4, std::nullopt};
            return bell;
        }
    }
    return {};
}

std::string lacks(Path path, const vmm::MachineConfig& config, const vmm::Host&) {
    if (!is_gicv3(config) && config.vcpu_ids.size() > most_of_gicv2)
        return "a GICv2 has no more than 8 CPU interfaces";
    if (path == Path::msi && !is_gicv3(config)) return "a GICv2 has no ITS: nothing takes a message";
    if (path == Path::msi && !config.its) return "this KVM has no ITS: nothing takes a message";
    return {};
}

std::string lacks_bare(Path path, const vmm::MachineConfig& config, const vmm::Host& host) {
    const bool needs_controller = path == Path::resample || path == Path::ipi || path == Path::timer;
    if (needs_controller && host.own.find(config.placement) != host.own.end())
        return "the controller that does it is no ioctl";
    return {};
}

void configure(vmm::MachineConfig& config, const vmm::Host& host) {
    const bool is_ours = host.own.find(config.placement) != host.own.end();
    config.gic = !is_ours && host.offers(config.placement, "arm_vgic_v3", "arm64") ? "v3" : "v2";
    config.its = config.gic == "v3" && host.offers(config.placement, "arm_vgic_its", "arm64");
    if (config.its) config.memory = ItsMemory::large_translations(config.vcpu_ids.size());
}

routing::Route unused_route(std::uint32_t gsi) {
    return routing::MsiRoute{AGENT_ITS + gic::gits::translater, gsi, device};
}

}  // namespace

// As many redistributors as there is room for (agent_abi.h).
const Architecture architecture{"arm64", configure, lacks, lacks_bare, wiring, unused_route, routed_gsi, 512};

}  // namespace irqbench::tools::bench::arm64
