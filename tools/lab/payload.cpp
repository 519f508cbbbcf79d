#include "tools/lab/payload.hpp"

#include <fmt/format.h>

#include <array>
#include <span>
#include <stdexcept>

#include "tools/lab/decompress.hpp"
#include "tools/lab/modules.hpp"

extern "C" const char irqbench_lab_init_begin[];
extern "C" const char irqbench_lab_init_end[];

namespace irqbench::tools::lab {

namespace {

/// A module to load, if this word is in /proc/cpuinfo; `any`: always.
struct Wanted {
    const char* word;
    const char* module;
    bool needed;  ///< among those of one kernel, at least one must be had
};

std::span<const Wanted> wanted_by(Arch arch) {
    static constexpr std::array x86_64 = {Wanted{"svm", "kvm_amd", true}, Wanted{"vmx", "kvm_intel", true}};
    // Its KVM is no module, but the channel may be.
    static constexpr std::array arm64 = {Wanted{"any", "virtio_pci", false},
                                         Wanted{"any", "virtio_console", false}};
    if (arch == Arch::x86_64) return x86_64;
    return arm64;
}

std::string joined(const std::vector<std::string>& strings) {
    std::string text;
    for (const auto& each : strings) text += each + '\0';
    return text;
}

}  // namespace

bool add_kernel_modules(Initramfs& initramfs, const Kernel& kernel) {
    std::string list;
    std::string missing;
    bool one_needed = false;
    bool one_had = false;
    for (const Wanted& wanted : wanted_by(kernel.arch)) {
        const std::array names = {std::string(wanted.module)};
        const ModuleSet set = find_modules(kernel.modules, names);
        one_needed = one_needed || wanted.needed;
        one_had = one_had || (wanted.needed && set.missing.empty());
        if (!set.missing.empty()) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", wanted.module);
        for (const auto& file : set.files) {
            const std::string inside = fmt::format("/lab/modules.d/{}.ko", module_name(file));
            initramfs.add_bytes(inside, read_decompressed(file));
            list += fmt::format("{} {}\n", wanted.word, inside);
        }
    }
    if (!kernel.modules.empty() && one_needed && !one_had)
        throw std::runtime_error(
            fmt::format("module missing: {} has no {}, and the kernel has none of them built in",
                        kernel.modules.string(), missing));
    initramfs.add_bytes("/lab/modules", list);
    return !list.empty();
}

void add_job(Initramfs& initramfs, const Job& job, const std::string& library_path) {
    initramfs.add_bytes(
        "/init", {irqbench_lab_init_begin, static_cast<std::size_t>(irqbench_lab_init_end - irqbench_lab_init_begin)},
        true);
    for (const char* folder : {"/proc", "/sys", "/dev", "/tmp"}) initramfs.add_folder(folder);
    std::vector<std::string> arguments = {Program::guest_path};
    arguments.insert(arguments.end(), job.arguments.begin(), job.arguments.end());
    std::vector<std::string> environment = job.environment;
    if (!library_path.empty()) environment.push_back("LD_LIBRARY_PATH=" + library_path);
    initramfs.add_bytes("/lab/arguments", joined(arguments));
    initramfs.add_bytes("/lab/environment", joined(environment));
    initramfs.add_bytes("/lab/folder", job.folder.string());
    initramfs.add_folder(job.folder);
    for (const auto& folder : job.folders) initramfs.add_folder(folder);
    for (const auto& file : job.files) initramfs.add_file(file, file);
}

}  // namespace irqbench::tools::lab
