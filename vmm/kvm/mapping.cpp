#include "vmm/kvm/mapping.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace irqbench::vmm::kvm {

Mapping::Mapping(std::size_t bytes, int protection, int flags, int fd) {
    void* address = ::mmap(nullptr, bytes, protection, flags, fd, 0);
    if (address == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    bytes_ = {static_cast<std::byte*>(address), bytes};
}

Mapping Mapping::anonymous(std::size_t bytes) {
    return {bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1};
}

Mapping Mapping::shared(int fd, std::size_t bytes) { return {bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd}; }

void Mapping::detach() {
    if (::mmap(bytes_.data(), bytes_.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
               -1, 0) == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mmap");
}

Mapping::Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
}

Mapping::~Mapping() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace irqbench::vmm::kvm
