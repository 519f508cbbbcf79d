#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace irqbench::irqchip::arm64 {

/// Bits 7:0 of a command (IHI 0069, 5.3).
enum class ItsOpcode : std::uint8_t {
    movi = 0x01,
    interrupt = 0x03,
    clear = 0x04,
    sync = 0x05,
    mapd = 0x08,
    mapc = 0x09,
    mapti = 0x0A,
    mapi = 0x0B,
    inv = 0x0C,
    invall = 0x0D,
    movall = 0x0E,
    discard = 0x0F,
};

/// The name of a command, empty if a GICv3 has none of that number.
std::string_view name(ItsOpcode opcode);

/// One entry of the command queue: four little-endian doublewords (IHI 0069, 5.3). Fields that a command
/// does not have are bits it ignores.
struct ItsCommand {
    static constexpr std::uint32_t size = 32;

    std::array<std::uint64_t, 4> words{};

    constexpr ItsOpcode opcode() const { return static_cast<ItsOpcode>(words[0] & 0xFF); }
    constexpr std::uint32_t device() const { return static_cast<std::uint32_t>(words[0] >> 32); }
    constexpr std::uint32_t event() const { return static_cast<std::uint32_t>(words[1]); }
    constexpr std::uint32_t intid() const { return static_cast<std::uint32_t>(words[1] >> 32); }
    /// Of MAPD: how many bits an EventID has.
    constexpr unsigned event_bits() const { return static_cast<unsigned>(words[1] & 0x1F) + 1; }
    constexpr bool valid() const { return (words[2] >> 63) != 0; }
    constexpr std::uint64_t itt() const { return words[2] & 0x000F'FFFF'FFFF'FF00; }
    constexpr std::uint16_t collection() const { return static_cast<std::uint16_t>(words[2]); }
    /// The redistributor of MAPC and SYNC, and the one MOVALL empties, by its processor number. 35 bits wide.
    constexpr std::uint64_t target() const { return rdbase(words[2]); }
    /// The redistributor MOVALL fills.
    constexpr std::uint64_t second_target() const { return rdbase(words[3]); }

    friend constexpr bool operator==(const ItsCommand&, const ItsCommand&) = default;

  private:
    static constexpr std::uint64_t rdbase(std::uint64_t word) { return word >> 16 & 0x7'FFFF'FFFF; }
};

/// Commands as software writes them. `itt` is aligned to 256 bytes.
namespace its_command {
ItsCommand mapd(std::uint32_t device, std::uint64_t itt, unsigned event_bits);
ItsCommand unmap_device(std::uint32_t device);
ItsCommand mapc(std::uint16_t collection, std::uint32_t redistributor);
ItsCommand unmap_collection(std::uint16_t collection);
ItsCommand mapti(std::uint32_t device, std::uint32_t event, std::uint32_t intid, std::uint16_t collection);
ItsCommand mapi(std::uint32_t device, std::uint32_t event, std::uint16_t collection);
ItsCommand movi(std::uint32_t device, std::uint32_t event, std::uint16_t collection);
ItsCommand discard(std::uint32_t device, std::uint32_t event);
ItsCommand clear(std::uint32_t device, std::uint32_t event);
ItsCommand interrupt(std::uint32_t device, std::uint32_t event);
ItsCommand inv(std::uint32_t device, std::uint32_t event);
ItsCommand invall(std::uint16_t collection);
ItsCommand movall(std::uint32_t from, std::uint32_t to);
ItsCommand sync(std::uint32_t redistributor);
}  // namespace its_command

/// What is wrong with a command or an MSI (IHI 0069, 5.3 and 5.5).
enum class ItsFault : std::uint8_t {
    device_oor,           ///< DeviceID beyond GITS_TYPER or the memory of the device table
    ittsize_oor,          ///< more EventID bits than GITS_TYPER.ID_bits
    procnum_oor,          ///< no such redistributor
    collection_oor,       ///< ICID beyond the memory of the collection table
    unmapped_device,      ///< no MAPD
    id_oor,               ///< EventID beyond the size MAPD gave
    physicalid_oor,       ///< INTID that is no LPI of this GIC
    unmapped_interrupt,   ///< no MAPTI or MAPI
    unmapped_collection,  ///< no MAPC
    ite_invalid,          ///< mapped, but to no collection or to no LPI
    unknown_command,      ///< not a command of a GICv3; the architecture has no code for it
    table_unreachable,    ///< an interrupt translation table outside memory; no code
    queue_unreachable,    ///< a command queue outside memory; no code
};

struct ItsError {
    ItsOpcode command;
    ItsFault fault;

    /// The 24-bit error code, if the architecture has one for the command and the fault.
    std::optional<std::uint32_t> code() const;
    /// As the architecture spells it: `MAPTI_ID_OOR`.
    std::string name() const;

    friend constexpr bool operator==(const ItsError&, const ItsError&) = default;
};

}  // namespace irqbench::irqchip::arm64
