#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace irqbench::scenarios {

/// Bytes as text, with padding. Source: RFC 4648, section 4.
[[nodiscard]] std::string base64(std::span<const std::byte> bytes);

/// The reverse. Nothing for what base64() does not write: other characters, wrong padding, bits beyond the
/// last byte.
[[nodiscard]] std::optional<std::vector<std::byte>> from_base64(std::string_view text);

}  // namespace irqbench::scenarios
