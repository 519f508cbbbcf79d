#include "tools/lab/modules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace irqbench::tools::lab {

namespace {

namespace fs = std::filesystem;

/// modules.dep: each module file with those it needs, all paths relative to its folder.
class Dependencies {
  public:
    explicit Dependencies(const fs::path& folder) : folder_(folder) {
        const fs::path path = folder / "modules.dep";
        std::ifstream file(path);
        if (!file) throw std::runtime_error(fmt::format("{} cannot be read", path.string()));
        for (std::string line; std::getline(file, line);) add(line);
    }

    [[nodiscard]] bool knows(const std::string& name) const { return modules_.count(name) != 0; }

    /// Appends the module, behind those it needs, unless it is there already.
    void append(const std::string& name, std::vector<fs::path>& files) {
        if (!appended_.insert(name).second) return;
        const auto found = modules_.find(name);
        if (found == modules_.end())
            throw std::runtime_error(fmt::format("{}: a module needs {}, which is not listed",
                                                 (folder_ / "modules.dep").string(), name));
        for (const fs::path& needed : found->second.needs) append(module_name(needed), files);
        const fs::path file = folder_ / found->second.file;
        if (!fs::exists(file))
            throw std::runtime_error(
                fmt::format("{} is listed in modules.dep and does not exist; does the "
                            "folder need a new `depmod`?",
                            file.string()));
        files.push_back(file);
    }

  private:
    struct Module {
        fs::path file;
        std::vector<fs::path> needs;
    };

    void add(const std::string& line) {
        const auto colon = line.find(':');
        if (colon == std::string::npos) return;
        Module module{line.substr(0, colon), {}};
        std::istringstream words(line.substr(colon + 1));
        for (std::string word; words >> word;) module.needs.emplace_back(word);
        modules_.insert_or_assign(module_name(module.file), std::move(module));
    }

    fs::path folder_;
    std::map<std::string, Module> modules_;
    std::set<std::string> appended_;
};

std::set<std::string> built_in_modules(const fs::path& folder) {
    std::set<std::string> names;
    std::ifstream file(folder / "modules.builtin");
    for (std::string line; std::getline(file, line);) names.insert(module_name(line));
    return names;
}

}  // namespace

std::string module_name(const fs::path& file) {
    std::string name = file.filename().string();
    name = name.substr(0, name.find('.'));
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

std::string module_release(std::string_view bytes) {
    constexpr std::string_view key("\0vermagic=", 10);
    const auto at = bytes.find(key);
    if (at == std::string_view::npos) return {};
    const auto text = bytes.substr(at + key.size());
    return std::string(text.substr(0, text.find_first_of(std::string_view(" \0", 2))));
}

std::string module_complaint(const std::string& file, const std::string& error, const std::string& release) {
    // What load_module() says of another vermagic, Linux, kernel/module/main.c.
    const bool is_of_another = error == std::generic_category().message(ENOEXEC);
    return fmt::format("{}: {}{}", file, error,
                       is_of_another ? fmt::format(", it is built for another kernel than {}",
                                                   release.empty() ? "this one" : "Linux " + release)
                                     : "");
}

ModuleSet find_modules(const fs::path& folder, std::span<const std::string> wanted) {
    ModuleSet set;
    if (folder.empty()) {
        set.missing.assign(wanted.begin(), wanted.end());
        return set;
    }
    Dependencies dependencies(folder);
    const auto built_in = built_in_modules(folder);
    for (const std::string& each : wanted) {
        const std::string name = module_name(each);
        if (dependencies.knows(name))
            dependencies.append(name, set.files);
        else
            (built_in.count(name) != 0 ? set.built_in : set.missing).push_back(each);
    }
    return set;
}

}  // namespace irqbench::tools::lab
