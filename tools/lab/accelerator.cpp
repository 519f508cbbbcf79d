#include "tools/lab/accelerator.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "tools/lab/error.hpp"
#include "tools/lab/program.hpp"
#include "vmm/kvm/fd.hpp"

namespace irqbench::tools::lab {

namespace {

[[noreturn]] void refuse(const std::string& reason) {
    throw Unavailable(
        fmt::format("--accel kvm needs nested virtualisation, and {}; --accel tcg needs none", reason));
}

}  // namespace

void check_kvm_nests(Arch arch, const std::filesystem::path& root) {
    if (arch != host_arch())
        refuse(fmt::format("machines of {} are no guests of this host's KVM", word(arch)));
    const auto device = root / "dev/kvm";
    if (!vmm::kvm::Fd(::open(device.c_str(), O_RDWR | O_CLOEXEC)))
        refuse(fmt::format("{}: {}", device.string(), std::generic_category().message(errno)));
    if (arch != Arch::x86_64) return;
    for (const char* module : {"kvm_intel", "kvm_amd"}) {
        std::string nested;
        if (!(std::ifstream(root / "sys/module" / module / "parameters/nested") >> nested)) continue;
        if (nested == "Y" || nested == "1") return;
        refuse(fmt::format("{} has it switched off: `modprobe -r {} && modprobe {} nested=1`", module, module,
                           module));
    }
    refuse("the host's KVM is neither kvm_intel nor kvm_amd");
}

}  // namespace irqbench::tools::lab
