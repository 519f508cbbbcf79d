#pragma once

#include "irqchip/x86/msi.hpp"
#include "scenarios/verbs/common/guest.hpp"

/// The words of x86 interrupts, and the operations that many verbs are made of.
namespace irqbench::scenarios::verbs::x86 {

using irqchip::x86::DeliveryMode;
using irqchip::x86::DestinationMode;
using irqchip::x86::Trigger;

/// ICR delivery modes: those of the others, but 6 starts a processor (SDM vol. 3, 11.6.1).
enum class IpiMode : std::uint8_t { fixed = 0, lowest_priority = 1, smi = 2, nmi = 4, init = 5, startup = 6 };

/// ICR destination shorthands (SDM vol. 3, 11.6.1).
enum class Shorthand : std::uint8_t { self = 1, all = 2, others = 3 };

enum class Polarity : std::uint8_t { high = 0, low = 1 };

/// A register of the local APIC, by its name.
struct LapicRegisterName {
    std::string name;
    std::uint16_t offset = 0;
};

vmm::GuestOp port_out(std::uint16_t port, std::uint8_t value);
vmm::GuestOp lapic_write(std::uint16_t offset, std::uint64_t value);
/// What two vCPUs would spoil for each other by such writes.
inline constexpr const char* ioregsel = "IOREGSEL, which selects what IOWIN is";
/// Writes the IOAPIC's register behind `selector`: IOREGSEL, then IOWIN.
void ioapic_write(std::vector<vmm::GuestOp>& operations, std::uint32_t selector, std::uint32_t value);

/// What an interrupt of this mode does to vCPUs that take no maskable ones, whenever it comes by a line or a
/// route. INIT has the bootstrap processor begin anew; what is reserved in a message is a SIPI in ICR, and
/// KVM takes it for one.
void note_delivery(Facts& facts, DeliveryMode mode);

inline constexpr std::uint64_t ioapic_base = 0xFEC0'0000;

}  // namespace irqbench::scenarios::verbs::x86

namespace irqbench::scenarios {

template <>
struct Words<verbs::x86::Trigger> {
    using E = verbs::x86::Trigger;
    static constexpr std::array<std::pair<std::string_view, E>, 2> table{
        {{"edge", E::edge}, {"level", E::level}}};
};

template <>
struct Words<verbs::x86::DestinationMode> {
    using E = verbs::x86::DestinationMode;
    static constexpr std::array<std::pair<std::string_view, E>, 2> table{
        {{"physical", E::physical}, {"logical", E::logical}}};
};

template <>
struct Words<verbs::x86::DeliveryMode> {
    using E = verbs::x86::DeliveryMode;
    static constexpr std::array<std::pair<std::string_view, E>, 8> table{
        {{"fixed", E::fixed},
         {"lowest-priority", E::lowest_priority},
         {"smi", E::smi},
         {"reserved-3", E::reserved_3},
         {"nmi", E::nmi},
         {"init", E::init},
         {"reserved-6", E::reserved_6},
         {"extint", E::ext_int}}};
};

template <>
struct Words<verbs::x86::IpiMode> {
    using E = verbs::x86::IpiMode;
    static constexpr std::array<std::pair<std::string_view, E>, 6> table{
        {{"fixed", E::fixed},
         {"lowest-priority", E::lowest_priority},
         {"smi", E::smi},
         {"nmi", E::nmi},
         {"init", E::init},
         {"startup", E::startup}}};
};

template <>
struct Words<verbs::x86::Shorthand> {
    using E = verbs::x86::Shorthand;
    static constexpr std::array<std::pair<std::string_view, E>, 3> table{
        {{"self", E::self}, {"all", E::all}, {"others", E::others}}};
};

template <>
struct Words<verbs::x86::Polarity> {
    using E = verbs::x86::Polarity;
    static constexpr std::array<std::pair<std::string_view, E>, 2> table{
        {{"high", E::high}, {"low", E::low}}};
};

template <>
struct Form<verbs::x86::LapicRegisterName> {
    static verbs::x86::LapicRegisterName read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
