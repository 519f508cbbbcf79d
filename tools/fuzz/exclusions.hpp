#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/machine.hpp"

namespace irqbench::tools::fuzz {

struct Architecture;

/// Why a feature, something that a generated scenario may make use of, says nothing about correctness between
/// some modes: a difference that is known and has been judged, so that finding it again would only hide
/// others.
struct Exclusion {
    std::string_view feature;
    std::span<const std::string_view> modes;  ///< of which one is among those compared
    std::string_view trait;                   ///< of the host's KVM; empty: any host
    std::string_view because;
    std::string_view source;
    std::string_view lacking = {};  ///< a capability that the mode has not got there; empty: whatever it has
};

/// Of those compared, the modes that differ from the others.
inline constexpr std::array<std::string_view, 1> in_kernel{"kernel"};
inline constexpr std::array<std::string_view, 1> in_split{"split"};
inline constexpr std::array<std::string_view, 2> in_kernel_and_split{"kernel", "split"};
inline constexpr std::array<std::string_view, 1> in_userspace{"userspace"};

/// What the command line calls the features of all architectures.
std::vector<std::string> feature_names();
/// The name as the architecture has it.
/// @throws std::out_of_range for what is none of its features
std::string_view feature_of(const Architecture& architecture, std::string_view name);

/// The features whose use between these modes would only show what is known.
std::vector<std::string_view> excluded(const Architecture& architecture,
                                       const std::vector<std::string>& modes, const vmm::Host& host);

}  // namespace irqbench::tools::fuzz
