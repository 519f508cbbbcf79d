#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;

namespace irqbench::tools::lab {

// Lines for the channel, of which each byte costs an emulated machine an exit and 10 us. Records are much
// alike: packed they are a quarter. A packed line is base64: the text's CRC-32 and a piece of one deflate
// stream (RFC 1951) that ends with a sync flush. None begins with the `{` of a record.

/// Of a run that is to pack its records.
inline constexpr const char* packing_variable = "IRQBENCH_PACKED_RECORDS";

class LinePacker {
  public:
    LinePacker();
    /// @param text of less than 4 GiB
    /// @returns one line, from which the text can be had when all before it have come
    [[nodiscard]] std::string pack(std::string_view text);

  private:
    std::unique_ptr<z_stream_s, void (*)(z_stream_s*)> stream_;
};

class LineUnpacker {
  public:
    LineUnpacker();
    /// @param line what pack() returned, without its end
    /// @returns nothing behind a damaged line
    /// @throws std::invalid_argument for a line that is none, for a damaged one, and for one of more than
    /// `most` bytes of text, which counts as damaged
    [[nodiscard]] std::string unpack(std::string_view line);
    static constexpr std::size_t most = std::size_t{64} << 20;

  private:
    std::unique_ptr<z_stream_s, void (*)(z_stream_s*)> stream_;
};

}  // namespace irqbench::tools::lab
