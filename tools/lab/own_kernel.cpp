#include "tools/lab/own_kernel.hpp"

#include <fmt/format.h>

#include <set>
#include <system_error>

#include "tools/lab/error.hpp"
#include "tools/lab/kernel_image.hpp"

namespace irqbench::tools::lab {

namespace {

namespace fs = std::filesystem;

bool has_modules(const fs::path& folder) {
    return fs::exists(folder / "modules.dep") || fs::exists(folder / "modules.order") ||
           fs::is_directory(folder / "kernel");
}

/// The folders of releases below what the user names: lib/modules, or the root above that.
std::set<fs::path> release_folders(const fs::path& named) {
    std::set<fs::path> found;
    for (const char* folder : {"", "lib/modules", "usr/lib/modules"}) {
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(named / folder, none))
            // With a merged /usr both names lead to the same.
            if (has_modules(entry.path())) found.insert(fs::canonical(entry.path()));
    }
    return found;
}

std::string list(const std::set<fs::path>& folders) {
    std::string names;
    for (const fs::path& each : folders) names += (names.empty() ? "" : ", ") + each.filename().string();
    return names;
}

fs::path with_modules_dep(const fs::path& folder) {
    if (fs::exists(folder / "modules.dep")) return folder;
    // depmod -b takes what lib/modules/RELEASE is below.
    const fs::path root = folder.parent_path().parent_path().parent_path();
    throw Unavailable(fmt::format("{} has no modules.dep: run `depmod -b {} {}`", folder.string(),
                                  root.string(), folder.filename().string()));
}

fs::path find_modules_folder(const fs::path& named, const std::string& release) {
    if (!fs::is_directory(named))
        throw Unavailable(fmt::format("{} is no folder of modules", named.string()));
    if (has_modules(named)) return with_modules_dep(fs::canonical(named));
    const auto folders = release_folders(named);
    for (const fs::path& each : folders)
        if (each.filename() == release) return with_modules_dep(each);
    if (release.empty() && folders.size() == 1) return with_modules_dep(*folders.begin());
    if (release.empty() && folders.size() > 1)
        throw Unavailable(
            fmt::format("{} has modules of several releases, {}, and the image does not say its "
                        "own: name the folder of one",
                        named.string(), list(folders)));
    throw Unavailable(
        fmt::format("{} has no modules of {}{}: `make modules_install INSTALL_MOD_PATH={}` puts them there",
                    named.string(), release.empty() ? "any release" : release,
                    folders.empty() ? "" : fmt::format(", but of {}", list(folders)), named.string()));
}

}  // namespace

Kernel own_kernel(const fs::path& image, const fs::path& modules, std::optional<Arch> arch) {
    const ImageInfo info = inspect_image(image);
    if (arch && *arch != info.arch)
        throw Unavailable(fmt::format("{} is a kernel for {}, and machines of {} are asked for",
                                      image.string(), word(info.arch), word(*arch)));
    Kernel kernel{image.string(), info.arch, info.release, {}, fs::absolute(image), {}};
    if (!modules.empty()) kernel.modules = find_modules_folder(modules, info.release);
    return kernel;
}

}  // namespace irqbench::tools::lab
