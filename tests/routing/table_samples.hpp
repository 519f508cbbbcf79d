#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "routing/table.hpp"
#include "routing/x86.hpp"

/// Tables with the kernel's answer, for validate() and for the kernel itself.
namespace irqbench::routing::samples {

using x86::ioapic, x86::pic_master, x86::pic_slave;

inline constexpr MsiRoute msi{0xfee00000, 0x4051};

inline RoutingTable of(const std::vector<Entry>& entries) { return RoutingTable(entries); }

inline RoutingTable filled(std::size_t entries) {
    RoutingTable table;
    for (std::size_t i = 0; i < entries; ++i) table.add(static_cast<Gsi>(i % 4096), msi);
    return table;
}

struct Refused {
    std::string about;
    RoutingTable table;
    RoutingRules rules;
    std::optional<std::size_t> entry;
    std::string reason;

    friend std::ostream& operator<<(std::ostream& out, const Refused& sample) { return out << sample.about; }
};

inline const std::vector<Refused> refused{
    {"no irqchip, although the table is empty",
     {},
     x86::userspace_rules(),
     {},
     "the machine has no interrupt controller in the kernel"},
    {"4097 entries", filled(4097), x86::kernel_rules(), {}, "4097 entries; KVM takes 4096"},
    {"gsi 4096", of({{0, msi}, {4096, msi}}), x86::kernel_rules(), 1,
     "GSI 4096 is out of range; the last is 4095"},
    {"gsi 0xffffffff", of({{0xffffffff, msi}}), x86::split_rules(), 0,
     "GSI 4294967295 is out of range; the last is 4095"},
    {"gsi 4096 behind a shared one",
     of({{5, PinRoute{ioapic, 5}}, {5, PinRoute{pic_master, 5}}, {4096, msi}}), x86::kernel_rules(), 2,
     "GSI 4096 is out of range; the last is 4095"},
    {"a GSI out of range comes before a bad route", of({{3, RawRoute{9}}, {4, msi}, {5000, msi}}),
     x86::kernel_rules(), 2, "GSI 5000 is out of range; the last is 4095"},
    {"unknown type", of({{1, msi}, {7, RawRoute{77}}}), x86::kernel_rules(), 1,
     "GSI 7 -> type 77: unknown type"},
    {"type 0", of({{7, RawRoute{}}}), x86::kernel_rules(), 0, "GSI 7 -> type 0: unknown type"},
    {"flags of a pin", of({{5, PinRoute{ioapic, 5, 1}}}), x86::kernel_rules(), 0,
     "GSI 5 -> ioapic pin 5 flags 0x1: unknown flags 0x1"},
    {"flags of a message", of({{5, MsiRoute{0xfee00000, 0x51, 3, 6}}}), x86::kernel_rules(), 0,
     "GSI 5 -> MSI 0xfee00000 data 0x51 device 0x3 flags 0x6: unknown flags 0x6"},
    {"IOAPIC pin 24", of({{5, PinRoute{ioapic, 24}}}), x86::kernel_rules(), 0,
     "GSI 5 -> ioapic pin 24: the ioapic has pins 0 to 23"},
    {"PIC slave pin 8", of({{9, PinRoute{pic_slave, 8}}}), x86::kernel_rules(), 0,
     "GSI 9 -> pic_slave pin 8: the pic_slave has pins 0 to 7"},
    {"PIC master pin 8", of({{9, PinRoute{pic_master, 8}}}), x86::kernel_rules(), 0,
     "GSI 9 -> pic_master pin 8: the pic_master has pins 0 to 7"},
    {"unknown chip", of({{5, PinRoute{Chip{3}, 0}}}), x86::kernel_rules(), 0,
     "GSI 5 -> chip 3 pin 0: unknown chip"},
    {"a pin with split irqchip", of({{5, PinRoute{ioapic, 5}}}), x86::split_rules(), 0,
     "GSI 5 -> chip 2 pin 5: this machine's kernel has no interrupt controller with pins"},
    {"two messages on one GSI", of({{5, msi}, {5, MsiRoute{0xfee01000, 0x52}}}), x86::split_rules(), 1,
     "GSI 5 -> MSI 0xfee01000 data 0x52: shares its GSI with MSI 0xfee00000 data 0x4051; only pins can share "
     "one"},
    {"a message after a pin", of({{5, PinRoute{ioapic, 5}}, {5, msi}}), x86::kernel_rules(), 1,
     "GSI 5 -> MSI 0xfee00000 data 0x4051: shares its GSI with ioapic pin 5; only pins can share one"},
    {"a pin after a message", of({{5, msi}, {5, PinRoute{ioapic, 5}}}), x86::kernel_rules(), 1,
     "GSI 5 -> ioapic pin 5: shares its GSI with MSI 0xfee00000 data 0x4051; only pins can share one"},
    {"two pins of one chip",
     of({{5, PinRoute{ioapic, 5}}, {5, PinRoute{pic_master, 5}}, {5, PinRoute{ioapic, 6}}}),
     x86::kernel_rules(), 2,
     "GSI 5 -> ioapic pin 6: shares its GSI with ioapic pin 5, a pin of the same chip"},
    {"reserved address bits with wide destinations", of({{5, MsiRoute{0x1'fee00000, 0x51}}}),
     x86::split_rules(true), 0,
     "GSI 5 -> MSI 0x1fee00000 data 0x51: address bits 39:32 are reserved when bits 63:40 extend the "
     "destination "
     "(KVM_CAP_X2APIC_API)"},
};

struct Accepted {
    std::string about;
    RoutingTable table;
    RoutingRules rules;

    friend std::ostream& operator<<(std::ostream& out, const Accepted& sample) { return out << sample.about; }
};

inline const std::vector<Accepted> accepted{
    {"nothing", {}, x86::kernel_rules()},
    {"nothing, split", {}, x86::split_rules()},
    {"the default table", x86::default_table(), x86::kernel_rules()},
    {"4096 entries", filled(4096), x86::split_rules()},
    {"the last GSI", of({{4095, msi}}), x86::split_rules()},
    {"pins of three chips on one GSI",
     of({{5, PinRoute{ioapic, 23}}, {5, PinRoute{pic_master, 7}}, {5, PinRoute{pic_slave, 7}}}),
     x86::kernel_rules()},
    {"one pin on two GSIs", of({{5, PinRoute{ioapic, 5}}, {6, PinRoute{ioapic, 5}}}), x86::kernel_rules()},
    {"a device id", of({{5, MsiRoute{0xfee00000, 0x51, 3}}}), x86::kernel_rules()},
    {"high address bits without wide destinations", of({{5, MsiRoute{0x1'fee00000, 0x51}}}),
     x86::split_rules()},
    {"a wide destination", of({{5, MsiRoute{0x100'fee2c000, 0x51}}}), x86::split_rules(true)},
    {"a message that no local APIC takes", of({{5, MsiRoute{0, 0xffffffff}}}), x86::kernel_rules()},
};

}  // namespace irqbench::routing::samples
