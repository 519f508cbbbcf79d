#include <fmt/format.h>

#include <array>
#include <fstream>
#include <memory>
#include <string_view>

#include "tools/import/kvm_events.hpp"
#include "tools/import/trace.hpp"

#ifdef IRQBENCH_LIBTRACECMD
// An inline function of <tracefs.h> passes 0 for an enumerator, which C++ takes for this one.
int tracefs_hist_command(struct tracefs_instance*, struct tracefs_hist*, int);
extern "C" {
#include <trace-cmd.h>
}
#endif

namespace irqbench::importing {

/// trace-cmd.dat(5): three bytes, then "tracing".
bool is_tracecmd_file(const std::string& file) {
    constexpr std::string_view magic("\x17\x08\x44tracing", 10);
    std::array<char, magic.size()> beginning{};
    std::ifstream(file, std::ios::binary).read(beginning.data(), beginning.size());
    return std::string_view(beginning.data(), beginning.size()) == magic;
}

#ifdef IRQBENCH_LIBTRACECMD

namespace {

struct Close {
    void operator()(tracecmd_input* input) const { ::tracecmd_close(input); }
};

/// What the library hands to each call.
struct Reading {
    const std::string& file;
    TraceBuilder builder;
    trace_seq text{};
    std::uint32_t record = 0;
    std::string error{};
};

/// The events' own `print fmt` is in the file: what it makes of them is read like any text.
void read_record(tracecmd_input& input, tep_record& record, Reading& reading) {
    tep_handle* parser = ::tracecmd_get_tep(&input);
    Event event;
    event.line = ++reading.record;
    event.at_ns = record.ts;
    event.cpu = static_cast<std::uint16_t>(record.cpu);
    if (record.missed_events != 0) {
        event.kind = Event::Kind::lost;
        event.value = record.missed_events > 0 ? static_cast<std::uint64_t>(record.missed_events) : 0;
        reading.builder.add(event, "", 0);
        event.value = 0;
    }
    const tep_event* format = ::tep_find_event_by_record(parser, &record);
    const bool of_kvm = format != nullptr && std::string_view(format->system) == "kvm";
    reading.builder.count(of_kvm);
    if (!of_kvm) return;
    ::trace_seq_reset(&reading.text);
    ::tep_print_event(parser, &reading.text, &record, "%s", TEP_PRINT_INFO);
    ::trace_seq_terminate(&reading.text);
    const int thread = ::tep_data_pid(parser, &record);
    const char* command = ::tep_data_comm_from_pid(parser, thread);
    event.thread = static_cast<std::uint32_t>(thread);
    const Meaning meaning = read_kvm_event(format->name, reading.text.buffer, event);
    if (meaning == Meaning::malformed)
        throw TraceError(fmt::format("{}: record {}: {} in words that no known kernel writes", reading.file,
                                     reading.record, format->name));
    if (meaning == Meaning::event) reading.builder.add(event, command != nullptr ? command : "", 0);
}

/// No exception may go through the library.
int one_record(tracecmd_input* input, tep_record* record, int, void* data) {
    auto& reading = *static_cast<Reading*>(data);
    try {
        read_record(*input, *record, reading);
        return 0;
    } catch (const std::exception& error) {
        reading.error = error.what();
        return 1;
    }
}

}  // namespace

KvmTrace read_tracecmd_file(const std::string& file, Span span) {
    ::tracecmd_set_loglevel(TEP_LOG_NONE);
    const std::unique_ptr<tracecmd_input, Close> input(
        ::tracecmd_open(file.c_str(), TRACECMD_FL_LOAD_NO_PLUGINS));
    if (!input) throw TraceError(file + ": libtracecmd cannot read it");
    Reading reading{file, TraceBuilder(file, span)};
    ::trace_seq_init(&reading.text);
    const int status = ::tracecmd_iterate_events(input.get(), nullptr, 0, one_record, &reading);
    ::trace_seq_destroy(&reading.text);
    if (!reading.error.empty()) throw TraceError(reading.error);
    if (status != 0) throw TraceError(file + ": libtracecmd cannot read its events");
    return reading.builder.finish();
}

#else

KvmTrace read_tracecmd_file(const std::string& file, Span) {
    throw TraceError(file +
                     ": this irqbench was built without libtracecmd; give it what trace-cmd report prints");
}

#endif

}  // namespace irqbench::importing
