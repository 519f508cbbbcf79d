#include "tools/fuzz/x86/architecture.hpp"

#include <fmt/format.h>

#include <array>

#include "tools/fuzz/x86/exclusions.hpp"
#include "tools/fuzz/x86/features.hpp"
#include "tools/fuzz/x86/grammar.hpp"

namespace irqbench::tools::fuzz::x86 {

namespace {

Case make(std::uint64_t seed, std::uint64_t number, const GeneratorOptions& options) {
    return Grammar(seed, number, options).make();
}

std::string always_possible(std::span<const std::string_view>) { return {}; }

std::unique_ptr<Sense> no_sense(const Case&) { return nullptr; }

/// The vCPUs that a message addresses while logical ids are those that cases begin with.
std::set<std::uint32_t> addressed(const Json& message, std::uint32_t vcpus) {
    const bool is_ipi = message.contains("from");
    const std::uint64_t destination = number_at(message, is_ipi ? "to" : "dest").value_or(0);
    const bool logical = message.contains("dest_mode") && message["dest_mode"] == "logical";
    std::set<std::uint32_t> chosen;
    for (std::uint32_t vcpu = 0; vcpu < vcpus; ++vcpu) {
        const bool is_meant =
            logical ? (destination >> vcpu & 1) != 0 : destination == 0xff || destination == vcpu;
        const bool is_other = message.contains("shorthand") && number_at(message, "from") != vcpu;
        if (message.contains("shorthand") ? is_other : is_meant) chosen.insert(vcpu);
    }
    return chosen;
}

/// KVM's local APICs choose among those that a message by lowest priority addresses.
std::map<std::uint32_t, std::set<std::uint32_t>> one_of(const Case& each) {
    std::map<std::uint32_t, std::set<std::uint32_t>> sets;
    for (const Json& step : each.steps) {
        const Json& argument = step.begin().value();
        if (!argument.is_object()) continue;
        const Json& message = argument.contains("msi") ? argument["msi"] : argument;
        const auto vector = number_at(message, "vector");
        if (!vector || !message.contains("mode") || message["mode"] != "lowest-priority") continue;
        sets[static_cast<std::uint32_t>(*vector)].merge(addressed(message, each.vcpus));
    }
    return sets;
}

std::vector<Json> control() { return {{{"msi", "0xff"}}, {{"ack", "0xff"}}}; }

Json vector_word(std::uint32_t vector) { return fmt::format("{:#04x}", vector); }

constexpr std::array<std::string_view, 4> usual_vectors{"0x51", "0x52", "0x61", "0x71"};
constexpr std::array<std::string_view, 2> kept{"pin", "gsi"};

/// The verb `lapic` has no place to say that it faults.
Json as_write(const Json& lapic) {
    Json argument = Json::object();
    if (lapic.contains("vcpu")) argument["vcpu"] = lapic["vcpu"];
    argument["lapic"] = lapic["register"];
    argument["value"] = lapic["value"];
    return {{"write", std::move(argument)}};
}

void raises(Json& step, const std::string& exception) {
    if (step.contains("lapic")) step = as_write(step["lapic"]);
    for (const char* verb : {"read", "write"})
        if (step.contains(verb)) step[verb]["fault"] = exception;
}

}  // namespace

const Architecture architecture{"x86_64", features, exclusions(), always_possible, make, no_sense, one_of,
                                control,  "vector", vector_word,  usual_vectors,   kept, raises};

}  // namespace irqbench::tools::fuzz::x86
