#include "tools/import/lines.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "tools/import/event.hpp"

namespace irqbench::importing {

namespace {

constexpr std::size_t piece_bytes = 1 << 20;
constexpr std::size_t longest_line = 1 << 16;
static_assert(longest_line * 2 < piece_bytes);

[[noreturn]] void failed(const std::string& file) {
    throw std::system_error(errno, std::generic_category(), file);
}

}  // namespace

Lines::Lines(const std::string& file) : Lines(file, ::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) failed(file_);
}

Lines::Lines(std::string file, int descriptor)
    : file_(std::move(file)), descriptor_(descriptor), buffer_(piece_bytes) {}

Lines::~Lines() { ::close(descriptor_); }

std::optional<std::string_view> Lines::next() {
    std::size_t looked_at = 0;
    for (;;) {
        const char* from = buffer_.data() + begin_ + looked_at;
        const void* found = std::memchr(from, '\n', end_ - begin_ - looked_at);
        looked_at = end_ - begin_;
        const auto length =
            found != nullptr
                ? static_cast<std::size_t>(static_cast<const char*>(found) - (buffer_.data() + begin_))
                : looked_at;
        if (length > longest_line)
            throw TraceError(
                fmt::format("{}:{}: a line of more than {} bytes", file_, number_ + 1, longest_line));
        if (found == nullptr && !ended_ && fill()) continue;
        if (found == nullptr && length == 0) return std::nullopt;
        const std::string_view line(buffer_.data() + begin_, length);
        whole_ = found != nullptr;
        begin_ += length + (whole_ ? 1 : 0);
        ++number_;
        return line.ends_with('\r') ? line.substr(0, length - 1) : line;
    }
}

/// Moves the beginning of a line that has not ended yet to the front. @returns false at the end of the file
bool Lines::fill() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    ssize_t count = 0;
    do {
        count = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
    } while (count < 0 && errno == EINTR);
    if (count < 0) failed(file_);
    ended_ = count == 0;
    end_ += static_cast<std::size_t>(count);
    return !ended_;
}

}  // namespace irqbench::importing
