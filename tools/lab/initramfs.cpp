#include "tools/lab/initramfs.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace irqbench::tools::lab {

namespace {

struct EntryDeleter {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

std::string key_of(const std::filesystem::path& path) {
    std::string key = path.lexically_normal().relative_path().generic_string();
    while (!key.empty() && key.back() == '/') key.pop_back();
    return key == "." ? "" : key;
}

void check(archive* writer, int result) {
    if (result >= ARCHIVE_WARN) return;
    const char* reason = archive_error_string(writer);
    throw std::runtime_error(
        fmt::format("the initramfs cannot be written: {}", reason != nullptr ? reason : "no memory"));
}

}  // namespace

Initramfs::Initramfs() : file_("initramfs"), archive_(archive_write_new(), archive_write_free) {
    if (!archive_) throw std::runtime_error("the initramfs cannot be written: no memory");
    check(archive_.get(), archive_write_set_format_cpio_newc(archive_.get()));
    check(archive_.get(), archive_write_open_fd(archive_.get(), file_.fd()));
    // The kernel opens the console before anything could mount a file system on /dev.
    constexpr unsigned console_major = 5;
    constexpr unsigned console_minor = 1;
    add_character_device("/dev/console", console_major, console_minor);
}

Initramfs::~Initramfs() = default;

void Initramfs::add_folder(const std::filesystem::path& path, unsigned mode) {
    if (!key_of(path).empty()) add_entry(path, AE_IFDIR, mode, {});
}

void Initramfs::add_bytes(const std::filesystem::path& path, std::string_view bytes, unsigned mode) {
    add_entry(path, AE_IFREG, mode, bytes);
}

void Initramfs::add_link(const std::filesystem::path& path, const std::filesystem::path& target) {
    constexpr unsigned mode = 0777;
    add_entry(path, AE_IFLNK, mode, target.native());
}

void Initramfs::add_pipe(const std::filesystem::path& path, unsigned mode) {
    add_entry(path, AE_IFIFO, mode, {});
}

void Initramfs::add_file(const std::filesystem::path& path, const std::filesystem::path& host_file) {
    std::ifstream stream(host_file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    if (!stream)
        throw UnreadableFile(fmt::format("{} cannot be read: {}", host_file.string(), std::strerror(errno)));
    std::error_code error;
    const auto permissions = std::filesystem::status(host_file, error).permissions();
    const bool is_program =
        (permissions & std::filesystem::perms::owner_exec) != std::filesystem::perms::none;
    add_bytes(path, bytes, is_program ? executable : plain);
}

bool Initramfs::has(const std::filesystem::path& path) const { return added_.count(key_of(path)) != 0; }

void Initramfs::add_character_device(const std::filesystem::path& path, unsigned major, unsigned minor) {
    add_folder(path.parent_path());
    const std::unique_ptr<archive_entry, EntryDeleter> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), key_of(path).c_str());
    archive_entry_set_filetype(entry.get(), AE_IFCHR);
    archive_entry_set_size(entry.get(), 0);
    constexpr unsigned mode = 0600;
    archive_entry_set_perm(entry.get(), mode);
    archive_entry_set_rdevmajor(entry.get(), major);
    archive_entry_set_rdevminor(entry.get(), minor);
    added_.insert(key_of(path));
    check(archive_.get(), archive_write_header(archive_.get(), entry.get()));
}

void Initramfs::add_entry(const std::filesystem::path& path, unsigned type, unsigned mode,
                          std::string_view content) {
    const std::string key = key_of(path);
    if (key.empty()) throw std::runtime_error("the initramfs cannot be written: a file without a name");
    if (!added_.insert(key).second) return;
    if (path.lexically_normal().has_parent_path()) add_folder(path.lexically_normal().parent_path());
    const std::unique_ptr<archive_entry, EntryDeleter> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), key.c_str());
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), mode);
    archive_entry_set_nlink(entry.get(), 1);
    const bool has_data = type == AE_IFREG && !content.empty();
    if (type == AE_IFLNK) archive_entry_set_symlink(entry.get(), std::string(content).c_str());
    archive_entry_set_size(entry.get(), has_data ? static_cast<la_int64_t>(content.size()) : 0);
    check(archive_.get(), archive_write_header(archive_.get(), entry.get()));
    if (!has_data) return;
    if (archive_write_data(archive_.get(), content.data(), content.size()) !=
        static_cast<la_ssize_t>(content.size()))
        check(archive_.get(), ARCHIVE_FATAL);
}

const MemoryFile& Initramfs::finish() {
    if (archive_) check(archive_.get(), archive_write_close(archive_.get()));
    archive_.reset();
    return file_;
}

}  // namespace irqbench::tools::lab
