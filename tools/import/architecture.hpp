#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tools/import/kvm_events.hpp"
#include "tools/import/machines.hpp"
#include "tools/import/scenario_text.hpp"
#include "tools/import/trace.hpp"

namespace irqbench::importing {

/// The scenario that a trace has become.
struct Imported {
    std::string text;
    std::size_t steps = 0;       ///< of the trace
    std::uint32_t taken = 0;     ///< interrupts
    std::uint32_t inferred = 0;  ///< steps that no event shows
    std::string storm;           ///< what it was, where the scenario ends with one
};

/// What is particular to the hosts of one architecture.
struct Architecture {
    std::string_view name;  ///< as a scenario's "arch" says it
    /// Whether no other host's KVM writes such an event.
    bool (*writes_alone)(std::string_view event, std::string_view text);
    Meaning (*read)(std::string_view event, std::string_view text, Event& into);
    bool finds_storms;  ///< in its traces
    /// @param storm as that of tell()
    /// @throws TraceError for what cannot become a scenario
    Imported (*import)(KvmTrace trace, const Machine& machine, const Heading& heading, std::uint32_t storm);
};

/// The first is what a host is taken for until one of its events says otherwise.
std::span<const Architecture* const> architectures();
/// Whether traces of such hosts can be searched for one.
bool finds_storms(std::string_view arch);
/// By the architecture of the trace.
Imported import_machine(KvmTrace trace, const Machine& machine, const Heading& heading,
                        std::uint32_t storm = 0);

}  // namespace irqbench::importing
