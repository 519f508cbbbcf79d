#pragma once

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/guest/agent_abi.h"
#include "vmm/kvm_machine.hpp"

namespace irqbench::tests {

// What the tests write into controllers, and where.
constexpr std::uint64_t ioregsel = 0xfec00000, iowin = 0xfec00010;
constexpr std::uint64_t level = 0x8000;  ///< redirection entry: level-triggered
constexpr std::uint64_t tpr = 0x80, icr = 0x300;
constexpr std::uint64_t init = 0x4500, sipi = 0x4600 | AGENT_TRAMPOLINE >> 12;  ///< commands for the ICR
constexpr std::uint64_t to_1 = std::uint64_t{1} << 32;

/// A machine with its trace, and short words for what the tests do to it.
struct MachineFixture {
    explicit MachineFixture(vmm::MachineConfig config_)
        : config(std::move(config_)), machine(config, trace) {}

    static vmm::MachineConfig with(std::string placement, std::uint32_t vcpus = 1,
                                   vmm::RunMode run = vmm::RunMode::stepped) {
        vmm::MachineConfig config;
        config.placement = std::move(placement);
        for (std::uint32_t id = 0; id < vcpus; ++id) config.vcpu_ids.push_back(id);
        config.run = run;
        return config;
    }

    bool guest(std::initializer_list<vmm::GuestOp> ops, std::uint32_t vcpu = 0) {
        machine.guest(vcpu, std::vector<vmm::GuestOp>(ops));
        return machine.settle();
    }

    /// A fixed, edge-triggered MSI to the APIC id.
    bool msi(std::uint32_t vector, std::uint32_t apic_id = 0) {
        machine.msi({0xfee00000 | std::uint64_t{apic_id} << 12, vector, std::nullopt});
        return machine.settle();
    }

    /// Writes an IOAPIC redirection entry: its low half, and the destination.
    void program(std::uint32_t pin, std::uint64_t low, std::uint64_t destination = 0) {
        const auto write = [](std::uint64_t address, std::uint64_t value) {
            return vmm::GuestOp{OP_WRITE, 4, address, value, false, "IOAPIC"};
        };
        guest({write(ioregsel, 0x11 + 2 * pin), write(iowin, destination << 24),
               write(ioregsel, 0x10 + 2 * pin), write(iowin, low)});
    }

    std::uint64_t field(std::string_view controller, std::uint32_t index, std::string_view name) {
        for (const vmm::NamedValue& value : machine.inspect(controller, index))
            if (value.name == name) return value.value;
        BOOST_ERROR("no " << controller << ' ' << name);
        return 0;
    }

    /// What the guest took, in words and in order: "0:51 1:nmi".
    [[nodiscard]] std::string taken() const {
        std::string text;
        for (const vmm::Event& event : trace.events()) {
            const auto* taken = std::get_if<vmm::event::Taken>(&event.what);
            if (taken == nullptr) continue;
            if (!text.empty()) text += ' ';
            text += taken->kind == vmm::event::Kind::nmi ? fmt::format("{}:nmi", *event.vcpu)
                                                         : fmt::format("{}:{:x}", *event.vcpu, taken->vector);
        }
        return text;
    }

    /// The last event of type What.
    template <class What>
    [[nodiscard]] std::optional<What> last() const {
        for (auto event = trace.events().rbegin(); event != trace.events().rend(); ++event)
            if (const auto* what = std::get_if<What>(&event->what)) return *what;
        return std::nullopt;
    }

    /// How many events of type What there are.
    template <class What>
    [[nodiscard]] std::size_t count() const {
        std::size_t count = 0;
        for (const vmm::Event& event : trace.events())
            if (std::holds_alternative<What>(event.what)) ++count;
        return count;
    }

    vmm::MachineConfig config;
    vmm::Trace trace;
    vmm::KvmMachine machine;
};

inline vmm::GuestOp op(std::uint32_t code, std::uint64_t address = 0, std::uint64_t value = 0,
                       std::uint32_t size = 4) {
    return {code, size, address, value, false, fmt::format("op {}", code)};
}
inline vmm::GuestOp observed(std::uint32_t code, std::uint64_t address, std::uint32_t size = 4) {
    return {code, size, address, 0, true, fmt::format("op {}", code)};
}

/// The machine's routes, with this GSI sent as a message to APIC id 0.
inline routing::RoutingTable with_message(const vmm::Machine& machine, std::uint32_t gsi,
                                          std::uint32_t vector) {
    routing::RoutingTable table = machine.routes();
    table.set(gsi, {routing::MsiRoute{0xfee00000, vector}});
    return table;
}

}  // namespace irqbench::tests
