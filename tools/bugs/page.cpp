#include "tools/bugs/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "vmm/kernel_version.hpp"

namespace irqbench::tools::bugs {

namespace {

using Kind = scenarios::Verdict::Kind;
using Release = std::pair<unsigned, unsigned>;  // 6.1

/// These are ours: the kernel below does not matter.
bool is_ours(const std::string& irqchip) { return irqchip == "userspace" || irqchip == "model"; }

Release release_of(const Result& result) {
    const vmm::KernelVersion version = vmm::parse_kernel_version(result.kernel);
    return {version.version, version.patchlevel};
}

/// A machine may be run twice in a mode, with a GICv2 and a GICv3: the worse verdict counts.
using Verdicts = std::map<std::string, Kind>;

void add(Verdicts& verdicts, const Result& result) {
    const auto [place, is_first] = verdicts.try_emplace(result.irqchip, result.verdict.kind);
    if (!is_first && severity(result.verdict.kind) > severity(place->second))
        place->second = result.verdict.kind;
}

std::string in_words(const Verdicts& verdicts) {
    std::set<Kind> kinds;
    for (const auto& [irqchip, kind] : verdicts)
        if (kind != Kind::skip) kinds.insert(kind);
    if (kinds.empty()) return "-";
    if (kinds.size() == 1) return std::string(word(*kinds.begin()));
    std::string text;
    for (const auto& [irqchip, kind] : verdicts)
        if (kind != Kind::skip) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", irqchip, word(kind));
    return text;
}

std::string cell(std::string_view text) {
    std::string escaped;
    for (const char each : text) {
        if (each == '|') escaped += '\\';
        escaped += each;
    }
    return escaped;
}

/// One scenario of one row.
struct Line {
    std::map<Release, Verdicts> kernels;
    Verdicts ours;
    /// What the guest saw on a kernel with the bug, in each mode.
    std::map<std::pair<Release, std::string>, std::string> before;
};

class Page {
  public:
    Page(std::span<const Row> rows, std::span<const Result> results) : rows_(rows) {
        for (const Result& result : results)
            for (const std::string& reference : result.reference) take(result, reference);
    }

    [[nodiscard]] std::string text() const {
        const auto with = static_cast<std::size_t>(std::count_if(
            rows_.begin(), rows_.end(), [this](const Row& row) { return lines_.contains(row.name); }));
        return fmt::format(
            "# Bugs as scenarios\n\n"
            "Defects that released kernels and VMMs have had, and the scenarios that replay them. Written by "
            "`tools/bug-table` from\n"
            "[bugs.json](bugs.json) and from what the scenarios did: not to be edited. {} of {} rows have a "
            "scenario.\n\n"
            "A cell has the verdicts in the modes `kernel` and `split` on that kernel, one word where they "
            "agree; `known` is a failure that\n"
            "a fix in a later kernel or a recorded finding explains, - where the scenario makes no sense "
            "there. `ours` is what our own\n"
            "controllers do (`userspace`, `model`), for bugs of VMMs above all.\n\n"
            "{}{}{}",
            with, rows_.size(), told_apart(), all(), others());
    }

  private:
    void take(const Result& result, const std::string& reference) {
        const bool looks_like_a_row = reference.size() == 3 && reference[0] >= 'A' && reference[0] <= 'Z' &&
                                      reference.find_first_not_of("0123456789", 1) == std::string::npos;
        if (!looks_like_a_row) return;
        const auto row =
            std::find_if(rows_.begin(), rows_.end(), [&](const Row& each) { return each.name == reference; });
        if (row == rows_.end())
            throw std::invalid_argument(
                fmt::format("{} names the row {}, which there is not", result.file, reference));
        if (!row->without.empty())
            throw std::invalid_argument(fmt::format("{} names the row {}, which is said to have no scenario",
                                                    result.file, reference));
        Line& line = lines_[reference][result.file];
        if (is_ours(result.irqchip)) {
            add(line.ours, result);
            return;
        }
        releases_.insert(release_of(result));
        add(line.kernels[release_of(result)], result);
        if (result.verdict.kind == Kind::known && result.verdict.failure && is_explained_by_a_fix(result))
            line.before[{release_of(result), result.irqchip}] =
                fmt::format("{} {}: expected {}, came {}", in_digits(release_of(result)), result.irqchip,
                            result.verdict.failure->expected, result.verdict.failure->came);
    }

