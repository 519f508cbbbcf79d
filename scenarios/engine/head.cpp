#include "scenarios/engine/head.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/engine/architecture.hpp"
#include "vmm/factory.hpp"

namespace irqbench::scenarios {

namespace {

constexpr std::uint64_t max_releases = 100;

}  // namespace

namespace head {

void Vcpus::check(const Vcpus& vcpus, const Cursor& at) {
    const std::size_t count = vcpus.ids.empty() ? vcpus.count : vcpus.ids.size();
    if (count > max_vcpus) at.fail(fmt::format("{} vCPUs are more than {}", count, max_vcpus));
    auto sorted = vcpus.ids;
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end())
        at.fail(fmt::format("two vCPUs have the id {}", *twice), ScenarioError::Kind::invalid);
    if (vcpus.started.value_or(0) > count)
        at.fail(fmt::format("cannot start {} vCPUs out of {}", *vcpus.started, count),
                ScenarioError::Kind::invalid);
}

void Requirements::check(const Requirements& requirements, const Cursor& at) {
    if (!requirements.irqchip.empty() && requirements.capabilities.empty() &&
        requirements.trait_absent.empty())
        at.fail("'irqchip' says where 'capabilities' or 'trait_absent' count, and there are none",
                ScenarioError::Kind::invalid);
    const std::string& kernel = requirements.kernel;
    const Node* node = at.node().find("kernel");
    if (node == nullptr) return;
    const bool digits = kernel.find_first_not_of("0123456789.") == std::string::npos;
    if (!digits || kernel.front() == '.' || kernel.back() == '.' || kernel.find('.') == std::string::npos)
        at.at("kernel", *node).fail(fmt::format("must be a release like \"6.1\", not \"{}\"", kernel));
}

}  // namespace head

head::TraitName Form<head::TraitName>::read(const Cursor& at, Limits) {
    const auto names = at.reading().architecture->traits;
    return {std::string(names[detail::read_word(at, names)])};
}

Json Form<head::TraitName>::schema(Limits) { return {{"$ref", "#/definitions/trait"}}; }

head::CapabilityName Form<head::CapabilityName>::read(const Cursor& at, Limits) {
    const auto names = vmm::capability_names();
    // As the kernel's header has it, which no suggestion would find.
    constexpr std::string_view prefix = "KVM_CAP_";
    if (const std::string* text = at.node().text(); text != nullptr && text->starts_with(prefix)) {
        std::string name = text->substr(prefix.size());
        std::transform(name.begin(), name.end(), name.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        if (std::find(names.begin(), names.end(), name) != names.end())
            at.fail(fmt::format("unknown word \"{}\": write '{}'", *text, name));
    }
    return {std::string(names[detail::read_word(at, names)])};
}

Json Form<head::CapabilityName>::schema(Limits) { return detail::word_schema(vmm::capability_names()); }

namespace {

/// `6.13`, `6.12.5`.
std::size_t count_of_numbers(const std::string& release) {
    return static_cast<std::size_t>(std::count(release.begin(), release.end(), '.')) + 1;
}

/// @param is_mainline set if there are two numbers instead of three
vmm::KernelVersion read_release(const Cursor& at, bool& is_mainline) {
    const std::string text = Form<std::string>::read(at, {});
    const vmm::KernelVersion release = vmm::parse_kernel_version(text);
    const std::size_t count = count_of_numbers(text);
    is_mainline = count == 2;
    const bool as_printed = is_mainline ? to_string(release) == text + ".0" : to_string(release) == text;
    if (!as_printed || count > 3)
        at.fail(fmt::format("must be a release like \"6.13\" or \"6.12.5\", not \"{}\"", text));
    return release;
}

}  // namespace

head::Releases Form<head::Releases>::read(const Cursor& at, Limits) {
    head::Releases releases;
    std::size_t mainlines = 0;
    const auto add = [&](const Cursor& place) {
        bool is_mainline = false;
        const vmm::KernelVersion release = read_release(place, is_mainline);
        mainlines += is_mainline ? 1 : 0;
        if (is_mainline)
            releases.mainline = release;
        else
            releases.stable.push_back(release);
    };
    if (const Node::Array* array = at.node().array()) {
        detail::check_length(at, *array, between(1, max_releases));
        for (std::size_t i = 0; i < array->size(); ++i) add(at.at(i, (*array)[i]));
    } else {
        add(at);
    }
    if (mainlines != 1)
        at.fail("needs one release of mainline, like \"6.13\": stable kernels take their fixes from there",
                ScenarioError::Kind::invalid);
    const auto series = [](const vmm::KernelVersion& one) { return std::pair(one.version, one.patchlevel); };
    for (std::size_t i = 0; i < releases.stable.size(); ++i) {
        const vmm::KernelVersion& stable = releases.stable[i];
        if (series(stable) >= series(releases.mainline))
            at.fail(fmt::format("{} comes after Linux {}.{}, which has the fix", to_string(stable),
                                releases.mainline.version, releases.mainline.patchlevel),
                    ScenarioError::Kind::invalid);
        for (std::size_t j = 0; j < i; ++j)
            if (series(stable) == series(releases.stable[j]))
                at.fail(fmt::format("{} and {} are of one series", to_string(releases.stable[j]),
                                    to_string(stable)),
                        ScenarioError::Kind::invalid);
    }
    return releases;
}

Json Form<head::Releases>::schema(Limits) {
    const Json release{{"type", "string"}, {"pattern", R"(^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){1,2}$)"}};
    return {
        {"anyOf",
         {release, {{"type", "array"}, {"minItems", 1}, {"maxItems", max_releases}, {"items", release}}}}};
}

head::OutcomeAck Form<head::OutcomeAck>::read(const Cursor& at, Limits) {
    return {at.reading().architecture->read_outcome(at)};
}

Json Form<head::OutcomeAck>::schema(Limits) { return {{"$ref", "#/definitions/outcome"}}; }

head::MachineOptions Form<head::MachineOptions>::read(const Cursor& at, Limits) {
    head::MachineOptions options;
    at.reading().architecture->read_machine(at, options.config);
    return options;
}

Json Form<head::MachineOptions>::schema(Limits) { return {{"$ref", "#/definitions/machine"}}; }

}  // namespace irqbench::scenarios
