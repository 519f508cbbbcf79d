#include "tests/tools/cli_fixture.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <fstream>

#include "vmm/factory.hpp"

namespace irqbench::tests {

Cli::Cli() {
    std::string pattern = (std::filesystem::temp_directory_path() / "irqbench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "mkdtemp");
    folder_ = pattern;
    host.arch = "x86_64";
    host.kernel = "6.1.176";
    host.kernel_version = {6, 1, 176};
    host.placements = {"kernel", "split"};
    host.traits = {"lapic_eoi_at_delivery"};
    host.capabilities = {{"irqchip", 1}, {"x2apic_api", 0}};
}

Cli::~Cli() { std::filesystem::remove_all(folder_); }

std::string Cli::file(const std::string& name, const std::string& text) const {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
}

std::string Cli::read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
}

int Cli::run(const std::vector<std::string>& arguments) {
    std::ostringstream out_stream;
    std::ostringstream err_stream;
    if (out_is_full) out_stream.setstate(std::ios::badbit);
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(err_stream));
    logger->set_pattern("irqbench: %v");
    spdlog::set_default_logger(logger);
    tools::Surroundings surroundings{
        out_stream,
        err_stream,
        terminal,
        terminal,
        [this](const char* name) { return environment[name]; },
        [this] { return host; },
        [this](const vmm::MachineConfig& config, vmm::Trace& trace) -> std::unique_ptr<vmm::Machine> {
            ++machines;
            if (asked) asked(config);
            if (has_model && config.placement == "model") return vmm::make_machine(config, trace);
            auto machine = std::make_unique<FakeMachine>(trace);
            if (prepare) prepare(*machine);
            return machine;
        },
        interrupted,
    };
    const int status = tools::run_irqbench(arguments, surroundings);
    out = out_stream.str();
    err = err_stream.str();
    return status;
}

std::string scenario_text(const std::string& name, const std::string& steps, const std::string& more) {
    return fmt::format(R"({{ "name": "{}", "arch": "x86_64", "source": "a test",{} "steps": [ {} ] }})", name,
                       more, steps);
}

}  // namespace irqbench::tests
