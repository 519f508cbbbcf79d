#include "tests/qemu/operation.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace irqbench::tests::qemu {

namespace {

constexpr std::uint64_t ioapic_address = 0xFEC0'0000;
constexpr std::uint64_t msi_address = 0xFEE0'0000;
constexpr std::uint32_t ioregsel = 0x00, iowin = 0x10, eoir = 0x40;

constexpr char memory_letter(std::uint8_t size) {
    return size == 1 ? 'b' : size == 2 ? 'w' : size == 4 ? 'l' : 'q';
}

}  // namespace

std::string command(const Operation& operation, const std::string& master, const std::string& slave) {
    const char letter = memory_letter(operation.size);
    switch (operation.kind) {
        case Operation::Kind::ioapic_line:
            return fmt::format("set_irq_in ioapic unnamed-gpio-in {} {}", operation.target, operation.value);
        case Operation::Kind::pic_line:
            return fmt::format("set_irq_in {} unnamed-gpio-in {} {}", operation.target < 8 ? master : slave,
                               operation.target & 7, operation.value);
        case Operation::Kind::mmio_read:
            return fmt::format("read{} {:#x}", letter, ioapic_address + operation.target);
        case Operation::Kind::mmio_write:
            return fmt::format("write{} {:#x} {:#x}", letter, ioapic_address + operation.target,
                               operation.value);
        case Operation::Kind::port_in: return fmt::format("in{} {:#x}", letter, operation.target);
        case Operation::Kind::port_out:
            return fmt::format("out{} {:#x} {:#x}", letter, operation.target, operation.value);
        case Operation::Kind::msi: break;
    }
    return fmt::format("writel {:#x} {:#x}", msi_address + operation.target, operation.value);
}

std::string text(const Operation& operation) { return command(operation, "MASTER", "SLAVE"); }

std::uint32_t Generator::ioapic_pin() {
    return one_in(4) ? pick(24) : one_of({0U, 2U, 4U, 5U, 9U, 10U, 11U, 23U});
}

std::uint32_t Generator::pic_pin() {
    // Input 2 of the master is the cascade, which no device drives.
    const std::uint32_t pin = one_in(4) ? pick(16) : one_of({1U, 3U, 4U, 7U, 8U, 9U, 12U, 15U});
    return pin == 2 ? 9 : pin;
}

std::uint32_t Generator::entry_low() {
    if (one_in(12)) return bits();
    std::uint32_t low = one_of({0x51U, 0x51U, 0x52U, 0xA1U, 0x0CU});
    if (!one_in(3)) low |= 0x8000;
    if (one_in(3)) low |= 0x1'0000;
    if (one_in(6)) low |= 0x100;
    if (one_in(10)) low |= 0x800;
    if (one_in(10)) low |= 0x2000;
    if (one_in(10)) low |= one_of({0x200U, 0x300U, 0x400U, 0x500U, 0x600U, 0x700U});
    if (one_in(10)) low |= 0x5000;
    if (one_in(20)) low |= bits() & 0xFFFE'0000;
    return low;
}

void Generator::add_entry_write() {
    const std::uint32_t pin = ioapic_pin();
    const bool high = one_in(4);
    std::uint32_t value = entry_low();
    if (high)
        value = one_in(4) ? bits() : one_of({0U, 0x0100'0000U, 0xFF00'0000U, 0x0200'0000U, 0x0040'0000U});
    queue_.push_back(mmio_write(ioregsel, 0x10 + 2 * pin + (high ? 1 : 0)));
    queue_.push_back(mmio_write(iowin, value));
}

