#include "tools/bugs/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
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
    Page(std::span<const Row> rows, std::span<const Result> results,
         const std::map<std::string, std::string>& oldest)
        : rows_(rows), oldest_(oldest) {
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
            "controllers do (`userspace`, `model`), for bugs of VMMs above all; where a fix of KVM explains "
            "what came in `userspace`, it stands\n"
            "with the kernel.\n\n"
            "`control` is the bug that `tools/bug-controls` puts back into our controllers or placements, so "
            "that the row's scenarios fail\n"
            "([tests/controls](../tests/controls)), or why there is none. `from` is the oldest Linux that "
            "the "
            "scenario passes on, or that has\n"
            "what it needs, where it says so: - is any.\n\n"
            "{}{}{}{}",
            with, rows_.size(), told_apart(), all(), alike(), others());
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
        // Where a fix of KVM explains what came, the controllers are not to blame.
        if (is_ours(result.irqchip) && !is_explained_by_a_fix(result)) {
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

    [[nodiscard]] bool is_told_apart(const Row& row) const {
        const auto found = lines_.find(row.name);
        return found != lines_.end() &&
               std::any_of(found->second.begin(), found->second.end(),
                           [](const auto& each) { return !each.second.before.empty(); });
    }

    [[nodiscard]] std::string told_apart() const {
        std::string text;
        for (const Row& row : rows_) {
            const auto found = lines_.find(row.name);
            if (!is_told_apart(row)) continue;
            if (!row.alike.empty())
                throw std::invalid_argument(fmt::format(
                    "the kernels differ in {}, which is said not to be told apart: {}", row.name, row.alike));
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
        std::string text =
            "## With a scenario\n\n| row | bug | where | reference | scenario | control | from |";
        std::string rule = "|---|---|---|---|---|---|---|";
        for (const Release& release : releases_) {
            text += fmt::format(" {} |", in_digits(release));
            rule += "---|";
        }
        text += " ours |\n" + rule + "---|\n";
        for (const Row& row : rows_) {
            const auto found = lines_.find(row.name);
            if (found == lines_.end()) continue;
            for (const auto& [file, line] : found->second) {
                const auto oldest = oldest_.find(file);
                text += fmt::format("| {} | {} | {} | {} | `{}` | {} | {} |", row.name, cell(row.bug),
                                    cell(row.where), cell(row.reference), file, cell(row.control),
                                    oldest == oldest_.end() || oldest->second.empty() ? "-" : oldest->second);
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

    [[nodiscard]] std::string alike() const {
        std::string text;
        for (const Row& row : rows_)
            if (lines_.contains(row.name) && !is_told_apart(row))
                text += fmt::format("| {} | {} | {} |\n", row.name, cell(row.bug),
                                    row.alike.empty() ? "not established" : cell(row.alike));
        if (text.empty()) return "";
        return "## Not told apart\n\n| row | bug | why these kernels do not tell it apart "
               "|\n|---|---|---|\n" +
               text + "\n";
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
    const std::map<std::string, std::string>& oldest_;
    std::set<Release> releases_;
    std::map<std::string, std::map<std::string, Line>> lines_;  ///< by row and file
};

}  // namespace

std::vector<Row> read_rows(const scenarios::Json& rows) {
    std::vector<Row> read;
    for (const scenarios::Json& each : rows) {
        Row row;
        try {
            row = {each.at("row").get<std::string>(),
                   each.at("bug").get<std::string>(),
                   each.at("where").get<std::string>(),
                   each.at("reference").get<std::string>(),
                   each.value("without", ""),
                   each.value("control", ""),
                   each.value("alike", "")};
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

void add_controls(std::vector<Row>& rows, const std::filesystem::path& folder) {
    std::set<std::filesystem::path> patches;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".patch") patches.insert(entry.path());
    std::set<std::string> added;
    for (const std::filesystem::path& patch : patches) {
        const std::string stem = patch.stem().string();
        const std::string name = stem.substr(0, stem.find('_'));
        const auto row =
            std::find_if(rows.begin(), rows.end(), [&name](const Row& each) { return each.name == name; });
        if (row == rows.end()) throw std::invalid_argument(fmt::format("{} is of no bug", patch.string()));
        const bool is_first = added.insert(name).second;
        if (is_first && !row->control.empty())
            throw std::invalid_argument(fmt::format("{} has a patch and says why it has none", name));
        std::ifstream in(patch);
        std::string sentence;
        std::getline(in, sentence);
        row->control += (is_first ? "" : " ") + sentence;
    }
}

std::string oldest_kernel(const scenarios::Scenario& scenario) {
    // What had a bug had what it needs.
    if (!scenario.fixed_in) return scenario.requires_.kernel;
    const vmm::KernelVersion& mainline = scenario.fixed_in->mainline;
    std::string text = fmt::format("{}.{}", mainline.version, mainline.patchlevel);
    for (auto stable = scenario.fixed_in->stable.rbegin(); stable != scenario.fixed_in->stable.rend();
         ++stable)
        text += ", " + vmm::to_string(*stable);
    return text;
}

std::string page(std::span<const Row> rows, std::span<const Result> results,
                 const std::map<std::string, std::string>& oldest) {
    return Page(rows, results, oldest).text();
}

}  // namespace irqbench::tools::bugs
