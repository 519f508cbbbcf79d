#include "vmm/model/architectures.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "vmm/arm64/model_hardware.hpp"
#include "vmm/x86/model_hardware.hpp"

namespace irqbench::vmm::model {

namespace {

constexpr std::array all{Modelled{"x86_64", x86::model_capabilities, x86::make_model_hardware},
                         Modelled{"arm64", arm64::model_capabilities, arm64::make_model_hardware}};

}  // namespace

std::span<const Modelled> modelled() { return all; }

const Modelled& modelled(std::string_view arch) {
    for (const Modelled& each : all)
        if (each.arch == arch) return each;
    throw std::invalid_argument(fmt::format("there is no model of the controllers of {}", arch));
}

}  // namespace irqbench::vmm::model
