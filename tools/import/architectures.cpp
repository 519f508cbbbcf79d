#include <algorithm>
#include <array>
#include <utility>

#include "tools/import/architecture.hpp"
#include "tools/import/arm64/architecture.hpp"
#include "tools/import/story.hpp"

namespace irqbench::importing {

namespace {

Imported import_x86(KvmTrace trace, const Machine& machine, const Heading& heading, std::uint32_t storm) {
    const Story story = tell(std::move(trace), machine, storm);
    return {write_scenario(story, machine, heading), story.happenings.size(), story.taken, story.inferred,
            story.storm};
}

}  // namespace

std::span<const Architecture* const> architectures() {
    static constexpr Architecture x86{"x86_64", [](std::string_view, std::string_view) { return false; },
                                      read_kvm_event, true, import_x86};
    static constexpr std::array all{&x86, &arm64::architecture};
    return all;
}

bool finds_storms(std::string_view arch) {
    const auto all = architectures();
    return std::any_of(all.begin(), all.end(),
                       [&](const Architecture* each) { return each->name == arch && each->finds_storms; });
}

Imported import_machine(KvmTrace trace, const Machine& machine, const Heading& heading, std::uint32_t storm) {
    const Architecture& architecture = *trace.architecture;
    return architecture.import(std::move(trace), machine, heading, storm);
}

}  // namespace irqbench::importing
