#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/report/records.hpp"

namespace irqbench::tools::lab {

/// The tasks of a run that goes on over several boots, as its records tell.
class Tasks {
  public:
    void begin_boot();
    void take(const record::Begin&) { begun_ = true; }
    void take(const record::Started& started) { under_way_.emplace(started.index, started); }
    void take(const record::Finished& finished);

    /// The run has begun in this boot.
    [[nodiscard]] bool begun() const { return begun_; }
    /// The task is over for good.
    [[nodiscard]] bool has(std::uint64_t index) const;
    /// The only one that can have been at work when the machine hung; nothing if there are several.
    [[nodiscard]] std::optional<record::Started> culprit() const;
    [[nodiscard]] std::size_t suspects() const { return under_way_.size(); }
    /// `split x86/pic/rotation.json`, or how many.
    [[nodiscard]] std::string running() const;
    /// The records of what is over, for a run that goes on with the rest.
    [[nodiscard]] std::string lines() const;
    [[nodiscard]] bool any() const { return !results_.empty(); }
    /// In the order of the report.
    [[nodiscard]] std::vector<Result> results() const;

  private:
    bool begun_ = false;
    std::map<std::uint64_t, record::Started> under_way_;
    std::map<std::uint64_t, record::Finished> results_;
};

}  // namespace irqbench::tools::lab
