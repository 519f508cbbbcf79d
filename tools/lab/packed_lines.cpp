#include "tools/lab/packed_lines.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <stdexcept>

#include "scenarios/engine/base64.hpp"

namespace irqbench::tools::lab {

namespace {

constexpr int raw_window_bits = -15;  // 32 KiB, no header
constexpr int memory_level = 8;

void end_packing(z_stream* stream) {
    ::deflateEnd(stream);
    delete stream;
}

void end_unpacking(z_stream* stream) {
    ::inflateEnd(stream);
    delete stream;
}

/// Zlib's interface is not const.
Bytef* input(const void* bytes) { return static_cast<Bytef*>(const_cast<void*>(bytes)); }

constexpr std::size_t checksum_size = 4;

/// The CRC-32 of a text, the lowest byte first. A line that is lost is missing from the dictionary of the
/// next.
std::string checksum(std::string_view text) {
    uLong crc = ::crc32_z(0, input(text.data()), text.size());
    std::string bytes;
    for (std::size_t i = 0; i < checksum_size; ++i, crc >>= 8U) bytes += static_cast<char>(crc & 0xffU);
    return bytes;
}

/// Lets `step` fill a buffer until it leaves some of it empty. @returns whether `use` took everything
template <class Step, class Use>
bool drain(z_stream& stream, Step step, Use use) {
    std::array<unsigned char, 16384> buffer{};
    do {
        stream.next_out = buffer.data();
        stream.avail_out = buffer.size();
        step();
        if (!use(std::span(buffer).first(buffer.size() - stream.avail_out))) return false;
    } while (stream.avail_out == 0);
    return true;
}

}  // namespace

LinePacker::LinePacker() : stream_(new z_stream{}, end_packing) {
    if (::deflateInit2(stream_.get(), Z_BEST_SPEED, Z_DEFLATED, raw_window_bits, memory_level,
                       Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
}

std::string LinePacker::pack(std::string_view text) {
    std::string bytes = checksum(text);
    stream_->next_in = input(text.data());
    stream_->avail_in = static_cast<uInt>(text.size());
    drain(
        *stream_, [this] { ::deflate(stream_.get(), Z_SYNC_FLUSH); },
        [&bytes](auto some) {
            bytes.append(some.begin(), some.end());
            return true;
        });
    return scenarios::base64(std::as_bytes(std::span(bytes))) + '\n';
}

LineUnpacker::LineUnpacker() : stream_(new z_stream{}, end_unpacking) {
    if (::inflateInit2(stream_.get(), raw_window_bits) != Z_OK) throw std::bad_alloc();
}

std::string LineUnpacker::unpack(std::string_view line) {
    const auto decoded = scenarios::from_base64(line);
    if (!decoded || decoded->size() <= checksum_size) throw std::invalid_argument("neither JSON nor packed");
    if (!stream_) return {};
    const auto refuse = [this](const char* why) {
        stream_.reset();
        throw std::invalid_argument(why);
    };
    const auto bytes = std::span(*decoded).subspan(checksum_size);
    stream_->next_in = input(bytes.data());
    stream_->avail_in = static_cast<uInt>(bytes.size());
    std::string text;
    const bool fits = drain(
        *stream_, [this] { ::inflate(stream_.get(), Z_SYNC_FLUSH); },
        [&text](auto some) {
            text.append(some.begin(), some.end());
            return text.size() <= most;
        });
    if (!fits) refuse("packed, and more than 64 MiB");
    const std::string expected = checksum(text);
    if (!std::ranges::equal(std::as_bytes(std::span(expected)), std::span(*decoded).first(checksum_size)))
        refuse("packed, and damaged: what follows cannot be read");
    return text;
}

}  // namespace irqbench::tools::lab
