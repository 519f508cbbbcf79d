#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "scenarios/engine/run.hpp"
#include "scenarios/engine/verdict.hpp"
#include "tools/irqbench/campaign.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

std::string why_left_out(const std::string& arch, const vmm::Host& host, const CampaignOptions& options) {
    const bool on_kvm = std::any_of(options.modes.begin(), options.modes.end(),
                                    [&host](const std::string& mode) { return host.uses_kvm(mode); });
    if (!on_kvm) return fmt::format("{} has no {} irqchip mode", arch, fmt::join(options.modes, " or "));
    std::string why = fmt::format("{} {}",
                                  host.is_of_lab             ? "the lab's machines are"
                                  : host.unavailable.empty() ? "this host's KVM is"
                                                             : "this host is",
                                  host.arch);
    for (const std::string& mode : host.placements)
        if (scenarios::runs_architecture(arch, mode, host))
            why += fmt::format("; --irqchip {} runs them", mode);
    return why;
}

}  // namespace

std::vector<std::string> modes_of(const Loaded& file, const vmm::Host& host, const CampaignOptions& options) {
    const std::string& arch = file.scenario->arch;
    if (file.named || arch == host.arch) return options.modes;
    std::vector<std::string> modes;
    for (const std::string& mode : options.foreign_modes)
        if (scenarios::runs_architecture(arch, mode, host)) modes.push_back(mode);
    return modes;
}

void choose_modes(const std::string& list, const vmm::Host& host, CampaignOptions& options) {
    const auto contains = [](const auto& words, const std::string& word) {
        return std::find(std::begin(words), std::end(words), word) != std::end(words);
    };
    const auto asked = CLI::detail::split(list, ',');
    for (const std::string mode : irqchip_modes) {
        const bool offered = host.placements.empty() || contains(host.placements, mode);
        const bool by_name = contains(asked, mode);
        if (!by_name && !(contains(asked, "all") && offered)) continue;
        options.modes.push_back(mode);
        if (by_name || !host.unavailable.empty()) options.foreign_modes.push_back(mode);
    }
}

std::size_t count_tasks(std::span<const Loaded> files, const vmm::Host& host,
                        const CampaignOptions& options) {
    std::size_t tasks = 0;
    for (const Loaded& file : files) tasks += file.scenario ? modes_of(file, host, options).size() : 1;
    return tasks;
}

bool any_can_be_played(std::span<const Loaded> files, const vmm::Host& host, const CampaignOptions& options) {
    const auto can_be = [&](const Loaded& file) {
        if (!file.scenario) return true;
        const auto modes = modes_of(file, host, options);
        return std::any_of(modes.begin(), modes.end(), [&](const std::string& mode) {
            return scenarios::runs_architecture(file.scenario->arch, mode, host);
        });
    };
    return std::any_of(files.begin(), files.end(), can_be);
}

std::vector<std::string> left_out_files(std::span<const Loaded> files, const vmm::Host& host,
                                        const CampaignOptions& options) {
    std::map<std::string, std::size_t> counts;
    for (const Loaded& file : files)
        if (file.scenario && modes_of(file, host, options).empty()) ++counts[file.scenario->arch];
    std::vector<std::string> lines;
    for (const auto& [arch, count] : counts)
        lines.push_back(fmt::format("{} for {} left out: {}", counted(count, "file"), arch,
                                    why_left_out(arch, host, options)));
    return lines;
}

}  // namespace irqbench::tools
