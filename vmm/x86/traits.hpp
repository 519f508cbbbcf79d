#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace irqbench::vmm::x86 {

/// Ways in which this host's KVM differs from the manual, each found out once on a small machine. The names
/// are those that scenarios use in `known` and `requires`:
/// - `lapic_eoi_at_delivery`: the in-kernel LAPIC performs the EOI when it delivers; the ISR bit never
/// appears.
/// - `lint0_unmask_unnoticed`: an ExtINT that waits at a masked LINT0 is not taken when LINT0 is unmasked,
/// only
///   when something else makes KVM look (SDM vol. 3, 11.5.1).
/// - `lint0_unmask_unnoticed_in_halt`: nor is it when the vCPU then halts with interrupts enabled.
/// - `timer_divide_write_restarts`: writing the divide configuration of an expired one-shot timer makes it
///   interrupt again (SDM vol. 3, 11.5.4).
std::vector<std::string> probe_traits();

inline constexpr std::string_view lapic_eoi_at_delivery = "lapic_eoi_at_delivery";

/// The names above, without asking the host.
inline constexpr std::array<std::string_view, 4> trait_names{lapic_eoi_at_delivery, "lint0_unmask_unnoticed",
                                                             "lint0_unmask_unnoticed_in_halt",
                                                             "timer_divide_write_restarts"};

/// Whether this host's KVM has one of them.
/// @throws std::invalid_argument for a name that is none
[[nodiscard]] bool has_trait(std::string_view name);

}  // namespace irqbench::vmm::x86
