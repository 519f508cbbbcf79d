#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace irqbench::importing {

/// What is particular to the hosts of one architecture: everything else that concerns it is in the events.
struct Architecture {
    std::string_view name;    ///< as a scenario's "arch" says it
    bool is_imported = true;  ///< else its events are known only to be refused
    /// Whether no other host's KVM writes such an event.
    bool (*writes_alone)(std::string_view event, std::string_view text);
};

std::span<const Architecture> architectures();
/// Whether traces of such hosts become scenarios.
bool imports_traces_of(std::string_view arch);
/// The one whose events are read.
const Architecture& imported_architecture();

}  // namespace irqbench::importing
