#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace irqbench::importing {

/// Reads what a kernel's `print fmt` has written, from left to right. After the first thing that is not
/// there, `ok()` is false and nothing else is found.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::string_view rest() const { return text_; }

    void skip_blanks() {
        while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t')) text_.remove_prefix(1);
    }

    /// The word must stand here.
    Scanner& word(std::string_view expected) {
        ok_ = ok_ && accept(expected);
        return *this;
    }

    /// Whether the word stands here, which is then behind us.
    bool accept(std::string_view expected) {
        skip_blanks();
        if (!text_.starts_with(expected)) return false;
        text_.remove_prefix(expected.size());
        return true;
    }

    /// A number, in `base` unless it begins with 0x.
    template <std::unsigned_integral Number>
    Scanner& number(Number& result, int base = 10) {
        skip_blanks();
        std::string_view digits = text_;
        if (digits.starts_with("0x")) {
            digits.remove_prefix(2);
            base = 16;
        }
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result, base);
        ok_ = ok_ && error == std::errc{};
        if (ok_) text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
        return *this;
    }

    /// What stands before the next of these characters, or all there is.
    std::string_view until(std::string_view ends) {
        skip_blanks();
        const auto end = text_.find_first_of(ends);
        const std::string_view found = text_.substr(0, end);
        text_.remove_prefix(found.size());
        return found;
    }

  private:
    std::string_view text_;
    bool ok_ = true;
};

}  // namespace irqbench::importing
