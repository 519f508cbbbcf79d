#pragma once

#include <span>
#include <string>

#include "tools/report/page.hpp"

namespace irqbench::tools {

/// The file of `--report`.
class PageFile {
  public:
    /// @param path empty: there is none
    /// @throws CLI::ValidationError when it cannot be written; what it holds is left alone until write()
    explicit PageFile(std::string path);

    [[nodiscard]] bool wanted() const { return !path_.empty(); }
    /// @returns false after it has said that it failed
    bool write(std::span<const Result> results, const PageOptions& options) const;

  private:
    std::string path_;
};

}  // namespace irqbench::tools
