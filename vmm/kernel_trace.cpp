#include "vmm/kernel_trace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <system_error>

extern "C" {
#include <kbuffer.h>
}

namespace irqbench::vmm {

namespace {

constexpr std::size_t buffer_kib = 4096;  ///< of each CPU

[[noreturn]] void refused(const std::string& what, int error = errno) {
    throw std::system_error(error != 0 ? error : EIO, std::generic_category(), "tracefs: " + what);
}

}  // namespace

void KernelTrace::Destroy::operator()(kbuffer* buffer) const { ::kbuffer_free(buffer); }

std::shared_ptr<KernelTrace> KernelTrace::shared() {
    static std::mutex mutex;
    static std::weak_ptr<KernelTrace> one;
    const std::lock_guard lock(mutex);
    auto trace = one.lock();
    if (!trace) one = trace = std::make_shared<KernelTrace>();
    return trace;
}

KernelTrace::KernelTrace() {
    instance_.set("buffer_size_kb", std::to_string(buffer_kib));
    read_formats();
    open_cpus();
    instance_.set("events/kvm/enable", "1");
}

KernelTrace::~KernelTrace() {
    // The kernel keeps an instance of which a file is open.
    cpus_.clear();
    instance_.try_set("events/kvm/enable", "0");
}

void KernelTrace::read_formats() {
    std::error_code error;
    for (const auto& each : std::filesystem::directory_iterator(instance_.path("events/kvm"), error))
        if (const auto text =
                instance_.read(fmt::format("events/kvm/{}/format", each.path().filename().string())))
            formats_.add(*text);
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
        kvm::Fd pipe = instance_.open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (pipe.get() >= 0) cpus_.push_back({number, std::move(pipe)});  // else a CPU that is not there
    }
    if (cpus_.empty()) refused("no buffer of a CPU");
}

void KernelTrace::start() {
    stop();
    threads_.forget();
    static_cast<void>(take());
    instance_.set("tracing_on", "1");
}

void KernelTrace::stop() { instance_.try_set("tracing_on", "0"); }

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
            if (!record || !threads_.has(record->thread)) continue;
            batch.events.push_back({std::chrono::nanoseconds(at), std::move(record->event)});
        }
    }
    const std::uint64_t lost = instance_.lost(cpu.number).value_or(cpu.lost);
    batch.lost += lost - std::min(cpu.lost, lost);
    cpu.lost = lost;
}

}  // namespace irqbench::vmm
