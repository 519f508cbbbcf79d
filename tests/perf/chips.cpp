#include <benchmark/benchmark.h>

#include <variant>

#include "irqchip/x86/ioapic.hpp"
#include "irqchip/x86/lapic_bus.hpp"

// The chips alone: no KVM, no board, no trace.
using namespace irqbench::irqchip;
using namespace irqbench::irqchip::x86;

namespace {

constexpr unsigned pin = 10;
constexpr std::uint8_t vector = 0x51;
constexpr std::uint32_t level_triggered = 1U << 15;

struct Machine {
    IoApic ioapic;
    LocalApic apic{0, true};
    LapicTime now;

    explicit Machine(std::uint32_t entry) {
        select(selector::redirection + 2 * pin, entry);
        static_cast<void>(apic.write(lapic::svr, 4, 0x1FF, now));
    }

    void select(std::uint32_t selector, std::uint32_t value) {
        static_cast<void>(ioapic.write(window::ioregsel, 4, selector));
        static_cast<void>(ioapic.write(window::iowin, 4, value));
    }

    /// Line up, acknowledge, line down, EOI, and whatever follows from each.
    bool round() {
        for (const Effect& effect : ioapic.set_line(pin, true)) {
            const auto* deliver = std::get_if<Deliver>(&effect);
            if (deliver == nullptr) continue;
            for_each_recipient({&apic, 1}, deliver->message,
                               [&](std::size_t) { static_cast<void>(apic.deliver(deliver->message)); });
        }
        const bool taken = apic.pending() == vector && apic.acknowledge() == vector;
        static_cast<void>(ioapic.set_line(pin, false));
        const Effects ended = apic.write(lapic::eoi, 4, 0, now);
        for (const Effect& effect : ended) {
            const auto* broadcast = std::get_if<EoiBroadcast>(&effect);
            if (broadcast == nullptr) continue;
            for (const Effect& of_pin : ioapic.eoi(broadcast->vector))
                if (const auto* eoi = std::get_if<EoiOfPin>(&of_pin))
                    static_cast<void>(ioapic.finish_eoi(eoi->pin));
        }
        return taken;
    }
};

void chips_round(benchmark::State& state, std::uint32_t entry) {
    Machine machine(entry);
    for (auto _ : state)
        if (!machine.round()) state.SkipWithError("an interrupt was not taken");
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(chips_round, edge, std::uint32_t{vector});
BENCHMARK_CAPTURE(chips_round, level, level_triggered | vector);

}  // namespace
