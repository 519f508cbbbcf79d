#include "tools/lab/payload.hpp"

#include <fmt/format.h>

#include <array>
#include <span>
#include <stdexcept>
#include <string_view>

#include "tools/lab/decompress.hpp"
#include "tools/lab/mirror.hpp"
#include "tools/lab/modules.hpp"

// guest/init_images.S
extern "C" const char irqbench_lab_init_x86_64_begin[];
extern "C" const char irqbench_lab_init_x86_64_end[];
extern "C" const char irqbench_lab_init_arm64_begin[];
extern "C" const char irqbench_lab_init_arm64_end[];

namespace irqbench::tools::lab {

namespace {

/// A module to load, if this word is in /proc/cpuinfo.
struct Wanted {
    const char* word;
    const char* module;
};

std::span<const Wanted> wanted_by(Arch arch) {
    static constexpr std::array x86_64 = {Wanted{"svm", "kvm_amd"}, Wanted{"vmx", "kvm_intel"}};
    if (arch == Arch::x86_64) return x86_64;
    // KVM is no module there.
    return {};
}

/// Process 1. @throws std::runtime_error when this irqbench was built without it
std::string_view init_for(Arch arch) {
    const auto between = [](const char* begin, const char* end) {
        return std::string_view(begin, static_cast<std::size_t>(end - begin));
    };
    const std::string_view image = arch == Arch::x86_64
                                       ? between(irqbench_lab_init_x86_64_begin, irqbench_lab_init_x86_64_end)
                                       : between(irqbench_lab_init_arm64_begin, irqbench_lab_init_arm64_end);
    if (image.empty())
        throw std::runtime_error(fmt::format(
            "this irqbench was built without a compiler for {}, so it has no process 1 for it", word(arch)));
    return image;
}

void check_release(const Kernel& kernel, const std::filesystem::path& module, const std::string& release) {
    if (kernel.release.empty() || release.empty() || kernel.release == release) return;
    throw std::runtime_error(fmt::format("{} is built for Linux {}, and the kernel is Linux {}",
                                         module.string(), release, kernel.release));
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
    bool one_had = wanted_by(kernel.arch).empty();
    for (const auto& [word, module] : wanted_by(kernel.arch)) {
        const std::array names = {std::string(module)};
        const ModuleSet set = find_modules(kernel.modules, names);
        one_had = one_had || set.missing.empty();
        if (!set.missing.empty()) missing += fmt::format("{}{}", missing.empty() ? "" : " and ", module);
        for (const auto& file : set.files) {
            const std::string inside = fmt::format("/lab/modules.d/{}.ko", module_name(file));
            const std::string bytes = read_decompressed(file);
            check_release(kernel, file, module_release(bytes));
            initramfs.add_bytes(inside, bytes);
            list += fmt::format("{} {}\n", word, inside);
        }
    }
    if (!kernel.modules.empty() && !one_had)
        throw std::runtime_error(fmt::format("module missing: {} are neither in {} nor built in", missing,
                                             kernel.modules.string()));
    initramfs.add_bytes("/lab/modules", list);
    return !list.empty();
}

void add_job(Initramfs& initramfs, Arch arch, const Job& job, const std::string& library_path) {
    initramfs.add_bytes("/init", init_for(arch), Initramfs::executable);
    std::vector<std::string> arguments = {Program::guest_path};
    arguments.insert(arguments.end(), job.arguments.begin(), job.arguments.end());
    std::vector<std::string> environment = job.environment;
    if (!library_path.empty()) environment.push_back("LD_LIBRARY_PATH=" + library_path);
    initramfs.add_bytes("/lab/arguments", joined(arguments));
    initramfs.add_bytes("/lab/environment", joined(environment));
    initramfs.add_bytes("/lab/folder", job.folder.string());
    mirror(initramfs, job.folder);
    for (const auto& folder : job.folders) mirror(initramfs, folder);
    for (const auto& file : job.files) mirror(initramfs, file);
    // Last, because any of them may be a link on the host.
    for (const char* folder : {"/proc", "/sys", "/dev", "/tmp"}) initramfs.add_folder(folder);
}

}  // namespace irqbench::tools::lab
