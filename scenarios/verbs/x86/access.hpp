#pragma once

#include "scenarios/verbs/common/access.hpp"
#include "scenarios/verbs/x86/words.hpp"

/// Raw accesses by the guest.
namespace irqbench::scenarios::verbs::x86 {

/// An exception, by its mnemonic (SDM vol. 3, table 6-1).
enum class Exception : std::uint8_t { de = 0, ud = 6, nm = 7, ss = 12, gp = 13, pf = 14, ac = 17 };

/// The agent reports its vector.
constexpr std::uint32_t fault_number(Exception exception) { return static_cast<std::uint32_t>(exception); }

/// What is accessed.
struct AccessTarget {
    std::uint32_t vcpu = 0;
    std::optional<std::uint32_t> msr;
    std::optional<std::uint16_t> port;
    std::optional<std::uint32_t> mmio;
    std::optional<LapicRegisterName> lapic;
    std::optional<std::uint32_t> ioapic;
    std::optional<OneOf<1, 2, 4, 8>> size;
    std::optional<Exception> fault;

    static constexpr auto places() {
        return std::tuple{optional("msr", &AccessTarget::msr, "an MSR"),
                          optional("port", &AccessTarget::port, "an I/O port"),
                          optional("mmio", &AccessTarget::mmio, "a guest physical address"),
                          optional("lapic", &AccessTarget::lapic, "a LAPIC register, by name"),
                          optional("ioapic", &AccessTarget::ioapic, "an index behind IOREGSEL", up_to(0xff))};
    }
    static constexpr std::array constraints{exactly_one("msr", "port", "mmio", "lapic", "ioapic"),
                                            excludes("size", "msr", "lapic", "ioapic")};
    static void check(const AccessTarget& target, const Cursor& at);

    [[nodiscard]] Access access() const;

  private:
    [[nodiscard]] Access place() const;
};

}  // namespace irqbench::scenarios::verbs::x86

namespace irqbench::scenarios {

template <>
struct Words<verbs::x86::Exception> {
    using E = verbs::x86::Exception;
    static constexpr std::array<std::pair<std::string_view, E>, 7> table{{{"#DE", E::de},
                                                                          {"#UD", E::ud},
                                                                          {"#NM", E::nm},
                                                                          {"#SS", E::ss},
                                                                          {"#GP", E::gp},
                                                                          {"#PF", E::pf},
                                                                          {"#AC", E::ac}}};
};

}  // namespace irqbench::scenarios
