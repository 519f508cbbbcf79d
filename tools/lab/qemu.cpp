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

std::string too_old(const fs::path& program, const QemuVersion& version) {
    return fmt::format(
        "{} is {}; {}.{} is needed, because older ones lose boots of newer kernels when they emulate the CPU",
        program.string(), text(version), needed_qemu.major, needed_qemu.minor);
}

std::string package_of(Arch arch) { return arch == Arch::x86_64 ? "qemu-system-x86" : "qemu-system-arm"; }

fs::path place_of(const fs::path& cache, Arch arch) { return cache / "qemu" / word(arch); }

/// A QEMU that runs, or why it does not count.
struct Tried {
    std::optional<Qemu> qemu;
    std::string why_not;
};

Tried attempt(Qemu qemu, const std::atomic<bool>& interrupted) {
    Output output;
    try {
        output = run_program({{qemu.program.string(), "--version"}, qemu.environment, {}}, interrupted);
    } catch (const std::system_error& error) {
        return {{}, fmt::format("{} cannot be run: {}", qemu.program.string(), error.code().message())};
    }
    if (interrupted.load()) throw Interrupted();
    // 127 is what the dynamic loader ends with when a library is missing.
    if (output.status != 0)
        return {{},
                fmt::format("{} cannot be run: {}", qemu.program.string(),
                            output.err.empty() ? fmt::format("exit status {}", output.status)
                                               : output.err.substr(0, output.err.find('\n')))};
    const auto version = parse_qemu_version(output.out);
    if (!version)
        return {{}, fmt::format("{} is no QEMU: it does not say its version", qemu.program.string())};
    if (*version < needed_qemu) return {{}, too_old(qemu.program, *version)};
    qemu.version = text(*version);
    return {std::move(qemu), {}};
}

/// The parts of a QEMU that was extracted into a folder.
Qemu extracted(const fs::path& folder, Arch arch) {
    Qemu qemu{folder / "usr/bin" / qemu_program(arch), {}, {}, {}};
    for (const char* firmware : {"usr/share/seabios", "usr/share/qemu"})
        if (fs::is_directory(folder / firmware))
            qemu.arguments.insert(qemu.arguments.end(), {"-L", (folder / firmware).string()});
    std::string path;
    for (const char* libraries : {"usr/lib", "lib"}) {
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(folder / libraries, none))
            if (entry.is_directory() &&
                entry.path().filename().string().find("-linux-gnu") != std::string::npos)
                path += (path.empty() ? "" : ":") + entry.path().string();
    }
    qemu.environment.push_back("LD_LIBRARY_PATH=" + path);
    return qemu;
}

Tried cached_qemu(const fs::path& cache, Arch arch, const std::atomic<bool>& interrupted) {
    const fs::path place = place_of(cache, arch);
    if (!fs::exists(place)) return {};
    return attempt(extracted(place, arch), interrupted);
}

/// `1:10.0.2+ds-2` of Debian is QEMU 10.0.2.
QemuVersion upstream(const std::string& debian) {
    return parse_qemu_version("version " + debian.substr(debian.find(':') + 1)).value_or(QemuVersion{});
}

/// The packages of the first of the host's suite and its backports that is new enough.
struct QemuOffer {
    std::string version;
    std::vector<std::string> packages;
};

QemuOffer find_offer(Arch arch, const Fetching& fetching, const Workspace& workspace,
                     std::optional<AptArea>& area) {
    const HostSystem host = host_system();
    auto sources = host_sources(fetching.interrupted);
    const std::string mirror = choose_mirror(fetching.mirror, sources);
    if (host.id != "debian" || host.codename.empty())
        throw Unavailable(
            fmt::format("QEMU can be fetched on a release of Debian only, and this is {}; install QEMU {}.{} "
                        "or newer, or "
                        "name one with --qemu",
                        host.id.empty() ? "none" : host.id, needed_qemu.major, needed_qemu.minor));
    // What the host has installed may be from its updates, on whose exact versions other packages depend.
    if (const Source own{mirror, host.codename};
        std::find(sources.begin(), sources.end(), own) == sources.end())
        sources.insert(sources.begin(), own);
    std::string seen;
    area.emplace(fetching, workspace, AptArea::Setup{debian_architecture(host_arch()), sources, true});
    for (const std::string& suite : {host.codename, host.codename + "-backports"}) {
        area->add_source({mirror, suite});
        const auto version = area->version(package_of(arch));
        if (version && upstream(*version) >= needed_qemu)
            return {*version, area->simulate_install(package_of(arch), suite)};
        seen += fmt::format("{}{} has {}", seen.empty() ? "" : ", ", suite, version ? *version : "none");
    }
    throw Unavailable(fmt::format("Debian has no QEMU {}.{} or newer for this host: {}", needed_qemu.major,
                                  needed_qemu.minor, seen));
}

}  // namespace

std::optional<QemuVersion> parse_qemu_version(const std::string& text) {
    static const std::regex pattern(R"(version (\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?)");
    std::smatch match;
    if (!std::regex_search(text, match, pattern)) return std::nullopt;
    return QemuVersion{std::stoi(match[1]), std::stoi(match[2]), match[3].matched ? std::stoi(match[3]) : 0};
}

std::string qemu_program(Arch arch) {
    return arch == Arch::x86_64 ? "qemu-system-x86_64" : "qemu-system-aarch64";
}

QemuSearch find_qemu(Arch arch, const fs::path& cache, const std::atomic<bool>& interrupted) {
    QemuSearch search;
    if (const auto program = find_program(qemu_program(arch))) {
        Tried tried = attempt({*program, {}, {}, {}}, interrupted);
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
    Tried tried = attempt({*found, {}, {}, {}}, interrupted);
    if (!tried.qemu) throw Unavailable(tried.why_not);
    return std::move(*tried.qemu);
}

Qemu fetch_qemu(Arch arch, const Fetching& fetching) {
    if (Tried tried = cached_qemu(fetching.cache, arch, fetching.interrupted); tried.qemu)
        return std::move(*tried.qemu);
    const Workspace workspace(fetching);
    if (Tried tried = cached_qemu(fetching.cache, arch, fetching.interrupted); tried.qemu)
        return std::move(*tried.qemu);

    std::optional<AptArea> area;
    const QemuOffer offer = find_offer(arch, fetching, workspace, area);
    fetching.progress(
        fmt::format("fetching {} {} in {} packages", package_of(arch), offer.version, offer.packages.size()));
    const fs::path prepared = workspace.make_folder("qemu");
    area->extract(offer.packages, prepared);
    if (Tried tried = attempt(extracted(prepared, arch), fetching.interrupted); !tried.qemu)
        throw Unavailable(fmt::format("QEMU was fetched, and does not work: {}", tried.why_not));
    workspace.publish(prepared, place_of(fetching.cache, arch));
    return cached_qemu(fetching.cache, arch, fetching.interrupted).qemu.value();
}

}  // namespace irqbench::tools::lab
