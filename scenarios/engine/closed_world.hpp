#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

/// Whether an expectation holds against what has happened so far.
struct Answer {
    bool held = false;
    bool hopeless = false;  ///< whatever still comes, it cannot hold any more
    std::string expected;   ///< what is missing, in words
    std::string came;       ///< what is there instead, in words without times
    std::optional<std::size_t>
        event;  ///< index in the trace: what came instead; when held, the first claimed take
};

/// An outcome of a file whose claim is a set, and how often it was seen.
struct OutcomeCount {
    enum class Kind { allowed, required, forbidden };
    Kind kind = Kind::allowed;
    std::string outcome;  ///< `ack 0x51 on vCPU 0`
    std::uint64_t count = 0;

    bool operator==(const OutcomeCount&) const = default;
};

/// Everything since the last action that a step must claim: interrupts taken, vCPUs that were started,
/// resamplefd kicks, doorbells, storms; and what assertions ask for beyond that: EOI exits and where each
/// vCPU rests. The judge concludes from it. The engine keeps one of its own while it performs, only to know
/// whether to wait on.
class ClosedWorld {
  public:
    /// @param trace may grow meanwhile; it must outlive this
    /// @param scenario its outcomes do not stand in the way of an ack, and its budget says what a storm is;
    ///        it must outlive this
    ClosedWorld(const std::vector<vmm::Event>& trace, const Scenario& scenario);

    /// Sorts in the events that the trace has and this has not seen, up to `end`.
    void catch_up(std::size_t end);

    /// Holds the expectation against what is unclaimed, and claims it if it holds. Expectations about one
    /// step alone (CallResult, Value, GuestFault, Quiet), and Path, hold here always.
    Answer claim(const Expectation& expectation);

    /// The earliest thing that nobody claimed: among what vCPUs did, or in all of the closed world. Takes
    /// that are allowed or required outcomes are not among it.
    [[nodiscard]] std::optional<Answer> leftover(bool vcpus_only) const;

    /// The next action begins: counts what is left as outcomes and forgets the rest. A storm that was claimed
    /// may still have a tail during one action, since it is that action which ends it.
    void next_action();

    [[nodiscard]] const std::vector<OutcomeCount>& histogram() const { return histogram_; }

  private:
    /// An interrupt taken, or a start: what a vCPU was made to do, in its order.
    struct Take {
        std::size_t event = 0;
        std::uint32_t vcpu = 0;
        vmm::event::Kind kind = vmm::event::Kind::interrupt;
        std::uint32_t id = 0;
        bool claimed = false;
        bool is_start = false;  ///< it was started; `kind` and `id` say nothing
    };
    /// Takes of one vCPU, in order; those before `first` are claimed.
    struct Lane {
        std::vector<Take> takes;
        std::size_t first = 0;
    };
    struct Kicks {
        std::uint64_t count = 0;
        std::size_t event = 0;  ///< the first one
    };
    struct Matching;

    void note(std::size_t index);
    [[nodiscard]] bool is_tail(std::size_t storm) const;
    [[nodiscard]] static bool matches(const expect::Ack& ack, const Take& take);
    [[nodiscard]] bool is_outcome(const Take& take) const;
    [[nodiscard]] const Take* first_unclaimed() const;
    [[nodiscard]] const Take* first_unclaimed_on(const std::vector<std::uint32_t>& vcpus) const;
    [[nodiscard]] std::optional<Answer> unexpected_storm() const;
    void came_instead(Answer& answer, const Take* preferred) const;
    Take* next_on_lane(Lane& lane, const expect::Ack& ack, bool& mismatch);
    Answer claim_in_order(const expect::Acks& acks);
    Answer claim_any_order(const expect::Acks& acks);
    Answer claim_kicks(std::map<std::string, Kicks>& kicks, const std::string& name, std::uint64_t count,
                       const std::string& word);

    Answer claim(const expect::Acks& acks);
    Answer claim(const expect::Resampled& kick);
    Answer claim(const expect::DoorbellRung& bell);
    Answer claim(const expect::EoiExits& exits);
    Answer claim(const expect::Storm& storm);
    Answer claim(const expect::Started& started);
    Answer claim(const expect::AtRest& rest);

    const std::vector<vmm::Event>& trace_;
    const Outcomes* outcomes_;  ///< null for a file without
    std::uint64_t storm_budget_;
    std::size_t seen_ = 0;
    std::map<std::uint32_t, Lane> lanes_;
    std::map<std::string, Kicks> resampled_;
    std::set<std::string> open_kicks_;  ///< of which any number was claimed, until the next action
    std::map<std::string, Kicks> doorbells_;
    std::map<std::uint32_t, std::uint64_t> eoi_exits_;  ///< by vector, since an assertion last counted them
    std::map<std::uint32_t, std::size_t> last_rest_;    ///< by vCPU: index of the event
    std::optional<std::size_t> storm_;                  ///< not claimed yet
    std::vector<std::uint32_t> claimed_storms_;         ///< ids, during this action
    std::vector<std::uint32_t> storm_tails_;            ///< ids claimed during the action before
    std::vector<OutcomeCount> histogram_;
};

}  // namespace irqbench::scenarios
