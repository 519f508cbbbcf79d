#include "tools/lab/kernels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <system_error>

#include "tools/lab/debian.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/kernel_image.hpp"
#include "tools/lab/modules.hpp"
#include "tools/lab/process.hpp"

namespace irqbench::tools::lab {

namespace {

namespace fs = std::filesystem;

/// The suite comes first whose kernel the lab was measured with.
constexpr std::array<NamedKernel, 5> all_named{{
    {"5.10", {"bullseye"}},
    {"6.1", {"bookworm"}},
    {"6.12", {"bookworm-backports", "trixie"}},
    {"7.2", {"sid", "testing"}},
    {"sid", {"sid"}},
}};

/// What a machine of the lab may load: KVM, and the way out of the machine.
const std::vector<std::string> kept_modules{"irqbypass", "ccp",        "kvm",           "kvm_amd",
                                            "kvm_intel", "virtio_pci", "virtio_console"};

fs::path place_of(const fs::path& cache, Arch arch, std::string_view name) {
    return cache / "kernels" / word(arch) / name;
}

const NamedKernel& find_named(std::string_view name) {
    for (const NamedKernel& each : all_named)
        if (each.name == name) return each;
    throw Unavailable(fmt::format("there is no kernel named {}; there are {}, and any image by its path",
                                  name, kernel_names()));
}

/// 7.2 is 7.2.13-1, but neither 7.20.1-1 nor 7.3.1-1; a suite's name takes what is there.
bool is_of(const NamedKernel& kernel, const std::string& version) {
    return kernel.name == kernel.suites.front() || version.rfind(fmt::format("{}.", kernel.name), 0) == 0 ||
           version.rfind(fmt::format("{}-", kernel.name), 0) == 0;
}

/// Where Debian has a kernel.
struct Offer {
    std::string suite;
    std::string version;
    std::string image_package;          ///< `linux-image-RELEASE`
    std::vector<std::string> packages;  ///< with what is needed of it, as NAME=VERSION
    std::uint64_t size_bytes = 0;       ///< to download
    [[nodiscard]] std::string release() const { return image_package.substr(std::strlen("linux-image-")); }
};

/// Resolves the meta package. Newer kernels are split into linux-base-RELEASE, linux-binary-RELEASE and
/// linux-modules-RELEASE; linux-image-RELEASE depends on them and is empty itself.
Offer resolve(const AptArea& area, const std::string& meta, const std::string& suite,
              const std::string& version) {
    Offer offer{suite, version, {}, {}, 0};
    for (const std::string& each : area.show(meta, version).depends)
        if (each.rfind("linux-image-", 0) == 0) offer.image_package = each;
    if (offer.image_package.empty())
        throw Unavailable(fmt::format("{} {} in {} depends on no kernel", meta, version, suite));
    std::vector<std::string> names{offer.image_package};
    for (const std::string& each : area.show(offer.image_package, version).depends)
        if (each.ends_with("-" + offer.release())) names.push_back(each);
    for (const std::string& name : names) {
        const Package package = area.show(name, version);
        offer.packages.push_back(fmt::format("{}={}", name, package.version));
        offer.size_bytes += package.size_bytes;
    }
    return offer;
}

/// The first file whose name begins so, below a folder.
std::optional<fs::path> find_file(const fs::path& below, const std::string& beginning) {
    for (const auto& entry : fs::recursive_directory_iterator(below))
        if (entry.is_regular_file() && entry.path().filename().string().rfind(beginning, 0) == 0)
            return entry.path();
    return std::nullopt;
}

void run_depmod(const fs::path& root, const std::string& release, const Fetching& fetching) {
    const auto depmod = find_program("depmod");
    if (!depmod) throw Unavailable("depmod is not here: install kmod");
    const Output output = run_program({{depmod->string(), "-b", root.string(), release}, {"LC_ALL=C"}, {}},
                                      fetching.interrupted);
    if (fetching.interrupted.load()) throw Interrupted();
    if (output.status != 0)
        throw Unavailable(fmt::format("depmod failed: {}", output.err.substr(0, output.err.find('\n'))));
}

/// Copies what is kept of the modules, with modules.dep cut down to it.
void keep_modules(const fs::path& from, const fs::path& to) {
    fs::create_directories(to);
    std::set<std::string> kept;
    for (const fs::path& file : find_modules(from, kept_modules).files) {
        const fs::path relative = file.lexically_relative(from);
        fs::create_directories((to / relative).parent_path());
        fs::copy_file(file, to / relative);
        kept.insert(relative.string());
    }
    std::ifstream all(from / "modules.dep");
    std::ofstream cut(to / "modules.dep");
    for (std::string line; std::getline(all, line);)
        if (kept.count(line.substr(0, line.find(':'))) != 0) cut << line << '\n';
    if (!cut.flush()) throw Unavailable(fmt::format("{} cannot be written", (to / "modules.dep").string()));
    if (fs::exists(from / "modules.builtin")) fs::copy_file(from / "modules.builtin", to / "modules.builtin");
}

/// The folder of the release's modules below a root, whether /usr is merged or not.
fs::path modules_below(const fs::path& root, const std::string& release) {
    for (const char* folder : {"lib/modules", "usr/lib/modules"})
        if (fs::is_directory(root / folder / release)) return root / folder / release;
    throw Unavailable(fmt::format("the package of {} has no modules", release));
}

/// Makes the folder of the cache from the packages' files.
void prepare(const fs::path& files, const fs::path& prepared, const NamedKernel& kernel, Arch arch,
             const Offer& offer, const Fetching& fetching) {
    const auto image = find_file(files, "vmlinuz");
    if (!image) throw Unavailable(fmt::format("no kernel image is in {}", offer.packages.front()));
    const ImageInfo info = inspect_image(*image);
    if (info.arch != arch)
        throw Unavailable(fmt::format("{} has a kernel for {}", offer.packages.front(), word(info.arch)));
    const fs::path modules = modules_below(files, offer.release());
    // depmod knows lib/modules only.
    if (!fs::exists(files / "lib")) fs::create_directory_symlink("usr/lib", files / "lib");
    run_depmod(files, offer.release(), fetching);
    keep_modules(modules, prepared / "modules");
    fs::rename(*image, prepared / "image");
    if (const auto config = find_file(files, "config")) fs::rename(*config, prepared / "config");
    const nlohmann::ordered_json record{
        {"name", kernel.name},  {"arch", word(arch)},       {"release", offer.release()},
        {"suite", offer.suite}, {"version", offer.version}, {"packages", offer.packages},
    };
    std::ofstream json(prepared / "kernel.json");
    json << record.dump(2) << '\n' << std::flush;
    if (!json) throw Unavailable(fmt::format("{} cannot be written", (prepared / "kernel.json").string()));
}

/// @param seen is told what the suites have instead
std::optional<Offer> find_offer(const NamedKernel& kernel, Arch arch, const Fetching& fetching,
                                const Workspace& workspace, const std::string& mirror,
                                std::optional<AptArea>& area, std::string& seen) {
    const std::string meta = "linux-image-cloud-" + debian_architecture(arch);
    for (const std::string_view suite : kernel.suites) {
        if (suite.empty()) continue;
        area.emplace(fetching, workspace, debian_architecture(arch), Source{mirror, std::string(suite)});
        const auto version = area->version(meta);
        if (version && is_of(kernel, *version)) return resolve(*area, meta, std::string(suite), *version);
        if (!seen.empty()) seen += ", ";
        seen += fmt::format("{} has {}", suite, version ? *version : "no " + meta);
        fetching.progress(fmt::format("{}: {} by now", kernel.name, seen));
    }
    return std::nullopt;
}

}  // namespace

std::span<const NamedKernel> named_kernels() { return all_named; }

std::string kernel_names() {
    std::string names;
    for (const NamedKernel& each : all_named) names += (names.empty() ? "" : ", ") + std::string(each.name);
    return names;
}

std::optional<Kernel> cached_kernel(const fs::path& cache, Arch arch, std::string_view name) {
    const fs::path place = place_of(cache, arch, name);
    std::ifstream file(place / "kernel.json");
    const auto record = nlohmann::json::parse(file, nullptr, false);
    if (!record.is_object() || !fs::exists(place / "image")) return std::nullopt;
    return Kernel{
        std::string(name), arch, record.value("release", ""), record.value("version", ""), place / "image",
        place / "modules"};
}

Kernel fetch_kernel(std::string_view name, Arch arch, const Fetching& fetching, bool update) {
    const NamedKernel& kernel = find_named(name);
    if (const auto cached = cached_kernel(fetching.cache, arch, name); cached && !update) return *cached;
    const std::string mirror =
        choose_mirror(fetching.mirror,
                      fetching.mirror.empty() ? host_sources(fetching.interrupted) : std::vector<Source>());
    const Workspace workspace(fetching);
    // Another one may have fetched it while this one waited.
    const auto cached = cached_kernel(fetching.cache, arch, name);
    if (cached && !update) return *cached;

    std::optional<AptArea> area;
    std::string seen;
    const auto offer = find_offer(kernel, arch, fetching, workspace, mirror, area, seen);
    if (!offer && cached) {
        fetching.progress(fmt::format("{} stays as it is, {}: {}", name, cached->package_version, seen));
        return *cached;
    }
    if (!offer)
        throw Unavailable(fmt::format(
            "Debian has no {} for {} any more: {}; `sid` names whatever sid has, and any image may "
            "be named by its path",
            name, word(arch), seen));
    if (cached && cached->package_version == offer->version) return *cached;

    fetching.progress(fmt::format("fetching {} {} ({}), {:.1f} MB", name, offer->version, word(arch),
                                  static_cast<double>(offer->size_bytes) / 1e6));
    const fs::path files = workspace.make_folder("files");
    const fs::path prepared = workspace.make_folder("kernel");
    try {
        area->extract(offer->packages, files);
        prepare(files, prepared, kernel, arch, *offer, fetching);
    } catch (const fs::filesystem_error& error) {
        throw Unavailable(
            fmt::format("{} cannot be put into the cache: {}", offer->packages.front(), error.what()));
    }
    workspace.publish(prepared, place_of(fetching.cache, arch, name));
    return cached_kernel(fetching.cache, arch, name).value();
}

}  // namespace irqbench::tools::lab
