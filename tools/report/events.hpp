#pragma once

#include "tools/report/json_fields.hpp"
#include "vmm/trace.hpp"

namespace irqbench::tools {

/// An event as JSON, in both directions and without loss: time, step, lane, vCPU, which kind of event it is,
/// and the fields of that kind.
void fields(JsonWriter& archive, const vmm::Event& event);
void fields(JsonReader& archive, vmm::Event& event);

}  // namespace irqbench::tools
