#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace irqbench::importing {

/// The lines of a file that may be larger than memory: it is read in pieces, and a line is valid until the
/// next one is asked for.
class Lines {
  public:
    /// @throws std::system_error when the file cannot be opened
    explicit Lines(const std::string& file);
    /// @param descriptor which is closed at the end
    Lines(std::string file, int descriptor);
    ~Lines();
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    /// The next line without its end; none at the end of the file.
    /// @throws TraceError for a line that is longer than any tracer writes
    /// @throws std::system_error when the file cannot be read
    std::optional<std::string_view> next();

    [[nodiscard]] std::uint64_t number() const { return number_; }  ///< of the last line, from 1
    /// Whether the last line had an end of its own: if not, the file may have been cut off in it.
    [[nodiscard]] bool is_whole() const { return whole_; }

  private:
    bool fill();

    std::string file_;
    int descriptor_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::uint64_t number_ = 0;
    bool whole_ = true;
    bool ended_ = false;
};

}  // namespace irqbench::importing
