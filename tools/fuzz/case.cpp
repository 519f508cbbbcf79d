#include "tools/fuzz/case.hpp"

#include <fmt/format.h>

#include <charconv>

#include "scenarios/engine/load.hpp"

namespace irqbench::tools::fuzz {

namespace {

/// On one line, with the spaces that scenario files have.
std::string spaced(const Json& value) {
    const char* separator = " ";
    std::string text;
    if (value.is_object()) {
        for (const auto& item : value.items()) {
            text += separator + Json(item.key()).dump() + ": " + spaced(item.value());
            separator = ", ";
        }
        return "{" + text + " }";
    }
    if (!value.is_array()) return value.dump();
    separator = "";
    for (const Json& element : value) {
        text += separator + spaced(element);
        separator = ", ";
    }
    return "[" + text + "]";
}

}  // namespace

std::optional<std::uint64_t> number_at(const Json& argument, const char* key) {
    const auto found = argument.find(key);
    if (found == argument.end()) return std::nullopt;
    if (found->is_number_unsigned() || found->is_number_integer()) return found->get<std::uint64_t>();
    if (!found->is_string()) return std::nullopt;
    std::uint64_t value = 0;
    const std::string& text = found->get_ref<const std::string&>();
    const std::size_t digits = text.starts_with("0x") ? 2 : 0;
    const auto [end, error] =
        std::from_chars(text.data() + digits, text.data() + text.size(), value, digits == 0 ? 10 : 16);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string text_of(const Case& each, const Heading& heading) {
    std::string text = "{\n";
    for (const std::string& line : heading.comment) text += fmt::format("  // {}\n", line);
    text += fmt::format("  \"name\": {},\n  \"arch\": \"x86_64\",\n  \"source\": {},\n",
                        Json(heading.name).dump(), Json(heading.source).dump());
    if (each.vcpus != 1) text += fmt::format("  \"vcpus\": {},\n", each.vcpus);
    Json machine = Json::object();
    if (each.x2apic) machine["x2apic"] = true;
    if (each.pit) machine["pit"] = true;
    if (!machine.empty()) text += fmt::format("  \"machine\": {},\n", spaced(machine));
    if (each.pit)
        text +=
            "  \"modes\": { \"not\": [\"split\"], \"because\": \"KVM has a PIT only beside its own chips\" "
            "},\n";
    text += "  \"steps\": [\n";
    for (std::size_t i = 0; i < each.steps.size(); ++i)
        text += fmt::format("    {}{}\n", spaced(each.steps[i]), i + 1 < each.steps.size() ? "," : "");
    return text + "  ]\n}\n";
}

scenarios::Scenario load_stimuli(const Case& each) {
    Case whole = each;
    whole.steps.push_back({{"msi", "0xff"}});
    whole.steps.push_back({{"ack", "0xff"}});
    return scenarios::load_text(text_of(whole, {"stimuli", "irqbench fuzz", {}}), "generated");
}

}  // namespace irqbench::tools::fuzz
