#include <algorithm>
#include <array>

#include "tools/import/architecture.hpp"

namespace irqbench::importing {

std::span<const Architecture> architectures() {
    static constexpr std::array all = {
        Architecture{"x86_64", true, [](std::string_view, std::string_view) { return false; }},
        // The event of an entry has no vCPU there.
        Architecture{"arm64", false,
                     [](std::string_view event, std::string_view text) {
                         return event.starts_with("vgic_") || event == "kvm_irq_line" ||
                                event.starts_with("kvm_timer_") ||
                                (event == "kvm_entry" && text.starts_with("PC: "));
                     }},
    };
    return all;
}

bool imports_traces_of(std::string_view arch) {
    const auto all = architectures();
    return std::any_of(all.begin(), all.end(),
                       [&](const Architecture& each) { return each.is_imported && each.name == arch; });
}

const Architecture& imported_architecture() {
    const auto all = architectures();
    return *std::find_if(all.begin(), all.end(), [](const Architecture& each) { return each.is_imported; });
}

}  // namespace irqbench::importing
