#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "tools/report/result.hpp"

namespace irqbench::tools {

struct ModeResults {
    std::string irqchip;  ///< empty: what could not be loaded, or not be booted
    std::vector<Result> results;
};

struct KernelResults {
    std::string release;
    std::vector<ModeResults> modes;
};

/// The results by kernel, then by irqchip mode, each in the order in which it comes first.
std::vector<KernelResults> by_kernel(std::span<const Result> results);

/// How a report of several kernels calls them: `6.1` for `6.1.0-50-cloud-amd64`, with as much more as it
/// takes to tell them apart.
class KernelNames {
  public:
    explicit KernelNames(std::span<const Result> results);

    [[nodiscard]] bool several() const { return names_.size() > 1; }
    /// @param release one of those of the results
    [[nodiscard]] const std::string& of(const std::string& release) const { return names_.at(release); }
    /// The irqchip mode, with the kernel before it when there are several.
    [[nodiscard]] std::string placement(const Result& result) const;

  private:
    std::map<std::string, std::string> names_;
};

}  // namespace irqbench::tools
