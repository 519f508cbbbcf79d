#include "tools/bench/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <thread>

#include "tools/bench/drive.hpp"
#include "vmm/guest/agent_abi.h"

namespace irqbench::tools::bench {

namespace {

using namespace std::chrono_literals;

/// The bench's drive and the raw one in turns, so that what a host does meanwhile is in both.
constexpr std::uint32_t turns = 5;
/// Between two round trips, so that a vCPU that goes to sleep does sleep.
constexpr Nanoseconds pause = 50us;
/// After so long a look the vCPUs may need this CPU.
constexpr Nanoseconds patience = 100us;
constexpr Nanoseconds limit = 2s;
/// How far ahead a timer is set at first, and at most: longer than it takes to set it.
constexpr Nanoseconds shortest_ahead = 500us;
constexpr Nanoseconds longest_ahead = 50ms;
constexpr std::uint32_t samples_between_collections = 16;  ///< at most

struct GaveUp : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// One round trip as its counters have it. Records of the vCPU that takes the stimulus, of the taker of what
/// that causes.
struct Sample {
    Nanoseconds begin{};
    Nanoseconds end{};
    std::uint64_t handler = 0;   ///< the counter of vCPU 0
    std::uint64_t taken = 0;     ///< of the vCPU that takes the IPI, or the timer's interrupt
    std::uint64_t deadline = 0;  ///< of a timer
};

/// A vCPU's counter on the host's clock, between two readings of it.
class CounterLine {
  public:
    CounterLine(const vmm::GuestClock& first, const vmm::GuestClock& last)
        : counter_(first.counter), at_(middle(first)), within_(std::max(first.within, last.within)) {
        const auto ticks = static_cast<double>(last.counter - first.counter);
        ns_per_tick_ = ticks > 0 ? (middle(last) - at_) / ticks : first.ns_per_tick;
    }

    /// ns on the host's clock
    [[nodiscard]] double operator()(std::uint64_t counter) const { return at_ + span(counter_, counter); }
    /// ns from one value to another
    [[nodiscard]] double span(std::uint64_t from, std::uint64_t to) const {
        return static_cast<double>(static_cast<std::int64_t>(to - from)) * ns_per_tick_;
    }
    /// How far off it may be.
    [[nodiscard]] Nanoseconds uncertainty() const { return within_ / 2; }

    /// A value was read between these two times of the host. Where a hypervisor makes up the counter, what
    /// KVM says it is need not be what the guest reads.
    void bound(std::uint64_t counter, Nanoseconds begin, Nanoseconds end) {
        latest_shift_ = std::min(latest_shift_, static_cast<double>(end.count()) - (*this)(counter));
        earliest_shift_ = std::max(earliest_shift_, static_cast<double>(begin.count()) - (*this)(counter));
    }
    /// Moves it to where all that is so, and no further.
    /// @returns false if it is nowhere
    bool settle() {
        if (earliest_shift_ > latest_shift_) return false;
        const double shift = std::clamp(0.0, earliest_shift_, latest_shift_);
        if (shift == 0) return true;
        at_ += (earliest_shift_ + latest_shift_) / 2;
        within_ = Nanoseconds{std::llround(latest_shift_ - earliest_shift_)};
        return true;
    }

  private:
    static double middle(const vmm::GuestClock& clock) {
        return static_cast<double>((clock.at - clock.within / 2).count());
    }

