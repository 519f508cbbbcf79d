#include "scenarios/engine/load.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <sstream>

#include "tests/scenarios/files.hpp"
#include "tests/scenarios/schema_validator.hpp"

namespace irqbench::scenarios {

BOOST_AUTO_TEST_SUITE(bad_scenarios)

std::filesystem::path folder() { return source_dir() / "tests" / "bad_scenarios"; }

/// One line of tests/bad_scenarios/index.txt.
struct Row {
    std::string kind;    ///< `malformed` or `invalid`
    std::string schema;  ///< `rejects`, `blind`, or `unreadable` where there is no JSON to hold against it
    std::string reason;  ///< why it is blind
};

std::map<std::string, Row> read_index() {
    std::map<std::string, Row> rows;
    std::istringstream text(read_text(folder() / "index.txt"));
    for (std::string line; std::getline(text, line);) {
        if (line.empty() || line.front() == '#') continue;
        std::istringstream words(line);
        std::string name;
        Row row;
        words >> name >> row.kind >> row.schema >> std::ws;
        std::getline(words, row.reason);
        BOOST_TEST(rows.emplace(name, row).second, name << " is listed twice");
    }
    return rows;
}

BOOST_AUTO_TEST_CASE(every_bad_file_gives_exactly_its_message) {
    const auto rows = read_index();
    std::size_t count = 0;
    for (const auto& file : files_below(folder(), ".json")) {
        const std::string name = file.stem().string();
        BOOST_TEST_CONTEXT(name) {
            const auto row = rows.find(name);
            BOOST_REQUIRE(row != rows.end());
            std::string message = "accepted";
            std::string kind = "accepted";
            try {
                load_text(read_text(file), "tests/bad_scenarios/" + file.filename().string());
            } catch (const ScenarioError& error) {
                message = error.what();
                kind = error.kind() == ScenarioError::Kind::malformed ? "malformed" : "invalid";
            }
            BOOST_TEST(message + "\n" == read_text(folder() / (name + ".expected")));
            BOOST_TEST(kind == row->second.kind);
            ++count;
        }
    }
    BOOST_TEST(count >= 60U);
    BOOST_TEST(count == rows.size());
}

BOOST_AUTO_TEST_CASE(the_schema_rejects_what_it_can_see) {
    for (const auto& [name, row] : read_index()) {
        BOOST_TEST_CONTEXT(name) {
            const auto document =
                nlohmann::json::parse(read_text(folder() / (name + ".json")), nullptr, false, true);
            if (row.schema == "unreadable") {
                BOOST_TEST(document.is_discarded());
                BOOST_TEST(row.kind == "malformed");
                continue;
            }
            BOOST_REQUIRE(!document.is_discarded());
            BOOST_TEST(schema_accepts(document) == (row.schema == "blind"));
            BOOST_TEST((row.schema == "rejects" || row.schema == "blind"));
            // What it lets through although it is malformed needs a reason; an invalid file is well-formed.
            if (row.schema == "blind") BOOST_TEST((row.kind == "invalid" || !row.reason.empty()));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::scenarios
