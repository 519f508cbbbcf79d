#include "vmm/kvm/fd.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace irqbench::vmm::kvm {

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        reset();
        number_ = other.release();
    }
    return *this;
}

int Fd::release() { return std::exchange(number_, -1); }

void Fd::reset() {
    if (number_ >= 0) ::close(release());
}

void Fd::close_file() {
    const Fd inert(::eventfd(0, EFD_CLOEXEC));
    if (!inert) throw std::system_error(errno, std::generic_category(), "eventfd");
    if (::dup3(inert.get(), number_, O_CLOEXEC) < 0)
        throw std::system_error(errno, std::generic_category(), "dup3");
}

Outcome try_ioctl_once(int fd, Request request, std::uintptr_t argument) {
    const int value = ::ioctl(fd, request.number, argument);
    if (value < 0) return {0, errno};
    return {value, 0};
}

Outcome try_ioctl(int fd, Request request, std::uintptr_t argument) {
    Outcome outcome;
    do {
        outcome = try_ioctl_once(fd, request, argument);
    } while (outcome.error == EINTR);
    return outcome;
}

int require(const Outcome& outcome, const char* name) {
    if (!outcome.ok()) throw std::system_error(outcome.error, std::generic_category(), name);
    return outcome.value;
}

}  // namespace irqbench::vmm::kvm
