#include <fcntl.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <iostream>

#include "tools/irqbench/cli.hpp"
#include "vmm/factory.hpp"

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "it is set by a signal handler");

std::atomic<std::int64_t> interrupted_at_ms{0};
static_assert(std::atomic<std::int64_t>::is_always_lock_free, "it is set by a signal handler");

/// The first signal asks for an early end with the results so far, a second one ends the process. timeout(1)
/// sends its signal to the process and to its group, so what comes at once is no second one.
void interrupt(int number) {
    constexpr std::int64_t same_ms = 500;
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    const std::int64_t now_ms = std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
    std::int64_t first_ms = 0;
    interrupted = true;
    if (interrupted_at_ms.compare_exchange_strong(first_ms, now_ms) || now_ms - first_ms < same_ms) return;
    std::signal(number, SIG_DFL);
    std::raise(number);
}

/// Ctrl-C, SIGTERM and SIGHUP. What the parent has ignored (nohup, a background job) stays ignored.
void listen_for_interrupts() {
    struct sigaction action {};
    action.sa_handler = interrupt;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        sigaction(signal, nullptr, &before);
        if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
    }
}

/// Where a parent ignores SIGCHLD, as a supervisor may, nobody could ask how a process ended that was started
/// here.
void ask_how_processes_end() { std::signal(SIGCHLD, SIG_DFL); }

/// A closed standard stream would give its number to the next file opened (a VM, --trace-out), and output
/// would go there: something takes its place that refuses to be written.
void occupy_closed_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0) std::abort();
}

/// Every machine and every irqfd is an open file; the usual soft limit of 1024 is for programs that select().
/// The hard limit is what the host means to allow.
void raise_open_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void log_to_stderr() {
    auto logger = spdlog::stderr_color_mt("irqbench");
    logger->set_pattern("irqbench: %v");
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace

int main(int argc, char** argv) {
    occupy_closed_streams();
    listen_for_interrupts();
    ask_how_processes_end();
    raise_open_files();
    log_to_stderr();
    irqbench::tools::Surroundings surroundings{
        std::cout,
        std::cerr,
        isatty(STDOUT_FILENO) == 1,
        isatty(STDERR_FILENO) == 1,
        [](const char* name) {
            const char* value = std::getenv(name);
            return std::string(value != nullptr ? value : "");
        },
        irqbench::vmm::probe_host,
        irqbench::vmm::make_machine,
        interrupted,
    };
    return irqbench::tools::run_irqbench({argv + 1, argv + argc}, surroundings);
}
