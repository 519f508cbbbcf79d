#include "tools/shrink/file_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

#include "scenarios/engine/steps.hpp"

namespace irqbench::tools::shrinking {

namespace {

constexpr std::size_t widest_line = 100;

bool is_container(const Json& value) { return value.is_structured() && !value.empty(); }

/// @param breaks at every depth from here on that it counts down, also where a line would do
void write(std::string& text, const Json& value, std::size_t indent, int breaks) {
    const std::string line = on_one_line(value);
    const bool fits = indent + line.size() <= widest_line;
    if (!is_container(value) || (fits && breaks <= 0)) {
        text += line;
        return;
    }
    const std::string inside(indent + 2, ' ');
    const bool is_object = value.is_object();
    text += is_object ? "{" : "[";
    const char* separator = "\n";
    for (const auto& item : value.items()) {
        text += separator + inside;
        if (is_object) text += Json(item.key()).dump() + ": ";
        // Of the head only lists of steps, each on a line of its own.
        const bool is_list = item.value().is_array() && (item.key() == "steps" || item.key() == "setup");
        write(text, item.value(), indent + 2, is_object && breaks > 0 && is_list ? 1 : 0);
        separator = ",\n";
    }
    text += fmt::format("\n{}{}", std::string(indent, ' '), is_object ? "}" : "]");
}

/// The definitions of a file, by name.
void add_groups(const Json& document, Json& groups) {
    if (const auto found = document.find("groups"); found != document.end() && found->is_object())
        groups.update(*found);
}

void put_arguments(Json& value, const Json& arguments) {
    if (value.is_structured()) {
        for (Json& inner : value) put_arguments(inner, arguments);
    } else if (value.is_string() && value.get_ref<const std::string&>().starts_with('$')) {
        const auto found = arguments.find(value.get_ref<const std::string&>().substr(1));
        if (found != arguments.end()) value = Json(*found);
    }
}

void unfold(Json& value, const Json& groups, std::size_t depth);

/// The steps of a list, with those of groups in place of the steps that do them.
void unfold_list(Json& list, const Json& groups, std::size_t depth) {
    Json steps = Json::array();
    for (Json& step : list) {
        const auto name = step.is_object() ? step.find("do") : step.end();
        const bool is_known = step.is_object() && name != step.end() && name->is_string() &&
                              groups.contains(name->get<std::string>());
        if (!is_known || depth == 0) {
            unfold(step, groups, depth);
            steps.push_back(std::move(step));
            continue;
        }
        Json inner = groups[name->get<std::string>()].value("steps", Json::array());
        put_arguments(inner, step.value("with", Json::object()));
        unfold_list(inner, groups, depth - 1);
        for (Json& each : inner) steps.push_back(std::move(each));
    }
    list = std::move(steps);
}

void unfold(Json& value, const Json& groups, std::size_t depth) {
    if (value.is_array()) {
        unfold_list(value, groups, depth);
    } else if (value.is_object()) {
        for (Json& inner : value) unfold(inner, groups, depth);
    }
}

}  // namespace

std::string on_one_line(const Json& value) {
    const char* separator = " ";
    std::string text;
    if (value.is_object()) {
        for (const auto& item : value.items()) {
            text += separator + Json(item.key()).dump() + ": " + on_one_line(item.value());
            separator = ", ";
        }
        return "{" + text + " }";
    }
    if (!value.is_array()) return value.dump();
    separator = "";
    for (const Json& element : value) {
        text += separator + on_one_line(element);
        separator = ", ";
    }
    return "[" + text + "]";
}

std::string file_text(const Json& document) {
    std::string text;
    write(text, document, 0, 1);
    return text + "\n";
}

Json to_json(const scenarios::Node& node) {
    using scenarios::Node;
    const auto convert = [](const auto& value) -> Json {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Node::Array>) {
            Json array = Json::array();
            for (const Node& element : value) array.push_back(to_json(element));
            return array;
        } else if constexpr (std::is_same_v<T, Node::Object>) {
            Json object = Json::object();
            for (const Node::Member& member : value) object[member.key] = to_json(member.value);
            return object;
        } else {
            return Json(value);
        }
    };
    return std::visit(convert, node.value);
}

Json without_groups(Json document, const std::filesystem::path& file) {
    constexpr std::size_t deepest = 32;
    Json groups = Json::object();
    if (const auto used = document.find("use"); used != document.end())
        for (const Json& name : *used)
            add_groups(to_json(scenarios::read_document(file.parent_path() / name.get<std::string>()).root),
                       groups);
    add_groups(document, groups);
    document.erase("use");
    document.erase("groups");
    for (const char* list : {"setup", "steps"})
        if (const auto found = document.find(list); found != document.end()) unfold(*found, groups, deepest);
    return document;
}

bool is_block(const std::string& verb) {
    const auto blocks = scenarios::block_names();
    return std::find(blocks.begin(), blocks.end(), verb) != blocks.end();
}

}  // namespace irqbench::tools::shrinking
