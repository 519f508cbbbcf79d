#include "tools/lab/tasks.hpp"

#include <fmt/format.h>

namespace irqbench::tools::lab {

void Tasks::begin_boot() {
    under_way_.clear();
    begun_ = false;
}

void Tasks::take(const record::Finished& finished) {
    under_way_.erase(finished.index);
    results_.insert_or_assign(finished.index, finished);
}

bool Tasks::has(std::uint64_t index) const {
    const auto found = results_.find(index);
    return found != results_.end() && found->second.complete;
}

std::optional<record::Started> Tasks::culprit() const {
    if (under_way_.size() != 1) return std::nullopt;
    return under_way_.begin()->second;
}

std::string Tasks::running() const {
    if (under_way_.empty()) return "";
    if (under_way_.size() > 1) return fmt::format("one of {} scenarios", under_way_.size());
    return fmt::format("{} {}", under_way_.begin()->second.irqchip, under_way_.begin()->second.file);
}

std::string Tasks::lines() const {
    std::string text;
    for (const auto& [index, finished] : results_)
        if (finished.complete) text += record_line(finished);
    return text;
}

std::vector<Result> Tasks::results() const {
    std::vector<Result> list;
    for (const auto& [index, finished] : results_) list.push_back(finished.result);
    return list;
}

}  // namespace irqbench::tools::lab
