#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "tools/irqbench/campaign.hpp"

/// Where `run --states` keeps the files that the `save` steps of its runs write.
namespace irqbench::tools {

/// STATES/SCENARIO/MODE, and of a run that is repeated STATES/SCENARIO/MODE/RUN, counted from 0 as
/// --trace-out does. SCENARIO is the path of the file as it was given, without its extension and what leads
/// out of there.
[[nodiscard]] std::filesystem::path folder_of_states(const CampaignOptions& options,
                                                     const std::filesystem::path& file,
                                                     const std::string& mode, std::uint32_t run);

/// Whether one file's runs would write what another's write too, or what one of them reads; also the trace.
/// @param trace_out the other file that is written, or empty
/// @returns what is wrong, or nothing
[[nodiscard]] std::string clash_of_states(std::span<const Loaded> files, const vmm::Host& host,
                                          const CampaignOptions& options, const std::string& trace_out);

}  // namespace irqbench::tools
