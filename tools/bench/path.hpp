#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace irqbench::tools::bench {

/// The ways of an interrupt that are measured.
enum class Path : std::uint8_t { irq_line, msi, irqfd, resample, ipi, timer, ioeventfd };

/// Where a measurement begins and ends: `host` is the host's clock, `vcpu` the counter of a vCPU as the agent
/// writes it down, `deadline` the value of that counter for which a timer was set.
struct PathInfo {
    Path path;
    std::string_view name;
    std::string_view leg;    ///< `host -> host`
    std::string_view inner;  ///< the part of it that the guest's counters tell, or nothing
    std::string_view doc;
};

inline constexpr std::array<PathInfo, 7> paths{{
    {Path::irq_line, "irq_line", "host -> host", "host -> vCPU 0",
     "from KVM_IRQ_LINE, an edge, until the host sees the handler's record"},
    {Path::msi, "msi", "host -> host", "host -> vCPU 0",
     "from KVM_SIGNAL_MSI until the host sees the handler's record"},
    {Path::irqfd, "irqfd", "host -> host", "host -> vCPU 0",
     "from the write to an irqfd until the host sees the handler's record"},
    {Path::resample, "resample", "host -> host", "host -> vCPU 0",
     "from the write to a resampling irqfd, through handler and EOI, until its resamplefd is kicked"},
    {Path::ipi, "ipi", "host -> host", "vCPU 0 -> vCPU 1",
     "from an interrupt whose handler sends an IPI until the host sees the record of that"},
    {Path::timer, "timer", "deadline -> vCPU 0", "", "from a timer's deadline to its handler"},
    {Path::ioeventfd, "ioeventfd", "host -> host", "host -> vCPU 0",
     "from an interrupt whose handler rings a doorbell until the host sees its eventfd"},
}};

[[nodiscard]] const PathInfo& info_of(Path path);
[[nodiscard]] std::optional<Path> path_of(std::string_view name);

/// `irq_line,msi` or `all`, each once, in the order of the table.
/// @throws std::invalid_argument naming the word that is none, with the closest that is
[[nodiscard]] std::vector<Path> parse_paths(std::string_view list);

}  // namespace irqbench::tools::bench
