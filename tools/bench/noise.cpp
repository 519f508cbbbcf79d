#include "tools/bench/noise.hpp"

#include <fmt/format.h>

#include <fstream>
#include <optional>
#include <set>
#include <sstream>

namespace irqbench::tools::bench {

namespace {

namespace fs = std::filesystem;

/// The first line of a file; nothing where it cannot be read.
std::optional<std::string> line_of(const fs::path& file) {
    std::ifstream in(file);
    std::string line;
    if (!std::getline(in, line)) return std::nullopt;
    return line;
}

std::optional<std::string> line_with(const fs::path& file, std::string_view begin) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(begin)) return line;
    return std::nullopt;
}

/// Governors that keep a frequency are none of the noise.
std::string frequency(const fs::path& root) {
    std::set<std::string> governors;
    std::error_code error;
    for (const auto& each : fs::directory_iterator(root / "sys/devices/system/cpu/cpufreq", error))
        if (const auto governor = line_of(each.path() / "scaling_governor")) governors.insert(*governor);
    governors.erase("performance");
    if (governors.empty()) return {};
    return fmt::format("the CPUs' frequency is {}'s to choose: cpupower frequency-set -g performance",
                       *governors.begin());
}

std::string threads_of_a_core(const fs::path& root) {
    if (line_of(root / "sys/devices/system/cpu/smt/active") != "1") return {};
    return "the CPUs share cores (SMT): echo off >/sys/devices/system/cpu/smt/control";
}

std::string other_load(const fs::path& root, const Load& load) {
    const auto line = line_of(root / "proc/loadavg");
    double minute = 0;
    if (!line || !(std::istringstream(*line) >> minute)) return {};
    if (minute < 0.25 * load.cpus) return {};
    return fmt::format("others have work for {:.2f} of {} CPU{} (load average)", minute, load.cpus,
                       load.cpus == 1 ? "" : "s");
}

std::string too_few_cpus(const Load& load) {
    if (load.busy_threads <= load.cpus) return {};
    return fmt::format(
        "{} threads of the measurement are busy on {} CPU{}: times have whole time slices in them",
        load.busy_threads, load.cpus, load.cpus == 1 ? "" : "s");
}

/// proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal.
std::string stolen_time(const fs::path& root) {
    const auto line = line_with(root / "proc/stat", "cpu ");
    if (!line) return {};
    std::istringstream in(line->substr(3));
    std::uint64_t all = 0;
    std::uint64_t steal = 0;
    for (int column = 0; column < 8; ++column) {
        std::uint64_t ticks = 0;
        if (!(in >> ticks)) return {};
        all += ticks;
        if (column == 7) steal = ticks;
    }
    if (steal * 1000 < all) return {};
    return fmt::format("a hypervisor has taken {:.1f} % of the CPUs' time since boot (steal)",
                       100 * static_cast<double>(steal) / static_cast<double>(all));
}

std::string hypervisor(const fs::path& root) {
    const auto flags = line_with(root / "proc/cpuinfo", "flags");
    if (!flags || (*flags + ' ').find(" hypervisor ") == std::string::npos) return {};
    return "this host is a virtual machine itself: its exits are in the times";
}

std::string halt_polling(const fs::path& root) {
    const auto line = line_of(root / "sys/module/kvm/parameters/halt_poll_ns");
    std::uint64_t ns = 0;
    if (!line || !(std::istringstream(*line) >> ns) || ns == 0) return {};
    return fmt::format(
        "KVM looks for up to {} us before a halted vCPU sleeps (kvm.halt_poll_ns): waking it costs "
        "less than after a longer rest",
        ns / 1000);
}

/// `#1 SMP PREEMPT_DYNAMIC Debian ...`
std::string preemption(const fs::path& root) {
    const auto version = line_of(root / "proc/version");
    if (!version || version->find(" PREEMPT") != std::string::npos) return {};
    return "this kernel is not preemptible: a system call of others may hold up a vCPU's thread";
}

}  // namespace

std::vector<std::string> noise_of(const fs::path& root, const Load& load) {
    std::vector<std::string> warnings;
    for (std::string each :
         {too_few_cpus(load), other_load(root, load), frequency(root), threads_of_a_core(root),
          hypervisor(root), stolen_time(root), halt_polling(root), preemption(root)})
        if (!each.empty()) warnings.push_back(std::move(each));
    return warnings;
}

}  // namespace irqbench::tools::bench
