#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "irqchip/arm64/gic_register.hpp"
#include "irqchip/register.hpp"

// The registers of an ITS, with the values KVM gives those that identify it. Names and bit numbers: IHI 0069,
// "The ITS register map" and the descriptions that follow it, which every issue of the manual numbers anew.
namespace irqbench::irqchip::arm64 {

/// DeviceIDs and EventIDs have as many bits, entries of every table as many bytes.
inline constexpr unsigned its_device_bits = 16, its_event_bits = 16, its_collection_bits = 16;
inline constexpr std::uint32_t its_entry_size = 8;

struct GitsCtlr : Register<GitsCtlr, std::uint32_t, 0x8000'0000> {
    using Register::Register;
    static constexpr std::string_view name = "GITS_CTLR";
    static constexpr ReadOnlyField<GitsCtlr, 31, 31> quiescent{"quiescent"};
    static constexpr Field<GitsCtlr, 0, 0> enabled{"enabled"};
    static constexpr auto fields = field_list(quiescent, enabled);
};

/// Product 'K' of Arm: KVM. The revision is that of the tables' layout.
struct GitsIidr : Implementer<GitsIidr, 0x4B00'043B> {
    using Implementer::Implementer;
    static constexpr std::string_view name = "GITS_IIDR";
};

/// Sizes are written as one less than they are.
struct GitsTyper
    : Register<GitsTyper, std::uint64_t,
               1 | (its_entry_size - 1) << 4 | (its_event_bits - 1) << 8 | (its_device_bits - 1) << 13> {
    using Register::Register;
    static constexpr std::string_view name = "GITS_TYPER";
    /// Collections the ITS holds itself.
    static constexpr ReadOnlyField<GitsTyper, 31, 24> hardware_collections{"hardware_collections"};
    /// Targets are physical addresses of redistributors, not their numbers.
    static constexpr ReadOnlyField<GitsTyper, 19, 19> physical_targets{"physical_targets"};
    /// Errors raise SEIs.
    static constexpr ReadOnlyField<GitsTyper, 18, 18> seis{"seis"};
    static constexpr ReadOnlyField<GitsTyper, 17, 13> device_bits{"device_bits"};
    static constexpr ReadOnlyField<GitsTyper, 12, 8> event_bits{"event_bits"};
    static constexpr ReadOnlyField<GitsTyper, 7, 4> itt_entry_size{"itt_entry_size"};
    static constexpr ReadOnlyField<GitsTyper, 0, 0> physical_lpis{"physical_lpis"};
    static constexpr auto fields = field_list(hardware_collections, physical_targets, seis, device_bits,
                                              event_bits, itt_entry_size, physical_lpis);
};

struct GitsCbaser : Register<GitsCbaser, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "GITS_CBASER";
    static constexpr Field<GitsCbaser, 63, 63> valid{"valid"};
    static constexpr Field<GitsCbaser, 61, 59> inner_cache{"inner_cache"};
    static constexpr Field<GitsCbaser, 55, 53> outer_cache{"outer_cache"};
    /// Bits 15:12 are RES0: the queue is aligned to 64 KiB.
    static constexpr Field<GitsCbaser, 51, 16> address{"address"};
    static constexpr Field<GitsCbaser, 11, 10> shareability{"shareability"};
    /// Pages of 4 KiB, minus one.
    static constexpr Field<GitsCbaser, 7, 0> size{"size"};
    static constexpr auto fields = field_list(valid, inner_cache, outer_cache, address, shareability, size);
};

/// Offsets into the queue are in bytes, and those of whole commands.
struct GitsCwriter : Register<GitsCwriter, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "GITS_CWRITER";
    static constexpr Field<GitsCwriter, 19, 5> offset{"offset"};
    static constexpr WriteOnlyField<GitsCwriter, 0, 0> retry{"retry"};
    static constexpr auto fields = field_list(offset, retry);
};

struct GitsCreadr : Register<GitsCreadr, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "GITS_CREADR";
    static constexpr ReadOnlyField<GitsCreadr, 19, 5> offset{"offset"};
    static constexpr ReadOnlyField<GitsCreadr, 0, 0> stalled{"stalled"};
    static constexpr auto fields = field_list(offset, stalled);
};

enum class TableType : std::uint8_t { none = 0, devices = 1, collections = 4 };
enum class TablePage : std::uint8_t { size_4k = 0, size_16k = 1, size_64k = 2, reserved = 3 };

