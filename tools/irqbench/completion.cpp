#include <fmt/format.h>

#include "tools/irqbench/cli.hpp"

namespace irqbench::tools {

namespace {

/// The words after an option, where they are a closed list: CLI11 prints them as `{a,b}` in the option's
/// type.
std::string choices(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const auto begin = type.find('{');
    const auto end = type.find('}', begin);
    if (begin == std::string::npos || end == std::string::npos) return {};
    std::string words = type.substr(begin + 1, end - begin - 1);
    for (char& c : words)
        if (c == ',') c = ' ';
    return words;
}

std::string option_words(const CLI::App& app) {
    std::string words;
    for (const CLI::Option* option : app.get_options()) {
        for (const auto& name : option->get_lnames()) words += (words.empty() ? "--" : " --") + name;
        for (const auto& name : option->get_snames()) words += (words.empty() ? "-" : " -") + name;
    }
    return words;
}

std::string subcommand_words(const CLI::App& app) {
    std::string words;
    for (const CLI::App* command : app.get_subcommands({}))
        words += (words.empty() ? "" : " ") + command->get_name();
    return words;
}

/// Made from the command line itself, so that it cannot know other options than the command does.
std::string bash_script(const CLI::App& app) {
    const std::string commands = subcommand_words(app);
    std::string options;
    std::string values;
    for (const CLI::App* command : app.get_subcommands({})) {
        options += fmt::format("        {}) words=\"{}\" ;;\n", command->get_name(), option_words(*command));
        for (const CLI::Option* option : command->get_options())
            for (const auto& name : option->get_lnames())
                if (const auto words = choices(*option); !words.empty())
                    values +=
                        fmt::format("        {} --{}) words=\"{}\" ;;\n", command->get_name(), name, words);
        for (const CLI::App* nested : command->get_subcommands({}))
            values += fmt::format("        {} {}) words=\"{}\" ;;\n", command->get_name(), nested->get_name(),
                                  subcommand_words(*nested));
    }
    values += fmt::format("        lab --) words=\"{}\" ;;\n", commands);
    std::string patterns;
    for (std::size_t begin = 0; begin < values.size();) {
        const std::size_t end = values.find('\n', begin);
        std::string line = values.substr(begin, end - begin);
        // `case` patterns with a space in them are quoted.
        const auto close = line.find(')');
        patterns += fmt::format("        \"{}\"{}\n", line.substr(8, close - 8), line.substr(close));
        begin = end + 1;
    }
    return fmt::format(R"(# bash completion for irqbench: source <(irqbench completion bash)
_irqbench() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command=${{COMP_WORDS[1]}} words= before=
    COMPREPLY=()
    # Bash makes three words of --option=value.
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "{} {}" -- "$current")
        return
    fi
    case "$command $previous" in
{}    esac
    if [[ -z $words && $current == -* ]]; then
        case "$command" in
{}        esac
    fi
    if [[ -n $words ]]; then
        [[ $current == *,* ]] && before=${{current%,*}},
        mapfile -t COMPREPLY < <(compgen -P "$before" -W "$words" -- "${{current##*,}}")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}}
complete -o filenames -F _irqbench irqbench
)",
                       commands, option_words(app), patterns, options);
}

}  // namespace

void add_completion(CommandLine& line, Surroundings& surroundings) {
    CLI::App& app =
        *line.app.add_subcommand("completion", "Print a script that completes this command in a shell");
    auto shell = std::make_shared<std::string>("bash");
    app.add_option("SHELL", *shell, "The shell")->check(CLI::IsMember({"bash"}))->capture_default_str();
    app.callback([shell, &line, &surroundings] { surroundings.out << bash_script(line.app); });
}

}  // namespace irqbench::tools
