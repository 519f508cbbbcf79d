#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

/// Arm DEN 0022: the functions that guests call, and what they return.
namespace irqbench::vmm::arm64::psci {

/// 5.1.
inline constexpr std::uint32_t version = 0x8400'0000, cpu_off = 0x8400'0002, cpu_on_32 = 0x8400'0003,
                               cpu_on_64 = 0xc400'0003, features = 0x8400'000a;
/// Of the calling convention itself (Arm DEN 0028, 7.2); PSCI_FEATURES knows it too.
inline constexpr std::uint32_t smccc_version = 0x8000'0000;

/// 5.2.2: a signed number of 32 bits.
enum class Status : std::int32_t {
    success = 0,
    not_supported = -1,
    invalid_parameters = -2,
    denied = -3,
    already_on = -4,
    on_pending = -5,
    internal_failure = -6,
    not_present = -7,
    disabled = -8,
    invalid_address = -9,
};

inline constexpr std::array<std::pair<std::string_view, Status>, 10> status_names{
    {{"SUCCESS", Status::success},
     {"NOT_SUPPORTED", Status::not_supported},
     {"INVALID_PARAMETERS", Status::invalid_parameters},
     {"DENIED", Status::denied},
     {"ALREADY_ON", Status::already_on},
     {"ON_PENDING", Status::on_pending},
     {"INTERNAL_FAILURE", Status::internal_failure},
     {"NOT_PRESENT", Status::not_present},
     {"DISABLED", Status::disabled},
     {"INVALID_ADDRESS", Status::invalid_address}}};

/// What the caller finds in X0.
constexpr std::uint64_t returned(Status status) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(status));
}

}  // namespace irqbench::vmm::arm64::psci
