#pragma once

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/lab/cache.hpp"

namespace irqbench::tests {

/// A temporary folder whose bin/ is the first in PATH while this lives.
class FakeHost {
  public:
    FakeHost();
    ~FakeHost();
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;

    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
    [[nodiscard]] std::filesystem::path cache() const { return folder_ / "cache"; }
    /// @param path relative to folder(). @returns it, absolute
    std::filesystem::path file(const std::filesystem::path& path, const std::string& text) const;
    /// A program in bin/. @param script for sh(1)
    std::filesystem::path program(const std::string& name, const std::string& script) const;
    [[nodiscard]] std::string read(const std::filesystem::path& path) const;
    [[nodiscard]] bool exists(const std::filesystem::path& path) const;

    /// Into cache(), telling `told`.
    [[nodiscard]] tools::lab::Fetching fetching();

    std::atomic<bool> interrupted{false};
    std::vector<std::string> told;

  private:
    std::filesystem::path folder_;
    std::string path_;
};

/// A host whose apt tools are shell scripts that serve from files in its folder:
/// madison.SUITE.PACKAGE or madison.any.PACKAGE, show.PACKAGE, simulation, and the folders package.NAME. What
/// they are called with is in `calls`; `update` and `download` are run, if they are there, in place of each.
class FakeDebian : public FakeHost {
  public:
    FakeDebian();

    /// A suite has a package in this version, whose files are below package.NAME.
    void offer(const std::string& suite, const std::string& name, const std::string& version,
               const std::string& depends = "") const;
    [[nodiscard]] std::string calls() const { return exists("calls") ? read("calls") : ""; }
    /// How often a call with this in it was made.
    [[nodiscard]] std::size_t calls_of(const std::string& text) const;
};

/// Precondition of tests that get as far as to an apt area: skips them, and prints the reason.
boost::test_tools::assertion_result needs_keyring(boost::unit_test::test_unit_id);

/// Bytes of a bzImage's header, as far as anybody looks.
std::string fake_bzimage(const std::string& release);
/// Bytes of an arm64 Image.
std::string fake_arm64_image(const std::string& release);

}  // namespace irqbench::tests
