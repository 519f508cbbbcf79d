#include "tools/shrink/symptom.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstddef>
#include <optional>
#include <regex>
#include <set>
#include <string_view>
#include <variant>

namespace irqbench::tools::shrinking {

namespace {

using scenarios::Failure;
using scenarios::Performance;
using scenarios::Verdict;

constexpr std::string_view absence = "nothing";

std::string replaced(const std::string& text, const char* what, const char* by) {
    return std::regex_replace(text, std::regex(what), by);
}

/// What was expected or came, wherever and however often.
std::string claim_words(std::string text) {
    text = replaced(text, " on vCPU [0-9]+((, | or )[0-9]+)*", "");
    text = replaced(text, " after [0-9]+ of [0-9]+", " after some");
    text = replaced(text, " x[0-9]+", "");
    // Of `lapic 3 tpr = 0x20` the place goes, and the value stays.
    const auto equals = text.find(" = ");
    if (equals == std::string::npos) return text;
    return replaced(text.substr(0, equals), "\\b[0-9]+\\b", "N") + text.substr(equals);
}

/// Words that bring numbers of all kinds along: of steps, registers, times.
std::string without_numbers(const std::string& text) {
    return replaced(replaced(text.substr(0, text.find('\n')), "0x[0-9a-f]+", "N"), "[0-9]+", "N");
}

/// @param step as a failure names it: the places of groups may stand before it
std::string verb_of(const std::string& step) {
    constexpr std::string_view opening = "{ \"";
    const auto begin = step.find(opening);
    if (begin == std::string::npos) return "";
    const auto verb = begin + opening.size();
    return step.substr(verb, step.find('"', verb) - verb);
}

/// The action that a failing step is about, by its place in the run.
std::optional<std::size_t> action_before(const Performance& performance, const Failure& failure) {
    std::optional<std::size_t> action;
    for (std::size_t i = 0; i < performance.performed.size(); ++i) {
        const auto& each = performance.performed[i];
        if (scenarios::acts(*each.step)) action = i;
        if (each.step->number == failure.step && each.iteration == failure.iteration) return action;
    }
    return std::nullopt;
}

/// What it did to the wires, in any order.
std::string action_words(const Performance& performance, const Failure& failure,
                         const std::vector<vmm::Event>& trace) {
    const auto action = action_before(performance, failure);
    if (!action) return "";
    std::set<std::string> words{verb_of(performance.performed[*action].step->text)};
    for (const vmm::Event& event : trace)
        if (event.step == *action && std::holds_alternative<vmm::event::Wire>(event.what))
            words.insert(replaced(std::get<vmm::event::Wire>(event.what).text, "\\b[0-9]+\\b", "N"));
    return fmt::format(", after {}", fmt::join(words, ", "));
}

std::string failure_words(const Verdict& verdict, const Performance& performance,
                          const std::vector<vmm::Event>& trace) {
    const Failure& failure = *verdict.failure;
    // Nobody claimed it: which step the next action stands behind is no part of that.
    const std::string verb = failure.expected == "nothing more" ? "" : verb_of(failure.text);
    std::string text =
        fmt::format("{}expected {}, came {}", verb.empty() ? "" : verb + ": ", claim_words(failure.expected),
                    verb == "path" ? "another path" : claim_words(failure.came));
    if (failure.event && *failure.event < trace.size())
        if (const auto* call = std::get_if<vmm::event::Call>(&trace[*failure.event].what))
            text += " of " + call->name;
    if (!failure.event && failure.came.starts_with(absence))
        text += action_words(performance, failure, trace);
    return text;
}

}  // namespace

std::string symptom_of(const Verdict& verdict, const Performance& performance,
                       const std::vector<vmm::Event>& trace) {
    if (verdict.kind != Verdict::Kind::fail && verdict.kind != Verdict::Kind::error) return "";
    const std::string kind = verdict.invalid ? "invalid" : std::string(scenarios::word(verdict.kind));
    const bool has_claim = verdict.failure && !verdict.failure->expected.empty();
    if (has_claim) return fmt::format("{}: {}", kind, failure_words(verdict, performance, trace));
    const std::string reason = replaced(verdict.reason, "^step [0-9]+, line [0-9]+: ", "");
    const bool is_fault = verdict.failure && verdict.failure->event &&
                          *verdict.failure->event < trace.size() &&
                          std::holds_alternative<vmm::event::Fault>(trace[*verdict.failure->event].what);
    return fmt::format("{}: {}", kind, is_fault ? claim_words(reason) : without_numbers(reason));
}

bool is_absence(const std::string& symptom) {
    return symptom.find(fmt::format(", came {}", absence)) != std::string::npos;
}

}  // namespace irqbench::tools::shrinking
