#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "vmm/state.hpp"

namespace irqbench::scenarios {

struct Architecture;
struct Scenario;

/// Whether the file is a saved state, going by how it begins; also one of which the rest cannot be read.
[[nodiscard]] bool is_state_file(const std::filesystem::path& path);

/// The names of the files that steps of it save.
[[nodiscard]] std::set<std::string> saved_files(const Scenario& scenario);

/// The states that one run saves in files. A step that restores one gets what this run saved, whatever there
/// is in the folder: what is read is the text that was written, from memory.
class StateFiles {
  public:
    /// @param folder is made when it is needed, and stays; if empty, nothing is written anywhere
    StateFiles(const Architecture& architecture, std::filesystem::path folder);

    /// Replaces a file only if that is a saved state too.
    /// @throws std::runtime_error if it is not, std::system_error if it cannot be written
    void write(const std::string& name, const vmm::MachineState& state);
    /// The state could not be had of the machine: the step that was to write it has failed.
    void refuse(const std::string& name) { texts_[name].clear(); }
    /// Whether this run has come to saving it.
    [[nodiscard]] bool has(std::string_view name) const { return texts_.contains(name); }
    /// What write() wrote last; null if that was refused. @throws std::out_of_range without has()
    [[nodiscard]] std::shared_ptr<const vmm::MachineState> read(const std::string& name) const;

  private:
    const Architecture& architecture_;
    std::filesystem::path folder_;
    std::map<std::string, std::string, std::less<>> texts_;
};

}  // namespace irqbench::scenarios
