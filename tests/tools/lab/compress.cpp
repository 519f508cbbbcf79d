#include "tests/tools/lab/compress.hpp"

#include <archive_entry.h>

#include <stdexcept>
#include <vector>

namespace irqbench::tests {

std::string compressed(const std::string& content, int (*add_filter)(archive*)) {
    std::vector<char> buffer(1'000'000);
    std::size_t used = 0;
    archive* writer = archive_write_new();
    if (add_filter(writer) != ARCHIVE_OK) throw std::runtime_error(archive_error_string(writer));
    archive_write_set_format_raw(writer);
    archive_write_open_memory(writer, buffer.data(), buffer.size(), &used);
    archive_entry* entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(writer, entry);
    archive_write_data(writer, content.data(), content.size());
    archive_entry_free(entry);
    archive_write_close(writer);
    archive_write_free(writer);
    return {buffer.data(), used};
}

}  // namespace irqbench::tests
