#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "scenarios/engine/document.hpp"

/// The one description of what a scenario file may say. A type lists its members in `fields()`; the strict
/// reader, the JSON Schema and the verb reference are made from that list:
///
///     struct RetargetArguments {
///         std::uint32_t pin = 0;
///         std::uint32_t dest = 0;
///         static constexpr auto fields() {
///             return std::tuple{required("pin", &RetargetArguments::pin, "the IOAPIC's pin", pin_range),
///                               required("dest", &RetargetArguments::dest, "APIC id", up_to(0xff))};
///         }
///         static constexpr std::string_view shorthand = "pin";        // optional: `{ "retarget": 10 }`
///         static constexpr std::array constraints{ ... };             // optional: what must come together
///         static void check(const RetargetArguments&, const Cursor&); // optional: what no schema can say
///     };
namespace irqbench::scenarios {

/// Keeps the order of the tables, for readers of the schema.
using Json = nlohmann::ordered_json;

/// The range of a number, or of the length of an array.
struct Limits {
    std::uint64_t min = 0;
    std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
};

constexpr Limits up_to(std::uint64_t max) { return {0, max}; }
constexpr Limits between(std::uint64_t min, std::uint64_t max) { return {min, max}; }

template <class Owner, class Member>
struct Field {
    std::string_view name;
    Member Owner::*member;
    std::string_view doc;
    Limits limits;
    bool is_required;
};

template <class Owner, class Member>
constexpr Field<Owner, Member> required(std::string_view name, Member Owner::*member, std::string_view doc,
                                        Limits limits = {}) {
    return {name, member, doc, limits, true};
}
template <class Owner, class Member>
constexpr Field<Owner, Member> optional(std::string_view name, Member Owner::*member, std::string_view doc,
                                        Limits limits = {}) {
    return {name, member, doc, limits, false};
}

/// How the keys of one object depend on each other.
struct Constraint {
    enum class Kind { exactly_one, at_least_one, needs, excludes };
    Kind kind = Kind::exactly_one;
    /// Ends at the first empty one. For `needs` and `excludes` the first key needs or excludes the others.
    std::array<std::string_view, 12> keys{};

    [[nodiscard]] constexpr std::size_t size() const {
        std::size_t count = 0;
        while (count < keys.size() && !keys[count].empty()) ++count;
        return count;
    }
    [[nodiscard]] constexpr std::span<const std::string_view> all() const { return {keys.data(), size()}; }
    [[nodiscard]] constexpr std::span<const std::string_view> others() const { return all().subspan(1); }
};

template <class... Keys>
constexpr Constraint exactly_one(Keys... keys) {
    return {Constraint::Kind::exactly_one, {std::string_view(keys)...}};
}
template <class... Keys>
constexpr Constraint at_least_one(Keys... keys) {
    return {Constraint::Kind::at_least_one, {std::string_view(keys)...}};
}
template <class... Keys>
constexpr Constraint needs(Keys... keys) {
    return {Constraint::Kind::needs, {std::string_view(keys)...}};
}
template <class... Keys>
constexpr Constraint excludes(Keys... keys) {
    return {Constraint::Kind::excludes, {std::string_view(keys)...}};
}

/// The words of an enumeration: specialise with
/// `static constexpr std::array<std::pair<std::string_view, E>, N> table`.
template <class E>
struct Words;

template <class E>
concept Worded = requires {
    Words<E>::table;
};

/// The word of an enumerator.
template <Worded E>
constexpr std::string_view word_of(E value) {
    for (const auto& [word, enumerator] : Words<E>::table)
        if (enumerator == value) return word;
    return "";
}

template <class T>
concept Described = requires {
    T::fields();
};

/// How a T is written in a file: `read(cursor, limits)` and `schema(limits)`. Types with a notation of their
/// own specialise it; the general cases are below.
template <class T>
struct Form;

namespace detail {

std::uint64_t read_number(const Cursor& at, Limits limits);
Json number_schema(Limits limits);
std::size_t read_word(const Cursor& at, std::span<const std::string_view> words);
Json word_schema(std::span<const std::string_view> words);
/// The elements. @throws ScenarioError when it is no array
const Node::Array& need_array(const Cursor& at);
/// Refuses a value that must be an object.
[[noreturn]] void refuse_bare(const Cursor& at, std::span<const std::string_view> names,
                              std::span<const bool> is_required, std::span<const Constraint> constraints);
void check_length(const Cursor& at, const Node::Array& array, Limits limits);
/// Unknown keys, missing keys, then the constraints. `is_required` runs parallel to `names`.
void check_keys(const Cursor& at, std::span<const std::string_view> names, std::span<const bool> is_required,
                std::span<const Constraint> constraints);
void add_constraints(Json& schema, std::span<const Constraint> constraints);

}  // namespace detail

template <class T>
requires(std::unsigned_integral<T> && !std::same_as<T, bool>) struct Form<T> {
    static constexpr Limits clip(Limits limits) {
        return {limits.min, std::min<std::uint64_t>(limits.max, std::numeric_limits<T>::max())};
    }
    static T read(const Cursor& at, Limits limits) {
        return static_cast<T>(detail::read_number(at, clip(limits)));
    }
    static Json schema(Limits limits) { return detail::number_schema(clip(limits)); }
};

template <>
struct Form<bool> {
    static bool read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

/// Not empty; `limits.max` bounds its characters.
template <>
struct Form<std::string> {
    static std::string read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <Worded E>
struct Form<E> {
    static constexpr auto words = [] {
        std::array<std::string_view, Words<E>::table.size()> names{};
        for (std::size_t i = 0; i < names.size(); ++i) names[i] = Words<E>::table[i].first;
        return names;
    }();
    static E read(const Cursor& at, Limits) { return Words<E>::table[detail::read_word(at, words)].second; }
    static Json schema(Limits) { return detail::word_schema(words); }
};

template <class T>
struct Form<std::optional<T>> {
    static std::optional<T> read(const Cursor& at, Limits limits) { return Form<T>::read(at, limits); }
    static Json schema(Limits limits) { return Form<T>::schema(limits); }
};

/// An array with at least one element; `limits` are those of its elements.
template <class T>
struct Form<std::vector<T>> {
    static constexpr Limits length = between(1, 1'000'000);
    static std::vector<T> read(const Cursor& at, Limits limits) {
        const Node::Array& array = detail::need_array(at);
        detail::check_length(at, array, length);
        std::vector<T> items;
        items.reserve(array.size());
        for (std::size_t i = 0; i < array.size(); ++i)
            items.push_back(Form<T>::read(at.at(i, array[i]), limits));
        return items;
    }
    static Json schema(Limits limits) {
        return {{"type", "array"}, {"minItems", length.min}, {"items", Form<T>::schema(limits)}};
    }
};

template <Described T>
struct Form<T> {
    static T read(const Cursor& at, Limits) {
        T value{};
        if (const Node::Object* members = at.node().object()) {
            detail::check_keys(at, names, is_required, constraints());
            for (const Node::Member& member : *members)
                read_member(at.at(member.key, member.value), member.key, value);
        } else {
            read_bare(at, value);
        }
        if constexpr (requires { T::check(value, at); }) T::check(value, at);
        return value;
    }

