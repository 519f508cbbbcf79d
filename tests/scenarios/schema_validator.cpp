#include "tests/scenarios/schema_validator.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wextra"
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>
#pragma GCC diagnostic pop

#include "tests/scenarios/files.hpp"

namespace irqbench::scenarios {

namespace {

std::unique_ptr<valijson::Schema> read_schema(const std::string& name) {
    const auto text = nlohmann::json::parse(read_text(source_dir() / "scenarios/schema" / name));
    auto parsed = std::make_unique<valijson::Schema>();
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(text), *parsed);
    return parsed;
}

bool accepts(const valijson::Schema& schema, const nlohmann::json& document) {
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    return validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(document), nullptr);
}

}  // namespace

bool schema_accepts(const nlohmann::json& document) {
    static const auto schema = read_schema("scenario.schema.json");
    return accepts(*schema, document);
}

bool results_schema_accepts(const nlohmann::json& document) {
    static const auto schema = read_schema("results.schema.json");
    return accepts(*schema, document);
}

bool records_schema_accepts(const nlohmann::json& document) {
    static const auto schema = read_schema("records.schema.json");
    return accepts(*schema, document);
}

bool state_schema_accepts(const nlohmann::json& document) {
    static const auto schema = read_schema("state.schema.json");
    return accepts(*schema, document);
}

}  // namespace irqbench::scenarios
