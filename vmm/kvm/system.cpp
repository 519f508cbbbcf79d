#include "vmm/kvm/system.hpp"

#include <fcntl.h>

#include <cerrno>
#include <exception>
#include <stdexcept>
#include <system_error>

namespace irqbench::vmm::kvm {

System::System() : fd_(::open("/dev/kvm", O_RDWR | O_CLOEXEC)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "/dev/kvm");
    if (const int version = api_version(); version != KVM_API_VERSION) {
        throw std::runtime_error("/dev/kvm: API version " + std::to_string(version) + ", expected " +
                                 std::to_string(KVM_API_VERSION));
    }
}

std::optional<std::string> System::unavailable() {
    try {
        const System system;
        return std::nullopt;
    } catch (const std::exception& error) {
        return error.what();
    }
}

int System::api_version() const { return call(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_API_VERSION)); }

int System::check_extension(unsigned long capability) const {
    return call(fd(), IRQBENCH_KVM_REQUEST(KVM_CHECK_EXTENSION), capability);
}

std::size_t System::vcpu_mmap_size() const {
    return static_cast<std::size_t>(call(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_VCPU_MMAP_SIZE)));
}

#if defined(__x86_64__)
std::vector<kvm_cpuid_entry2> System::supported_cpuid() const {
    using Cpuid = List<ListHeader, kvm_cpuid_entry2>;
    constexpr Request request = Cpuid::request(IRQBENCH_KVM_REQUEST(KVM_GET_SUPPORTED_CPUID));
    for (std::size_t count = 128;; count *= 2) {
        Cpuid list(count);
        const Outcome outcome = try_ioctl(fd(), request, list.header());
        if (outcome.error == E2BIG) continue;
        require(outcome, request.name);
        return list.take(list.header().count);
    }
}

std::vector<std::uint32_t> System::msr_indices() const {
    using Indices = List<ShortListHeader, std::uint32_t>;
    constexpr Request request = Indices::request(IRQBENCH_KVM_REQUEST(KVM_GET_MSR_INDEX_LIST));
    // A list that is too short is refused with E2BIG and the length it should have.
    for (std::size_t count = 256;;) {
        Indices list(count);
        const Outcome outcome = try_ioctl(fd(), request, list.header());
        if (outcome.error == E2BIG && list.header().count > count) {
            count = list.header().count;
            continue;
        }
        require(outcome, request.name);
        return list.take(list.header().count);
    }
}
#endif

}  // namespace irqbench::vmm::kvm
