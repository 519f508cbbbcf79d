#include "tools/record/recorder.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <limits>
#include <string>
#include <system_error>

namespace irqbench::tools::tracing {

namespace {

constexpr int buffer_kib = 16384;  ///< of each CPU

}  // namespace

Recorder::Recorder(pid_t process, Sink sink, std::uint64_t most)
    : threads_(std::to_string(process)),
      filter_([this](std::uint32_t thread) { return threads_.has(thread); }),
      sink_(std::move(sink)),
      room_(most) {
    instance_.set("buffer_size_kb", std::to_string(buffer_kib));
    // Times and threads in the form that every kernel prints by default; others' options are not ours.
    instance_.set("events/kvm/enable", "1");
    pipe_ = instance_.open("trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (!pipe_) throw std::system_error(errno, std::generic_category(), "tracefs: trace_pipe");
}

void Recorder::start() { instance_.set("tracing_on", "1"); }

void Recorder::stop() { instance_.try_set("tracing_on", "0"); }

bool Recorder::take(std::chrono::milliseconds patience) {
    pollfd ready{pipe_.get(), POLLIN, 0};
    if (patience.count() > 0) ::poll(&ready, 1, static_cast<int>(patience.count()));
    // Other processes may cause events faster than they are read here.
    constexpr int most_pieces = 1000;
    return read(most_pieces);
}

bool Recorder::finish() {
    stop();
    return read(std::numeric_limits<int>::max());
}

bool Recorder::read(int most_pieces) {
    std::array<char, 65536> piece{};
    for (int i = 0; i < most_pieces; ++i) {
        const ssize_t count = ::read(pipe_.get(), piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        const std::string text = filter_.add({piece.data(), static_cast<std::size_t>(count)});
        if (text.size() > room_) {
            room_ = 0;
            return false;
        }
        if (!text.empty()) sink_(text);
        room_ -= text.size();
    }
    return true;
}

}  // namespace irqbench::tools::tracing
