#include "scenarios/verbs/common/path.hpp"

#include <fmt/format.h>

#include "scenarios/engine/architecture.hpp"

namespace irqbench::scenarios {

namespace {

constexpr Limits path_length = between(1, 100);

/// @throws ScenarioError when no kernel has it
const KernelEvent& kernel_event(const Cursor& at, const std::string& name) {
    const std::span<const KernelEvent> events = at.reading().architecture->kernel_events;
    std::vector<std::string_view> names;
    for (const KernelEvent& each : events) {
        if (each.name == name) return each;
        names.push_back(each.name);
    }
    at.fail(fmt::format("unknown event '{}' of KVM{}", name, suggestion(name, names)));
}

void check_field(const Cursor& at, const KernelEvent& event, const std::string& name) {
    std::vector<std::string_view> names;
    for (const std::string_view each : event.fields) {
        if (each == name) return;
        if (!each.empty()) names.push_back(each);
    }
    at.fail(fmt::format("{} has no field '{}': use {}", event.name, name, fmt::join(names, ", ")));
}

}  // namespace

namespace verbs {

std::string PathVerb::explain() const {
    return fmt::format("Expect that the kernel's own events tell of: {}.", describe(expects().front()));
}

std::vector<Expectation> PathVerb::expects() const {
    expect::Path path;
    for (const PathElement& each : arguments_.elements) path.elements.push_back(each.element);
    path.told = arguments_.told;
    return {std::move(path)};
}

Facts PathVerb::facts() const {
    Facts facts;
    facts.asserts = facts.traces = true;
    return facts;
}

}  // namespace verbs

verbs::PathElement Form<verbs::PathElement>::read(const Cursor& at, Limits) {
    if (const std::string* name = at.node().text()) return {{kernel_event(at, *name).name.data(), {}}};
    const Node::Object* object = at.node().object();
    if (object == nullptr || object->size() != 1)
        at.fail(fmt::format(
            "must be the name of an event, or an object whose only key it is, with what its fields "
            "must be, not {}",
            in_words(at.node())));
    const Node::Member& member = object->front();
    const Cursor fields = at.at(member.key, member.value);
    const KernelEvent& event = kernel_event(fields, member.key);
    const Node::Object* members = member.value.object();
    if (members == nullptr || members->empty())
        fields.fail(fmt::format("must be an object of fields and numbers, not {}", in_words(member.value)));
    verbs::PathElement element{{member.key, {}}};
    for (const Node::Member& each : *members) {
        const Cursor field = fields.at(each.key, each.value);
        check_field(field, event, each.key);
        element.element.fields.push_back({each.key, Form<std::uint64_t>::read(field, {})});
    }
    return element;
}

// The schema of a verb does not know the architecture that it is of.
Json Form<verbs::PathElement>::schema(Limits) {
    const Json fields{
        {"type", "object"}, {"minProperties", 1}, {"additionalProperties", Form<std::uint64_t>::schema({})}};
    const Json name{{"type", "string"}, {"pattern", "^(kvm|vgic)_[a-z0-9_]+$"}};
    return {{"anyOf",
             {name,
              {{"type", "object"},
               {"minProperties", 1},
               {"maxProperties", 1},
               {"additionalProperties", fields}}}}};
}

verbs::PathArguments Form<verbs::PathArguments>::read(const Cursor& at, Limits) {
    verbs::PathArguments arguments;
    const Node::Array& array = detail::need_array(at);
    detail::check_length(at, array, path_length);
    for (std::size_t i = 0; i < array.size(); ++i)
        arguments.elements.push_back(Form<verbs::PathElement>::read(at.at(i, array[i]), {}));
    for (const KernelEvent& each : at.reading().architecture->kernel_events)
        if (each.of_delivery) arguments.told.push_back(each.name);
    return arguments;
}

Json Form<verbs::PathArguments>::schema(Limits) {
    return {{"type", "array"},
            {"minItems", path_length.min},
            {"maxItems", path_length.max},
            {"items", Form<verbs::PathElement>::schema({})}};
}

}  // namespace irqbench::scenarios
