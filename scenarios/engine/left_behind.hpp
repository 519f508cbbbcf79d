#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "scenarios/engine/facts.hpp"

namespace irqbench::scenarios {

/// What steps leave behind in the machine, so that a saved state has it too.
struct LeftBehind {
    std::set<std::string, std::less<>> irqfds;  ///< open
    std::set<std::string, std::less<>> ioeventfds;
    std::map<std::string, bool, std::less<>> ever_irqfds;  ///< whether it ever had a resamplefd
    std::set<std::string, std::less<>> ever_ioeventfds;
    std::set<std::uint32_t> stays_on;  ///< vCPUs with a handler that stays
    /// interrupts with a handler, and on which vCPU
    std::set<std::pair<std::uint32_t, std::uint32_t>> handled;
    std::set<std::uint32_t> stopped;
    bool wakes_later = false;
    bool starts_any = false;
    std::set<std::uint32_t> started;  ///< vCPUs that steps start

    LeftBehind() = default;
    /// All there is in the machine comes from outside, which vCPUs it has started too.
    explicit LeftBehind(const Brought& brought)
        : irqfds(brought.irqfds.begin(), brought.irqfds.end()),
          ioeventfds(brought.ioeventfds.begin(), brought.ioeventfds.end()),
          ever_ioeventfds(ioeventfds),
          stays_on(brought.stays_on.begin(), brought.stays_on.end()),
          handled(brought.handled.begin(), brought.handled.end()),
          starts_any(true) {
        for (const auto* names : {&brought.irqfds, &brought.former})
            for (const std::string& name : *names) ever_irqfds.try_emplace(name, false);
        for (const std::string& name : brought.resampling) ever_irqfds[name] = true;
    }
};

/// What was left behind when each state was saved.
class KeptStates {
  public:
    /// A step that saves, or that makes of `left` what it was then.
    /// @returns why the step means nothing here, or nothing
    [[nodiscard]] std::string follow(const Facts& facts, LeftBehind& left);

  private:
    using ByName = std::map<std::string, LeftBehind, std::less<>>;
    ByName names_;
    ByName files_;
};

}  // namespace irqbench::scenarios
