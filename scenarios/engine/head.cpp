#include "scenarios/engine/head.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/engine/architecture.hpp"
#include "vmm/factory.hpp"

namespace irqbench::scenarios {

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
    const std::string& kernel = requirements.kernel;
    const Node* node = at.node().find("kernel");
    if (node == nullptr) return;
    const bool digits = kernel.find_first_not_of("0123456789.") == std::string::npos;
    if (!digits || kernel.front() == '.' || kernel.back() == '.' || kernel.find('.') == std::string::npos)
        at.at("kernel", *node).fail(fmt::format("must be a release like \"6.1\", not \"{}\"", kernel));
}

}  // namespace head

head::TraitName Form<head::TraitName>::read(const Cursor& at, Limits) {
    const auto names = vmm::trait_names();
    return {std::string(names[detail::read_word(at, names)])};
}

Json Form<head::TraitName>::schema(Limits) { return detail::word_schema(vmm::trait_names()); }

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

head::MachineOptions Form<head::MachineOptions>::read(const Cursor& at, Limits) {
    head::MachineOptions options;
    at.reading().architecture->read_machine(at, options.config);
    return options;
}

Json Form<head::MachineOptions>::schema(Limits) { return {{"$ref", "#/definitions/machine"}}; }

}  // namespace irqbench::scenarios
