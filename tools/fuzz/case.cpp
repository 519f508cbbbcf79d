#include "tools/fuzz/case.hpp"

#include <fmt/format.h>

#include <charconv>

#include "scenarios/engine/load.hpp"
#include "tools/fuzz/architecture.hpp"
#include "tools/shrink/file_text.hpp"

namespace irqbench::tools::fuzz {

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
    text += fmt::format("  \"name\": {},\n  \"arch\": \"{}\",\n  \"source\": {},\n",
                        Json(heading.name).dump(), each.architecture->name, Json(heading.source).dump());
    if (each.vcpus != 1) text += fmt::format("  \"vcpus\": {},\n", each.vcpus);
    for (const auto& item : each.head.items())
        if (!item.value().empty())
            text += fmt::format("  {}: {},\n", Json(item.key()).dump(), shrinking::on_one_line(item.value()));
    text += "  \"steps\": [\n";
    for (std::size_t i = 0; i < each.steps.size(); ++i)
        text += fmt::format("    {}{}\n", shrinking::on_one_line(each.steps[i]),
                            i + 1 < each.steps.size() ? "," : "");
    return text + "  ]\n}\n";
}

scenarios::Scenario load_stimuli(const Case& each) {
    Case whole = each;
    for (Json& step : each.architecture->control()) whole.steps.push_back(std::move(step));
    return scenarios::load_text(text_of(whole, {"stimuli", "irqbench fuzz", {}}), "generated");
}

}  // namespace irqbench::tools::fuzz
