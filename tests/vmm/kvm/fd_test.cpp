#include "vmm/kvm/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "vmm/kvm/eventfd.hpp"

namespace irqbench::vmm::kvm {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

constexpr Request harmless = IRQBENCH_KVM_REQUEST(0xae00);

}  // namespace

BOOST_AUTO_TEST_SUITE(fd)

BOOST_AUTO_TEST_CASE(it_is_closed_once_and_by_its_last_owner) {
    Fd a(::open("/dev/null", O_RDONLY));
    const int number = a.get();
    {
        Fd b(std::move(a));
        BOOST_TEST(!a);  // NOLINT(bugprone-use-after-move)
        BOOST_TEST(b.get() == number);
        a = std::move(b);
    }
    BOOST_TEST(is_open(number));
    a = Fd();
    BOOST_TEST(!is_open(number));
}

BOOST_AUTO_TEST_CASE(a_failed_call_names_the_request_and_the_reason) {
    const Outcome outcome = try_ioctl(-1, harmless);
    BOOST_TEST(outcome.error == EBADF);
    BOOST_CHECK_EXCEPTION(call(-1, harmless), std::system_error, [](const std::system_error& error) {
        return std::string(error.what()) == "0xae00: Bad file descriptor" && error.code().value() == EBADF;
    });
}

BOOST_AUTO_TEST_CASE(an_eventfd_adds_up_until_it_is_drained) {
    const EventFd event;
    BOOST_TEST(event.drain() == 0u);
    event.signal();
    event.signal(41);
    BOOST_TEST(event.drain() == 42u);
    BOOST_TEST(event.drain() == 0u);
}

BOOST_AUTO_TEST_CASE(an_eventfd_that_is_full_says_so_and_keeps_its_count) {
    const EventFd event;
    event.signal(~std::uint64_t{1});
    BOOST_CHECK_THROW(event.signal(1), std::system_error);
    BOOST_TEST(event.drain() == ~std::uint64_t{1});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
