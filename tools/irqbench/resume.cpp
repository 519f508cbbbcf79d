#include "tools/irqbench/resume.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tools/report/records.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

[[noreturn]] void refuse(const std::string& complaint) { throw CLI::ValidationError("--resume", complaint); }

/// What a run that was killed may leave as its last line.
bool is_cut_record(std::string_view line) {
    constexpr std::string_view begin = R"({"record":")";
    return line.substr(0, begin.size()) == begin.substr(0, line.size()) && !nlohmann::json::accept(line);
}

/// @throws std::invalid_argument when it is no record, or one of another kernel
void add_record(std::string_view line, const std::string& kernel, EarlierResults& results) {
    Record record = parse_record(line);
    auto* finished = std::get_if<record::Finished>(&record);
    if (finished == nullptr || !finished->complete) return;
    Result& result = finished->result;
    if (result.kernel != kernel)
        throw std::invalid_argument(
            fmt::format("a result of Linux {}; this is Linux {}", printable(result.kernel), kernel));
    auto key = std::pair(result.file, result.irqchip);
    results.insert_or_assign(std::move(key), std::move(result));
}

}  // namespace

EarlierResults read_earlier_results(const std::string& file, const std::string& kernel) {
    std::ifstream in(file);
    if (!in) refuse(fmt::format("cannot read {}: {}", file, std::strerror(errno)));
    EarlierResults results;
    std::string line;
    for (std::size_t number = 1; std::getline(in, line); ++number) {
        const bool is_cut = in.eof() && is_cut_record(line);
        try {
            add_record(line, kernel, results);
        } catch (const std::invalid_argument& error) {
            if (!is_cut) refuse(fmt::format("{}:{}: {}", file, number, error.what()));
        }
    }
    if (in.bad()) refuse(fmt::format("cannot read {}: {}", file, std::strerror(errno)));
    return results;
}

}  // namespace irqbench::tools
