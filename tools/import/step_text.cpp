#include "tools/import/step_text.hpp"

#include <fmt/format.h>

#include <array>

namespace irqbench::importing {

namespace {

constexpr std::array<const char*, 8> modes = {"fixed", "lowest-priority", "smi",   "reserved-3", "nmi",
                                              "init",  "startup",         "extint"};

const char* mode_of(std::uint32_t low_half) { return modes[low_half >> 8 & 7]; }

std::string hex(std::uint64_t value) { return fmt::format("\"0x{:x}\"", value); }
std::string byte_hex(std::uint32_t value) { return fmt::format("\"0x{:02x}\"", value); }

}  // namespace

std::string gsi_step(const char* verb, std::uint32_t gsi) {
    return fmt::format("{{ \"{}\": {} }}", verb, gsi);
}

std::string route_step(std::uint32_t gsi, const Routes& routes) {
    if (!routes.msi.empty())
        return fmt::format("{{ \"route\": {{ \"gsi\": {}, \"msi\": {} }} }}", gsi, routes.msi);
    std::string to;
    if (routes.pic) to = fmt::format("{{ \"pic\": {} }}", *routes.pic);
    if (routes.ioapic) to += fmt::format("{}{{ \"ioapic\": {} }}", to.empty() ? "" : ", ", *routes.ioapic);
    if (to.empty()) return gsi_step("unroute", gsi);
    return fmt::format("{{ \"route\": {{ \"gsi\": {}, \"to\": [ {} ] }} }}", gsi, to);
}

std::string message_arguments(std::uint32_t data, std::uint32_t address_bits, std::uint64_t dest) {
    std::string text = fmt::format("{{ \"vector\": {}, \"dest\": {}", byte_hex(data & 0xff), dest);
    if ((address_bits & 4) != 0) text += R"(, "dest_mode": "logical")";
    if ((data >> 8 & 7) == 6)
        text += R"(, "mode": "reserved-6")";
    else if ((data >> 8 & 7) != 0)
        text += fmt::format(", \"mode\": \"{}\"", mode_of(data));
    if ((data >> 15 & 1) != 0) text += R"(, "trigger": "level")";
    if ((address_bits & 8) != 0) text += R"(, "hint": true)";
    return text + " }";
}

std::string message_step(const std::string& arguments) { return "{ \"msi\": " + arguments + " }"; }

std::string entry_step(std::uint32_t pin, std::uint64_t entry) {
    const auto low = static_cast<std::uint32_t>(entry);
    std::string text =
        fmt::format("{{ \"ioapic\": {{ \"pin\": {}, \"vector\": {}", pin, byte_hex(low & 0xff));
    if ((low >> 8 & 7) == 6)
        text += R"(, "mode": "reserved-6")";
    else if ((low >> 8 & 7) != 0)
        text += fmt::format(", \"mode\": \"{}\"", mode_of(low));
    if (entry >> 56 != 0) text += fmt::format(", \"dest\": {}", entry >> 56);
    if ((low >> 11 & 1) != 0) text += R"(, "dest_mode": "logical")";
    if ((low >> 13 & 1) != 0) text += R"(, "polarity": "low")";
    if ((low >> 15 & 1) != 0) text += R"(, "trigger": "level")";
    if ((low >> 16 & 1) != 0) text += R"(, "masked": true)";
    return text + " } }";
}

std::string ipi_step(int from, std::uint32_t icr, std::uint32_t dest) {
    constexpr std::array<const char*, 4> shorthands = {"", "self", "all", "others"};
    constexpr std::uint32_t init = 5;
    constexpr std::uint32_t startup = 6;
    const std::uint32_t mode = icr >> 8 & 7;
    const std::uint32_t shorthand = icr >> 18 & 3;
    std::string text = fmt::format("{{ \"ipi\": {{ \"from\": {}", from);
    if (shorthand == 0)
        text += fmt::format(", \"to\": {}", dest);
    else
        text += fmt::format(", \"shorthand\": \"{}\"", shorthands[shorthand]);
    if (mode == startup)
        text += R"(, "vector": "0x08")";  // where the guest agent's trampoline is
    else if (mode != init)
        text += fmt::format(", \"vector\": {}", byte_hex(icr & 0xff));
    if (mode != 0) text += fmt::format(", \"mode\": \"{}\"", mode_of(icr));
    if (shorthand == 0 && (icr >> 11 & 1) != 0) text += R"(, "dest_mode": "logical")";
    if ((icr >> 15 & 1) != 0) text += R"(, "trigger": "level")";
    if (mode == init && (icr >> 14 & 1) == 0) text += R"(, "level": false)";
    return text + " } }";
}

std::string vcpu_step(const char* verb, int vcpu) { return fmt::format("{{ \"{}\": {} }}", verb, vcpu); }

std::string value_step(const char* verb, int vcpu, std::uint32_t value) {
    return fmt::format("{{ \"{}\": {{ \"vcpu\": {}, \"value\": {} }} }}", verb, vcpu, hex(value));
}

std::string lapic_step(int vcpu, const char* register_name, std::uint64_t value) {
    return fmt::format(R"({{ "lapic": {{ "vcpu": {}, "register": "{}", "value": {} }} }})", vcpu,
                       register_name, hex(value));
}

std::string ioapic_write_step(int vcpu, std::uint32_t index, std::uint32_t value) {
    return fmt::format(R"({{ "write": {{ "vcpu": {}, "ioapic": {}, "value": {} }} }})", vcpu, byte_hex(index),
                       hex(value));
}

std::string port_write_step(int vcpu, std::uint32_t port, std::uint32_t value) {
    return fmt::format(R"({{ "write": {{ "vcpu": {}, "port": {}, "value": {}, "size": 1 }} }})", vcpu,
                       hex(port), byte_hex(value));
}

std::string pin_step(const char* verb, int vcpu, std::uint32_t pin) {
    if (vcpu == 0) return fmt::format("{{ \"{}\": {} }}", verb, pin);
    return fmt::format("{{ \"{}\": {{ \"pin\": {}, \"vcpu\": {} }} }}", verb, pin, vcpu);
}

std::string ack_step(int vcpu, std::uint32_t vector) {
    const std::string what = vector == UINT32_MAX ? "\"nmi\"" : byte_hex(vector);
    if (vcpu == 0) return fmt::format("{{ \"ack\": {} }}", what);
    return fmt::format("{{ \"ack\": {{ \"vcpu\": {}, \"vector\": {} }} }}", vcpu, what);
}

std::string comment_text(const std::string& text) {
    std::string printable;
    for (const char c : text) printable += c >= 0x20 && c < 0x7f ? c : '?';
    return printable;
}

}  // namespace irqbench::importing
