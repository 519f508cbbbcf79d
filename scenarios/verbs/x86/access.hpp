#pragma once

#include "scenarios/verbs/common/guest.hpp"
#include "scenarios/verbs/x86/words.hpp"

/// Raw accesses by the guest.
namespace irqbench::scenarios::verbs::x86 {

/// An exception, by its mnemonic (SDM vol. 3, table 6-1).
enum class Exception : std::uint8_t { de = 0, ud = 6, nm = 7, ss = 12, gp = 13, pf = 14, ac = 17 };

/// What is accessed.
struct AccessPlace {
    std::uint32_t vcpu = 0;
    std::optional<std::uint32_t> msr;
    std::optional<std::uint16_t> port;
    std::optional<std::uint32_t> mmio;
    std::optional<LapicRegisterName> lapic;
    std::optional<std::uint32_t> ioapic;
    std::optional<OneOf<1, 2, 4, 8>> size;
    std::optional<Exception> fault;

    static constexpr auto place_fields() {
        return std::tuple{vcpu_field(&AccessPlace::vcpu),
                          optional("msr", &AccessPlace::msr, "an MSR"),
                          optional("port", &AccessPlace::port, "an I/O port"),
                          optional("mmio", &AccessPlace::mmio, "a guest physical address"),
                          optional("lapic", &AccessPlace::lapic, "a LAPIC register, by name"),
                          optional("ioapic", &AccessPlace::ioapic, "an index behind IOREGSEL", up_to(0xff)),
                          optional("size", &AccessPlace::size, "bytes; 4 by default"),
                          optional("fault", &AccessPlace::fault, "the exception it must raise")};
    }
    static constexpr std::array place_constraints{exactly_one("msr", "port", "mmio", "lapic", "ioapic"),
                                                  excludes("size", "msr", "lapic", "ioapic")};
    static void check_size(const AccessPlace& place, const Cursor& at);

    /// `msr 0x1b`, `ioapic 0x24`.
    [[nodiscard]] std::string in_words() const;
    /// For the validity checks; nothing where no address of the guest is accessed.
    [[nodiscard]] std::optional<Place> place(bool writes) const;
    /// Bytes of the access.
    [[nodiscard]] std::uint32_t bytes() const;
    /// The access itself, after selecting the register where that takes a step of its own.
    [[nodiscard]] std::vector<vmm::GuestOp> operations(bool writes, std::uint64_t value, bool observed) const;
};

struct WriteArguments : AccessPlace {
    std::uint64_t value = 0;
    static constexpr auto fields() {
        return std::tuple_cat(place_fields(),
                              std::tuple{required("value", &WriteArguments::value, "the value")});
    }
    static constexpr auto constraints = place_constraints;
    static void check(const WriteArguments& arguments, const Cursor& at);
};

class WriteVerb final : public GuestVerb {
  public:
    using Arguments = WriteArguments;
    explicit WriteVerb(Arguments arguments) : GuestVerb(arguments.vcpu), arguments_(std::move(arguments)) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;

  private:
    Arguments arguments_;
};

struct ReadArguments : AccessPlace {
    std::optional<std::uint64_t> is;
    std::optional<std::uint64_t> mask;
    static constexpr auto fields() {
        return std::tuple_cat(
            place_fields(),
            std::tuple{optional("is", &ReadArguments::is, "the value it must have"),
                       optional("mask", &ReadArguments::mask, "the bits of `is` that count")});
    }
    static constexpr std::array constraints{place_constraints[0], place_constraints[1], needs("mask", "is"),
                                            excludes("fault", "is")};
    static void check(const ReadArguments& arguments, const Cursor& at);
};

class ReadVerb final : public GuestVerb {
  public:
    using Arguments = ReadArguments;
    explicit ReadVerb(Arguments arguments) : GuestVerb(arguments.vcpu), arguments_(std::move(arguments)) {}
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;

  private:
    Arguments arguments_;
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
