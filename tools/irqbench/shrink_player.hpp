#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/engine/scenario.hpp"
#include "tools/irqbench/surroundings.hpp"
#include "vmm/kernel_trace.hpp"

namespace irqbench::tools {

/// How `irqbench shrink` plays a file.
struct ShrinkPlaying {
    std::vector<std::string> modes;    ///< irqchip modes in which a failure is kept
    std::vector<std::string> against;  ///< those that only count where the file passes
    std::optional<vmm::RunMode> run;
    std::uint64_t seed = 1;
    std::uint32_t repeat = 1;  ///< a failure shows if any of so many runs has it
};

/// What a file came to in one mode, before anything was taken away.
struct ShrinkStart {
    enum class Kind { failed, passed, known, skipped };
    std::string mode;
    Kind kind = Kind::passed;
    std::string words;      ///< the symptom, or why it is not played
    bool is_asked = false;  ///< one of ShrinkPlaying::modes
};

/// Plays a file, and says of smaller ones whether they still fail in the same way, in each mode in which it
/// failed, and still pass where it passed.
class ShrinkPlayer {
  public:
    /// @param file what messages call it; those that it uses are beside it
    ShrinkPlayer(ShrinkPlaying playing, const vmm::Host& host, const Surroundings& surroundings,
                 std::filesystem::path file);

    /// Plays the file in all modes. The first symptom of each is the one to be kept.
    /// @returns what came of it, those of `modes` first; not all of them when interrupted
    std::vector<ShrinkStart> start(const scenarios::Scenario& scenario);

    /// Whether the text is a file that shows what the first one did.
    bool shows(const std::string& text);

    [[nodiscard]] std::size_t tried() const { return tried_; }
    /// Of those tried, how many could not be loaded.
    [[nodiscard]] std::size_t not_loaded() const { return not_loaded_; }

  private:
    struct Outcome {
        bool known = false;
        std::string symptom;  ///< empty: it passed
    };
    [[nodiscard]] std::optional<std::string> skipped(const scenarios::Scenario& scenario,
                                                     const std::string& mode) const;
    /// Nothing when interrupted meanwhile.
    [[nodiscard]] std::optional<Outcome> play(const scenarios::Scenario& scenario, const std::string& mode,
                                              std::uint32_t number);
    [[nodiscard]] bool fails_so(const scenarios::Scenario& scenario, const ShrinkStart& as);
    [[nodiscard]] bool passes(const scenarios::Scenario& scenario, const std::string& mode);

    ShrinkPlaying playing_;
    const vmm::Host& host_;
    const Surroundings& surroundings_;
    std::filesystem::path file_;
    std::shared_ptr<vmm::KernelTrace> kernel_trace_;
    std::vector<ShrinkStart> kept_;  ///< what has to fail so
    std::vector<std::string> passed_;
    std::size_t tried_ = 0;
    std::size_t not_loaded_ = 0;
};

}  // namespace irqbench::tools
