#pragma once

#include <array>
#include <string_view>

namespace irqbench::tools::fuzz::x86 {

/// What a generated scenario may make use of, where modes are known to differ in it.
namespace feature {
inline constexpr std::string_view lowest_priority = "lowest-priority";  ///< messages by lowest priority
inline constexpr std::string_view service =
    "service";  ///< handlers that stay or do not EOI, and what follows from ISR
inline constexpr std::string_view level = "level";  ///< level-triggered interrupts, and resampling irqfds
inline constexpr std::string_view edge_resample =
    "edge-resample";  ///< resampling irqfds whose pin may be edge-triggered
inline constexpr std::string_view shared_vector =
    "shared-vector";  ///< edge-triggered and level-triggered pins of one vector
inline constexpr std::string_view shared_message =
    "shared-message";  ///< messages, IPIs and timers with the vector of a level-triggered pin
inline constexpr std::string_view nmi_level = "nmi-level";  ///< a level-triggered NMI
inline constexpr std::string_view entry_reads =
    "entry-reads";  ///< reading redirection entries: delivery status, Remote IRR
inline constexpr std::string_view pic_again = "pic-again";  ///< ICW1 while the PIC is in use
inline constexpr std::string_view pic_level = "pic-level";  ///< ICW1.LTIM
inline constexpr std::string_view poll = "poll";            ///< OCW3 poll
inline constexpr std::string_view special_mask = "special-mask";
inline constexpr std::string_view special_nesting = "special-nesting";  ///< ICW4.SFNM
inline constexpr std::string_view level_messages = "level-messages";    ///< level-triggered MSIs
inline constexpr std::string_view own_pins = "own-pins";                ///< pins 0, 2 and 8
inline constexpr std::string_view logical_nmi =
    "logical-nmi";  ///< NMIs to logical destinations, whose LAPIC may be disabled by software
inline constexpr std::string_view lint0 = "lint0";                ///< unmasking LINT0 while an ExtINT waits
inline constexpr std::string_view errors = "errors";              ///< ESR, illegal vectors
inline constexpr std::string_view versions = "versions";          ///< version registers
inline constexpr std::string_view time = "time";                  ///< timers and current counts
inline constexpr std::string_view tpr_subclass = "tpr-subclass";  ///< bits 3:0 of the TPR
inline constexpr std::string_view cr8 = "cr8";                    ///< writing CR8
inline constexpr std::string_view arbitration =
    "arbitration";                                      ///< who of several takes what goes by lowest priority
inline constexpr std::string_view startup = "startup";  ///< INIT and SIPI
inline constexpr std::string_view apic_base = "apic-base";  ///< writing IA32_APIC_BASE
inline constexpr std::string_view doorbells = "doorbells";  ///< ioeventfds
inline constexpr std::string_view boot_init = "boot-init";  ///< INIT to the boot processor
inline constexpr std::string_view mixed_modes =
    "mixed-modes";  ///< logical messages, and IPIs to 255, while some CPUs only are in x2APIC mode
inline constexpr std::string_view apic_disable =
    "apic-disable";  ///< IA32_APIC_BASE disabling a local APIC, for a while
}  // namespace feature

inline constexpr std::array features{
    feature::lowest_priority,
    feature::service,
    feature::level,
    feature::edge_resample,
    feature::shared_vector,
    feature::shared_message,
    feature::nmi_level,
    feature::entry_reads,
    feature::pic_again,
    feature::pic_level,
    feature::poll,
    feature::special_mask,
    feature::special_nesting,
    feature::level_messages,
    feature::own_pins,
    feature::logical_nmi,
    feature::lint0,
    feature::errors,
    feature::versions,
    feature::time,
    feature::tpr_subclass,
    feature::cr8,
    feature::arbitration,
    feature::startup,
    feature::apic_base,
    feature::doorbells,
    feature::boot_init,
    feature::mixed_modes,
    feature::apic_disable,
};

}  // namespace irqbench::tools::fuzz::x86
