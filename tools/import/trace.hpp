#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/import/event.hpp"
#include "tools/import/kvm_events.hpp"

namespace irqbench::importing {

class Lines;
struct Architecture;

/// A thread of the traced host.
struct Thread {
    std::string command;
    std::uint32_t process = 0;         ///< 0 where the tracer does not tell
    std::uint64_t entries = 0;         ///< into a guest
    std::vector<std::uint32_t> vcpus;  ///< ids of those it has entered

    static constexpr std::size_t most_vcpus = 16'384;  ///< KVM_MAX_VCPU_IDS of x86
};

/// What is kept of a trace.
struct KvmTrace {
    std::string file;
    std::vector<Event> events;                ///< by time
    std::map<std::uint32_t, Thread> threads;  ///< those that entered a guest or did something for one
    std::uint64_t lines = 0;                  ///< or records
    std::uint64_t kvm_events = 0;             ///< of the group kvm, wanted or not
    bool begins_late = false;                 ///< the tracer says that what came before is not in it
    bool is_cut_off = false;                  ///< it ends inside of a line
    const Architecture* architecture;         ///< of the host

    static constexpr std::size_t most_events = 6'000'000;
};

/// The part of a trace that counts, in its own time.
struct Span {
    std::uint64_t from_ns = 0;
    std::uint64_t to_ns = UINT64_MAX;
};

/// Takes the events of a trace one after the other; an entry into a guest only if something has happened
/// since the last, or is another vCPU's.
class TraceBuilder {
  public:
    explicit TraceBuilder(std::string file, Span span);

    /// What an event says in the words of this host's architecture, which becomes known by the first event
    /// that no other has.
    Meaning read(std::string_view name, std::string_view text, Event& event);

    /// @param command of the thread
    /// @throws TraceError for more than can be kept
    void add(Event event, std::string_view command, std::uint32_t process);
    void count(bool of_kvm) {
        ++trace_.lines;
        trace_.kvm_events += of_kvm ? 1 : 0;
    }
    void begins_late() { trace_.begins_late = true; }
    void cut_off() { trace_.is_cut_off = true; }

    /// @throws TraceError when there was no event of KVM
    KvmTrace finish();

  private:
    struct Last {
        std::uint32_t vcpu = 0;
        bool entered = false;
        bool is_known = false;        ///< the vCPU, where entries do not name it
        std::uint32_t low_lines = 0;  ///< private INTIDs of this vCPU that were told to be low
        std::uint32_t raises = 0;     ///< of lines of this vCPU, when they were
    };
    bool is_worth_keeping(Event& event, Last& last);

    Span span_;
    KvmTrace trace_;
    std::map<std::uint32_t, Last> last_;             ///< of each thread
    std::map<std::uint32_t, std::uint32_t> raises_;  ///< by the id of a vCPU: of its private lines, ever
    static constexpr std::size_t most_threads = 1'000'000;
};

/// Reads a trace, in whatever form it is: the text of ftrace, trace-cmd or perf, or trace-cmd's own file.
/// @throws TraceError with the file and the line for what is no such trace
/// @throws std::system_error when it cannot be read
KvmTrace read_trace(const std::string& file, Span span = {});

/// Reads text to its end, or to where it is cut off.
/// @param place what an error begins with, in front of the line's number
/// @throws TraceError for what is no trace
void read_lines(Lines& lines, const std::string& place, TraceBuilder& builder);

/// The same of text alone.
KvmTrace read_text_trace(const std::string& file, Span span = {});

/// Whether the file begins as trace-cmd's do.
bool is_tracecmd_file(const std::string& file);

/// @throws TraceError also where this irqbench has been built without libtracecmd
KvmTrace read_tracecmd_file(const std::string& file, Span span = {});

}  // namespace irqbench::importing
