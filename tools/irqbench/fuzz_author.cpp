#include "tools/irqbench/fuzz_author.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>

#include "scenarios/engine/load.hpp"
#include "tools/fuzz/expectations.hpp"
#include "tools/fuzz/shrinker.hpp"
#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;
using fuzz::Case;
using fuzz::Pair;

/// Of one name there is nobody who wants to read more.
constexpr int most_files_of_a_name = 1000;

std::string content(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// @throws std::system_error with EEXIST when there is such a file, or what else went wrong
void write_new(const fs::path& path, const std::string& text) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wx"), std::fclose);
    const bool written = file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
                         std::fflush(file.get()) == 0;
    if (!written) throw std::system_error(errno, std::generic_category(), path.string());
}

}  // namespace

void FuzzAuthor::write(const std::string& mode, const std::string& kind, const Finding& finding) {
    story() << fmt::format("{}  {}, {} and {}\n", counted(finding.count, "scenario"), printable(kind),
                           player_.reference(), mode);
    const auto pair = smallest(mode, kind, finding.each);
    if (!pair) {
        story() << fmt::format("  not seen again when played once more:\n  {}\n",
                               replay_command(finding.number));
        return;
    }
    const std::size_t wide = std::max(player_.reference().size(), mode.size());
    std::vector<std::string> lines{
        fmt::format("{} and {} differ after  {}", player_.reference(), mode,
                    printable(pair->divergence->action->text)),
        fmt::format("  {:<{}}  {}", player_.reference(), wide,
                    printable(fuzz::what_came(pair->reference, pair->divergence->first))),
        fmt::format("  {:<{}}  {}", mode, wide,
                    printable(fuzz::what_came(pair->other, pair->divergence->second)))};
    if (pair->divergence->at_end) lines.emplace_back("which is so at the end of the run");
    for (const std::string& line : lines) story() << "  " << line << '\n';
    lines.push_back("found by  " + replay_command(finding.number));
    write_file(mode, kind, finding, *pair, lines);
    story() << std::flush;
}

std::optional<Pair> FuzzAuthor::replayed(const std::string& mode, const Case& each) const {
    try {
        Pair pair = player_.begin(each);
        player_.compare(pair, mode);
        return pair;
    } catch (const scenarios::ScenarioError&) {
        return std::nullopt;  // what is left means nothing
    }
}

std::optional<Pair> FuzzAuthor::smallest(const std::string& mode, const std::string& kind,
                                         const Case& each) const {
    constexpr std::size_t patience = 3000;
    const fuzz::Shows shows = [&](const Case& candidate) {
        if (surroundings_.interrupted.load()) return false;
        const auto pair = replayed(mode, candidate);
        return pair && fuzz::kind_of(*pair) == kind;
    };
    auto pair = replayed(mode, shows(each) ? fuzz::shrink(each, shows, patience) : each);
    if (pair && fuzz::kind_of(*pair) != kind) pair.reset();
    return pair;
}

/// All that a case depends on: what modes are known to differ in is another thing on another host.
std::string FuzzAuthor::replay_command(std::uint64_t number) const {
    std::string text = fmt::format("irqbench fuzz --arch {} --seed {} --case {} --between {} --max-steps {}",
                                   architecture_.name, command_.seed, number,
                                   fmt::join(command_.between, ","), generator_.max_steps);
    std::vector<std::string_view> without;
    for (const std::string_view name : architecture_.features)
        if (const auto& all = generator_.without; std::find(all.begin(), all.end(), name) != all.end())
            without.push_back(name);
    if (!without.empty()) text += fmt::format(" --without {}", fmt::join(without, ","));
    return text;
}

void FuzzAuthor::write_file(const std::string& mode, const std::string& kind, const Finding& finding,
                            const Pair& pair, const std::vector<std::string>& story_lines) {
    const std::string which = command_.between.size() > 2 ? "-" + mode : "";
    const auto text_of_turn = [&](int turn) {
        std::string name = fmt::format("{} and {} differ, {} (seed {}, case {})", player_.reference(), mode,
                                       printable(kind), command_.seed, finding.number);
        // Names of one folder are unique, as its files are.
        if (turn > 1) name = fmt::format("{}: {}", turn, name);
        return fuzz::text_of(
            fuzz::with_expectations(pair.each, pair.reference, pair.leeway),
            {name.substr(0, 200),
             fmt::format("found by irqbench fuzz, seed {}, case {}", command_.seed, finding.number),
             story_lines});
    };
    std::string text = text_of_turn(1);
    fs::path path = fmt::format("fuzz-{}-{}{}.json", command_.seed, finding.number, which);
    if (command_.prints()) {
        surroundings_.out << text << std::flush;
    } else {
        const fs::path folder = command_.out;
        const std::string stem = path.stem().string();
        path = folder / path;
        for (int turn = 1;; path = folder / fmt::format("{}-{}.json", stem, ++turn)) {
            text = text_of_turn(turn);
            try {
                write_new(path, text);
            } catch (const std::system_error& error) {
                const bool is_taken = error.code().value() == EEXIST && turn < most_files_of_a_name;
                if (is_taken && content(path) != text) continue;
                if (is_taken) break;
                spdlog::error("cannot write {}", error.what());
                failed_ = true;
                story() << text;
            }
            break;
        }
    }
    const auto scenario = scenarios::load_text(text, path);
    const auto verdict = player_.run(scenario, player_.reference());
    if (verdict.kind != scenarios::Verdict::Kind::pass)
        story() << fmt::format("  the file does not pass in {}: {}\n", player_.reference(),
                               printable(verdict.reason));
    const bool fails = player_.run(scenario, mode).kind != scenarios::Verdict::Kind::pass;
    story() << (fails ? fmt::format("  irqbench run --irqchip {} {}\n", mode, path.string())
                      : fmt::format("  irqbench diff --between {},{} {}\n", player_.reference(), mode,
                                    path.string()));
}

}  // namespace irqbench::tools
