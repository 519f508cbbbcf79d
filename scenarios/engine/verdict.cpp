#include "scenarios/engine/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/run.hpp"

namespace irqbench::scenarios {

namespace {

bool contains(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

/// The release, and with it the stable one where that is another.
std::string kernel_text(const vmm::Host& host) {
    const bool same = vmm::parse_kernel_version(host.kernel) == host.kernel_version;
    return same ? host.kernel : fmt::format("{} ({})", host.kernel, to_string(host.kernel_version));
}

std::string because(const std::string& reason) { return reason.empty() ? "" : ": " + reason; }

std::string list_text(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, ", "));
}

/// Whether what is about these irqchip modes, or about all of them, is about this one.
bool covers(const std::vector<std::string>& modes, std::string_view placement) {
    return modes.empty() || contains(modes, placement);
}

vmm::MachineConfig settled(const Scenario& scenario, std::string_view placement, const vmm::Host& host) {
    const std::string name(placement);
    return scenarios::settled(scenario, std::span(&name, 1), host);
}

/// Whether a fault of this host's KVM shows on the machine that the file gets.
bool has_trait(const Scenario& scenario, std::string_view placement, const vmm::Host& host,
               const std::string& trait) {
    return host.has_trait(placement, trait, settled(scenario, placement, host).gic);
}

std::optional<std::string> unmet(const Scenario& scenario, std::string_view placement,
                                 const vmm::Host& host) {
    const Requires& wanted = scenario.requires_;
    if (host.uses_kvm(placement) && host.kernel_version < vmm::parse_kernel_version(wanted.kernel))
        return fmt::format("needs Linux {}, this is {}", wanted.kernel, kernel_text(host));
    if (!covers(wanted.modes, placement)) return std::nullopt;
    for (const auto& capability : wanted.capabilities)
        if (!host.offers(placement, capability, scenario.arch)) return "needs the capability " + capability;
    for (const auto& trait : wanted.traits_absent)
        if (has_trait(scenario, placement, host, trait))
            return fmt::format("cannot be judged where {}{}", trait, because(wanted.because));
    return std::nullopt;
}

/// The first step done in this irqchip mode that is about an interface of KVM.
const Step* step_about_kvm(const std::vector<Step>& steps, std::string_view placement) {
    for (const Step& step : steps) {
        if (step.verb != nullptr && step.verb->facts().needs_kvm) return &step;
        if (step.block == nullptr) continue;
        if (step.block->kind == Block::Kind::only && !contains(step.block->modes, placement)) continue;
        for (const auto& [name, inner] : step.block->threads)
            if (const Step* found = step_about_kvm(inner, placement)) return found;
    }
    return nullptr;
}

std::optional<std::string> about_kvm(const Scenario& scenario, std::string_view placement) {
    const Step* step = step_about_kvm(scenario.setup, placement);
    if (step == nullptr) step = step_about_kvm(scenario.steps, placement);
    if (step == nullptr) return std::nullopt;
    return fmt::format("step {} is about an interface of KVM, and {} mode has none: {}", step->number,
                       placement, step->text);
}

bool is_fixed(const FixedIn& fix, const vmm::KernelVersion& kernel) {
    for (const vmm::KernelVersion& stable : fix.stable)
        if (stable.version == kernel.version && stable.patchlevel == kernel.patchlevel)
            return kernel >= stable;
    return kernel >= fix.mainline;
}

Verdict apply_fix(Verdict verdict, const Scenario& scenario, std::string_view placement,
                  const vmm::Host& host) {
    const bool failed = verdict.kind == Verdict::Kind::fail && verdict.failure.has_value();
    if (!failed || !scenario.fixed_in) return verdict;
    const FixedIn& fix = *scenario.fixed_in;
    // Where the controllers are our own a bug of KVM is something else, and the file has to say so.
    const bool is_ours = host.own.contains(placement) && (fix.modes.empty() || !host.uses_kvm(placement));
    if (!covers(fix.modes, placement) || is_ours) return verdict;
    const auto mainline = fmt::format("Linux {}.{}", fix.mainline.version, fix.mainline.patchlevel);
    if (is_fixed(fix, host.kernel_version)) {
        verdict.failure->remark =
            fmt::format("{} was to have fixed this; this is {}", mainline, kernel_text(host));
        verdict.reason += "; " + verdict.failure->remark;
    } else {
        verdict.kind = Verdict::Kind::known;
        verdict.reason =
            fmt::format("fixed in {}: {} ({})", mainline, scenario.name, list_text(scenario.reference));
    }
    return verdict;
}

bool concerns(const Known& known, const Scenario& scenario, std::string_view placement, vmm::RunMode run,
              const vmm::Host& host) {
    return (!known.run || *known.run == run) && covers(known.modes, placement) &&
           (known.trait.empty() || has_trait(scenario, placement, host, known.trait));
}

bool has_mode(std::string_view arch, std::string_view placement) {
    const Architecture* architecture = find_architecture(arch);
    if (architecture == nullptr) return true;
    const auto& modes = architecture->modes;
    return std::find(modes.begin(), modes.end(), placement) != modes.end();
}

bool is_foreign_to_kvm(std::string_view arch, std::string_view placement, const vmm::Host& host) {
    return arch != host.arch && host.uses_kvm(placement);
}

}  // namespace

