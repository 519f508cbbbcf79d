#include "scenarios/engine/groups.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "scenarios/engine/steps.hpp"

namespace irqbench::scenarios {

template <>
struct Words<StepGroup::Type> {
    static constexpr std::array<std::pair<std::string_view, StepGroup::Type>, 3> table{
        {{"number", StepGroup::Type::number},
         {"text", StepGroup::Type::text},
         {"boolean", StepGroup::Type::boolean}}};
};

namespace {

namespace fs = std::filesystem;

using Arguments = std::map<std::string_view, const Node*>;

const Node::Object& need_object(const Cursor& at) {
    const Node::Object* members = at.node().object();
    if (members == nullptr) at.fail(fmt::format("must be an object, not {}", in_words(at.node())));
    return *members;
}

/// The parameter that a value stands for; nothing if it is a value of its own.
std::optional<std::string_view> parameter_of(const Node& node) {
    const std::string* text = node.text();
    if (text == nullptr || !text->starts_with('$')) return std::nullopt;
    return std::string_view(*text).substr(1);
}

/// Calls `visit` for every place of a value.
template <class Visit>
void walk(const Cursor& at, const Visit& visit) {
    visit(at);
    if (const Node::Array* items = at.node().array())
        for (std::size_t i = 0; i < items->size(); ++i) walk(at.at(i, (*items)[i]), visit);
    if (const Node::Object* members = at.node().object())
        for (const Node::Member& member : *members) walk(at.at(member.key, member.value), visit);
}

template <class Map>
std::vector<std::string_view> keys_of(const Map& map) {
    std::vector<std::string_view> keys;
    for (const auto& [key, value] : map) keys.push_back(key);
    return keys;
}

void check_parameters(const Cursor& at, const Cursor& steps, const StepGroup& group) {
    std::set<std::string_view> seen;
    walk(steps, [&](const Cursor& place) {
        const auto parameter = parameter_of(place.node());
        if (!parameter) return;
        if (!group.parameters.contains(*parameter))
            place.fail(fmt::format("the group '{}' has no parameter '{}'{}", group.name, *parameter,
                                   suggestion(*parameter, keys_of(group.parameters))));
        seen.insert(*parameter);
    });
    for (const auto& [name, type] : group.parameters)
        if (!seen.contains(name))
            at.fail(
                fmt::format("the parameter '{}' is not used: \"${}\" stands for it in a step", name, name));
}

StepGroup read_definition(const Cursor& at, std::string_view name) {
    constexpr std::array<std::string_view, 3> keys{"description", "parameters", "steps"};
    constexpr std::array<bool, 3> is_required{false, false, true};
    need_object(at);
    detail::check_keys(at, keys, is_required, {});
    StepGroup group;
    group.name = name;
    group.file = at.reading().document.file;
    if (const Node* parameters = at.node().find("parameters")) {
        const Cursor place = at.at("parameters", *parameters);
        for (const auto& [key, type] : need_object(place))
            group.parameters.emplace(key, Form<StepGroup::Type>::read(place.at(key, type), {}));
    }
    group.steps = at.node().find("steps");
    const Cursor steps = at.at("steps", *group.steps);
    if (detail::need_array(steps).empty()) steps.fail("is empty: it needs at least one step");
    group.pointer = steps.pointer();
    check_parameters(at, steps, group);
    return group;
}

void read_definitions(const Cursor& root, GroupLibrary& library) {
    const Node* node = root.node().find("groups");
    if (node == nullptr) return;
    const Cursor at = root.at("groups", *node);
    for (const auto& [name, definition] : need_object(at)) {
        const Cursor place = at.at(name, definition);
        const auto [former, is_new] = library.groups.try_emplace(name);
        if (!is_new) place.fail(fmt::format("the group '{}' is in {} already", name, former->second.file));
        former->second = read_definition(place, name);
    }
}

/// Without `.` and `..`, if that is still the same file: behind a link to a folder `..` leads elsewhere.
fs::path plain_name(const fs::path& file) {
    std::error_code error;
    const fs::path plain = file.lexically_normal();
    return fs::weakly_canonical(plain, error) == fs::weakly_canonical(file, error) ? plain : file;
}

void read_used(const Cursor& at, GroupLibrary& library) {
    const auto name = Form<std::string>::read(at, {});
    if (!name.ends_with(groups_suffix))
        at.fail(fmt::format("a file of groups is called *{}, and this is '{}'", groups_suffix, name));
    const fs::path file = plain_name(fs::path(at.reading().document.file).parent_path() / name);
    for (const auto& used : library.used) {
        std::error_code error;
        if (fs::equivalent(used->file, file, error))
            at.fail(used->file == file
                        ? fmt::format("'{}' is used already", name)
                        : fmt::format("'{}' is the file {}, which is used already", name, used->file));
    }
    if (auto* reads = at.reading().reads) reads->push_back(file);
    try {
        library.used.push_back(std::make_unique<Document>(read_document(file)));
        Reading reading{.document = *library.used.back(), .architecture = nullptr};
        const Cursor root(reading);
        constexpr std::array<std::string_view, 2> keys{"description", "groups"};
        constexpr std::array<bool, 2> is_required{false, true};
        need_object(root);
        detail::check_keys(root, keys, is_required, {});
        read_definitions(root, library);
    } catch (const ScenarioError& error) {
        at.fail(error.what());
    }
}

/// A number, words or a truth value, as the parameter's type says.
void check_argument(const Cursor& at, StepGroup::Type type) {
    switch (type) {
        case StepGroup::Type::number: (void)Form<std::uint64_t>::read(at, {}); return;
        case StepGroup::Type::text: (void)Form<std::string>::read(at, {}); return;
        case StepGroup::Type::boolean: (void)Form<bool>::read(at, {}); return;
    }
}

Arguments read_arguments(const Cursor& step, const StepGroup& group) {
    Arguments arguments;
    if (const Node* with = step.node().find("with")) {
        const Cursor at = step.at("with", *with);
        for (const auto& [name, value] : need_object(at)) {
            const auto parameter = group.parameters.find(name);
            if (parameter == group.parameters.end())
                at.at(name, value)
                    .fail(fmt::format("the group '{}' has no parameter '{}'{}", group.name, name,
                                      suggestion(name, keys_of(group.parameters))));
            check_argument(at.at(name, value), parameter->second);
            arguments.emplace(name, &value);
        }
    }
    for (const auto& [name, type] : group.parameters)
        if (!arguments.contains(name))
            step.fail(fmt::format("the group '{}' needs \"with\": {{ \"{}\": ... }}, a {}", group.name, name,
                                  word_of(type)));
    return arguments;
}

/// With the lines of the group's file, also where an argument stands.
Node substituted(const Node& node, const Arguments& arguments) {
    Node copy{node.value, node.line};
    if (const auto parameter = parameter_of(node)) {
        copy.value = arguments.at(*parameter)->value;
    } else if (auto* items = std::get_if<Node::Array>(&copy.value)) {
        for (Node& item : *items) item = substituted(item, arguments);
    } else if (auto* members = std::get_if<Node::Object>(&copy.value)) {
        for (Node::Member& member : *members) member.value = substituted(member.value, arguments);
    }
    return copy;
}

void refuse_recursion(const Cursor& at, const StepGroup& group, const std::vector<const StepGroup*>& open) {
    const auto first = std::find(open.begin(), open.end(), &group);
    if (first != open.end()) {
        std::vector<std::string_view> names;
        for (auto each = first; each != open.end(); ++each) names.push_back((*each)->name);
        at.fail(fmt::format("a group cannot do itself: {} does {}", fmt::join(names, " does "), group.name));
    }
    if (open.size() >= max_groups_deep)
        at.fail(fmt::format("groups inside groups deeper than {}", max_groups_deep));
}

}  // namespace

void read_groups(const Cursor& root, GroupLibrary& library) {
    if (const Node* use = root.node().find("use")) {
        const Cursor at = root.at("use", *use);
        const Node::Array& files = detail::need_array(at);
        for (std::size_t i = 0; i < files.size(); ++i) read_used(at.at(i, files[i]), library);
    }
    read_definitions(root, library);
}

void refuse_unused_groups(const Cursor& root, const GroupLibrary& library) {
    const Node* node = root.node().find("groups");
    if (node == nullptr) return;
    const Cursor at = root.at("groups", *node);
    for (const auto& [name, definition] : *node->object())
        if (!library.done.contains(name))
            at.at(name, definition).fail(fmt::format("no step does the group '{}'", name));
}

bool does_group(const Node& step) { return step.find("do") != nullptr; }

void read_group(const Cursor& step, const std::function<void(const Cursor& steps)>& read_steps) {
    GroupLibrary& library = *step.reading().groups;
    for (const Node::Member& member : *step.node().object())
        if (member.key != "do" && member.key != "with")
            step.at(member.key, member.value)
                .fail(fmt::format("unknown key '{}' beside 'do': only 'with' may stand there", member.key));
    const Cursor at = step.at("do", *step.node().find("do"));
    const auto name = Form<std::string>::read(at, {});
    const auto found = library.groups.find(name);
    if (found == library.groups.end())
        at.fail(fmt::format("no group is called '{}'{}", name,
                            library.groups.empty() ? ": define it in \"groups\", or \"use\" a file that does"
                                                   : suggestion(name, keys_of(library.groups))));
    const StepGroup& group = found->second;
    refuse_recursion(at, group, library.open);
    const Node steps = substituted(*group.steps, read_arguments(step, group));
    const GroupUse use{step, group.name, group.file, group.pointer};
    library.done.insert(group.name);
    library.open.push_back(&group);
    read_steps(Cursor(use, steps));
    library.open.pop_back();
}

Json do_schema() {
    const Json value = {{"type", {"integer", "string", "boolean"}}};
    return {{"properties",
             {{"do", Form<std::string>::schema({})},
              {"with", {{"type", "object"}, {"additionalProperties", value}}}}},
            {"additionalProperties", false},
            {"required", {"do"}}};
}

Json Form<GroupDefinitions>::schema(Limits) {
    // A parameter may stand wherever a value does: what a group's steps say is checked where it is done.
    const Json steps = {{"type", "array"}, {"minItems", 1}, {"items", {{"type", "object"}}}};
    const Json parameters = {{"type", "object"}, {"additionalProperties", Form<StepGroup::Type>::schema({})}};
    const Json group = {
        {"type", "object"},
        {"properties",
         {{"description", Form<std::string>::schema({})}, {"parameters", parameters}, {"steps", steps}}},
        {"additionalProperties", false},
        {"required", {"steps"}}};
    return {{"type", "object"}, {"additionalProperties", group}};
}

}  // namespace irqbench::scenarios
