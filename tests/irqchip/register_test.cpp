#include "irqchip/register.hpp"

#include <boost/test/unit_test.hpp>

namespace irqbench::irqchip {
namespace {

enum class Colour : std::uint8_t { red = 0, green = 5 };

struct Sample : Register<Sample, std::uint32_t, 0x8000'0000> {
    using Register::Register;
    static constexpr std::string_view name = "SAMPLE";
    static constexpr ReadOnlyField<Sample, 31, 31> busy{"busy"};
    static constexpr Field<Sample, 18, 16, Colour> colour{"colour"};
    static constexpr WriteOnlyField<Sample, 8, 8> start{"start"};
    static constexpr Field<Sample, 7, 0> count{"count"};
    static constexpr auto fields = field_list(busy, colour, start, count);
};

struct Other : Register<Other, std::uint32_t> {
    using Register::Register;
    static constexpr std::string_view name = "OTHER";
    static constexpr ReadOnlyField<Other, 7, 0> count{"count"};
    static constexpr auto fields = field_list(count);
};

struct Command : Register<Command, std::uint64_t> {
    using Register::Register;
    static constexpr std::string_view name = "COMMAND";
    static constexpr WriteOnlyField<Command, 63, 0> value{"value"};
    static constexpr auto fields = field_list(value);
};

template <class Reg, class AnyField>
concept Reads = requires(Reg reg, AnyField field) {
    reg.get(field);
};

static_assert(Reads<Sample, decltype(Sample::count)>);
static_assert(!Reads<Sample, decltype(Other::count)>, "a field must not compile on another register");

constexpr std::array table{describe<Sample>(0x00), describe<Other>(0x10, 3, 4),
                           describe<Command>(0x40, 2, 8)};

}  // namespace

BOOST_AUTO_TEST_SUITE(register_idiom)

BOOST_AUTO_TEST_CASE(a_field_reads_the_bits_its_numbers_name) {
    const Sample sample{0x0005'01AB};
    BOOST_TEST(sample.get(Sample::count) == 0xAB);
    BOOST_TEST(sample.get(Sample::start));
    BOOST_TEST((sample.get(Sample::colour) == Colour::green));
    BOOST_TEST(!sample.get(Sample::busy));
}

BOOST_AUTO_TEST_CASE(setting_a_field_leaves_the_others_alone) {
    Sample sample{0xFFFF'FFFF};
    sample.set(Sample::count, std::uint8_t{0x12});
    BOOST_TEST(sample.raw() == 0xFFFF'FF12);
    BOOST_TEST(sample.with(Sample::busy, false).raw() == 0x7FFF'FF12);
    BOOST_TEST(sample.raw() == 0xFFFF'FF12);
}

BOOST_AUTO_TEST_CASE(a_guest_write_changes_writable_fields_only) {
    Sample sample;
    BOOST_TEST(sample.raw() == 0x8000'0000);
    sample.write(0x7FFF'FFFF);
    BOOST_TEST(sample.raw() == 0x8007'01FF);
    sample.write(0);
    BOOST_TEST(sample.raw() == 0x8000'0000);
}

BOOST_AUTO_TEST_CASE(a_partial_write_changes_its_lanes_only) {
    Sample sample{0x8007'01FF};
    sample.write(0, 0x0000'FFFF);
    BOOST_TEST(sample.raw() == 0x8007'0000);
}

BOOST_AUTO_TEST_CASE(a_field_of_64_bits_covers_the_whole_register) {
    BOOST_TEST(Command::writable_mask() == 0xFFFF'FFFF'FFFF'FFFF);
    Command command;
    command.write(0x8000'0000'0000'0001);
    BOOST_TEST(command.get(Command::value) == 0x8000'0000'0000'0001);
}

BOOST_AUTO_TEST_CASE(the_fields_of_a_register_can_be_listed) {
    const auto fields = field_table<Sample>();
    BOOST_REQUIRE(fields.size() == 4);
    BOOST_TEST(fields[1].name == "colour");
    BOOST_TEST(fields[1].hi == 18);
    BOOST_TEST(fields[1].lo == 16);
    BOOST_TEST((fields[0].access == Access::read_only));
    BOOST_TEST((fields[2].access == Access::write_only));
    BOOST_TEST(fields[1].mask() == 0x0007'0000);
    BOOST_TEST(fields[1].extract(0xFFFD'FFFF) == 5);
}

BOOST_AUTO_TEST_CASE(a_table_row_is_made_from_the_register) {
    BOOST_TEST(table[0].name == "SAMPLE");
    BOOST_TEST(table[0].reset == 0x8000'0000);
    BOOST_TEST(table[0].writable == 0x0007'01FF);
    BOOST_TEST(table[0].bits == 32);
    BOOST_TEST((table[0].access == Access::read_write));
    BOOST_TEST((table[1].access == Access::read_only));
    BOOST_TEST((table[2].access == Access::write_only));
    BOOST_TEST(table[2].bits == 64);
}

BOOST_AUTO_TEST_CASE(an_offset_finds_its_register_in_a_run) {
    BOOST_TEST((find_register(table, 0x00)->info == &table[0]));
    BOOST_TEST(!find_register(table, 0x01));
    BOOST_TEST(find_register(table, 0x10)->index == 0);
    BOOST_TEST(find_register(table, 0x1B)->index == 2);
    BOOST_TEST(find_register(table, 0x1B)->part == 3);
    BOOST_TEST(!find_register(table, 0x1C));
    BOOST_TEST(find_register(table, 0x4C)->index == 1);
    BOOST_TEST(find_register(table, 0x4C)->part == 4);
    BOOST_TEST(!find_register(table, 0x50));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::irqchip
