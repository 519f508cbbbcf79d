#pragma once

#include <cstddef>
#include <span>

namespace irqbench::vmm::kvm {

/// Pages of this process: mmap(2), unmapped on destruction.
class Mapping {
  public:
    Mapping() = default;
    /// Zeroed private memory that costs nothing until it is touched. @throws std::system_error "mmap"
    static Mapping anonymous(std::size_t bytes);
    /// The first `bytes` of a file descriptor, shared with the kernel. @throws std::system_error "mmap"
    static Mapping shared(int fd, std::size_t bytes);
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    /// Lets go of the file, and leaves zeroed memory at the same address. @throws std::system_error "mmap"
    void detach();

    [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

  private:
    Mapping(std::size_t bytes, int protection, int flags, int fd);

    std::span<std::byte> bytes_;
};

}  // namespace irqbench::vmm::kvm