void Generator::add_stray_access() {
    const auto size = one_of<std::uint8_t>({1, 2, 4, 4, 8});
    std::uint32_t offset =
        one_in(3) ? pick(0x1000) : one_of({0x00U, 0x10U, 0x40U, 0x20U, 0x100U, 0x110U, 0xF40U});
    // A crooked access is cut to pieces before it comes to the chip, and so is a wide one.
    offset &= ~(std::uint32_t{size} - 1);
    if (size == 8) offset &= ~std::uint32_t{0xF};
    std::uint64_t value = one_in(2) ? pick(64) : entry_low();
    if (size == 8) value |= std::uint64_t{bits()} << 32;
    if (size < 4) value &= (1U << (8 * size)) - 1;
    queue_.push_back(one_in(2) ? mmio_read(offset, size) : mmio_write(offset, value, size));
}

/// The only way to an acknowledge while no CPU runs: an ExtINT entry of the I/O APIC.
void Generator::add_acknowledge() {
    constexpr std::uint32_t pin = 22;
    queue_.push_back(mmio_write(ioregsel, 0x10 + 2 * pin));
    queue_.push_back(mmio_write(iowin, 0x0700));
    queue_.push_back(ioapic_line(pin, false));
    queue_.push_back(ioapic_line(pin, true));
    queue_.push_back(ioapic_line(pin, false));
}

void Generator::add_ioapic() {
    const std::uint32_t what = pick(100);
    if (what < 40) {
        queue_.push_back(ioapic_line(ioapic_pin(), !one_in(2)));
    } else if (what < 65) {
        add_entry_write();
    } else if (what < 80) {
        const std::uint32_t vector = one_in(8) ? bits() & 0xFF : one_of({0x51U, 0x51U, 0x52U, 0xA1U, 0x0CU});
        queue_.push_back(mmio_write(eoir, one_in(6) ? vector | (bits() & ~0xFFU) : vector));
    } else if (what < 90) {
        const std::uint32_t selected = one_in(4) ? pick(256) : one_in(4) ? pick(3) : 0x10 + pick(48);
        queue_.push_back(mmio_write(ioregsel, selected));
        queue_.push_back(mmio_read(iowin));
    } else if (what < 93) {
        queue_.push_back(mmio_write(ioregsel, one_in(3) ? pick(256) : pick(4)));
        queue_.push_back(mmio_write(iowin, bits()));
    } else {
        add_stray_access();
    }
}

std::uint8_t Generator::pic_command() {
    const std::uint32_t what = pick(20);
    const std::uint32_t irq = pick(8);
    if (what < 5) return 0x20;
    if (what < 8) return static_cast<std::uint8_t>(0x60 | irq);
    if (what < 12) return static_cast<std::uint8_t>((pick(8) << 5) | irq);
    if (what < 14) return one_of<std::uint8_t>({0x0A, 0x0B});
    if (what < 16) return 0x0C;
    if (what < 18) return one_of<std::uint8_t>({0x68, 0x48});
    return static_cast<std::uint8_t>(bits() & (one_in(8) ? 0xFF : 0xEF));
}

void Generator::add_initialization() {
    const std::uint32_t chip = one_of({0x20U, 0xA0U});
    std::uint32_t icw1 = 0x11;
    if (one_in(6)) icw1 |= bits() & 0xE4;
    if (one_in(12)) icw1 |= 0x02;
    if (one_in(12)) icw1 |= 0x08;
    if (one_in(6)) icw1 &= ~1U;
    add_initialized(chip, icw1, one_of({0x01U, 0x01U, 0x03U, 0x11U, 0x13U, bits() & 0xFFU}));
    if (!one_in(4)) queue_.push_back(port_out(chip + 1, bits() & 0xFF));
}

void Generator::add_initialized(std::uint32_t chip, std::uint32_t icw1, std::uint32_t icw4) {
    queue_.push_back(port_out(chip, icw1));
    queue_.push_back(port_out(chip + 1, bits() & 0xFF));
    if ((icw1 & 0x02) == 0) queue_.push_back(port_out(chip + 1, chip == 0x20 ? 4 : 2));
    queue_.push_back(port_out(chip + 1, icw4));
}