    static bool is_explained_by_a_fix(const Result& result) {
        return result.verdict.reason.starts_with("fixed in Linux");
    }

    static std::string in_digits(const Release& release) {
        return fmt::format("{}.{}", release.first, release.second);
    }

    [[nodiscard]] std::string told_apart() const {
        std::string text;
        for (const Row& row : rows_) {
            const auto found = lines_.find(row.name);
            if (found == lines_.end()) continue;
            for (const auto& [file, line] : found->second) {
                if (line.before.empty()) continue;
                std::string seen;
                for (const auto& [where, each] : line.before)
                    seen += (seen.empty() ? "" : "<br>") + cell(each);
                text += fmt::format("| {} | {} | `{}` | {} |\n", row.name, cell(row.bug), file, seen);
            }
        }
        if (text.empty()) return "";
        return "## Told apart by these kernels\n\n| row | bug | scenario | what came on a kernel without the "
               "fix |\n"
               "|---|---|---|---|\n" +
               text + "\n";
    }

    [[nodiscard]] std::string all() const {
        std::string text = "## With a scenario\n\n| row | bug | where | reference | scenario |";
        std::string rule = "|---|---|---|---|---|";
        for (const Release& release : releases_) {
            text += fmt::format(" {} |", in_digits(release));
            rule += "---|";
        }
        text += " ours |\n" + rule + "---|\n";
        for (const Row& row : rows_) {
            const auto found = lines_.find(row.name);
            if (found == lines_.end()) continue;
            for (const auto& [file, line] : found->second) {
                text += fmt::format("| {} | {} | {} | {} | `{}` |", row.name, cell(row.bug), cell(row.where),
                                    cell(row.reference), file);
                for (const Release& release : releases_) {
                    const auto verdicts = line.kernels.find(release);
                    text += fmt::format(" {} |",
                                        verdicts == line.kernels.end() ? "-" : in_words(verdicts->second));
                }
                text += fmt::format(" {} |\n", in_words(line.ours));
            }
        }
        return text + "\n";
    }

    [[nodiscard]] std::string others() const {
        std::string text =
            "## Without a scenario\n\n| row | bug | where | reference | why |\n|---|---|---|---|---|\n";
        for (const Row& row : rows_) {
            if (lines_.contains(row.name)) continue;
            text += fmt::format("| {} | {} | {} | {} | {} |\n", row.name, cell(row.bug), cell(row.where),
                                cell(row.reference), row.without.empty() ? "not run" : cell(row.without));
        }
        return text;
    }

    std::span<const Row> rows_;
    std::set<Release> releases_;
    std::map<std::string, std::map<std::string, Line>> lines_;  ///< by row and file
};

}  // namespace

std::vector<Row> read_rows(const scenarios::Json& rows) {
    std::vector<Row> read;
    for (const scenarios::Json& each : rows) {
        Row row;
        try {
            row = {each.at("row").get<std::string>(), each.at("bug").get<std::string>(),
                   each.at("where").get<std::string>(), each.at("reference").get<std::string>(),
                   each.value("without", "")};
        } catch (const scenarios::Json::exception& error) {
            throw std::invalid_argument(fmt::format("row {} of the bugs: {}", read.size(), error.what()));
        }
        const bool is_there =
            std::any_of(read.begin(), read.end(), [&](const Row& former) { return former.name == row.name; });
        if (is_there) throw std::invalid_argument(fmt::format("the bug {} has two rows", row.name));
        read.push_back(std::move(row));
    }
    return read;
}

std::string page(std::span<const Row> rows, std::span<const Result> results) {
    return Page(rows, results).text();
}

}  // namespace irqbench::tools::bugs
