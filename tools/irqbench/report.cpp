#include <iterator>

#include "tools/irqbench/campaign.hpp"
#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/resume.hpp"
#include "tools/report/report.hpp"

namespace irqbench::tools {

namespace {

struct ReportCommand {
    std::vector<std::string> files;
    std::string format = "text";
    bool verbose = false;
};

int perform(const ReportCommand& command, Surroundings& surroundings) {
    std::vector<Result> results;
    bool is_cut = false;
    for (const std::string& file : command.files) {
        auto run = read_run(file, "FILE");
        warn_of_cut(run, file);
        is_cut = is_cut || run.is_cut();
        std::move(run.results.begin(), run.results.end(), std::back_inserter(results));
    }
    ReportOptions options = report_options(surroundings, command.format);
    options.verbose = command.verbose;
    options.interrupted = is_cut;
    for (const Result& each : results) options.elapsed += each.duration;
    surroundings.out << report_text(results, options);
    return exit_status(results, is_cut);
}

}  // namespace

void add_report(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<ReportCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "report", "Make one report of the results of several runs: hosts, kernels, shards");
    app.add_option("FILE", command->files, "What --format jsonl of each run wrote")->required();
    app.add_option("--format", command->format, "How results are printed")
        ->check(CLI::IsMember(std::vector<std::string>(report_formats.begin(), report_formats.end())))
        ->capture_default_str();
    app.add_flag("--verbose,-v", command->verbose,
                 "Print a line for every run, not only for those that went wrong");
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