/// An input in service is masked, and another waits that it keeps out or not, by the special mask mode.
void Generator::add_special_mask() {
    const std::uint32_t chip = one_of({0x20U, 0xA0U});
    const std::uint32_t first = chip == 0x20 ? 0 : 8;
    add_initialized(chip, 0x11, 0x01);
    const std::uint32_t served = pick(2);
    queue_.push_back(pic_line(first + served, false));
    queue_.push_back(pic_line(first + served, true));
    queue_.push_back(port_out(chip, 0x0C));
    queue_.push_back(port_in(chip));
    queue_.push_back(port_out(chip + 1, 1U << served));
    queue_.push_back(pic_line(first + 5, false));
    queue_.push_back(pic_line(first + 5, true));
    queue_.push_back(port_out(chip, 0x68));
    if (one_in(2)) add_acknowledge();
    queue_.push_back(port_out(chip, one_of({0x20U, 0xA0U})));
    if (one_in(2)) queue_.push_back(port_out(chip, 0x48));
}

/// A slave with several requests meets an acknowledge, the chips being of several kinds.
void Generator::add_chip_with_requests() {
    add_initialized(0xA0, 0x11, one_of({0x01U, 0x03U}));
    add_initialized(0x20, one_in(2) ? 0x13 : 0x11, one_of({0x01U, 0x03U, 0x11U}));
    for (const std::uint32_t chip : {0x20U, 0xA0U})
        if (one_in(2)) queue_.push_back(port_out(chip, 0x80));
    for (const std::uint32_t pin : {9U, 13U}) {
        queue_.push_back(pic_line(pin, false));
        queue_.push_back(pic_line(pin, true));
    }
    add_acknowledge();
}

void Generator::add_pic() {
    const std::uint32_t chip = one_of({0x20U, 0xA0U});
    const std::uint32_t what = pick(100);
    if (what < 40) {
        queue_.push_back(pic_line(pic_pin(), !one_in(2)));
    } else if (what < 41) {
        add_special_mask();
    } else if (what < 42) {
        add_chip_with_requests();
    } else if (what < 53) {
        add_acknowledge();
    } else if (what < 72) {
        const std::uint8_t value = pic_command();
        queue_.push_back(port_out(chip, value));
        if ((value == 0x0A || value == 0x0B || value == 0x0C) && !one_in(3)) queue_.push_back(port_in(chip));
    } else if (what < 82) {
        queue_.push_back(port_out(chip + 1, one_in(2) ? 0 : bits() & 0xFF));
    } else if (what < 90) {
        const auto port = one_of({0x20U, 0x21U, 0xA0U, 0xA1U, 0x4D0U, 0x4D1U});
        queue_.push_back(port_in(port, one_in(8) ? one_of<std::uint8_t>({2, 4}) : std::uint8_t{1}));
    } else if (what < 92) {
        const auto size = one_of<std::uint8_t>({2, 4});
        queue_.push_back(port_out(one_of({0x20U, 0xA0U, 0x4D0U}), bits() >> (32 - 8 * size), size));
    } else if (what < 96) {
        queue_.push_back(port_out(one_of({0x4D0U, 0x4D1U}), one_in(3) ? 0 : bits() & 0xFF));
    } else {
        add_initialization();
    }
}

Operation Generator::any_msi() {
    std::uint32_t offset =
        one_in(3) ? bits() & 0xFFFFC : one_of({0U, 0x1000U, 0xFF000U, 0x2000U, 0x1004U, 0x8U});
    if (one_in(10)) offset |= bits() & 0xFF0;
    std::uint32_t data = one_in(8) ? bits() : pick(256);
    if (one_in(4)) data |= one_of({0x8000U, 0xC000U, 0x4000U, 0x100U, 0x700U});
    return msi(offset, data);
}

Operation Generator::next() {
    while (queue_.empty()) {
        const std::uint32_t what = pick(16);
        if (what < 7)
            add_ioapic();
        else if (what < 15)
            add_pic();
        else
            queue_.push_back(any_msi());
    }
    const Operation operation = queue_.front();
    queue_.pop_front();
    return operation;
}

}  // namespace irqbench::tests::qemu
