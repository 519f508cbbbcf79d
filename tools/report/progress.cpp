#include "tools/report/progress.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

constexpr const char* erase_line = "\r\033[K";

std::size_t terminal_width(const Surroundings& surroundings) {
    constexpr std::size_t usual = 80;
    const std::string columns = surroundings.environment("COLUMNS");
    const unsigned long width = std::strtoul(columns.c_str(), nullptr, 10);
    return (width >= 20 && width <= 1000 ? width : usual) - 1;
}

}  // namespace

std::string time_left(const ProgressState& state) {
    constexpr double soon = 10;
    constexpr double minute = 60;
    constexpr double hour = 60 * minute;
    const double elapsed = std::chrono::duration<double>(state.elapsed).count();
    if (elapsed < soon || state.done <= state.earlier || state.done >= state.total) return "";
    const double left = elapsed * static_cast<double>(state.total - state.done) /
                        static_cast<double>(state.done - state.earlier);
    if (left < minute) return fmt::format("{:.0f} s left", std::ceil(left));
    if (left < hour) return fmt::format("{:.0f} min left", std::ceil(left / minute));
    return fmt::format("{:.1f} h left", left / hour);
}

std::string progress_line(const ProgressState& state, std::size_t width) {
    const std::size_t digits = std::to_string(state.total).size();
    std::string line = fmt::format("[{:>{}}/{}]", state.done, digits, state.total);
    if (state.failed != 0) line += fmt::format("  {} failed", state.failed);
    if (const std::string left = time_left(state); !left.empty()) line += "  " + left;
    if (!state.running.empty()) line += "  " + printable(state.running);
    return line.size() <= width ? line : line.substr(0, width);
}

void Progress::show(const ProgressState& state) { show(progress_line(state, width_)); }

void Progress::show(const std::string& line) {
    if (!enabled_) return;
    terminal_ << erase_line << line.substr(0, width_) << std::flush;
    shown_ = true;
}

void Progress::clear() {
    if (shown_) terminal_ << erase_line << std::flush;
    shown_ = false;
}

bool understands_escapes(const Surroundings& surroundings) {
    return surroundings.environment("TERM") != "dumb";
}

Progress progress_of(Surroundings& surroundings, bool quiet) {
    return {surroundings.err, surroundings.err_is_terminal && understands_escapes(surroundings) && !quiet,
            terminal_width(surroundings)};
}

}  // namespace irqbench::tools
