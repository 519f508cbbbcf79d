#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vmm/kvm/vm.hpp"

namespace irqbench::vmm::kvm {

/// The pages of memory slots that the guest wrote to: KVM_GET_DIRTY_LOG and KVM_CLEAR_DIRTY_LOG. Pages are
/// counted from the slot's first.
class DirtyLog {
  public:
    enum class Clearing {
        by_get,  ///< reading the log clears it
        manual,  ///< reading does not; pages are cleared, and watched again, one by one
                 ///< (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2)
    };

    /// @throws std::system_error "KVM_ENABLE_CAP" for manual clearing if this KVM does not have it
    explicit DirtyLog(Vm& vm, Clearing clearing = Clearing::by_get);

    [[nodiscard]] static bool supports_manual_clearing(const Vm& vm);
    [[nodiscard]] Clearing clearing() const { return clearing_; }

    /// One bit a page, in whole words.
    /// @throws std::system_error "KVM_GET_DIRTY_LOG": ENOENT if the slot has no log
    [[nodiscard]] std::vector<std::uint64_t> get(std::uint32_t slot, std::uint64_t pages);

    /// Clears the pages whose bits are set; bit 0 is the slot's first page.
    /// @throws std::system_error "KVM_CLEAR_DIRTY_LOG": ENOENT if the slot has no log
    void clear(std::uint32_t slot, std::uint64_t pages, std::span<std::uint64_t> bitmap);

    /// The numbers of the dirty pages, which are clean afterwards, in either way of clearing.
    [[nodiscard]] std::vector<std::uint64_t> take(std::uint32_t slot, std::uint64_t pages);

  private:
    Vm& vm_;
    Clearing clearing_;
};

}  // namespace irqbench::vmm::kvm
