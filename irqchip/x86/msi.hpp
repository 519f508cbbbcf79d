#pragma once

// Models: interrupt messages and their MSI encoding: compatibility format, KVM's 32-bit destinations in
//   the upper address half, 15-bit extended destinations.
// Leaves out: the remappable format of interrupt remapping (address bit 4 set).
// Differs from KVM: KVM ignores address bits 31:20 and the level bit; decode() refuses an address that is
//   no interrupt message.
// Source: Intel SDM vol. 3, 11.11 (message signalled interrupts); KVM api.rst, KVM_CAP_X2APIC_API; KVM
//   cpuid.rst, KVM_FEATURE_MSI_EXT_DEST_ID.

#include <cstdint>
#include <optional>

#include "irqchip/register.hpp"

namespace irqbench::irqchip::x86 {

enum class Trigger : std::uint8_t { edge = 0, level = 1 };
enum class DestinationMode : std::uint8_t { physical = 0, logical = 1 };
/// The encoding redirection entries, MSI data, ICR and LVT share (82093AA 3.2.4; SDM vol. 3, 11.11.2).
enum class DeliveryMode : std::uint8_t {
    fixed = 0,
    lowest_priority = 1,
    smi = 2,
    reserved_3 = 3,
    nmi = 4,
    init = 5,
    reserved_6 = 6,
    ext_int = 7,
};

/// Whom an IPI is for, instead of a destination (SDM vol. 3, 11.6.1).
enum class Shorthand : std::uint8_t { none = 0, self = 1, all_including_self = 2, all_excluding_self = 3 };

/// An interrupt on its way to local APICs, free of any encoding.
struct Message {
    std::uint32_t destination = 0;
    DestinationMode destination_mode = DestinationMode::physical;
    DeliveryMode delivery_mode = DeliveryMode::fixed;
    std::uint8_t vector = 0;
    Trigger trigger = Trigger::edge;
    /// Assert (true) or de-assert; without meaning for edge-triggered messages.
    bool level = false;
    bool redirection_hint = false;

    friend bool operator==(const Message&, const Message&) = default;
};

/// Message address register, both halves (SDM vol. 3, 11.11.1).
struct MsiAddress : Register<MsiAddress, std::uint64_t, 0xFEE0'0000> {
    using Register::Register;
    static constexpr std::string_view name = "MSI_ADDRESS";
    /// KVM_CAP_X2APIC_API: destination bits 31:8 in address bits 63:40; bits 39:32 must be zero.
    static constexpr Field<MsiAddress, 63, 40, std::uint32_t> destination_high{"destination_high"};
    static constexpr Field<MsiAddress, 39, 32> must_be_zero{"must_be_zero"};
    static constexpr Field<MsiAddress, 31, 20, std::uint16_t> base{"base"};
    static constexpr Field<MsiAddress, 19, 12> destination{"destination"};
    /// Destination bits 14:8 (KVM_FEATURE_MSI_EXT_DEST_ID).
    static constexpr Field<MsiAddress, 11, 5> extended_destination{"extended_destination"};
    static constexpr Field<MsiAddress, 4, 4> remappable{"remappable"};
    static constexpr Field<MsiAddress, 3, 3> redirection_hint{"redirection_hint"};
    static constexpr Field<MsiAddress, 2, 2, DestinationMode> destination_mode{"destination_mode"};
    static constexpr auto fields =
        field_list(destination_high, must_be_zero, base, destination, extended_destination, remappable,
                   redirection_hint, destination_mode);
};

/// Message data register (SDM vol. 3, 11.11.2).
struct MsiData : Register<MsiData, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "MSI_DATA";
    static constexpr Field<MsiData, 15, 15, Trigger> trigger{"trigger"};
    static constexpr Field<MsiData, 14, 14> level{"level"};
    static constexpr Field<MsiData, 10, 8, DeliveryMode> delivery_mode{"delivery_mode"};
    static constexpr Field<MsiData, 7, 0> vector{"vector"};
    static constexpr auto fields = field_list(trigger, level, delivery_mode, vector);
};

/// A message as a device writes it, and as KVM_SET_GSI_ROUTING and KVM_SIGNAL_MSI take it.
struct Msi {
    std::uint64_t address = 0;
    std::uint32_t data = 0;

    friend bool operator==(const Msi&, const Msi&) = default;
};

/// Where a destination above 255 goes.
enum class DestinationFormat : std::uint8_t {
    compatible,  ///< nowhere: 8 bits
    x2apic_api,  ///< 32 bits, the upper 24 in the upper address half (KVM_X2APIC_API_USE_32BIT_IDS)
    extended,    ///< 15 bits, the upper 7 in address bits 11:5
};

/// Nothing if the format has no room for the destination.
std::optional<Msi> encode(const Message& message, DestinationFormat format);

/// Nothing if the address is no interrupt message of that format.
std::optional<Message> decode(const Msi& msi, DestinationFormat format);

}  // namespace irqbench::irqchip::x86
