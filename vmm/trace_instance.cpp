#include "vmm/trace_instance.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

// An inline function of <tracefs.h> passes 0 for an enumerator, which C++ takes for this one.
int tracefs_hist_command(struct tracefs_instance*, struct tracefs_hist*, int);
extern "C" {
#include <tracefs.h>
}

#ifdef __SANITIZE_ADDRESS__
/// What libtracefs keeps of the files that it has read.
extern "C" const char* __lsan_default_suppressions() { return "leak:find_tracing_dir\n"; }
#endif

namespace irqbench::vmm {

namespace {

constexpr std::string_view instance_prefix = "irqbench-";

[[noreturn]] void refuse_tracing(const std::string& what, int error = errno) {
    throw std::system_error(error != 0 ? error : EIO, std::generic_category(), "tracefs: " + what);
}

/// The folder that tracefs is mounted at; empty if it is not. The library would mount it, which is not for us
/// to do.
std::string mounted_at() {
    const char* path = nullptr;
    const int mounted = ::tracefs_tracing_dir_is_mounted(false, &path);
    return mounted > 0 && path != nullptr ? path : "";
}

struct FreeText {
    void operator()(char* text) const { std::free(text); }
};
using Text = std::unique_ptr<char, FreeText>;

/// Processes that were killed could not remove theirs. One that is in use the kernel keeps (EBUSY).
void remove_stale_instances(const std::filesystem::path& tracing) {
    std::error_code error;
    std::vector<std::filesystem::path> stale;
    for (const auto& each : std::filesystem::directory_iterator(tracing / "instances", error)) {
        const std::string name = each.path().filename();
        if (!name.starts_with(instance_prefix)) continue;
        pid_t process = 0;
        const char* end = name.data() + name.size();
        const auto number = std::from_chars(name.data() + instance_prefix.size(), end, process);
        const bool is_ours = number.ec == std::errc() && (number.ptr == end || *number.ptr == '.');
        if (is_ours && ::kill(process, 0) != 0 && errno == ESRCH) stale.push_back(each.path());
    }
    for (const auto& each : stale) ::rmdir(each.c_str());
}

struct ThreadStatus {
    std::uint32_t parent = 0;  ///< of its process
    bool is_the_kernels = false;
};

/// Nothing if there is no such thread (proc_pid_stat(5)).
std::optional<ThreadStatus> status_of(std::uint32_t thread) {
    std::ifstream file(fmt::format("/proc/{}/stat", thread));
    std::string text;
    if (!std::getline(file, text)) return std::nullopt;
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream rest(text.substr(name_end + 1));
    std::string word;
    ThreadStatus status;
    rest >> word >> status.parent;
    constexpr int words_before_flags = 4;  // pgrp, session, tty_nr, tpgid
    for (int i = 0; i < words_before_flags; ++i) rest >> word;
    unsigned long thread_flags = 0;
    rest >> thread_flags;
    constexpr unsigned long pf_kthread = 0x00200000;
    status.is_the_kernels = (thread_flags & pf_kthread) != 0;
    return status;
}

/// Whether it is of a process that this one has started, or one started by it.
bool descends_from(const ThreadStatus& thread, std::string_view process) {
    // Numbers change hands: what looks like a circle must not be one.
    constexpr int most_generations = 64;
    std::uint32_t parent = thread.parent;
    for (int i = 0; i < most_generations && parent > 1; ++i) {
        if (fmt::format("{}", parent) == process) return true;
        const auto status = status_of(parent);
        parent = status ? status->parent : 0;
    }
    return false;
}

}  // namespace

void TraceInstance::Destroy::operator()(tracefs_instance* instance) const {
    ::tracefs_instance_destroy(instance);
    ::tracefs_instance_free(instance);
}

std::string TraceInstance::unavailable() {
    const std::string tracing = mounted_at();
    if (tracing.empty())
        return "tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing); in the lab it is";
    const auto failed = [&](const std::string& file) { return file + ": " + std::strerror(errno); };
    const std::string instances = tracing + "/instances";
    if (::access(instances.c_str(), W_OK) != 0) return failed(instances);
    // A kernel that is locked down shows the files and lets nobody open them.
    const std::string events = tracing + "/events/kvm/enable";
    const int file = ::open(events.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return failed(events);
    ::close(file);
    return "";
}

TraceInstance::TraceInstance() {
    const std::string tracing = mounted_at();
    if (tracing.empty()) refuse_tracing("not mounted", ENOENT);
    remove_stale_instances(tracing);
    make();
    set("tracing_on", "0");
    set("trace_clock", "mono");
}

/// One that nobody has used: what is in its buffer, and how it is set up, would be another's. There is one of
/// our name already if a killed process had our number, or a process in another PID namespace has it, whose
/// instance is in use and stays.
void TraceInstance::make() {
    constexpr int names = 16;
    for (int i = 0; i < names; ++i) {
        const auto name =
            fmt::format("{}{}{}", instance_prefix, ::getpid(), i == 0 ? "" : fmt::format(".{}", i));
        for (int attempt = 0; attempt < 2; ++attempt) {
            tracefs_instance* made = ::tracefs_instance_create(name.c_str());
            if (made == nullptr) refuse_tracing("no instance " + name);
            if (::tracefs_instance_is_new(made)) return instance_.reset(made);
            const bool is_gone = ::tracefs_instance_destroy(made) == 0;
            ::tracefs_instance_free(made);
            if (!is_gone) break;
        }
    }
    refuse_tracing("no instance of our own", EBUSY);
}

void TraceInstance::set(const std::string& file, const std::string& value) {
    if (!try_set(file, value)) refuse_tracing(fmt::format("{} is not to be written to {}", value, file));
}

bool TraceInstance::try_set(const std::string& file, const std::string& value) {
    return ::tracefs_instance_file_write(instance_.get(), file.c_str(), value.c_str()) >= 0;
}

std::optional<std::string> TraceInstance::read(const std::string& file) const {
    int size = 0;
    const Text text(::tracefs_instance_file_read(instance_.get(), file.c_str(), &size));
    if (!text || size < 0) return std::nullopt;
    return std::string(text.get(), static_cast<std::size_t>(size));
}

kvm::Fd TraceInstance::open(const std::string& file, int flags) const {
    return kvm::Fd(::tracefs_instance_file_open(instance_.get(), file.c_str(), flags));
}

std::string TraceInstance::path(const std::string& file) const {
    const Text text(::tracefs_instance_get_file(instance_.get(), file.c_str()));
    return text ? text.get() : "";
}

std::optional<std::uint64_t> TraceInstance::lost(int cpu) const {
    const auto text = read(fmt::format("per_cpu/cpu{}/stats", cpu));
    if (!text) return std::nullopt;
    std::uint64_t lost = 0;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);)
        for (const std::string_view word : {"overrun: ", "commit overrun: ", "dropped events: "})
            if (line.starts_with(word)) lost += std::strtoull(line.c_str() + word.size(), nullptr, 10);
    return lost;
}

bool TracedThreads::has(std::uint32_t thread) {
    if (thread == 0) return true;  // an interrupt while a CPU was idle
    const auto found = known_.find(thread);
    if (found != known_.end()) return found->second;
    const bool of_the_process =
        ::access(fmt::format("/proc/{}/task/{}", process_, thread).c_str(), F_OK) == 0;
    const auto status = status_of(thread);
    const bool has = of_the_process || !status || status->is_the_kernels || descends_from(*status, process_);
    known_.emplace(thread, has);
    return has;
}

}  // namespace irqbench::vmm
