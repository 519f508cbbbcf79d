#include "tools/lab/qemu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <system_error>
#include <utility>

#include "tools/lab/debian.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/process.hpp"
#include "tools/lab/program.hpp"

namespace irqbench::tools::lab {

namespace {

namespace fs = std::filesystem;

std::string text(const QemuVersion& version) {
    return fmt::format("{}.{}.{}", version.major, version.minor, version.micro);
}

std::string too_old(const std::string& name, const QemuVersion& version) {
    return fmt::format(
        "{} is {}; {}.{} is needed, because older ones lose boots of newer kernels when they emulate the CPU",
        name, text(version), needed_qemu.major, needed_qemu.minor);
}

std::string package_of(Arch arch) { return std::string(info(arch).qemu_package); }

fs::path place_of(const fs::path& cache, Arch arch) { return cache / "qemu" / word(arch); }

/// A QEMU that runs, or why it does not count.
struct Tried {
    std::optional<Qemu> qemu;
    std::string why_not;
};

/// @param name is for messages
Tried attempt(Qemu qemu, const std::string& name, const std::atomic<bool>& interrupted) {
    Output output;
    try {
        Command command{{qemu.program.string()}, qemu.environment, {}};
        command.arguments.insert(command.arguments.end(), qemu.arguments.begin(), qemu.arguments.end());
        command.arguments.emplace_back("--version");
        output = run_program(command, interrupted);
    } catch (const std::system_error& error) {
        return {{}, fmt::format("{} cannot be run: {}", name, error.code().message())};
    }
    if (interrupted.load()) throw Interrupted();
    if (output.status != 0) {
        const std::string said = output.err.substr(0, output.err.find('\n'));
        return {{},
                fmt::format("{} cannot be run: {}", name,
                            said.empty() ? fmt::format("exit status {}", output.status) : said)};
    }
    const auto version = parse_qemu_version(output.out);
    if (!version) return {{}, fmt::format("{} is no QEMU: it does not say its version", name)};
    if (*version < needed_qemu) return {{}, too_old(name, *version)};
    qemu.version = text(*version);
    return {std::move(qemu), {}};
}

Tried attempt_file(const fs::path& program, const std::atomic<bool>& interrupted) {
    return attempt({program, {}, {}, {}}, program.string(), interrupted);
}

/// The folders with shared libraries of a system that was extracted below a folder.
std::vector<fs::path> library_folders(const fs::path& root) {
    std::vector<fs::path> folders;
    for (const char* libraries : {"usr/lib", "lib"}) {
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(root / libraries, none))
            if (entry.is_directory() && entry.path().filename().string().ends_with("-linux-gnu"))
                folders.push_back(entry.path());
    }
    return folders;
}

/// The dynamic loader is told the folders of libraries as one list, ld.so(8).
std::string unfit_for_libraries(const fs::path& folder) {
    if (folder.native().find_first_of(":;") == std::string::npos) return {};
    return fmt::format("a QEMU in {} would not find its libraries, because of the ':' or ';' in that path",
                       folder.string());
}

/// A QEMU that was extracted with all libraries it needs. It is started by its own dynamic loader and C
/// library, so that it does not matter what the host has, or comes to have. Without a program if there is no
/// loader.
Qemu extracted(const fs::path& root, const std::string& name) {
    Qemu qemu{{}, {"--library-path"}, {"LD_PRELOAD="}, {}};
    std::string path;
    for (const fs::path& folder : library_folders(root)) {
        path += (path.empty() ? "" : ":") + folder.string();
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(folder, none))
            if (entry.path().filename().string().rfind("ld-linux", 0) == 0) qemu.program = entry.path();
    }
    const std::string program = root / "usr/bin" / name;
    qemu.arguments.insert(qemu.arguments.end(), {path, "--argv0", program, program});
    for (const char* firmware : {"usr/share/seabios", "usr/share/qemu"})
        if (fs::is_directory(root / firmware))
            qemu.arguments.insert(qemu.arguments.end(), {"-L", (root / firmware).string()});
    return qemu;
}

/// Moves what QEMU needs at run time, which is less than half of the packages.
void keep_needed(const fs::path& from, const fs::path& to, Arch arch) {
    for (const fs::path& each : {fs::path("lib"), fs::path("usr/lib"), fs::path("usr/share/qemu"),
                                 fs::path("usr/share/seabios"), "usr/bin" / fs::path(qemu_program(arch))}) {
        if (!fs::exists(from / each)) continue;
        fs::create_directories((to / each).parent_path());
        fs::rename(from / each, to / each);
    }
}

Tried cached_qemu(const fs::path& cache, Arch arch, const std::atomic<bool>& interrupted) {
    const fs::path place = place_of(cache, arch);
    if (cache.empty() || !fs::exists(place)) return {};
    if (const auto why_not = unfit_for_libraries(cache); !why_not.empty()) return {{}, why_not};
    return attempt(extracted(place, qemu_program(arch)), fmt::format("the QEMU in {}", place.string()),
                   interrupted);
}

/// `1:10.0.2+ds-2` of Debian is QEMU 10.0.2.
QemuVersion upstream(const std::string& debian) {
    return parse_qemu_version("version " + debian.substr(debian.find(':') + 1)).value_or(QemuVersion{});
}

