#include "tools/irqbench/kernel_labels.hpp"

#include <fmt/format.h>

#include <set>

namespace irqbench::tools {

KernelLabels::KernelLabels(std::span<const lab::Kernel> kernels) : kernels_(kernels) {
    std::set<std::string> releases;
    for (const auto& kernel : kernels)
        by_name_ = by_name_ || kernel.release.empty() || !releases.insert(kernel.release).second;
    by_name_ = by_name_ && kernels.size() > 1;
}

std::string KernelLabels::label(std::size_t kernel, const std::string& release) const {
    return release + suffix(kernel);
}

std::optional<std::string> KernelLabels::release(std::size_t kernel, const std::string& label) const {
    const std::string end = suffix(kernel);
    if (!label.ends_with(end)) return std::nullopt;
    const std::string release = label.substr(0, label.size() - end.size());
    const std::string& known = kernels_[kernel].release;
    return known.empty() || known == release ? std::optional(release) : std::nullopt;
}

std::string KernelLabels::suffix(std::size_t kernel) const {
    return by_name_ ? fmt::format(" ({})", kernels_[kernel].name) : "";
}

}  // namespace irqbench::tools
