#include "tools/fuzz/shrinker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "tools/fuzz/architecture.hpp"
#include "tools/shrink/delta.hpp"

namespace irqbench::tools::fuzz {

namespace {

class Shrinker {
  public:
    Shrinker(Case each, const Shows& shows, std::size_t patience)
        : best_(std::move(each)), shows_(shows), patience_(patience) {}

    Case run() {
        for (Case before; before != best_ && patience_ != 0;) {
            before = best_;
            fewer_steps();
            fewer_vcpus();
            smaller_head();
            simpler_arguments();
            usual_ids();
        }
        return best_;
    }

  private:
    bool accept(Case candidate) {
        if (candidate == best_ || patience_ == 0) return false;
        --patience_;
        if (!shows_(candidate)) return false;
        best_ = std::move(candidate);
        return true;
    }

    void fewer_steps() {
        shrinking::take_away(best_.steps.size(), [this](const std::vector<shrinking::Part>& parts) {
            Case candidate = best_;
            shrinking::erase_parts(candidate.steps, parts);
            return accept(std::move(candidate));
        });
    }

    void fewer_vcpus() {
        for (std::uint32_t count = 1; count < best_.vcpus; ++count) {
            Case candidate = best_;
            candidate.vcpus = count;
            if (accept(std::move(candidate))) break;
        }
    }

    /// What the head says, and what it says of the machine.
    void smaller_head() {
        for (const std::string& key : keys_of(best_.head)) {
            if (key == "machine") {
                for (const std::string& option : keys_of(best_.head[key])) {
                    if (is_kept(option)) continue;
                    Case without = best_;
                    without.head[key].erase(option);
                    accept(std::move(without));
                }
                continue;
            }
            Case without = best_;
            without.head.erase(key);
            accept(std::move(without));
        }
    }

    [[nodiscard]] bool is_kept(const std::string& key) const {
        const auto& kept = best_.architecture->kept;
        return std::find(kept.begin(), kept.end(), key) != kept.end();
    }

    static std::vector<std::string> keys_of(const Json& object) {
        std::vector<std::string> keys;
        for (const auto& item : object.items()) keys.push_back(item.key());
        return keys;
    }

    /// Leaves out what has a default, and makes numbers 0.
    void simpler_arguments() {
        for (std::size_t i = 0; i < best_.steps.size(); ++i) {
            const std::string verb = best_.steps[i].begin().key();
            if (!best_.steps[i].begin().value().is_object()) continue;
            for (const std::string& key : keys_of(best_.steps[i].begin().value())) {
                if (is_kept(key)) continue;
                Case without = best_;
                without.steps[i][verb].erase(key);
                if (accept(std::move(without))) continue;
                if (!best_.steps[i][verb][key].is_number()) continue;
                Case zero = best_;
                zero.steps[i][verb][key] = 0;
                accept(std::move(zero));
            }
        }
    }

    /// Interrupts that readers know from other files.
    void usual_ids() {
        const auto& usual = best_.architecture->usual_ids;
        if (usual.empty()) return;
        const std::string key(best_.architecture->id);
        std::set<std::string> ids;
        for (Json& step : best_.steps)
            if (const Json& argument = step.begin().value(); argument.is_object() && argument.contains(key))
                ids.insert(argument[key].get<std::string>());
        for (const std::string& id : ids) {
            if (std::find(usual.begin(), usual.end(), id) != usual.end()) continue;
            for (const std::string_view name : usual) {
                const std::string other(name);
                if (ids.count(other) != 0) continue;
                Case candidate = best_;
                for (Json& step : candidate.steps)
                    if (Json& argument = step.begin().value();
                        argument.is_object() && argument.contains(key) && argument[key] == id)
                        argument[key] = other;
                if (!accept(std::move(candidate))) continue;
                ids.insert(other);
                break;
            }
        }
    }

    Case best_;
    const Shows& shows_;
    std::size_t patience_;
};

}  // namespace

Case shrink(Case each, const Shows& shows, std::size_t patience) {
    return Shrinker(std::move(each), shows, patience).run();
}

}  // namespace irqbench::tools::fuzz
