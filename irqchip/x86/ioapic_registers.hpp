#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "irqchip/register.hpp"
#include "irqchip/x86/msi.hpp"

// Register names and bit numbers: 82093AA 3.1 and 3.2; EOI register: 82801DB (ICH4) data sheet 9.5.5.
namespace irqbench::irqchip::x86 {

inline constexpr unsigned ioapic_pin_count = 24;

struct IoRegSel : Register<IoRegSel, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "IOREGSEL";
    static constexpr Field<IoRegSel, 7, 0> address{"address"};
    static constexpr auto fields = field_list(address);
};

struct IoWin : Register<IoWin, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "IOWIN";
    static constexpr Field<IoWin, 31, 0> data{"data"};
    static constexpr auto fields = field_list(data);
};

struct Eoir : Register<Eoir, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "EOIR";
    static constexpr WriteOnlyField<Eoir, 7, 0> vector{"vector"};
    static constexpr auto fields = field_list(vector);
};

struct IoApicId : Register<IoApicId, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "IOAPICID";
    static constexpr Field<IoApicId, 27, 24> id{"id"};
    static constexpr auto fields = field_list(id);
};

struct IoApicVersion : Register<IoApicVersion, std::uint32_t, ((ioapic_pin_count - 1) << 16) | 0x11> {
    using Register::Register;
    static constexpr std::string_view name = "IOAPICVER";
    static constexpr ReadOnlyField<IoApicVersion, 23, 16> maximum_entry{"maximum_entry"};
    static constexpr ReadOnlyField<IoApicVersion, 7, 0> version{"version"};
    static constexpr auto fields = field_list(maximum_entry, version);
};

struct IoApicArbitration : Register<IoApicArbitration, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "IOAPICARB";
    static constexpr ReadOnlyField<IoApicArbitration, 27, 24> id{"id"};
    static constexpr auto fields = field_list(id);
};

struct RedirectionEntry : Register<RedirectionEntry, std::uint64_t, std::uint64_t{1} << 16> {
    using Register::Register;
    static constexpr std::string_view name = "IOREDTBL";
    static constexpr Field<RedirectionEntry, 63, 56> destination{"destination"};
    /// Destination bits 14:8 of KVM_FEATURE_MSI_EXT_DEST_ID; reserved, so read-only, unless an IoApic is told
    /// to have it.
    static constexpr ReadOnlyField<RedirectionEntry, 55, 49> extended_destination{"extended_destination"};
    static constexpr Field<RedirectionEntry, 16, 16> masked{"masked"};
    static constexpr Field<RedirectionEntry, 15, 15, Trigger> trigger{"trigger"};
    static constexpr ReadOnlyField<RedirectionEntry, 14, 14> remote_irr{"remote_irr"};
    static constexpr Field<RedirectionEntry, 13, 13> active_low{"active_low"};
    static constexpr ReadOnlyField<RedirectionEntry, 12, 12> delivery_status{"delivery_status"};
    static constexpr Field<RedirectionEntry, 11, 11, DestinationMode> destination_mode{"destination_mode"};
    static constexpr Field<RedirectionEntry, 10, 8, DeliveryMode> delivery_mode{"delivery_mode"};
    static constexpr Field<RedirectionEntry, 7, 0> vector{"vector"};
    static constexpr auto fields =
        field_list(destination, extended_destination, masked, trigger, remote_irr, active_low,
                   delivery_status, destination_mode, delivery_mode, vector);
};

/// Offsets in the memory window, in bytes.
namespace window {
inline constexpr std::uint32_t ioregsel = 0x00, iowin = 0x10, eoir = 0x40;
}

/// Values of IOREGSEL. A redirection entry takes two: the lower half first.
namespace selector {
inline constexpr std::uint32_t id = 0x00, version = 0x01, arbitration = 0x02, redirection = 0x10;
}

/// EOIR answers in version 0x20 only.
inline constexpr std::array ioapic_window{
    describe<IoRegSel>(window::ioregsel),
    describe<IoWin>(window::iowin),
    describe<Eoir>(window::eoir),
};

inline constexpr std::array ioapic_registers{
    describe<IoApicId>(selector::id),
    describe<IoApicVersion>(selector::version),
    describe<IoApicArbitration>(selector::arbitration),
    describe<RedirectionEntry>(selector::redirection, ioapic_pin_count, 2),
};

}  // namespace irqbench::irqchip::x86
