#include "scenarios/engine/state_files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "scenarios/engine/architecture.hpp"

namespace irqbench::scenarios {

namespace {

namespace fs = std::filesystem;

/// The first key of every state file.
constexpr std::string_view tag = "\"irqbench_state\"";
constexpr std::size_t most_comments = 4096;

/// Behind white space and comments, which a person may have put before it.
std::string_view without_comments(std::string_view text) {
    for (;;) {
        const std::size_t begin = text.find_first_not_of(" \t\r\n");
        text.remove_prefix(std::min(begin, text.size()));
        const std::string_view end = text.starts_with("//") ? "\n" : text.starts_with("/*") ? "*/" : "";
        if (end.empty()) return text;
        const std::size_t at = text.find(end, 2);
        text.remove_prefix(at == std::string_view::npos ? text.size() : at + end.size());
    }
}

/// Of this process: other runs may write the same file.
std::string unique_suffix() {
    static std::atomic<unsigned> count{0};
    return fmt::format(".{}.{}.part", getpid(), count++);
}

}  // namespace

bool is_state_file(const fs::path& path) {
    // To open a pipe is to wait for who writes to it.
    std::error_code unknown;
    if (!fs::is_regular_file(path, unknown)) return false;
    std::ifstream file(path, std::ios::binary);
    std::string beginning(most_comments, '\0');
    file.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
    beginning.resize(static_cast<std::size_t>(file.gcount()));
    const std::string_view text = without_comments(beginning);
    return text.starts_with('{') && without_comments(text.substr(1)).starts_with(tag);
}

std::set<std::string> saved_files(const Scenario& scenario) {
    std::set<std::string> names;
    const std::function<void(const std::vector<Step>&)> add = [&](const std::vector<Step>& list) {
        for (const Step& step : list) {
            if (step.verb != nullptr && !step.verb->facts().saves_file.empty())
                names.insert(step.verb->facts().saves_file);
            if (step.block == nullptr) continue;
            for (const auto& [name, inner] : step.block->threads) add(inner);
        }
    };
    add(scenario.setup);
    add(scenario.steps);
    return names;
}

StateFiles::StateFiles(const Architecture& architecture, fs::path folder)
    : architecture_(architecture), folder_(std::move(folder)) {}

void StateFiles::write(const std::string& name, const vmm::MachineState& state) {
    const std::string& text = texts_[name] = architecture_.state_text(state);
    if (folder_.empty()) return;
    fs::create_directories(folder_);
    const fs::path path = folder_ / name;
    if (fs::exists(path) && !is_state_file(path))
        throw std::runtime_error(path.string() + " is there already, and is not a saved state: move it away");
    const fs::path part = path.string() + unique_suffix();
    const auto fail = [&](const std::string& what) {
        const int error = errno;
        std::error_code ignored;
        fs::remove(part, ignored);
        throw std::system_error(error, std::generic_category(), "cannot write " + what);
    };
    std::ofstream file(part);
    file << text;
    file.close();
    if (!file) fail(part.string());
    std::error_code error;
    fs::rename(part, path, error);
    if (error) fail(path.string());
}

std::shared_ptr<const vmm::MachineState> StateFiles::read(const std::string& name) const {
    const std::string& text = texts_.at(name);
    return text.empty() ? nullptr : architecture_.read_state(parse_document(name, text));
}

}  // namespace irqbench::scenarios
