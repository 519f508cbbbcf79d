#include "scenarios/verbs/x86/signs.hpp"

#include <fmt/format.h>

#include "irqchip/x86/ioapic_registers.hpp"

namespace irqbench::scenarios::verbs::x86 {

namespace {

using Kind = Sign::Kind;

std::string ioapic_pin(std::uint64_t pin) { return fmt::format("ioapic pin {}", pin); }

/// A redirection entry, or its low half.
Sign entry_sign(std::uint64_t pin, std::uint64_t value, bool by_guest) {
    const irqchip::x86::RedirectionEntry entry{value};
    Sign sign{entry.get(entry.masked) ? Kind::masked : Kind::unmasked, ioapic_pin(pin)};
    sign.by_guest = by_guest;
    sign.level = entry.get(entry.trigger) == irqchip::x86::Trigger::level;
    return sign;
}

/// `pin 10 up`, after the chip's name.
std::vector<Sign> pin_signs(std::string_view chip, WordReader words) {
    const auto pin = words.number();
    if (!pin) return {};
    const std::string input = fmt::format("{} pin {}", chip, *pin);
    if (words.rest() == " up") return {{Kind::up, input}};
    if (words.rest() == " down") return {{Kind::down, input}};
    if (words.rest() == " ended") return {{Kind::ended, input}};
    if (words.word(" pending dropped")) return {{Kind::dropped, input}};
    if (!words.word(" sends vector ")) return {};
    Sign sent{Kind::sent, input};
    const auto vector = words.number();
    if (vector) sent.vector = static_cast<std::uint32_t>(*vector);
    if (words.word(" to "))
        // To a logical destination it may be anybody.
        if (const auto vcpu = words.number(); vcpu && words.at_end())
            sent.vcpu = static_cast<std::uint32_t>(*vcpu);
    return {sent};
}

std::vector<Sign> wire_signs(const vmm::event::Wire& wire) {
    WordReader words(wire.text);
    for (const std::string_view chip : {"ioapic", "pic_master", "pic_slave"}) {
        WordReader pin = words;
        if (pin.word(chip) && pin.word(" pin ")) return pin_signs(chip, pin);
    }
    if (words.word("IOREDTBL[")) {
        const auto pin = words.number();
        if (!pin || !words.word("] = ")) return {};
        const auto value = words.number();
        return value ? std::vector{entry_sign(*pin, *value, false)} : std::vector<Sign>{};
    }
    for (const std::string_view pic : {"pic", "INTR"})
        if (words.word(pic)) return {{Kind::other, "pic"}};
    if (!words.word("lapic ") || !words.number() || !words.word(" sends vector ")) return {};
    const auto vector = words.number();
    if (!vector || !words.word(" to ")) return {};
    const auto vcpu = words.number();
    if (!vcpu || !words.at_end()) return {};
    return {{Kind::sent, "", static_cast<std::uint32_t>(*vcpu), static_cast<std::uint32_t>(*vector)}};
}

/// The low half of an entry is the register 10h + 2 * pin (82093AA 3.2.4).
std::vector<Sign> operation_signs(const vmm::event::OperationDone& done) {
    constexpr std::uint64_t first_entry = 0x10;
    WordReader words(done.text);
    if (done.fault || !words.word("write ioapic ")) return {};
    const auto index = words.number();
    if (!index || !words.at_end() || *index < first_entry || *index % 2 != 0) return {};
    return {entry_sign((*index - first_entry) / 2, done.value, true)};
}

/// A message as of SDM vol. 3, 11.11: to one physical destination, fixed.
std::vector<Sign> message_signs(const vmm::event::Call& call) {
    constexpr std::uint64_t window = 0xfee, logical = 4, delivery_mode = 0x700;
    if (call.name != "msi" || !call.outcome.ok()) return {};
    WordReader words(call.arguments);
    const auto address = words.number();
    if (!address || *address >> 20 != window || (*address & logical) != 0 || !words.word(" data ")) return {};
    const auto data = words.number();
    const auto vcpu = static_cast<std::uint32_t>(*address >> 12 & 0xff);
    if (!data || (*data & delivery_mode) != 0 || vcpu == 0xff) return {};
    return {{Kind::sent, "", vcpu, static_cast<std::uint32_t>(*data & 0xff)}};
}

std::vector<Sign> kernel_signs(const vmm::event::Kernel& kernel) {
    if (kernel.name != "kvm_apic_accept_irq") return {};
    Sign sign{Kind::sent};
    for (const auto& field : kernel.fields) {
        if (field.name == "apicid") sign.vcpu = static_cast<std::uint32_t>(field.value);
        if (field.name == "vec" || field.name == "vector")
            sign.vector = static_cast<std::uint32_t>(field.value);
    }
    return sign.vcpu && sign.vector ? std::vector{sign} : std::vector<Sign>{};
}

}  // namespace

std::vector<Sign> signs(const vmm::Event& event) {
    if (const auto* wire = std::get_if<vmm::event::Wire>(&event.what)) return wire_signs(*wire);
    if (const auto* done = std::get_if<vmm::event::OperationDone>(&event.what)) return operation_signs(*done);
    if (const auto* call = std::get_if<vmm::event::Call>(&event.what)) return message_signs(*call);
    if (const auto* kernel = std::get_if<vmm::event::Kernel>(&event.what)) return kernel_signs(*kernel);
    return {};
}

}  // namespace irqbench::scenarios::verbs::x86
