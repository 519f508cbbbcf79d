#include "tools/import/trace.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/import/architecture.hpp"
#include "tools/import/lines.hpp"
#include "tools/import/text_line.hpp"

namespace irqbench::importing {

TraceBuilder::TraceBuilder(std::string file, Span span) : span_(span) {
    trace_.file = std::move(file);
    trace_.architecture = architectures().front();
}

Meaning TraceBuilder::read(std::string_view name, std::string_view text, Event& event) {
    for (const Architecture* each : architectures())
        if (each->writes_alone(name, text)) trace_.architecture = each;
    return trace_.architecture->read(name, text, event);
}

/// Of arm64's events the many that change nothing: entries and exits between which nothing happens, and the
/// lines of timers, of which each vcpu_load() tells.
bool TraceBuilder::is_worth_keeping(Event& event, Last& last) {
    constexpr std::uint32_t privates = 32;
    switch (event.kind) {
        case Event::Kind::entry:
            if (event.a != Event::unnamed_vcpu) return true;
            event.a = last.vcpu;
            if (!last.is_known || last.entered) return false;
            if (trace_.events.empty() || trace_.events.back().kind != Event::Kind::leave ||
                trace_.events.back().thread != event.thread)
                return true;
            trace_.events.pop_back();
            last.entered = true;
            ++trace_.threads[event.thread].entries;
            return false;
        case Event::Kind::leave: return last.entered;
        case Event::Kind::line:
        case Event::Kind::timer_line: {
            // By vcpu_load(); a timer that expires may be another's, whose thread was interrupted.
            if (event.kind == Event::Kind::timer_line && (!event.flag || !last.is_known) &&
                (!last.is_known || last.vcpu != event.a))
                last = {event.a, false, true, 0, 0};
            if (event.b >= privates) return true;
            const std::uint32_t bit = std::uint32_t{1} << event.b;
            if (event.flag) {
                ++raises_[event.a];
                return true;
            }
            if (!last.is_known || event.a != last.vcpu) return true;
            // What another thread has raised since is low no more.
            const auto raised = raises_.find(event.a);
            const std::uint32_t raises = raised == raises_.end() ? 0 : raised->second;
            if (last.raises != raises) last.low_lines = 0;
            last.raises = raises;
            const bool was_low = (last.low_lines & bit) != 0;
            last.low_lines |= bit;
            return !was_low;
        }
        default: return true;
    }
}

void TraceBuilder::add(Event event, std::string_view command, std::uint32_t process) {
    // Of what lies before it only who ran which vCPU last counts.
    const bool counts = event.at_ns >= span_.from_ns && event.at_ns <= span_.to_ns;
    const bool tells_who_runs = event.kind == Event::Kind::entry || event.kind == Event::Kind::timer_line;
    if (!counts && (!tells_who_runs || event.at_ns > span_.to_ns)) return;
    Last* last = nullptr;
    if (event.kind != Event::Kind::lost) {
        if (event.kind == Event::Kind::leave && last_.count(event.thread) == 0) return;
        last = &last_[event.thread];
        if (last_.size() > most_threads)
            throw TraceError(
                fmt::format("{}:{}: events of more than {} threads", trace_.file, event.line, most_threads));
        const bool is_kept = is_worth_keeping(event, *last);
        if (!is_kept || (!counts && event.kind != Event::Kind::entry)) return;
        Thread& thread = trace_.threads[event.thread];
        if (thread.command.empty()) thread.command = command;
        if (process != 0) thread.process = process;
        if (event.kind == Event::Kind::entry) {
            ++thread.entries;
            if (std::find(thread.vcpus.begin(), thread.vcpus.end(), event.a) == thread.vcpus.end()) {
                if (thread.vcpus.size() == Thread::most_vcpus)
                    throw TraceError(fmt::format("{}:{}: a thread that enters more than {} vCPUs",
                                                 trace_.file, event.line, Thread::most_vcpus));
                thread.vcpus.push_back(event.a);
            }
            if (last->entered && last->vcpu == event.a) return;
        }
        if (event.kind == Event::Kind::entry) last->vcpu = event.a;
        last->entered = event.kind == Event::Kind::entry;
    }
    if (trace_.events.size() == KvmTrace::most_events)
        throw TraceError(fmt::format("{}:{}: more than {} events of interrupts; give it a part of the trace",
                                     trace_.file, event.line, KvmTrace::most_events));
    trace_.events.push_back(event);
}

KvmTrace TraceBuilder::finish() {
    if (trace_.kvm_events == 0)
        throw TraceError(fmt::format("{}: no events of KVM among {} lines; record with -e kvm", trace_.file,
                                     trace_.lines));
    const auto earlier = [](const Event& a, const Event& b) { return a.at_ns < b.at_ns; };
    if (!std::is_sorted(trace_.events.begin(), trace_.events.end(), earlier))
        std::stable_sort(trace_.events.begin(), trace_.events.end(), earlier);
    return std::move(trace_);
}

namespace {

/// A comment of ftrace's: `# entries-in-buffer/entries-written: 205/410   #P:2`.
bool says_that_the_beginning_is_lost(std::string_view line) {
    constexpr std::string_view heading = "# entries-in-buffer/entries-written: ";
    if (!line.starts_with(heading)) return false;
    line.remove_prefix(heading.size());
    const auto slash = line.find('/');
    if (slash == std::string_view::npos) return false;
    const std::string_view written = line.substr(slash + 1, line.find(' ', slash) - slash - 1);
    return line.substr(0, slash) != written;
}

}  // namespace

void read_lines(Lines& lines, const std::string& place, TraceBuilder& builder) {
    std::uint64_t now = 0;
    while (const auto line = lines.next()) {
        Event event;
        event.line = static_cast<std::uint32_t>(std::min<std::uint64_t>(lines.number(), UINT32_MAX));
        const auto found = read_text_line(*line);
        if (!found) {
            builder.count(false);
            if (says_that_the_beginning_is_lost(*line)) builder.begins_late();
            if (const auto lost = read_lost_line(*line)) {
                event.kind = Event::Kind::lost;
                event.value = *lost;
                event.at_ns = now;
                builder.add(event, "", 0);
            } else if (!is_decoration(*line)) {
                if (!lines.is_whole()) {
                    builder.cut_off();
                    break;
                }
                throw TraceError(fmt::format("{}{}: no line of ftrace, trace-cmd report or perf script",
                                             place, lines.number()));
            }
            continue;
        }
        now = event.at_ns = found->at_ns;
        event.thread = found->thread;
        event.cpu = found->cpu;
        const Meaning meaning = builder.read(found->name, found->text, event);
        builder.count(meaning != Meaning::irrelevant || found->name.starts_with("kvm_"));
        if (meaning == Meaning::event) builder.add(event, found->command, found->process);
        if (meaning == Meaning::malformed) {
            if (!lines.is_whole()) {
                builder.cut_off();
                break;
            }
            throw TraceError(fmt::format("{}{}: {} in words that no known kernel writes", place,
                                         lines.number(), found->name));
        }
    }
}

KvmTrace read_text_trace(const std::string& file, Span span) {
    Lines lines(file);
    TraceBuilder builder(file, span);
    read_lines(lines, file + ":", builder);
    return builder.finish();
}

KvmTrace read_trace(const std::string& file, Span span) {
    return is_tracecmd_file(file) ? read_tracecmd_file(file, span) : read_text_trace(file, span);
}

}  // namespace irqbench::importing
