#pragma once

#include <nlohmann/json.hpp>

namespace irqbench::scenarios {

/// Whether the shipped schema accepts the file, by an independent validator.
bool schema_accepts(const nlohmann::json& document);

/// The same for what `irqbench run --format json` prints.
bool results_schema_accepts(const nlohmann::json& document);

/// The same for one line of what `irqbench run --format jsonl` prints.
bool records_schema_accepts(const nlohmann::json& document);

/// The same for a saved state.
bool state_schema_accepts(const nlohmann::json& document);

}  // namespace irqbench::scenarios
