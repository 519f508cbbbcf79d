#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/import/machines.hpp"
#include "tools/import/trace.hpp"
#include "tools/irqbench/surroundings.hpp"

namespace irqbench::tools {

/// A trace that becomes a scenario.
struct TraceImport {
    std::string trace;         ///< the file
    std::string name;          ///< what the scenario calls it
    std::string output = "-";  ///< where the scenario is written; `-` prints it
    importing::Wanted wanted;
    importing::Span span;
    std::uint32_t storm = 0;  ///< see importing::tell()
};

void add_storm(CLI::App& app, std::uint32_t& storm);
/// Before anything is recorded. @throws CLI::ValidationError where traces of such hosts are not searched for
/// one
void refuse_storm_of(std::string_view arch, std::uint32_t storm);

/// Writes the scenario, and says on standard error what it is of.
/// @returns the exit status
/// @throws CLI::ValidationError when the trace cannot be read
int import_trace(const TraceImport& import, Surroundings& surroundings);

}  // namespace irqbench::tools
