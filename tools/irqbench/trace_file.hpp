#pragma once

#include <atomic>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tools/report/result.hpp"

namespace irqbench::tools {

/// Whether a file of that name gets Chrome's trace events; else it gets JSON lines.
bool is_chrome_trace(const std::string& path);

/// The file of `--trace-out`. Several threads may add to it.
class TraceFile {
  public:
    /// @param path empty: there is none
    explicit TraceFile(std::string path) : path_(std::move(path)) {}

    [[nodiscard]] bool wanted() const { return !path_.empty(); }
    [[nodiscard]] const std::string& path() const { return path_; }

    /// Begins it anew.
    /// @returns false when it cannot be written, with errno
    bool open();

    /// @param attempt which one it was of those that were played again, see CampaignOptions::retries; none:
    /// it
    ///        is the one that counts
    /// @param failure of that run, if any
    void add(const Result& result, std::uint32_t run, std::optional<std::uint32_t> attempt,
             const std::vector<vmm::Event>& trace, const scenarios::Failure* failure);

    /// A line of such a file that somebody else wrote, with what `label` makes of the kernel's release.
    /// @param writer a number for each of those whose lines come here
    /// @param label empty: it stays as it is
    void add_line(const std::string& line, std::size_t writer,
                  const std::function<std::string(const std::string&)>& label);

    /// Ends it, if it was begun.
    /// @returns false after it has said that writing failed
    bool close();

  private:
    void add_element(const std::string& json);

    std::string path_;
    std::atomic<std::uint64_t> processes_ = 0;
    std::mutex mutex_;  ///< of what follows
    std::ofstream file_;
    bool has_elements_ = false;
    /// What a process of another writer is called here.
    std::map<std::pair<std::size_t, std::uint64_t>, std::uint64_t> renumbered_;
};

}  // namespace irqbench::tools
