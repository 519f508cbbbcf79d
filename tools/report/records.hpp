#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// `--format jsonl`: what a run says while it goes on, one JSON object a line. A task is one scenario in one
/// irqchip mode; its index is its place in the report, by file, then by mode. The interface is described by
/// scenarios/schema/records.schema.json. A run on several kernels says for each what a run on it says;
/// indices are those of the whole report.
namespace record {

/// The first record of a kernel.
struct Begin {
    std::string version;  ///< of irqbench
    std::string kernel;   ///< release of the host; of each kernel if there are several
    std::uint64_t tasks = 0;
};

/// The first run of a task begins: when the host hangs, what it hung in is among those without a result.
struct Started {
    std::uint64_t index = 0;
    std::string scenario;
    std::string file;
    std::string irqchip;
    std::string kernel;
};

struct Progress {
    std::uint64_t done = 0;  ///< runs that are over
    std::uint64_t failed = 0;
    std::uint64_t total = 0;
    std::string kernel;
};

/// A task is over. These come in the order in which tasks end; results of an earlier run that --resume took
/// over come first.
struct Finished {
    std::uint64_t index = 0;
    bool complete = true;  ///< false: interrupted, with some of its repeats
    Result result;
};

/// The last record, unless the run was killed.
struct End {
    int status = 0;  ///< the exit status
    bool interrupted = false;
    std::chrono::microseconds elapsed{};
};

}  // namespace record

using Record = std::variant<record::Begin, record::Started, record::Progress, record::Finished, record::End>;

/// A longer line is no record.
inline constexpr std::size_t max_record_bytes = std::size_t{64} << 20;

/// The record as JSON, with the line break at its end. Nothing of it is lost.
std::string record_line(const Record& record);

/// Reads what record_line() wrote, or what anybody else did: a guest kernel that crashes may have garbled it.
/// @param line with or without its line break
/// @throws std::invalid_argument that says what is wrong, and where by a JSON pointer
Record parse_record(std::string_view line);

}  // namespace irqbench::tools
