#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/irqbench/files.hpp"
#include "tools/irqbench/resume.hpp"
#include "tools/irqbench/trace_file.hpp"
#include "tools/report/progress.hpp"
#include "tools/report/records.hpp"
#include "tools/report/result.hpp"

namespace irqbench::tools {

/// What to run, beyond the scenarios themselves.
struct CampaignOptions {
    std::vector<std::string> modes;  ///< irqchip modes, in the order of the results
    /// Those in which a folder's files for an architecture other than the host's run too, where they can; a
    /// file that was named is in all of `modes`, if only as skipped.
    std::vector<std::string> foreign_modes;
    std::optional<vmm::RunMode> run;  ///< empty: stepped, unless a file is free-running by nature
    std::uint32_t repeat = 1;         ///< runs of each scenario in each mode
    std::uint32_t retries = 0;        ///< how often at most a run is played again that ended in an error
    std::uint64_t seed = 1;           ///< MachineConfig::seed of the first run; one more for each other
    bool migrate = false;             ///< every run goes on in a new machine before every step
    std::string migrate_to;           ///< with `migrate`: there and back in turns; see RunOptions
    std::string states;         ///< folder for the files that `save` writes, see states.hpp; none if empty
    bool kernel_trace = false;  ///< the kernel's own events join every trace
    bool recordings = false;    ///< results have the events of the run that they are from
    std::uint32_t jobs = 1;     ///< host threads, each with machines of its own
    TraceFile* trace_out = nullptr;  ///< gets the events of every run
    EarlierResults earlier;          ///< results of tasks that are not to be run
    /// Gets the records between Begin and End as the campaign goes on, one at a time, the results of
    /// `earlier` first; may be empty.
    std::function<void(const Record&)> record;
};

/// Fills in `modes` and `foreign_modes`. `all` is every mode this host offers; on a host that offers none
/// every mode, so that each is skipped with a reason. One who says `all` beside a KVM is about what that
/// runs: files for another architecture, which the model may run too, are wanted only where the model is
/// asked for by its name, or is all there is.
/// @param list names of modes and `all`, with commas
void choose_modes(const std::string& list, const vmm::Host& host, CampaignOptions& options);

/// The modes in which a file has a result. @param file one that could be loaded
std::vector<std::string> modes_of(const Loaded& file, const vmm::Host& host, const CampaignOptions& options);

/// How many tasks, and so results, a campaign has: a file in a mode, or a file that could not be loaded.
std::size_t count_tasks(std::span<const Loaded> files, const vmm::Host& host, const CampaignOptions& options);

/// Whether any of these tasks is of an architecture and a mode that such a host has.
bool any_can_be_played(std::span<const Loaded> files, const vmm::Host& host, const CampaignOptions& options);

/// The files that are in no mode, a line for each architecture: how many and why.
std::vector<std::string> left_out_files(std::span<const Loaded> files, const vmm::Host& host,
                                        const CampaignOptions& options);

/// Runs every scenario in every mode that concerns it; what has a result already only takes its place among
/// the results. Files that could not be loaded are among the results as errors. When interrupted, what has
/// not been run is left out; a scenario whose repeats had begun has those that are over.
/// @param report is told about progress, from the calling thread
/// @returns by file, then by mode, whatever the number of jobs
std::vector<Result> run_campaign(std::span<const Loaded> files, const vmm::Host& host,
                                 const CampaignOptions& options, const Surroundings& surroundings,
                                 const std::function<void(const ProgressState&)>& report);

/// The exit status that sums up the results.
ExitStatus exit_status(std::span<const Result> results, bool interrupted);

}  // namespace irqbench::tools
