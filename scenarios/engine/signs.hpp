#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/trace.hpp"

namespace irqbench::scenarios {

/// What an event says about the state of an interrupt input or of a vCPU's interrupts, for pictures of a run.
/// Nothing is judged by it.
struct Sign {
    enum class Kind {
        up,        ///< the input's level rose
        down,      ///< and fell
        masked,    ///< the input is masked or disabled
        unmasked,  ///< it is not
        sent,      ///< its interrupt went on its way: with a vCPU, it is pending there
        ended,     ///< its interrupt is over
        dropped,   ///< what was pending is no more
        trigger,   ///< it is edge- or level-triggered, as `level` says
        other      ///< something of the controller `input`, with nothing to follow
    };
    Kind kind;
    std::string input{};                  ///< `ioapic pin 10`; empty: only the vCPU is concerned
    std::optional<std::uint32_t> vcpu{};  ///< where it is pending
    std::optional<std::uint32_t> vector{};
    bool by_guest = false;        ///< read off what the guest wrote, where the controller itself is silent
    std::optional<bool> level{};  ///< whether the input is level-triggered, where this tells
    bool latches = false;         ///< the input remembers an edge while it is masked

    bool operator==(const Sign&) const = default;
};

/// The signs of an event, in order, on whichever architecture it happened. Most have none.
std::vector<Sign> signs_of(const vmm::Event& event);

/// Reads a text from its beginning, for those who know what else there is in the words of an event.
class WordReader {
  public:
    explicit WordReader(std::string_view text) : rest_(text) {}

    /// Whether it goes on with these words, which are then behind.
    bool word(std::string_view expected) {
        if (!rest_.starts_with(expected)) return false;
        rest_.remove_prefix(expected.size());
        return true;
    }
    /// A number in decimal, or with 0x in hexadecimal, which is then behind.
    std::optional<std::uint64_t> number() {
        const int base = word("0x") ? 16 : 10;
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, base);
        if (error != std::errc()) return std::nullopt;
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return value;
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] std::string_view rest() const { return rest_; }

  private:
    std::string_view rest_;
};

}  // namespace irqbench::scenarios
