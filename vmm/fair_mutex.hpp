#pragma once

#include <mutex>
#include <shared_mutex>

namespace irqbench::vmm {

/// A mutex that a thread cannot take again and again past another that waits for it, as a vCPU thread in a
/// storm of exits would: whoever waits for `held_` keeps `next_`, and all others queue behind that. Nor can
/// those who share one take it in turns past one that wants it alone.
template <class Mutex>
class Fair {
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
    Mutex held_;
};

using FairMutex = Fair<std::mutex>;
using FairSharedMutex = Fair<std::shared_mutex>;

}  // namespace irqbench::vmm
