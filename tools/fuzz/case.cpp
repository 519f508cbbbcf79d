#include "tools/fuzz/case.hpp"

#include <fmt/format.h>

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

std::string text_of(const Case& each, const Heading& heading) {
    std::string text = "{\n";
    for (const std::string& line : heading.comment) text += fmt::format("  // {}\n", line);
    text += fmt::format("  \"name\": {},\n  \"arch\": \"x86_64\",\n  \"source\": {},\n",
                        Json(heading.name).dump(), Json(heading.source).dump());
    if (each.vcpus != 1) text += fmt::format("  \"vcpus\": {},\n", each.vcpus);
    if (each.x2apic) text += "  \"machine\": { \"x2apic\": true },\n";
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
