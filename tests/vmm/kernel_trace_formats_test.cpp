#include "vmm/kernel_trace_formats.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>

namespace irqbench::vmm {

namespace {

/// Its `print fmt` has what no library reads, and what libtraceevent leaks when it reads it.
constexpr const char* set_irq_format = R"(name: kvm_set_irq
ID: 1720
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:unsigned int gsi;	offset:8;	size:4;	signed:0;
	field:int level;	offset:12;	size:4;	signed:1;
	field:bool odd;	offset:16;	size:1;	signed:0;
	field:u8 bytes[15];	offset:17;	size:15;	signed:0;
	field:__data_loc char[] text;	offset:32;	size:4;	signed:1;

print fmt: "gsi %u %s%d %s", REC->gsi, !REC->odd ? "" : __print_symbolic(REC->odd, { }), REC->level, unknown_macro(REC->text)
)";

/// As the ring buffer has it: type 1720, thread 4711, gsi 10, level -1, odd 1.
std::vector<std::byte> set_irq_record() {
    std::vector<std::byte> record(36);
    const auto put = [&record](std::size_t offset, auto value) {
        std::memcpy(record.data() + offset, &value, sizeof value);
    };
    put(0, std::uint16_t{1720});
    put(4, std::uint32_t{4711});
    put(8, std::uint32_t{10});
    put(12, std::int32_t{-1});
    put(16, std::uint8_t{1});
    return record;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernel_trace_formats)

BOOST_AUTO_TEST_CASE(a_record_is_read_by_the_kernels_own_description) {
    KernelTraceFormats formats;
    BOOST_REQUIRE(formats.add(set_irq_format));
    const auto record = formats.decode(set_irq_record());
    BOOST_REQUIRE(record);
    BOOST_TEST(record->thread == 4711U);
    BOOST_TEST(kernel_event_text(record->event) == "kvm_set_irq gsi=10 level=0xffffffff odd=1");
}

BOOST_AUTO_TEST_CASE(text_and_arrays_are_no_fields) {
    KernelTraceFormats formats;
    formats.add(set_irq_format);
    const KernelEvents events = formats.events();
    BOOST_TEST(events.unavailable.empty());
    BOOST_REQUIRE(events.fields.contains("kvm_set_irq"));
    const std::vector<std::string> expected{"gsi", "level", "odd"};
    BOOST_TEST(events.fields.at("kvm_set_irq") == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_record_that_is_cut_off_or_unknown_is_left_out) {
    KernelTraceFormats formats;
    BOOST_TEST(!formats.decode(set_irq_record()));
    formats.add(set_irq_format);
    auto record = set_irq_record();
    for (const std::size_t size : {0U, 1U, 7U, 11U, 16U}) {
        BOOST_TEST(!formats.decode(std::span(record).first(size)), size);
    }
    BOOST_TEST(formats.decode(std::span(record).first(17)).has_value());
    record[0] = std::byte{1};
    BOOST_TEST(!formats.decode(record));
}

BOOST_AUTO_TEST_CASE(what_is_no_description_is_refused) {
    KernelTraceFormats formats;
    BOOST_TEST(!formats.add(""));
    BOOST_TEST(!formats.add("name:"));
    BOOST_TEST(
        !formats.add("\x7f"
                     "ELF"));
    BOOST_TEST(formats.events().fields.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm
