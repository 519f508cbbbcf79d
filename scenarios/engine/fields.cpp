#include "scenarios/engine/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace irqbench::scenarios {

namespace {

std::string range_in_words(Limits limits) {
    if (limits.max == std::numeric_limits<std::uint64_t>::max() && limits.min == 0)
        return "a number of at most 64 bits";
    const std::string hex = limits.max > 9 ? fmt::format(" ({:#x})", limits.max) : "";
    return fmt::format("a number from {} to {}{}", limits.min, limits.max, hex);
}

/// Matches the hex numbers from 0 to `max`, after `0x` and any zeros.
std::string hex_pattern(std::uint64_t max) {
    const std::string digits = fmt::format("{:x}", max);
    const std::string any = "[0-9a-fA-F]";
    const auto upper = [](char digit) { return static_cast<char>(digit - 'a' + 'A'); };
    const auto at_most = [&](char digit) {
        return digit <= '9' ? fmt::format("[0-{}]", digit)
                            : fmt::format("[0-9a-{}A-{}]", digit, upper(digit));
    };
    const auto exactly = [&](char digit) {
        return digit <= '9' ? std::string(1, digit) : fmt::format("[{}{}]", digit, upper(digit));
    };
    if (digits.find_first_not_of('f') == std::string::npos)
        return fmt::format("^0x0*{}{{1,{}}}$", any, digits.size());
    std::vector<std::string> alternatives;
    if (digits.size() > 1) alternatives.push_back(fmt::format("{}{{1,{}}}", any, digits.size() - 1));
    std::string prefix;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const std::size_t left = digits.size() - i - 1;
        const std::string rest = left == 0 ? "" : fmt::format("{}{{{}}}", any, left);
        if (digits[i] != '0') {
            const char below = digits[i] == 'a' ? '9' : static_cast<char>(digits[i] - 1);
            alternatives.push_back(prefix + at_most(below) + rest);
        }
        prefix += exactly(digits[i]);
    }
    alternatives.push_back(prefix);
    return fmt::format("^0x0*({})$", fmt::join(alternatives, "|"));
}

std::string quoted(std::span<const std::string_view> keys, std::string_view last_word) {
    std::string text;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (i > 0) text += i + 1 == keys.size() ? fmt::format(" {} ", last_word) : std::string(", ");
        text += fmt::format("'{}'", keys[i]);
    }
    return text;
}

void check_constraint(const Cursor& at, const Constraint& constraint) {
    const auto given = [&](std::string_view key) { return at.node().find(key) != nullptr; };
    const auto all = constraint.all();
    const auto count = std::count_if(all.begin(), all.end(), given);
    switch (constraint.kind) {
        case Constraint::Kind::exactly_one:
            if (count == 1) return;
            if (count == 0) at.fail(fmt::format("needs one of the keys {}", quoted(all, "or")));
            at.fail(fmt::format("takes only one of the keys {}", quoted(all, "and")));
        case Constraint::Kind::at_least_one:
            if (count == 0) at.fail(fmt::format("needs one of the keys {}", quoted(all, "or")));
            return;
        case Constraint::Kind::needs:
            if (!given(all.front())) return;
            for (const std::string_view other : constraint.others())
                if (!given(other))
                    at.fail(fmt::format("'{}' needs the key '{}' beside it", all.front(), other));
            return;
        case Constraint::Kind::excludes:
            if (!given(all.front())) return;
            for (const std::string_view other : constraint.others())
                if (given(other))
                    at.fail(fmt::format("'{}' and '{}' cannot be combined: remove one", all.front(), other));
            return;
    }
}

}  // namespace

namespace detail {

std::uint64_t read_number(const Cursor& at, Limits limits) {
    const Node& node = at.node();
    const auto refuse = [&](std::string_view hint) {
        at.fail(fmt::format("must be {}, not {}{}", range_in_words(limits), in_words(node), hint));
    };
    std::uint64_t number = 0;
    if (const auto* plain = node.as<std::uint64_t>()) {
        number = *plain;
    } else if (const std::string* text = node.text()) {
        const bool is_hex = text->starts_with("0x") && text->size() > 2;
        const char* first = text->data() + (is_hex ? 2 : 0);
        const char* last = text->data() + text->size();
        const auto [end, error] = std::from_chars(first, last, number, is_hex ? 16 : 10);
        const bool parsed = error == std::errc{} && end == last && first != last;
        if (error == std::errc::result_out_of_range && end == last) refuse("");
        const bool meant_number = !text->empty() && text->front() >= '0' && text->front() <= '9';
        if (!parsed) refuse(meant_number ? ": write hex as a string like \"0x51\"" : "");
        if (!is_hex) refuse(": write it without quotes, or as hex with 0x");
    } else if (node.as<double>() != nullptr) {
        refuse(": write it as a whole number");
    } else {
        refuse("");
    }
    if (number < limits.min || number > limits.max) refuse("");
    return number;
}

Json number_schema(Limits limits) {
    // Validators compute in signed or floating numbers. A hex string cannot be bounded from below at all; the
    // reader does both.
    constexpr std::uint64_t last_safe = std::numeric_limits<std::int64_t>::max();
    Json plain{{"type", "integer"}, {"minimum", limits.min}};
    if (limits.max <= last_safe) plain["maximum"] = limits.max;
    return {{"anyOf", {std::move(plain), {{"type", "string"}, {"pattern", hex_pattern(limits.max)}}}}};
}

std::size_t read_word(const Cursor& at, std::span<const std::string_view> words) {
    const std::string* text = at.node().text();
    if (text == nullptr)
        at.fail(fmt::format("must be a word, not {}: use {}", in_words(at.node()), quoted(words, "or")));
    const auto found = std::find(words.begin(), words.end(), *text);
    if (found == words.end()) {
        constexpr std::size_t nameable = 8;
        const std::string close = suggestion(*text, words);
        const std::string hint = words.size() <= nameable && !close.starts_with(", did you mean")
                                     ? fmt::format(": use {}", quoted(words, "or"))
                                     : close;
        at.fail(fmt::format("unknown word {}{}", in_words(at.node()), hint));
    }
    return static_cast<std::size_t>(found - words.begin());
}

Json word_schema(std::span<const std::string_view> words) {
    return {{"enum", std::vector<std::string>(words.begin(), words.end())}};
}

const Node::Array& need_array(const Cursor& at) {
    if (const Node::Array* array = at.node().array()) return *array;
    const bool is_scalar = at.node().object() == nullptr;
    at.fail(fmt::format("must be an array, not {}{}", in_words(at.node()),
                        is_scalar ? fmt::format(": write [ {} ]", on_one_line(at.node())) : ""));
}

void refuse_bare(const Cursor& at, std::span<const std::string_view> names, std::span<const bool> is_required,
                 std::span<const Constraint> constraints) {
    std::vector<std::string_view> needed;
    for (std::size_t i = 0; i < names.size(); ++i)
        if (is_required[i]) needed.push_back(names[i]);
    std::string keys;
    if (!needed.empty())
        keys = fmt::format(" with the key{} {}", needed.size() == 1 ? "" : "s", quoted(needed, "and"));
    for (const Constraint& constraint : constraints)
        if (constraint.kind == Constraint::Kind::exactly_one ||
            constraint.kind == Constraint::Kind::at_least_one)
            keys += fmt::format("{} {}", keys.empty() ? " with" : " and", quoted(constraint.all(), "or"));
    at.fail(fmt::format("must be an object{}, not {}", keys, in_words(at.node())));
}

void check_length(const Cursor& at, const Node::Array& array, Limits limits) {
    if (array.size() < limits.min) at.fail("is empty: it needs at least one element");
    if (array.size() > limits.max) at.fail(fmt::format("more than {} elements", limits.max));
}

void check_keys(const Cursor& at, std::span<const std::string_view> names, std::span<const bool> is_required,
                std::span<const Constraint> constraints) {
    for (const Node::Member& member : *at.node().object())
        if (std::find(names.begin(), names.end(), member.key) == names.end())
            at.at(member.key, member.value)
                .fail(fmt::format("unknown key '{}'{}", member.key, suggestion(member.key, names)));
    for (std::size_t i = 0; i < names.size(); ++i)
        if (is_required[i] && at.node().find(names[i]) == nullptr)
            at.fail(fmt::format("needs the key '{}'", names[i]));
    for (const Constraint& constraint : constraints) check_constraint(at, constraint);
}

void add_constraints(Json& schema, std::span<const Constraint> constraints) {
    const auto require = [](std::string_view key) { return Json{{"required", Json::array({key})}}; };
    Json all = Json::array();
    for (const Constraint& constraint : constraints) {
        const auto keys = constraint.all();
        Json choices = Json::array();
        switch (constraint.kind) {
            case Constraint::Kind::exactly_one:
            case Constraint::Kind::at_least_one:
                for (const std::string_view key : keys) choices.push_back(require(key));
                all.push_back(
                    {{constraint.kind == Constraint::Kind::exactly_one ? "oneOf" : "anyOf", choices}});
                break;
            case Constraint::Kind::needs: {
                Json others = Json::array();
                for (const std::string_view key : constraint.others()) others.push_back(key);
                all.push_back({{"dependencies", {{std::string(keys.front()), others}}}});
                break;
            }
            case Constraint::Kind::excludes:
                for (const std::string_view key : constraint.others()) choices.push_back(require(key));
                all.push_back(
                    {{"dependencies", {{std::string(keys.front()), {{"not", {{"anyOf", choices}}}}}}}});
                break;
        }
    }
    if (!all.empty()) schema["allOf"] = std::move(all);
}

}  // namespace detail

bool Form<bool>::read(const Cursor& at, Limits) {
    const bool* value = at.node().as<bool>();
    if (value == nullptr) at.fail(fmt::format("must be true or false, not {}", in_words(at.node())));
    return *value;
}

Json Form<bool>::schema(Limits) { return {{"type", "boolean"}}; }

std::string Form<std::string>::read(const Cursor& at, Limits limits) {
    const std::string* text = at.node().text();
    if (text == nullptr) {
        const bool is_scalar = at.node().array() == nullptr && at.node().object() == nullptr;
        at.fail(fmt::format("must be a string, not {}{}", in_words(at.node()),
                            is_scalar ? fmt::format(": write \"{}\"", on_one_line(at.node())) : ""));
    }
    if (text->empty()) at.fail("must not be empty");
    // UTF-8: every character has one byte that does not go on with another (RFC 3629, section 3).
    const auto length = std::count_if(text->begin(), text->end(),
                                      [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; });
    if (static_cast<std::uint64_t>(length) > limits.max)
        at.fail(fmt::format("has {} characters: {} are the most", length, limits.max));
    return *text;
}

Json Form<std::string>::schema(Limits limits) {
    Json schema{{"type", "string"}, {"minLength", 1}};
    if (limits.max != Limits{}.max) schema["maxLength"] = limits.max;
    return schema;
}

}  // namespace irqbench::scenarios
