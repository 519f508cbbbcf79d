#include "scenarios/engine/explain.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "scenarios/engine/architecture.hpp"

namespace irqbench::scenarios {

namespace {

std::string machine_in_words(const Scenario& scenario) {
    const vmm::MachineConfig& config = scenario.config;
    std::string text =
        fmt::format("{} vCPU{}", config.vcpu_ids.size(), config.vcpu_ids.size() == 1 ? "" : "s");
    bool plain_ids = true;
    for (std::size_t i = 0; i < config.vcpu_ids.size(); ++i) plain_ids = plain_ids && config.vcpu_ids[i] == i;
    if (!plain_ids) text += fmt::format(" with the ids {}", fmt::join(config.vcpu_ids, ", "));
    if (config.started != 0 && config.started < config.vcpu_ids.size())
        text += fmt::format(", {} of them started", config.started);
    if (const Architecture* architecture = find_architecture(scenario.arch))
        text += architecture->machine_in_words(config);
    if (config.memory != 0) text += fmt::format(", with {:#x} bytes of memory of its own", config.memory);
    return text;
}

std::string block_in_words(const Block& block) {
    switch (block.kind) {
        case Block::Kind::only:
            return fmt::format("In {} mode only, because {}:", fmt::join(block.modes, " or "), block.because);
        case Block::Kind::repeat: return fmt::format("{} time{}:", block.times, block.times == 1 ? "" : "s");
        case Block::Kind::parallel:
            return block.times == 1 ? "At the same time:"
                                    : fmt::format("At the same time, each of them {} times:", block.times);
        case Block::Kind::loop: return fmt::format("Again and again until '{}' has ended:", block.until);
    }
    return "";
}

void append_steps(std::string& text, const std::vector<Step>& steps, std::size_t depth) {
    const std::string indent(depth * 4, ' ');
    for (const Step& step : steps) {
        text += fmt::format("{}{:>4}. {}\n", indent, step.number,
                            step.block ? block_in_words(*step.block) : step.verb->explain());
        if (!step.block) continue;
        for (const auto& [name, body] : step.block->threads) {
            if (!name.empty()) text += fmt::format("{}      {}:\n", indent, name);
            append_steps(text, body, depth + 1);
        }
    }
}

/// `in split mode, stepped, `; nothing where it is everywhere.
std::string where_in_words(const Known& known) {
    std::string text;
    if (!known.modes.empty()) text += fmt::format("in {} mode, ", fmt::join(known.modes, " or "));
    if (known.run) text += *known.run == vmm::RunMode::free ? "free-running, " : "stepped, ";
    return text;
}

std::string fix_in_words(const FixedIn& fix) {
    std::string text = fmt::format("Linux {}.{}", fix.mainline.version, fix.mainline.patchlevel);
    for (const vmm::KernelVersion& stable : fix.stable) text += ", " + to_string(stable);
    if (!fix.modes.empty()) text += fmt::format(" (in {} mode)", fmt::join(fix.modes, " or "));
    return text;
}

void append_outcomes(std::string& text, std::string_view word, const std::vector<expect::Ack>& acks) {
    for (const expect::Ack& ack : acks) text += fmt::format("      {}: {}\n", word, describe(ack));
}

}  // namespace

std::string explain(const Scenario& scenario) {
    std::string text = scenario.name + "\n";
    if (!scenario.description.empty()) text += fmt::format("{}\n", scenario.description);
    if (!scenario.source.empty()) text += fmt::format("Source: {}\n", scenario.source);
    if (!scenario.reference.empty())
        text += fmt::format("Reference: {}\n", fmt::join(scenario.reference, ", "));
    text += fmt::format("Machine: {}\n", machine_in_words(scenario));
    if (!scenario.modes_only.empty())
        text += fmt::format("Only in {} mode: {}\n", fmt::join(scenario.modes_only, " or "),
                            scenario.modes_because);
    if (!scenario.modes_not.empty())
        text += fmt::format("Not in {} mode: {}\n", fmt::join(scenario.modes_not, " or "),
                            scenario.modes_because);
    if (scenario.fixed_in) text += fmt::format("Fixed in: {}\n", fix_in_words(*scenario.fixed_in));
    if (scenario.free_only) text += "Runs freely only.\n";
    if (scenario.stepped_only) text += "Runs stepped only.\n";
    if (!scenario.setup.empty()) {
        text += "\nSet-up\n";
        append_steps(text, scenario.setup, 0);
    }
    text += "\nSteps\n";
    append_steps(text, scenario.steps, 0);
    if (scenario.outcomes) {
        text += "\nOutcomes\n";
        append_outcomes(text, "allowed", scenario.outcomes->allowed);
        append_outcomes(text, "required", scenario.outcomes->required);
        append_outcomes(text, "forbidden", scenario.outcomes->forbidden);
        if (scenario.outcomes->all_allowed_seen) text += "      every allowed outcome must be seen\n";
    }
    for (const Known& known : scenario.known)
        text += fmt::format("\nKnown: {}on a host with the trait {}, step {} gives \"{}\": {}\n",
                            where_in_words(known), known.trait, known.step, known.came, known.because);
    return text;
}

}  // namespace irqbench::scenarios
