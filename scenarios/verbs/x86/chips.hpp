#pragma once

#include "scenarios/verbs/common/guest.hpp"
#include "scenarios/verbs/x86/words.hpp"

/// Programming the IOAPIC, the PIC pair and the PIT.
namespace irqbench::scenarios::verbs::x86 {

inline constexpr Limits pin_range = up_to(23);

/// Of `ioapic`: a redirection entry, field by field.
struct IoapicArguments {
    std::uint32_t pin = 0;
    std::optional<std::uint32_t> vector;
    DeliveryMode mode = DeliveryMode::fixed;
    std::uint32_t dest = 0;
    DestinationMode dest_mode = DestinationMode::physical;
    Polarity polarity = Polarity::high;
    Trigger trigger = Trigger::edge;
    bool masked = false;
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{
            required("pin", &IoapicArguments::pin, "the pin", pin_range),
            optional("vector", &IoapicArguments::vector, "the vector; required to deliver one", vector_range),
            optional("mode", &IoapicArguments::mode, "delivery mode"),
            optional("dest", &IoapicArguments::dest, "APIC id, or logical destination", up_to(0xff)),
            optional("dest_mode", &IoapicArguments::dest_mode, "how `dest` is meant"),
            optional("polarity", &IoapicArguments::polarity, "active level of the pin"),
            optional("trigger", &IoapicArguments::trigger, "trigger mode"),
            optional("masked", &IoapicArguments::masked, "leaves the pin masked"),
            vcpu_field(&IoapicArguments::vcpu)};
    }
    static void check(const IoapicArguments& arguments, const Cursor& at);
};

/// Masks the pin, then writes the high half, then the low half, as operating systems do.
class IoapicVerb final : public GuestVerbOf<IoapicArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `mask` and `unmask`: a pin of the IOAPIC.
struct PinArguments {
    std::uint32_t pin = 0;
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{required("pin", &PinArguments::pin, "the IOAPIC's pin", pin_range),
                          vcpu_field(&PinArguments::vcpu)};
    }
    static constexpr std::string_view shorthand = "pin";
};

/// `mask` and `unmask`: rewrites the low half as it stands, with bit 16 changed.
template <bool masks>
class MaskVerb final : public GuestVerbOf<PinArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

extern template class MaskVerb<true>;
extern template class MaskVerb<false>;

/// Of `retarget`: a pin of the IOAPIC, and its new destination.
struct RetargetArguments {
    std::uint32_t pin = 0;
    std::uint32_t dest = 0;
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{
            required("pin", &RetargetArguments::pin, "the IOAPIC's pin", pin_range),
            required("dest", &RetargetArguments::dest, "APIC id, or logical destination", up_to(0xff)),
            vcpu_field(&RetargetArguments::vcpu)};
    }
};

/// Writes the high half of a redirection entry alone.
class RetargetVerb final : public GuestVerbOf<RetargetArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `eoir`: the vector that is written.
struct EoirArguments {
    std::uint32_t vector = 0;
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{required("vector", &EoirArguments::vector, "the vector", vector_range),
                          vcpu_field(&EoirArguments::vcpu)};
    }
    static constexpr std::string_view shorthand = "vector";
};

class EoirVerb final : public GuestVerbOf<EoirArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `pic`: what the initialisation command words say, and the masks after them.
struct PicArguments {
    static constexpr std::uint32_t vcpu = 0;  ///< whose LINT0 becomes ExtINT
    std::uint32_t base = 0x20;
    std::uint32_t slave_base = 0x28;
    bool auto_eoi = false;
    bool level_init = false;
    bool special_fully_nested = false;
    std::uint32_t mask = 0;
    std::uint32_t slave_mask = 0;
    static constexpr auto fields() {
        return std::tuple{
            optional("base", &PicArguments::base, "vector of the master's input 0, a multiple of 8",
                     up_to(0xf8)),
            optional("slave_base", &PicArguments::slave_base, "vector of the slave's input 0, likewise",
                     up_to(0xf8)),
            optional("auto_eoi", &PicArguments::auto_eoi, "ICW4.AEOI of both"),
            optional("level_init", &PicArguments::level_init, "ICW1.LTIM of both"),
            optional("special_fully_nested", &PicArguments::special_fully_nested, "ICW4.SFNM of the master"),
            optional("mask", &PicArguments::mask, "the master's OCW1", up_to(0xff)),
            optional("slave_mask", &PicArguments::slave_mask, "the slave's OCW1", up_to(0xff))};
    }
    static void check(const PicArguments& arguments, const Cursor& at);
};

/// ICW1 to ICW4 of both chips, then the masks; LINT0 of vCPU 0 becomes ExtINT.
class PicVerb final : public GuestVerbOf<PicArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

enum class PicChip : std::uint8_t { master = 0, slave = 1 };

/// Of `ocw`: one of the three operation command words, and the chip it goes to.
struct OcwArguments {
    PicChip chip = PicChip::master;
    std::optional<std::uint8_t> ocw2;
    std::optional<std::uint8_t> ocw3;
    std::optional<std::uint8_t> mask;
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{
            required("chip", &OcwArguments::chip, "which of the pair"),
            optional("ocw2", &OcwArguments::ocw2, "EOI and rotation; bits 4 and 3 are 0"),
            optional("ocw3", &OcwArguments::ocw3, "poll, special mask, register to read; bits 4:3 are 01"),
            optional("mask", &OcwArguments::mask, "OCW1"), vcpu_field(&OcwArguments::vcpu)};
    }
    static constexpr std::array constraints{exactly_one("ocw2", "ocw3", "mask")};
    static void check(const OcwArguments& arguments, const Cursor& at);
};

class OcwVerb final : public GuestVerbOf<OcwArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `pit`: a counter, its mode and its count.
struct PitArguments {
    std::uint32_t channel = 0;
    std::uint32_t mode = 0;
    std::uint32_t count = 0;
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{
            optional("channel", &PitArguments::channel, "the counter", up_to(2)),
            required("mode", &PitArguments::mode, "the counter's mode", up_to(5)),
            required("count", &PitArguments::count, "at 1.193182 MHz; 0 for 65536", up_to(0xffff)),
            vcpu_field(&PitArguments::vcpu)};
    }
    static void check(const PitArguments& arguments, const Cursor& at);
};

class PitVerb final : public GuestVerbOf<PitArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] bool is_timing() const override { return true; }
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

}  // namespace irqbench::scenarios::verbs::x86

namespace irqbench::scenarios {

template <>
struct Words<verbs::x86::PicChip> {
    using E = verbs::x86::PicChip;
    static constexpr std::array<std::pair<std::string_view, E>, 2> table{
        {{"master", E::master}, {"slave", E::slave}}};
};

}  // namespace irqbench::scenarios
