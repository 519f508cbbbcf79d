#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace irqbench::tools::tracing {

/// Of the text of `trace_pipe`, which comes in pieces, the events of some threads, and where events were
/// lost.
class LineFilter {
  public:
    explicit LineFilter(std::function<bool(std::uint32_t thread)> has_thread)
        : has_thread_(std::move(has_thread)) {}

    /// The lines that are complete with this and are kept.
    std::string add(std::string_view piece);

    [[nodiscard]] std::uint64_t kept() const { return kept_; }
    /// Events that the kernel's buffers could not hold; of some it does not say how many.
    [[nodiscard]] std::uint64_t lost() const { return lost_; }

  private:
    [[nodiscard]] bool keeps(std::string_view line);

    std::function<bool(std::uint32_t)> has_thread_;
    std::string begun_;  ///< a line without its end
    std::uint64_t kept_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace irqbench::tools::tracing
