#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace irqbench::routing {

/// A global system interrupt: the number KVM_IRQ_LINE and KVM_IRQFD name, and the key of the routing table.
using Gsi = std::uint32_t;

/// A controller of KVM_SET_GSI_ROUTING. The numbers belong to the architecture (x86.hpp), and any other
/// number can be held too, for the kernel to refuse.
enum class Chip : std::uint32_t {};

/// What a machine calls one of its controllers, and how many input pins it has.
struct ChipInfo {
    Chip chip;
    std::string_view name;
    std::uint32_t pins;
};

/// The GSI drives an input pin of a controller.
struct PinRoute {
    Chip chip{};
    std::uint32_t pin = 0;
    std::uint32_t flags = 0;  ///< none is defined
    friend bool operator==(const PinRoute&, const PinRoute&) = default;
};

/// The GSI sends a message.
struct MsiRoute {
    std::uint64_t address = 0;
    std::uint32_t data = 0;
    std::optional<std::uint32_t> device_id = {};  ///< sets KVM_MSI_VALID_DEVID
    std::uint32_t flags = 0;                      ///< beside KVM_MSI_VALID_DEVID; none is defined
    friend bool operator==(const MsiRoute&, const MsiRoute&) = default;
};

/// A route as the kernel's interface writes it (struct kvm_irq_routing_entry without its GSI). In a table it
/// stands for a type that this project does not describe.
struct RawRoute {
    static constexpr std::uint32_t type_pin = 1;  ///< KVM_IRQ_ROUTING_IRQCHIP: chip, pin
    static constexpr std::uint32_t type_msi =
        2;  ///< KVM_IRQ_ROUTING_MSI: address low, address high, data, device id
    static constexpr std::uint32_t flag_device_id = 1;  ///< KVM_MSI_VALID_DEVID

    std::uint32_t type = 0;
    std::uint32_t flags = 0;
    std::array<std::uint32_t, 4> words{};
    friend bool operator==(const RawRoute&, const RawRoute&) = default;
};

using Route = std::variant<PinRoute, MsiRoute, RawRoute>;

/// How the kernel's interface writes `route`.
RawRoute to_raw(const Route& route);

/// The reverse of to_raw(): a pin or a message where the type says so.
Route from_raw(const RawRoute& raw);

/// The route in words, for example `ioapic pin 5` or `MSI 0xfee01000 data 0x4051`. Chips missing in `chips`
/// go by number.
std::string text(const Route& route, std::span<const ChipInfo> chips);

}  // namespace irqbench::routing
