#pragma once

#include <cstdint>

#include "vmm/kvm/fd.hpp"

namespace irqbench::vmm::kvm {

/// An eventfd(2) in non-blocking counter mode.
class EventFd {
  public:
    /// @throws std::system_error "eventfd"
    EventFd();

    /// Adds `count` to the counter.
    /// @throws std::system_error "eventfd write"; EAGAIN if the counter would pass 2^64 - 2
    void signal(std::uint64_t count = 1) const;

    /// Returns the counter and sets it to zero; 0 if nothing was signalled. Never blocks.
    /// @throws std::system_error "eventfd read"
    [[nodiscard]] std::uint64_t drain() const;

    /// Whether the counter is not zero.
    [[nodiscard]] bool is_signalled() const;

    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    Fd fd_;
};

}  // namespace irqbench::vmm::kvm
