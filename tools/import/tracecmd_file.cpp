#include <fmt/format.h>

#include <array>
#include <fstream>

#include "tools/import/trace.hpp"

namespace irqbench::importing {

/// trace-cmd.dat(5): three bytes, then "tracing".
bool is_tracecmd_file(const std::string& file) {
    std::array<char, 10> beginning{};
    std::ifstream(file, std::ios::binary).read(beginning.data(), beginning.size());
    return std::string_view(beginning.data(), beginning.size()) == "\x17\x08\x44tracing";
}

KvmTrace read_tracecmd_file(const std::string& file) {
    throw TraceError(file +
                     ": this irqbench was built without libtracecmd; give it the output of trace-cmd report");
}

}  // namespace irqbench::importing
