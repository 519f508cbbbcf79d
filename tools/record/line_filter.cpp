#include "tools/record/line_filter.hpp"

#include "tools/import/text_line.hpp"

namespace irqbench::tools::tracing {

std::string LineFilter::add(std::string_view piece) {
    std::string kept;
    begun_ += piece;
    std::size_t begin = 0;
    for (std::size_t end = begun_.find('\n'); end != std::string::npos; end = begun_.find('\n', begin)) {
        const std::string_view line = std::string_view(begun_).substr(begin, end - begin);
        if (keeps(line)) kept.append(line).append("\n");
        begin = end + 1;
    }
    begun_.erase(0, begin);
    return kept;
}

bool LineFilter::keeps(std::string_view line) {
    if (const auto lost = importing::read_lost_line(line)) {
        lost_ += *lost;
        return true;
    }
    const auto event = importing::read_text_line(line);
    if (!event || !has_thread_(event->thread)) return false;
    ++kept_;
    return true;
}

}  // namespace irqbench::tools::tracing
