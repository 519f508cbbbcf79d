#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
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
#include "tools/record/recorded_command.hpp"
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
    std::uint32_t storm = 0;
    double seconds = 0;   ///< 0: until it ends
    vmm::kvm::Fd handle;  ///< of the process: its number may become another's

    [[nodiscard]] bool prints_trace() const { return trace == "-"; }
    [[nodiscard]] bool keeps_trace() const { return !trace.empty() && !prints_trace(); }
    [[nodiscard]] bool makes_scenario() const { return !prints_trace() || output != "-"; }
    [[nodiscard]] bool prints() const { return prints_trace() || output == "-"; }
    [[nodiscard]] std::uint64_t most_bytes() const { return mebibytes << 20; }
};

class Recording {
  public:
    Recording(const RecordCommand& command, Surroundings& surroundings)
        : command_(command), surroundings_(surroundings) {
        if (!command.command.empty()) recorded_.emplace(command.command, command.prints());
    }

    int run() {
        record();
        if (recorded_) {
            const bool ended_itself = recorded_->has_ended();
            recorded_->end();
            const std::string complaint = recorded_->complaint();
            if (ended_itself && !complaint.empty()) spdlog::warn("{}", complaint);
        }
        if (events_ == 0) {
            spdlog::error("KVM did nothing for {} meanwhile", words());
            return ExitStatus::malformed;
        }
        if (command_.prints_trace()) surroundings_.out << trace_.content();
        if (command_.keeps_trace()) write_whole_file(command_.trace, trace_.content());
        return command_.makes_scenario() ? make_scenario() : int{ExitStatus::passed};
    }

  private:
    [[nodiscard]] pid_t process() const { return recorded_ ? recorded_->process() : command_.process; }
    [[nodiscard]] std::string words() const {
        return recorded_ ? tracing::command_name(command_.command)
                         : fmt::format("process {}", command_.process);
    }

    /// Also when nobody has waited for it yet.
    [[nodiscard]] bool has_ended() {
        if (recorded_) return recorded_->has_ended();
        pollfd ended{command_.handle.get(), POLLIN, 0};
        return ::poll(&ended, 1, 0) > 0;
    }

    void record() {
        tracing::Recorder recorder(
            process(), [this](std::string_view text) { trace_.append(text); }, command_.most_bytes());
        recorder.start();
        if (recorded_) recorded_->begin();
        const auto begin = RecordClock::now();
        const std::chrono::duration<double> most(command_.seconds);
        const auto is_over = [&] {
            return surroundings_.interrupted.load() || has_ended() ||
                   (command_.seconds > 0 && RecordClock::now() - begin >= most);
        };
        bool has_room = true;
        while (has_room && !is_over()) has_room = recorder.take(std::chrono::milliseconds(100));
        has_room = recorder.finish() && has_room;
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
        TraceImport import;
        import.trace = command_.keeps_trace() ? command_.trace : trace_.path();
        import.name = fmt::format("a recording of {}", words());
        import.output = command_.output;
        import.storm = command_.storm;
        return import_trace(import, surroundings_);
    }

    const RecordCommand& command_;
    Surroundings& surroundings_;
    lab::MemoryFile trace_{"irqbench-record"};
    std::optional<tracing::RecordedCommand> recorded_;
    std::uint64_t events_ = 0;
};

/// A process, not one of its threads, by a handle that tells when it has ended.
vmm::kvm::Fd find_process(pid_t process) {
    vmm::kvm::Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    if (handle) return handle;
    const int error = errno;
    if (error == ESRCH) throw CLI::ValidationError("--pid", fmt::format("there is no process {}", process));
    if (error == EINVAL || error == ENOENT)
        throw CLI::ValidationError("--pid", fmt::format("{} is a thread, and no process", process));
    throw std::system_error(error, std::generic_category(), "pidfd_open");
}

/// Before anything is recorded that could then be kept nowhere.
void refuse_what_cannot_be_written(const std::string& file) {
    if (file.empty() || file == "-") return;
    std::error_code error;
    const std::filesystem::path path(file);
    const bool is_there = std::filesystem::exists(path, error);
    const bool is_file = std::filesystem::is_regular_file(path, error);
    // A file is replaced, which its folder has to allow.
    const auto folder = is_there ? std::filesystem::canonical(path, error).parent_path() : path.parent_path();
    const std::string place = is_there && !is_file ? file : folder.empty() ? "." : folder.string();
    if (std::filesystem::is_directory(path, error))
        errno = EISDIR;
    else if (::access(place.c_str(), W_OK) == 0)
        return;
    throw std::system_error(errno, std::generic_category(), "cannot write " + file);
}

int perform(RecordCommand& command, Surroundings& surroundings) {
    if (command.command.empty() == (command.process == 0))
        throw CLI::ValidationError("record", "it records either --pid or the COMMAND behind --");
    if (command.storm != 0) refuse_storm_of(surroundings.probe_host().arch, command.storm);
    if (command.process != 0) command.handle = find_process(command.process);
    try {
        refuse_what_cannot_be_written(command.output);
        refuse_what_cannot_be_written(command.trace);
        if (const std::string reason = vmm::TraceInstance::unavailable(); !reason.empty()) {
            spdlog::error("{}", with_remedy(reason));
            return ExitStatus::bench_error;
        }
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
    app.add_option(
           "--trace", command->trace,
           "Where the events are written, for `irqbench import`; - prints them in place of the scenario")
        ->type_name("FILE");
    app.add_option("--size", command->mebibytes, "How many MiB of events are kept at most; then it ends")
        ->type_name("MIB")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
    app.add_option("--seconds", command->seconds, "How long at most")
        ->type_name("S")
        ->check(CLI::PositiveNumber);
    add_storm(app, command->storm);
    app.callback([command, &line, &surroundings] { line.status = perform(*command, surroundings); });
}

}  // namespace irqbench::tools
