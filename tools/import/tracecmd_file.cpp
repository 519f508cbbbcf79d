#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include "tools/import/lines.hpp"
#include "tools/import/trace.hpp"
#include "tools/import/tracecmd_text.hpp"

namespace irqbench::importing {

/// trace-cmd.dat(5): three bytes, then "tracing".
bool is_tracecmd_file(const std::string& file) {
    // Of a pipe the beginning would be gone.
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) return false;
    constexpr std::string_view magic("\x17\x08\x44tracing", 10);
    std::array<char, magic.size()> beginning{};
    std::ifstream(file, std::ios::binary).read(beginning.data(), beginning.size());
    return std::string_view(beginning.data(), beginning.size()) == magic;
}

#ifdef IRQBENCH_LIBTRACECMD

namespace {

/// @param grace until the process is killed, after the signal that says why
void limit(int resource, rlim_t most, rlim_t grace = 0) {
    const struct rlimit both = {most, most + grace};
    static_cast<void>(::setrlimit(static_cast<__rlimit_resource_t>(resource), &both));
}

/// What the library may take for a file that makes it loop or allocate without end. It has no business with
/// other files.
void limit_ourselves(std::uintmax_t file_bytes) {
    constexpr rlim_t memory_bytes = rlim_t{2} << 30;
    constexpr rlim_t least_seconds = 10;
    constexpr rlim_t seconds_per_mebibyte = 10;  // of compressed events: some 200,000, or less than a second
    limit(RLIMIT_CPU, least_seconds + seconds_per_mebibyte * static_cast<rlim_t>(file_bytes >> 20), 1);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CORE, 0);
#ifndef IRQBENCH_SANITIZE
    // The shadow of a sanitizer is larger than any limit.
    limit(RLIMIT_AS, memory_bytes);
#else
    static_cast<void>(memory_bytes);
#endif
}

/// libtracecmd reads the file in a process of its own: it trusts what it reads, and a broken file makes it
/// crash.
class Reader {
  public:
    explicit Reader(const std::string& file) {
        const std::uintmax_t bytes = std::filesystem::file_size(file);
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe2");
        out_ = ends[0];
        const pid_t parent = ::getpid();
        process_ = ::fork();
        if (process_ == 0) {
            ::close(out_);  // else it would write on for nobody
            read(file, bytes, ends[1], parent);
        }
        const int error = errno;
        ::close(ends[1]);
        if (process_ > 0) return;
        ::close(out_);
        throw std::system_error(error, std::generic_category(), "fork");
    }
    ~Reader() {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        static_cast<void>(wait());
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// The end of the pipe that is to be read, and closed.
    [[nodiscard]] int out() const { return out_; }

    /// Why it has not read the whole file; empty if it has.
    std::string complaint() {
        const std::optional<int> ended = wait();
        // Whoever started this process may have it ignore its children's ends.
        if (!ended) return "how libtracecmd ended is not known";
        const int status = *ended;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) return "libtracecmd comes to no end with it";
        if (WIFSIGNALED(status))
            return fmt::format("libtracecmd crashes on it ({})", ::strsignal(WTERMSIG(status)));
        switch (static_cast<TracecmdEnd>(WEXITSTATUS(status))) {
            case TracecmdEnd::complete: return "";
            case TracecmdEnd::not_opened: return "libtracecmd cannot read it";
            default: return "libtracecmd cannot read its events";
        }
    }

  private:
    [[noreturn]] static void read(const std::string& file, std::uintmax_t bytes, int out, pid_t parent) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(static_cast<int>(TracecmdEnd::not_read));
        // Where the caller has closed its own streams the pipe may be one of them.
        out = ::fcntl(out, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        // What it has to say of itself, and of its heap, is not what the user asked.
        for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
            const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
            if (nothing >= 0 && nothing != stream) ::dup2(nothing, stream);
        }
        for (const int each : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGPIPE, SIGXCPU, SIGXFSZ})
            std::signal(each, SIG_DFL);
        limit_ourselves(bytes);
        try {
            ::_exit(static_cast<int>(write_tracecmd_text(file, out)));
        } catch (const std::exception&) {
            ::_exit(static_cast<int>(TracecmdEnd::not_read));
        }
    }
    /// @returns nothing if nobody knows
    std::optional<int> wait() {
        int status = 0;
        pid_t ended = -1;
        do ended = ::waitpid(process_, &status, 0);
        while (ended < 0 && errno == EINTR);
        process_ = -1;
        if (ended < 0) return std::nullopt;
        return status;
    }

    int out_ = -1;
    pid_t process_ = -1;
};

}  // namespace

KvmTrace read_tracecmd_file(const std::string& file, Span span) {
    Reader reader(file);
    Lines lines(file, reader.out());
    TraceBuilder builder(file, span);
    read_lines(lines, file + ": record ", builder);
    if (const std::string complaint = reader.complaint(); !complaint.empty())
        throw TraceError(fmt::format("{}: broken behind record {}: {}", file, lines.number(), complaint));
    return builder.finish();
}

#else

KvmTrace read_tracecmd_file(const std::string& file, Span) {
    throw TraceError(file +
                     ": this irqbench was built without libtracecmd; give it what trace-cmd report prints");
}

#endif

}  // namespace irqbench::importing
