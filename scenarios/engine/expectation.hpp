#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vmm/trace.hpp"

namespace irqbench::scenarios {

/// What a step expects, as plain data: the judge holds it against the trace after the run, and the engine
/// uses it only to know what to wait for.
namespace expect {

/// One interrupt taken by the guest.
struct Ack {
    std::uint32_t id = 0;  ///< vector or INTID; 2 with `kind` nmi
    vmm::event::Kind kind = vmm::event::Kind::interrupt;
    std::vector<std::uint32_t> vcpus;  ///< one of these took it; empty: any vCPU
    std::vector<std::uint32_t> ids;    ///< when not empty: one of these instead of `id`
    std::uint32_t times = 1;
};

/// Claims interrupts. In order: each vCPU took its own in the order given; between vCPUs there is no order.
struct Acks {
    std::vector<Ack> items;
    bool any_order = false;
    bool may_take_time = false;  ///< real time may pass until they arrive (timers)
    std::optional<std::uint64_t>
        not_before_us;  ///< the first is not taken earlier than this after the step before
};

/// Nothing that no step claimed was taken, and nothing more can come. With a priority: nothing as urgent as
/// it, though less may be held back; without: the vCPU must be able to take everything.
struct Quiet {
    std::vector<std::uint32_t> vcpus;       ///< empty: every vCPU
    std::optional<std::uint32_t> priority;  ///< on the scale of vmm::event::Quiet::above
    std::string priority_words{};           ///< as the scenario has it
};

/// Each event::Call of the step came back with this errno (0: success) and, where given, a value of this
/// sign: 1 delivered, 0 coalesced, -1 ignored (KVM_IRQ_LINE_STATUS; KVM_SIGNAL_MSI likewise).
struct CallResult {
    int error = 0;
    std::optional<int> value_sign;
    std::string call;  ///< when not empty: speaks of the event::Call of this name only
};

/// resamplefd kicks since the last claim.
struct Resampled {
    std::string irqfd;
    std::uint64_t count = 1;
    bool or_more = false;
};

/// ioeventfd signals since the last claim.
struct DoorbellRung {
    std::string name;
    std::uint64_t count = 1;
};

/// KVM_EXIT_IOAPIC_EOI exits since the last such assertion.
struct EoiExits {
    std::uint64_t count = 1;
    std::optional<std::uint32_t> vector;
};

/// event::Observed of this name during the step has a value that matches under the mask.
struct Value {
    std::string what;
    std::uint64_t value = 0;
    std::uint64_t mask = ~std::uint64_t{0};
    std::string (*in_words)(std::uint64_t) = nullptr;  ///< what such values are called; null: numbers
};

/// The guest's operations of this step raised this exception (by vector).
struct GuestFault {
    std::uint32_t vector = 0;
};

/// The step before it was a storm of this interrupt; claims all of them, also the tail after the step.
struct Storm {
    std::uint32_t id = 0;
};

/// The vCPU was started and began anew, once, and in this place among what it took.
struct Started {
    std::uint32_t vcpu = 0;
};

/// The vCPU rests in this state.
struct AtRest {
    std::uint32_t vcpu = 0;
    vmm::event::RestState state = vmm::event::RestState::halted;
};

/// The kernel's own events since the last action have these among them, in this order.
struct Path {
    /// One of the kernel's events, and what of it is asked for.
    struct Element {
        std::string name;
        std::vector<vmm::event::Kernel::Field> fields;
    };
    std::vector<Element> elements;
    std::vector<std::string_view> told;  ///< events to name when one is missing: those of a delivery
};

}  // namespace expect

using Expectation = std::variant<expect::Acks, expect::Quiet, expect::CallResult, expect::Resampled,
                                 expect::DoorbellRung, expect::EoiExits, expect::Value, expect::GuestFault,
                                 expect::Storm, expect::Started, expect::AtRest, expect::Path>;

/// `ack 0x51 on vCPU 0`, `quiet`, `resampled dev`: the words that follow "expected" in a failing run.
std::string describe(const Expectation& expectation);
std::string describe(const expect::Ack& ack);
/// `cpu_on = 0x0`, or in the expectation's words: what a value of that name is.
std::string describe(const expect::Value& of, std::uint64_t value);
/// `kvm_ioapic_set_irq pin=4`
std::string describe(const expect::Path::Element& element);

}  // namespace irqbench::scenarios
