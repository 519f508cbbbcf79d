#include "scenarios/engine/load.hpp"

#include <fmt/format.h>

#include <numeric>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/head.hpp"
#include "scenarios/engine/validity.hpp"

namespace irqbench::scenarios {

namespace {

/// The verbs depend on it, so it is read before everything else.
const Architecture& read_architecture(const Cursor& root) {
    const Node* node = root.node().find("arch");
    if (node == nullptr) root.fail("needs the key 'arch'");
    const Cursor at = root.at("arch", *node);
    const std::string name = Form<std::string>::read(at, {});
    if (const Architecture* architecture = find_architecture(name)) return *architecture;
    std::vector<std::string_view> names;
    for (const Architecture* architecture : architectures()) names.push_back(architecture->name);
    at.fail(fmt::format("unknown architecture '{}'{}", name, suggestion(name, names)));
}

vmm::MachineConfig make_config(const head::Head& head) {
    vmm::MachineConfig config = head.machine.config;
    config.vcpu_ids = head.vcpus.ids;
    if (config.vcpu_ids.empty()) {
        config.vcpu_ids.resize(head.vcpus.count);
        std::iota(config.vcpu_ids.begin(), config.vcpu_ids.end(), 0U);
    }
    config.started = head.vcpus.started.value_or(0);
    if (head.run == head::Run::free) config.run = vmm::RunMode::free;
    return config;
}

std::optional<vmm::RunMode> run_mode(std::optional<head::Run> run) {
    if (!run) return std::nullopt;
    return *run == head::Run::free ? vmm::RunMode::free : vmm::RunMode::stepped;
}

std::vector<Known> make_known(const head::Head& head, const Cursor& root) {
    std::vector<Known> all;
    for (const head::KnownDivergence& known : head.known) {
        const Node& node = (*root.node().find("known")->array())[all.size()];
        Known one;
        one.modes = known.when.irqchip;
        one.trait = known.when.trait.name;
        one.run = run_mode(known.when.run);
        one.because = known.because;
        one.step = known.instead.step;
        one.came = known.instead.came;
        one.always = known.always;
        one.pointer = fmt::format("/known/{}", all.size());
        one.line = node.line;
        all.push_back(std::move(one));
    }
    return all;
}

std::vector<expect::Ack> to_acks(const std::vector<head::Outcome>& outcomes) {
    std::vector<expect::Ack> acks;
    for (const head::Outcome& outcome : outcomes) acks.push_back(outcome.ack.ack);
    return acks;
}

template <class Name>
std::vector<std::string> names_of(const std::vector<Name>& list) {
    std::vector<std::string> names;
    for (const Name& one : list) names.push_back(one.name);
    return names;
}

Scenario make_scenario(head::Head head, const Cursor& root) {
    Scenario scenario;
    scenario.file = root.reading().document.file;
    scenario.config = make_config(head);
    scenario.known = make_known(head, root);
    scenario.name = std::move(head.name);
    scenario.arch = std::move(head.arch);
    scenario.config.arch = scenario.arch;
    scenario.description = std::move(head.description);
    scenario.source = std::move(head.source);
    scenario.reference = std::move(head.reference);
    scenario.tags = std::move(head.tags);
    scenario.free_only = head.run == head::Run::free;
    scenario.stepped_only = head.run == head::Run::stepped;
    scenario.modes_only = std::move(head.modes.only);
    scenario.modes_not = std::move(head.modes.not_in);
    scenario.modes_because = std::move(head.modes.because);
    if (head.migration) {
        scenario.migration_not = std::move(head.migration->not_in);
        if (head.migration->trait) scenario.migration_trait = std::move(head.migration->trait->name);
        if (const auto& fixed = head.migration->fixed_in)
            scenario.migration_fixed_in = FixedIn{fixed->mainline, fixed->stable, {}};
        scenario.migration_because = std::move(head.migration->because);
    }
    scenario.requires_ = {names_of(head.requirements.capabilities), std::move(head.requirements.kernel),
                          names_of(head.requirements.trait_absent), std::move(head.requirements.irqchip),
                          std::move(head.requirements.because)};
    if (head.fixed_in)
        scenario.fixed_in =
            FixedIn{head.fixed_in->releases.mainline, head.fixed_in->releases.stable, head.fixed_in->irqchip};
    scenario.setup = std::move(head.setup.list);
    scenario.steps = std::move(head.steps.list);
    if (head.outcomes)
        scenario.outcomes = Outcomes{to_acks(head.outcomes->allowed), to_acks(head.outcomes->forbidden),
                                     to_acks(head.outcomes->required_), head.outcomes->seen.has_value()};
    return scenario;
}

/// Steps are numbered as they are read: set-up first, wherever it stands in the file.
void check_order(const Cursor& root) {
    const Node::Object* members = root.node().object();
    bool seen_steps = false;
    for (const Node::Member& member : *members) {
        if (member.key == "steps") seen_steps = true;
        if (member.key == "setup" && seen_steps)
            root.at(member.key, member.value).fail("must stand before 'steps', since it is done first");
    }
}

Scenario load_document(const Document& document, std::vector<std::filesystem::path>* reads = nullptr) {
    GroupLibrary groups;
    Reading reading{.document = document, .groups = &groups, .reads = reads};
    const Cursor root(reading);
    const bool has_only_groups = root.node().find("groups") != nullptr &&
                                 root.node().find("arch") == nullptr && root.node().find("steps") == nullptr;
    if (document.file.ends_with(groups_suffix) || has_only_groups)
        root.fail("holds groups of steps for scenarios that use it, and is none itself");
    if (root.node().find("irqbench_state") != nullptr)
        root.fail("is a saved state for 'restore' steps of scenarios, and is none itself");
    if (root.node().object() == nullptr)
        root.fail(fmt::format("a scenario is an object, not {}", in_words(root.node())));
    const Architecture& architecture = read_architecture(root);
    reading.architecture = &architecture;
    check_order(root);
    read_groups(root, groups);
    Scenario scenario = make_scenario(Form<head::Head>::read(root, {}), root);
    refuse_unused_groups(root, groups);
    for (const std::string_view capability : architecture.needed(scenario.config))
        scenario.requires_.capabilities.emplace_back(capability);
    check_validity(scenario, architecture, root);
    return scenario;
}

}  // namespace

Scenario load(const std::filesystem::path& path, std::vector<std::filesystem::path>* reads) {
    return load_document(read_document(path), reads);
}

Scenario load_text(std::string_view text, const std::filesystem::path& file) {
    return load_document(parse_document(file.string(), text));
}

}  // namespace irqbench::scenarios
