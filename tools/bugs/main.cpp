#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "scenarios/engine/load.hpp"
#include "tools/bugs/page.hpp"
#include "tools/report/records.hpp"

namespace {

using irqbench::tools::Result;

std::ifstream open(const char* path) {
    std::ifstream in(path);
    if (!in) throw std::runtime_error(fmt::format("cannot read {}", path));
    return in;
}

void read_results(const char* path, std::vector<Result>& results) {
    std::ifstream in = open(path);
    std::size_t number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        try {
            const irqbench::tools::Record record = irqbench::tools::parse_record(line);
            if (const auto* over = std::get_if<irqbench::tools::record::Finished>(&record))
                results.push_back(over->result);
        } catch (const std::invalid_argument& error) {
            throw std::runtime_error(fmt::format("{}:{}: {}", path, number, error.what()));
        }
    }
}

/// Of the files that the results are of, which are found from here.
std::map<std::string, std::string> oldest_kernels(const std::vector<Result>& results) {
    std::map<std::string, std::string> oldest;
    for (const Result& result : results)
        if (!result.reference.empty() && !oldest.contains(result.file))
            oldest[result.file] =
                irqbench::tools::bugs::oldest_kernel(irqbench::scenarios::load(result.file));
    return oldest;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 4) {
        fmt::print(stderr, "usage: bug-page ROWS.json CONTROLS RESULTS.jsonl...\n");
        return 2;
    }
    std::ifstream rows_file = open(argv[1]);
    auto rows = irqbench::tools::bugs::read_rows(irqbench::scenarios::Json::parse(rows_file));
    irqbench::tools::bugs::add_controls(rows, argv[2]);
    std::vector<Result> results;
    for (int i = 3; i < argc; ++i) read_results(argv[i], results);
    fmt::print("{}", irqbench::tools::bugs::page(rows, results, oldest_kernels(results)));
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "bug-page: {}\n", error.what());
    return 2;
}
