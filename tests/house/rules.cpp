#include "tests/house/rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <ostream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace irqbench::house {

namespace fs = std::filesystem;

namespace {

/// A folder may include those before it and itself.
constexpr std::array<std::string_view, 6> folders{"irqchip", "routing", "vmm", "scenarios", "tools", "tests"};
constexpr std::size_t max_lines = 500;

std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Where the comment or literal that starts at `at` ends; `at` itself if none starts there.
std::size_t end_of_prose(std::string_view code, std::size_t at) {
    const auto after = [&](std::string_view closing, std::size_t from) {
        const std::size_t found = code.find(closing, from);
        return found == std::string_view::npos ? code.size() : found + closing.size();
    };
    const std::string_view rest = code.substr(at);
    if (rest.starts_with("//")) return std::min(code.find('\n', at), code.size());
    if (rest.starts_with("/*")) return after("*/", at + 2);
    if (rest.starts_with("R\"")) {
        const std::size_t open = std::min(code.find('(', at), code.size());
        return after(")" + std::string(code.substr(at + 2, open - at - 2)) + "\"", open);
    }
    const char quote = code[at];
    const bool digit_separator =
        quote == '\'' && at > 0 && std::isxdigit(static_cast<unsigned char>(code[at - 1])) != 0;
    if ((quote != '"' && quote != '\'') || digit_separator) return at;
    for (++at; at < code.size() && code[at] != quote && code[at] != '\n'; ++at) {
        if (code[at] == '\\') ++at;
    }
    return std::min(at + 1, code.size());
}

/// The code without comments and literals, but with the file names of includes; lines stay where they are.
std::string without_prose(std::string_view code) {
    static const std::regex include(R"(^\s*#\s*include\s*$)");
    std::string result;
    for (std::size_t at = 0; at < code.size();) {
        const std::size_t end = end_of_prose(code, at);
        const std::string_view prose = code.substr(at, end - at);
        if (prose.empty()) {
            result += code[at++];
            continue;
        }
        if (prose.front() == '"' &&
            std::regex_search(result.substr(result.find_last_of('\n') + 1), include)) {
            result += prose;
        } else {
            result.append(static_cast<std::size_t>(std::count(prose.begin(), prose.end(), '\n')), '\n');
        }
        at = end;
    }
    return result;
}

std::size_t rank(std::string_view folder) {
    return static_cast<std::size_t>(std::find(folders.begin(), folders.end(), folder) - folders.begin());
}

std::string top_folder(const fs::path& relative) { return relative.begin()->string(); }

/// What the folders of pure values must not mention.
struct Impurity {
    std::regex pattern;
    std::string what;
};

const std::vector<Impurity>& impurities() {
    static const std::vector<Impurity> list{
        {std::regex(
             R"(#\s*include\s*<(linux|sys|asm)/.*|#\s*include\s*<(unistd|fcntl|signal|poll|time)\.h>)"),
         "the kernel's interface"},
        {std::regex(
             R"(#\s*include\s*<(mutex|shared_mutex|thread|condition_variable|future|atomic|stop_token|)"
             R"(semaphore|latch|barrier|pthread\.h)>)"),
         "threads"},
        {std::regex(R"(\b(steady_clock|system_clock|high_resolution_clock|clock_gettime|gettimeofday)\b)"),
         "a clock"},
        {std::regex(R"(#\s*include\s*<(iostream|fstream|cstdio|stdio\.h|filesystem|print)>)"), "I/O"},
        {std::regex(R"(\bspdlog\b)"), "logging"},
    };
    return list;
}

/// `x86` of `vmm/x86/boot.hpp`, empty if the file is of no architecture.
std::string_view architecture_of(const fs::path& file) {
    for (const std::string_view name : {"x86", "arm64"})
        for (const fs::path& part : file.parent_path())
            if (part == name) return name;
    return {};
}

class Checker {
  public:
    Checker(const fs::path& root, fs::path file)
        : root_(root), file_(std::move(file)), folder_(top_folder(file_)), text_(slurp(root_ / file_)) {}

    std::vector<Finding> run() {
        std::istringstream lines(without_prose(text_));
        std::size_t number = 0;
        for (std::string line; std::getline(lines, line);) {
            ++number;
            check_include(line, number);
            check_ioctl(line, number);
            check_host(line, number);
            check_purity(line, number);
        }
        const auto length = static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n'));
        if (length > max_lines)
            complain(0, std::to_string(length) + " lines; the limit is " + std::to_string(max_lines));
        check_listed();
        return std::move(findings_);
    }

  private:
    void complain(std::size_t line, std::string complaint) {
        findings_.push_back({file_.generic_string(), line, std::move(complaint)});
    }

