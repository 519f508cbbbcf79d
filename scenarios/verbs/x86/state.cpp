#include "scenarios/verbs/x86/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "irqchip/x86/ioapic.hpp"
#include "irqchip/x86/lapic_registers.hpp"
#include "irqchip/x86/pic.hpp"
#include "scenarios/verbs/x86/chips.hpp"

namespace irqbench::scenarios {

namespace verbs::x86 {

namespace {

using irqchip::x86::lapic_registers;

/// The registers of a LAPIC with a bit per vector are written as arrays of vectors.
constexpr std::array<std::string_view, 3> vector_sets{"irr", "isr", "tmr"};
constexpr std::uint32_t words_per_set = 8;
constexpr std::uint32_t bits_per_word = 32;

/// A controller a check can name.
struct Subject {
    std::string_view key;
    std::string_view selector;  ///< the key that says which one
    std::vector<std::string> fields;
};

std::vector<std::string> ioapic_fields() {
    std::vector<std::string> names;
    for (const auto& value : irqchip::x86::IoApic{}.fields(0)) names.emplace_back(value.name);
    return names;
}

std::vector<std::string> pic_fields() {
    std::vector<std::string> names;
    for (const auto& value : irqchip::x86::I8259A{irqchip::x86::I8259A::Role::master}.fields())
        names.emplace_back(value.name);
    return names;
}

std::vector<std::string> lapic_fields() {
    std::vector<std::string> names(vector_sets.begin(), vector_sets.end());
    for (const auto& row : lapic_registers) {
        const bool in_set =
            std::find(vector_sets.begin(), vector_sets.end(), row.name.substr(0, 3)) != vector_sets.end();
        if (!in_set) names.emplace_back(row.name);
    }
    return names;
}

const std::array<Subject, 3>& subjects() {
    static const std::array<Subject, 3> table{Subject{"ioapic", "pin", ioapic_fields()},
                                              Subject{"pic", "chip", pic_fields()},
                                              Subject{"lapic", "vcpu", lapic_fields()}};
    return table;
}

/// The value of a field whose values have words.
std::uint64_t read_value(const Cursor& at, std::string_view controller, std::string_view field) {
    if (const bool* flag = at.node().as<bool>()) return *flag ? 1 : 0;
    if (controller == "ioapic" && at.node().text() != nullptr && !at.node().text()->starts_with("0x")) {
        if (field == "trigger") return static_cast<std::uint64_t>(Form<Trigger>::read(at, {}));
        if (field == "delivery_mode") return static_cast<std::uint64_t>(Form<DeliveryMode>::read(at, {}));
        if (field == "destination_mode")
            return static_cast<std::uint64_t>(Form<DestinationMode>::read(at, {}));
    }
    return Form<std::uint64_t>::read(at, {});
}

Json value_schema(std::string_view controller, std::string_view field) {
    Json choices = Json::array({Form<bool>::schema({}), Form<std::uint64_t>::schema({})});
    if (controller == "ioapic" && field == "trigger") choices.push_back(Form<Trigger>::schema({}));
    if (controller == "ioapic" && field == "delivery_mode") choices.push_back(Form<DeliveryMode>::schema({}));
    if (controller == "ioapic" && field == "destination_mode")
        choices.push_back(Form<DestinationMode>::schema({}));
    return {{"anyOf", std::move(choices)}};
}

/// An array of vectors, as the eight registers that hold a bit for each.
void read_vectors(const Cursor& at, std::string_view set, CheckArguments& arguments) {
    const Node::Array& array = detail::need_array(at);
    std::array<std::uint64_t, words_per_set> words{};
    for (std::size_t i = 0; i < array.size(); ++i) {
        const auto vector = Form<std::uint32_t>::read(at.at(i, array[i]), vector_range);
        words[vector / bits_per_word] |= std::uint64_t{1} << (vector % bits_per_word);
    }
    for (std::uint32_t i = 0; i < words_per_set; ++i) {
        const std::uint32_t first = i * bits_per_word;
        arguments.expected.push_back(
            {fmt::format("{}{}", set, i),
             fmt::format("{} {:#04x}-{:#04x}", set, first, first + bits_per_word - 1), words[i]});
    }
}

bool is_vector_set(std::string_view controller, std::string_view field) {
    return controller == "lapic" &&
           std::find(vector_sets.begin(), vector_sets.end(), field) != vector_sets.end();
}

/// Which controller of its kind.
void read_selector(const Cursor& at, const Subject& subject, CheckArguments& arguments) {
    const Node* node = at.node().find(subject.selector);
    if (node == nullptr && subject.key != "lapic")
        at.fail(fmt::format("needs the key '{}'", subject.selector));
    arguments.controller = subject.key;
    if (subject.key == "ioapic") {
        arguments.index = Form<std::uint32_t>::read(at.at(subject.selector, *node), pin_range);
    } else if (subject.key == "pic") {
        arguments.index = static_cast<std::uint32_t>(Form<PicChip>::read(at.at(subject.selector, *node), {}));
        arguments.called =
            fmt::format("pic {}", word_of(PicChip{static_cast<std::uint8_t>(arguments.index)}));
        return;
    } else {
        if (node != nullptr)
            arguments.index = Form<std::uint32_t>::read(at.at(subject.selector, *node), vcpu_range);
        arguments.vcpu = arguments.index;
    }
    arguments.called = fmt::format("{} {}", subject.key, arguments.index);
}

Json subject_schema(const Subject& subject) {
    Json properties = Json::object();
    Json needed = Json::array();
    if (subject.key == "ioapic")
        properties["pin"] = Form<std::uint32_t>::schema(pin_range);
    else if (subject.key == "pic")
        properties["chip"] = Form<PicChip>::schema({});
    else
        properties["vcpu"] = Form<std::uint32_t>::schema(vcpu_range);
    if (subject.key != "lapic") needed.push_back(subject.selector);
    for (const std::string& field : subject.fields) {
        if (is_vector_set(subject.key, field))
            properties[field] = {{"type", "array"}, {"items", Form<std::uint32_t>::schema(vector_range)}};
        else
            properties[field] = value_schema(subject.key, field);
    }
    // Without a field there is nothing to check; only a LAPIC's selector may be left out.
    Json any = Json::array();
    for (const std::string& field : subject.fields) any.push_back({{"required", Json::array({field})}});
    Json schema{
        {"type", "object"}, {"additionalProperties", false}, {"properties", properties}, {"anyOf", any}};
    if (!needed.empty()) schema["required"] = needed;
    return schema;
}

}  // namespace

std::string CheckVerb::name_of(const CheckArguments::Expected& expected) const {
    return arguments_.called + " " + expected.in_words;
}

std::string CheckVerb::explain() const {
    std::string text = fmt::format("Check {}:", arguments_.called);
    for (const auto& expected : arguments_.expected)
        text += fmt::format(" {} is {:#x},", expected.in_words, expected.value);
    text.back() = '.';
    return text;
}

void CheckVerb::perform(Stage& stage) const {
    const auto values = stage.machine.inspect(arguments_.controller, arguments_.index);
    for (const auto& expected : arguments_.expected) {
        const auto found = std::find_if(values.begin(), values.end(), [&](const vmm::NamedValue& value) {
            return value.name == expected.name;
        });
        if (found == values.end()) continue;
        vmm::Event event;
        event.vcpu = arguments_.vcpu;
        event.what = vmm::event::Observed{name_of(expected), found->value};
        // The trace is in order of time; the machine's clock is not ours.
        if (!stage.trace.events().empty()) event.at = stage.trace.events().back().at;
        stage.trace.add(std::move(event));
    }
}

std::vector<Expectation> CheckVerb::expects() const {
    std::vector<Expectation> expectations;
    for (const auto& expected : arguments_.expected)
        expectations.emplace_back(expect::Value{name_of(expected), expected.value, ~std::uint64_t{0}});
    return expectations;
}

Facts CheckVerb::facts() const {
    Facts facts;
    facts.asserts = true;
    if (arguments_.vcpu) facts.vcpus = {*arguments_.vcpu};
    return facts;
}

std::string EoiExitsVerb::explain() const {
    std::string of;
    if (arguments_.vector) of = fmt::format(" of vector {}", vmm::vector_text(*arguments_.vector));
    return fmt::format("Expect {} EOI exit{}{} since the last such count.", arguments_.count,
                       arguments_.count == 1 ? "" : "s", of);
}

Facts EoiExitsVerb::facts() const {
    Facts facts;
    facts.asserts = true;
    facts.modes = {"split"};
    return facts;
}

}  // namespace verbs::x86

using verbs::x86::CheckArguments;

CheckArguments Form<CheckArguments>::read(const Cursor& at, Limits) {
    using namespace verbs::x86;
    const Node::Object* members = at.node().object();
    std::vector<std::string_view> keys;
    for (const Subject& subject : subjects()) keys.push_back(subject.key);
    if (members == nullptr) at.fail(fmt::format("must be an object, not {}", in_words(at.node())));
    constexpr std::array constraints{exactly_one("ioapic", "pic", "lapic")};
    const std::array<bool, 3> none_required{};
    detail::check_keys(at, keys, none_required, constraints);

    const Node::Member& member = members->front();
    const Subject& subject = *std::find_if(subjects().begin(), subjects().end(),
                                           [&](const Subject& row) { return row.key == member.key; });
    const Cursor inside = at.at(member.key, member.value);
    if (member.value.object() == nullptr)
        inside.fail(fmt::format("must be an object, not {}", in_words(member.value)));
    std::vector<std::string_view> names(subject.fields.begin(), subject.fields.end());
    names.push_back(subject.selector);
    CheckArguments arguments;
    read_selector(inside, subject, arguments);
    for (const auto& [key, value] : *member.value.object()) {
        if (key == subject.selector) continue;
        const Cursor field = inside.at(key, value);
        if (std::find(names.begin(), names.end(), key) == names.end())
            field.fail(fmt::format("unknown key '{}'{}", key, suggestion(key, names)));
        if (is_vector_set(subject.key, key))
            read_vectors(field, key, arguments);
        else
            arguments.expected.push_back({key, key, read_value(field, subject.key, key)});
    }
    if (arguments.expected.empty()) inside.fail("checks nothing: name at least one field");
    return arguments;
}

Json Form<CheckArguments>::schema(Limits) {
    using namespace verbs::x86;
    Json properties = Json::object();
    for (const Subject& subject : subjects()) properties[std::string(subject.key)] = subject_schema(subject);
    Json schema{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
    constexpr std::array constraints{exactly_one("ioapic", "pic", "lapic")};
    detail::add_constraints(schema, constraints);
    return schema;
}

}  // namespace irqbench::scenarios
