#pragma once

#include <array>
#include <string_view>

namespace irqbench::tools::fuzz::arm64 {

/// What a generated scenario may make use of, where modes are known to differ in it.
namespace feature {
inline constexpr std::string_view gicv2 = "gicv2";
inline constexpr std::string_view gicv3 = "gicv3";
inline constexpr std::string_view its = "its";          ///< LPIs
inline constexpr std::string_view service = "service";  ///< handlers that stay, and what follows from it
inline constexpr std::string_view level = "level";      ///< level-sensitive SPIs and PPIs
inline constexpr std::string_view resample = "resample";
inline constexpr std::string_view level_irqfd = "level-irqfd";  ///< one of a level that does not resample
inline constexpr std::string_view groups = "groups";  ///< interrupts of group 0, and disabled groups
inline constexpr std::string_view distributor_off = "distributor-off";  ///< disabling it as a whole
/// Making a level-sensitive interrupt pending by ISPENDR.
inline constexpr std::string_view software_level = "software-level";
inline constexpr std::string_view software_active = "software-active";  ///< ISACTIVER, ICACTIVER
inline constexpr std::string_view eoi_mode = "eoi-mode";                ///< EOImode 1 and DIR
inline constexpr std::string_view foreign_deactivation =
    "foreign-deactivation";  ///< DIR by a vCPU other than the one that acknowledged
inline constexpr std::string_view lpi_eoi_mode = "lpi-eoi-mode";  ///< LPIs in EOImode 1
inline constexpr std::string_view masked_retarget =
    "masked-retarget";  ///< sending an SPI elsewhere while a vCPU masks by priority
inline constexpr std::string_view held_edge =
    "held-edge";  ///< disabling an edge that may be in service, or sending it elsewhere
inline constexpr std::string_view binary_point = "binary-point";
inline constexpr std::string_view discard_pending = "discard-pending";  ///< DISCARD of what may be pending
inline constexpr std::string_view collections =
    "collections";  ///< MAPC of a mapped one while LPIs are pending
inline constexpr std::string_view timer = "timer";
inline constexpr std::string_view reads = "reads";
inline constexpr std::string_view pending_id = "pending-id";  ///< GICC_HPPIR
inline constexpr std::string_view doorbells = "doorbells";    ///< ioeventfds
}  // namespace feature

inline constexpr std::array features{
    feature::gicv2,
    feature::gicv3,
    feature::its,
    feature::service,
    feature::level,
    feature::resample,
    feature::level_irqfd,
    feature::groups,
    feature::distributor_off,
    feature::software_level,
    feature::software_active,
    feature::eoi_mode,
    feature::binary_point,
    feature::discard_pending,
    feature::collections,
    feature::timer,
    feature::reads,
    feature::pending_id,
    feature::doorbells,
    feature::foreign_deactivation,
    feature::lpi_eoi_mode,
    feature::masked_retarget,
    feature::held_edge,
};

}  // namespace irqbench::tools::fuzz::arm64