    std::uint64_t counter_;
    double at_;
    double ns_per_tick_ = 1;
    Nanoseconds within_;
    double earliest_shift_ = -1e18;
    double latest_shift_ = 1e18;
};

Nanoseconds rounded(double ns) { return Nanoseconds{std::llround(ns)}; }

/// From the host's call to the handler. Nothing where the guest's counter has no place on the host's clock.
std::vector<double> to_handler(std::span<const Sample> samples, CounterLine line) {
    for (const Sample& sample : samples) line.bound(sample.handler, sample.begin, sample.end);
    if (!line.settle()) return {};
    std::vector<double> times;
    for (const Sample& sample : samples)
        times.push_back(line(sample.handler) - static_cast<double>(sample.begin.count()));
    return times;
}

/// From the handler that sends an IPI to the one that takes it. Nothing where the vCPUs' counters contradict
/// the host's clock. KVM gives all vCPUs one counter where the host's CPUs have one: then it needs no place
/// on the clock.
std::vector<double> between_handlers(std::span<const Sample> samples,
                                     const std::array<CounterLine, 2>& lines) {
    if (samples.empty()) return {};
    const double apart = lines[1](samples.front().handler) - lines[0](samples.front().handler);
    const auto may_be_apart = static_cast<double>((lines[0].uncertainty() + lines[1].uncertainty()).count());
    const bool one_counter = std::abs(apart) <= may_be_apart;
    std::vector<double> times;
    for (const Sample& sample : samples) {
        const double time = one_counter ? lines[0].span(sample.handler, sample.taken)
                                        : lines[1](sample.taken) - lines[0](sample.handler);
        if (time < 0 || time > static_cast<double>((sample.end - sample.begin).count())) return {};
        times.push_back(time);
    }
    return times;
}

class Measurement {
  public:
    Measurement(const Architecture& architecture, Path path, const vmm::MachineConfig& config,
                const Setup& setup, const std::function<bool()>& stop)
        : architecture_(architecture),
          path_(path),
          setup_(setup),
          stop_(stop),
          taker_(path == Path::ipi ? 1 : 0),
          wiring_(architecture.wiring(path, config)),
          machine_(config, trace_) {
        wire();
    }

    void run(Measured& measured, bool raw, bool by_injection) {
        bare_ = machine_.bare();
        const auto ours = drive_by_machine(machine_, *bare_, trace_, wiring_);
        const auto bare = drive_by_ioctls(*bare_, wiring_, by_injection);
        if (!info_of(path_).inner.empty()) measured.inner.emplace();
        for (std::uint32_t turn = 0; turn < turns; ++turn) {
            const std::uint32_t count = setup_.samples * (turn + 1) / turns - setup_.samples * turn / turns;
            const std::uint32_t warm_up = setup_.warm_up * (turn + 1) / turns - setup_.warm_up * turn / turns;
            if (count == 0) continue;
            block(*ours, warm_up, count, measured, measured.bench, true);
            if (raw) block(*bare, warm_up, count, measured, measured.raw, false);
        }
        bare_.reset();
        machine_.close();
    }

  private:
    void wire();
    void route();
    void block(Drive& drive, std::uint32_t warm_up, std::uint32_t count, Measured& measured, Histogram& times,
               bool ours);
    [[nodiscard]] bool round_trip(Drive& drive, Sample& sample);
    [[nodiscard]] std::uint64_t counter(std::uint32_t vcpu, std::uint32_t record);
    void act(Sample& sample);
    void rest(std::uint32_t first);
    [[nodiscard]] std::uint32_t records_of_one() const;
    [[nodiscard]] std::uint32_t between_collections() const;
    void until(const std::function<bool()>& come, const char* what);
    void evaluate(std::span<const Sample> samples, Measured& measured, Histogram& times, bool ours,
                  std::array<CounterLine, 2> lines) const;
    [[nodiscard]] static vmm::GuestOp leave() { return {OP_RETURN, 4, 0, 0, false, "leave the handler"}; }

