#include "tools/import/arm64/layout.hpp"

#include <algorithm>
#include <array>

namespace irqbench::importing::arm64 {

namespace {

constexpr std::uint64_t redistributor_bytes = 0x20000;

/// Redistributors are above the distributor, or end where it begins.
struct Candidate {
    std::uint64_t distributor;
    std::uint64_t redistributors;  ///< 0: they end at the distributor
    std::uint64_t cpu_interface;
    std::uint64_t its;
};
constexpr std::array candidates{
    // QEMU's virt, and irqbench
    Candidate{0x08000000, 0x080a0000, 0x08010000, 0x08080000},
    // kvmtool, crosvm
    Candidate{0x3fff0000, 0, 0x3ffd0000, 0},
    // Cloud Hypervisor
    Candidate{0x08ff0000, 0, 0, 0},
};

constexpr std::uint32_t most_vcpus = 512;  // KVM's
constexpr std::uint32_t gicd_typer = 4;
constexpr std::uint32_t router = 0x6000;

Layout layout_of(const Candidate& candidate, std::size_t vcpus) {
    Layout layout;
    layout.distributor = candidate.distributor;
    layout.redistributors = candidate.redistributors != 0
                                ? candidate.redistributors
                                : candidate.distributor - vcpus * redistributor_bytes;
    layout.cpu_interface = candidate.cpu_interface;
    layout.vcpus = vcpus;
    return layout;
}

std::uint64_t accesses(const KvmTrace& trace, const Machine& machine, const Layout& layout) {
    return static_cast<std::uint64_t>(
        std::count_if(trace.events.begin(), trace.events.end(), [&](const Event& event) {
            return event.kind == Event::Kind::gic_write && machine.threads.count(event.thread) != 0 &&
                   layout.find(address_of(event));
        }));
}

/// What a frame is accessed for tells what the GIC is.
void look_at(const Event& event, Layout& layout, bool& seen_v2, bool& seen_v3) {
    const auto place = layout.find(address_of(event));
    if (!place) return;
    layout.is_known = true;
    const std::uint32_t offset = place->offset;
    const bool is_write = event.kind == Event::Kind::gic_write;
    switch (place->frame) {
        case Layout::Frame::its: layout.its = true; return;
        case Layout::Frame::redistributor: seen_v3 = true; return;
        case Layout::Frame::cpu_interface:
            layout.has_cpu_interface = true;
            seen_v2 = true;
            return;
        case Layout::Frame::distributor: break;
    }
    seen_v3 = seen_v3 || offset >= router;
    // ITARGETSR and SGIR
    seen_v2 = seen_v2 || (is_write && offset >= 0x800 && offset < 0xc00 && event.value != 0) ||
              (is_write && offset == 0xf00);
    if (offset == gicd_typer && !is_write)
        layout.spis = std::clamp(static_cast<std::uint32_t>(event.value & 0x1f) * 32, 32U, 960U);
}

}  // namespace

std::optional<Layout::Place> Layout::find(std::uint64_t address) const {
    const auto offset_in = [&](std::uint64_t base, std::uint64_t size) -> std::optional<std::uint32_t> {
        if (base == 0 || address < base || address - base >= size) return std::nullopt;
        return static_cast<std::uint32_t>(address - base);
    };
    // The frames of QEMU's GICv2 and GICv3 lie side by side; of others they overlap.
    if (version == 3)
        if (const auto offset = offset_in(redistributors, vcpus * redistributor_bytes))
            return Place{Frame::redistributor, static_cast<std::uint32_t>(*offset / redistributor_bytes),
                         static_cast<std::uint32_t>(*offset % redistributor_bytes)};
    if (const auto offset = offset_in(distributor, 0x10000)) return Place{Frame::distributor, 0, *offset};
    if (version == 2 || (distributor == candidates.front().distributor))
        if (const auto offset = offset_in(cpu_interface, 0x2000))
            return Place{Frame::cpu_interface, 0, *offset};
    if (distributor == candidates.front().distributor)
        if (const auto offset = offset_in(candidates.front().its, redistributor_bytes))
            return Place{Frame::its, 0, *offset};
    return std::nullopt;
}

Layout find_layout(const KvmTrace& trace, const Machine& machine) {
    // The machine may have vCPUs that never ran: those with lower ids, and those of which a line is told.
    std::size_t vcpus = machine.vcpus.back() + std::size_t{1};
    for (const Event& event : trace.events)
        if (event.kind == Event::Kind::timer_line && event.a < most_vcpus &&
            machine.threads.count(event.thread) != 0)
            vcpus = std::max(vcpus, event.a + std::size_t{1});
    Layout best;
    std::uint64_t most = 0;
    for (const Candidate& candidate : candidates)
        for (const std::uint32_t version : {3U, 2U}) {
            Layout layout = layout_of(candidate, vcpus);
            layout.version = version;
            const std::uint64_t found = accesses(trace, machine, layout);
            if (found > most) {
                most = found;
                best = layout;
            }
        }
    bool seen_v2 = false;
    bool seen_v3 = false;
    for (const Event& event : trace.events)
        if ((event.kind == Event::Kind::gic_write || event.kind == Event::Kind::mmio_read) &&
            machine.threads.count(event.thread) != 0)
            look_at(event, best, seen_v2, seen_v3);
    constexpr std::size_t most_of_v2 = 8;
    best.version = seen_v2 && !seen_v3 && vcpus <= most_of_v2 ? 2 : 3;
    best.has_cpu_interface = best.has_cpu_interface && best.version == 2;
    constexpr std::uint32_t first_spi = 32;
    for (const Event& event : trace.events)
        if (event.kind == Event::Kind::line && event.flag && event.b >= first_spi && event.b < 992 &&
            machine.others_threads.count(event.thread) == 0)
            best.spis = std::max(best.spis, (event.b - first_spi) / 32 * 32 + 32);
    return best;
}

}  // namespace irqbench::importing::arm64
