#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace irqbench::tools::lab {

/// What process 1 of a machine says, see tools/lab/guest/init.cpp.
namespace said {

/// The kernel runs.
struct Up {
    std::string release;
    std::string version;  ///< `#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-08-30)`
};

/// A CPU of the machine gets no timer interrupts: nothing is begun there.
struct Stuck {
    int cpu = 0;
};

/// A module could not be loaded.
struct ModuleError {
    std::string file;
    std::string error;
};

/// Whether /dev/kvm could be opened.
struct Kvm {
    std::string error;  ///< empty if it could
};

enum class Stream { out, err, trace, log };

/// The program wrote, or the kernel logged.
struct Output {
    Stream stream;
    std::string text;  ///< any bytes
};

/// The program has ended.
struct Exit {
    int status = 0;
    int signal = 0;  ///< that ended it; 0: none
};

/// The machine is about to power off: all has been said.
struct Off {};

}  // namespace said

using Said =
    std::variant<said::Up, said::Stuck, said::ModuleError, said::Kvm, said::Output, said::Exit, said::Off>;

/// One line of the channel; nothing if it is not one that process 1 writes. A kernel under test may write
/// anything: no line is trusted.
std::optional<Said> parse_said(std::string_view line);

/// Puts together the lines of a stream that comes in pieces.
class Lines {
  public:
    /// Calls `use` for each line that is whole now, without its end.
    void add(std::string_view bytes, const std::function<void(std::string_view)>& use);
    /// What has come after the last line's end.
    [[nodiscard]] const std::string& rest() const { return rest_; }

  private:
    /// A line may not be longer: what follows is dropped.
    static constexpr std::size_t most = std::size_t{64} << 20;
    std::string rest_;
};

}  // namespace irqbench::tools::lab
