#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace irqbench::importing {

/// Steps as the format has them: one object, in one line.

/// Where a GSI leads.
struct Routes {
    std::optional<std::uint32_t> ioapic;  ///< pin
    std::optional<std::uint32_t> pic;     ///< input of the pair
    std::string msi;                      ///< the arguments of a message, empty for none
    bool operator==(const Routes&) const = default;
};

std::string gsi_step(const char* verb, std::uint32_t gsi);
std::string route_step(std::uint32_t gsi, const Routes& routes);

/// Arguments of `msi`, of a message as kvm_msi_set_irq tells it: data, the address's bits 2 and 3, and the
/// destination.
std::string message_arguments(std::uint32_t data, std::uint32_t address_bits, std::uint64_t dest);
std::string message_step(const std::string& arguments);

/// `ioapic`, of a redirection entry as the register has it.
std::string entry_step(std::uint32_t pin, std::uint64_t entry);

/// `icr` is the low half of the register that sends it.
std::string ipi_step(int from, std::uint32_t icr, std::uint32_t dest);

std::string vcpu_step(const char* verb, int vcpu);
std::string value_step(const char* verb, int vcpu, std::uint32_t value);
std::string lapic_step(int vcpu, const char* register_name, std::uint64_t value);
std::string ioapic_write_step(int vcpu, std::uint32_t index, std::uint32_t value);
std::string port_write_step(int vcpu, std::uint32_t port, std::uint32_t value);
std::string pin_step(const char* verb, int vcpu, std::uint32_t pin);
std::string ack_step(int vcpu, std::uint32_t vector);

/// What of a text may stand in a comment to the end of a line: printable ASCII.
std::string comment_text(const std::string& text);

}  // namespace irqbench::importing
