#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "tests/scenarios/engine/fake_machine.hpp"
#include "tools/irqbench/cli.hpp"

namespace irqbench::tests {

/// The command in a folder of its own, on a host whose machines are fakes: an MSI is taken, lines do nothing.
class Cli {
  public:
    Cli();
    ~Cli();
    Cli(const Cli&) = delete;
    Cli& operator=(const Cli&) = delete;

    /// @returns the exit status; see `out` and `err`
    int run(const std::vector<std::string>& arguments);

    /// Writes a file into the folder. @returns its path
    std::string file(const std::string& name, const std::string& text) const;
    [[nodiscard]] std::string folder() const { return folder_.string(); }
    [[nodiscard]] std::string read(const std::string& name) const;

    std::string out;
    std::string err;
    vmm::Host host;
    std::map<std::string, std::string> environment;
    bool terminal = false;
    bool out_is_full = false;  ///< nothing can be written to the output
    bool has_model = false;    ///< machines of model mode are no fakes
    std::atomic<bool> interrupted{false};
    std::function<void(FakeMachine&)> prepare;             ///< is shown every machine that is made
    std::function<void(const vmm::MachineConfig&)> asked;  ///< is shown what each is to be
    std::atomic<int> machines{0};

  private:
    std::filesystem::path folder_;
};

/// A scenario file of that name whose steps are these.
std::string scenario_text(const std::string& name, const std::string& steps, const std::string& more = "");

/// Steps that pass, fail and cannot be proven on the fake machine.
inline const std::string passing_steps = R"({ "msi": { "vector": "0x51" } }, { "ack": "0x51" })";
inline const std::string failing_steps = R"({ "msi": { "vector": "0x51" } }, { "ack": "0x61" })";

}  // namespace irqbench::tests