    static Json schema(Limits) {
        Json object = object_schema();
        if constexpr (takes_true)
            return {{"anyOf", {{{"const", true}}, std::move(object)}}};
        else if constexpr (!shorthand.empty())
            return {{"anyOf", {field_schema(shorthand), std::move(object)}}};
        else
            return object;
    }

    /// The object form alone.
    static Json object_schema() {
        Json properties = Json::object();
        Json needed = Json::array();
        each([&](const auto& field) {
            properties[std::string(field.name)] = describe(field);
            if (field.is_required) needed.push_back(field.name);
        });
        Json object{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
        if (!needed.empty()) object["required"] = needed;
        detail::add_constraints(object, constraints());
        return object;
    }

  private:
    static constexpr std::size_t count = std::tuple_size_v<decltype(T::fields())>;

    template <class Visitor>
    static constexpr void each(Visitor visitor) {
        std::apply([&](const auto&... field) { (visitor(field), ...); }, T::fields());
    }

    static constexpr auto names = [] {
        std::array<std::string_view, count> all{};
        std::size_t i = 0;
        each([&](const auto& field) { all[i++] = field.name; });
        return all;
    }();
    static constexpr auto is_required = [] {
        std::array<bool, count> all{};
        std::size_t i = 0;
        each([&](const auto& field) { all[i++] = field.is_required; });
        return all;
    }();
    static constexpr std::string_view shorthand = [] {
        if constexpr (requires { T::shorthand; })
            return std::string_view(T::shorthand);
        else
            return std::string_view();
    }();
    static constexpr bool only_shorthand_required = [] {
        bool only = true;
        each([&](const auto& field) { only = only && (!field.is_required || field.name == shorthand); });
        return only;
    }();
    /// `true` stands for an object without keys.
    static constexpr bool takes_true = requires { T::bare_true; };

    static std::span<const Constraint> constraints() {
        if constexpr (requires { T::constraints; })
            return T::constraints;
        else
            return {};
    }

    static void read_member(const Cursor& at, std::string_view key, T& value) {
        each([&](const auto& field) {
            if (field.name != key) return;
            using Member = std::remove_cvref_t<decltype(value.*field.member)>;
            value.*field.member = Form<Member>::read(at, field.limits);
        });
    }

    /// The value without an object around it.
    static void read_bare(const Cursor& at, T& value) {
        if constexpr (takes_true) {
            const bool* literal = at.node().as<bool>();
            if (literal == nullptr || !*literal)
                at.fail("must be true or an object, not " + in_words(at.node()));
        } else if constexpr (!shorthand.empty()) {
            static_assert(only_shorthand_required, "what a bare value leaves out must be optional");
            read_member(at, shorthand, value);
        } else {
            detail::refuse_bare(at, names, is_required, constraints());
        }
    }

    static Json field_schema(std::string_view name) {
        Json found;
        each([&](const auto& field) {
            if (field.name == name) found = describe(field);
        });
        return found;
    }

    /// The member may be one of a base.
    template <class Owner, class Member>
    static Json describe(const Field<Owner, Member>& field) {
        Json schema = Form<Member>::schema(field.limits);
        schema["description"] = field.doc;
        if (!field.is_required) {
            const T defaults{};
            const Member& value = defaults.*field.member;
            if constexpr (std::is_integral_v<Member>)
                schema["default"] = value;
            else if constexpr (Worded<Member>)
                schema["default"] = word_of(value);
        }
        return schema;
    }
};

}  // namespace irqbench::scenarios
