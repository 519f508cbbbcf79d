#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "tools/import/story.hpp"

namespace irqbench::importing {

/// When each vCPU may take interrupts, so that what the guest agent takes at once comes when the traced guest
/// took it. Nothing in a trace tells whether a guest has interrupts enabled; but what was pending for a
/// while, and was taken only after something else that concerns that vCPU, was held back.
struct Windows {
    struct Of {
        bool at_once = false;        ///< a take: nothing that matters lies between its cause and it
        bool ended_at_once = false;  ///< nor between it and its EOI
    };
    std::vector<Of> of;                                ///< by happening
    std::vector<std::vector<std::uint32_t>> takes_of;  ///< by happening: those that it caused, in order
    std::vector<std::uint32_t> eoi_of;                 ///< by happening: of a take, its EOI, or none
    std::set<std::uint32_t> stays;  ///< vectors whose handlers stay, since something happens before their EOI
};

/// Whether interrupts have to be disabled from its cause on.
bool is_held_back(const Happening& happening, const Windows::Of& when);

Windows find_windows(const Story& story, std::size_t vcpus);

}  // namespace irqbench::importing