std::string_view word(Verdict::Kind kind) {
    switch (kind) {
        case Verdict::Kind::pass: return "pass";
        case Verdict::Kind::fail: return "fail";
        case Verdict::Kind::skip: return "skip";
        case Verdict::Kind::known: return "known";
        case Verdict::Kind::error: return "error";
    }
    return "error";
}

// A host offers what KVM has to modes too that have another controller of that kind: what one of them lacks
// is left out, and chosen anew.
vmm::MachineConfig settled(const Scenario& scenario, std::span<const std::string> placements,
                           const vmm::Host& host) {
    const Architecture* architecture = find_architecture(scenario.arch);
    vmm::MachineConfig config = scenario.config;
    std::set<std::string, std::less<>> left_out;
    while (architecture != nullptr) {
        config = scenario.config;
        architecture->settle(config, [&](std::string_view capability) {
            return !left_out.contains(capability) &&
                   std::all_of(placements.begin(), placements.end(), [&](const std::string& placement) {
                       return host.offers(placement, capability, scenario.arch);
                   });
        });
        const bool is_lacked =
            config.gic != scenario.config.gic &&
            std::any_of(placements.begin(), placements.end(), [&](const std::string& placement) {
                return !architecture->lacks(config, placement).empty();
            });
        if (!is_lacked) break;
        const std::size_t before = left_out.size();
        for (const std::string_view each : architecture->needed(config)) left_out.emplace(each);
        if (left_out.size() == before) break;
    }
    return config;
}

std::optional<std::string> apart_reason(const Scenario& scenario, std::span<const std::string> placements,
                                        const vmm::Host& host) {
    if (placements.empty() || !settled(scenario, placements, host).gic.empty()) return std::nullopt;
    const bool each_has_one = std::all_of(placements.begin(), placements.end(), [&](const std::string& each) {
        return !settled(scenario, std::string_view(each), host).gic.empty();
    });
    if (!each_has_one) return std::nullopt;
    return fmt::format("{} have no GIC in common here", fmt::join(placements, " and "));
}

bool runs_architecture(std::string_view arch, std::string_view placement, const vmm::Host& host) {
    return has_mode(arch, placement) && !is_foreign_to_kvm(arch, placement, host);
}

std::optional<std::string> skip_reason(const Scenario& scenario, std::string_view placement,
                                       const vmm::Host& host, std::optional<vmm::RunMode> run) {
    if (!has_mode(scenario.arch, placement))
        return fmt::format("{} has no {} irqchip mode", scenario.arch, placement);
    if (!scenario.modes_only.empty() && !contains(scenario.modes_only, placement))
        return fmt::format("only in {}{}", list_text(scenario.modes_only), because(scenario.modes_because));
    if (contains(scenario.modes_not, placement))
        return fmt::format("not in {}{}", list_text(scenario.modes_not), because(scenario.modes_because));
    if (run == vmm::RunMode::stepped && needs_free_run(scenario)) return "makes sense free-running only";
    if (run == vmm::RunMode::free && scenario.stepped_only) return "makes sense stepped only";
    if (is_foreign_to_kvm(scenario.arch, placement, host))
        return fmt::format("is for {}, {} {}", scenario.arch,
                           host.is_of_lab ? "the lab's machines are" : "this host is", host.arch);
    if (!contains(host.placements, placement))
        return host.unavailable.empty() ? fmt::format("this host does not offer {} irqchip mode", placement)
                                        : "no KVM here: " + host.unavailable;
    if (!host.uses_kvm(placement))
        if (auto reason = about_kvm(scenario, placement)) return reason;
    if (const Architecture* architecture = find_architecture(scenario.arch); architecture != nullptr) {
        if (auto reason = architecture->lacks(scenario.config, placement); !reason.empty()) return reason;
        // What the file itself says was checked when it was loaded.
        const vmm::MachineConfig config = settled(scenario, placement, host);
        if (config.gic != scenario.config.gic)
            if (auto reason = architecture->check_machine(config); !reason.empty())
                return fmt::format("not on what {} mode has here: {}", placement, reason);
    }
    return unmet(scenario, placement, host);
}

