#include "tools/lab/debian.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <sstream>
#include <system_error>

#include "tools/lab/error.hpp"
#include "tools/lab/trimmed.hpp"

namespace irqbench::tools::lab {

namespace {

namespace fs = std::filesystem;

constexpr const char* keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
    return parts;
}

bool is_security(const Source& source) {
    return source.suite.ends_with("-security") || source.suite.find("/updates") != std::string::npos ||
           source.site.find("security") != std::string::npos;
}

/// The first few of what apt, dpkg-deb and tar complain of, in one line: tar does of every file.
std::string complaints(const std::string& messages) {
    constexpr int enough = 3;
    std::string all;
    int count = 0;
    for (const std::string& line : lines_of(messages)) {
        const bool is_summary = line.find("Some index files failed to download") != std::string::npos;
        if (line.rfind("N: ", 0) == 0 || line.empty() || is_summary || ++count > enough) continue;
        const bool has_label = line.rfind("E: ", 0) == 0 || line.rfind("W: ", 0) == 0;
        if (!all.empty()) all += "; ";
        all += trimmed(has_label ? line.substr(3) : line);
    }
    return count > enough ? fmt::format("{}; and {} more", all, count - enough) : all;
}

std::string needed_program(const std::string& name) {
    if (const auto program = find_program(name)) return program->string();
    throw Unavailable(
        fmt::format("{} is not here: the lab fetches kernels and QEMU with Debian's tools, so on a host of "
                    "another kind name your own with --kernel and --qemu",
                    name));
}

Output run_checked(const Command& command, const std::atomic<bool>& interrupted) {
    Output output;
    try {
        output = run_program(command, interrupted);
    } catch (const std::system_error& error) {
        throw Unavailable(
            fmt::format("{} cannot be started: {}", command.arguments.front(), error.code().message()));
    }
    if (interrupted.load()) throw Interrupted();
    return output;
}

void write_file(const fs::path& path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    if (!file)
        throw Unavailable(
            fmt::format("{} cannot be written; is there space left in the cache?", path.string()));
}

}  // namespace

std::string debian_architecture(Arch arch) { return std::string(info(arch).debian_name); }

HostSystem parse_os_release(const std::string& text) {
    HostSystem host;
    const auto value = [](const std::string& line) {
        std::string unquoted = line.substr(line.find('=') + 1);
        unquoted.erase(
            std::remove_if(unquoted.begin(), unquoted.end(), [](char c) { return c == '"' || c == '\''; }),
            unquoted.end());
        return unquoted;
    };
    for (const std::string& line : lines_of(text)) {
        if (line.rfind("ID=", 0) == 0) host.id = value(line);
        if (line.rfind("VERSION_CODENAME=", 0) == 0) host.codename = value(line);
    }
    return host;
}

HostSystem host_system() {
    std::ifstream file("/etc/os-release");
    return parse_os_release({std::istreambuf_iterator<char>(file), {}});
}

std::vector<Source> parse_index_targets(const std::string& text, const HostSystem& host) {
    std::vector<Source> sources;
    for (const std::string& line : lines_of(text)) {
        const auto fields = split(line, '|');
        if (fields.size() != 3) continue;
        // apt leaves a field it knows nothing for as it was in the format.
        const bool origin_known = !fields[1].empty() && fields[1].front() != '$';
        // Debian Backports is the origin of backports.
        if (origin_known ? fields[1].rfind("Debian", 0) != 0 : host.id != "debian") continue;
        if (Source source{fields[0], fields[2]};
            std::find(sources.begin(), sources.end(), source) == sources.end())
            sources.push_back(std::move(source));
    }
    return sources;
}

std::vector<Source> host_sources(const std::atomic<bool>& interrupted) {
    const auto apt_get = find_program("apt-get");
    if (!apt_get) return {};
    const Output output = run_checked({{apt_get->string(), "indextargets", "--format",
                                        "$(SITE)|$(ORIGIN)|$(RELEASE)", "Created-By: Packages"},
                                       {"LC_ALL=C"},
                                       {}},
                                      interrupted);
    return output.status == 0 ? parse_index_targets(output.out, host_system()) : std::vector<Source>();
}

