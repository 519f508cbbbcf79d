#include <algorithm>
#include <array>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/verbs/arm64/architecture.hpp"
#include "scenarios/verbs/x86/architecture.hpp"

namespace irqbench::scenarios {

std::span<const Architecture* const> architectures() {
    static constexpr std::array all{&verbs::x86::architecture, &verbs::arm64::architecture};
    return all;
}

const Architecture* find_architecture(std::string_view name) {
    const auto all = architectures();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Architecture* row) { return row->name == name; });
    return found == all.end() ? nullptr : *found;
}

bool is_of_delivery(std::string_view kernel_event) {
    for (const Architecture* each : architectures())
        for (const KernelEvent& event : each->kernel_events)
            if (event.name == kernel_event) return event.of_delivery;
    return false;
}

std::vector<Sign> signs_of(const vmm::Event& event) {
    for (const Architecture* each : architectures())
        if (auto signs = each->signs(event); !signs.empty()) return signs;
    return {};
}

std::span<const VerbInfo> verbs_of(std::string_view arch) {
    const Architecture* architecture = find_architecture(arch);
    return architecture == nullptr ? std::span<const VerbInfo>{} : architecture->verbs;
}

}  // namespace irqbench::scenarios
