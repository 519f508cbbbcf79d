#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// A run as a timeline shows it: lanes from top to bottom, marks for events from left to right, and intervals
/// during which something was so. A pure value of the recording; what the trace does not tell is not in it.
struct Picture {
    struct Lane {
        /// In the order in which lanes stand.
        enum class Kind { host, thread, line, input, wires, kernel, vcpu };
        Kind kind;
        std::string name;  ///< `host`, `device`, `gsi 10`, `ioapic pin 10`, `wires`, `vCPU 0`

        bool operator==(const Lane&) const = default;
    };

    /// One event.
    struct Mark {
        std::size_t lane;
        std::int64_t at_ns;
        std::uint32_t step;  ///< of the file
        std::string text;

        bool operator==(const Mark&) const = default;
    };

    enum class State {
        high,            ///< the line is up
        masked,          ///< the input is masked, or disabled
        pending,         ///< an interrupt waits: at the input, or in the controller of the vCPU
        in_service,      ///< from its acknowledgement to its EOI
        halted,          ///< in HLT or WFI
        waits,           ///< for INIT and SIPI, or for CPU_ON
        interrupts_off,  ///< IF or PSTATE.I says so
    };

    struct Interval {
        std::size_t lane;
        State state;
        std::size_t begin;  ///< index of the mark
        std::size_t end;    ///< that of the one it ends at; the number of marks: it does not
        std::optional<std::uint32_t> vector;  ///< whose

        auto operator<=>(const Interval&) const = default;
    };

    /// What was expected and did not come, where it should have.
    struct Missed {
        std::size_t lane;
        std::size_t begin;  ///< index of the first mark at which it could have come
        std::size_t end;    ///< and of the one before which it should have
        std::string expected;
        std::string came;

        bool operator==(const Missed&) const = default;
    };

    std::vector<Lane> lanes;
    std::vector<Mark> marks;
    std::vector<Interval> intervals;  ///< by lane, state and begin
    std::optional<Missed> missed;
    std::optional<std::size_t> wrong;  ///< the mark that should not be there
    std::uint64_t before = 0;          ///< so many events are left out before the first
    std::uint64_t after = 0;           ///< and behind the last
};

/// The word of a state on a page: `in service`.
std::string_view word(Picture::State state);

/// @param failure what was not as the file says, if anything
Picture picture_of(const Recording& recording, const scenarios::Failure* failure);

}  // namespace irqbench::tools
