#include "tools/shrink/reducer.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tools/shrink/delta.hpp"

namespace irqbench::tools::shrinking {

namespace {

using Pointer = Json::json_pointer;

std::vector<std::string> keys_of(const Json& object) {
    std::vector<std::string> keys;
    for (const auto& item : object.items()) keys.push_back(item.key());
    return keys;
}

/// Where in the document a walk is.
struct Place {
    Pointer pointer;
    bool is_element = false;  ///< of an array
};

class Reducer {
  public:
    Reducer(Json document, const Witness& witness) : best_(std::move(document)), witness_(witness) {}

    Json run() {
        for (Json before; before != best_ && !witness_.stops();) {
            before = best_;
            fewer_members(Pointer());
            for (const Place& each : parts()) shorter_lists(each.pointer);
            for (const Place& each : parts()) blocks_opened(each.pointer);
            for (const Place& each : parts()) simpler(each);
            smaller_numbers_everywhere();
            for (const Place& each : parts()) smaller_numbers(each.pointer);
            // What takes the most tries, once the rest is as it will be.
            if (before == best_)
                for (const Place& each : parts()) together(each.pointer);
        }
        return std::move(best_);
    }

  private:
    bool accept(Json candidate) {
        if (witness_.stops()) return false;
        if (candidate == best_ || !tried_.insert(std::hash<std::string>{}(candidate.dump())).second)
            return false;
        if (!witness_.shows(candidate)) return false;
        best_ = std::move(candidate);
        witness_.found(best_);
        return true;
    }

    bool put(const Pointer& where, Json value) {
        Json candidate = best_;
        candidate.at(where) = std::move(value);
        return accept(std::move(candidate));
    }

    [[nodiscard]] const Json& at(const Pointer& where) const { return best_.at(where); }

    /// The members of the head that are made small, the steps first.
    [[nodiscard]] std::vector<Place> parts() const {
        std::vector<Place> places;
        for (const char* first : {"steps", "setup"})
            if (best_.contains(first)) places.push_back({Pointer() / first});
        for (const std::string& key : keys_of(best_))
            if (key != "steps" && key != "setup" && !is_kept(key)) places.push_back({Pointer() / key});
        return places;
    }

    /// Calls `visit` for what is inside, the last first, so that what it takes away moves nothing it has
    /// still to come to.
    template <class Visit>
    void inside(const Pointer& where, const Visit& visit) {
        if (at(where).is_array()) {
            for (std::size_t i = at(where).size(); i-- > 0;)
                if (i < at(where).size()) visit(Place{where / i, true});
        } else if (at(where).is_object()) {
            auto keys = keys_of(at(where));
            std::reverse(keys.begin(), keys.end());
            for (const std::string& key : keys)
                if (at(where).contains(key)) visit(Place{where / key});
        }
    }

    void fewer_members(const Pointer& where) {
        auto keys = keys_of(at(where));
        std::reverse(keys.begin(), keys.end());
        for (const std::string& key : keys) {
            if (where.empty() && is_kept(key)) continue;
            Json candidate = best_;
            candidate.at(where).erase(key);
            accept(std::move(candidate));
        }
    }

    Drop drop_of(const Pointer& list) {
        return [this, list](const std::vector<Part>& gone) {
            Json candidate = best_;
            erase_parts(candidate.at(list), gone);
            return accept(std::move(candidate));
        };
    }

    void shorter_lists(const Pointer& where) {
        if (at(where).is_array()) take_away(at(where).size(), drop_of(where));
        inside(where, [this](const Place& place) { shorter_lists(place.pointer); });
    }

    void together(const Pointer& where) {
        if (at(where).is_array()) take_away_together(at(where).size(), drop_of(where));
        inside(where, [this](const Place& place) { together(place.pointer); });
    }

    /// The steps of a block in its place: of an `only` block, of one turn of a `repeat`, of all threads.
    void blocks_opened(const Pointer& where) {
        inside(where, [this](const Place& place) { blocks_opened(place.pointer); });
        if (!at(where).is_array()) return;
        for (std::size_t i = at(where).size(); i-- > 0;) {
            const auto steps = steps_inside(at(where)[i]);
            if (!steps) continue;
            Json candidate = best_;
            Json& list = candidate.at(where);
            Json opened = Json::array();
            for (std::size_t each = 0; each < list.size(); ++each) {
                if (each != i)
                    opened.push_back(list[each]);
                else
                    opened.insert(opened.end(), steps->begin(), steps->end());
            }
            list = std::move(opened);
            accept(std::move(candidate));
        }
    }

