#include "scenarios/engine/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "scenarios/engine/parallel.hpp"

namespace irqbench::scenarios {

namespace {

namespace event = vmm::event;

/// What of a trace has an order of its own.
enum class Strand : std::uint8_t { calls, signals, taken, observed, rest, finished };

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
};

class Strands {
  public:
    Strands(Group& group, bool times_vary) : group_(group), times_vary_(times_vary) {}

    void add(std::size_t index, const vmm::Event& each) {
        index_ = index;
        each_ = &each;
        std::visit([this](const auto& what) { add(what); }, each.what);
    }

  private:
    void append(Strand strand, std::string words) {
        const bool of_host = strand == Strand::calls || strand == Strand::signals;
        auto& entries = group_.strands[{of_host ? std::nullopt : each_->vcpu, strand}];
        if (strand == Strand::taken) {
            if (is_race()) return add_outcome(entries, std::move(words));
            // How often a periodic timer was in time nobody knows.
            if (times_vary_ && !entries.empty() && entries.back().words == words) return;
        }
        entries.push_back({index_, std::move(words)});
    }
    [[nodiscard]] bool is_race() const {
        const auto& block = group_.action->step->block;
        return block && block->kind == Block::Kind::parallel;
    }
    /// What came of a race differs from run to run in number and order; what can come does not.
    void add_outcome(std::vector<Entry>& entries, std::string words) const {
        const auto place =
            std::lower_bound(entries.begin(), entries.end(), words,
                             [](const Entry& entry, const std::string& text) { return entry.words < text; });
        if (place == entries.end() || place->words != words)
            entries.insert(place, {index_, std::move(words)});
    }
    void append(Strand strand) { append(strand, vmm::describe(*each_)); }

    /// How often the threads of a block came round is not the controllers' affair.
    void add(const event::Call& call) {
        append(Strand::calls, call.name == parallel_call ? call.name : vmm::describe(*each_));
    }
    void add(const event::Resampled& kick) { sum("resampled " + kick.irqfd, kick.count); }
    void add(const event::DoorbellRung& ring) { sum("doorbell " + ring.name, ring.count); }
    void add(const event::Taken&) { append(Strand::taken); }
    void add(const event::GuestEoi&) { append(Strand::taken); }
    void add(const event::Returned&) { append(Strand::taken); }
    void add(const event::Started&) { append(Strand::taken); }
    void add(const event::Fault& fault) { append(Strand::taken, vmm::exception_text(fault.vector)); }
    void add(const event::OperationDone& done) {
        append(Strand::finished,
               done.text + (done.fault ? " raises " + vmm::exception_text(*done.fault) : ""));
    }
    void add(const event::Observed& seen) {
        append(Strand::observed, tells_time(seen.what) ? seen.what : vmm::describe(*each_));
    }
    /// Only the last counts: how often it is looked at on the way differs.
    void add(const event::Rest&) {
        group_.strands[{each_->vcpu, Strand::rest}] = {{index_, vmm::describe(*each_)}};
    }
    void add(const event::Storm&) { append(Strand::taken, "storm"); }
    void add(const event::Quiet& quiet) {
        append(Strand::observed, quiet.proven ? "quiet" : "not proven quiet");
    }
    void add(const event::Trouble&) { append(Strand::calls, "trouble"); }
    void add(const event::Wire&) {}
    void add(const event::EoiExit&) {}

    /// Kicks may be collected in one or several readings.
    void sum(const std::string& who, std::uint64_t count) {
        auto& strand = group_.strands[{std::nullopt, Strand::signals}];
        const auto same = std::find_if(strand.begin(), strand.end(), [&who](const Entry& entry) {
            return entry.words.compare(0, who.size() + 2, who + " x") == 0;
        });
        const bool is_new = same == strand.end();
        const std::uint64_t before = is_new ? 0 : std::stoull(same->words.substr(who.size() + 2));
        Entry entry{index_, fmt::format("{} x{}", who, before + count)};
        if (is_new)
            strand.push_back(std::move(entry));
        else
            *same = std::move(entry);
        std::sort(strand.begin(), strand.end(),
                  [](const Entry& a, const Entry& b) { return a.words < b.words; });
    }

