#include "tools/fuzz/expectations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tools/fuzz/architecture.hpp"

namespace irqbench::tools::fuzz {

namespace {

namespace event = vmm::event;

/// What a step caused, in the order in which it came.
class Caused {
  public:
    explicit Caused(const Architecture& architecture) : architecture_(&architecture) {}

    void note(const vmm::Event& each, std::uint32_t vcpus, const scenarios::Leeway& leeway) {
        const std::uint32_t vcpu = each.vcpu.value_or(0);
        if (const auto* taken = std::get_if<event::Taken>(&each.what)) {
            claims_.push_back({"ack", ack(*taken, vcpu, vcpus, leeway), vcpu, taken->vector});
        } else if (std::holds_alternative<event::Started>(each.what)) {
            claims_.push_back({"started", vcpu, vcpu, 0});
        } else if (std::holds_alternative<event::Storm>(each.what)) {
            storm(vcpu);
        } else if (const auto* kick = std::get_if<event::Resampled>(&each.what)) {
            kicks_[kick->irqfd] += kick->count;
        } else if (const auto* ring = std::get_if<event::DoorbellRung>(&each.what)) {
            rings_[ring->name] += ring->count;
        } else if (const auto* seen = std::get_if<event::Observed>(&each.what)) {
            read_ = scenarios::tells_time(seen->what) ? std::nullopt : std::optional(seen->value);
        } else if (const auto* done = std::get_if<event::OperationDone>(&each.what); done && done->fault) {
            fault_ = vmm::exception_text(*done->fault);
        }
    }

    [[nodiscard]] bool any_claims() const { return !claims_.empty(); }

    /// The step with what it reads or raises.
    void complete(Json& step) const {
        if (step.contains("read") && read_ && !fault_) step["read"]["is"] = fmt::format("{:#x}", *read_);
        if (fault_) architecture_->raises(step, *fault_);
    }

    void claim(bool takes_time, std::vector<Json>& steps) const {
        std::vector<Json> acks;
        const auto flush = [&] {
            if (!acks.empty())
                steps.push_back(
                    {{takes_time ? "arrives" : "ack", acks.size() == 1 ? acks.front() : Json(acks)}});
            acks.clear();
        };
        for (const Claim& each : claims_) {
            if (each.verb == "ack") {
                acks.push_back(each.argument);
                continue;
            }
            flush();
            steps.push_back({{each.verb, each.argument}});
        }
        flush();
        claim_counts("resampled", "irqfd", kicks_, steps);
        claim_counts("doorbell", "name", rings_, steps);
    }

  private:
    struct Claim {
        std::string verb;
        Json argument;
        std::uint32_t vcpu;
        std::uint32_t vector;
    };

    [[nodiscard]] Json ack(const event::Taken& taken, std::uint32_t vcpu, std::uint32_t vcpus,
                           const scenarios::Leeway& leeway) const {
        const bool is_nmi = taken.kind == event::Kind::nmi;
        Json id = is_nmi ? Json("nmi") : architecture_->id_text(taken.vector);
        if (vcpus == 1) return id;
        Json who = vcpu;
        if (const auto set = leeway.one_of.find(taken.vector); !is_nmi && set != leeway.one_of.end())
            if (set->second.size() > 1 && set->second.contains(vcpu)) who = set->second;
        return {{"vcpu", who}, {std::string(architecture_->id), std::move(id)}};
    }

    /// Of the vector that this vCPU took most often; `storm` claims all of them.
    void storm(std::uint32_t vcpu) {
        std::map<std::uint32_t, std::size_t> times;
        for (const Claim& each : claims_)
            if (each.vcpu == vcpu && each.verb == "ack") ++times[each.vector];
        if (times.empty()) return;
        const auto most = std::max_element(times.begin(), times.end(),
                                           [](const auto& a, const auto& b) { return a.second < b.second; });
        const std::uint32_t vector = most->first;
        claims_.erase(
            std::remove_if(claims_.begin(), claims_.end(),
                           [&](const Claim& each) { return each.verb == "ack" && each.vector == vector; }),
            claims_.end());
        claims_.push_back({"storm", architecture_->id_text(vector), vcpu, vector});
    }

    static void claim_counts(const char* verb, const char* key,
                             const std::map<std::string, std::uint64_t>& counts, std::vector<Json>& steps) {
        for (const auto& [name, count] : counts) {
            Json argument = name;
            if (count != 1) argument = {{key, name}, {"count", count}};
            steps.push_back({{verb, std::move(argument)}});
        }
    }

    const Architecture* architecture_;
    std::vector<Claim> claims_;
    std::map<std::string, std::uint64_t> kicks_;
    std::map<std::string, std::uint64_t> rings_;
    std::optional<std::uint64_t> read_;
    std::optional<std::string> fault_;
};

bool takes_time(const Play& play, std::size_t step) {
    const auto& performed = play.performance.performed;
    return step < performed.size() && performed[step].step->verb->is_timing();
}

}  // namespace

Case with_expectations(const Case& each, const Play& reference, const scenarios::Leeway& leeway) {
    std::vector<Caused> caused(each.steps.size(), Caused(*each.architecture));
    for (const vmm::Event& happened : reference.trace)
        if (happened.step < caused.size()) caused[happened.step].note(happened, each.vcpus, leeway);
    Case whole = each;
    whole.steps.clear();
    const bool any_claims =
        std::any_of(caused.begin(), caused.end(), [](const Caused& what) { return what.any_claims(); });
    if (!any_claims) whole.steps = each.architecture->control();
    for (std::size_t i = 0; i < each.steps.size(); ++i) {
        Json step = each.steps[i];
        caused[i].complete(step);
        whole.steps.push_back(std::move(step));
        caused[i].claim(takes_time(reference, i), whole.steps);
    }
    return whole;
}

}  // namespace irqbench::tools::fuzz
