#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/machine.hpp"

namespace irqbench::tools::fuzz {

/// What a generated scenario may make use of, where modes are known to differ in it.
enum class Feature {
    lowest_priority,  ///< messages by lowest priority
    service,          ///< handlers that stay or do not EOI, and what follows from ISR
    level,            ///< level-triggered interrupts, and resampling irqfds
    edge_resample,    ///< resampling irqfds whose pin may be edge-triggered
    shared_vector,    ///< edge-triggered and level-triggered pins of one vector
    shared_message,   ///< messages, IPIs and timers with the vector of a level-triggered pin
    nmi_level,        ///< a level-triggered NMI
    entry_reads,      ///< reading redirection entries: delivery status, Remote IRR
    pic_again,        ///< ICW1 while the PIC is in use
    pic_level,        ///< ICW1.LTIM
    poll,             ///< OCW3 poll
    special_mask,
    special_nesting,  ///< ICW4.SFNM
    level_messages,   ///< level-triggered MSIs
    own_pins,         ///< pins 0, 2 and 8
    logical_nmi,      ///< NMIs to logical destinations, whose LAPIC may be disabled by software
    lint0,            ///< unmasking LINT0 while an ExtINT waits
    errors,           ///< ESR, illegal vectors
    versions,         ///< version registers
    time,             ///< timers and current counts
    tpr_subclass,     ///< bits 3:0 of the TPR
    cr8,              ///< writing CR8
    arbitration,      ///< who of several takes what goes by lowest priority
    startup,          ///< INIT and SIPI
    apic_base,        ///< writing IA32_APIC_BASE
    doorbells,        ///< ioeventfds
    boot_init,        ///< INIT to the boot processor
    mixed_modes,      ///< logical messages while some CPUs only are in x2APIC mode
    apic_disable,     ///< IA32_APIC_BASE disabling a local APIC, for a while
};

/// What the command line calls them: `lowest-priority`.
std::vector<std::string> feature_names();
/// @throws std::out_of_range for a name that is none of these
Feature feature_of(std::string_view name);

/// Why a feature says nothing about correctness between some modes: a difference that is known and has been
/// judged, so that finding it again would only hide others.
struct Exclusion {
    Feature feature;
    std::span<const std::string_view> modes;  ///< of which one is among those compared
    std::string_view trait;                   ///< of the host's KVM; empty: any host
    std::string_view because;
    std::string_view source;
};

std::span<const Exclusion> exclusions();

/// The features whose use between these modes would only show what is known.
std::vector<Feature> excluded(const std::vector<std::string>& modes, const vmm::Host& host);

}  // namespace irqbench::tools::fuzz
