#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/lab/process.hpp"
#include "tools/lab/qemu.hpp"
#include "vmm/kvm/fd.hpp"

namespace irqbench::tests::qemu {

/// A stream socket on which lines come and go.
class Line {
  public:
    /// Waits for QEMU to connect to `path`.
    /// @throws std::runtime_error when it does not, or ends
    static Line accept(const vmm::kvm::Fd& listening, tools::lab::Process& process);

    void send(const std::string& text);
    /// @throws std::runtime_error at the end of the stream, or when nothing comes for long
    std::string receive();

  private:
    explicit Line(vmm::kvm::Fd fd) : fd_(std::move(fd)) {}

    vmm::kvm::Fd fd_;
    std::string buffer_;
};

/// A QEMU whose CPUs do not run, its qtest and its monitor. See docs/devel/testing/qtest.rst of QEMU.
class Connection {
  public:
    /// @param arguments say what machine it is
    /// @throws std::runtime_error, std::system_error when QEMU does not come up
    Connection(const tools::lab::Qemu& qemu, const std::vector<std::string>& arguments);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    Line& qtest() { return *qtest_; }
    nlohmann::json execute(const nlohmann::json& request);
    /// A property of an object, null if it has none of that name.
    nlohmann::json property(const std::string& path, const std::string& name);
    /// Everything as after power-on.
    void reset();
    /// What QEMU wrote to its standard error since the last time.
    std::string take_errors();

  private:
    std::filesystem::path folder_;
    std::unique_ptr<tools::lab::Process> process_;
    std::unique_ptr<Line> qtest_;
    std::unique_ptr<Line> qmp_;
    /// A RESET event came.
    bool was_reset_ = false;
};

}  // namespace irqbench::tests::qemu