    const Architecture& architecture_;
    Path path_;
    const Setup& setup_;
    const std::function<bool()>& stop_;
    std::uint32_t taker_;
    Wiring wiring_;
    vmm::Trace trace_;
    vmm::KvmMachine machine_;
    std::unique_ptr<vmm::BareMachine> bare_;
    Drive* driving_ = nullptr;  ///< the one that has the vCPUs
    bool is_raw_ = false;       ///< it is the raw loop
    std::array<std::uint64_t, 2> last_counter_{};
    vmm::GuestClock clock_;  ///< of vCPU 0, for deadlines
    Nanoseconds ahead_ = shortest_ahead;
};

void Measurement::wire() {
    route();
    machine_.guest(taker_, wiring_.setup);
    machine_.settle();
    if (!wiring_.act.empty()) machine_.handler(0, wiring_.vector, wiring_.stay_policy, std::nullopt);
    if (!wiring_.quench.empty()) machine_.handler(0, wiring_.taken_vector, wiring_.stay_policy, std::nullopt);
    const Stimulus& stimulus = wiring_.stimulus;
    if (stimulus.kind == Stimulus::Kind::irqfd) {
        vmm::IrqfdSpec spec;
        spec.name = irqfd_name;
        spec.gsi = stimulus.gsi;
        spec.resample = stimulus.resample;
        vmm::kvm::require(machine_.assign_irqfd(spec), "KVM_IRQFD");
    }
    if (wiring_.doorbell) vmm::kvm::require(machine_.assign_ioeventfd(*wiring_.doorbell), "KVM_IOEVENTFD");
    if (setup_.spinning) {
        const vmm::GuestOp spin{OP_BARRIER, 4, 0, 0x7fffffff, false, "spin"};
        machine_.guest(taker_, std::span(&spin, 1));
    }
    if (!machine_.settle()) throw GaveUp("the guest could not be set up");
}

void Measurement::route() {
    routing::RoutingTable table = machine_.routes();
    for (const routing::Entry& entry : wiring_.routes) table.set(entry.gsi, {entry.route});
    for (std::uint32_t gsi = architecture_.first_unused_gsi; table.size() < setup_.route_count; ++gsi)
        if (table.routes(gsi).empty()) table.set(gsi, {architecture_.unused_route(gsi)});
    if (table != machine_.routes()) vmm::kvm::require(machine_.route(table), "KVM_SET_GSI_ROUTING");
}

/// Looks, without a call of the system at first.
void Measurement::until(const std::function<bool()>& come, const char* what) {
    const Nanoseconds begin = bare_->now();
    while (!come()) {
        const Nanoseconds waited = bare_->now() - begin;
        if (waited < patience) continue;
        if (waited > limit)
            throw GaveUp(fmt::format("{} did not come within {} s{}", what, limit / 1s,
                                     is_raw_ ? ", in the raw loop" : ""));
        if (stop_()) throw Interrupted();
        if (driving_ != nullptr) driving_->make_room();
        std::this_thread::yield();
    }
}

std::uint64_t Measurement::counter(std::uint32_t vcpu, std::uint32_t record) {
    std::optional<std::uint64_t> value;
    until([&] { return (value = bare_->counter(vcpu, record, last_counter_.at(vcpu))).has_value(); },
          "a record of the guest's");
    return last_counter_.at(vcpu) = *value;
}

/// What the handlers find in the mailbox.
void Measurement::act(Sample& sample) {
    std::vector<vmm::GuestOp> operations = wiring_.act;
    if (path_ == Path::timer) {
        const double ns = static_cast<double>((bare_->now() + ahead_ - clock_.at).count());
        sample.deadline = clock_.counter + static_cast<std::uint64_t>(ns / clock_.ns_per_tick);
        operations.front().value = sample.deadline;
    }
    operations.push_back(leave());
    if (!wiring_.quench.empty()) {
        operations.insert(operations.end(), wiring_.quench.begin(), wiring_.quench.end());
        operations.push_back(leave());
    }
    for (const vmm::GuestOp& each : operations)
        if (!bare_->post(0, each)) throw GaveUp("the mailbox is full");
}

/// Of one round trip, by vCPU 0. A handler that stays writes down that it is left, too.
std::uint32_t Measurement::records_of_one() const {
    const std::uint32_t of_timer = path_ == Path::timer ? (wiring_.quench.empty() ? 1 : 2) : 0;
    return (wiring_.act.empty() ? 1 : 2) + of_timer;
}

/// Often enough that no mailbox gets full.
std::uint32_t Measurement::between_collections() const {
    const auto operations = static_cast<std::uint32_t>(wiring_.act.size() + wiring_.quench.size() + 2);
    return std::min(samples_between_collections, MAIL_SLOTS / 2 / operations);
}

/// Until all that the round trip began has ended.
void Measurement::rest(std::uint32_t first) {
    until([&] { return bare_->records(0) - first >= records_of_one(); }, "the end of a handler");
    const auto rests = [&](std::uint32_t vcpu) {
        return (setup_.spinning && vcpu == taker_) || bare_->rested(vcpu);
    };
    until([&] { return rests(0) && rests(taker_); }, "the rest of a vCPU");
    const Nanoseconds begin = bare_->now();
    while (bare_->now() - begin < pause) {
    }
}

/// @returns false for one that means nothing: a timer that was set too late
bool Measurement::round_trip(Drive& drive, Sample& sample) {
    if (stop_()) throw Interrupted();
    if (!wiring_.act.empty()) act(sample);
    const std::uint32_t first = bare_->records(0);
    const std::uint32_t others = bare_->records(taker_);
    const auto come = [&] {
        switch (path_) {
            case Path::resample:
            case Path::ioeventfd: return drive.signalled();
            case Path::timer: return bare_->records(0) - first >= 3;
            default: return bare_->records(taker_) != others;
        }
    };
    sample.begin = bare_->now();
    drive.stimulate();
    // Where more is to come than the record of this handler it is read now: in a storm it may be gone later.
    const bool is_first = taker_ == 0 && wiring_.act.empty() && path_ != Path::resample;
    if (!is_first) sample.handler = counter(0, first);
    until(come, "the interrupt");
    sample.end = bare_->now();
    if (is_first) sample.handler = counter(0, first);
    bool means_something = true;
    if (path_ == Path::ipi) sample.taken = counter(1, others);
    if (path_ == Path::timer) {
        means_something = counter(0, first + 1) < sample.deadline;
        sample.taken = counter(0, first + 2);
    }
    drive.release();
    rest(first);
    return means_something;
}

void Measurement::block(Drive& drive, std::uint32_t warm_up, std::uint32_t count, Measured& measured,
                        Histogram& times, bool ours) {
    const std::array first{bare_->clock(0), bare_->clock(taker_)};
    clock_ = first[0];
    std::vector<Sample> samples;
    samples.reserve(count);
    drive.begin();
    driving_ = &drive;
    is_raw_ = !ours;
    static_cast<void>(drive.signalled());
    std::uint32_t done = 0;
    const auto one = [&] {
        Sample sample;
        const bool means_something = round_trip(drive, sample);
        if (++done % between_collections() == 0) drive.collect();
        if (means_something) return samples.push_back(sample);
        ++measured.discarded;
        ahead_ = std::min(ahead_ + ahead_ / 4, longest_ahead);
        if (ahead_ == longest_ahead && measured.discarded > setup_.samples + setup_.warm_up)
            throw GaveUp("timers cannot be set in time on this host");
    };
    try {
        while (done < warm_up) one();
        samples.clear();
        while (samples.size() < count) one();
    } catch (const Interrupted&) {
        driving_ = nullptr;
        drive.end();
        throw;
    }
    driving_ = nullptr;
    drive.end();
    const std::array last{bare_->clock(0), bare_->clock(taker_)};
    evaluate(samples, measured, times, ours,
             {CounterLine(first[0], last[0]), CounterLine(first[1], last[1])});
}

void Measurement::evaluate(std::span<const Sample> samples, Measured& measured, Histogram& times, bool ours,
                           std::array<CounterLine, 2> lines) const {
    for (const Sample& sample : samples)
        times.add(path_ == Path::timer ? rounded(lines[0].span(sample.deadline, sample.taken))
                                       : sample.end - sample.begin);
    if (!ours || !measured.inner) return;
    const auto inner = path_ == Path::ipi ? between_handlers(samples, lines) : to_handler(samples, lines[0]);
    if (inner.empty()) return;
    for (const double ns : inner) measured.inner->add(rounded(ns));
    // Between vCPUs it is small where they have one counter, and never more than that.
    measured.uncertainty = std::max(measured.uncertainty, lines[0].uncertainty());
}

}  // namespace

Measured measure(const Architecture& architecture, const vmm::Host& host, Path path,
                 const std::string& irqchip, const Setup& setup, const std::function<bool()>& stop) {
    vmm::MachineConfig config;
    config.placement = irqchip;
    config.run = vmm::RunMode::free;
    const std::uint32_t vcpus = std::max<std::uint32_t>(setup.vcpus, path == Path::ipi ? 2 : 1);
    for (std::uint32_t id = 0; id < vcpus; ++id) config.vcpu_ids.push_back(id);
    architecture.configure(config, host);
    Measured measured;
    measured.path = path;
    measured.irqchip = irqchip;
    measured.reason = architecture.lacks(path, config, host);
    if (!measured.reason.empty()) return measured;
    measured.no_raw = architecture.lacks_bare(path, config, host);
    const bool by_injection = host.own.find(irqchip) != host.own.end();
    // Where the host takes a CPU away for long enough nothing comes in time: on a new machine again.
    constexpr std::uint64_t attempts = 5;
    for (std::uint64_t attempt = 0; attempt < attempts; ++attempt) {
        Measured now = measured;
        now.repeats = attempt;
        try {
            Measurement(architecture, path, config, setup, stop)
                .run(now, measured.no_raw.empty(), by_injection);
            return now;
        } catch (const GaveUp& gave_up) {
            measured.repeated_since = gave_up.what();
        }
    }
    measured.reason = measured.repeated_since;
    measured.failed = true;
    measured.repeats = attempts - 1;
    return measured;
}

}  // namespace irqbench::tools::bench
