#pragma once

#include <span>
#include <string_view>

#include "vmm/model/model_machine.hpp"

namespace irqbench::vmm::model {

/// An architecture whose controllers there are models of. Its host may be of any other.
struct Modelled {
    std::string_view arch;  ///< as a scenario's "arch" says it
    /// What the models offer of what KVM calls capabilities (vmm::Host::own).
    std::span<const std::string_view> capabilities;
    std::unique_ptr<Hardware> (*make_hardware)(const MachineConfig& config, Surroundings& surroundings);
};

std::span<const Modelled> modelled();

/// @throws std::invalid_argument if there are no models of it
const Modelled& modelled(std::string_view arch);

}  // namespace irqbench::vmm::model
