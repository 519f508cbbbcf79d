#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <span>

#include "irqchip/arm64/gic_register.hpp"
#include "tests/irqchip/register_rows.hpp"

// What a manual says of a GIC register, written down independently of the tables in the code, and what
// follows for a guest.
namespace irqbench::irqchip::arm64 {

/// What a write of ones changes.
enum class Kind : std::uint8_t { state, set, clear, command };

struct GicRow {
    RegisterInfo info;
    Kind kind = Kind::state;
    bool bytes = false;
    /// Only registers of the run from here up to there are not reserved; there are those of INTIDs that do
    /// not exist, and those another frame has.
    std::uint32_t first = 0;
    std::uint32_t last = 0xFFFF;
    /// So many of the run behave differently and have a test of their own.
    std::uint32_t apart = 0;

    bool exists(std::uint32_t i) const { return i >= first && i <= last; }
};

inline void check_gic_table(std::span<const GicRegister> actual, std::span<const GicRow> expected) {
    BOOST_REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        check_row(actual[i].info, expected[i].info);
        BOOST_TEST(actual[i].bytes == expected[i].bytes, expected[i].info.name);
    }
}

/// Checks every register of every row on chips that `make` makes; they have read(offset, size) and
/// write(offset, size, value). Registers that a write leads from `set` to `clear` come in pairs 0x80 apart.
template <class Make>
void check_behaviour(std::span<const GicRow> rows, Make make) {
    for (const GicRow& row : rows) {
        for (std::uint32_t i = row.apart; i < row.info.count; ++i) {
            const std::uint32_t offset = row.info.offset + i * row.info.stride;
            const unsigned size = row.info.bits / 8;
            const std::uint64_t ones = ~std::uint64_t{0} >> (64 - row.info.bits);
            const std::uint64_t reset = row.exists(i) ? row.info.reset : 0;
            const std::uint64_t writable = row.exists(i) ? row.info.writable : 0;
            BOOST_TEST_CONTEXT(row.info << ", number " << i) {
                auto chip = make();
                if (row.info.access == Access::write_only || row.kind == Kind::command) {
                    BOOST_TEST(chip.read(offset, size) == 0);
                    continue;
                }
                BOOST_TEST(chip.read(offset, size) == reset);
                if (row.kind == Kind::clear) chip.write(offset - 0x80, size, ones);
                chip.write(offset, size, ones);
                BOOST_TEST(chip.read(offset, size) ==
                           (row.kind == Kind::clear ? reset & ~writable : reset | writable));
                chip.write(offset, size, 0);
                BOOST_TEST(chip.read(offset, size) ==
                           (row.kind == Kind::set ? reset | writable : reset & ~writable));
                if (row.kind != Kind::state) continue;
                for (unsigned bit = 0; bit < row.info.bits; ++bit) {
                    const std::uint64_t one = std::uint64_t{1} << bit;
                    chip.write(offset, size, one);
                    BOOST_TEST(chip.read(offset, size) == ((reset & ~writable) | (writable & one)));
                }
            }
        }
    }
}

/// Accesses of other sizes than a row allows, and misaligned ones, read zero and change nothing.
template <class Make>
void check_widths(std::span<const GicRow> rows, Make make) {
    for (const GicRow& row : rows) {
        BOOST_TEST_CONTEXT(row.info) {
            const std::uint32_t number = std::max(row.first, row.apart);
            const std::uint32_t offset = row.info.offset + number * row.info.stride;
            for (const unsigned size : {1U, 2U, 3U, 4U, 8U}) {
                for (std::uint32_t inside = 0; inside < row.info.stride; ++inside) {
                    auto chip = make();
                    const auto before = chip;
                    const bool right_size =
                        size == 4 || (size == 1 && row.bytes) || (size == 8 && row.info.bits == 64);
                    const bool allowed = right_size && inside % size == 0;
                    const std::uint64_t lanes = (~std::uint64_t{0} >> (64 - 8 * size)) << 8 * inside;
                    const std::uint64_t value = chip.read(offset + inside, size);
                    if (!allowed) BOOST_TEST(value == 0);
                    if (allowed && row.info.access != Access::write_only && row.kind != Kind::command)
                        BOOST_TEST(value == (row.info.reset & lanes) >> 8 * inside);
                    chip.write(offset + inside, size, ~std::uint64_t{0});
                    if (!allowed || row.info.access == Access::read_only) BOOST_TEST((chip == before));
                    if (allowed && row.kind == Kind::state && row.info.bits >= 8 * size)
                        BOOST_TEST(chip.read(offset, row.info.bits / 8) ==
                                   (row.info.reset | (row.info.writable & lanes)));
                }
            }
        }
    }
}

}  // namespace irqbench::irqchip::arm64
