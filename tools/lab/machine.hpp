#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "tools/lab/channel.hpp"
#include "tools/lab/kernel.hpp"
#include "tools/lab/memory_file.hpp"
#include "tools/lab/process.hpp"
#include "tools/lab/qemu.hpp"

namespace irqbench::tools::lab {

/// How machines are made.
struct MachineSetup {
    Arch arch = Arch::x86_64;
    std::string accelerator = "tcg";  ///< QEMU's -accel
    unsigned cpus = 2;
    unsigned memory_mib = 1024;
    std::string append;      ///< more of the kernel's command line
    std::string gic = "v3";  ///< of arm64 machines: v2 or v3; KVM inside makes the same
    bool talkative = false;  ///< the console has all the kernel says, from early on
};

/// The command that boots a kernel.
/// @param initrd and console are paths
Command qemu_command(const Qemu& qemu, const Kernel& kernel, const MachineSetup& setup,
                     const std::string& initrd, const std::string& console);

/// One boot of a kernel under QEMU. It is killed when this goes.
class Machine {
  public:
    /// @param initrd must outlive this
    /// @throws std::system_error when QEMU cannot be started
    Machine(const Qemu& qemu, const Kernel& kernel, const MachineSetup& setup, const MemoryFile& initrd);

    /// Waits for the machine to say something, at most this long, and passes on all there is.
    /// @returns false once QEMU has ended and everything was passed on
    bool listen(std::chrono::milliseconds most, const std::function<void(Said)>& hear);
    /// The program inside gets SIGINT.
    void interrupt();
    void kill() { qemu_.kill(); }

    /// What the kernel has printed so far.
    [[nodiscard]] std::string console() const;
    /// What QEMU itself complained of.
    [[nodiscard]] const std::string& complaints() const { return complaints_; }
    /// QEMU's exit status, as Process::poll().
    int status() { return qemu_.wait(); }

  private:
    MemoryFile console_;
    Process qemu_;
    Lines lines_;
    std::string complaints_;
    bool out_open_ = true;
    bool err_open_ = true;
};

}  // namespace irqbench::tools::lab
