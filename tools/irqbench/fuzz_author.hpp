#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/fuzz/architecture.hpp"
#include "tools/fuzz/generator.hpp"
#include "tools/fuzz/player.hpp"
#include "tools/irqbench/surroundings.hpp"

namespace irqbench::tools {

/// What `irqbench fuzz` was asked for.
struct FuzzCommand {
    std::string arch;  ///< as a scenario's "arch" says it; the host's if empty
    std::vector<std::string> between;
    std::uint64_t seconds = 10;
    std::uint64_t count = 0;  ///< 0: as many as the time allows
    std::uint64_t seed = 1;
    std::uint64_t first = 0;
    std::optional<std::uint64_t> only;  ///< the only case to play
    std::uint32_t max_steps = 40;
    std::vector<std::string> without;
    std::uint32_t jobs = 1;
    std::string out = ".";
    bool quiet = false;

    /// Scenarios go to the standard output, and so nothing else does.
    [[nodiscard]] bool prints() const { return out == "-"; }
};

/// The cases that differ from the reference in one mode in one way: how many, and the first of them.
struct Finding {
    std::uint64_t count = 0;
    std::uint64_t number = 0;
    fuzz::Case each;
};

/// By mode and kind.
using Findings = std::map<std::pair<std::string, std::string>, Finding>;

/// Makes a file of a finding, and says what it is.
class FuzzAuthor {
  public:
    FuzzAuthor(const FuzzCommand& command, const fuzz::Architecture& architecture,
               const fuzz::GeneratorOptions& generator, const fuzz::Player& player,
               Surroundings& surroundings)
        : command_(command),
          architecture_(architecture),
          generator_(generator),
          player_(player),
          surroundings_(surroundings) {}

    /// Shrinks the finding, and writes the file that shows it beside those that are there.
    void write(const std::string& mode, const std::string& kind, const Finding& finding);

    /// Where people read what was found.
    [[nodiscard]] std::ostream& story() const {
        return command_.prints() ? surroundings_.err : surroundings_.out;
    }

    /// Whether a file could not be written.
    [[nodiscard]] bool failed() const { return failed_; }

  private:
    [[nodiscard]] std::optional<fuzz::Pair> replayed(const std::string& mode, const fuzz::Case& each) const;
    [[nodiscard]] std::optional<fuzz::Pair> smallest(const std::string& mode, const std::string& kind,
                                                     const fuzz::Case& each) const;
    [[nodiscard]] std::string replay_command(std::uint64_t number) const;
    void write_file(const std::string& mode, const std::string& kind, const Finding& finding,
                    const fuzz::Pair& pair, const std::vector<std::string>& story);

    const FuzzCommand& command_;
    const fuzz::Architecture& architecture_;
    const fuzz::GeneratorOptions& generator_;
    const fuzz::Player& player_;
    Surroundings& surroundings_;
    bool failed_ = false;
};

}  // namespace irqbench::tools
