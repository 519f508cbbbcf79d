#pragma once

#include <string_view>

#include "tools/import/kvm_events.hpp"

namespace irqbench::importing::arm64 {

/// Whether only the KVM of an arm64 host writes such an event.
bool is_of_this_host(std::string_view name, std::string_view text);

/// What an event of an arm64 host says (Linux, include/trace/events/kvm.h, arch/arm64/kvm/trace_arm.h,
/// trace_handle_exit.h, vgic/trace.h; 5.10 to 7.2). Leaves time, thread and CPU alone.
Meaning read_event(std::string_view name, std::string_view text, Event& event);

}  // namespace irqbench::importing::arm64