    Group& group_;
    bool times_vary_;
    std::size_t index_ = 0;
    const vmm::Event* each_ = nullptr;
};

using StepKey = std::pair<const Step*, std::uint32_t>;

StepKey key_of(const Performed& performed) { return {performed.step, performed.iteration}; }

std::set<StepKey> steps_of(const Witness& run) {
    std::set<StepKey> steps;
    for (const Performed& each : run.performance.performed) steps.insert(key_of(each));
    return steps;
}

/// @param common the steps that both runs have done
std::vector<Group> groups_of(const Witness& run, const std::set<StepKey>& common) {
    const auto& performed = run.performance.performed;
    const bool times_vary = std::any_of(performed.begin(), performed.end(), [](const Performed& each) {
        return each.step->verb != nullptr && each.step->verb->is_timing();
    });
    std::vector<Group> groups;
    std::size_t next = 0;
    for (std::size_t step = 0; step < performed.size(); ++step) {
        const bool is_common = common.contains(key_of(performed[step]));
        // What only one mode does is no place to compare; what comes after it still belongs to the action
        // before.
        if (groups.empty() || (is_common && acts(*performed[step].step)))
            groups.emplace_back().action = &performed[step];
        Strands strands(groups.back(), times_vary);
        for (; next < run.trace.size() && run.trace[next].step <= step; ++next)
            if (is_common) strands.add(next, run.trace[next]);
        groups.back().performed = step + 1;
    }
    return groups;
}

/// Compares two runs group by group.
class Comparison {
  public:
    std::optional<Divergence> compare(const Group& a, const Group& b) {
        last_ = {&a, &b};
        std::set<StrandKey> keys;
        for (const auto* group : last_)
            for (const auto& [key, list] : group->strands) keys.insert(key);
        for (const auto& key : keys) {
            if (std::get<Strand>(key) == Strand::finished)
                match_finished(key);
            else if (const auto found = compare(key, entries(a, key), entries(b, key)))
                return found;
        }
        return std::nullopt;
    }

    /// After the last group: what only one of the runs has finished.
    std::optional<Divergence> end() {
        for (const auto& [key, lists] : unmatched_)
            if (const auto found = compare(key, lists[0], lists[1])) return found;
        return std::nullopt;
    }

  private:
    using Entries = std::vector<Entry>;

    static const Entries& entries(const Group& group, const StrandKey& key) {
        static const Entries nothing;
        const auto found = group.strands.find(key);
        return found == group.strands.end() ? nothing : found->second;
    }

    std::optional<Divergence> compare(const StrandKey& key, const Entries& mine, const Entries& theirs) {
        for (std::size_t i = 0; i < std::max(mine.size(), theirs.size()); ++i) {
            const bool alike = i < mine.size() && i < theirs.size() && mine[i].words == theirs[i].words;
            if (alike) continue;
            // A vCPU that did not come to rest anew rests as before.
            if (std::get<Strand>(key) == Strand::rest && (mine.empty() || theirs.empty())) continue;
            Divergence found;
            found.action = last_[0]->action->step;
            found.iteration = last_[0]->action->iteration;
            found.vcpu = std::get<0>(key);
            if (i < mine.size()) found.first = mine[i].index;
            if (i < theirs.size()) found.second = theirs[i].index;
            found.performed_first = last_[0]->performed;
            found.performed_second = last_[1]->performed;
            return found;
        }
        return std::nullopt;
    }

    /// An interrupt that an operation caused may come before the agent has ended the operation or after: with
    /// a handler that stays it ends some steps later, after others, or not.
    void match_finished(const StrandKey& key) {
        auto& [mine, theirs] = unmatched_[key];
        for (const Entry& entry : entries(*last_[0], key)) mine.push_back(entry);
        for (const Entry& entry : entries(*last_[1], key)) theirs.push_back(entry);
        for (auto each = mine.begin(); each != mine.end();) {
            const auto same = std::find_if(theirs.begin(), theirs.end(), [&each](const Entry& other) {
                return other.words == each->words;
            });
            if (same == theirs.end()) {
                ++each;
                continue;
            }
            theirs.erase(same);
            each = mine.erase(each);
        }
    }

    std::array<const Group*, 2> last_{};
    std::map<StrandKey, std::array<Entries, 2>> unmatched_;
};

}  // namespace

bool tells_time(const std::string& name) {
    const auto has = [&name](const char* word) { return name.find(word) != std::string::npos; };
    return has("timer_current") || has("tsc") || has("pit");
}

std::optional<Divergence> first_divergence(const Witness& first, const Witness& second) {
    std::set<StepKey> common;
    const auto mine = steps_of(first);
    const auto others = steps_of(second);
    std::set_intersection(mine.begin(), mine.end(), others.begin(), others.end(),
                          std::inserter(common, common.end()));
    const auto theirs = groups_of(second, common);
    std::map<StepKey, const Group*> by_action;
    for (const Group& group : theirs) by_action[key_of(*group.action)] = &group;
    const auto ours = groups_of(first, common);
    Comparison comparison;
    for (const Group& group : ours) {
        const auto found = by_action.find(key_of(*group.action));
        // One of the runs ended before; or the step is not for both modes.
        if (found == by_action.end()) continue;
        if (auto divergence = comparison.compare(group, *found->second)) return divergence;
    }
    return comparison.end();
}

}  // namespace irqbench::scenarios
