#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "scenarios/engine/fields.hpp"
#include "scenarios/engine/scenario.hpp"
#include "scenarios/engine/signs.hpp"

namespace irqbench::scenarios {

/// Who acts: the table of scenarios/README.md a verb stands in.
enum class Side { host, guest, claim };

/// One verb of an architecture: what makes it a step, and what its argument may be.
struct VerbInfo {
    std::string_view name;
    Side side;
    std::string_view doc;
    std::shared_ptr<const Verb> (*make)(const Cursor& argument);
    Json (*schema)();
};

/// The table row of a verb class. `V::Arguments` has a Form; V is made from it.
template <class V>
constexpr VerbInfo verb(std::string_view name, Side side, std::string_view doc) {
    return {name, side, doc,
            [](const Cursor& argument) -> std::shared_ptr<const Verb> {
                return std::make_shared<const V>(Form<typename V::Arguments>::read(argument, {}));
            },
            [] { return Form<typename V::Arguments>::schema({}); }};
}

/// How vCPUs begin that do not run from the start, in the words of messages.
struct StartWords {
    std::string_view waits;    ///< `waits for a SIPI that no step sends`: of a vCPU that stays off
    std::string_view missing;  ///< `can send a SIPI`: what no step before does
};

/// An event of a kernel's KVM that a `path` may have.
struct KernelEvent {
    std::string_view name;
    std::array<std::string_view, 6>
        fields;               ///< its numbers, of all kernels together; ends at the first empty one
    bool of_delivery = true;  ///< tells of the way of an interrupt, not of every entry and exit
};

/// What is particular to one architecture: everything scenarios/engine must not know.
struct Architecture {
    std::string_view name;
    std::span<const VerbInfo> verbs;
    std::span<const std::string_view> modes;        ///< irqchip modes there are, here or elsewhere
    std::span<const std::string_view> controllers;  ///< names for vmm::Machine::inspect()
    std::span<const std::string_view> state_parts;  ///< names for vmm::RestoreOptions, of any mode
    std::span<const std::string_view> traits;       ///< ways in which a KVM may differ from the manual
    StartWords start;
    std::span<const KernelEvent> kernel_events;  ///< that its KVM may have
    /// The head's `machine`.
    void (*read_machine)(const Cursor& at, vmm::MachineConfig& config);
    Json (*machine_schema)();
    /// What is particular to the machine, for explain(): `, in x2APIC mode`; nothing where nothing is.
    std::string (*machine_in_words)(const vmm::MachineConfig& config);
    /// An interrupt of the head's `outcomes`.
    expect::Ack (*read_outcome)(const Cursor& at);
    /// Why such a machine never takes it; nothing if it may.
    std::string (*outcome_unfit_for)(const vmm::MachineConfig& config, const expect::Ack& outcome);
    Json (*outcome_schema)();
    /// What the finished configuration must satisfy. @returns why not, or nothing
    std::string (*check_machine)(const vmm::MachineConfig& config);
    /// GSIs, from 0, that lead somewhere before a step gives them routes. An irqfd has one of these, or one
    /// that steps route; null where it may have any, and signal nobody.
    std::uint32_t (*default_gsis)(const vmm::MachineConfig& config);
    /// Chooses what a file leaves to the run, so that several irqchip modes play it on the same machine.
    /// @param offered whether all of them have a capability
    void (*settle)(vmm::MachineConfig& config, const std::function<bool(std::string_view)>& offered);
    /// Capabilities that such a machine needs, as if the file required them.
    std::vector<std::string_view> (*needed)(const vmm::MachineConfig& config);
    /// What the irqchip mode, wherever it is, has not of such a machine. @returns a sentence, or nothing
    std::string (*lacks)(const vmm::MachineConfig& config, std::string_view placement);
    /// Whether a step may use this place. @returns why not, or nothing
    std::string (*check_place)(const vmm::MachineConfig& config, const Place& place);
    /// What an event of such a machine says of inputs and pending interrupts, see signs_of().
    std::vector<Sign> (*signs)(const vmm::Event& event);
    /// A portable state as the text of a file, that as a JSON Schema, and back.
    /// @throws ScenarioError (malformed) about that file
    std::string (*state_text)(const vmm::MachineState& state);
    Json (*state_schema)();
    std::shared_ptr<const vmm::MachineState> (*read_state)(const Document& document);
};

/// Every architecture there are verbs for: the list is in scenarios/verbs/architectures.cpp.
std::span<const Architecture* const> architectures();
/// The architecture of that name; null when there is none.
const Architecture* find_architecture(std::string_view name);
/// Whether it is a kernel's event about the way of an interrupt, on any of them.
bool is_of_delivery(std::string_view kernel_event);
/// The verbs of an architecture; empty when there is none of that name.
std::span<const VerbInfo> verbs_of(std::string_view arch);

}  // namespace irqbench::scenarios
