#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "vmm/state.hpp"

namespace irqbench::scenarios {

struct Architecture;

/// Whether the file is a saved state, going by how it begins; also one of which the rest cannot be read.
[[nodiscard]] bool is_state_file(const std::filesystem::path& path);

/// The state files of one run, in a folder of its own.
class StateFiles {
  public:
    /// @param folder is made when it is needed, and stays; if empty, a temporary one that goes with this
    StateFiles(const Architecture& architecture, std::filesystem::path folder);
    ~StateFiles();
    StateFiles(const StateFiles&) = delete;
    StateFiles& operator=(const StateFiles&) = delete;

    /// Replaces a file only if that is a saved state too.
    /// @throws std::runtime_error if it is not, std::system_error if it cannot be written
    void write(const std::string& name, const vmm::MachineState& state);
    /// What write() wrote. @throws ScenarioError (malformed) if it is not there, or not so any more
    [[nodiscard]] std::shared_ptr<const vmm::MachineState> read(const std::string& name) const;

  private:
    const Architecture& architecture_;
    std::filesystem::path folder_;
    bool temporary_;
};

}  // namespace irqbench::scenarios
