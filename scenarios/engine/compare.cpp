#include "scenarios/engine/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "scenarios/engine/run.hpp"
#include "scenarios/engine/strands.hpp"

namespace irqbench::scenarios {

namespace {

namespace event = vmm::event;
using strands::Common;
using strands::Entry;
using strands::Group;
using strands::Strand;
using strands::StrandKey;

using Entries = std::vector<Entry>;

/// The same action in both runs.
struct Groups {
    const Group* first = nullptr;
    const Group* second = nullptr;
};

Divergence divergence_at(const Groups& groups, std::optional<std::uint32_t> vcpu,
                         std::optional<std::size_t> first, std::optional<std::size_t> second) {
    Divergence found;
    found.action = groups.first->action->step;
    found.iteration = groups.first->action->iteration;
    found.vcpu = vcpu;
    found.first = first;
    found.second = second;
    found.performed_first = groups.first->performed;
    found.performed_second = groups.second->performed;
    return found;
}

std::set<std::string> words_of(const Entries& entries) {
    std::set<std::string> words;
    for (const Entry& entry : entries) words.insert(entry.words);
    return words;
}

/// Each thing once, in an order of their own.
Entries once_each(Entries entries) {
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.words < b.words; });
    const auto same = [](const Entry& a, const Entry& b) { return a.words == b.words; };
    entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
    return entries;
}

/// What was signalled, however often.
Entries uncounted(Entries entries) {
    for (Entry& entry : entries) entry.words.resize(entry.words.rfind(" x"));
    return entries;
}

/// How vCPUs rest, from group to group: a rest is recorded when it changes.
class Rests {
  public:
    std::optional<Divergence> compare(const Groups& groups) {
        std::set<std::uint32_t> changed;
        for (const Group* group : {groups.first, groups.second})
            for (const auto& [vcpu, rest] : group->rests) changed.insert(vcpu);
        learn(*groups.first, 0);
        learn(*groups.second, 1);
        for (const Group* group : {groups.first, groups.second})
            for (const std::uint32_t vcpu : group->unsteady) rests_[vcpu] = {};
        for (const std::uint32_t vcpu : changed) {
            const auto& [mine, theirs] = rests_[vcpu];
            if (words(mine, theirs, vcpu) == words(theirs, mine, vcpu)) continue;
            return divergence_at(groups, vcpu, index(mine), index(theirs));
        }
        return std::nullopt;
    }

  private:
    void learn(const Group& group, std::size_t run) {
        for (const auto& [vcpu, rest] : group.rests) rests_[vcpu].at(run) = rest;
    }
    static std::optional<std::size_t> index(const std::optional<Entry>& rest) {
        return rest ? std::optional(rest->index) : std::nullopt;
    }
    /// One that has not changed yet is as at the start: the vCPU runs, or it was not started.
    static std::string words(const std::optional<Entry>& rest, const std::optional<Entry>& other,
                             std::uint32_t vcpu) {
        if (rest) return rest->words;
        const auto text = [vcpu](event::RestState state) {
            vmm::Event at_rest;
            at_rest.vcpu = vcpu;
            at_rest.what = event::Rest{state, true, 0, 0};
            return vmm::describe(at_rest);
        };
        const bool was_not_started = other && (other->words == text(event::RestState::not_started) ||
                                               other->words == text(event::RestState::wait_for_sipi));
        return was_not_started ? other->words : text(event::RestState::idle);
    }

    std::map<std::uint32_t, std::array<std::optional<Entry>, 2>> rests_;
};

/// Compares two runs group by group.
class Comparison {
  public:
    /// @param rests whether it is no accident where vCPUs rest
    explicit Comparison(bool rests) : compares_rests_(rests) {}

    std::optional<Divergence> compare(const Groups& groups) {
        now_ = groups;
        ++order_;
        std::set<StrandKey> keys;
        for (const Group* group : {groups.first, groups.second})
            for (const auto& [key, list] : group->strands) keys.insert(key);
        for (const auto& key : keys) {
            if (std::get<Strand>(key) == Strand::finished)
                match_finished(key);
            else if (const auto found = compare(key))
                return found;
        }
        note_whenever();
        tails_.clear();
        for (const Group* group : {groups.first, groups.second})
            for (const std::uint32_t vcpu : group->storms)
                for (const std::optional<std::uint32_t>& whose : {std::optional(vcpu), any_of_several})
                    tails_[whose] = storm_words(whose);
        return compares_rests_ ? rests_.compare(groups) : std::nullopt;
    }

    /// After the last group: what only one of the runs has finished, or has seen at all.
    /// @param whole whether both runs have done the same actions
    std::optional<Divergence> end(bool whole) {
        std::optional<Divergence> earliest;
        std::size_t order = 0;
        const auto consider = [&](std::optional<std::uint32_t> vcpu, const Late* mine, const Late* theirs) {
            const Late* late =
                mine == nullptr || (theirs != nullptr && theirs->order < mine->order) ? theirs : mine;
            if (late == nullptr || (earliest && order <= late->order)) return;
            const auto index = [](const Late* each) {
                return each != nullptr ? std::optional(each->entry.index) : std::nullopt;
            };
            earliest = divergence_at(late->groups, vcpu, index(mine), index(theirs));
            earliest->at_end = true;
            order = late->order;
        };
        for (const auto& [key, lists] : unmatched_)
            consider(std::get<0>(key), front(lists[0]), front(lists[1]));
        for (const auto& [words, seen] : whenever_)
            if (whole && (!seen[0] || !seen[1]))
                consider(std::nullopt, seen[0] ? &*seen[0] : nullptr, seen[1] ? &*seen[1] : nullptr);
        return earliest;
    }

