#include "tools/fuzz/arm64/architecture.hpp"

#include <algorithm>
#include <array>

#include "tools/fuzz/arm64/exclusions.hpp"
#include "tools/fuzz/arm64/features.hpp"
#include "tools/fuzz/arm64/grammar.hpp"
#include "tools/fuzz/arm64/service.hpp"

namespace irqbench::tools::fuzz::arm64 {

namespace {

Case make_case(std::uint64_t seed, std::uint64_t number, const GeneratorOptions& options) {
    return Grammar(seed, number, options).make();
}

/// Every machine has a GIC of one version or the other.
std::string no_gic(std::span<const std::string_view> without) {
    const auto lacks = [&](std::string_view feature) {
        return std::find(without.begin(), without.end(), feature) != without.end();
    };
    if (!lacks(feature::gicv2) || !lacks(feature::gicv3)) return {};
    return "these modes have no GIC in common: where the host's KVM has a GICv3 alone, `userspace` has a "
           "GICv2 "
           "and `kernel` none; `irqbench lab --arch arm64 --gic v2 -- fuzz ...` plays on a KVM that has one";
}

std::unique_ptr<Sense> make_sense(const Case& each) { return std::make_unique<Service>(each); }

/// A vGIC has no interrupt for any one of several vCPUs: GICD_TYPER.No1N, and an SPI of a GICv2 that is
/// generated has one target.
std::map<std::uint32_t, std::set<std::uint32_t>> nothing_open(const Case&) { return {}; }

/// An SGI that no case uses.
std::vector<Json> control_sgi() {
    constexpr std::uint32_t intid = 15;
    return {{{"private", intid}}, {{"sgi", {{"intid", intid}, {"to", {0}}}}}, {{"ack", intid}}};
}

Json intid_text(std::uint32_t intid) { return intid; }

constexpr std::array<std::string_view, 8> kept_arguments{"gsi",  "intid", "ppi",  "priority",
                                                         "gicd", "gicr",  "gicc", "gic"};

void expect_exception(Json& step, const std::string& exception) {
    for (const char* verb : {"read", "write"})
        if (step.contains(verb))
            step[verb]["fault"] = exception.starts_with("trapped") ? "trapped" : exception;
}

}  // namespace

// An INTID is bound to its GSI: no other would do in its place.
const Architecture architecture{"arm64",    features,       exclusions(),    no_gic,  make_case,
                                make_sense, nothing_open,   control_sgi,     "intid", intid_text,
                                {},         kept_arguments, expect_exception};

}  // namespace irqbench::tools::fuzz::arm64
