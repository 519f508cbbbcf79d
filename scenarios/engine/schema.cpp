#include "scenarios/engine/schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/groups.hpp"
#include "scenarios/engine/head.hpp"
#include "scenarios/engine/steps.hpp"

namespace irqbench::scenarios {

namespace {

/// A step: an object whose only key is a verb or a block; `loop` has `until` beside it, `do` has `with`.
Json step_schema(const Architecture& architecture) {
    Json properties = Json::object();
    for (const VerbInfo& info : architecture.verbs) {
        Json argument = info.schema();
        argument["description"] = info.doc;
        properties[std::string(info.name)] = std::move(argument);
    }
    Json choices = Json::array();
    for (const std::string_view name : block_names())
        if (name != "loop") properties[std::string(name)] = block_schema(name);
    choices.push_back({{"properties", std::move(properties)},
                       {"additionalProperties", false},
                       {"minProperties", 1},
                       {"maxProperties", 1}});
    choices.push_back(
        {{"properties", {{"loop", block_schema("loop")}, {"until", Form<std::string>::schema({})}}},
         {"additionalProperties", false},
         {"required", {"loop", "until"}}});
    choices.push_back(do_schema());
    return {{"type", "object"}, {"anyOf", std::move(choices)}};
}

/// Definitions are per architecture: the same names mean other things on another one.
Json qualified(Json schema, const std::string& prefix) {
    if (schema.is_array() || schema.is_object())
        for (auto& item : schema.items()) {
            if (item.key() == "$ref" && item.value().is_string()) {
                const auto reference = item.value().get<std::string>();
                item.value() = "#/definitions/" + prefix + reference.substr(reference.rfind('/') + 1);
            } else {
                item.value() = qualified(item.value(), prefix);
            }
        }
    return schema;
}

/// What a type is, in words, from its schema.
std::string type_in_words(const Json& schema) {
    if (schema.contains("enum")) {
        std::vector<std::string> words;
        for (const Json& word : schema["enum"])
            words.push_back(fmt::format("`{}`", word.is_string() ? word.get<std::string>() : word.dump()));
        constexpr std::size_t nameable = 10;
        return words.size() > nameable ? fmt::format("{} or another name", words.front())
                                       : fmt::format("{}", fmt::join(words, " "));
    }
    if (schema.contains("const")) return fmt::format("`{}`", schema["const"].dump());
    if (schema.contains("$ref")) return "see the format";
    if (schema.contains("anyOf") && !schema.contains("type")) {
        std::vector<std::string> choices;
        for (const Json& choice : schema["anyOf"]) {
            if (choice.contains("pattern")) continue;  // a number in hex
            std::string words = type_in_words(choice);
            if (std::find(choices.begin(), choices.end(), words) == choices.end())
                choices.push_back(std::move(words));
        }
        return fmt::format("{}", fmt::join(choices, " or "));
    }
    std::string type = schema.value("type", "");
    if (type == "integer") {
        if (!schema.contains("maximum")) return "number";
        const auto max = schema["maximum"].get<std::uint64_t>();
        const auto min = schema["minimum"].get<std::uint64_t>();
        return max > 9 ? fmt::format("{} to {:#x}", min, max) : fmt::format("{} to {}", min, max);
    }
    if (type == "array") return "array of " + type_in_words(schema["items"]);
    return type;
}

/// The object form of an argument, wherever it stands among the alternatives.
const Json* object_form(const Json& schema) {
    if (schema.contains("properties")) return &schema;
    if (schema.contains("anyOf"))
        for (const Json& choice : schema["anyOf"])
            if (const Json* found = object_form(choice)) return found;
    return nullptr;
}

void append_fields(std::string& text, const Json& form, const std::string& prefix) {
    std::vector<std::string> required;
    if (form.contains("required")) required = form["required"].get<std::vector<std::string>>();
    for (const auto& item : form["properties"].items()) {
        const Json& field = item.value();
        const bool is_required = std::find(required.begin(), required.end(), item.key()) != required.end();
        const Json* nested = object_form(field);
        const bool is_fixed = field.contains("default");
        text += fmt::format("| `{}{}` | {} | {} | {} |\n", prefix, item.key(), type_in_words(field),
                            is_required ? "required"
                            : is_fixed  ? fmt::format("`{}`", field["default"].dump())
                                        : "",
                            field.value("description", ""));
        if (nested != nullptr && !field.contains("items"))
            append_fields(text, *nested, prefix + item.key() + ".");
    }
}

void append_pretty(std::string& text, const Json& value, std::size_t indent) {
    constexpr std::size_t width = 120;
    const std::string line = value.dump();
    if (!value.is_structured() || indent + line.size() <= width) {
        text += line;
        return;
    }
    const bool is_object = value.is_object();
    text += is_object ? "{" : "[";
    bool first = true;
    for (const auto& item : value.items()) {
        text += first ? "\n" : ",\n";
        first = false;
        text.append(indent + 2, ' ');
        if (is_object) text += Json(item.key()).dump() + ": ";
        append_pretty(text, item.value(), indent + 2);
    }
    text += "\n" + std::string(indent, ' ') + (is_object ? "}" : "]");
}

std::string capitalised(std::string_view sentence) {
    std::string text(sentence);
    if (text.front() >= 'a' && text.front() <= 'z')
        text.front() = static_cast<char>(text.front() - 'a' + 'A');
    return text;
}

}  // namespace

std::string pretty(const Json& value) {
    std::string text;
    append_pretty(text, value, 0);
    return text + "\n";
}

Json schema() {
    Json names = Json::array();
    Json definitions = Json::object();
    Json choices = Json::array();
    for (const Architecture* architecture : architectures()) {
        const std::string name(architecture->name);
        const std::string prefix = name + ".";
        Json head = Form<head::Head>::schema({});
        head["properties"]["arch"] = {{"const", name}};
        names.push_back(name);
        choices.push_back({{"if", {{"properties", {{"arch", {{"const", name}}}}}}},
                           {"then", {{"$ref", "#/definitions/" + prefix + "scenario"}}}});
        definitions[prefix + "scenario"] = qualified(std::move(head), prefix);
        definitions[prefix + "machine"] = architecture->machine_schema();
        definitions[prefix + "trait"] = detail::word_schema(architecture->traits);
        definitions[prefix + "outcome"] = architecture->outcome_schema();
        definitions[prefix + "step"] = qualified(step_schema(*architecture), prefix);
    }
    return {{"$schema", "http://json-schema.org/draft-07/schema#"},
            {"title", "irqbench scenario"},
            {"type", "object"},
            {"required", {"name", "arch", "steps"}},
            {"properties", {{"arch", {{"enum", std::move(names)}}}}},
            {"allOf", std::move(choices)},
            {"definitions", std::move(definitions)}};
}

Json state_schema() {
    Json names = Json::array();
    Json choices = Json::array();
    for (const Architecture* architecture : architectures()) {
        const Json name{{"const", architecture->name}};
        Json state = architecture->state_schema();
        state["properties"]["arch"] = name;
        names.push_back(architecture->name);
        choices.push_back({{"if", {{"properties", {{"arch", name}}}}}, {"then", std::move(state)}});
    }
    return {{"$schema", "http://json-schema.org/draft-07/schema#"},
            {"title", "irqbench saved state"},
            {"type", "object"},
            {"required", {"irqbench_state", "arch"}},
            {"properties", {{"arch", {{"enum", std::move(names)}}}}},
            {"allOf", std::move(choices)}};
}

std::string verb_reference() {
    std::string text =
        "# Verb reference\n\nMade from the tables the loader reads with; scenarios/README.md explains "
        "the format.\nNumbers may be written in hex, as strings.\n";
    for (const Architecture* architecture : architectures()) {
        text += fmt::format("\n## {}\n", architecture->name);
        for (const VerbInfo& info : architecture->verbs) {
            const Json argument = info.schema();
            text += fmt::format("\n### {}\n\n{}.\n", info.name, capitalised(info.doc));
            const Json* form = object_form(argument);
            if (form == nullptr) continue;
            text += "\n| key | value | default | meaning |\n|---|---|---|---|\n";
            append_fields(text, *form, "");
        }
    }
    return text;
}

}  // namespace irqbench::scenarios
