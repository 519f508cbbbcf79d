#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/engine/expectation.hpp"
#include "vmm/kernel_trace_formats.hpp"

/// The way of an interrupt through the kernel, as the kernel's own events tell it. Pure functions.
namespace irqbench::scenarios {

/// The first element of a path that was not found, and what there was in its place.
struct PathGap {
    std::string expected;  ///< `kvm_eoi vector=0x31 after kvm_apic_accept_irq vec=0x31`
    std::string came;      ///< the events of a delivery since the element before, without times; `nothing`
};

/// Where the trace from `begin` to before `end` does not have the path: each element is the first that fits
/// after the one before. Nothing if it has all of it.
std::optional<PathGap> gap_in_path(const expect::Path& path, const std::vector<vmm::Event>& trace,
                                   std::size_t begin, std::size_t end);

/// Why a kernel cannot be asked for this path, or nothing: it has no such event, or not that field.
std::optional<std::string> unknown_to(const vmm::KernelEvents& kernel, const expect::Path& path);

}  // namespace irqbench::scenarios
