// libFuzzer: any bytes are a trace, which becomes JSON, or an error, and never a crash.
//     cmake --preset fuzz && cmake --build --preset fuzz
//     build/fuzz/tests/fuzz_import -max_len=25000 CORPUS tests/import/samples tests/import/trace_dat
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/import/architecture.hpp"
#include "tools/import/machines.hpp"
#include "tools/import/trace.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const int memory = ::memfd_create("trace", MFD_CLOEXEC);
    static const std::string file = "/proc/self/fd/" + std::to_string(memory);
    if (::ftruncate(memory, 0) != 0 || ::pwrite(memory, data, size, 0) != static_cast<ssize_t>(size))
        std::abort();
    using namespace irqbench;
    std::string text;
    try {
        const auto trace = importing::read_trace(file);
        const auto machine = importing::choose_machine(trace, {});
        text = importing::import_machine(trace, machine, {"a trace", "a fuzzer", {}}).text;
    } catch (const importing::TraceError&) {
        return 0;
    }
    constexpr bool throws = true;
    constexpr bool ignores_comments = true;
    static_cast<void>(nlohmann::json::parse(text, nullptr, throws, ignores_comments));
    return 0;
}
