#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/kvm/fd.hpp"

namespace irqbench::vmm::kvm {

/// /dev/kvm: what holds for the whole host. Source of this folder, if not said otherwise: the kernel's
/// Documentation/virt/kvm/api.rst, section of the ioctl's name.
class System {
  public:
    /// Opens /dev/kvm.
    /// @throws std::system_error "/dev/kvm" or "KVM_GET_API_VERSION"
    /// @throws std::runtime_error if the API version is not 12, the only stable one
    System();

    /// Why /dev/kvm cannot be used by this process, in words; empty if it can.
    [[nodiscard]] static std::optional<std::string> unavailable();

    [[nodiscard]] int api_version() const;

    /// KVM_CHECK_EXTENSION: 0 if `capability` is missing, otherwise 1 or a number that belongs to it.
    [[nodiscard]] int check_extension(unsigned long capability) const;

    /// KVM_GET_VCPU_MMAP_SIZE: bytes of kvm_run and the pages that follow it.
    [[nodiscard]] std::size_t vcpu_mmap_size() const;

#if defined(__x86_64__)
    /// KVM_GET_SUPPORTED_CPUID: what the host and KVM together can offer a guest.
    [[nodiscard]] std::vector<kvm_cpuid_entry2> supported_cpuid() const;

    /// KVM_GET_MSR_INDEX_LIST: MSRs whose values make up a vCPU's state on this host.
    [[nodiscard]] std::vector<std::uint32_t> msr_indices() const;
#endif

    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    Fd fd_;
};

}  // namespace irqbench::vmm::kvm
