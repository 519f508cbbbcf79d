#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

#include "tools/record/line_filter.hpp"
#include "vmm/trace_instance.hpp"

namespace irqbench::tools::tracing {

/// What the kernel's KVM does for one process, as text: the events (kvm:*) of its threads and of the kernel's
/// own, which work for all. The kernel's buffers are of 16 MiB for each CPU: where more comes than is read,
/// events are lost, and the text says where.
class Recorder {
  public:
    using Sink = std::function<void(std::string_view text)>;

    /// @param sink gets the text, whole lines of it
    /// @param most how many bytes of it at most
    /// @throws std::system_error when the kernel refuses
    Recorder(pid_t process, Sink sink, std::uint64_t most);

    /// @throws std::system_error when the kernel refuses
    void start();

    /// Hands over what there is; waits for it at most that long.
    /// @returns false where there is no room for more
    bool take(std::chrono::milliseconds patience);
    /// Nothing is recorded any more; hands over all that was. @returns as take()
    bool finish();

    [[nodiscard]] std::uint64_t events() const { return filter_.kept(); }
    [[nodiscard]] std::uint64_t lost() const { return filter_.lost(); }

  private:
    void stop();
    bool read(int most_pieces);

    vmm::TraceInstance instance_;
    vmm::kvm::Fd pipe_;  ///< closed before its instance is removed
    vmm::TracedThreads threads_;
    LineFilter filter_;
    Sink sink_;
    std::uint64_t room_;
};

}  // namespace irqbench::tools::tracing
