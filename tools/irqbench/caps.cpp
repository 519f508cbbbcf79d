#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/remedy.hpp"

namespace irqbench::tools {

namespace {

std::string listed(const char* title, const auto& words) {
    return fmt::format("{:<15}{}\n", title,
                       words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", ")));
}

/// What our own controllers offer, of each architecture.
std::string own_controllers(const vmm::Host& host) {
    std::string text;
    for (const auto& [mode, own] : host.own) {
        if (!own.capabilities.empty()) text += listed(mode.c_str(), own.capabilities);
        for (const auto& [arch, capabilities] : own.of_arch)
            text += listed(fmt::format("{} {}", mode, arch).c_str(), capabilities);
    }
    return text;
}

std::string table(const vmm::Host& host) {
    std::string text = fmt::format("{:<15}Linux {}\n", "kernel", host.kernel);
    if (!host.unavailable.empty()) {
        text += fmt::format("{:<15}{}\n", "no KVM", host.unavailable);
        if (const auto hint = remedy(host.unavailable); !hint.empty())
            text += fmt::format("{:<15}{}\n", "remedy", hint);
        if (!host.placements.empty()) text += listed("irqchip modes", host.placements);
        return text + own_controllers(host);
    }
    text += listed("irqchip modes", host.placements);
    text += own_controllers(host);
    text += listed("traits", host.traits);
    for (const auto& [gic, traits] : host.traits_of_gic)
        if (!traits.empty()) text += listed(fmt::format("traits GIC{}", gic).c_str(), traits);
    std::size_t width = 0;
    for (const auto& capability : host.capabilities) width = std::max(width, capability.name.size());
    text += "capabilities\n";
    for (const auto& capability : host.capabilities)
        text += fmt::format("  {:<{}}  {}\n", capability.name, width,
                            capability.value == 0 ? "-" : fmt::format("{}", capability.value));
    return text;
}

std::string json(const vmm::Host& host) {
    auto capabilities = nlohmann::ordered_json::object();
    for (const auto& capability : host.capabilities) capabilities[capability.name] = capability.value;
    auto own = nlohmann::ordered_json::object();
    for (const auto& [mode, ours] : host.own) {
        auto& of_mode = own[mode] = nlohmann::ordered_json::object();
        if (!ours.capabilities.empty()) of_mode["any"] = ours.capabilities;
        for (const auto& [arch, names] : ours.of_arch) of_mode[arch] = names;
    }
    const nlohmann::ordered_json report = {{"kernel", host.kernel},
                                           {"unavailable", host.unavailable},
                                           {"irqchip_modes", host.placements},
                                           {"own_controllers", own},
                                           {"traits", host.traits},
                                           {"traits_of_gic", host.traits_of_gic},
                                           {"capabilities", capabilities}};
    return report.dump(2) + '\n';
}

}  // namespace

void add_caps(CommandLine& line, Surroundings& surroundings) {
    auto format = std::make_shared<std::string>("text");
    CLI::App& app = *line.app.add_subcommand("caps", "Print what this host's KVM offers");
    app.add_option("--format", *format, "How it is printed")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    app.callback([format, &line, &surroundings] {
        const vmm::Host host = surroundings.probe_host();
        surroundings.out << (*format == "json" ? json(host) : table(host));
        line.status = host.unavailable.empty() ? ExitStatus::passed : ExitStatus::bench_error;
    });
}

}  // namespace irqbench::tools
