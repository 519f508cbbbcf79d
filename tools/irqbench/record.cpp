#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "tools/irqbench/cli.hpp"
#include "tools/irqbench/import_trace.hpp"
#include "tools/irqbench/remedy.hpp"
#include "tools/irqbench/whole_file.hpp"
#include "tools/lab/memory_file.hpp"
#include "tools/record/recorder.hpp"

namespace irqbench::tools {

namespace {

using RecordClock = std::chrono::steady_clock;

struct RecordCommand {
    pid_t process = 0;
    std::vector<std::string> command;
    std::string output = "-";
    std::string trace;
    std::uint64_t mebibytes = 64;
    double seconds = 0;  ///< 0: until it ends

    [[nodiscard]] std::uint64_t most_bytes() const { return mebibytes << 20; }
};

/// A command that waits until it is told to begin, so that nothing that it does is missed. It has our
/// streams and our terminal, and Ctrl-C reaches it too.
class Recorded {
  public:
    /// @param keeps_out whether standard output is for something else: then it has standard error for it
    /// @throws std::system_error
    Recorded(std::vector<std::string> arguments, bool keeps_out) : name_(arguments.front()) {
        std::array<int, 2> begin{};
        std::array<int, 2> refusal{};
        if (::pipe2(begin.data(), O_CLOEXEC) != 0 || ::pipe2(refusal.data(), O_CLOEXEC) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe2");
        const vmm::kvm::Fd waits(begin[0]);
        const vmm::kvm::Fd refuses(refusal[1]);
        begin_ = vmm::kvm::Fd(begin[1]);
        refusal_ = vmm::kvm::Fd(refusal[0]);
        std::vector<char*> words;
        for (std::string& each : arguments) words.push_back(each.data());
        words.push_back(nullptr);
        process_ = ::fork();
        if (process_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
        if (process_ == 0) become(words, waits.get(), refuses.get(), keeps_out);
    }
    ~Recorded() {
        if (begin_) ::kill(process_, SIGKILL);
        begin_.reset();
        wait();
    }
    Recorded(const Recorded&) = delete;
    Recorded& operator=(const Recorded&) = delete;

    [[nodiscard]] pid_t process() const { return process_; }

    /// @throws std::system_error when it cannot be executed
    void begin() {
        const char now = 0;
        [[maybe_unused]] const auto written = ::write(begin_.get(), &now, sizeof now);
        begin_.reset();
        int error = 0;
        if (::read(refusal_.get(), &error, sizeof error) == sizeof error)
            throw std::system_error(error, std::generic_category(), name_);
    }
    bool has_ended() {
        if (!status_) reap(WNOHANG);
        return status_.has_value();
    }
    void wait() {
        while (!status_) reap(0);
    }
    /// How it ended, unless it ended well.
    [[nodiscard]] std::string complaint() const {
        if (!status_ || *status_ == 0) return {};
        if (WIFSIGNALED(*status_)) return fmt::format("{} was ended by signal {}", name_, WTERMSIG(*status_));
        return fmt::format("{} ended with {}", name_, WEXITSTATUS(*status_));
    }

  private:
    /// Between fork and exec of a process that may have threads: system calls only.
    [[noreturn]] static void become(const std::vector<char*>& words, int waits, int refuses, bool keeps_out) {
        char now = 0;
        if (::read(waits, &now, sizeof now) == sizeof now &&
            (!keeps_out || ::dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)) {
            for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(each, SIG_DFL);
            ::execvp(words.front(), words.data());
        }
        const int error = errno;
        [[maybe_unused]] const auto written = ::write(refuses, &error, sizeof error);
        ::_exit(127);
    }
    void reap(int flags) {
        int status = 0;
        const pid_t ended = ::waitpid(process_, &status, flags);
        if (ended == process_) status_ = status;
        if (ended < 0 && errno != EINTR) status_ = 0;
    }

    std::string name_;
    pid_t process_ = -1;
    std::optional<int> status_;
    vmm::kvm::Fd begin_;    ///< written, it begins; closed, it ends
    vmm::kvm::Fd refusal_;  ///< has the errno of an exec that failed
};

class Recording {
  public:
    Recording(const RecordCommand& command, Surroundings& surroundings)
        : command_(command), surroundings_(surroundings) {
        if (!command.command.empty()) recorded_.emplace(command.command, command.output == "-");
    }

    int run() {
        record();
        if (!command_.trace.empty()) write_whole_file(command_.trace, trace_.content());
        const int status = make_scenario();
        if (recorded_) {
            // What it is for is not ours to end.
            recorded_->wait();
            if (const std::string complaint = recorded_->complaint(); !complaint.empty())
                spdlog::warn("{}", complaint);
        }
        return status;
    }

  private:
    [[nodiscard]] pid_t process() const { return recorded_ ? recorded_->process() : command_.process; }
    [[nodiscard]] std::string words() const {
        return recorded_ ? std::filesystem::path(command_.command.front()).filename().string()
                         : fmt::format("process {}", command_.process);
    }

    [[nodiscard]] bool has_ended() {
        return recorded_ ? recorded_->has_ended() : ::kill(command_.process, 0) != 0 && errno == ESRCH;
    }

    void record() {
        tracing::Recorder recorder(
            process(), [this](std::string_view text) { trace_.append(text); }, command_.most_bytes());
        recorder.start();
        if (recorded_) recorded_->begin();
        const auto begin = RecordClock::now();
        const std::chrono::duration<double> most(command_.seconds);
        bool has_room = true;
        bool is_over = false;
        while (has_room && !is_over) {
            is_over = surroundings_.interrupted.load() || has_ended() ||
                      (command_.seconds > 0 && RecordClock::now() - begin >= most);
            if (is_over) recorder.stop();
            has_room = recorder.take(std::chrono::milliseconds(is_over ? 0 : 100));
        }
        recorder.stop();
        events_ = recorder.events();
        if (!has_room)
            spdlog::warn("{} MiB are full, what came then is not in the trace: --size gives it more",
                         command_.mebibytes);
        if (recorder.lost() != 0)
            spdlog::warn(
                "the kernel lost {} events, which came faster than they were read; the scenario "
                "says where",
                recorder.lost());
    }

    int make_scenario() {
        if (events_ == 0) {
            spdlog::error("KVM did nothing for {} meanwhile", words());
            return ExitStatus::malformed;
        }
        TraceImport import;
        import.trace = command_.trace.empty() ? trace_.path() : command_.trace;
        import.name = fmt::format("a recording of {}", words());
        import.output = command_.output;
        return import_trace(import, surroundings_);
    }

    const RecordCommand& command_;
    Surroundings& surroundings_;
    lab::MemoryFile trace_{"irqbench-record"};
    std::optional<Recorded> recorded_;
    std::uint64_t events_ = 0;
};

int perform(const RecordCommand& command, Surroundings& surroundings) {
    if (command.command.empty() == (command.process == 0))
        throw CLI::ValidationError("record", "it records either --pid or the COMMAND behind --");
    if (command.process != 0 && ::kill(command.process, 0) != 0 && errno == ESRCH)
        throw CLI::ValidationError("--pid", fmt::format("there is no process {}", command.process));
    if (const std::string reason = vmm::TraceInstance::unavailable(); !reason.empty()) {
        spdlog::error("{}", with_remedy(reason));
        return ExitStatus::bench_error;
    }
    try {
        return Recording(command, surroundings).run();
    } catch (const std::system_error& error) {
        spdlog::error("{}", error.what());
        return ExitStatus::bench_error;
    }
}

}  // namespace

void add_record(CommandLine& line, Surroundings& surroundings) {
    auto command = std::make_shared<RecordCommand>();
    CLI::App& app = *line.app.add_subcommand(
        "record",
        "Record what the kernel's KVM does for a process, and make a scenario of it; needs tracefs");
    app.add_option("--pid", command->process, "The process, until it ends or Ctrl-C")
        ->type_name("N")
        ->check(CLI::PositiveNumber);
    app.add_option("COMMAND", command->command, "Start this and record all of it; behind --");
    app.add_option("-o,--output", command->output, "Where the scenario is written; - prints it")
        ->type_name("FILE")
        ->capture_default_str();
    app.add_option("--trace", command->trace, "Where the events are written too, for `irqbench import`")
        ->type_name("FILE");
    app.add_option("--size", command->mebibytes, "How many MiB of events are kept at most; then it ends")
        ->type_name("MIB")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
    app.add_option("--seconds", command->seconds, "How long at most")
        ->type_name("S")
        ->check(CLI::PositiveNumber);
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
