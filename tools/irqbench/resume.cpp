#include "tools/irqbench/resume.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "tools/report/records.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

/// What a run that was killed may leave as its last line.
bool is_cut_record(std::string_view line) {
    constexpr std::string_view begin = R"({"record":")";
    return line.substr(0, begin.size()) == begin.substr(0, line.size()) && !nlohmann::json::accept(line);
}

/// @throws std::invalid_argument when it is no record
void add_record(std::string_view line, EarlierRun& run) {
    Record record = parse_record(line);
    if (const auto* begin = std::get_if<record::Begin>(&record)) {
        run.tasks += begin->tasks;
        run.ended = false;
    } else if (auto* finished = std::get_if<record::Finished>(&record)) {
        if (finished->complete) run.results.push_back(std::move(finished->result));
    } else if (const auto* end = std::get_if<record::End>(&record)) {
        run.ended = !end->interrupted;
    }
}

}  // namespace

EarlierRun read_run(const std::string& file, const std::string& argument) {
    const auto refuse = [&argument](const std::string& complaint) {
        throw CLI::ValidationError(argument, complaint);
    };
    std::ifstream in(file);
    if (!in) refuse(fmt::format("cannot read {}: {}", file, std::strerror(errno)));
    EarlierRun run;
    std::string line;
    for (std::size_t number = 1; std::getline(in, line); ++number) {
        const bool is_cut = in.eof() && is_cut_record(line);
        try {
            add_record(line, run);
        } catch (const std::invalid_argument& error) {
            if (!is_cut) refuse(fmt::format("{}:{}: {}", file, number, error.what()));
        }
    }
    if (in.bad()) refuse(fmt::format("cannot read {}: {}", file, std::strerror(errno)));
    return run;
}

void warn_of_cut(const EarlierRun& run, const std::string& file) {
    if (run.is_cut())
        spdlog::warn("{}: the run did not get to its end: {} of {} results", printable(file),
                     run.results.size(), run.tasks);
}

EarlierResults earlier_results(std::vector<Result> results, const std::string& kernel) {
    EarlierResults earlier;
    std::set<std::string> others;
    for (Result& result : results) {
        if (result.kernel != kernel) {
            others.insert(printable(result.kernel));
            continue;
        }
        auto key = std::pair(result.file, result.irqchip);
        earlier.insert_or_assign(std::move(key), std::move(result));
    }
    if (earlier.empty() && !others.empty())
        spdlog::warn("--resume: all is run, because the results are of Linux {}; this is Linux {}",
                     fmt::join(others, ", "), kernel);
    return earlier;
}

}  // namespace irqbench::tools
