# shellcheck shell=bash
# What the commands in this folder share. It changes to the top of the tree.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '==> %s\n' "$*"; }

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 3
}

packages_of() { # GROUP...
    local group
    for group; do
        awk -v group="$group" '$1 == group { print $2 }' tools/packages
    done
}

# Packages of the groups that are not installed. Prints nothing where there is no dpkg to ask.
missing_packages() { # GROUP...
    command -v dpkg-query >/dev/null || return 0
    local package
    for package in $(packages_of "$@"); do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s\n' "$package"
    done
}

install_packages() { # GROUP...
    local missing as_root=()
    if ! command -v dpkg-query >/dev/null; then
        say "no dpkg here: taking it that these are installed: $(packages_of "$@" | paste -sd ' ')"
        return
    fi
    mapfile -t missing < <(missing_packages "$@")
    if ((${#missing[@]} == 0)); then
        say "packages: all installed"
        return
    fi
    command -v apt-get >/dev/null || die "apt-get not found; please install: ${missing[*]}"
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "neither root nor sudo; please install: ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq || die "apt-get update failed; please install: ${missing[*]}"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" ||
        die "apt-get could not install: ${missing[*]}"
}

# Both commands may use one build folder: the tests are configured wherever their packages are.
configure() { # PRESET
    local tests=ON launcher=
    [[ -z "$(missing_packages test)" ]] || tests=OFF
    launcher=$(command -v ccache || true)
    say "configuring $1"
    cmake --preset "$1" -DIRQBENCH_TESTS="$tests" -DIRQBENCH_BENCHMARKS="$tests" \
        -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" --log-level=WARNING
}

# For another architecture: no tests.
configure_for() { # PRESET
    say "configuring $1"
    cmake --preset "$1" -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" --log-level=WARNING
}

build() { # PRESET TARGET
    say "building $1, target $2"
    cmake --build --preset "$1" --target "$2"
}