/// Where to look, in this order: what runs elsewhere needs no more of a host than its kernel.
std::vector<std::string> suites_for(const HostSystem& host) {
    if (host.id != "debian" || host.codename.empty()) return {"stable"};
    return {host.codename, host.codename + "-backports", "stable"};
}

struct QemuOffer {
    std::string version;
    std::vector<std::string> packages;
};

QemuOffer find_offer(Arch arch, const Fetching& fetching, const Workspace& workspace,
                     std::optional<AptArea>& area) {
    const std::string mirror =
        choose_mirror(fetching.mirror,
                      fetching.mirror.empty() ? host_sources(fetching.interrupted) : std::vector<Source>());
    std::string seen;
    for (const std::string& suite : suites_for(host_system())) {
        if (area)
            area->add_source({mirror, suite});
        else
            area.emplace(fetching, workspace, debian_architecture(host_arch()), Source{mirror, suite});
        const auto version = area->version(package_of(arch));
        if (version && upstream(*version) >= needed_qemu)
            return {*version, area->simulate_install(package_of(arch), suite)};
        seen += fmt::format("{}{} has {}", seen.empty() ? "" : ", ", suite, version ? *version : "none");
    }
    throw Unavailable(
        fmt::format("Debian has no QEMU {}.{} or newer: {}", needed_qemu.major, needed_qemu.minor, seen));
}

}  // namespace

fs::path file_of(const Qemu& qemu) {
    const auto named = std::find(qemu.arguments.begin(), qemu.arguments.end(), "--argv0");
    return qemu.arguments.end() - named > 1 ? fs::path(named[1]) : qemu.program;
}

std::optional<QemuVersion> parse_qemu_version(const std::string& text) {
    static const std::regex pattern(R"(version (\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?)");
    std::smatch match;
    if (!std::regex_search(text, match, pattern)) return std::nullopt;
    return QemuVersion{std::stoi(match[1]), std::stoi(match[2]), match[3].matched ? std::stoi(match[3]) : 0};
}

std::string qemu_program(Arch arch) { return std::string(info(arch).qemu_program); }

QemuSearch find_qemu(Arch arch, const fs::path& cache, const std::atomic<bool>& interrupted) {
    QemuSearch search;
    if (const auto program = find_program(qemu_program(arch))) {
        Tried tried = attempt_file(*program, interrupted);
        if (tried.qemu) return {std::move(tried.qemu), {}};
        search.why_not = tried.why_not;
    } else {
        search.why_not = fmt::format("{} is not installed", qemu_program(arch));
    }
    Tried tried = cached_qemu(cache, arch, interrupted);
    if (tried.qemu) return {std::move(tried.qemu), {}};
    search.why_not += tried.why_not.empty() ? ", and none is in the cache" : "; " + tried.why_not;
    return search;
}

Qemu own_qemu(const fs::path& program, const std::atomic<bool>& interrupted) {
    const auto found = find_program(program.string());
    if (!found) throw Unavailable(fmt::format("{} is no program that is there", program.string()));
    // One that `irqbench lab qemu` has fetched, and names, has all it needs around it.
    const fs::path file = fs::canonical(*found);
    const fs::path root = file.parent_path().parent_path().parent_path();
    Qemu with_loader = extracted(root, file.filename());
    const bool is_extracted =
        root.has_relative_path() && file.parent_path() == root / "usr/bin" && !with_loader.program.empty();
    if (is_extracted)
        if (const auto why_not = unfit_for_libraries(root); !why_not.empty()) throw Unavailable(why_not);
    Tried tried = is_extracted ? attempt(std::move(with_loader), file.string(), interrupted)
                               : attempt_file(*found, interrupted);
    if (!tried.qemu) throw Unavailable(tried.why_not);
    return std::move(*tried.qemu);
}

Qemu fetch_qemu(Arch arch, const Fetching& fetching) {
    if (Tried tried = cached_qemu(fetching.cache, arch, fetching.interrupted); tried.qemu)
        return std::move(*tried.qemu);
    if (const auto why_not = unfit_for_libraries(fetching.cache); !why_not.empty())
        throw Unavailable(why_not + "; XDG_CACHE_HOME says where the cache goes");
    const Workspace workspace(fetching);
    if (Tried tried = cached_qemu(fetching.cache, arch, fetching.interrupted); tried.qemu)
        return std::move(*tried.qemu);

    std::optional<AptArea> area;
    const QemuOffer offer = find_offer(arch, fetching, workspace, area);
    fetching.progress(
        fmt::format("fetching {} {} in {} packages", package_of(arch), offer.version, offer.packages.size()));
    const fs::path files = workspace.make_folder("files");
    const fs::path prepared = workspace.make_folder("qemu");
    try {
        area->extract(offer.packages, files);
        keep_needed(files, prepared, arch);
    } catch (const fs::filesystem_error& error) {
        throw Unavailable(fmt::format("QEMU cannot be put into the cache: {}", error.what()));
    }
    if (Tried tried =
            attempt(extracted(prepared, qemu_program(arch)), offer.packages.back(), fetching.interrupted);
        !tried.qemu)
        throw Unavailable(fmt::format("QEMU was fetched, and does not work: {}", tried.why_not));
    workspace.publish(prepared, place_of(fetching.cache, arch));
    return cached_qemu(fetching.cache, arch, fetching.interrupted).qemu.value();
}

}  // namespace irqbench::tools::lab
