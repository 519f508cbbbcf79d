#include "tools/lab/mirror.hpp"

#include <unistd.h>

#include <deque>
#include <system_error>

namespace irqbench::tools::lab {

namespace {

namespace fs = std::filesystem;

Place::Kind kind_of(fs::file_type type) {
    switch (type) {
        case fs::file_type::directory: return Place::Kind::folder;
        case fs::file_type::symlink: return Place::Kind::link;
        case fs::file_type::regular: return Place::Kind::file;
        case fs::file_type::fifo: return Place::Kind::pipe;
        default: return Place::Kind::other;
    }
}

/// The bits of the owner, who is inside whoever this process belongs to.
unsigned mode_of(const fs::path& path) {
    constexpr unsigned readable = 0444;
    constexpr unsigned writable = 0200;
    constexpr unsigned searchable = 0111;
    return (::access(path.c_str(), R_OK) == 0 ? readable : 0) |
           (::access(path.c_str(), W_OK) == 0 ? writable : 0) |
           (::access(path.c_str(), X_OK) == 0 ? searchable : 0);
}

void add(Initramfs& initramfs, const Place& place) {
    if (initramfs.has(place.path)) return;
    switch (place.kind) {
        case Place::Kind::folder: return initramfs.add_folder(place.path, mode_of(place.path));
        case Place::Kind::link: return initramfs.add_link(place.path, place.target);
        case Place::Kind::pipe: return initramfs.add_pipe(place.path, mode_of(place.path));
        case Place::Kind::file: try { return initramfs.add_file(place.path, place.path);
            } catch (const UnreadableFile&) {
                return initramfs.add_bytes(place.path, {}, 0);
            }
        case Place::Kind::other: return initramfs.add_bytes(place.path, {}, 0);
    }
}

}  // namespace

std::vector<Place> way_to(const fs::path& path) {
    // MAXSYMLINKS of Linux, include/linux/namei.h.
    constexpr unsigned most_links = 40;
    std::vector<Place> way;
    fs::path here = "/";
    std::deque<fs::path> ahead(path.begin(), path.end());
    for (unsigned links = 0; !ahead.empty() && links <= most_links;) {
        const fs::path name = ahead.front();
        ahead.pop_front();
        if (name.empty() || name == "." || name == "/") continue;
        if (name == "..") {
            here = here.parent_path();
            continue;
        }
        std::error_code error;
        Place place{here / name, {}, {}};
        const fs::file_status status = fs::symlink_status(place.path, error);
        if (!fs::exists(status)) break;
        place.kind = kind_of(status.type());
        if (place.kind == Place::Kind::link) {
            place.target = fs::read_symlink(place.path, error);
            ahead.insert(ahead.begin(), place.target.begin(), place.target.end());
            if (place.target.is_absolute()) here = "/";
            ++links;
        } else {
            here = place.path;
        }
        way.push_back(place);
        if (place.kind != Place::Kind::link && place.kind != Place::Kind::folder) break;
    }
    return way;
}

bool is_of_host_only(const fs::path& path) {
    const fs::path below = path.lexically_normal().relative_path();
    if (below.empty() || std::next(below.begin()) == below.end()) return false;
    const fs::path& top = *below.begin();
    return top == "proc" || top == "sys" || (top == "dev" && *std::next(below.begin()) != "shm");
}

void mirror(Initramfs& initramfs, const fs::path& path) {
    for (const Place& place : way_to(path)) {
        // To read there may take for ever.
        if (is_of_host_only(place.path)) return;
        add(initramfs, place);
    }
}

}  // namespace irqbench::tools::lab
