#pragma once

#include <archive.h>

#include <string>

namespace irqbench::tests {

/// @param add_filter for instance archive_write_add_filter_gzip
std::string compressed(const std::string& content, int (*add_filter)(archive*));

}  // namespace irqbench::tests
