#pragma once

#include <span>
#include <string>

#include "tools/report/result.hpp"
#include "tools/report/style.hpp"

namespace irqbench::tools {

/// A table: rows folders of scenarios, columns irqchip modes, cells such as `12 pass 1 known 2 skip`.
std::string matrix(std::span<const Result> results);

/// A table of results of several kernels: rows scenarios, columns irqchip modes under their kernels, cells
/// `pass`, `FAIL`, `skip`, `known`, `ERROR`, or `-` where there is no result. What could not be loaded is so
/// in every mode of the kernel.
std::string kernel_matrix(std::span<const Result> results, const TextStyle& style);

}  // namespace irqbench::tools
