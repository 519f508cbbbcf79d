#include "tools/irqbench/recorded_files.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/lab/cache.hpp"
#include "tools/lab/mirror.hpp"
#include "tools/lab/program.hpp"

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;

/// `#!/bin/sh -e`; nothing where it is no script.
std::string interpreter_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::string line;
    std::getline(stream, line);
    if (!line.starts_with("#!")) return {};
    std::istringstream words(line.substr(2));
    std::string interpreter;
    words >> interpreter;
    return interpreter;
}

class TakenFiles {
  public:
    explicit TakenFiles(InnerCommand& inner) : inner_(inner) {}

    void add_word(const std::string& word) {
        if (add_path(word)) return;
        for (std::size_t begin = 0; begin <= word.size();) {
            const std::size_t end = std::min(word.find_first_of("=,:", begin), word.size());
            const std::string part = word.substr(begin, end - begin);
            if (part.find('/') != std::string::npos) add_path(part);
            begin = end + 1;
        }
    }
    /// @returns whether it is one
    bool add_path(const fs::path& path) {
        std::error_code error;
        if (path.empty() || lab::is_of_host_only(fs::absolute(path))) return false;
        if (fs::is_regular_file(path, error)) {
            add_file(path);
            return true;
        }
        if (!fs::is_directory(path, error)) return false;
        inner_.folders.push_back(path);
        const auto options = fs::directory_options::skip_permission_denied;
        for (fs::recursive_directory_iterator each(path, options, error), end; each != end;
             each.increment(error)) {
            if (error) break;
            if (each->is_directory(error) && !each->is_symlink(error))
                inner_.folders.push_back(each->path());
            else if (each->is_regular_file(error))
                add_file(each->path());
        }
        return true;
    }

  private:
    void add_file(const fs::path& file) {
        constexpr std::uint64_t most_bytes = 1ULL << 30;
        std::error_code error;
        const auto size = fs::file_size(file, error);
        bytes_ += error ? 0 : size;
        if (bytes_ > most_bytes)
            throw CLI::ValidationError("record",
                                       "what COMMAND names is more than 1 GiB, too much for a machine");
        inner_.files.push_back(file);
    }

    InnerCommand& inner_;
    std::uint64_t bytes_ = 0;
};

}  // namespace

void take_recorded_command(const std::vector<std::string>& command, InnerCommand& inner) {
    const std::string& name = command.front();
    TakenFiles taken(inner);
    for (auto word = std::next(command.begin()); word != command.end(); ++word) taken.add_word(*word);
    // What only the machine has.
    if (name == lab::Program::guest_path) return;
    const bool is_path = name.find('/') != std::string::npos;
    const auto found = is_path ? std::optional<fs::path>(name) : lab::find_program(name);
    if (!found || !taken.add_path(*found))
        throw CLI::ValidationError("record", fmt::format("there is no {}", name));
    const fs::path program = fs::absolute(*found);
    inner.programs.push_back(program);
    if (const std::string interpreter = interpreter_of(program); !interpreter.empty()) {
        if (taken.add_path(interpreter)) inner.programs.push_back(interpreter);
    }
    // Its own PATH is not that of the machine.
    *(inner.arguments.end() - static_cast<std::ptrdiff_t>(command.size())) = program.string();
}

}  // namespace irqbench::tools