  private:
    /// What could still come in the other run, with where it came in the one.
    struct Late {
        Entry entry;
        Groups groups;
        std::size_t order = 0;
    };
    using Lates = std::vector<Late>;

    /// Whose an interrupt is that one of several vCPUs takes, no matter which.
    static constexpr std::optional<std::uint32_t> any_of_several{};

    static const Late* front(const Lates& list) { return list.empty() ? nullptr : &list.front(); }

    static const Entries& entries(const Group& group, const StrandKey& key) {
        static const Entries nothing;
        const auto found = group.strands.find(key);
        return found == group.strands.end() ? nothing : found->second;
    }

    std::optional<Divergence> compare(const StrandKey& key) {
        const Entries mine = comparable(*now_.first, key);
        const Entries theirs = comparable(*now_.second, key);
        for (std::size_t i = 0; i < std::max(mine.size(), theirs.size()); ++i) {
            const bool alike = i < mine.size() && i < theirs.size() && mine[i].words == theirs[i].words;
            if (alike) continue;
            const auto index = [i](const Entries& list) {
                return i < list.size() ? std::optional(list[i].index) : std::nullopt;
            };
            return divergence_at(now_, std::get<0>(key), index(mine), index(theirs));
        }
        return std::nullopt;
    }

    /// A storm is cut where the budget ends, and what is under way then comes afterwards. Signals of a race
    /// are as many as there was time for.
    [[nodiscard]] Entries comparable(const Group& group, const StrandKey& key) const {
        Entries list = entries(group, key);
        const auto& [vcpu, strand] = key;
        const bool any_storm = !now_.first->storms.empty() || !now_.second->storms.empty();
        if (strand == Strand::calls && any_storm) return once_each(std::move(list));
        const bool is_race = is_parallel(*now_.first->action->step);
        if (strand == Strand::signals && (any_storm || is_race)) return uncounted(std::move(list));
        if (strand != Strand::taken && strand != Strand::one_of) return list;
        if (const auto tail = tails_.find(vcpu); tail != tails_.end())
            list.erase(
                std::remove_if(list.begin(), list.end(),
                               [&tail](const Entry& entry) { return tail->second.contains(entry.words); }),
                list.end());
        const bool stormed =
            vcpu ? now_.first->storms.contains(*vcpu) || now_.second->storms.contains(*vcpu) : any_storm;
        return stormed ? once_each(std::move(list)) : list;
    }

    [[nodiscard]] std::set<std::string> storm_words(const std::optional<std::uint32_t>& vcpu) const {
        const StrandKey key{vcpu, vcpu ? Strand::taken : Strand::one_of};
        std::set<std::string> words = words_of(entries(*now_.first, key));
        words.merge(words_of(entries(*now_.second, key)));
        return words;
    }

    /// An interrupt that an operation caused may come before the agent has ended the operation or after: with
    /// a handler that stays it ends some steps later, after others, or not.
    void match_finished(const StrandKey& key) {
        auto& [mine, theirs] = unmatched_[key];
        for (const Entry& entry : entries(*now_.first, key)) mine.push_back({entry, now_, order_});
        for (const Entry& entry : entries(*now_.second, key)) theirs.push_back({entry, now_, order_});
        for (auto each = mine.begin(); each != mine.end();) {
            const auto same = std::find_if(theirs.begin(), theirs.end(), [&each](const Late& other) {
                return other.entry.words == each->entry.words;
            });
            if (same == theirs.end()) {
                ++each;
                continue;
            }
            theirs.erase(same);
            each = mine.erase(each);
        }
    }

    void note_whenever() {
        for (const std::size_t run : {std::size_t{0}, std::size_t{1}}) {
            const Group& group = run == 0 ? *now_.first : *now_.second;
            for (const Entry& entry : group.whenever)
                if (auto& seen = whenever_[entry.words].at(run); !seen) seen = Late{entry, now_, order_};
        }
    }

    bool compares_rests_;
    Groups now_;
    std::size_t order_ = 0;  ///< of the group among all
    Rests rests_;
    std::map<StrandKey, std::array<Lates, 2>> unmatched_;
    std::map<std::string, std::array<std::optional<Late>, 2>> whenever_;
    std::map<std::optional<std::uint32_t>, std::set<std::string>>
        tails_;  ///< what may follow of the storm just before
};

}  // namespace

bool tells_time(const std::string& name) {
    const auto has = [&name](const char* word) { return name.find(word) != std::string::npos; };
    return has("timer_current") || has("tsc") || has("pit") || has("cntvct") || has("cntv_tval");
}

std::optional<Divergence> first_divergence(const Witness& first, const Witness& second,
                                           const Leeway& leeway) {
    const Common common = strands::common_of(first, second, leeway);
    const auto theirs = strands::groups_of(second, common, leeway);
    std::map<strands::StepKey, const Group*> by_action;
    for (const Group& group : theirs) by_action[strands::key_of(*group.action)] = &group;
    const auto ours = strands::groups_of(first, common, leeway);
    Comparison comparison(common.timers.empty());
    std::size_t pairs = 0;
    for (const Group& group : ours) {
        const auto found = by_action.find(strands::key_of(*group.action));
        // One of the runs ended before; or the step is not for both modes.
        if (found == by_action.end()) continue;
        ++pairs;
        if (auto divergence = comparison.compare({&group, found->second})) return divergence;
    }
    return comparison.end(pairs == ours.size() && pairs == theirs.size());
}

}  // namespace irqbench::scenarios
