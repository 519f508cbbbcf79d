#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "vmm/kvm/fd.hpp"

namespace irqbench::tools::tracing {

/// What a command is called: the program's name, also where a dynamic loader is told to start it, as one is
/// whose libraries are not the system's.
std::string command_name(const std::vector<std::string>& arguments);

/// A command that waits until it is told to begin, so that nothing that it does is missed. It has our
/// streams and our terminal, and Ctrl-C reaches it too.
class RecordedCommand {
  public:
    /// @param arguments the first is the program, looked for in PATH unless it has a slash
    /// @param keeps_out whether standard output is for something else: then it has standard error for it
    /// @throws std::system_error
    RecordedCommand(std::vector<std::string> arguments, bool keeps_out);
    /// Ends it.
    ~RecordedCommand();
    RecordedCommand(const RecordedCommand&) = delete;
    RecordedCommand& operator=(const RecordedCommand&) = delete;

    [[nodiscard]] pid_t process() const { return process_; }

    /// @throws std::system_error when it cannot be executed
    void begin();
    bool has_ended();
    void wait();
    /// Asks it to end, and sees to it.
    void end();
    /// How it ended, unless it ended well.
    [[nodiscard]] std::string complaint() const;

  private:
    [[noreturn]] static void become(const std::vector<char*>& words, int waits, int refuses, bool keeps_out);
    void reap(int flags);

    std::string name_;
    pid_t process_ = -1;
    std::optional<int> status_;
    vmm::kvm::Fd begin_;    ///< written, it begins; closed, it ends
    vmm::kvm::Fd refusal_;  ///< has the errno of an exec that failed
};

}  // namespace irqbench::tools::tracing
