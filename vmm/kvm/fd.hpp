#pragma once

#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "vmm/trace.hpp"

namespace irqbench::vmm::kvm {

/// A file descriptor that is closed exactly once.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int number) : number_(number) {}
    Fd(Fd&& other) noexcept : number_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept;
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    [[nodiscard]] int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    [[nodiscard]] int release();
    void reset();
    /// Closes the file, and leaves under its number one that answers every ioctl with ENOTTY: another thread
    /// may be about to use it. @throws std::system_error
    void close_file();

  private:
    int number_ = -1;
};

/// An ioctl request together with its name, so that no error message can name another one.
struct Request {
    unsigned long number;
    const char* name;
};

#define IRQBENCH_KVM_REQUEST(request) \
    ::irqbench::vmm::kvm::Request { request, #request }

/// What a call that may be refused made, and what the kernel said. `object` is empty exactly if
/// !outcome.ok().
template <class T>
struct Attempt {
    Outcome outcome;
    std::optional<T> object;
};

/// Calls ioctl(2), again if a signal interrupted it. Every KVM ioctl other than KVM_RUN may be repeated.
[[nodiscard]] Outcome try_ioctl(int fd, Request request, std::uintptr_t argument = 0);

/// Calls ioctl(2) once: EINTR is a result, as it is for KVM_RUN.
[[nodiscard]] Outcome try_ioctl_once(int fd, Request request, std::uintptr_t argument = 0);

template <class T>
requires(!std::is_arithmetic_v<T>) [[nodiscard]] Outcome
    try_ioctl(int fd, Request request, const T& argument) {
    return try_ioctl(fd, request, reinterpret_cast<std::uintptr_t>(&argument));
}

template <class T>
requires(!std::is_arithmetic_v<T> && !std::is_const_v<T>) [[nodiscard]] Outcome
    try_ioctl(int fd, Request request, T& argument) {
    return try_ioctl(fd, request, reinterpret_cast<std::uintptr_t>(&argument));
}

/// Returns the outcome's value.
/// @throws std::system_error with what() = "KVM_SET_GSI_ROUTING: Invalid argument" if the call failed
int require(const Outcome& outcome, const char* name);

/// try_ioctl() for calls that must not fail.
/// @throws std::system_error as require()
template <class... T>
int call(int fd, Request request, T&&... argument) {
    return require(try_ioctl(fd, request, static_cast<T&&>(argument)...), request.name);
}

/// How KVM's lists begin: the number of entries and a word of flags or padding, or only the former.
struct ListHeader {
    std::uint32_t count = 0;
    std::uint32_t flags = 0;
};
struct ShortListHeader {
    std::uint32_t count = 0;
};

/// An ioctl argument that is a list: a header, and directly behind it entries whose number is known at run
/// time only.
///
/// <linux/kvm.h> declares these with an array of unknown length inside of an otherwise empty struct. That has
/// a size in C++, other than in C, which makes the size of the list wrong and with it the number of the
/// request. So the headers are declared here, and request() puts the number right.
template <class Header, class Entry>
class List {
  public:
    explicit List(std::size_t count) : bytes_(sizeof(Header) + count * sizeof(Entry)) {
        static_assert(sizeof(Header) % alignof(Entry) == 0);
        header().count = static_cast<std::uint32_t>(count);
    }
    explicit List(std::span<const Entry> entries) : List(entries.size()) {
        if (!entries.empty()) std::memcpy(this->entries(), entries.data(), entries.size_bytes());
    }

    [[nodiscard]] Header& header() { return *reinterpret_cast<Header*>(bytes_.data()); }
    [[nodiscard]] Entry* entries() { return reinterpret_cast<Entry*>(bytes_.data() + sizeof(Header)); }
    /// The first `count` entries.
    [[nodiscard]] std::vector<Entry> take(std::size_t count) { return {entries(), entries() + count}; }

    [[nodiscard]] static constexpr Request request(Request declared) {
        constexpr unsigned long size_field = static_cast<unsigned long>(_IOC_SIZEMASK) << _IOC_SIZESHIFT;
        return {(declared.number & ~size_field) | sizeof(Header) << _IOC_SIZESHIFT, declared.name};
    }

  private:
    std::vector<std::byte> bytes_;  // operator new aligns for any of KVM's structures
};

}  // namespace irqbench::vmm::kvm
