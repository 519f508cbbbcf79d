#include "scenarios/engine/thread_ends.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace irqbench::scenarios {

namespace {

using Names = std::set<std::string, std::less<>>;

bool is_left_out(const Block& block, std::string_view mode) {
    return block.kind == Block::Kind::only &&
           std::find(block.modes.begin(), block.modes.end(), mode) == block.modes.end();
}

/// The threads for whose ends loops among the steps wait, however deep.
void add_awaited(const std::vector<Step>& steps, std::string_view mode, Names& awaited) {
    for (const Step& step : steps) {
        if (step.block == nullptr || is_left_out(*step.block, mode)) continue;
        if (step.block->kind == Block::Kind::loop) awaited.insert(step.block->until);
        add_awaited(step.block->threads.front().second, mode, awaited);
    }
}

/// Whether any of the steps is done in that irqchip mode.
bool acts_in(const std::vector<Step>& steps, std::string_view mode) {
    return std::any_of(steps.begin(), steps.end(), [mode](const Step& step) {
        if (step.block == nullptr) return true;
        return !is_left_out(*step.block, mode) && acts_in(step.block->threads.front().second, mode);
    });
}

}  // namespace

std::string why_it_never_ends(const Block& parallel, std::string_view mode) {
    std::map<std::string, Names, std::less<>> waiting;
    for (const auto& [name, steps] : parallel.threads) add_awaited(steps, mode, waiting[name]);
    // One after the other, as they would end.
    Names ended;
    for (bool goes_on = true; goes_on;) {
        goes_on = false;
        for (auto thread = waiting.begin(); thread != waiting.end();) {
            const bool ends =
                std::includes(ended.begin(), ended.end(), thread->second.begin(), thread->second.end());
            if (ends) ended.insert(thread->first);
            goes_on = goes_on || ends;
            thread = ends ? waiting.erase(thread) : std::next(thread);
        }
    }
    if (waiting.empty()) return "";
    if (ended.empty()) return "never ends: every thread loops until another one has ended";
    const auto& [name, awaited] = *waiting.begin();
    const auto open = std::find_if(awaited.begin(), awaited.end(),
                                   [&](const std::string& other) { return !ended.contains(other); });
    return fmt::format("never ends: '{}' loops until '{}' has ended, which waits for it in turn", name,
                       *open);
}

std::string why_no_loop(const Block& loop, const Block& parallel, const std::string& thread,
                        std::string_view mode) {
    if (loop.until == thread) return "a thread cannot loop until its own end";
    const bool is_known = std::any_of(parallel.threads.begin(), parallel.threads.end(),
                                      [&](const auto& each) { return each.first == loop.until; });
    if (!is_known) return fmt::format("loops until '{}', which is no thread of this 'parallel'", loop.until);
    // There would be nothing between one look at its end and the next.
    if (!acts_in(loop.threads.front().second, mode)) return fmt::format("has nothing to do in {} mode", mode);
    return "";
}

}  // namespace irqbench::scenarios
