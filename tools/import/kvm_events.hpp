#pragma once

#include <string_view>

#include "tools/import/event.hpp"

namespace irqbench::importing {

enum class Meaning {
    event,       ///< what is wanted
    irrelevant,  ///< some other event
    malformed,   ///< one that is wanted, in words that no kernel writes
};

/// What an event of an x86 host says, of its name and the text behind it, as the kernel's tracepoints print
/// it (Linux, include/trace/events/kvm.h, arch/x86/kvm/trace.h; 5.10 to 7.2). Leaves time, thread and CPU
/// alone.
Meaning read_kvm_event(std::string_view name, std::string_view text, Event& event);

}  // namespace irqbench::importing
