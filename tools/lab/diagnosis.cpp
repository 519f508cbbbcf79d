#include "tools/lab/diagnosis.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/lab/modules.hpp"
#include "tools/lab/trimmed.hpp"

namespace irqbench::tools::lab {

namespace {

std::string on_one_line(std::string text) {
    text = trimmed(text);
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

std::string module_errors(const BootEnd& end) {
    std::string text;
    const std::string release = end.up ? end.up->release : "";
    for (const auto& each : end.modules) text += "; " + module_complaint(each.file, each.error, release);
    return text;
}

std::string during(const BootEnd& end) { return end.running.empty() ? "" : " during " + end.running; }

std::string without_kvm(const BootEnd& end) {
    std::string text = fmt::format("no KVM inside: /dev/kvm: {}{}", end.kvm->error, module_errors(end));
    if (!end.has_modules)
        text +=
            "; no modules were given: build it with CONFIG_KVM=y and CONFIG_KVM_AMD=y, or name the folder "
            "of its modules with --modules";
    return text;
}

std::string never_up(const BootEnd& end) {
    if (const auto complaints = on_one_line(end.complaints); !complaints.empty())
        return "QEMU: " + complaints;
    if (trimmed(end.console).empty())
        return "it printed nothing at all: is it a kernel for this architecture, with a serial console?";
    return "it did not get as far as starting process 1";
}

std::string program_failed(const said::Exit& exit) {
    return exit.signal != 0 ? fmt::format("irqbench was killed by signal {} inside", exit.signal)
                            : "irqbench could not be started inside";
}

}  // namespace

std::optional<std::string> panic_of(const std::string& console) {
    constexpr std::string_view mark = "Kernel panic - not syncing: ";
    const std::size_t begin = console.find(mark);
    if (begin == std::string::npos) return std::nullopt;
    const std::size_t from = begin + mark.size();
    return console.substr(from, console.find('\n', from) - from);
}

std::optional<std::string> diagnose(const BootEnd& end) {
    using Why = BootEnd::Why;
    constexpr int not_executed = 127;
    if (end.exit && end.exit->signal != 0) return program_failed(*end.exit) + during(end);
    if (end.exit && end.exit->status == not_executed) return program_failed(*end.exit);
    if (end.exit) return std::nullopt;
    if (const auto panic = panic_of(end.console))
        return fmt::format("kernel panic{}: {}", end.up ? during(end) : " while it booted", *panic);
    if (end.stuck)
        return fmt::format("CPU {} of the machine gets no timer interrupts, as happens on an emulated one",
                           end.stuck->cpu);
    if (end.kvm && !end.kvm->error.empty()) return without_kvm(end);
    switch (end.why) {
        case Why::slow:
            return fmt::format("it did not boot within {} s: {}", end.waited.count(),
                               end.up ? "process 1 hangs" : never_up(end));
        case Why::silent:
            return fmt::format("it hung{}: nothing came for {} s", during(end), end.waited.count());
        case Why::interrupted: return "interrupted";
        case Why::gone:
        case Why::off: break;
    }
    if (!end.up) return fmt::format("QEMU ended with status {}: {}", end.qemu_status, never_up(end));
    return fmt::format("the machine ended too early{} (QEMU's status {}{})", during(end), end.qemu_status,
                       trimmed(end.complaints).empty() ? "" : ": " + on_one_line(end.complaints));
}

std::string last_lines(const std::string& text, std::size_t most, const std::string& prefix) {
    const std::string body = trimmed(text);
    if (body.empty()) return "";
    std::size_t begin = body.size();
    for (std::size_t lines = 0; lines < most && begin != std::string::npos && begin != 0; ++lines)
        begin = body.rfind('\n', begin - 1);
    begin = begin == std::string::npos || begin == 0 ? 0 : begin + 1;
    std::string result;
    while (begin < body.size()) {
        const std::size_t end = std::min(body.find('\n', begin), body.size());
        result += fmt::format("{}{}\n", prefix, body.substr(begin, end - begin));
        begin = end + 1;
    }
    return result;
}

}  // namespace irqbench::tools::lab
