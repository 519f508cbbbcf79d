#pragma once

#include <string>

namespace irqbench::tests {

/// Whether the text is what tests/golden/NAME holds. With IRQBENCH_UPDATE_GOLDEN set in the environment the
/// file is written instead: look at the difference before you commit it.
bool is_golden(const std::string& text, const std::string& name);

}  // namespace irqbench::tests
