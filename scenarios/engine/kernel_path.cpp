#include "scenarios/engine/kernel_path.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace irqbench::scenarios {

namespace {

constexpr std::size_t most_told = 8;

bool fits_element(const vmm::event::Kernel& event, const expect::Path::Element& element) {
    return event.name == element.name &&
           std::all_of(element.fields.begin(), element.fields.end(), [&event](const auto& wanted) {
               return std::any_of(event.fields.begin(), event.fields.end(), [&wanted](const auto& field) {
                   return field.name == wanted.name && field.value == wanted.value;
               });
           });
}

/// Of its fields only those that were asked for: the others are often addresses and other accidents.
std::string told_of(const vmm::event::Kernel& event, const expect::Path::Element& element) {
    vmm::event::Kernel told{event.name, {}};
    if (event.name == element.name)
        for (const auto& wanted : element.fields)
            for (const auto& field : event.fields)
                if (field.name == wanted.name) told.fields.push_back(field);
    return vmm::kernel_event_text(told);
}

std::string told(const expect::Path& path, const expect::Path::Element& missing,
                 const std::vector<vmm::Event>& trace, std::size_t begin, std::size_t end) {
    std::string text;
    std::size_t count = 0;
    for (std::size_t i = begin; i < end; ++i) {
        const auto* event = std::get_if<vmm::event::Kernel>(&trace[i].what);
        if (event == nullptr) continue;
        const bool of_delivery =
            std::find(path.told.begin(), path.told.end(), event->name) != path.told.end();
        if (!of_delivery && event->name != missing.name) continue;
        if (++count > most_told) continue;
        text += (text.empty() ? "" : ", ") + told_of(*event, missing);
    }
    if (count > most_told) text += fmt::format(" and {} more", count - most_told);
    return text.empty() ? "nothing" : text;
}

}  // namespace

std::optional<PathGap> gap_in_path(const expect::Path& path, const std::vector<vmm::Event>& trace,
                                   std::size_t begin, std::size_t end) {
    const expect::Path::Element* before = nullptr;
    for (const auto& element : path.elements) {
        std::size_t found = begin;
        for (; found < end; ++found)
            if (const auto* event = std::get_if<vmm::event::Kernel>(&trace[found].what);
                event != nullptr && fits_element(*event, element))
                break;
        if (found == end) {
            std::string expected = describe(element);
            if (before != nullptr) expected += " after " + describe(*before);
            return PathGap{std::move(expected), told(path, element, trace, begin, end)};
        }
        begin = found + 1;
        before = &element;
    }
    return std::nullopt;
}

std::optional<std::string> unknown_to(const vmm::KernelEvents& kernel, const expect::Path& path) {
    for (const auto& element : path.elements) {
        const auto event = kernel.fields.find(element.name);
        if (event == kernel.fields.end()) return fmt::format("this kernel has no event {}", element.name);
        for (const auto& wanted : element.fields)
            if (std::find(event->second.begin(), event->second.end(), wanted.name) == event->second.end())
                return fmt::format("{} of this kernel has no field {}", element.name, wanted.name);
    }
    return std::nullopt;
}

}  // namespace irqbench::scenarios
