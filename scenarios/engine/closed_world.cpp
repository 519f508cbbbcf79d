#include "scenarios/engine/closed_world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace irqbench::scenarios {

namespace {

bool contains(const std::vector<std::uint32_t>& list, std::uint32_t value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

std::string words(const std::string& word, const std::string& name, std::uint64_t count) {
    return count == 1 ? fmt::format("{} {}", word, name) : fmt::format("{} {} x{}", word, name, count);
}

Answer held() {
    Answer answer;
    answer.held = true;
    return answer;
}

}  // namespace

ClosedWorld::ClosedWorld(const std::vector<vmm::Event>& trace, const Scenario& scenario)
    : trace_(trace),
      outcomes_(scenario.outcomes ? &*scenario.outcomes : nullptr),
      storm_budget_(scenario.config.storm_budget) {
    if (outcomes_ == nullptr) return;
    const auto add = [this](const std::vector<expect::Ack>& list, OutcomeCount::Kind kind) {
        for (const auto& ack : list) histogram_.push_back({kind, describe(ack), 0});
    };
    add(outcomes_->allowed, OutcomeCount::Kind::allowed);
    add(outcomes_->required, OutcomeCount::Kind::required);
    add(outcomes_->forbidden, OutcomeCount::Kind::forbidden);
}

void ClosedWorld::catch_up(std::size_t end) {
    for (; seen_ < end; ++seen_) note(seen_);
}

void ClosedWorld::note(std::size_t index) {
    const vmm::Event& event = trace_[index];
    const std::uint32_t vcpu = event.vcpu.value_or(0);
    if (const auto* taken = std::get_if<vmm::event::Taken>(&event.what)) {
        const bool tail = taken->kind == vmm::event::Kind::interrupt &&
                          (contains(storm_tails_, taken->vector) || contains(claimed_storms_, taken->vector));
        if (!tail) lanes_[vcpu].takes.push_back({index, vcpu, taken->kind, taken->vector});
    } else if (std::holds_alternative<vmm::event::Started>(event.what)) {
        Take start{index, vcpu};
        start.is_start = true;
        lanes_[vcpu].takes.push_back(start);
    } else if (const auto* kick = std::get_if<vmm::event::Resampled>(&event.what)) {
        if (open_kicks_.contains(kick->irqfd)) return;
        auto& kicks = resampled_[kick->irqfd];
        if (kicks.count == 0) kicks.event = index;
        kicks.count += kick->count;
    } else if (const auto* bell = std::get_if<vmm::event::DoorbellRung>(&event.what)) {
        auto& kicks = doorbells_[bell->name];
        if (kicks.count == 0) kicks.event = index;
        kicks.count += bell->count;
    } else if (const auto* exit = std::get_if<vmm::event::EoiExit>(&event.what)) {
        ++eoi_exits_[exit->vector];
    } else if (std::holds_alternative<vmm::event::Rest>(event.what)) {
        last_rest_[vcpu] = index;
    } else if (std::holds_alternative<vmm::event::Storm>(event.what)) {
        if (!storm_ && claimed_storms_.empty() && !is_tail(index)) storm_ = index;
    }
}

/// Whether what storms here is what was claimed as a storm before this action: it may last until the action
/// has reached the controller, and free-running that may be long enough for more than a budget.
bool ClosedWorld::is_tail(std::size_t storm) const {
    for (std::size_t i = storm; i-- > 0;) {
        const auto* taken = std::get_if<vmm::event::Taken>(&trace_[i].what);
        if (taken == nullptr || trace_[i].vcpu != trace_[storm].vcpu) continue;
        return taken->kind == vmm::event::Kind::interrupt && contains(storm_tails_, taken->vector);
    }
    return false;
}

bool ClosedWorld::matches(const expect::Ack& ack, const Take& take) {
    if (take.is_start || ack.kind != take.kind) return false;
    if (!ack.vcpus.empty() && !contains(ack.vcpus, take.vcpu)) return false;
    if (ack.kind == vmm::event::Kind::nmi) return true;
    return ack.ids.empty() ? ack.id == take.id : contains(ack.ids, take.id);
}

bool ClosedWorld::is_outcome(const Take& take) const {
    if (outcomes_ == nullptr) return false;
    const auto fits = [&take](const expect::Ack& ack) { return matches(ack, take); };
    const auto any = [&fits](const std::vector<expect::Ack>& list) {
        return std::any_of(list.begin(), list.end(), fits);
    };
    return !any(outcomes_->forbidden) && (any(outcomes_->allowed) || any(outcomes_->required));
}

const ClosedWorld::Take* ClosedWorld::first_unclaimed_on(const std::vector<std::uint32_t>& vcpus) const {
    const Take* earliest = nullptr;
    for (const auto& [vcpu, lane] : lanes_) {
        if (!vcpus.empty() && !contains(vcpus, vcpu)) continue;
        for (std::size_t i = lane.first; i < lane.takes.size(); ++i) {
            const Take& take = lane.takes[i];
            if (take.claimed || is_outcome(take)) continue;
            if (earliest == nullptr || take.event < earliest->event) earliest = &take;
            break;
        }
    }
    return earliest;
}

const ClosedWorld::Take* ClosedWorld::first_unclaimed() const { return first_unclaimed_on({}); }

std::optional<Answer> ClosedWorld::unexpected_storm() const {
    if (!storm_) return std::nullopt;
    std::map<std::uint32_t, std::uint64_t> taken;
    for (const auto& [vcpu, lane] : lanes_)
        for (const auto& take : lane.takes)
            if (!take.is_start) ++taken[take.id];
    const auto most = std::max_element(taken.begin(), taken.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    Answer answer;
    answer.came = "storm";
    if (most != taken.end()) answer.came += " of " + vmm::vector_text(most->first);
    if (trace_[*storm_].vcpu) answer.came += fmt::format(" on vCPU {}", *trace_[*storm_].vcpu);
    answer.event = storm_;
    return answer;
}

std::optional<Answer> ClosedWorld::leftover(bool vcpus_only) const {
    if (auto storm = unexpected_storm()) return storm;
    std::optional<Answer> found;
    const auto offer = [&found](std::size_t event, std::string came) {
        if (found && *found->event <= event) return;
        found.emplace();
        found->event = event;
        found->came = std::move(came);
    };
    if (const Take* take = first_unclaimed()) offer(take->event, vmm::describe(trace_[take->event]));
    if (vcpus_only) return found;
    for (const auto& [name, kicks] : resampled_)
        if (kicks.count != 0) offer(kicks.event, words("resampled", name, kicks.count));
    for (const auto& [name, kicks] : doorbells_)
        if (kicks.count != 0) offer(kicks.event, words("doorbell", name, kicks.count));
    return found;
}

void ClosedWorld::next_action() {
    if (outcomes_ != nullptr) {
        std::vector<const expect::Ack*> rules;
        for (const auto* list : {&outcomes_->allowed, &outcomes_->required, &outcomes_->forbidden})
            for (const auto& ack : *list) rules.push_back(&ack);
        for (const auto& [vcpu, lane] : lanes_)
            for (const auto& take : lane.takes)
                for (std::size_t rule = 0; rule < rules.size(); ++rule)
                    if (!take.claimed && matches(*rules[rule], take)) ++histogram_[rule].count;
    }
    lanes_.clear();
    resampled_.clear();
    open_kicks_.clear();
    doorbells_.clear();
    storm_.reset();
    storm_tails_ = std::move(claimed_storms_);
    claimed_storms_.clear();
}

Answer ClosedWorld::claim(const Expectation& expectation) {
    return std::visit(
        [this](const auto& one) -> Answer {
            using Kind = std::decay_t<decltype(one)>;
            if constexpr (std::is_same_v<Kind, expect::Quiet> || std::is_same_v<Kind, expect::CallResult> ||
                          std::is_same_v<Kind, expect::Value> || std::is_same_v<Kind, expect::GuestFault> ||
                          std::is_same_v<Kind, expect::Path>) {
                return scenarios::held();
            } else {
                return claim(one);
            }
        },
        expectation);
}

/// What stands in the trace where something else was expected: what was taken instead, or else a kick or
/// doorbell.
void ClosedWorld::came_instead(Answer& answer, const Take* preferred) const {
    if (preferred == nullptr) preferred = first_unclaimed();
    if (preferred != nullptr) {
        answer.event = preferred->event;
        answer.came = vmm::describe(trace_[preferred->event]);
    } else if (const auto left = leftover(false)) {
        answer.event = left->event;
        answer.came = left->came;
    } else {
        answer.came = "nothing";
    }
}

/// The next take of a vCPU if it is the one; takes that are outcomes may be passed over.
ClosedWorld::Take* ClosedWorld::next_on_lane(Lane& lane, const expect::Ack& ack, bool& mismatch) {
    while (lane.first < lane.takes.size() && lane.takes[lane.first].claimed) ++lane.first;
    for (std::size_t i = lane.first; i < lane.takes.size(); ++i) {
        Take& take = lane.takes[i];
        if (take.claimed) continue;
        if (matches(ack, take)) return &take;
        if (!is_outcome(take)) {
            mismatch = true;
            return nullptr;
        }
    }
    return nullptr;
}

Answer ClosedWorld::claim(const expect::Acks& acks) {
    return acks.any_order ? claim_any_order(acks) : claim_in_order(acks);
}

Answer ClosedWorld::claim_in_order(const expect::Acks& acks) {
    std::vector<Take*> claimed;
    Answer answer;
    for (const auto& ack : acks.items) {
        for (std::uint32_t done = 0; done < ack.times; ++done) {
            Take* found = nullptr;
            std::size_t blocked = 0;
            for (auto& [vcpu, lane] : lanes_) {
                if (!ack.vcpus.empty() && !contains(ack.vcpus, vcpu)) continue;
                bool mismatch = false;
                Take* next = next_on_lane(lane, ack, mismatch);
                if (mismatch) ++blocked;
                if (next != nullptr && (found == nullptr || next->event < found->event)) found = next;
            }
            if (found != nullptr) {
                found->claimed = true;
                claimed.push_back(found);
                continue;
            }
            answer.hopeless = !ack.vcpus.empty() && blocked >= ack.vcpus.size();
            answer.expected = describe(ack);
            came_instead(answer, first_unclaimed_on(ack.vcpus));
            if (done != 0 && answer.came == "nothing")
                answer.came = fmt::format("nothing after {} of {}", done, ack.times);
            for (Take* take : claimed) {
                take->claimed = false;
                lanes_[take->vcpu].first = 0;
            }
            return answer;
        }
    }
    answer.held = true;
    if (!claimed.empty()) answer.event = claimed.front()->event;
    return answer;
}

/// Assigns takes to the items of a set, each item as often as its `times`, by augmenting paths: items may
/// overlap
/// (`"vcpu": "any"` beside a named vCPU), so the first that fits need not be the right one.
struct ClosedWorld::Matching {
    const std::vector<expect::Ack>& items;
    std::vector<std::vector<Take*>> assigned = std::vector<std::vector<Take*>>(items.size());

    bool place(Take* take, std::vector<bool>& tried) {
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (tried[i] || !matches(items[i], *take)) continue;
            tried[i] = true;
            if (assigned[i].size() < items[i].times) {
                assigned[i].push_back(take);
                return true;
            }
            for (auto& other : assigned[i]) {
                if (!place(other, tried)) continue;
                other = take;
                return true;
            }
        }
        return false;
    }

    bool place(Take* take) {
        std::vector<bool> tried(items.size());
        return place(take, tried);
    }
};

Answer ClosedWorld::claim_any_order(const expect::Acks& acks) {
    std::vector<Take*> candidates;
    for (auto& [vcpu, lane] : lanes_)
        for (auto& take : lane.takes)
            if (!take.claimed) candidates.push_back(&take);
    std::sort(candidates.begin(), candidates.end(),
              [](const Take* a, const Take* b) { return a->event < b->event; });

    std::uint64_t wanted = 0;
    for (const auto& ack : acks.items) wanted += ack.times;
    Matching matching{acks.items};
    std::vector<Take*> claimed;
    std::vector<std::uint32_t> blocked;  // vCPUs on which something else came first
    const Take* culprit = nullptr;
    for (Take* take : candidates) {
        if (claimed.size() == wanted) break;
        if (contains(blocked, take->vcpu)) continue;
        if (matching.place(take)) {
            claimed.push_back(take);
        } else if (!is_outcome(*take)) {
            blocked.push_back(take->vcpu);
            if (culprit == nullptr) culprit = take;
        }
    }

    Answer answer;
    if (claimed.size() == wanted) {
        for (Take* take : claimed) take->claimed = true;
        answer.held = true;
        if (!claimed.empty()) answer.event = claimed.front()->event;
        return answer;
    }
    for (std::size_t i = 0; i < acks.items.size(); ++i) {
        auto missing = acks.items[i];
        missing.times -= static_cast<std::uint32_t>(matching.assigned[i].size());
        if (missing.times == 0) continue;
        answer.expected += (answer.expected.empty() ? "" : " and ") + describe(missing);
        if (!missing.vcpus.empty() &&
            std::all_of(missing.vcpus.begin(), missing.vcpus.end(),
                        [&](std::uint32_t vcpu) { return contains(blocked, vcpu); }))
            answer.hopeless = true;
    }
    if (culprit != nullptr)
        came_instead(answer, culprit);
    else
        answer.came =
            claimed.empty() ? "nothing" : fmt::format("nothing after {} of {}", claimed.size(), wanted);
    return answer;
}

Answer ClosedWorld::claim_kicks(std::map<std::string, Kicks>& kicks, const std::string& name,
                                std::uint64_t count, const std::string& word) {
    Answer answer;
    auto& pending = kicks[name];
    answer.held = pending.count == count;
    answer.hopeless = pending.count > count;
    answer.expected = words(word, name, count);
    if (answer.held) {
        pending.count = 0;
    } else if (pending.count != 0) {
        answer.event = pending.event;
        answer.came = words(word, name, pending.count);
    } else {
        came_instead(answer, nullptr);
    }
    return answer;
}

Answer ClosedWorld::claim(const expect::Resampled& kick) {
    if (!kick.or_more) return claim_kicks(resampled_, kick.irqfd, kick.count, "resampled");
    // What is more than was asked for is asked for too, also when it comes later.
    const std::uint64_t pending = resampled_[kick.irqfd].count;
    Answer answer = claim_kicks(resampled_, kick.irqfd, std::max(pending, kick.count), "resampled");
    answer.expected = describe(kick);
    if (answer.held) open_kicks_.insert(kick.irqfd);
    return answer;
}

Answer ClosedWorld::claim(const expect::DoorbellRung& bell) {
    return claim_kicks(doorbells_, bell.name, bell.count, "doorbell");
}

Answer ClosedWorld::claim(const expect::EoiExits& exits) {
    std::uint64_t count = 0;
    for (const auto& [vector, number] : eoi_exits_)
        if (!exits.vector || *exits.vector == vector) count += number;
    Answer answer;
    answer.held = count == exits.count;
    answer.hopeless = count > exits.count;
    answer.expected = describe(Expectation{exits});
    answer.came = describe(Expectation{expect::EoiExits{count, exits.vector}});
    if (!answer.held) return answer;
    if (exits.vector)
        eoi_exits_.erase(*exits.vector);
    else
        eoi_exits_.clear();
    return answer;
}

/// Stepped, the machine ends a storm at its budget. Free-running it goes on, and is one once it is over the
/// budget.
Answer ClosedWorld::claim(const expect::Storm& storm) {
    Answer answer;
    answer.expected = describe(Expectation{storm});
    std::vector<Take*> of_it;
    for (auto& [vcpu, lane] : lanes_)
        for (auto& take : lane.takes)
            if (!take.is_start && take.kind == vmm::event::Kind::interrupt && take.id == storm.id)
                of_it.push_back(&take);
    const bool is_one = storm_ ? !of_it.empty() : of_it.size() > storm_budget_;
    if (is_one) {
        for (Take* take : of_it) take->claimed = true;
        storm_.reset();
        claimed_storms_.push_back(storm.id);
        answer.held = true;
    } else if (const auto other = unexpected_storm()) {
        answer.hopeless = true;
        answer.came = other->came;
        answer.event = other->event;
    } else {
        came_instead(answer, nullptr);
    }
    return answer;
}

Answer ClosedWorld::claim(const expect::Started& started) {
    Answer answer;
    answer.expected = describe(Expectation{started});
    for (Take& take : lanes_[started.vcpu].takes) {
        if (take.claimed || is_outcome(take)) continue;
        answer.held = take.is_start;
        answer.hopeless = !take.is_start;
        if (!answer.held) break;
        take.claimed = true;
        answer.event = take.event;
        return answer;
    }
    came_instead(answer, first_unclaimed_on({started.vcpu}));
    return answer;
}

Answer ClosedWorld::claim(const expect::AtRest& rest) {
    Answer answer;
    answer.expected = describe(Expectation{rest});
    const auto found = last_rest_.find(rest.vcpu);
    if (found == last_rest_.end()) {
        answer.came = "nothing";
        return answer;
    }
    const auto& last = std::get<vmm::event::Rest>(trace_[found->second].what);
    answer.held = last.state == rest.state;
    if (answer.held) return answer;
    answer.event = found->second;
    answer.came = fmt::format("{} on vCPU {}", vmm::describe(last.state), rest.vcpu);
    return answer;
}

}  // namespace irqbench::scenarios