    void check_include(const std::string& line, std::size_t number) {
        static const std::regex pattern(R"re(^\s*#\s*include\s*"([^"]+)")re");
        std::smatch match;
        if (!std::regex_search(line, match, pattern)) return;
        const std::string target = match[1];
        const std::string to = top_folder(target);
        if (rank(to) == folders.size() || !fs::exists(root_ / target)) {
            complain(number, "includes \"" + target + "\", which is no file of this tree");
        } else if (rank(to) > rank(folder_)) {
            complain(number, folder_ + " must not include " + to + " (" + target + ")");
        } else if (const auto own = architecture_of(target); !own.empty() && !may_know(own)) {
            complain(number, "only the folders of " + std::string(own) + " may include " + target);
        }
    }

    /// The chips are for all; above them, an architecture is known to its own folders and to the lists of
    /// them all.
    [[nodiscard]] bool may_know(std::string_view architecture) const {
        return rank(folder_) < rank("vmm") || folder_ == "tests" || architecture_of(file_) == architecture ||
               file_ == "scenarios/verbs/architectures.cpp" || file_ == "vmm/model/architectures.cpp" ||
               file_ == "tools/bench/architectures.cpp" || file_ == "tools/fuzz/architectures.cpp" ||
               file_ == "tools/import/architectures.cpp";
    }

    void check_ioctl(const std::string& line, std::size_t number) {
        static const std::regex pattern(R"(\bioctl\s*\(|<sys/ioctl\.h>)");
        const std::string file = file_.generic_string();
        const bool allowed = file.starts_with("vmm/kvm/") || file.starts_with("tests/perf/raw_") ||
                             file.starts_with("tools/lab/guest/");  // process 1 is linked with nothing
        if (!allowed && std::regex_search(line, pattern)) complain(number, "ioctl() belongs into vmm/kvm");
    }

    /// What the host is, is said by vmm::Host.
    void check_host(const std::string& line, std::size_t number) {
        static const std::regex pattern(R"(\b__(x86_64|aarch64|arm|i386)__\b)");
        if ((folder_ == "scenarios" || folder_ == "tools") && std::regex_search(line, pattern))
            complain(number, folder_ + " must not be compiled for an architecture: ask vmm::Host");
    }

    void check_purity(const std::string& line, std::size_t number) {
        if (rank(folder_) > rank("routing")) return;
        for (const Impurity& impurity : impurities()) {
            if (std::regex_search(line, impurity.pattern)) {
                complain(number, folder_ + " holds pure values and must not know " + impurity.what);
            }
        }
    }

    /// A source that nobody compiles is a test that nobody runs.
    void check_listed() {
        if (file_.extension() != ".cpp" && file_.extension() != ".S") return;
        const fs::path folder = listing_folder();
        const std::string below = file_.lexically_relative(folder).generic_string();
        const fs::path list = root_ / folder / "CMakeLists.txt";
        std::istringstream words(fs::exists(list) ? slurp(list) : std::string());
        for (std::string word; words >> word;) {
            if (word == below || word == below + ")") return;
        }
        complain(0, "is not in the list of " + folder.generic_string() + "/CMakeLists.txt");
    }

    /// The innermost folder around the file that has a list, else the outermost.
    [[nodiscard]] fs::path listing_folder() const {
        for (fs::path folder = file_.parent_path(); folder != folder_; folder = folder.parent_path())
            if (fs::exists(root_ / folder / "CMakeLists.txt")) return folder;
        return folder_;
    }

    fs::path root_;
    fs::path file_;
    std::string folder_;
    std::string text_;
    std::vector<Finding> findings_;
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const Finding& finding) {
    out << finding.file << ':';
    if (finding.line != 0) out << finding.line << ':';
    return out << ' ' << finding.complaint;
}

std::vector<fs::path> sources(const fs::path& root) {
    static constexpr std::array<std::string_view, 4> extensions{".hpp", ".cpp", ".h", ".S"};
    std::vector<fs::path> found;
    for (const std::string_view folder : folders) {
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            const std::string extension = entry.path().extension().string();
            if (entry.is_regular_file() &&
                std::find(extensions.begin(), extensions.end(), extension) != extensions.end()) {
                found.push_back(entry.path().lexically_relative(root));
            }
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<Finding> violations(const fs::path& root) {
    std::vector<Finding> all;
    for (const fs::path& file : sources(root)) {
        for (Finding& finding : Checker(root, file).run()) all.push_back(std::move(finding));
    }
    std::sort(all.begin(), all.end());
    return all;
}

}  // namespace irqbench::house
