#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/lab/channel.hpp"
#include "tools/lab/kernel.hpp"
#include "tools/lab/machine.hpp"
#include "tools/lab/program.hpp"
#include "tools/lab/qemu.hpp"
#include "tools/report/progress.hpp"
#include "tools/report/records.hpp"
#include "tools/report/result.hpp"

namespace irqbench::tools::lab {

/// What the machines of a lab do: one command of irqbench.
struct Job {
    std::vector<std::string> arguments;  ///< of irqbench
    bool records = false;                ///< it says what it does in records: `run --format jsonl`
    std::vector<std::string> environment;
    std::filesystem::path folder;                ///< that it runs in; absolute
    std::vector<std::filesystem::path> folders;  ///< absolute; exist inside too
    std::vector<std::filesystem::path> files;    ///< absolute; the same is inside
    std::optional<std::string> earlier;  ///< with records: those of tasks that are not to be run again
};

struct Patience {
    std::chrono::seconds boot{60};      ///< until the program begins
    std::chrono::seconds silence{120};  ///< of the program, after which the machine counts as hung
    unsigned boots = 3;                 ///< that may be lost one after the other, before the program begins
    unsigned hangs = 10;                ///< after so many the rest is given up
};

/// What a session tells while it goes on. Called from the thread that runs it.
struct Listener {
    std::function<void(const ProgressState&)> progress;
    /// But records and the kernel's log. Of streams other than `out` whole lines only.
    std::function<void(said::Stream, const std::string&)> output;
    /// What the run said, and results of scenarios that hung; each result once, whatever the boots.
    std::function<void(const Record&)> record;
    std::function<void(const std::string&)> note;  ///< one line, for whoever waits
};

/// What came of a job on one kernel.
struct Visit {
    std::string release;          ///< empty if it never said
    std::vector<Result> results;  ///< with records: in the order of the report
    int status = 0;               ///< the program's, without records
    bool interrupted = false;
    std::string trouble;  ///< why the lab could not do the whole job; empty if it could
    std::string console;  ///< of the last boot
    std::string log;      ///< the consoles of all boots
    unsigned boots = 0;
};

/// Runs a job on one kernel. One boot serves all of it. If the kernel hangs or panics during a scenario, the
/// scenario gets the verdict `error`, and what is left is run in a further boot.
/// @throws std::exception when the machine cannot be put together
Visit visit(const Qemu& qemu, const Kernel& kernel, const MachineSetup& setup, const Program& program,
            const Job& job, const Patience& patience, const Listener& listener,
            const std::atomic<bool>& interrupted);

}  // namespace irqbench::tools::lab
