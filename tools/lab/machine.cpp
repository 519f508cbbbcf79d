#include "tools/lab/machine.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace irqbench::tools::lab {

namespace {

/// What differs between the architectures.
struct Board {
    std::vector<std::string> machine;  ///< QEMU's arguments
    const char* emulated_cpu;          ///< has the virtualisation extension, and is fast enough
    std::vector<std::string> channel;  ///< QEMU's arguments; the second serial port or the like
    const char* kernel_arguments;
    const char* early_console;
};

// The rest of the kernel's command line only makes the boot shorter: 4 s become 1.5 s.
constexpr const char* quick = "panic=-1 cryptomgr.notests lsm= nokaslr audit=0 mitigations=off";

Board board(const MachineSetup& setup) {
    if (setup.arch == Arch::x86_64)
        return {{"-machine", "q35"},
                "max",
                {"-serial", "chardev:channel"},
                // Each end of a VM waits for grace periods.
                "console=ttyS0 no_timer_check 8250.nr_uarts=2 rcupdate.rcu_expedited=1 "
                "irqbench.channel=/dev/ttyS1",
                "earlyprintk=ttyS0,115200"};
    // Its one UART is the console's.
    return {{"-machine", fmt::format("virt,virtualization=on,gic-version={}", setup.gic.substr(1))},
            "neoverse-n1",
            {"-device", "pci-serial,chardev=channel"},
            "console=ttyAMA0 kpti=0 irqbench.channel=/dev/ttyS0",
            "earlycon"};
}

/// What there is, but not for ever. @returns whether the stream goes on
bool read_some(const vmm::kvm::Fd& fd, const std::function<void(std::string_view)>& use) {
    std::array<char, 65536> buffer{};
    for (int pieces = 0; pieces < 64; ++pieces) {
        const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
        if (count == 0) return false;
        if (count < 0) return errno == EAGAIN || errno == EINTR;
        use({buffer.data(), static_cast<std::size_t>(count)});
    }
    return true;
}

}  // namespace

Command qemu_command(const Qemu& qemu, const Kernel& kernel, const MachineSetup& setup,
                     const std::string& initrd, const std::string& console) {
    const Board it = board(setup);
    const bool emulated = setup.accelerator == "tcg";
    Command command{{qemu.program.string()}, qemu.environment, {}};
    const auto add = [&command](const std::vector<std::string>& more) {
        command.arguments.insert(command.arguments.end(), more.begin(), more.end());
    };
    add(qemu.arguments);
    add({"-name", "irqbench-lab"});
    add(it.machine);
    add({"-accel", emulated ? "tcg,thread=multi" : setup.accelerator});
    add({"-cpu", emulated ? it.emulated_cpu : "host"});
    add({"-smp", fmt::format("{}", setup.cpus), "-m", fmt::format("{}", setup.memory_mib)});
    add({"-display", "none", "-nodefaults", "-no-user-config", "-no-reboot"});
    add({"-serial", "file:" + console});
    add({"-chardev", "stdio,id=channel,signal=off"});
    add(it.channel);
    add({"-kernel", kernel.image.string(), "-initrd", initrd});
    add({"-append", fmt::format("{} {} {} {}", it.kernel_arguments, quick,
                                setup.talkative ? it.early_console : "quiet", setup.append)});
    return command;
}

Machine::Machine(const Qemu& qemu, const Kernel& kernel, const MachineSetup& setup, const MemoryFile& initrd)
    : console_("console"), qemu_(qemu_command(qemu, kernel, setup, initrd.path(), console_.path())) {}

bool Machine::listen(std::chrono::milliseconds most, const std::function<void(Said)>& hear) {
    std::array<pollfd, 2> fds{
        {{out_open_ ? qemu_.out().get() : -1, POLLIN, 0}, {err_open_ ? qemu_.err().get() : -1, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), static_cast<int>(most.count())) <= 0) return out_open_ || err_open_;
    if (fds[0].revents != 0)
        out_open_ = read_some(qemu_.out(), [&](std::string_view bytes) {
            lines_.add(bytes, [&hear](std::string_view line) {
                if (auto said = parse_said(line)) hear(std::move(*said));
            });
        });
    if (fds[1].revents != 0)
        err_open_ = read_some(qemu_.err(), [this](std::string_view bytes) {
            constexpr std::size_t enough = 65536;
            if (complaints_.size() < enough) complaints_ += bytes;
        });
    return out_open_ || err_open_;
}

void Machine::interrupt() {
    // A machine that no longer reads is dealt with by its time-out.
    qemu_.write("interrupt\n");
}

std::string Machine::console() const {
    std::string text = console_.content();
    text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
    return text;
}

}  // namespace irqbench::tools::lab
