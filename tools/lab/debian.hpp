#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/lab/cache.hpp"
#include "tools/lab/kernel.hpp"
#include "tools/lab/process.hpp"

/// Packages of Debian's, had by the distribution's own tools without a change to the host.
namespace irqbench::tools::lab {

/// `amd64`, `arm64`.
std::string debian_architecture(Arch arch);

/// What a host says of itself in os-release(5).
struct HostSystem {
    std::string id;        ///< `debian`
    std::string codename;  ///< `bookworm`; empty if there is none
};

HostSystem parse_os_release(const std::string& text);
HostSystem host_system();

/// A suite of packages at a mirror.
struct Source {
    std::string site;   ///< the mirror's URL
    std::string suite;  ///< `bookworm-backports`

    friend bool operator==(const Source&, const Source&) = default;
};

/// The host's own sources that are Debian's, in the order of its configuration, from lines of
/// `SITE|ORIGIN|RELEASE`. Without downloaded lists apt does not know the origin: then it is Debian's exactly
/// if the host is.
std::vector<Source> parse_index_targets(const std::string& text, const HostSystem& host);

/// As the host's apt is configured; empty on a host without apt.
std::vector<Source> host_sources(const std::atomic<bool>& interrupted);

/// The mirror to fetch from: the one that was asked for, or the first of the host's that is not for security
/// updates alone.
/// @throws Unavailable when none is known
std::string choose_mirror(const std::string& asked, const std::vector<Source>& host);

/// A package of one suite.
struct Package {
    std::string name;
    std::string version;
    std::vector<std::string> depends;  ///< names only; of alternatives the first
    std::uint64_t size_bytes = 0;      ///< of the download
};

/// The version in the first line of `apt-cache madison`.
std::optional<std::string> parse_madison(const std::string& text);
/// What `apt-cache show` says of one package.
Package parse_show(const std::string& text);
/// What `apt-get -s install` would install, as NAME=VERSION.
std::vector<std::string> parse_simulation(const std::string& text);

/// Why apt failed, as far as its messages tell: offline, no such suite, not signed by a known key, disk full.
std::string explain_apt(const std::string& messages);

/// apt with sources, lists and cache of its own in a workspace. Of the host's configuration it keeps how
/// things are downloaded, for instance through which proxy; neither the host's packages nor its sources
/// change, and it needs no root.
class AptArea {
  public:
    /// Downloads the lists.
    /// @throws Unavailable, Interrupted
    /// @param architecture Debian's word
    AptArea(const Fetching& fetching, const Workspace& workspace, std::string architecture,
            const Source& source);

    /// Downloads one more source's lists, unless it is among them. @throws Unavailable, Interrupted
    void add_source(const Source& source);

    /// The newest version the sources have, nothing if they have no such package.
    [[nodiscard]] std::optional<std::string> version(const std::string& package) const;
    [[nodiscard]] Package show(const std::string& package, const std::string& version) const;
    /// What a system without any package needs for this one, itself included, as NAME=VERSION.
    /// @param suite is preferred to the others
    [[nodiscard]] std::vector<std::string> simulate_install(const std::string& package,
                                                            const std::string& suite) const;
    /// Downloads packages, which apt verifies, and extracts them into a folder.
    /// @param packages as NAME=VERSION
    void extract(const std::vector<std::string>& packages, const std::filesystem::path& into) const;

  private:
    void update() const;
    [[nodiscard]] Output run(std::vector<std::string> arguments, const std::filesystem::path& in = {}) const;
    [[nodiscard]] std::string query(std::vector<std::string> arguments) const;

    const Fetching& fetching_;
    std::string architecture_;
    std::vector<Source> sources_;
    std::filesystem::path folder_;
};

}  // namespace irqbench::tools::lab
