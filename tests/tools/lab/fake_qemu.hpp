#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tools/lab/qemu.hpp"
#include "tools/report/records.hpp"

namespace irqbench::tests {

/// A task that passed: `scenario N` of `fileN` in split mode.
tools::record::Finished finished(std::uint64_t index, const std::string& kernel = "6.1-test");

/// Stands for QEMU: a shell script that says what a machine would.
class FakeQemu {
  public:
    FakeQemu();
    ~FakeQemu();
    FakeQemu(const FakeQemu&) = delete;
    FakeQemu& operator=(const FakeQemu&) = delete;

    /// @param script is a body of sh(1), run in the folder: $boot counts from 1, $kernel, $initrd and
    /// $console are files, $append is the kernel's command line; `up`, or `up RELEASE`, says that KVM is
    /// there, `off` ends
    tools::lab::Qemu qemu(const std::string& script);
    /// A line of sh that says what a run would write: a record.
    std::string says(const tools::Record& record);
    /// A line of sh that says that the program wrote this to a stream, `out`, `err`, `trace` or `log`.
    static std::string writes(const std::string& stream, const std::string& text);

    [[nodiscard]] std::filesystem::path folder() const { return folder_; }
    /// @returns the text of a file in the folder
    [[nodiscard]] std::string read(const std::string& name) const;

  private:
    std::filesystem::path folder_;
    int records_ = 0;
};

}  // namespace irqbench::tests
