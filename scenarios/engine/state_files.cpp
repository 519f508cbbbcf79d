#include "scenarios/engine/state_files.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "scenarios/engine/architecture.hpp"

namespace irqbench::scenarios {

namespace {

namespace fs = std::filesystem;

/// What every state file has in its first lines.
constexpr std::string_view tag = "\"irqbench_state\"";

bool is_saved_state(const fs::path& path) {
    std::ifstream file(path);
    std::string beginning(64, '\0');
    file.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
    return beginning.find(tag) != std::string::npos;
}

fs::path make_temporary_folder() {
    std::string name = (fs::temp_directory_path() / "irqbench-states-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "cannot make " + name);
    return name;
}

/// Of this process: other runs may write the same file.
std::string unique_suffix() {
    static std::atomic<unsigned> count{0};
    return fmt::format(".{}.{}.part", getpid(), count++);
}

}  // namespace

StateFiles::StateFiles(const Architecture& architecture, fs::path folder)
    : architecture_(architecture), folder_(std::move(folder)), temporary_(folder_.empty()) {}

StateFiles::~StateFiles() {
    std::error_code ignored;
    if (temporary_ && !folder_.empty()) fs::remove_all(folder_, ignored);
}

void StateFiles::write(const std::string& name, const vmm::MachineState& state) {
    if (folder_.empty()) folder_ = make_temporary_folder();
    fs::create_directories(folder_);
    const fs::path path = folder_ / name;
    if (fs::exists(path) && !is_saved_state(path))
        throw std::runtime_error(path.string() + " is there already, and is not a saved state: move it away");
    const fs::path part = path.string() + unique_suffix();
    const auto fail = [&](const std::string& what) {
        const int error = errno;
        std::error_code ignored;
        fs::remove(part, ignored);
        throw std::system_error(error, std::generic_category(), "cannot write " + what);
    };
    std::ofstream file(part);
    file << architecture_.state_text(state);
    file.close();
    if (!file) fail(part.string());
    std::error_code error;
    fs::rename(part, path, error);
    if (error) fail(path.string());
}

std::shared_ptr<const vmm::MachineState> StateFiles::read(const std::string& name) const {
    return architecture_.read_state(folder_ / name);
}

}  // namespace irqbench::scenarios
