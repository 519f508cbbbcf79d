#include "tools/fuzz/shrinker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

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
            simpler_arguments();
            usual_vectors();
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
        for (std::size_t chunk = std::max<std::size_t>(best_.steps.size() / 2, 1);; chunk /= 2) {
            // From the end: what comes after the difference goes at once.
            for (std::size_t end = best_.steps.size(); end > 0;) {
                const std::size_t begin = end - std::min(chunk, end);
                Case candidate = best_;
                const auto at = [&](std::size_t i) {
                    return candidate.steps.begin() + static_cast<std::ptrdiff_t>(i);
                };
                candidate.steps.erase(at(begin), at(end));
                accept(std::move(candidate));
                end = begin;
            }
            if (chunk <= 1) return;
        }
    }

    void fewer_vcpus() {
        for (std::uint32_t count = 1; count < best_.vcpus; ++count) {
            Case candidate = best_;
            candidate.vcpus = count;
            if (accept(std::move(candidate))) break;
        }
        Case candidate = best_;
        candidate.x2apic = false;
        accept(std::move(candidate));
        candidate = best_;
        candidate.pit = false;
        accept(std::move(candidate));
    }

    /// Leaves out what has a default, and makes numbers 0.
    void simpler_arguments() {
        for (std::size_t i = 0; i < best_.steps.size(); ++i) {
            const std::string verb = best_.steps[i].begin().key();
            if (!best_.steps[i].begin().value().is_object()) continue;
            std::vector<std::string> keys;
            for (const auto& item : best_.steps[i].begin().value().items()) keys.push_back(item.key());
            for (const std::string& key : keys) {
                Case without = best_;
                without.steps[i][verb].erase(key);
                if (accept(std::move(without))) continue;
                if (!best_.steps[i][verb][key].is_number()) continue;
                Case zero = best_;
                zero.steps[i][verb][key] = 0;
                if (key != "pin" && key != "gsi" && key != "size") accept(std::move(zero));
            }
        }
    }

    /// Vectors that readers know from other files.
    void usual_vectors() {
        static const std::array<std::string, 4> usual{"0x51", "0x52", "0x61", "0x71"};
        std::set<std::string> vectors;
        for (Json& step : best_.steps)
            if (const Json& argument = step.begin().value();
                argument.is_object() && argument.contains("vector"))
                vectors.insert(argument["vector"].get<std::string>());
        for (const std::string& vector : vectors) {
            if (std::find(usual.begin(), usual.end(), vector) != usual.end()) continue;
            for (const std::string& other : usual) {
                if (vectors.count(other) != 0) continue;
                Case candidate = best_;
                for (Json& step : candidate.steps)
                    if (Json& argument = step.begin().value();
                        argument.is_object() && argument.contains("vector") && argument["vector"] == vector)
                        argument["vector"] = other;
                if (!accept(std::move(candidate))) continue;
                vectors.insert(other);
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
