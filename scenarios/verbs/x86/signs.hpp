#pragma once

#include <vector>

#include "scenarios/engine/signs.hpp"

namespace irqbench::scenarios::verbs::x86 {

/// Read off the words of routing::x86::text(), the guest's writes to redirection entries, messages to LAPICs,
/// and kvm_apic_accept_irq.
std::vector<Sign> signs(const vmm::Event& event);

}  // namespace irqbench::scenarios::verbs::x86
