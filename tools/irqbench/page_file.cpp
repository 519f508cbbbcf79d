#include "tools/irqbench/page_file.hpp"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace irqbench::tools {

PageFile::PageFile(std::string path) : path_(std::move(path)) {
    if (path_.empty()) return;
    if (!std::ofstream(path_, std::ios::app))
        throw CLI::ValidationError("--report", "cannot write " + path_ + ": " + std::strerror(errno));
}

bool PageFile::write(std::span<const Result> results, const PageOptions& options) const {
    if (!wanted()) return true;
    std::ofstream file(path_, std::ios::binary);
    file << html_page(results, options);
    if (file.flush()) return true;
    spdlog::error("--report: writing {} failed", path_);
    return false;
}

}  // namespace irqbench::tools
