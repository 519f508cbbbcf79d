#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// Where two runs of one scenario part.
struct PageDifference {
    std::size_t first = 0;  ///< index among the results
    std::size_t second = 0;
    std::optional<std::size_t> first_event;  ///< among the events of its recording; none: nothing more came
    std::optional<std::size_t> second_event;
    std::string text;
    bool known = false;
};

struct PageOptions {
    std::string title;                        ///< empty: the kernels that the results are from
    bool interrupted = false;                 ///< there would be more results
    std::vector<PageDifference> differences;  ///< runs that the page shows side by side
    /// Of the page's size, the part for timelines. Those of runs that did not pass come first; the page says
    /// how many have none.
    std::size_t most_timeline_bytes = std::size_t{15} << 20;
};

/// One HTML document of results and the timelines of those that have a recording: complete in itself, it
/// loads nothing. What scenarios, files and guests call things is in it as data only, never as markup.
std::string html_page(std::span<const Result> results, const PageOptions& options = {});

}  // namespace irqbench::tools
