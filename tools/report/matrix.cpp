#include "tools/report/matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>

#include "tools/report/kernels.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

using Kind = scenarios::Verdict::Kind;

constexpr std::array all_kinds = {Kind::pass, Kind::known, Kind::skip, Kind::fail, Kind::error};

std::filesystem::path folder_of(const Result& result) {
    return std::filesystem::path(result.file).parent_path().generic_string();
}

/// What all folders begin with, so that the table need not repeat it. Results without a mode may be of no
/// file: they count only when there are no others.
std::filesystem::path common_parent(std::span<const Result> results) {
    const bool any_mode =
        std::any_of(results.begin(), results.end(), [](const Result& each) { return !each.irqchip.empty(); });
    std::optional<std::filesystem::path> common;
    for (const Result& result : results) {
        if (any_mode && result.irqchip.empty()) continue;
        const std::filesystem::path folder = folder_of(result);
        if (!common) common = folder;
        auto a = common->begin();
        std::filesystem::path shared;
        for (auto b = folder.begin(); a != common->end() && b != folder.end() && *a == *b; ++a, ++b)
            shared /= *a;
        common = shared;
    }
    return common.value_or("");
}

/// What the folder, or the file, is called below the common one.
std::string below(const std::filesystem::path& path, const std::filesystem::path& common) {
    const auto relative = path.lexically_relative(common);
    if (relative.empty() || *relative.begin() == "..") return printable(path.generic_string());
    return printable(relative.generic_string());
}

std::string row_name(const Result& result, const std::filesystem::path& common) {
    std::string name = below(folder_of(result), common);
    if (!name.empty() && name != ".") return name;
    return common.empty() ? "." : printable(common.filename().generic_string());
}

/// Without the spaces at its end.
std::string finished_line(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line + '\n';
}

using Cell = std::map<Kind, std::uint64_t>;

std::string cell_text(const Cell& cell) {
    std::string text;
    for (const Kind kind : all_kinds)
        if (const auto found = cell.find(kind); found != cell.end())
            text += fmt::format("{}{} {}", text.empty() ? "" : " ", found->second, scenarios::word(kind));
    return text.empty() ? "-" : text;
}

/// Shouting what needs somebody to look at it.
std::string_view cell_word(Kind kind) {
    switch (kind) {
        case Kind::fail: return "FAIL";
        case Kind::error: return "ERROR";
        default: return scenarios::word(kind);
    }
}

struct KernelColumns {
    std::string name;
    std::vector<std::string> modes;
    std::vector<std::size_t> widths;
};

/// A kernel's columns, by name; `-` for one that has no result in any mode.
KernelColumns columns_of(const KernelResults& kernel, const std::string& name) {
    constexpr std::size_t longest_word = 5;
    KernelColumns columns{name, {}, {}};
    for (const auto& mode : kernel.modes)
        if (!mode.irqchip.empty()) columns.modes.push_back(printable(mode.irqchip));
    if (columns.modes.empty()) columns.modes.emplace_back("-");
    std::size_t total = 0;
    for (const auto& mode : columns.modes) {
        columns.widths.push_back(std::max(mode.size(), longest_word));
        total += columns.widths.back() + 2;
    }
    if (total < name.size() + 2) columns.widths.back() += name.size() + 2 - total;
    return columns;
}

/// Rows in the order of the report, also where kernels do not have the same: what only a later one has comes
/// before what follows it there.
class Rows {
  public:
    void add(const KernelResults& kernel) {
        std::vector<std::string> files;
        for (const auto& mode : kernel.modes)
            for (const Result& result : mode.results) files.push_back(result.file);
        auto next = files_.end();
        for (auto file = files.rbegin(); file != files.rend(); ++file) {
            const auto found = std::find(files_.begin(), files_.end(), *file);
            next = found != files_.end() ? found : files_.insert(next, *file);
        }
    }
    [[nodiscard]] const std::vector<std::string>& files() const { return files_; }

  private:
    std::vector<std::string> files_;
};

/// By file, kernel and the number of the mode among its columns.
using Verdicts = std::map<std::tuple<std::string, std::size_t, std::size_t>, Kind>;

