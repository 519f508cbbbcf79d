#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace irqbench::importing {

/// What a tracer prints in front of each event's own text.
struct TextLine {
    std::string_view command;  ///< of the thread
    std::uint32_t thread = 0;
    std::uint32_t process = 0;  ///< 0 where the tracer does not tell
    std::uint16_t cpu;
    std::uint64_t at_ns = 0;
    std::string_view name;  ///< of the event, without its group
    std::string_view text;
};

/// A line of ftrace (`trace`, `trace_pipe`), of `trace-cmd report` or of `perf script`; none if it is no
/// event.
///     CPU 0/KVM-4711    [002] d..1.  5.103600: kvm_entry: vcpu 0, rip 0x1000
///     CPU 0/KVM  4711/4712 [002]  5.103600:  kvm:kvm_entry: vcpu 0, rip 0x1000
std::optional<TextLine> read_text_line(std::string_view line);

/// How many events a line says are missing, 0 for "some"; none if it says nothing of the kind.
///     CPU:2 [LOST 123 EVENTS]
std::optional<std::uint64_t> read_lost_line(std::string_view line);

/// Whether a line that is no event belongs in a trace all the same: headings, call chains, blank lines.
bool is_decoration(std::string_view line);

}  // namespace irqbench::importing
