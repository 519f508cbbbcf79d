#include <algorithm>

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/resume.hpp"
#include "tools/report/changes.hpp"

namespace irqbench::tools {

namespace {

struct CompareCommand {
    std::string before;
    std::string after;
    std::string format = "text";
    bool verbose = false;
};

int perform(const CompareCommand& command, Surroundings& surroundings) {
    const EarlierRun before = read_run(command.before, "OLD");
    const EarlierRun after = read_run(command.after, "NEW");
    warn_of_cut(before, command.before);
    warn_of_cut(after, command.after);
    const Changes changes = changes_between(before.results, after.results);
    ReportOptions options = report_options(surroundings, command.format);
    options.verbose = command.verbose;
    surroundings.out << changes_text(changes, options);
    if (after.is_cut()) return ExitStatus::interrupted;
    if (before.results.empty() || after.results.empty()) return ExitStatus::nothing_executed;
    const bool is_worse = std::any_of(changes.changes.begin(), changes.changes.end(), [](const Change& each) {
        return each.kind == Change::Kind::failing || each.kind == Change::Kind::flaky;
    });
    return is_worse ? ExitStatus::failed : ExitStatus::passed;
}

}  // namespace

void add_compare(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<CompareCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "compare", "Say what changed between two runs: failing, flaky, lost, slower, fixed");
    app.add_option("OLD", command->before, "What --format jsonl of the earlier run wrote")->required();
    app.add_option("NEW", command->after, "And of the later one")->required();
    app.add_option("--format", command->format, "How the changes are printed")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    app.add_flag("--verbose,-v", command->verbose, "Print a line also for everything that was added");
    app.footer(
        "Exit status: 1 if something is newly failing or flaky, 130 if the later run did not get to its "
        "end.\n\n" +
        app.get_footer());
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