std::string choose_mirror(const std::string& asked, const std::vector<Source>& host) {
    if (!asked.empty()) return asked;
    for (const Source& source : host)
        if (!is_security(source)) return source.site;
    throw Unavailable(
        "no Debian mirror is known: this host's apt has none among its sources; name one with --mirror or "
        "IRQBENCH_MIRROR");
}

std::optional<std::string> parse_madison(const std::string& text) {
    for (const std::string& line : lines_of(text)) {
        const auto fields = split(line, '|');
        if (fields.size() >= 3) return trimmed(fields[1]);
    }
    return std::nullopt;
}

Package parse_show(const std::string& text) {
    Package package;
    for (const std::string& line : lines_of(text)) {
        if (line.empty()) break;
        const auto colon = line.find(": ");
        if (colon == std::string::npos || line.front() == ' ') continue;
        const std::string key = line.substr(0, colon);
        const std::string value = trimmed(line.substr(colon + 2));
        if (key == "Package") package.name = value;
        if (key == "Version") package.version = value;
        if (key == "Size") std::from_chars(value.data(), value.data() + value.size(), package.size_bytes);
        if (key != "Depends") continue;
        for (const std::string& each : split(value, ',')) {
            const std::string name = trimmed(each);
            package.depends.push_back(name.substr(0, name.find_first_of(" :(|")));
        }
    }
    return package;
}

std::vector<std::string> parse_simulation(const std::string& text) {
    // Inst NAME [INSTALLED] (VERSION ORIGIN [ARCHITECTURE]) ...
    std::vector<std::string> packages;
    for (const std::string& line : lines_of(text)) {
        const auto open = line.find('(');
        if (line.rfind("Inst ", 0) != 0 || open == std::string::npos) continue;
        const std::string name = line.substr(5, line.find(' ', 5) - 5);
        packages.push_back(name + "=" + line.substr(open + 1, line.find(' ', open) - open - 1));
    }
    return packages;
}

std::string explain_apt(const std::string& messages) {
    struct Explanation {
        std::initializer_list<const char*> signs;
        const char* meaning;
    };
    static const std::array<Explanation, 4> explanations{{
        {{"No space left on device", "enough free space"}, "the disk with the lab's cache is full"},
        {{"NO_PUBKEY", "is not signed", "EXPKEYSIG"},
         "its signature is by no key of this host's debian-archive-keyring package; is that up to date?"},
        {{"does not have a Release file", "404  Not Found"},
         "the mirror does not have it; one of archived suites may be named with --mirror"},
        {{"Could not resolve", "Temporary failure resolving", "Could not connect", "onnection timed out",
          "onnection failed", "Network is unreachable", "Unable to connect"},
         "the mirror cannot be reached; is this host online?"},
    }};
    const std::string said = complaints(messages);
    for (const auto& [signs, meaning] : explanations)
        for (const char* sign : signs)
            if (messages.find(sign) != std::string::npos) return fmt::format("{} ({})", meaning, said);
    return said.empty() ? "it did not say why" : said;
}

AptArea::AptArea(const Fetching& fetching, const Workspace& workspace, std::string architecture,
                 const Source& source)
    : fetching_(fetching), architecture_(std::move(architecture)) {
    for (const char* program : {"apt-get", "apt-cache", "dpkg-deb"}) needed_program(program);
    if (!fs::exists(keyring))
        throw Unavailable(
            fmt::format("{} is missing, and with it the keys that Debian's packages are "
                        "verified with: install debian-archive-keyring",
                        keyring));
    std::size_t number = 0;
    do folder_ = workspace.folder() / fmt::format("apt{}", number++);
    while (fs::exists(folder_));
    for (const char* name : {"lists/partial", "cache/archives/partial", "state"})
        static_cast<void>(workspace.make_folder(folder_.filename() / name));
    const std::string here = folder_.string();
    if (here.find('"') != std::string::npos)
        throw Unavailable("apt takes no quotation mark in the path of the lab's cache, " + here);

    write_file(folder_ / "status", "");
    // Read after the host's configuration, which goes on to say through what proxy and with which timeouts.
    // Its hooks are for its own packages; its preferences and default release are about its own sources.
    write_file(
        folder_ / "apt.conf",
        fmt::format("#clear APT::Update;\n#clear DPkg::Post-Invoke;\n#clear APT::Architectures;\n"
                    "Dir::Etc::sourcelist \"{0}/sources.list\";\nDir::Etc::sourceparts \"/dev/null\";\n"
                    "Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\n"
                    "Dir::State \"{0}/state\";\nDir::State::lists \"{0}/lists\";\n"
                    "Dir::State::status \"{0}/status\";\nDir::Cache \"{0}/cache\";\n"
                    "APT::Architecture \"{1}\";\nAPT::Default-Release \"\";\n"
                    "APT::Sandbox::User \"root\";\nAPT::Update::Error-Mode \"any\";\n"
                    "APT::Get::AllowUnauthenticated \"false\";\nAcquire::Languages \"none\";\n"
                    "Acquire::AllowInsecureRepositories \"false\";\n"
                    "Acquire::AllowWeakRepositories \"false\";\n",
                    here, architecture_));
    add_source(source);
}

