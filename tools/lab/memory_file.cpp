#include "tools/lab/memory_file.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace irqbench::tools::lab {

MemoryFile::MemoryFile(const char* name) : fd_(::memfd_create(name, MFD_CLOEXEC)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "memfd_create");
}

void MemoryFile::append(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error(errno, std::generic_category(), "writing a memory file");
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::string MemoryFile::path() const { return fmt::format("/proc/{}/fd/{}", ::getpid(), fd_.get()); }

std::string MemoryFile::content() const {
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t count =
            ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

}  // namespace irqbench::tools::lab
