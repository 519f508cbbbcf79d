#include "tools/import/trace.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/import/playing.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/import/architecture.hpp"
#include "tools/import/kvm_events.hpp"
#include "tools/import/machines.hpp"
#include "tools/import/text_line.hpp"

using namespace irqbench;
using namespace irqbench::importing;
using irqbench::tests::Cli;

namespace {

std::string entry(const std::string& time, const std::string& thread, int vcpu) {
    return "CPU 0/KVM-" + thread + " [000] d..1. " + time + ": kvm_entry: vcpu " + std::to_string(vcpu) +
           ", rip 0x1000\n";
}

std::string error_of(const std::string& file) {
    try {
        static_cast<void>(read_trace(file));
    } catch (const TraceError& error) {
        return error.what();
    }
    return "";
}

Event event_of(const std::string& name, const std::string& text) {
    Event event;
    BOOST_TEST((read_kvm_event(name, text, event) == Meaning::event), name << ": " << text);
    return event;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reading, Cli)

BOOST_AUTO_TEST_CASE(a_line_of_ftrace_is_read_whatever_the_thread_is_called) {
    const auto line =
        read_text_line("  CPU [1] - 0/KVM-4711  ( 4700) [002] d..1.   5.103600: kvm_entry: vcpu 0, rip 0x1");
    BOOST_REQUIRE(line.has_value());
    BOOST_TEST(line->command == "CPU [1] - 0/KVM");
    BOOST_TEST(line->thread == 4711U);
    BOOST_TEST(line->process == 4700U);
    BOOST_TEST(line->cpu == 2U);
    BOOST_TEST(line->at_ns == 5'103'600'000U);
    BOOST_TEST(line->name == "kvm_entry");
    BOOST_TEST(line->text == "vcpu 0, rip 0x1");
}

BOOST_AUTO_TEST_CASE(a_line_of_perf_is_read_with_and_without_cpu) {
    for (const char* text : {"CPU 0/KVM 4700/4711 [002] 5.103600123:   kvm:kvm_eoi: apicid 0 vector 81",
                             "CPU 0/KVM 4700/4711 5.103600123:   kvm:kvm_eoi: apicid 0 vector 81"}) {
        const auto line = read_text_line(text);
        BOOST_REQUIRE(line.has_value());
        BOOST_TEST(line->command == "CPU 0/KVM");
        BOOST_TEST(line->thread == 4711U);
        BOOST_TEST(line->process == 4700U);
        BOOST_TEST(line->at_ns == 5'103'600'123U);
        BOOST_TEST(line->name == "kvm_eoi");
    }
}

BOOST_AUTO_TEST_CASE(what_old_and_new_kernels_print_is_the_same_event) {
    BOOST_TEST(event_of("kvm_inj_virq", "irq 81").a == 0x51U);
    BOOST_TEST(event_of("kvm_inj_virq", "IRQ 0x51").a == 0x51U);
    BOOST_TEST(!event_of("kvm_inj_virq", "IRQ 0x51").flag);
    BOOST_TEST(event_of("kvm_inj_virq", "IRQ 0x51 [reinjected]").flag);
    BOOST_TEST(event_of("kvm_entry", "vcpu 3").a == 3U);
    BOOST_TEST(event_of("kvm_entry", "vcpu 3, rip 0x1[immediate exit]").a == 3U);
    BOOST_TEST(event_of("kvm_eoi", "apicid 1f vector -1").b > 0xffU);
    const Event pin =
        event_of("kvm_ioapic_set_irq", "pin 10 dst 3 vec 81 (LowPrio|logical|level|masked) (coalesced)");
    BOOST_TEST(pin.value == (std::uint64_t{3} << 56 | 0x18951U));
    Event event;
    BOOST_TEST((read_kvm_event("kvm_eoi", "apicid", event) == Meaning::malformed));
    BOOST_TEST((read_kvm_event("kvm_fpu", "load", event) == Meaning::irrelevant));
    // It only follows the kvm_eoi of the same EOI (apic_sync_pv_eoi_from_guest()).
    BOOST_TEST((read_kvm_event("kvm_pv_eoi", "apicid 0 vector 236", event) == Meaning::irrelevant));
    BOOST_TEST(event_of("kvm_pic_set_irq", "chip 0 pin 0 (edge) (coalesced)").b == 1U);
    BOOST_TEST(event_of("kvm_pic_set_irq", "chip 0 pin 0 (edge|masked)").b == 0U);
}

BOOST_AUTO_TEST_CASE(events_of_several_cpus_are_put_in_order_of_time) {
    const auto trace = read_trace(file("t.txt", entry("2.000001", "11", 1) + entry("1.5", "10", 0)));
    BOOST_REQUIRE(trace.events.size() == 2U);
    BOOST_TEST(trace.events[0].thread == 10U);
    BOOST_TEST(trace.events[1].thread == 11U);
}

BOOST_AUTO_TEST_CASE(what_is_lost_is_said) {
    const std::string text = "# entries-in-buffer/entries-written: 2/5   #P:1\n" + entry("1.0", "10", 0) +
                             "CPU:0 [LOST 123 EVENTS]\n" + entry("2.0", "10", 1);
    const auto trace = read_trace(file("t.txt", text));
    BOOST_TEST(trace.begins_late);
    BOOST_REQUIRE(trace.events.size() == 3U);
    BOOST_TEST((trace.events[1].kind == Event::Kind::lost));
    BOOST_TEST(trace.events[1].value == 123U);
}

BOOST_AUTO_TEST_CASE(an_error_names_the_line) {
    const std::string good = entry("1.0", "10", 0);
    const std::string words =
        file("words.txt", good + "CPU 0/KVM-10 [000] d..1. 1.1: kvm_eoi: apicid what\n");
    BOOST_TEST(error_of(words) == words + ":2: kvm_eoi in words that no known kernel writes");
    const std::string noise = file("noise.txt", good + good + std::string("\0\xff]\n", 4) + good);
    BOOST_TEST(error_of(noise) == noise + ":3: no line of ftrace, trace-cmd report or perf script");
    const std::string line = file("long.txt", good + std::string(100'000, 'x') + "\n");
    BOOST_TEST(error_of(line) == line + ":2: a line of more than 65536 bytes");
    const std::string other = file("other.txt", "a-1 [000] 1.0: sched_switch: a ==> b\n");
    BOOST_TEST(error_of(other).find("no events of KVM") != std::string::npos);
    BOOST_TEST(!error_of(file("trace.dat", std::string("\x17\x08\x44tracing6\0", 12))).empty());
    BOOST_TEST(!error_of(file("empty.txt", "")).empty());
}

BOOST_AUTO_TEST_CASE(a_thread_that_enters_more_vcpus_than_kvm_has_is_refused) {
    std::string text;
    for (int vcpu = 0; vcpu <= 16'384; ++vcpu) text += entry("1.0", "10", vcpu);
    const std::string many = file("many.txt", text);
    BOOST_TEST(error_of(many) == many + ":16385: a thread that enters more than 16384 vCPUs");
}

BOOST_AUTO_TEST_CASE(a_trace_may_end_inside_of_a_line) {
    const auto trace =
        read_trace(file("t.txt", entry("1.0", "10", 0) + "CPU 0/KVM-10 [000] d..1. 1.1: kvm_eoi: api"));
    BOOST_TEST(trace.is_cut_off);
    BOOST_TEST(trace.events.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_trace_of_an_arm64_host_is_known_by_its_first_own_event) {
    const std::string text =
        "vmm-10 [000] ...1. 1.0: kvm_timer_update_irq: VCPU: 3, IRQ 27, level 0\n"
        "vmm-10 [000] d..1. 1.1: kvm_entry: PC: 0x0000000000080000\n"
        "vmm-10 [000] ..... 1.2: kvm_mmio: mmio write len 8 gpa 0x8006150 val 0x100000001\n"
        "vmm-11 [000] ..... 1.3: kvm_irq_line: Inject VGIC SPI interrupt (1), vcpu->idx: 0, num: 42, level: "
        "1\n"
        "vmm-11 [000] ..... 1.4: vgic_update_irq_pending: VCPU: 0, IRQ 42, level: 1\n";
    const auto trace = read_trace(file("arm64.txt", text));
    BOOST_TEST(trace.architecture->name == "arm64");
    BOOST_REQUIRE(trace.events.size() == 5U);
    // An entry names no vCPU: it is that whose timers the thread has set.
    BOOST_TEST((trace.events[1].kind == Event::Kind::entry));
    BOOST_TEST(trace.events[1].a == 3U);
    BOOST_TEST(trace.events[2].value == 0x1'0000'0001U);
    BOOST_TEST((trace.events[3].kind == Event::Kind::irq_line));
    BOOST_TEST((trace.events[4].kind == Event::Kind::line));
    BOOST_TEST(trace.events[4].b == 42U);
    BOOST_TEST(trace.events[4].flag);
}

BOOST_AUTO_TEST_CASE(entries_on_arm64_between_which_nothing_happens_are_one) {
    std::string text = "vmm-10 [000] ...1. 1.0: kvm_timer_update_irq: VCPU: 0, IRQ 27, level 0\n";
    for (int i = 0; i < 5; ++i)
        text +=
            "vmm-10 [000] d..1. 1.1: kvm_entry: PC: 0x80000\n"
            "vmm-10 [000] ...1. 1.1: kvm_exit: IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0x80000\n";
    const auto trace = read_trace(file("arm64.txt", text));
    BOOST_REQUIRE(trace.events.size() == 3U);
    BOOST_TEST((trace.events[2].kind == Event::Kind::leave));
    BOOST_TEST(choose_machine(trace, {}).entries == 5U);
}

BOOST_AUTO_TEST_CASE(a_part_of_a_trace_is_chosen_by_its_time) {
    const std::string text = entry("1.0", "10", 0) +
                             "CPU 0/KVM-10 [000] ... 1.5: kvm_eoi: apicid 0 vector 81\n" +
                             "CPU 0/KVM-10 [000] ... 2.5: kvm_eoi: apicid 0 vector 82\n";
    const auto trace = read_trace(file("t.txt", text), {2'000'000'000, 3'000'000'000});
    BOOST_REQUIRE(trace.events.size() == 2U);  // who ran which vCPU before is kept
    BOOST_TEST(trace.events[1].b == 82U);
}

BOOST_AUTO_TEST_CASE(the_machine_that_was_entered_most_is_chosen_unless_one_is_named) {
    std::string text = entry("1.0", "10", 0) + entry("1.1", "11", 1) + entry("1.2", "20", 0);
    for (int i = 0; i < 9; ++i) text += entry("1." + std::to_string(3 + i), "21", 1);
    const auto trace = read_trace(file("t.txt", text));
    const Machine most = choose_machine(trace, {});
    BOOST_TEST((most.threads == std::set<std::uint32_t>{20, 21}));
    BOOST_TEST((most.others_threads == std::set<std::uint32_t>{10, 11}));
    BOOST_TEST((choose_machine(trace, {11, ""}).threads == std::set<std::uint32_t>{10, 11}));
    BOOST_CHECK_THROW(choose_machine(trace, {99, ""}), TraceError);
    BOOST_CHECK_THROW(choose_machine(trace, {0, "qemu"}), TraceError);
}

BOOST_AUTO_TEST_SUITE_END()
