#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace irqbench::vmm::arm64 {

/// Which lines of a GICv2 are high, as KVM_IRQ_LINE names them. KVM does not tell: of a level-sensitive
/// interrupt it says that it is pending, for its line or for what software wrote to GICD_ISPENDR.
///
/// Threads may call it as they like; which of them was the last one is known between `among_others(true)` and
/// `among_others(false)` only.
class LineMemory {
  public:
    using Lines = std::set<std::uint32_t>;

    /// Before a line is moved.
    /// @returns for set(): which of two motions was the later one, is known if they did not overlap
    [[nodiscard]] std::uint64_t begin() { return ++clock_; }
    /// It has been.
    void set(std::uint32_t line, bool level, std::uint64_t begun);
    /// The line may have moved, and nobody knows which way.
    void doubt(std::uint32_t line);
    [[nodiscard]] bool in_doubt(std::uint32_t line) const;
    /// Several threads move lines from here on, or do so no more. A line whose last motion is not known is in
    /// doubt until somebody moves it again.
    void among_others(bool on);
    /// Lets the GIC decide what is in doubt.
    /// @param is_high what is taken for a line's level
    void settle(const std::function<bool(std::uint32_t line)>& is_high);

    [[nodiscard]] bool is_high(std::uint32_t line) const;
    [[nodiscard]] Lines high() const;
    void restore(Lines high);

  private:
    /// The last motion by a thread.
    struct Motion {
        bool level;
        std::uint64_t begun;
        std::uint64_t ended;
    };

    void note(std::uint32_t line, bool level);

    std::atomic<std::uint64_t> clock_ = 0;
    mutable std::mutex mutex_;  ///< guards all that follows
    Lines high_;
    Lines doubtful_;
    bool among_others_ = false;
    std::map<std::uint32_t, std::map<std::thread::id, Motion>> motions_;  ///< line -> by whom, how
};

}  // namespace irqbench::vmm::arm64
