#include "tools/import/tracecmd_text.hpp"

#ifdef IRQBENCH_LIBTRACECMD

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

// An inline function of <tracefs.h> passes 0 for an enumerator, which C++ takes for this one.
int tracefs_hist_command(struct tracefs_instance*, struct tracefs_hist*, int);
extern "C" {
#include <trace-cmd.h>
}

namespace irqbench::importing {

namespace {

struct Close {
    void operator()(tracecmd_input* input) const { ::tracecmd_close(input); }
};

/// What the library hands to each call.
class Writer {
  public:
    explicit Writer(int descriptor) : descriptor_(descriptor) { ::trace_seq_init(&text_); }
    ~Writer() { ::trace_seq_destroy(&text_); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// The events' own `print fmt` is in the file: what it makes of them is what the kernel prints.
    /// @returns false when nobody reads any more
    bool write(tracecmd_input& input, tep_record& record) {
        tep_handle* parser = ::tracecmd_get_tep(&input);
        if (record.missed_events > 0) put("CPU:{} [LOST {} EVENTS]\n", record.cpu, record.missed_events);
        if (record.missed_events < 0) put("CPU:{} [LOST EVENTS]\n", record.cpu);
        tep_event* format = ::tep_find_event_by_record(parser, &record);
        const int thread = ::tep_data_pid(parser, &record);
        const char* command = ::tep_data_comm_from_pid(parser, thread);
        put("{}-{} [{:03}] {}.{:09}: {}: ", one_line(command), static_cast<std::uint32_t>(thread), record.cpu,
            record.ts / 1'000'000'000, record.ts % 1'000'000'000,
            format != nullptr ? one_line(format->name) : "unknown");
        if (format != nullptr && one_line(format->system) == "kvm") {
            ::trace_seq_reset(&text_);
            ::tep_print_event(parser, &text_, &record, "%s", TEP_PRINT_INFO);
            ::trace_seq_terminate(&text_);
            put("{}", one_line(text_.buffer));
        }
        put("\n");
        constexpr std::size_t piece_bytes = 1 << 16;
        return lines_.size() < piece_bytes || flush();
    }

    bool flush() {
        std::string_view left(lines_.data(), lines_.size());
        while (!left.empty()) {
            const ssize_t count = ::write(descriptor_, left.data(), left.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return false;
            left.remove_prefix(static_cast<std::size_t>(count));
        }
        lines_.clear();
        return true;
    }

  private:
    template <typename... Values>
    void put(fmt::format_string<Values...> format, Values&&... values) {
        fmt::format_to(std::back_inserter(lines_), format, std::forward<Values>(values)...);
    }
    /// A name with a line break in it must not become another event.
    static std::string one_line(const char* text) {
        std::string line = text != nullptr ? text : "";
        for (char& each : line)
            if (static_cast<unsigned char>(each) < ' ') each = ' ';
        return line;
    }

    int descriptor_;
    trace_seq text_{};
    fmt::memory_buffer lines_;
};

/// No exception may go through the library.
int one_record(tracecmd_input* input, tep_record* record, int, void* data) {
    try {
        return static_cast<Writer*>(data)->write(*input, *record) ? 0 : 1;
    } catch (const std::exception&) {
        return 1;
    }
}

}  // namespace

TracecmdEnd write_tracecmd_text(const std::string& file, int descriptor) {
    ::tracecmd_set_loglevel(TEP_LOG_NONE);
    const std::unique_ptr<tracecmd_input, Close> input(
        ::tracecmd_open(file.c_str(), TRACECMD_FL_LOAD_NO_PLUGINS));
    if (!input) return TracecmdEnd::not_opened;
    // Each instance of tracefs that was recorded (trace-cmd record -B) is a buffer of its own.
    std::vector<std::unique_ptr<tracecmd_input, Close>> instances;
    std::vector<tracecmd_input*> buffers = {input.get()};
    for (int i = 0; i < ::tracecmd_buffer_instances(input.get()); ++i) {
        instances.emplace_back(::tracecmd_buffer_instance_handle(input.get(), i));
        if (!instances.back()) return TracecmdEnd::not_opened;
        buffers.push_back(instances.back().get());
    }
    Writer writer(descriptor);
    const int status = ::tracecmd_iterate_events_multi(buffers.data(), static_cast<int>(buffers.size()),
                                                       one_record, &writer);
    return writer.flush() && status == 0 ? TracecmdEnd::complete : TracecmdEnd::not_read;
}

}  // namespace irqbench::importing

#else

namespace irqbench::importing {

TracecmdEnd write_tracecmd_text(const std::string&, int) { return TracecmdEnd::not_opened; }

}  // namespace irqbench::importing

#endif
