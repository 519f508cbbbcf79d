#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/import/machines.hpp"
#include "tools/import/trace.hpp"

namespace irqbench::importing {

/// Something that happened in the traced machine and has a place in the scenario.
struct Happening {
    enum class Kind : std::uint8_t {
        act,      ///< `step` is done: by the host, or by a vCPU
        eoi,      ///< a vCPU's LAPIC got an EOI for `vector`
        take,     ///< a vCPU took `vector`
        nmi,      ///< or an NMI
        left,     ///< a vCPU did not take `vector` any more, which was pending at the end
        started,  ///< a vCPU came out of a SIPI
        claim,    ///< `step` asserts something else
        remark,   ///< nothing but `remark`
    };
    static constexpr std::uint32_t none = UINT32_MAX;

    Kind kind = Kind::remark;
    bool is_global = false;   ///< may change what any vCPU takes
    bool is_ext_int = false;  ///< a take by way of the PIC, of which no LAPIC knows
    int vcpu = -1;            ///< index; -1 is the host
    std::uint32_t vector = none;
    std::uint32_t cause = none;   ///< of a take: which happening made it pending
    std::uint32_t behind = none;  ///< a take that was told of later, and came before this
    std::uint32_t line = 0;
    std::uint64_t at_ns = 0;
    std::uint64_t rest_ns = 0;  ///< when nothing was pending or in service for the last time before it
    std::string step{};         ///< as the file has it
    std::string remark{};       ///< for a comment
    std::vector<std::string> before{};       ///< steps that no event shows, but this one needs
    std::vector<std::uint16_t> acceptors{};  ///< indexes of the vCPUs whose LAPIC got something of it
};

struct Story {
    std::vector<Happening> happenings;
    std::vector<std::string> setup;    ///< inferred
    std::vector<std::string> remarks;  ///< about the whole
    std::vector<bool> waits;           ///< of each vCPU: for its SIPI at first
    bool has_wide_ids = false;         ///< messages have destinations of more than eight bits
    std::uint32_t inferred = 0;        ///< steps that no event shows
    std::uint32_t taken = 0;
    std::string storm;                ///< what it was, where the story ends with one
    std::uint64_t storm_from_ns = 0;  ///< where a part of the trace has the whole of it

    static constexpr std::size_t most = 100'000;
};

/// What happened to the machine, from the events of its kernel. Pure.
/// @param storm how often in a row a vCPU takes what its EOI has brought back, its line still high, until
/// that is a storm: the story begins before the line rose, when nothing was pending, and ends with the EOI of
/// the last, and a handler that goes on like that. 0: as often as it likes
/// @throws TraceError for more than a scenario can hold, for traces of another architecture, and where there
/// is no storm, but should be one
Story tell(KvmTrace trace, const Machine& machine, std::uint32_t storm = 0);

}  // namespace irqbench::importing
