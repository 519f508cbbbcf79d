#pragma once

#include <boost/test/unit_test.hpp>
#include <ostream>
#include <span>
#include <string_view>

#include "irqchip/register.hpp"

// What a data sheet says about one register, written down independently of the tables in the code.
namespace irqbench::irqchip {

struct FieldRow {
    std::string_view name;
    unsigned hi;
    unsigned lo;
    Access access;
};

inline std::ostream& operator<<(std::ostream& out, Access access) {
    constexpr std::string_view names[] = {"read-only", "read-write", "write-only"};
    return out << names[static_cast<unsigned>(access)];
}

inline std::ostream& operator<<(std::ostream& out, const RegisterInfo& row) {
    return out << row.name << " at 0x" << std::hex << row.offset << std::dec;
}

inline void check_row(const RegisterInfo& actual, const RegisterInfo& expected) {
    BOOST_TEST_CONTEXT(expected) {
        BOOST_TEST(actual.name == expected.name);
        BOOST_TEST(actual.offset == expected.offset);
        BOOST_TEST(actual.access == expected.access);
        BOOST_TEST(actual.reset == expected.reset);
        BOOST_TEST(actual.writable == expected.writable);
        BOOST_TEST(actual.bits == expected.bits);
        BOOST_TEST(actual.count == expected.count);
        BOOST_TEST(actual.stride == expected.stride);
    }
}

inline void check_table(std::span<const RegisterInfo> actual, std::span<const RegisterInfo> expected) {
    BOOST_REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) check_row(actual[i], expected[i]);
}

inline void check_fields(std::span<const FieldInfo> actual, std::span<const FieldRow> expected) {
    BOOST_REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        BOOST_TEST_CONTEXT(expected[i].name) {
            BOOST_TEST(actual[i].name == expected[i].name);
            BOOST_TEST(actual[i].hi == expected[i].hi);
            BOOST_TEST(actual[i].lo == expected[i].lo);
            BOOST_TEST(actual[i].access == expected[i].access);
        }
    }
}

}  // namespace irqbench::irqchip
