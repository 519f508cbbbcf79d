#include "vmm/kvm/dirty_log.hpp"

#include <bit>

namespace irqbench::vmm::kvm {

DirtyLog::DirtyLog(Vm& vm, Clearing clearing) : vm_(vm), clearing_(clearing) {
    if (clearing == Clearing::manual) {
        vm.enable_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, {KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE});
    }
}

bool DirtyLog::supports_manual_clearing(const Vm& vm) {
    return (vm.check_extension(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE) != 0;
}

std::vector<std::uint64_t> DirtyLog::get(std::uint32_t slot, std::uint64_t pages) {
    std::vector<std::uint64_t> bitmap((pages + 63) / 64);
    require(vm_.try_get_dirty_log(slot, bitmap), "KVM_GET_DIRTY_LOG");
    return bitmap;
}

void DirtyLog::clear(std::uint32_t slot, std::uint64_t pages, std::span<std::uint64_t> bitmap) {
    require(vm_.try_clear_dirty_log(slot, 0, static_cast<std::uint32_t>(pages), bitmap),
            "KVM_CLEAR_DIRTY_LOG");
}

std::vector<std::uint64_t> DirtyLog::take(std::uint32_t slot, std::uint64_t pages) {
    std::vector<std::uint64_t> bitmap = get(slot, pages);
    std::vector<std::uint64_t> dirty;
    for (std::size_t word = 0; word < bitmap.size(); ++word) {
        for (std::uint64_t bits = bitmap[word]; bits != 0; bits &= bits - 1) {
            dirty.push_back(word * 64 + static_cast<std::uint64_t>(std::countr_zero(bits)));
        }
    }
    if (clearing_ == Clearing::manual && !dirty.empty()) clear(slot, pages, bitmap);
    return dirty;
}

}  // namespace irqbench::vmm::kvm
