#include "vmm/arm64/traits.hpp"

#include <cstdint>

#include "irqchip/arm64/gicv2_registers.hpp"
#include "routing/arm64.hpp"
#include "vmm/kvm_machine.hpp"

namespace irqbench::vmm::arm64 {

namespace {

constexpr std::uint32_t gsi = 10;
constexpr std::uint32_t intid = gsi + routing::arm64::first_spi;

namespace gicd = irqchip::arm64::gicd;

constexpr std::uint64_t bit = 1U << intid % 32;
constexpr std::uint64_t word = intid / 32 * std::uint64_t{4};

MachineConfig kernel_machine(const std::string& gic) {
    MachineConfig config;
    config.gic = gic;
    config.placement = "kernel";
    config.vcpu_ids = {0};
    return config;
}

/// A machine with one SPI, in which one claim of the specification is tried.
class Probe {
  public:
    Probe(const std::string& gic, bool edge) : machine_(kernel_machine(gic), trace_) {
        const std::uint64_t trigger = edge ? std::uint64_t{2} << intid % 16 * 2 : 0;
        write(gicd::icfgr + intid / 16 * std::uint64_t{4}, trigger, 4);
        // Of a GICv2; a GICv3 ignores it, and sends to the first vCPU unless told otherwise.
        write(gicd::itargetsr + intid, 1, 1);
        write(gicd::isenabler + word, bit, 4);
    }

    KvmMachine& machine() { return machine_; }

    void write(std::uint64_t offset, std::uint64_t value, std::uint32_t size) {
        perform({OP_WRITE, size, AGENT_GICD + offset, value, false, "probe"});
    }
    /// Both of the distributor's, without a change to what else GICD_CTLR has.
    void enable_groups(bool on) {
        constexpr std::uint64_t groups = 3;
        perform({OP_MODIFY, 4, AGENT_GICD + gicd::ctlr, groups << 32 | (on ? groups : 0), false, "probe"});
    }

    /// Interrupts taken so far.
    [[nodiscard]] std::size_t taken() const {
        std::size_t count = 0;
        for (const Event& event : trace_.events())
            count += std::holds_alternative<event::Taken>(event.what) ? 1U : 0U;
        return count;
    }

    [[nodiscard]] bool pending() {
        for (const NamedValue& field : machine_.inspect("interrupt", intid))
            if (field.name == "pending") return field.value != 0;
        return false;
    }

  private:
    void perform(const GuestOp& op) {
        machine_.guest(0, {&op, 1});
        machine_.settle();
    }

    Trace trace_;
    KvmMachine machine_;
};

bool distributor_enable_unnoticed(const std::string& gic) {
    Probe probe(gic, true);
    probe.enable_groups(false);
    probe.machine().set_line(gsi, true, false);
    probe.machine().settle();
    probe.enable_groups(true);
    return probe.taken() == 0;
}

bool software_pending_while_active(const std::string& gic) {
    Probe probe(gic, false);
    probe.machine().handler(0, intid, POLICY_STAY, std::nullopt);
    probe.write(gicd::ispendr + word, bit, 4);
    return probe.taken() == 1 && probe.pending();
}

bool resampled_spi_taken_twice(const std::string& gic) {
    constexpr std::size_t signals = 2;
    Probe probe(gic, false);
    probe.machine().assign_irqfd({"probe", gsi, true, {}, false});
    for (std::size_t i = 0; i < signals; ++i) {
        probe.machine().signal("probe", 1);
        probe.machine().settle();
    }
    return probe.taken() > signals;
}

/// In the order of trait_names.
constexpr std::array<bool (*)(const std::string& gic), trait_names.size()> probes{
    distributor_enable_unnoticed,
    software_pending_while_active,
    resampled_spi_taken_twice,
};

}  // namespace

std::vector<std::string> probe_traits(const std::string& gic) {
    std::vector<std::string> present;
    for (std::size_t i = 0; i < probes.size(); ++i)
        if (probes[i](gic)) present.emplace_back(trait_names[i]);
    return present;
}

}  // namespace irqbench::vmm::arm64