void add_verdicts(const KernelResults& kernel, std::size_t number, const KernelColumns& columns,
                  Verdicts& verdicts) {
    for (const auto& mode : kernel.modes) {
        for (const Result& result : mode.results) {
            for (std::size_t i = 0; i < columns.modes.size(); ++i) {
                if (!mode.irqchip.empty() && columns.modes[i] != printable(mode.irqchip)) continue;
                const Kind kind = result.verdict.kind;
                const auto [cell, is_new] = verdicts.try_emplace({result.file, number, i}, kind);
                if (!is_new && severity(kind) > severity(cell->second)) cell->second = kind;
            }
        }
    }
}

std::string kernel_heading(const std::vector<KernelColumns>& kernels, std::size_t name_width) {
    std::string releases = fmt::format("  {:<{}}", "", name_width);
    std::string modes = releases;
    for (const auto& kernel : kernels) {
        std::string mine;
        for (std::size_t i = 0; i < kernel.modes.size(); ++i)
            mine += fmt::format("{}{:<{}}", i == 0 ? "   " : "  ", kernel.modes[i], kernel.widths[i]);
        releases += fmt::format("   {:<{}}", kernel.name, mine.size() - 3);
        modes += mine;
    }
    return finished_line(releases) + finished_line(modes);
}

}  // namespace

std::string matrix(std::span<const Result> results) {
    if (results.empty()) return {};
    const auto common = common_parent(results);
    std::vector<std::string> rows;
    std::vector<std::string> modes;
    std::map<std::pair<std::string, std::string>, Cell> cells;
    const auto remember = [](std::vector<std::string>& list, const std::string& word) {
        if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
    };
    for (const Result& result : results) {
        const std::string mode = result.irqchip.empty() ? "not loaded" : printable(result.irqchip);
        const std::string row = row_name(result, common);
        remember(rows, row);
        remember(modes, mode);
        ++cells[{row, mode}][result.verdict.kind];
        ++cells[{"all", mode}][result.verdict.kind];
    }
    if (rows.size() > 1) rows.emplace_back("all");

    std::size_t name_width = 0;
    for (const auto& row : rows) name_width = std::max(name_width, row.size());
    std::string heading = fmt::format("  {:<{}}", "", name_width);
    std::map<std::string, std::size_t> widths;
    for (const auto& mode : modes) {
        widths[mode] = mode.size();
        for (const auto& row : rows)
            widths[mode] = std::max(widths[mode], cell_text(cells[{row, mode}]).size());
        heading += fmt::format("   {:<{}}", mode, widths[mode]);
    }
    std::string text = finished_line(heading);
    for (const auto& row : rows) {
        std::string line = fmt::format("  {:<{}}", row, name_width);
        for (const auto& mode : modes)
            line += fmt::format("   {:<{}}", cell_text(cells[{row, mode}]), widths[mode]);
        text += finished_line(line);
    }
    return text;
}

std::string kernel_matrix(std::span<const Result> results, const TextStyle& style) {
    const auto kernels = by_kernel(results);
    const KernelNames names(results);
    const auto common = common_parent(results);
    Rows rows;
    Verdicts verdicts;
    std::vector<KernelColumns> columns;
    for (const auto& kernel : kernels) {
        rows.add(kernel);
        columns.push_back(columns_of(kernel, names.of(kernel.release)));
        add_verdicts(kernel, columns.size() - 1, columns.back(), verdicts);
    }
    const auto name_of = [&common](const std::string& file) { return below(without_json(file), common); };
    std::size_t name_width = 0;
    for (const auto& file : rows.files()) name_width = std::max(name_width, name_of(file).size());

    std::string text = kernel_heading(columns, name_width);
    for (const auto& file : rows.files()) {
        std::string line = fmt::format("  {:<{}}", name_of(file), name_width);
        for (std::size_t kernel = 0; kernel < columns.size(); ++kernel) {
            for (std::size_t i = 0; i < columns[kernel].modes.size(); ++i) {
                const auto found = verdicts.find({file, kernel, i});
                const bool is_there = found != verdicts.end();
                const std::string word(is_there ? cell_word(found->second) : "-");
                line += i == 0 ? "   " : "  ";
                line += is_there ? painted(word, found->second, style) : word;
                line.append(columns[kernel].widths[i] - word.size(), ' ');
            }
        }
        text += finished_line(line);
    }
    return text;
}

}  // namespace irqbench::tools
