#include "tools/irqbench/remedy.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <system_error>

namespace irqbench::tools {

std::string remedy(std::string_view reason) {
    const auto says_any_of = [reason](std::initializer_list<int> errors) {
        return std::any_of(errors.begin(), errors.end(), [reason](int error) {
            return reason.find(std::generic_category().message(error)) != std::string_view::npos;
        });
    };
    if (says_any_of({EMFILE})) {
        rlimit limit{};
        getrlimit(RLIMIT_NOFILE, &limit);
        return fmt::format("this process may open {}: raise `ulimit -Hn`, or use fewer --jobs",
                           limit.rlim_cur);
    }
    if (!reason.starts_with("/dev/kvm")) return {};
    if (says_any_of({EACCES, EPERM}))
        return "become a member of the device's group: `sudo usermod -aG kvm $USER`, then log in again";
    if (says_any_of({ENOENT, ENODEV, ENXIO}))
        return "load kvm_intel or kvm_amd; the firmware, or the host of this virtual machine, must allow "
               "virtualisation";
    return {};
}

std::string with_remedy(const std::string& reason) {
    const std::string hint = remedy(reason);
    return hint.empty() ? reason : fmt::format("{}; {}", reason, hint);
}

}  // namespace irqbench::tools
