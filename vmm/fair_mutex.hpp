#pragma once

#include <mutex>
#include <shared_mutex>

namespace irqbench::vmm {

/// A mutex that a thread cannot take again and again past another that waits for it, as a vCPU thread in a
/// storm of exits would: whoever waits for `held_` keeps `next_`, and all others queue behind that.
class FairMutex {
  public:
    void lock() {
        const std::lock_guard turn(next_);
        held_.lock();
    }
    void unlock() { held_.unlock(); }

  private:
    std::mutex next_;
    std::mutex held_;
};

/// The same of a mutex that some share: they cannot take it in turns past one that wants it alone.
class FairSharedMutex {
  public:
    void lock() {
        const std::lock_guard turn(next_);
        held_.lock();
    }
    void unlock() { held_.unlock(); }
    void lock_shared() {
        const std::lock_guard turn(next_);
        held_.lock_shared();
    }
    void unlock_shared() { held_.unlock_shared(); }

  private:
    std::mutex next_;
    std::shared_mutex held_;
};

}  // namespace irqbench::vmm