    static std::optional<Json> steps_inside(const Json& step) {
        if (!step.is_object()) return std::nullopt;
        Json steps = Json::array();
        const auto add = [&steps](const Json& list) {
            if (list.is_array()) steps.insert(steps.end(), list.begin(), list.end());
        };
        for (const auto& item : step.items()) {
            if (!is_block(item.key())) continue;
            add(item.value());
            if (!item.value().is_object()) continue;
            // What else is an array there, like the modes of an `only` block, has no steps in it.
            for (const Json& inner : item.value())
                if (inner.is_array() && !inner.empty() && inner.front().is_object()) add(inner);
        }
        if (steps.empty()) return std::nullopt;
        return steps;
    }

    /// Leaves out members, and puts a value that is alone in its object or array into the place of that.
    void simpler(const Place& place) {
        const Pointer& where = place.pointer;
        // A step has its verb, and an element is taken away as a whole.
        if (at(where).is_object() && (at(where).size() > 1 || !place.is_element)) fewer_members(where);
        inside(where, [this](const Place& inner) { simpler(inner); });
        const Json& value = at(where);
        if (value.is_structured() && value.size() == 1 && !holds_steps(value))
            put(where, Json(*value.begin()));
    }

    /// What is in there is not the argument of a verb but steps, or one.
    static bool holds_steps(const Json& value) { return value.is_array() && value.front().is_object(); }

    void smaller_numbers(const Pointer& where) {
        inside(where, [this](const Place& place) { smaller_numbers(place.pointer); });
        if (!at(where).is_number_unsigned()) return;
        lower(at(where).get<std::uint64_t>(), [&](std::uint64_t value) { return put(where, value); });
    }

    /// The same number in several places is mostly the same thing: a vCPU, a pin.
    void smaller_numbers_everywhere() {
        std::multiset<std::uint64_t> all;
        for (const Place& each : parts()) count_numbers(at(each.pointer), all);
        const std::set<std::uint64_t, std::greater<>> distinct(all.begin(), all.end());
        for (std::uint64_t number : distinct) {
            if (all.count(number) < 2) continue;
            lower(number, [&](std::uint64_t value) {
                Json candidate = best_;
                for (const Place& each : parts()) replace_number(candidate.at(each.pointer), number, value);
                if (!accept(std::move(candidate))) return false;
                number = value;
                return true;
            });
        }
    }

    static void count_numbers(const Json& value, std::multiset<std::uint64_t>& all) {
        if (value.is_number_unsigned()) all.insert(value.get<std::uint64_t>());
        if (value.is_structured())
            for (const Json& inner : value) count_numbers(inner, all);
    }

    static void replace_number(Json& value, std::uint64_t number, std::uint64_t by) {
        if (value.is_number_unsigned() && value.get<std::uint64_t>() == number) value = by;
        if (value.is_structured())
            for (Json& inner : value) replace_number(inner, number, by);
    }

    /// The usual ones, then by halves. @param takes puts it there, and says whether it is that now
    template <class Takes>
    static void lower(std::uint64_t number, const Takes& takes) {
        std::uint64_t refused = 0;
        for (const std::uint64_t usual : {std::uint64_t{0}, std::uint64_t{1}}) {
            if (usual >= number || takes(usual)) return;
            refused = usual;
        }
        while (number - refused > 1) {
            const std::uint64_t middle = refused + (number - refused) / 2;
            (takes(middle) ? number : refused) = middle;
        }
    }

    Json best_;
    const Witness& witness_;
    /// The texts that were tried, by their hash: of two with the same one the second is not tried.
    std::unordered_set<std::size_t> tried_;
};

}  // namespace

Json reduced(Json document, const Witness& witness) { return Reducer(std::move(document), witness).run(); }

bool is_kept(const std::string& key) {
    static constexpr std::array<std::string_view, 8> kept{"name",        "arch",     "source",   "reference",
                                                          "description", "requires", "fixed_in", "modes"};
    return std::find(kept.begin(), kept.end(), key) != kept.end();
}

}  // namespace irqbench::tools::shrinking