void AptArea::add_source(const Source& source) {
    if (std::find(sources_.begin(), sources_.end(), source) != sources_.end()) return;
    sources_.push_back(source);
    update();
}

void AptArea::update() const {
    std::string suites;
    std::string list;
    for (const auto& [site, suite] : sources_) {
        list += fmt::format("deb [signed-by={} target=Packages] {} {} main\n", keyring, site, suite);
        suites += (suites.empty() ? "" : ", ") + suite;
    }
    write_file(folder_ / "sources.list", list);
    fetching_.progress(fmt::format("reading the package lists of {} ({})", suites, architecture_));
    const Output output = run({"apt-get", "-qq", "update"});
    if (output.status != 0)
        throw Unavailable(
            fmt::format("the package lists of {} cannot be had: {}", suites, explain_apt(output.err)));
}

Output AptArea::run(std::vector<std::string> arguments, const fs::path& in) const {
    arguments.front() = needed_program(arguments.front());
    arguments.insert(arguments.begin() + 1, {"-c", (folder_ / "apt.conf").string()});
    return run_checked({std::move(arguments), {"LC_ALL=C"}, in}, fetching_.interrupted);
}

std::string AptArea::query(std::vector<std::string> arguments) const {
    const std::string what = fmt::format("{}: {}", arguments.front(), arguments.back());
    const Output output = run(std::move(arguments));
    if (output.status != 0) throw Unavailable(fmt::format("{}: {}", what, explain_apt(output.err)));
    return output.out;
}

std::optional<std::string> AptArea::version(const std::string& package) const {
    return parse_madison(query({"apt-cache", "madison", package}));
}

Package AptArea::show(const std::string& package, const std::string& version) const {
    return parse_show(query({"apt-cache", "show", package + "=" + version}));
}

std::vector<std::string> AptArea::simulate_install(const std::string& package,
                                                   const std::string& suite) const {
    return parse_simulation(
        query({"apt-get", "-s", "-t", suite, "install", "--no-install-recommends", package}));
}

void AptArea::extract(const std::vector<std::string>& packages, const fs::path& into) const {
    const fs::path downloads = folder_ / "downloads";
    fs::create_directories(downloads);
    std::vector<std::string> arguments{"apt-get", "-qq", "download"};
    arguments.insert(arguments.end(), packages.begin(), packages.end());
    if (const Output output = run(std::move(arguments), downloads); output.status != 0)
        throw Unavailable(
            fmt::format("{} cannot be downloaded: {}", packages.front(), explain_apt(output.err)));
    const std::string dpkg_deb = needed_program("dpkg-deb");
    for (const auto& entry : fs::directory_iterator(downloads)) {
        const Output output =
            run_checked({{dpkg_deb, "-x", entry.path().string(), into.string()}, {"LC_ALL=C"}, {}},
                        fetching_.interrupted);
        if (output.status != 0)
            throw Unavailable(fmt::format("{} cannot be extracted: {}", entry.path().filename().string(),
                                          explain_apt(output.err)));
    }
    fs::remove_all(downloads);
}

}  // namespace irqbench::tools::lab
