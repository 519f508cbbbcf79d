#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "scenarios/engine/architecture.hpp"

namespace irqbench::scenarios {

/// A folder that goes with it, for a file `state.json`.
struct StateFolder {
    std::filesystem::path path;
    StateFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "state-file-test-XXXXXX").string();
        BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    StateFolder(const StateFolder&) = delete;
    StateFolder& operator=(const StateFolder&) = delete;
    ~StateFolder() { std::filesystem::remove_all(path); }
    [[nodiscard]] std::filesystem::path file(const std::string& text) const {
        std::ofstream(path / "state.json", std::ios::binary) << text;
        return path / "state.json";
    }
};

/// What a reader of states says against the file, with the place; or `accepted`.
inline std::string complaint_about(const std::filesystem::path& path, std::string_view arch) {
    try {
        static_cast<void>(find_architecture(arch)->read_state(read_document(path)));
    } catch (const ScenarioError& error) {
        BOOST_TEST((error.kind() == ScenarioError::Kind::malformed));
        BOOST_TEST(error.file() == path.string());
        return (error.pointer().empty() ? "/" : error.pointer()) + ": " + error.reason();
    }
    return "accepted";
}

}  // namespace irqbench::scenarios
