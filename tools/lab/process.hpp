#pragma once

#include <sys/types.h>

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/kvm/fd.hpp"

namespace irqbench::tools::lab {

/// What to start: the program is looked for in PATH unless its name has a slash.
struct Command {
    std::vector<std::string> arguments;    ///< the first is the program
    std::vector<std::string> environment;  ///< NAME=VALUE, added to our own or in place of it
    std::filesystem::path folder;          ///< to start it in; empty: ours
};

/// The command as a shell would take it, for messages.
std::string shell_text(const Command& command);

/// A program that runs beside us, its standard streams leading to us. It is in a process group of its own, so
/// that Ctrl-C reaches it through us only, and it dies with us, however we end.
class Process {
  public:
    /// @throws std::system_error when it cannot be started, for instance ENOENT
    explicit Process(const Command& command);
    /// Kills what still runs.
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    /// Our ends of its streams, which do not block.
    [[nodiscard]] const vmm::kvm::Fd& out() const { return out_; }
    [[nodiscard]] const vmm::kvm::Fd& err() const { return err_; }
    /// Writes to its standard input what fits. @returns whether all did, false also if it reads no more
    bool write(std::string_view text);
    /// It reads the end of its input.
    void close_in() { in_.reset(); }

    /// Its exit status, or 128 plus the signal that ended it; nothing while it runs.
    std::optional<int> poll();
    /// Waits until it has ended. @returns as poll()
    int wait();
    void kill();

  private:
    std::optional<int> reap(int flags);

    pid_t pid_ = -1;
    std::optional<int> status_;
    vmm::kvm::Fd in_;
    vmm::kvm::Fd out_;
    vmm::kvm::Fd err_;
};

struct Output {
    int status = 0;  ///< as Process::poll()
    std::string out;
    std::string err;
};

/// Runs a program to its end without input. When interrupted it is killed, and the status says so.
/// @throws std::system_error when it cannot be started
Output run_program(const Command& command, const std::atomic<bool>& interrupted);

}  // namespace irqbench::tools::lab
