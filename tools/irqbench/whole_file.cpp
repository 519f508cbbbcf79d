#include "tools/irqbench/whole_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <system_error>

#include "vmm/kvm/fd.hpp"

namespace irqbench::tools {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_to_write(const fs::path& path) {
    throw std::system_error(errno, std::generic_category(), "cannot write " + path.string());
}

bool write_all(int file, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t count = ::write(file, text.data() + done, text.size() - done);
        if (count < 0 && errno != EINTR) return false;
        if (count > 0) done += static_cast<std::size_t>(count);
    }
    return true;
}

}  // namespace

void write_whole_file(const fs::path& path, const std::string& text) {
    std::error_code error;
    // Behind a link it is the file that is replaced, not the link.
    const fs::path place = fs::exists(path, error) ? fs::canonical(path) : path;
    if (fs::exists(place, error) && !fs::is_regular_file(place, error)) {
        const vmm::kvm::Fd file(::open(place.c_str(), O_WRONLY | O_CLOEXEC));
        if (!file || !write_all(file.get(), text)) fail_to_write(path);
        return;
    }
    const std::string part = fmt::format("{}.{}", place.string(), ::getpid());
    const vmm::kvm::Fd file(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file) fail_to_write(path);
    struct stat there {};
    const bool has_mode =
        ::stat(place.c_str(), &there) != 0 || ::fchmod(file.get(), there.st_mode & 0777) == 0;
    if (has_mode && write_all(file.get(), text) && ::fsync(file.get()) == 0 &&
        ::rename(part.c_str(), place.c_str()) == 0)
        return;
    const int why = errno;
    ::unlink(part.c_str());
    errno = why;
    fail_to_write(path);
}

}  // namespace irqbench::tools
