#pragma once

#include <string>
#include <string_view>

namespace irqbench::tools {

/// What to do about a refusal of the host, such as `/dev/kvm: Permission denied`; empty when nothing can be
/// said.
std::string remedy(std::string_view reason);

/// The reason, and behind it the remedy if there is one.
std::string with_remedy(const std::string& reason);

}  // namespace irqbench::tools
