#include "tools/import/text_line.hpp"

#include <charconv>

#include "tools/import/event.hpp"
#include "tools/import/scanner.hpp"

namespace irqbench::importing {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view without_blanks_behind(std::string_view text) {
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string_view without_blanks_before(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    return text;
}

/// Takes the number that ends the text away from it.
std::optional<std::uint32_t> number_behind(std::string_view& text) {
    std::size_t digits = 0;
    while (digits < text.size() && is_digit(text[text.size() - 1 - digits])) ++digits;
    const std::string_view word = text.substr(text.size() - digits);
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (digits == 0 || error != std::errc{}) return std::nullopt;
    text.remove_suffix(digits);
    return number;
}

/// `5.103600:` in seconds; a clock that counts something else has no dot, and is taken for nanoseconds.
std::optional<std::uint64_t> time_of(std::string_view word) {
    if (!word.ends_with(':')) return std::nullopt;
    word.remove_suffix(1);
    std::uint64_t seconds = 0;
    const char* end = word.data() + word.size();
    const auto [dot, error] = std::from_chars(word.data(), end, seconds);
    if (error != std::errc{}) return std::nullopt;
    if (dot == end) return seconds;
    constexpr std::uint64_t most_seconds = 10'000'000'000;
    if (*dot != '.' || end - dot < 2 || end - dot > 10 || seconds > most_seconds) return std::nullopt;
    std::uint64_t fraction = 0;
    for (int digit = 1; digit <= 9; ++digit) {
        const char c = dot + digit < end ? dot[digit] : '0';
        if (!is_digit(c)) return std::nullopt;
        fraction = fraction * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return seconds * 1'000'000'000 + fraction;
}

std::string_view next_word(std::string_view& text) {
    text = without_blanks_before(text);
    std::size_t length = 0;
    while (length < text.size() && !is_blank(text[length])) ++length;
    const std::string_view word = text.substr(0, length);
    text.remove_prefix(length);
    return word;
}

/// What follows the CPU: perhaps flags, then the time, then `GROUP:NAME:`.
bool read_behind_cpu(std::string_view text, TextLine& line) {
    auto time = time_of(next_word(text));
    if (!time) time = time_of(next_word(text));
    if (!time) return false;
    line.at_ns = *time;
    std::string_view name = next_word(text);
    if (name.size() < 2 || name.back() != ':') return false;
    name.remove_suffix(1);
    if (const auto colon = name.rfind(':'); colon != std::string_view::npos) name.remove_prefix(colon + 1);
    line.name = name;
    line.text = without_blanks_behind(without_blanks_before(text));
    return true;
}

/// What precedes it: `COMMAND-THREAD`, with perhaps `(PROCESS)` behind it, or `COMMAND THREAD` or
/// `COMMAND PROCESS/THREAD` of perf. A command may have blanks and dashes in it.
bool read_before_cpu(std::string_view text, TextLine& line) {
    text = without_blanks_behind(text);
    if (text.ends_with(')')) {
        const auto open = text.rfind('(');
        if (open == std::string_view::npos) return false;
        std::string_view process = text.substr(open + 1, text.size() - open - 2);
        line.process = number_behind(process).value_or(0);  // (-------) if the tracer did not know
        text = without_blanks_behind(text.substr(0, open));
    }
    const auto thread = number_behind(text);
    if (!thread || text.empty()) return false;
    line.thread = *thread;
    if (text.back() == '/') {
        text.remove_suffix(1);
        const auto process = number_behind(text);
        if (!process || text.empty()) return false;
        line.process = *process;
    }
    if (text.back() != '-' && !is_blank(text.back())) return false;
    text.remove_suffix(1);
    line.command = without_blanks_before(without_blanks_behind(text));
    return true;
}

}  // namespace

std::optional<TextLine> read_text_line(std::string_view text) {
    TextLine line;
    for (auto open = text.find(" ["); open != std::string_view::npos; open = text.find(" [", open + 1)) {
        std::string_view rest = text.substr(open + 2);
        std::uint32_t cpu = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), cpu);
        if (error != std::errc{} || end == rest.data() + rest.size() || *end != ']') continue;
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
        if (cpu >= Event::no_cpu || !read_behind_cpu(rest, line)) continue;
        line.cpu = static_cast<std::uint16_t>(cpu);
        if (read_before_cpu(text.substr(0, open), line)) return line;
    }
    // perf script of a file that was recorded without CPUs.
    line.cpu = Event::no_cpu;
    for (std::size_t colon = text.find(": "); colon != std::string_view::npos;
         colon = text.find(": ", colon + 1)) {
        const auto blank = text.find_last_of(" \t", colon);
        if (blank == std::string_view::npos || !time_of(text.substr(blank + 1, colon - blank))) continue;
        if (read_before_cpu(text.substr(0, blank), line) && read_behind_cpu(text.substr(blank), line))
            return line;
        break;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> read_lost_line(std::string_view line) {
    const bool is_ftrace = line.starts_with("CPU:");
    if (!is_ftrace && line.find("LOST") == std::string_view::npos) return std::nullopt;
    const auto lost = line.find("LOST");
    const auto dropped = line.find(" EVENTS DROPPED]");
    std::uint64_t count = 0;
    if (lost != std::string_view::npos) {
        Scanner scanner(line.substr(lost + 4));
        const bool says = scanner.number(count).ok();
        if (!is_ftrace && !says) return std::nullopt;
        return says ? count : 0;
    }
    if (dropped == std::string_view::npos) return std::nullopt;
    std::string_view before = line.substr(0, dropped);
    return number_behind(before).value_or(0);
}

bool is_decoration(std::string_view line) {
    const std::string_view text = without_blanks_before(line);
    if (text.empty() || text.starts_with('#')) return true;
    // Of `trace-cmd report`, and of those that print the stack at an event.
    for (const std::string_view beginning :
         {"cpus=", "version = ", "CPU ", "=>", "<stack trace>", "trace.dat", "Tracing buffer", "[..."})
        if (text.starts_with(beginning)) return true;
    // A call chain of perf: an address, then a name.
    if (text.size() == line.size()) return false;
    std::size_t digits = 0;
    while (digits < text.size() && (is_digit(text[digits]) || (text[digits] >= 'a' && text[digits] <= 'f')))
        ++digits;
    return digits >= 4 && (digits == text.size() || text[digits] == ' ');
}

}  // namespace irqbench::importing
