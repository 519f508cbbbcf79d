#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace irqbench::tools::lab {

/// What becomes of the modules that are wanted of a kernel.
struct ModuleSet {
    std::vector<std::filesystem::path> files;  ///< to load in this order, each once, with all they need
    std::vector<std::string> built_in;         ///< wanted, and part of the kernel itself
    std::vector<std::string> missing;          ///< wanted, and not had by this kernel
};

/// Looks up modules and what they depend on in the folder of modules.dep (modules.dep(5)) and
/// modules.builtin. In names '-' and '_' are the same, as they are for modprobe(8).
/// @param folder Kernel::modules; where that is empty, so are the files, and everything is missing
/// @throws std::runtime_error when modules.dep cannot be read or names a file that is not there
ModuleSet find_modules(const std::filesystem::path& folder, std::span<const std::string> wanted);

/// The release a module is built for: `vermagic` in what modinfo(8) shows of it; empty if that is not there.
/// @param bytes of the module, decompressed
std::string module_release(std::string_view bytes);

/// Why a kernel did not take a module, for whoever named its folder.
/// @param error of finit_module(2), in words
/// @param release of the kernel; empty if that is not known
std::string module_complaint(const std::string& file, const std::string& error, const std::string& release);

/// The name a module file goes by: `kvm_amd` of `kernel/arch/x86/kvm/kvm-amd.ko.xz`.
std::string module_name(const std::filesystem::path& file);

}  // namespace irqbench::tools::lab
