#include "vmm/kvm/eventfd.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace irqbench::vmm::kvm {

EventFd::EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void EventFd::signal(std::uint64_t count) const {
    if (::write(fd_.get(), &count, sizeof count) != static_cast<ssize_t>(sizeof count)) {
        throw std::system_error(errno, std::generic_category(), "eventfd write");
    }
}

std::uint64_t EventFd::drain() const {
    std::uint64_t count = 0;
    if (::read(fd_.get(), &count, sizeof count) == static_cast<ssize_t>(sizeof count)) return count;
    if (errno != EAGAIN) throw std::system_error(errno, std::generic_category(), "eventfd read");
    return 0;
}

bool EventFd::is_signalled() const {
    pollfd request{fd_.get(), POLLIN, 0};
    return ::poll(&request, 1, 0) > 0;
}

}  // namespace irqbench::vmm::kvm
