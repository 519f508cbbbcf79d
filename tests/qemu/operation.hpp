#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace irqbench::tests::qemu {

/// One thing that a guest or a device does to the chips.
struct Operation {
    enum class Kind : std::uint8_t {
        ioapic_line,  ///< input `target` of the I/O APIC becomes `value`
        pic_line,     ///< input `target` (0-15) of the PICs becomes `value`
        mmio_read,    ///< `size` bytes at offset `target` of the I/O APIC's window
        mmio_write,
        port_in,  ///< `size` bytes at port `target`
        port_out,
        msi,  ///< a device writes the 32 bits `value` at 0xFEE00000 + `target`
    };

    Kind kind = Kind::msi;
    std::uint32_t target = 0;
    std::uint8_t size = 4;
    std::uint64_t value = 0;

    friend bool operator==(const Operation&, const Operation&) = default;
};

inline Operation ioapic_line(std::uint32_t pin, bool level) {
    return {Operation::Kind::ioapic_line, pin, 0, level ? 1U : 0U};
}
inline Operation pic_line(std::uint32_t pin, bool level) {
    return {Operation::Kind::pic_line, pin, 0, level ? 1U : 0U};
}
inline Operation mmio_write(std::uint32_t offset, std::uint64_t value, std::uint8_t size = 4) {
    return {Operation::Kind::mmio_write, offset, size, value};
}
inline Operation mmio_read(std::uint32_t offset, std::uint8_t size = 4) {
    return {Operation::Kind::mmio_read, offset, size, 0};
}
inline Operation port_out(std::uint32_t port, std::uint64_t value, std::uint8_t size = 1) {
    return {Operation::Kind::port_out, port, size, value};
}
inline Operation port_in(std::uint32_t port, std::uint8_t size = 1) {
    return {Operation::Kind::port_in, port, size, 0};
}
inline Operation msi(std::uint32_t offset, std::uint32_t data) {
    return {Operation::Kind::msi, offset, 4, data};
}

/// The operation as a command of the qtest protocol, so that a list of them can be played by hand.
/// @param master,slave QOM paths of the PICs
std::string command(const Operation& operation, const std::string& master, const std::string& slave);
std::string text(const Operation& operation);

/// Operations from a seed: few pins and vectors often, so that things meet, and everything sometimes.
class Generator {
  public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    Operation next();

  private:
    std::uint32_t pick(std::uint32_t count) { return static_cast<std::uint32_t>(random_() % count); }
    bool one_in(std::uint32_t count) { return pick(count) == 0; }
    std::uint32_t bits() { return static_cast<std::uint32_t>(random_()); }
    template <class T>
    T one_of(std::initializer_list<T> choices) {
        return choices.begin()[pick(static_cast<std::uint32_t>(choices.size()))];
    }

    void add_ioapic();
    void add_entry_write();
    void add_stray_access();
    void add_acknowledge();
    void add_pic();
    void add_initialization();
    void add_initialized(std::uint32_t chip, std::uint32_t icw1, std::uint32_t icw4);
    void add_special_mask();
    void add_chip_with_requests();
    std::uint8_t pic_command();
    std::uint32_t ioapic_pin();
    std::uint32_t pic_pin();
    std::uint32_t entry_low();
    Operation any_msi();

    std::mt19937_64 random_;
    /// What belongs together and comes next.
    std::deque<Operation> queue_;
};

}  // namespace irqbench::tests::qemu
