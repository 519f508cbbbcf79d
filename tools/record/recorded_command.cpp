#include "tools/record/recorded_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <thread>

namespace irqbench::tools::tracing {

std::string command_name(const std::vector<std::string>& arguments) {
    const auto file_of = [](const std::string& path) {
        return std::filesystem::path(path).filename().string();
    };
    const std::string first = file_of(arguments.front());
    if (!first.starts_with("ld-linux") && !first.starts_with("ld.so")) return first;
    // ld.so(8): options that are two words.
    constexpr std::array<std::string_view, 7> pairs = {
        "--argv0",         "--audit",   "--glibc-hwcaps-mask", "--glibc-hwcaps-prepend",
        "--inhibit-rpath", "--preload", "--library-path"};
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        if (!arguments[i].starts_with("--")) return file_of(arguments[i]);
        if (std::find(pairs.begin(), pairs.end(), arguments[i]) != pairs.end()) ++i;
    }
    return first;
}

RecordedCommand::RecordedCommand(std::vector<std::string> arguments, bool keeps_out)
    : name_(arguments.front()) {
    std::array<int, 2> begin{};
    std::array<int, 2> refusal{};
    if (::pipe2(begin.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe2");
    const vmm::kvm::Fd waits(begin[0]);
    begin_ = vmm::kvm::Fd(begin[1]);
    if (::pipe2(refusal.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe2");
    const vmm::kvm::Fd refuses(refusal[1]);
    refusal_ = vmm::kvm::Fd(refusal[0]);
    std::vector<char*> words;
    for (std::string& each : arguments) words.push_back(each.data());
    words.push_back(nullptr);
    process_ = ::fork();
    if (process_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (process_ != 0) return;
    // Else it would wait for its own end of it, also when we are gone.
    ::close(begin[1]);
    become(words, waits.get(), refuses.get(), keeps_out);
}

RecordedCommand::~RecordedCommand() {
    if (begin_) ::kill(process_, SIGKILL);
    begin_.reset();
    end();
}

void RecordedCommand::begin() {
    const char now = 0;
    [[maybe_unused]] const auto written = ::write(begin_.get(), &now, sizeof now);
    begin_.reset();
    int error = 0;
    ssize_t count = 0;
    while ((count = ::read(refusal_.get(), &error, sizeof error)) < 0 && errno == EINTR) {
    }
    if (count == sizeof error) throw std::system_error(error, std::generic_category(), name_);
}

bool RecordedCommand::has_ended() {
    if (!status_) reap(WNOHANG);
    return status_.has_value();
}

void RecordedCommand::end() {
    constexpr int most_polls = 100;
    constexpr std::chrono::milliseconds period{50};
    if (!has_ended()) ::kill(process_, SIGTERM);
    for (int i = 0; i < most_polls && !has_ended(); ++i) std::this_thread::sleep_for(period);
    if (!has_ended()) ::kill(process_, SIGKILL);
    wait();
}

void RecordedCommand::wait() {
    while (!status_) reap(0);
}

std::string RecordedCommand::complaint() const {
    if (!status_ || *status_ == 0) return {};
    if (WIFSIGNALED(*status_)) return fmt::format("{} was ended by signal {}", name_, WTERMSIG(*status_));
    return fmt::format("{} ended with {}", name_, WEXITSTATUS(*status_));
}

/// Between fork and exec of a process that may have threads: system calls only.
void RecordedCommand::become(const std::vector<char*>& words, int waits, int refuses, bool keeps_out) {
    char now = 0;
    if (::read(waits, &now, sizeof now) != sizeof now) ::_exit(0);
    if (!keeps_out || ::dup2(STDERR_FILENO, STDOUT_FILENO) >= 0) {
        for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(each, SIG_DFL);
        ::execvp(words.front(), words.data());
    }
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(refuses, &error, sizeof error);
    ::_exit(127);
}

void RecordedCommand::reap(int flags) {
    int status = 0;
    const pid_t ended = ::waitpid(process_, &status, flags);
    if (ended == process_) status_ = status;
    if (ended < 0 && errno != EINTR) status_ = 0;
}

}  // namespace irqbench::tools::tracing
