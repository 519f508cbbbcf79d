#include "vmm/kernel_trace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <system_error>

// An inline function of <tracefs.h> passes 0 for an enumerator, which C++ takes for this one.
int tracefs_hist_command(struct tracefs_instance*, struct tracefs_hist*, int);
extern "C" {
#include <kbuffer.h>
#include <tracefs.h>
}

#ifdef __SANITIZE_ADDRESS__
/// What libtracefs keeps of the files that it has read.
extern "C" const char* __lsan_default_suppressions() { return "leak:find_tracing_dir\n"; }
#endif

namespace irqbench::vmm {

namespace {

constexpr std::string_view instance_prefix = "irqbench-";
constexpr std::size_t buffer_kib = 4096;  ///< of each CPU

[[noreturn]] void refused(const std::string& what, int error = errno) {
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

/// Whether it is one of the kernel's own; nothing if there is no such thread (proc_pid_stat(5), `flags`).
std::optional<bool> is_kernel_thread(std::uint32_t thread) {
    std::ifstream file(fmt::format("/proc/{}/stat", thread));
    std::string text;
    if (!std::getline(file, text)) return std::nullopt;
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream rest(text.substr(name_end + 1));
    std::string word;
    constexpr int words_before_flags = 6;  // state, ppid, pgrp, session, tty_nr, tpgid
    for (int i = 0; i < words_before_flags; ++i) rest >> word;
    unsigned long thread_flags = 0;
    rest >> thread_flags;
    constexpr unsigned long pf_kthread = 0x00200000;
    return (thread_flags & pf_kthread) != 0;
}

}  // namespace

void KernelTrace::Destroy::operator()(tracefs_instance* instance) const {
    ::tracefs_instance_destroy(instance);
    ::tracefs_instance_free(instance);
}

void KernelTrace::Destroy::operator()(kbuffer* buffer) const { ::kbuffer_free(buffer); }

std::string KernelTrace::unavailable() {
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

std::shared_ptr<KernelTrace> KernelTrace::shared() {
    static std::mutex mutex;
    static std::weak_ptr<KernelTrace> one;
    const std::lock_guard lock(mutex);
    auto trace = one.lock();
    if (!trace) one = trace = std::make_shared<KernelTrace>();
    return trace;
}

KernelTrace::KernelTrace() {
    const std::string tracing = mounted_at();
    if (tracing.empty()) refused("not mounted", ENOENT);
    remove_stale_instances(tracing);
    make_instance();
    set("tracing_on", "0");
    set("trace_clock", "mono");
    set("buffer_size_kb", std::to_string(buffer_kib).c_str());
    read_formats();
    open_cpus();
    set("events/kvm/enable", "1");
}

KernelTrace::~KernelTrace() {
    // The kernel keeps an instance of which a file is open.
    cpus_.clear();
    ::tracefs_instance_file_write(instance_.get(), "events/kvm/enable", "0");
}

/// One that nobody has used: what is in its buffer, and how it is set up, would be another's. There is one of
/// our name already if a killed process had our number, or a process in another PID namespace has it, whose
/// instance is in use and stays.
void KernelTrace::make_instance() {
    constexpr int names = 16;
    for (int i = 0; i < names; ++i) {
        const auto name =
            fmt::format("{}{}{}", instance_prefix, ::getpid(), i == 0 ? "" : fmt::format(".{}", i));
        for (int attempt = 0; attempt < 2; ++attempt) {
            tracefs_instance* made = ::tracefs_instance_create(name.c_str());
            if (made == nullptr) refused("no instance " + name);
            if (::tracefs_instance_is_new(made)) return instance_.reset(made);
            const bool is_gone = ::tracefs_instance_destroy(made) == 0;
            ::tracefs_instance_free(made);
            if (!is_gone) break;
        }
    }
    refused("no instance of our own", EBUSY);
}

void KernelTrace::set(const char* file, const char* value) {
    if (::tracefs_instance_file_write(instance_.get(), file, value) < 0)
        refused(fmt::format("{} is not to be written to {}", value, file));
}

void KernelTrace::read_formats() {
    const Text folder(::tracefs_instance_get_file(instance_.get(), "events/kvm"));
    if (!folder) refused("no events of KVM");
    std::error_code error;
    for (const auto& each : std::filesystem::directory_iterator(folder.get(), error)) {
        const std::string file = fmt::format("events/kvm/{}/format", each.path().filename().string());
        int size = 0;
        const Text text(::tracefs_instance_file_read(instance_.get(), file.c_str(), &size));
        if (text && size > 0) formats_.add({text.get(), static_cast<std::size_t>(size)});
    }
    events_ = formats_.events();
    if (events_.fields.empty()) refused("no events of KVM", ENOENT);
}

void KernelTrace::open_cpus() {
    page_.reset(::kbuffer_alloc(KBUFFER_LSIZE_SAME_AS_HOST, KBUFFER_ENDIAN_SAME_AS_HOST));
    if (!page_) refused("no memory", ENOMEM);
    bytes_.resize(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
    const long count = ::sysconf(_SC_NPROCESSORS_CONF);
    for (int number = 0; number < count; ++number) {
        const std::string file = fmt::format("per_cpu/cpu{}/trace_pipe_raw", number);
        const int pipe =
            ::tracefs_instance_file_open(instance_.get(), file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (pipe >= 0) cpus_.push_back({number, kvm::Fd(pipe)});  // else a CPU that is not there
    }
    if (cpus_.empty()) refused("no buffer of a CPU");
}

void KernelTrace::start() {
    stop();
    threads_.clear();
    static_cast<void>(take());
    set("tracing_on", "1");
}

void KernelTrace::stop() { ::tracefs_instance_file_write(instance_.get(), "tracing_on", "0"); }

KernelTrace::Batch KernelTrace::take() {
    Batch batch;
    const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
    for (Cpu& cpu : cpus_) read(cpu, batch, now);
    std::stable_sort(batch.events.begin(), batch.events.end(),
                     [](const Seen& a, const Seen& b) { return a.at < b.at; });
    return batch;
}

/// Other processes' machines may cause events faster than they are read here, so `until` ends it.
void KernelTrace::read(Cpu& cpu, Batch& batch, std::chrono::nanoseconds until) {
    unsigned long long at = 0;
    while (std::chrono::nanoseconds(at) <= until &&
           ::read(cpu.pipe.get(), bytes_.data(), bytes_.size()) > 0) {
        ::kbuffer_load_subbuffer(page_.get(), bytes_.data());
        for (void* data = ::kbuffer_read_event(page_.get(), &at); data != nullptr;
             data = ::kbuffer_next_event(page_.get(), &at)) {
            const auto size = static_cast<std::size_t>(::kbuffer_event_size(page_.get()));
            auto record = formats_.decode({static_cast<const std::byte*>(data), size});
            if (!record || !is_ours(record->thread)) continue;
            batch.events.push_back({std::chrono::nanoseconds(at), std::move(record->event)});
        }
    }
    const std::uint64_t lost = count_lost(cpu);
    batch.lost += lost - std::min(cpu.lost, lost);
    cpu.lost = lost;
}

std::uint64_t KernelTrace::count_lost(const Cpu& cpu) const {
    int size = 0;
    const std::string file = fmt::format("per_cpu/cpu{}/stats", cpu.number);
    const Text text(::tracefs_instance_file_read(instance_.get(), file.c_str(), &size));
    if (!text) return cpu.lost;
    std::uint64_t lost = 0;
    std::istringstream lines(text.get());
    for (std::string line; std::getline(lines, line);)
        for (const std::string_view word : {"overrun: ", "commit overrun: ", "dropped events: "})
            if (line.starts_with(word)) lost += std::strtoull(line.c_str() + word.size(), nullptr, 10);
    return lost;
}

bool KernelTrace::is_ours(std::uint32_t thread) {
    if (thread == 0) return true;  // an interrupt while a CPU was idle
    const auto known = threads_.find(thread);
    if (known != threads_.end()) return known->second;
    const bool of_this_process = ::access(fmt::format("/proc/self/task/{}", thread).c_str(), F_OK) == 0;
    const bool ours = of_this_process || is_kernel_thread(thread).value_or(true);
    threads_.emplace(thread, ours);
    return ours;
}

}  // namespace irqbench::vmm