std::optional<std::string> unmigrated_reason(const Scenario& scenario, std::string_view placement,
                                             const vmm::Host& host) {
    if (!contains(scenario.migration_not, placement)) return std::nullopt;
    if (!scenario.migration_trait.empty() && !has_trait(scenario, placement, host, scenario.migration_trait))
        return std::nullopt;
    if (scenario.migration_fixed_in && is_fixed(*scenario.migration_fixed_in, host.kernel_version))
        return std::nullopt;
    return fmt::format("not migrated in {}{}", list_text(scenario.migration_not),
                       because(scenario.migration_because));
}

namespace {

/// Whether a step is done in one of the modes only.
bool differs_between(const std::vector<Step>& steps, std::string_view one, std::string_view other) {
    return std::any_of(steps.begin(), steps.end(), [&](const Step& step) {
        if (step.block == nullptr) return false;
        const Block& block = *step.block;
        if (block.kind == Block::Kind::only && contains(block.modes, one) != contains(block.modes, other))
            return true;
        return std::any_of(block.threads.begin(), block.threads.end(),
                           [&](const auto& thread) { return differs_between(thread.second, one, other); });
    });
}

/// Whether a state is kept that only the mode it was saved in can restore.
bool saves_by_name(const std::vector<Step>& steps) {
    return std::any_of(steps.begin(), steps.end(), [](const Step& step) {
        if (step.verb != nullptr && !step.verb->facts().saves.empty()) return true;
        if (step.block == nullptr) return false;
        const auto& threads = step.block->threads;
        return std::any_of(threads.begin(), threads.end(),
                           [](const auto& thread) { return saves_by_name(thread.second); });
    });
}

}  // namespace

std::optional<std::string> unmoved_reason(const Scenario& scenario, std::string_view placement,
                                          std::string_view to, const vmm::Host& host,
                                          std::optional<vmm::RunMode> asked) {
    if (const auto reason = skip_reason(scenario, to, host, asked))
        return fmt::format("not in {} mode: {}", to, *reason);
    if (differs_between(scenario.setup, placement, to) || differs_between(scenario.steps, placement, to))
        return fmt::format("has steps of {} or {} mode alone", placement, to);
    if (needs_kernel_trace(scenario)) return "asks for the way through one kernel";
    if (!moves_to(scenario).empty()) return "moves by itself";
    if (saves_by_name(scenario.setup) || saves_by_name(scenario.steps))
        return "keeps a state of one mode under a name";
    const vmm::RunMode run = run_mode(scenario, asked);
    for (const std::string_view mode : {placement, to})
        for (const Known& known : scenario.known)
            if (concerns(known, scenario, mode, run, host))
                return fmt::format("diverges in {} mode: {}", mode, known.because);
    return std::nullopt;
}

Verdict apply_known(Verdict verdict, const Scenario& scenario, std::string_view placement, vmm::RunMode run,
                    const vmm::Host& host) {
    const bool judged = verdict.kind == Verdict::Kind::pass || verdict.failure.has_value();
    if (!judged) return verdict;
    for (const Known& known : scenario.known) {
        if (!concerns(known, scenario, placement, run, host)) continue;
        if (verdict.kind == Verdict::Kind::pass) {
            // What was not asserted, or need not show, cannot show that it is gone.
            if (!known.always || verdict.unasserted_steps.contains(known.step)) continue;
            verdict.kind = Verdict::Kind::fail;
            verdict.reason = fmt::format("known divergence is gone: step {} should have shown \"{}\" ({})",
                                         known.step, known.came, known.because);
            return verdict;
        }
        if (verdict.failure->step == known.step && verdict.failure->came == known.came) {
            verdict.kind = Verdict::Kind::known;
            verdict.invalid = false;
            verdict.reason = known.because;
            return verdict;
        }
    }
    return apply_fix(std::move(verdict), scenario, placement, host);
}

}  // namespace irqbench::scenarios
