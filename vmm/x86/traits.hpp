#pragma once

#include <string>
#include <vector>

namespace irqbench::vmm::x86 {

/// Ways in which this host's KVM differs from the manual, each found out by a small machine. The names are those that
/// scenarios use in `known` and `requires`:
///
/// `lapic_eoi_at_delivery`  the in-kernel LAPIC performs the EOI when it delivers: the ISR bit never appears.
std::vector<std::string> probe_traits();

}  // namespace irqbench::vmm::x86