/// A table's location. GITS_BASER0 is that of devices, GITS_BASER1 that of collections.
struct GitsBaser : Register<GitsBaser, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "GITS_BASER";
    static constexpr Field<GitsBaser, 63, 63> valid{"valid"};
    static constexpr Field<GitsBaser, 62, 62> indirect{"indirect"};
    static constexpr Field<GitsBaser, 61, 59> inner_cache{"inner_cache"};
    static constexpr ReadOnlyField<GitsBaser, 58, 56, TableType> type{"type"};
    static constexpr Field<GitsBaser, 55, 53> outer_cache{"outer_cache"};
    static constexpr ReadOnlyField<GitsBaser, 52, 48> entry_size{"entry_size"};
    /// Address bits 47:12; with pages of 64 KiB bits 15:12 are bits 51:48 of the address.
    static constexpr Field<GitsBaser, 47, 12> address{"address"};
    static constexpr Field<GitsBaser, 11, 10> shareability{"shareability"};
    /// Fixed, unless an Its is told to have all sizes.
    static constexpr ReadOnlyField<GitsBaser, 9, 8, TablePage> page_size{"page_size"};
    /// Pages, minus one.
    static constexpr Field<GitsBaser, 7, 0> size{"size"};
    static constexpr auto fields = field_list(valid, indirect, inner_cache, type, outer_cache, entry_size,
                                              address, shareability, page_size, size);
};

struct GitsTranslater : Register<GitsTranslater, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GITS_TRANSLATER";
    static constexpr WriteOnlyField<GitsTranslater, 31, 0> event{"event"};
    static constexpr auto fields = field_list(event);
};

struct GicIdentification : Register<GicIdentification, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "GIC_ID";
    static constexpr ReadOnlyField<GicIdentification, 7, 0> value{"value"};
    static constexpr auto fields = field_list(value);
};

/// Offsets from the base of the ITS, in bytes.
namespace gits {
inline constexpr std::uint32_t ctlr = 0x0000, iidr = 0x0004, typer = 0x0008, cbaser = 0x0080,
                               cwriter = 0x0088, creadr = 0x0090, baser = 0x0100, pidr4 = 0xFFD0,
                               pidr0 = 0xFFE0, cidr0 = 0xFFF0, translater = 0x1'0040, end = 0x2'0000;
}

/// A row whose name, reset value and writable bits are not those of its type.
constexpr GicRegister particular(GicRegister row, std::string_view name, std::uint64_t reset,
                                 std::uint64_t writable) {
    row.info.name = name;
    row.info.reset = reset;
    row.info.writable = writable;
    row.info.access = writable == 0 ? Access::read_only : Access::read_write;
    return row;
}
constexpr GicRegister identification(std::uint32_t offset, std::string_view name, std::uint8_t value) {
    return particular(gic_register<GicIdentification>(offset), name, value, 0);
}

/// Inner shareable, read-allocate and write-back, pages of 64 KiB, entries of 8 bytes.
inline constexpr std::uint64_t its_baser_reset = GitsBaser{}
                                                     .with(GitsBaser::inner_cache, 3)
                                                     .with(GitsBaser::entry_size, its_entry_size - 1)
                                                     .with(GitsBaser::shareability, 1)
                                                     .with(GitsBaser::page_size, TablePage::size_64k)
                                                     .raw();

/// GITS_TRANSLATER is in the second page of 64 KiB.
inline constexpr std::array its_registers{
    gic_register<GitsCtlr>(gits::ctlr),
    gic_register<GitsIidr>(gits::iidr),
    gic_register<GitsTyper>(gits::typer),
    gic_register<GitsCbaser>(gits::cbaser),
    gic_register<GitsCwriter>(gits::cwriter),
    gic_register<GitsCreadr>(gits::creadr),
    particular(gic_register<GitsBaser>(gits::baser), "GITS_BASER0",
               GitsBaser{its_baser_reset}.with(GitsBaser::type, TableType::devices).raw(),
               GitsBaser::writable_mask()),
    particular(gic_register<GitsBaser>(gits::baser + 8), "GITS_BASER1",
               GitsBaser{its_baser_reset}.with(GitsBaser::type, TableType::collections).raw(),
               GitsBaser::writable_mask() & ~decltype(GitsBaser::indirect)::mask),
    particular(gic_register<GitsBaser>(gits::baser + 16, 6), "GITS_BASER2-7", 0, 0),
    identification(gits::pidr4, "GITS_PIDR4", 0x40),
    identification(gits::pidr0, "GITS_PIDR0", 0x92),
    identification(gits::pidr0 + 4, "GITS_PIDR1", 0xB4),
    identification(gits::pidr0 + 8, "GITS_PIDR2", 0x3B),
    identification(gits::cidr0, "GITS_CIDR0", 0x0D),
    identification(gits::cidr0 + 4, "GITS_CIDR1", 0xF0),
    identification(gits::cidr0 + 8, "GITS_CIDR2", 0x05),
    identification(gits::cidr0 + 12, "GITS_CIDR3", 0xB1),
    gic_register<GitsTranslater>(gits::translater),
};

}  // namespace irqbench::irqchip::arm64
