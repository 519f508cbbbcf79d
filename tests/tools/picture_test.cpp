#include "tools/report/picture.hpp"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include "scenarios/engine/signs.hpp"
#include "tests/scenarios/engine/story.hpp"
#include "tools/report/timeline.hpp"

namespace irqbench::tests {

namespace {

using tools::Picture;
using tools::picture_of;
using vmm::event::RestState;

vmm::Event wire_event(std::string text) {
    return event_of(vmm::event::Wire{10, std::move(text)}, vmm::Lane::wire);
}

vmm::Event operation_event(std::string text, std::uint64_t value = 0, std::uint32_t vcpu = 0) {
    return event_of(vmm::event::OperationDone{std::move(text), value, {}}, vmm::Lane::guest, vcpu);
}

vmm::Event rest_event(RestState state, bool interrupts_enabled = true, std::uint32_t in_service = 0) {
    return event_of(vmm::event::Rest{state, interrupts_enabled, 0, in_service}, vmm::Lane::guest, 0);
}

Picture drawn(const Story& story) { return picture_of(tools::recording(story.trace, nullptr), nullptr); }

/// `gsi 10 line high 0-2`, and ` 0x51` where it is of a vector; `-` behind an end: it does not end.
std::string text_of(const Picture& picture) {
    std::string text;
    for (const auto& each : picture.intervals) {
        text += fmt::format("{}{} {} {}-", text.empty() ? "" : "; ", picture.lanes.at(each.lane).name,
                            tools::word(each.state), each.begin);
        if (each.end < picture.marks.size()) text += fmt::format("{}", each.end);
        if (each.vector) text += fmt::format(" {:#x}", *each.vector);
    }
    return text;
}

std::string lanes_of(const Picture& picture) {
    std::string text;
    for (const auto& lane : picture.lanes) text += (text.empty() ? "" : ", ") + lane.name;
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(picture)

BOOST_AUTO_TEST_CASE(lanes_stand_from_the_host_over_lines_and_inputs_to_the_vcpus_each_by_its_number) {
    Story story;
    story.act().happens(taken(0x51, 10)).happens(taken(0x51, 9));
    story.happens(wire_event("ioapic pin 10 up")).happens(wire_event("ioapic pin 9 up"));
    story.happens(wire_event("pic_master IMR = 0xff")).happens(wire_event("a new virtual machine"));
    story.happens(event_of(vmm::event::Call{"parallel", "device: 2 line changes", {}, {}}));
    story.happens(event_of(vmm::event::Kernel{"kvm_set_irq", {}}, vmm::Lane::kernel)).call("raise");
    BOOST_TEST(lanes_of(drawn(story)) ==
               "host, device, gsi 10, ioapic pin 9, ioapic pin 10, pic, wires, kernel, vCPU 9, vCPU 10");
}

BOOST_AUTO_TEST_CASE(a_line_is_high_from_its_raise_to_its_lower) {
    Story story;
    story.act().call("raise").call("raise").call("lower").call("raise");
    BOOST_TEST(text_of(drawn(story)) == "gsi 10 line high 0-2; gsi 10 line high 3-");
}

BOOST_AUTO_TEST_CASE(a_call_that_is_refused_moves_no_line) {
    Story story;
    story.act().call("raise", {0, EINVAL});
    BOOST_TEST(text_of(drawn(story)) == "");
}

BOOST_AUTO_TEST_CASE(a_level_waits_at_a_masked_pin_until_it_is_unmasked_and_is_in_service_until_its_eoi) {
    Story story;
    story.act().happens(wire_event("IOREDTBL[10] = 0x18051"));          // 0
    story.happens(wire_event("ioapic pin 10 up"));                      // 1
    story.happens(wire_event("IOREDTBL[10] = 0x8051"));                 // 2
    story.happens(wire_event("ioapic pin 10 sends vector 0x51 to 0"));  // 3
    story.takes(0x51);                                                  // 4
    story.happens(wire_event("ioapic pin 10 down"));                    // 5
    story.happens(wire_event("ioapic pin 10 ended"));                   // 6
    story.takes(0x61);
    BOOST_TEST(text_of(drawn(story)) ==
               "ioapic pin 10 line high 1-5; ioapic pin 10 masked 0-2; ioapic pin 10 pending 1-3; "
               "ioapic pin 10 in service 3-6 0x51; vCPU 0 pending 3-4 0x51; vCPU 0 in service 4-6 0x51");
}

BOOST_AUTO_TEST_CASE(an_edge_at_a_masked_pin_of_an_ioapic_does_not_wait) {
    Story story;
    story.act().happens(wire_event("IOREDTBL[10] = 0x10051")).happens(wire_event("ioapic pin 10 up"));
    BOOST_TEST(text_of(drawn(story)) == "ioapic pin 10 line high 1-; ioapic pin 10 masked 0-");
}

BOOST_AUTO_TEST_CASE(a_level_that_is_up_at_its_eoi_waits_again) {
    Story story;
    story.act().happens(wire_event("IOREDTBL[10] = 0x8051")).happens(wire_event("ioapic pin 10 up"));
    story.happens(wire_event("ioapic pin 10 sends vector 0x51 to logical 3"));
    story.happens(wire_event("ioapic pin 10 ended")).takes(0x61);
    BOOST_TEST(text_of(drawn(story)) ==
               "ioapic pin 10 line high 1-; ioapic pin 10 pending 1-2; ioapic pin 10 pending 3-; "
               "ioapic pin 10 in service 2-3 0x51");
}

BOOST_AUTO_TEST_CASE(where_the_controller_is_silent_what_the_guest_wrote_tells_what_is_masked) {
    Story story;
    story.act().happens(operation_event("write ioapic 0x24", 0x10051));
    story.happens(operation_event("write ioapic 0x25", 0))
        .happens(operation_event("write ioapic 0x24", 0x51));
    BOOST_TEST(text_of(drawn(story)) == "ioapic pin 10 masked 0-2");
    // Its word comes later than that of a controller that speaks.
    story.happens(wire_event("IOREDTBL[10] = 0x51"));
    BOOST_TEST(text_of(drawn(story)) == "");
}

BOOST_AUTO_TEST_CASE(an_spi_that_is_disabled_keeps_an_edge_until_it_is_taken) {
    Story story;
    story.act().happens(operation_event("icfgr of 42", 0x20000000200000));
    story.happens(operation_event("disable 42", 0x400)).call("raise").call("lower");
    story.happens(operation_event("enable 42", 0x400)).takes(42).takes(43);
    BOOST_TEST(text_of(drawn(story)) == "gsi 10 line high 2-3; gsi 10 masked 1-4; gsi 10 pending 2-5");
}

BOOST_AUTO_TEST_CASE(an_spi_that_is_a_level_waits_no_longer_than_its_line_is_up) {
    Story story;
    story.act().happens(operation_event("icfgr of 42", 0));
    story.happens(operation_event("disable 42", 0x400)).call("raise").call("lower").takes(43);
    BOOST_TEST(text_of(drawn(story)) == "gsi 10 line high 2-3; gsi 10 masked 1-; gsi 10 pending 2-3");
}

BOOST_AUTO_TEST_CASE(a_message_to_one_vcpu_is_pending_there_until_it_is_taken) {
    Story story;
    story.act().happens(event_of(vmm::event::Call{"msi", "0xfee01000 data 0xf1", {}, {1, 0}}));
    story.happens(event_of(vmm::event::Call{"msi", "0xfee01004 data 0xf2", {}, {1, 0}}));
    story.takes(0xf1, 0).takes(0xf1, 1);
    BOOST_TEST(text_of(drawn(story)) == "vCPU 1 pending 0-3 0xf1");
}

BOOST_AUTO_TEST_CASE(a_handler_that_stays_is_in_service_until_the_guest_says_eoi) {
    Story story;
    story.act().takes(0x51).happens(rest_event(RestState::in_handler, true, 0x51));
    story.happens(event_of(vmm::event::GuestEoi{0x51}, vmm::Lane::guest, 0));
    story.takes(0x61).takes(0x61);
    BOOST_TEST(text_of(drawn(story)) == "vCPU 0 in service 0-2 0x51");
}

BOOST_AUTO_TEST_CASE(a_handler_that_is_interrupted_is_in_service_still) {
    Story story;
    story.act().takes(0x51);
    story.happens(event_of(vmm::event::Taken{0x61, vmm::event::Kind::interrupt, 1, 0}, vmm::Lane::guest, 0));
    story.takes(0x71, 1);
    BOOST_TEST(text_of(drawn(story)) == "vCPU 0 in service 0- 0x51");
}

BOOST_AUTO_TEST_CASE(a_vcpu_halts_until_it_does_something) {
    Story story;
    story.act().happens(rest_event(RestState::halted, false));
    story.happens(event_of(vmm::event::Quiet{true, {}, {}}, vmm::Lane::guest, 0));
    story.takes(0x51).happens(rest_event(RestState::idle)).takes(0x61);
    BOOST_TEST(text_of(drawn(story)) == "vCPU 0 halted 0-2; vCPU 0 interrupts off 0-3");
}

BOOST_AUTO_TEST_CASE(a_vcpu_waits_for_its_start) {
    Story story;
    story.act().happens(rest_event(RestState::wait_for_sipi, false)).starts(0).takes(0x51);
    BOOST_TEST(text_of(drawn(story)) == "vCPU 0 waits for its start 0-1");
}

BOOST_AUTO_TEST_CASE(what_was_expected_is_where_it_should_have_been_and_what_came_is_marked) {
    Story story;
    story.act({}, "program").happens(operation_event("write ioapic 0x24", 0x51));
    story.act({}, "raise").call("raise").takes(0x51, 1).claim(in_order({ack(0x52)}), "ack");
    const auto verdict = story.judged();
    BOOST_REQUIRE(verdict.failure.has_value());
    const Picture picture = picture_of(tools::recording(story.trace, &*verdict.failure), &*verdict.failure);
    BOOST_REQUIRE(picture.missed.has_value());
    BOOST_TEST(picture.missed->expected == "ack 0x52 on vCPU 0");
    BOOST_TEST(picture.lanes.at(picture.missed->lane).name == "vCPU 0");
    BOOST_TEST(picture.missed->begin == 1U);
    BOOST_TEST(picture.missed->end == 2U);
    BOOST_TEST((picture.wrong == 2U));
    BOOST_TEST(picture.marks[2].text == "ack 0x51");
}

BOOST_AUTO_TEST_CASE(what_never_came_is_missed_to_the_end_of_its_step) {
    Story story;
    story.act({}, "raise").call("raise").call("lower").claim(in_order({ack(0x51)}), "ack");
    story.act({}, "more").call("raise");
    story.takes(0x99);
    const auto verdict = story.judged();
    BOOST_REQUIRE(verdict.failure.has_value());
    const Picture picture = picture_of(tools::recording(story.trace, &*verdict.failure), &*verdict.failure);
    BOOST_REQUIRE(picture.missed.has_value());
    BOOST_TEST(picture.missed->begin == 0U);
    BOOST_TEST(picture.missed->end == 2U);
    BOOST_TEST(!picture.wrong.has_value());
}

BOOST_AUTO_TEST_CASE(of_a_long_run_what_surrounds_the_failure_is_kept) {
    Story story;
    story.act();
    for (std::uint32_t i = 0; i < 100; ++i) story.takes(0x20 + i);
    scenarios::Failure failure;
    failure.event = 60;
    failure.end = 61;
    const auto kept = tools::recording(story.trace, &failure, 20);
    BOOST_TEST(kept.events.size() == 20U);
    BOOST_TEST(kept.before == 46U);
    BOOST_TEST(kept.after == 34U);
    BOOST_TEST((kept.marked == 14U));
    BOOST_TEST(kept.end == 15U);
    // A storm may follow before its step is over.
    failure.event = 10;
    failure.end = 100;
    BOOST_TEST((tools::recording(story.trace, &failure, 20).marked == 10U));
    const auto passed = tools::recording(story.trace, nullptr, 20);
    BOOST_TEST(passed.before == 0U);
    BOOST_TEST(passed.after == 80U);
}

BOOST_AUTO_TEST_CASE(words_that_only_resemble_those_of_a_controller_are_no_signs) {
    for (const char* text :
         {"ioapic pin", "ioapic pin x up", "ioapic pin 10 upside", "IOREDTBL[10]", "IOREDTBL[] = 1",
          "IOREDTBL[99999999999999999999999] = 0x1", "lapic 0 sends vector", "GIC: INTID 7", ""})
        BOOST_TEST(scenarios::signs_of(wire_event(text)).empty(), text);
    for (const char* text : {"write ioapic 0x", "write ioapic 0x0", "enable", "enable 5", "icfgr of "})
        BOOST_TEST(scenarios::signs_of(operation_event(text, 1)).empty(), text);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests
