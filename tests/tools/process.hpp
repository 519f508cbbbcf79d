#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace irqbench::tests {

/// The built command as a process of its own.
class Process {
  public:
    /// Starts it with these arguments, its output going to files in `folder`.
    /// @param prepare is called in the new process before the command begins
    Process(
        const std::string& folder, const std::vector<std::string>& arguments,
        const std::function<void()>& prepare = [] {});
    /// Kills what still runs.
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    void signal(int number) const;
    /// Waits until it has ended. @returns its exit status, or 128 plus the signal that ended it
    /// @throws std::runtime_error when it has not after a minute
    int wait();
    [[nodiscard]] std::string out() const;
    [[nodiscard]] std::string err() const;

  private:
    std::string folder_;
    pid_t pid_ = -1;
};

/// Looks again and again until it is so. @throws std::runtime_error when it is not after a minute
void wait_until(const std::function<bool()>& is_so);

}  // namespace irqbench::tests
