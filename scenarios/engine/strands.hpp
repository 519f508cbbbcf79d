#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "scenarios/engine/compare.hpp"

/// A run, taken apart into what two runs can be compared by.
namespace irqbench::scenarios::strands {

/// What of a trace has an order of its own.
enum class Strand : std::uint8_t { calls, signals, taken, one_of, observed, finished };

/// The strands of a machine: the host's come first.
using StrandKey = std::tuple<std::optional<std::uint32_t>, Strand>;

struct Entry {
    std::size_t index;  ///< in the trace
    std::string words;  ///< equal if the events are alike
};

/// What happened between an action and the next.
struct Group {
    const Performed* action = nullptr;
    std::size_t performed = 0;  ///< steps done at its end
    std::map<StrandKey, std::vector<Entry>> strands;
    std::vector<Entry> whenever;           ///< what has no place of its own in the run, only comes or not
    std::map<std::uint32_t, Entry> rests;  ///< how vCPUs rest in the end whose rest has changed
    std::set<std::uint32_t> unsteady;      ///< vCPUs whose rest is another for a reason that is no difference
    std::set<std::uint32_t> storms;        ///< vCPUs that came to no rest
};

using StepKey = std::pair<const Step*, std::uint32_t>;

StepKey key_of(const Performed& performed);

/// How an action may be answered, as the expectations behind it say.
struct Claims {
    std::vector<expect::Ack> acks;
    bool any_order = false;
};

/// What is known of two runs together.
struct Common {
    std::set<StepKey> steps;           ///< that both have done
    std::map<StepKey, Claims> claims;  ///< by action
    std::set<std::uint32_t> timers;    ///< vectors whose arrival is a matter of real time
};

Common common_of(const Witness& first, const Witness& second, const Leeway& leeway);

std::vector<Group> groups_of(const Witness& run, const Common& common, const Leeway& leeway);

/// Whether any of several vCPUs may take it, or any of several vectors will do.
bool leaves_open(const expect::Ack& ack);

}  // namespace irqbench::scenarios::strands
