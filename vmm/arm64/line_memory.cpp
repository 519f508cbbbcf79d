#include "vmm/arm64/line_memory.hpp"

#include <algorithm>
#include <utility>

namespace irqbench::vmm::arm64 {

void LineMemory::set(std::uint32_t line, bool level, std::uint64_t begun) {
    const Motion motion{level, begun, begin()};
    const std::lock_guard lock(mutex_);
    if (among_others_)
        motions_[line].insert_or_assign(std::this_thread::get_id(), motion);
    else
        note(line, level);
}

void LineMemory::note(std::uint32_t line, bool level) {
    doubtful_.erase(line);
    if (level)
        high_.insert(line);
    else
        high_.erase(line);
}

void LineMemory::doubt(std::uint32_t line) {
    const std::lock_guard lock(mutex_);
    doubtful_.insert(line);
}

bool LineMemory::in_doubt(std::uint32_t line) const {
    const std::lock_guard lock(mutex_);
    return doubtful_.contains(line);
}

void LineMemory::among_others(bool on) {
    const std::lock_guard lock(mutex_);
    among_others_ = on;
    for (const auto& [line, motions] : std::exchange(motions_, {})) {
        std::uint64_t last_begun = 0;
        for (const auto& [thread, motion] : motions) last_begun = std::max(last_begun, motion.begun);
        // Any of those that had not ended when the last one began may have been the last.
        std::set<bool> left_at;
        for (const auto& [thread, motion] : motions)
            if (motion.ended > last_begun) left_at.insert(motion.level);
        if (left_at.size() == 1)
            note(line, *left_at.begin());
        else
            doubtful_.insert(line);
    }
}

void LineMemory::settle(const std::function<bool(std::uint32_t line)>& is_high) {
    Lines doubtful;
    {
        const std::lock_guard lock(mutex_);
        doubtful = doubtful_;
    }
    for (const std::uint32_t line : doubtful) {
        const bool level = is_high(line);
        const std::lock_guard lock(mutex_);
        note(line, level);
    }
}

bool LineMemory::is_high(std::uint32_t line) const {
    const std::lock_guard lock(mutex_);
    return high_.contains(line);
}

LineMemory::Lines LineMemory::high() const {
    const std::lock_guard lock(mutex_);
    return high_;
}

void LineMemory::restore(Lines high) {
    const std::lock_guard lock(mutex_);
    high_ = std::move(high);
    doubtful_.clear();
}

}  // namespace irqbench::vmm::arm64
