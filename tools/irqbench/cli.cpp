#include "tools/irqbench/cli.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <set>
#include <string_view>

#include "scenarios/engine/document.hpp"
#include "tools/irqbench/remedy.hpp"

namespace irqbench::tools {

namespace {

constexpr const char* version_text = "irqbench " IRQBENCH_VERSION;

constexpr const char* footer =
    "Exit status: 0 all passed, 1 something failed, 2 malformed input or usage, 3 host or bench error,\n"
    "4 invalid scenario, 5 nothing was executed, 130 interrupted. Where several apply, the first of\n"
    "130, 2, 4, 3, 1, 5; but 3 whatever happened when the output cannot be written.";

}  // namespace

CommandLine::CommandLine(Surroundings& surroundings)
    : app("A test bench for interrupt controllers and interrupt routing on KVM.", "irqbench") {
    app.set_version_flag("--version,-V", version_text, "Print the version and exit");
    app.require_subcommand(1);
    app.footer(footer);
    add_run(*this, surroundings);
    add_list(*this, surroundings);
    add_check(*this, surroundings);
    add_diff(*this, surroundings);
    add_fuzz(*this, surroundings);
    add_shrink(*this, surroundings);
    add_explain(*this, surroundings);
    add_import(*this, surroundings);
    add_record(*this, surroundings);
    add_report(*this, surroundings);
    add_compare(*this, surroundings);
    add_bench(*this, surroundings);
    add_caps(*this, surroundings);
    add_schema(*this, surroundings);
    add_lab(*this, surroundings);
    add_completion(*this, surroundings);
    for (CLI::App* command : app.get_subcommands({}))
        command->set_version_flag("--version,-V", version_text, "Print the version and exit");
}

namespace {

/// CLI11 says of a wrong first word only that a subcommand is required.
void refuse_unknown_command(const CLI::App& app, const std::string& word) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
    if (std::find(names.begin(), names.end(), word) != names.end()) return;
    std::error_code error;
    const std::string hint =
        std::filesystem::exists(word, error)
            ? fmt::format(", did you mean \"irqbench run {}\"?", word)
            : scenarios::suggestion(word, std::vector<std::string_view>(names.begin(), names.end()));
    throw CLI::ValidationError(fmt::format("\"{}\" is no subcommand{}", word, hint));
}

/// `irqbench help` and `irqbench help COMMAND`, as people try them.
std::vector<std::string> without_help_word(std::vector<std::string> arguments) {
    if (arguments.empty() || arguments.front() != "help") return arguments;
    arguments.erase(arguments.begin());
    if (arguments.size() > 1) arguments.resize(1);
    arguments.emplace_back("--help");
    return arguments;
}

/// What is behind `--` is a command line of its own where it is for a machine of the lab.
void split_off_inner_command(std::vector<std::string>& arguments, CommandLine& line) {
    if (arguments.empty() || arguments.front() != "lab") return;
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    if (dashes == arguments.end()) return;
    line.behind.assign(std::next(dashes), arguments.end());
    arguments.erase(dashes, arguments.end());
}

/// The first option that the subcommand does not have, with one it does have that is spelt alike.
std::string unknown_option(const CLI::App& app, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands())
        for (const CLI::Option* option : command->get_options())
            for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& argument : arguments) {
        const std::string word = argument.substr(0, argument.find('='));
        if (word.rfind("--", 0) != 0 || std::find(names.begin(), names.end(), word) != names.end()) continue;
        const std::string hint =
            scenarios::suggestion(word, std::vector<std::string_view>(names.begin(), names.end()));
        return fmt::format("unknown option {}{}", word, hint);
    }
    return "";
}

/// Also `--help` and `--version` end the parsing, with a success.
int refuse(const CLI::App& app, const CLI::ParseError& error, Surroundings& surroundings) {
    const int status = app.exit(error, surroundings.out, surroundings.err);
    return status == 0 ? ExitStatus::passed : ExitStatus::malformed;
}

}  // namespace

int parse_and_run(CommandLine& line, const std::vector<std::string>& given, Surroundings& surroundings) {
    auto arguments = without_help_word(given);
    split_off_inner_command(arguments, line);
    try {
        if (!arguments.empty() && arguments.front().rfind('-', 0) != 0)
            refuse_unknown_command(line.app, arguments.front());
        // CLI11 takes the arguments in reverse.
        line.app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
        return line.status;
    } catch (const CLI::ExtrasError& error) {
        const std::string reason = unknown_option(line.app, arguments);
        if (reason.empty()) return refuse(line.app, error, surroundings);
        return refuse(line.app, CLI::ValidationError(reason), surroundings);
    } catch (const CLI::ParseError& error) {
        return refuse(line.app, error, surroundings);
    } catch (const std::exception& error) {
        spdlog::error("{}", with_remedy(error.what()));
        return ExitStatus::bench_error;
    }
}

int run_irqbench(const std::vector<std::string>& arguments, Surroundings& surroundings) {
    CommandLine line(surroundings);
    const int status = parse_and_run(line, arguments, surroundings);
    // A full disk shows only when what is buffered is written.
    if (surroundings.out.flush()) return status;
    spdlog::error("the output could not be written");
    return ExitStatus::bench_error;
}

CLI::Validator whole_number() {
    const auto complaint = [](std::string& text) -> std::string {
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        const bool is_number = error == std::errc{} && end == text.data() + text.size();
        return is_number ? "" : fmt::format("{} is no whole number from 0 to {}", text, UINT64_MAX);
    };
    return CLI::Validator(complaint, "");
}

CLI::Validator some_name() {
    return {[](const std::string& name) { return std::string(name.empty() ? "the name is empty" : ""); }, ""};
}

CLI::Validator mode_list(const std::string& more) {
    std::vector<std::string> words(std::begin(irqchip_modes), std::end(irqchip_modes));
    words.push_back(more);
    const auto check = [is_mode = CLI::IsMember(words)](const std::string& list) {
        for (const std::string& word : CLI::detail::split(list, ','))
            if (std::string complaint = is_mode(word); !complaint.empty()) return complaint;
        return std::string();
    };
    return {check, CLI::IsMember(words).get_description()};
}

void need_modes_to_compare(const std::vector<std::string>& between, const std::string& example) {
    const std::set<std::string> distinct(between.begin(), between.end());
    if (between.size() < 2 || distinct.size() != between.size())
        throw CLI::ValidationError("--between",
                                   "takes two irqchip modes or more, each once: --between " + example);
}

}  // namespace irqbench::tools
