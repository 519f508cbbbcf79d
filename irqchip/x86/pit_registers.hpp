#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "irqchip/register.hpp"

// Register names and bits: 8254 data sheet (231164), figures "Control Word Format", "Read-Back Command
// Format" and "Status Byte"; port 0x61: 82801DB (ICH4) data sheet 9.7.1 (NMI_SC).
namespace irqbench::irqchip::x86 {

/// R/W bits of a control word. Zero is the counter latch command.
enum class PitAccess : std::uint8_t { latch = 0, low = 1, high = 2, low_then_high = 3 };

/// A byte of a count on its way in or out.
struct PitCount : Register<PitCount, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "COUNT";
    static constexpr Field<PitCount, 7, 0> count{"count"};
    static constexpr auto fields = field_list(count);
};

struct PitControl : Register<PitControl, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "CONTROL";
    static constexpr WriteOnlyField<PitControl, 7, 6> channel{"sc"};
    static constexpr WriteOnlyField<PitControl, 5, 4, PitAccess> access{"rw"};
    /// 6 and 7 mean 2 and 3.
    static constexpr WriteOnlyField<PitControl, 3, 1> mode{"m"};
    static constexpr WriteOnlyField<PitControl, 0, 0> bcd{"bcd"};
    static constexpr auto fields = field_list(channel, access, mode, bcd);
};

struct PitReadBack : Register<PitReadBack, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "READ_BACK";
    /// Three: no channel's number, and what tells this command from a control word.
    static constexpr WriteOnlyField<PitReadBack, 7, 6> command{"command"};
    static constexpr WriteOnlyField<PitReadBack, 5, 5> keeps_count{"count_n"};
    static constexpr WriteOnlyField<PitReadBack, 4, 4> keeps_status{"status_n"};
    /// A set of channels.
    static constexpr WriteOnlyField<PitReadBack, 3, 1> channels{"cnt"};
    static constexpr auto fields = field_list(command, keeps_count, keeps_status, channels);
};

struct PitStatus : Register<PitStatus, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "STATUS";
    static constexpr ReadOnlyField<PitStatus, 7, 7> output{"output"};
    static constexpr ReadOnlyField<PitStatus, 6, 6> null_count{"null_count"};
    static constexpr ReadOnlyField<PitStatus, 5, 4, PitAccess> access{"rw"};
    static constexpr ReadOnlyField<PitStatus, 3, 1> mode{"m"};
    static constexpr ReadOnlyField<PitStatus, 0, 0> bcd{"bcd"};
    static constexpr auto fields = field_list(output, null_count, access, mode, bcd);
};

struct SystemControlB : Register<SystemControlB, std::uint8_t> {
    using Register::Register;
    static constexpr std::string_view name = "PORT_B";
    static constexpr ReadOnlyField<SystemControlB, 5, 5> output2{"output2"};
    static constexpr ReadOnlyField<SystemControlB, 4, 4> refresh{"refresh"};
    static constexpr Field<SystemControlB, 3, 3> iochk_disabled{"iochk_disabled"};
    static constexpr Field<SystemControlB, 2, 2> serr_disabled{"serr_disabled"};
    static constexpr Field<SystemControlB, 1, 1> speaker{"speaker"};
    static constexpr Field<SystemControlB, 0, 0> gate2{"gate2"};
    static constexpr auto fields =
        field_list(output2, refresh, iochk_disabled, serr_disabled, speaker, gate2);
};

namespace port {
inline constexpr std::uint16_t pit_channel0 = 0x40, pit_control = 0x43, system_control_b = 0x61;
}

inline constexpr unsigned pit_channel_count = 3;

/// Offsets are ports. A status is read where the count is, once it has been latched.
inline constexpr std::array pit_registers{
    describe<PitCount>(port::pit_channel0, pit_channel_count),
    describe<PitStatus>(port::pit_channel0, pit_channel_count),
    describe<PitControl>(port::pit_control),
    describe<PitReadBack>(port::pit_control),
    describe<SystemControlB>(port::system_control_b),
};

}  // namespace irqbench::irqchip::x86
