#include "tools/lab/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

namespace irqbench::tools::lab {

namespace {

using vmm::kvm::Fd;

[[noreturn]] void fail(const std::string& what, int error = errno) {
    throw std::system_error(error, std::generic_category(), what);
}

struct Pipe {
    Fd read;
    Fd write;
};

/// Unlike a pipe it may be written when nobody reads any more, without a signal.
Pipe make_socket() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail("socketpair");
    return {Fd(ends[0]), Fd(ends[1])};
}

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2");
    return {Fd(ends[0]), Fd(ends[1])};
}

std::vector<std::string> merged_environment(const std::vector<std::string>& more) {
    std::vector<std::string> merged = more;
    for (char** each = environ; *each != nullptr; ++each) {
        const std::string entry = *each;
        const std::string name = entry.substr(0, entry.find('=') + 1);
        bool replaced = false;
        for (const auto& other : more) replaced = replaced || other.rfind(name, 0) == 0;
        if (!replaced) merged.push_back(entry);
    }
    return merged;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (auto& each : strings) result.push_back(each.data());
    result.push_back(nullptr);
    return result;
}

/// Between fork and exec of a process with threads: system calls only.
[[noreturn]] void become(const std::vector<char*>& arguments, const std::vector<char*>& environment,
                         const char* folder, pid_t parent, const std::array<int, 3>& streams, int report) {
    const auto give_up = [report] {
        const int error = errno;
        [[maybe_unused]] const auto written = ::write(report, &error, sizeof error);
        ::_exit(127);
    };
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    for (int stream = 0; stream < 3; ++stream)
        if (::dup2(streams[static_cast<std::size_t>(stream)], stream) < 0) give_up();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_DFL);
    if (*folder != '\0' && ::chdir(folder) != 0) give_up();
    ::execvpe(arguments.front(), arguments.data(), environment.data());
    give_up();
    std::abort();
}

int exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

/// @returns false at the end of the stream
bool read_some(const Fd& fd, std::string& text) {
    std::array<char, 65536> buffer{};
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

}  // namespace

std::string shell_text(const Command& command) {
    std::string text;
    const auto append = [&text](const std::string& word) {
        const bool plain = !word.empty() && word.find_first_not_of(
                                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                "0123456789-_=+,./:@%") == std::string::npos;
        if (!text.empty()) text += ' ';
        if (plain) {
            text += word;
            return;
        }
        text += '\'';
        for (const char c : word) c == '\'' ? text += "'\\''" : text += c;
        text += '\'';
    };
    for (const auto& each : command.environment) append(each);
    for (const auto& each : command.arguments) append(each);
    return text;
}

Process::Process(const Command& command) {
    std::vector<std::string> arguments = command.arguments;
    std::vector<std::string> environment = merged_environment(command.environment);
    const auto argv = pointers(arguments);
    const auto envp = pointers(environment);
    const std::string folder = command.folder.string();
    Pipe in = make_socket();
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    Pipe report = make_pipe();
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0)
        become(argv, envp, folder.c_str(), parent, {in.read.get(), out.write.get(), err.write.get()},
               report.write.get());
    report.write.reset();
    int error = 0;
    if (::read(report.read.get(), &error, sizeof error) == sizeof error) {
        wait();
        fail(command.arguments.front(), error);
    }
    in_ = std::move(in.write);
    out_ = std::move(out.read);
    err_ = std::move(err.read);
    for (const Fd* fd : {&out_, &err_}) ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
}

Process::~Process() {
    if (status_) return;
    kill();
    wait();
}

std::optional<int> Process::reap(int flags) {
    if (status_) return status_;
    int status = 0;
    pid_t ended = 0;
    do ended = ::waitpid(pid_, &status, flags);
    while (ended < 0 && errno == EINTR);
    if (ended == pid_) status_ = exit_status(status);
    return status_;
}

std::optional<int> Process::poll() { return reap(WNOHANG); }

int Process::wait() { return reap(0).value_or(127); }

bool Process::write(std::string_view text) {
    return ::send(in_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(text.size());
}

void Process::kill() {
    if (!status_) ::kill(-pid_, SIGKILL);
}

Output run_program(const Command& command, const std::atomic<bool>& interrupted) {
    Process process(command);
    process.close_in();
    Output output;
    bool out_open = true;
    bool err_open = true;
    while (out_open || err_open) {
        if (interrupted.load()) process.kill();
        constexpr int period_ms = 100;
        std::array<pollfd, 2> fds{{{out_open ? process.out().get() : -1, POLLIN, 0},
                                   {err_open ? process.err().get() : -1, POLLIN, 0}}};
        if (::poll(fds.data(), fds.size(), period_ms) <= 0) continue;
        if (fds[0].revents != 0) out_open = read_some(process.out(), output.out);
        if (fds[1].revents != 0) err_open = read_some(process.err(), output.err);
    }
    output.status = process.wait();
    return output;
}

}  // namespace irqbench::tools::lab
