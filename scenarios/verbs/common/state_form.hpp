#pragma once

#include <fmt/format.h>

#include <array>
#include <map>
#include <vector>

#include "scenarios/engine/base64.hpp"
#include "scenarios/engine/fields.hpp"

/// How values of other folders are written in a state file: one list of fields for reader and writer.
namespace irqbench::scenarios {

/// T with `fields()`: specialise it, derived from T.
template <class T>
struct FileOf;

template <class T>
concept Filed = requires {
    FileOf<T>::fields();
};

template <Filed T>
struct Form<T> {
    static T read(const Cursor& at, Limits limits) { return Form<FileOf<T>>::read(at, limits); }
    static Json schema(Limits limits) { return Form<FileOf<T>>::schema(limits); }
};

/// Arrays whose elements go by name: specialise it with `static constexpr auto names`, as many. An element
/// without a name is not written.
template <class Array>
struct Names;

template <class T>
concept Named = requires {
    Names<T>::names;
};

template <class T, std::size_t n>
requires Named<std::array<T, n>>
struct Form<std::array<T, n>> {
    static std::array<T, n> read(const Cursor& at, Limits limits) {
        const Node::Object* members = at.node().object();
        if (members == nullptr) at.fail("must be an object, not " + in_words(at.node()));
        std::array<T, n> values{};
        const auto& names = Names<std::array<T, n>>::names;
        for (const Node::Member& member : *members) {
            const Cursor here = at.at(member.key, member.value);
            const auto found =
                member.key.empty() ? names.end() : std::find(names.begin(), names.end(), member.key);
            if (found == names.end())
                here.fail(fmt::format("unknown key '{}'{}", member.key, suggestion(member.key, names)));
            values[static_cast<std::size_t>(found - names.begin())] = Form<T>::read(here, limits);
        }
        return values;
    }
    static Json schema(Limits limits) {
        Json names = Json::array();
        for (const std::string_view name : Names<std::array<T, n>>::names)
            if (!name.empty()) names.push_back(name);
        return {{"type", "object"},
                {"propertyNames", {{"enum", std::move(names)}}},
                {"additionalProperties", Form<T>::schema(limits)}};
    }
};

/// Elements by number: as many as there are.
template <class T, std::size_t n>
requires(!Named<std::array<T, n>>) struct Form<std::array<T, n>> {
    static std::array<T, n> read(const Cursor& at, Limits limits) {
        const Node::Array& array = detail::need_array(at);
        if (array.size() != n) at.fail(fmt::format("has {} elements: {} are needed", array.size(), n));
        std::array<T, n> values{};
        for (std::size_t i = 0; i < n; ++i) values[i] = Form<T>::read(at.at(i, array[i]), limits);
        return values;
    }
    static Json schema(Limits limits) {
        return {{"type", "array"}, {"minItems", n}, {"maxItems", n}, {"items", Form<T>::schema(limits)}};
    }
};

template <class T>
Json json_of(const T& value);

template <class T>
Json json_of(const std::vector<T>& values) {
    Json array = Json::array();
    for (const T& value : values) array.push_back(json_of(value));
    return array;
}

template <class T, std::size_t n>
Json json_of(const std::array<T, n>& values) {
    Json json = Named<std::array<T, n>> ? Json::object() : Json::array();
    for (std::size_t i = 0; i < n; ++i) {
        if constexpr (!Named<std::array<T, n>>) {
            json.push_back(json_of(values[i]));
        } else {
            const std::string_view name = Names<std::array<T, n>>::names[i];
            bool written = !name.empty();
            if constexpr (std::integral<T>) written = written && values[i] != 0;
            if (written) json[std::string(name)] = json_of(values[i]);
        }
    }
    return json;
}

/// Whether an optional field need not be written: a reader takes it for this where it is missing.
template <class T>
bool goes_without_saying(const T& value) {
    if constexpr (requires { value.has_value(); })
        return !value.has_value();
    else if constexpr (requires { value.empty(); })
        return value.empty();
    else if constexpr (requires { value == T{}; })
        return value == T{};
    else
        return false;
}

template <class T>
Json object_of(const T& value) {
    Json object = Json::object();
    std::apply(
        [&](const auto&... field) {
            const auto add = [&](const auto& each) {
                const auto& member = value.*each.member;
                if (each.is_required || !goes_without_saying(member))
                    object[std::string(each.name)] = json_of(member);
            };
            (add(field), ...);
        },
        T::fields());
    return object;
}

template <class T>
Json json_of(const T& value) {
    if constexpr (requires { value.has_value(); }) {
        return json_of(*value);
    } else if constexpr (std::same_as<T, bool> || std::same_as<T, std::string>) {
        return value;
    } else if constexpr (Worded<T>) {
        return word_of(value);
    } else if constexpr (std::unsigned_integral<T>) {
        if (value < 10) return static_cast<std::uint64_t>(value);
        return fmt::format("{:#x}", static_cast<std::uint64_t>(value));
    } else if constexpr (requires { Form<T>::write(value); }) {
        return Form<T>::write(value);
    } else if constexpr (Filed<T>) {
        return object_of(FileOf<T>{value});
    } else {
        return object_of(value);
    }
}

}  // namespace irqbench::scenarios
