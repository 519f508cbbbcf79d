#include "tools/lab/decompress.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace irqbench::tools::lab {

std::string decompressed(std::string_view bytes, const std::string& name) {
    if (bytes.empty()) return {};
    const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
    const auto check = [&](long result) {
        if (result >= ARCHIVE_WARN) return;
        const char* reason = reader ? archive_error_string(reader.get()) : nullptr;
        throw std::runtime_error(
            fmt::format("{} cannot be decompressed: {}", name, reason != nullptr ? reason : "no memory"));
    };
    if (!reader) check(ARCHIVE_FATAL);
    check(archive_read_support_filter_gzip(reader.get()));
    check(archive_read_support_filter_xz(reader.get()));
    check(archive_read_support_filter_zstd(reader.get()));
    check(archive_read_support_format_raw(reader.get()));
    check(archive_read_open_memory(reader.get(), bytes.data(), bytes.size()));
    archive_entry* entry = nullptr;
    check(archive_read_next_header(reader.get(), &entry));
    std::string result;
    std::array<char, 65536> buffer{};
    while (true) {
        const la_ssize_t count = archive_read_data(reader.get(), buffer.data(), buffer.size());
        check(static_cast<long>(count));
        if (count <= 0) return result;
        result.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

std::string read_file(const std::filesystem::path& file) {
    const auto refuse = [&file](int error) {
        throw std::runtime_error(fmt::format("{} cannot be read: {}", file.string(), std::strerror(error)));
    };
    if (std::filesystem::is_directory(file)) refuse(EISDIR);
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    if (!stream) refuse(errno);
    std::ostringstream bytes;
    bytes << stream.rdbuf();
    if (stream.bad()) refuse(errno != 0 ? errno : EIO);
    return std::move(bytes).str();
}

std::string read_decompressed(const std::filesystem::path& file) {
    return decompressed(read_file(file), file.string());
}

}  // namespace irqbench::tools::lab
