#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace irqbench::tests {

/// What each vCPU took, in order: `0x51`, `nmi`.
using Taken = std::map<std::uint32_t, std::vector<std::string>>;

/// tests/import/samples
std::filesystem::path samples_folder();

/// What the second line of a sample says of the traced guest: `# taken: 0:0x51 1:nmi`.
Taken taken_in(const std::filesystem::path& sample);

/// The scenario that a trace becomes.
/// @throws importing::TraceError
std::string imported(const std::filesystem::path& trace);

/// Plays a scenario on the model, where it has to pass. @returns what its guest took
Taken play_on_the_model(const std::string& text);

}  // namespace irqbench::tests
