#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "tools/lab/kernel.hpp"

namespace irqbench::tools {

/// What results call the kernels of a lab: by release, with the name behind it where several may have the
/// same release, as builds of one source do: `6.12.0-rc3 (good/bzImage)`.
class KernelLabels {
  public:
    /// @param kernels must outlive this
    explicit KernelLabels(std::span<const lab::Kernel> kernels);

    /// Whether a label is more than the release.
    [[nodiscard]] bool has_names() const { return by_name_; }
    /// @param kernel its number
    [[nodiscard]] std::string label(std::size_t kernel, const std::string& release) const;
    /// The other way round. Nothing if it is the label of another kernel.
    [[nodiscard]] std::optional<std::string> release(std::size_t kernel, const std::string& label) const;

  private:
    [[nodiscard]] std::string suffix(std::size_t kernel) const;

    std::span<const lab::Kernel> kernels_;
    bool by_name_ = false;
};

}  // namespace irqbench::tools
