#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "irqchip/register.hpp"

// Register names and bits: 8259A data sheet, figures 7 (ICWs) and 8 (OCWs); ELCR: 82371SB (PIIX3) data
// sheet 2.5.2.
namespace irqbench::irqchip::x86 {

struct Icw1 : Register<Icw1, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "ICW1";
    /// Set in every ICW1; it is what tells it from an OCW2 or OCW3.
    static constexpr WriteOnlyField<Icw1, 4, 4> is_icw1{"is_icw1"};
    static constexpr WriteOnlyField<Icw1, 3, 3> level_triggered{"ltim"};
    static constexpr WriteOnlyField<Icw1, 1, 1> single{"sngl"};
    static constexpr WriteOnlyField<Icw1, 0, 0> needs_icw4{"ic4"};
    static constexpr auto fields = field_list(is_icw1, level_triggered, single, needs_icw4);
};

struct Icw2 : Register<Icw2, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "ICW2";
    static constexpr WriteOnlyField<Icw2, 7, 3> base{"base"};
    static constexpr auto fields = field_list(base);
};

struct Icw3 : Register<Icw3, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "ICW3";
    static constexpr WriteOnlyField<Icw3, 7, 0> cascade{"cascade"};
    static constexpr auto fields = field_list(cascade);
};

struct Icw4 : Register<Icw4, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "ICW4";
    static constexpr WriteOnlyField<Icw4, 4, 4> special_fully_nested{"sfnm"};
    static constexpr WriteOnlyField<Icw4, 3, 2> buffered{"buf"};
    static constexpr WriteOnlyField<Icw4, 1, 1> auto_eoi{"aeoi"};
    static constexpr WriteOnlyField<Icw4, 0, 0> x86{"upm"};
    static constexpr auto fields = field_list(special_fully_nested, buffered, auto_eoi, x86);
};

/// The mask register.
struct Ocw1 : Register<Ocw1, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "IMR";
    static constexpr Field<Ocw1, 7, 0> masked{"masked"};
    static constexpr auto fields = field_list(masked);
};

/// R, SL and EOI of OCW2, read as one number.
enum class Ocw2Command : std::uint8_t {
    clear_rotate_in_auto_eoi = 0,
    non_specific_eoi = 1,
    no_operation = 2,
    specific_eoi = 3,
    set_rotate_in_auto_eoi = 4,
    rotate_on_non_specific_eoi = 5,
    set_priority = 6,
    rotate_on_specific_eoi = 7,
};

struct Ocw2 : Register<Ocw2, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "OCW2";
    static constexpr WriteOnlyField<Ocw2, 7, 5, Ocw2Command> command{"command"};
    static constexpr WriteOnlyField<Ocw2, 2, 0> irq{"irq"};
    static constexpr auto fields = field_list(command, irq);
};

struct Ocw3 : Register<Ocw3, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "OCW3";
    static constexpr WriteOnlyField<Ocw3, 6, 6> sets_special_mask{"esmm"};
    static constexpr WriteOnlyField<Ocw3, 5, 5> special_mask{"smm"};
    /// Set in every OCW3 (with bit 4 clear); it is what tells it from an OCW2.
    static constexpr WriteOnlyField<Ocw3, 3, 3> is_ocw3{"is_ocw3"};
    static constexpr WriteOnlyField<Ocw3, 2, 2> poll{"p"};
    static constexpr WriteOnlyField<Ocw3, 1, 1> selects_register{"rr"};
    static constexpr WriteOnlyField<Ocw3, 0, 0> read_isr{"ris"};
    static constexpr auto fields =
        field_list(sets_special_mask, special_mask, is_ocw3, poll, selects_register, read_isr);
};

struct Irr : Register<Irr, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "IRR";
    static constexpr ReadOnlyField<Irr, 7, 0> requests{"requests"};
    static constexpr auto fields = field_list(requests);
};

struct Isr : Register<Isr, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "ISR";
    static constexpr ReadOnlyField<Isr, 7, 0> in_service{"in_service"};
    static constexpr auto fields = field_list(in_service);
};

/// What a read returns after a poll command.
struct PollWord : Register<PollWord, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "POLL";
    static constexpr ReadOnlyField<PollWord, 7, 7> interrupt{"i"};
    static constexpr ReadOnlyField<PollWord, 2, 0> irq{"irq"};
    static constexpr auto fields = field_list(interrupt, irq);
};

/// Edge/level control of IRQ 7-3; IRQ 0, 1 and 2 are edge-triggered for ever.
struct Elcr1 : Register<Elcr1, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "ELCR1";
    static constexpr Field<Elcr1, 7, 3> level{"level_7_3"};
    static constexpr auto fields = field_list(level);
};

/// Edge/level control of IRQ 15, 14 and 12-9; IRQ 13 and 8 are edge-triggered for ever.
struct Elcr2 : Register<Elcr2, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "ELCR2";
    static constexpr Field<Elcr2, 7, 6> level_high{"level_15_14"};
    static constexpr Field<Elcr2, 4, 1> level_low{"level_12_9"};
    static constexpr auto fields = field_list(level_high, level_low);
};

namespace port {
inline constexpr std::uint16_t master_command = 0x20, master_data = 0x21;
inline constexpr std::uint16_t slave_command = 0xA0, slave_data = 0xA1;
inline constexpr std::uint16_t elcr1 = 0x4D0, elcr2 = 0x4D1;
}  // namespace port

/// Every register of the pair; offsets are ports. Several share a port: the 8259A tells writes apart by bits
/// 4 and 3 and by the initialization sequence, and reads by the last OCW3.
inline constexpr std::array pic_registers{
    describe<Icw1>(port::master_command), describe<Ocw2>(port::master_command),
    describe<Ocw3>(port::master_command), describe<Irr>(port::master_command),
    describe<Isr>(port::master_command),  describe<PollWord>(port::master_command),
    describe<Ocw1>(port::master_data),    describe<Icw2>(port::master_data),
    describe<Icw3>(port::master_data),    describe<Icw4>(port::master_data),
    describe<Icw1>(port::slave_command),  describe<Ocw2>(port::slave_command),
    describe<Ocw3>(port::slave_command),  describe<Irr>(port::slave_command),
    describe<Isr>(port::slave_command),   describe<PollWord>(port::slave_command),
    describe<Ocw1>(port::slave_data),     describe<Icw2>(port::slave_data),
    describe<Icw3>(port::slave_data),     describe<Icw4>(port::slave_data),
    describe<Elcr1>(port::elcr1),         describe<Elcr2>(port::elcr2),
};

}  // namespace irqbench::irqchip::x86
