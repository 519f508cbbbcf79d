#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include "tests/import/playing.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/import/event.hpp"

using namespace irqbench;
using namespace irqbench::tests;

namespace {

/// A trace of one vCPU, or of several with a thread each, line by line.
class Lines {
  public:
    Lines& event(const std::string& words, std::uint32_t vcpu = 0) {
        text_ += fmt::format("vmm-{} [000] ..... {}.{:06}: {}\n", 10 + vcpu, now_ / 1'000'000,
                             now_ % 1'000'000, words);
        ++now_;
        return *this;
    }
    Lines& enter(std::uint32_t vcpu = 0) {
        return event(fmt::format("kvm_timer_update_irq: VCPU: {}, IRQ 27, level 0", vcpu), vcpu)
            .event("kvm_entry: PC: 0x80000", vcpu);
    }
    Lines& leave(std::uint32_t vcpu = 0) {
        return event("kvm_exit: IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0x80000", vcpu);
    }
    Lines& line(std::uint64_t intid, int level) {
        return event("kvm_irq_line: Inject VGIC SPI interrupt (1), vcpu->idx: 0, num: 0, level: 0", 90)
            .event(fmt::format("vgic_update_irq_pending: VCPU: 0, IRQ {}, level: {}", intid, level), 90);
    }
    Lines& write(std::uint64_t address, unsigned bytes, std::uint64_t value) {
        return event(fmt::format("kvm_mmio: mmio write len {} gpa {:#x} val {:#x}", bytes, address, value));
    }
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
    std::uint64_t now_ = 1'000'000;
};

/// SPI 42 of vCPU 0, level-sensitive as it is at reset.
Lines set_up() {
    Lines lines;
    lines.enter().leave().write(0x8006150, 8, 0).write(0x800042a, 1, 0xa0).write(0x8000104, 4, 0x400).enter();
    return lines;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(imports_of_arm64, Cli)

BOOST_AUTO_TEST_CASE(what_is_acknowledged_is_inferred_and_marked) {
    const std::string text =
        imported(file("t.txt", set_up().line(42, 1).event("kvm_ack_irq: irqchip 0 pin 10").text()));
    BOOST_TEST(has(text, R"({ "ack": 42 },  // inferred)"), text);
    BOOST_TEST(has(text, R"("machine": { "gic": "v3")"), text);
    BOOST_TEST(has(text, R"({ "handler": { "intid": 42, "stays": true } })"), text);
}

BOOST_AUTO_TEST_CASE(a_level_that_falls_without_an_end_was_not_taken) {
    const std::string left = imported(file("left.txt", set_up()
                                                           .line(42, 1)
                                                           .event("kvm_ack_irq: irqchip 0 pin 10")
                                                           .line(42, 0)
                                                           .enter()
                                                           .line(42, 1)
                                                           .line(42, 0)
                                                           .leave()
                                                           .enter()
                                                           .text()));
    BOOST_TEST(has(left, R"({ "mask": 0 },  // inferred)"), left);
    BOOST_TEST(has(left, R"({ "unmask": 0 })"), left);
}

BOOST_AUTO_TEST_CASE(what_comes_before_an_entry_is_taken_by_its_priority) {
    auto lines = set_up();
    lines.leave().write(0x8000c08, 4, 0xa00000).write(0x8000104, 4, 0x800).write(0x800042b, 1, 0x40);
    const std::string text = imported(file("t.txt", lines.line(42, 1).line(43, 1).enter().text()));
    BOOST_TEST((play_on_the_model(text) == Taken{{0, {"0x2b", "0x2a"}}}), text);
}

BOOST_AUTO_TEST_CASE(a_vcpu_that_psci_starts_waits_for_it) {
    auto lines = set_up();
    lines.event("kvm_hvc_arm64: HVC at 0x80000 (r0: 0x00000000c4000003, imm: 0x0)").enter(1).line(42, 1);
    const std::string text = imported(file("t.txt", lines.event("kvm_ack_irq: irqchip 0 pin 10").text()));
    BOOST_TEST(has(text, R"("vcpus":  { "count": 2, "started": 1 })"), text);
    BOOST_TEST(has(text, R"({ "cpu_on": { "vcpu": 1, "from": 0 } })"), text);
    BOOST_TEST((play_on_the_model(text) == Taken{{0, {"0x2a"}}}), text);
}

BOOST_AUTO_TEST_CASE(a_guest_that_set_up_its_gic_before_the_trace_has_it_inferred) {
    auto lines = Lines().enter(0).enter(1).line(42, 1).leave(1);
    const std::string text =
        imported(file("t.txt", lines.event("kvm_ack_irq: irqchip 0 pin 10", 1).line(42, 0).enter(1).text()));
    BOOST_TEST(has(text, R"({ "spi": { "intid": 42, "trigger": "level", "to": 1 } })"), text);
    BOOST_TEST(has(text, R"({ "ack": { "vcpu": 1, "intid": 42 } },  // inferred)"), text);
}

BOOST_AUTO_TEST_CASE(what_no_event_has_is_counted_in_a_remark) {
    auto lines = set_up();
    lines.line(42, 1).leave().event("kvm_sys_access: PC: 80000 SYS_ICC_SGI1R_EL1 (3,0,12,11,5) write");
    lines.write(0x8090000, 8, 1).write(0x80a0070, 8, 1).write(0x8080000, 4, 1).enter();
    const std::string text = imported(file("t.txt", lines.text()));
    BOOST_TEST(has(text, "1 SGIs by system registers are left out"), text);
    BOOST_TEST(has(text, "2 accesses to an ITS are left out"), text);
    BOOST_TEST(has(text, "1 writes to registers of LPIs are left out"), text);
}

BOOST_AUTO_TEST_CASE(numbers_beyond_every_gic_are_left_out) {
    auto lines = set_up();
    for (const char* words : {"vgic_update_irq_pending: VCPU: 4294967295, IRQ 4294967295, level: 1",
                              "vgic_update_irq_pending: VCPU: 4294967295, IRQ 20, level: 1",
                              "vgic_update_irq_pending: VCPU: -1, IRQ 1023, level: 1",
                              "kvm_timer_update_irq: VCPU: 4294967295, IRQ 4294967295, level 1",
                              "kvm_ack_irq: irqchip 0 pin 4294967295",
                              "kvm_mmio: mmio write len 64 gpa 0xffffffffffffffff val 0x0",
                              "kvm_mmio: mmio write len 8 gpa 0x8007ff8 val 0xffffffffffffffff",
                              "kvm_mmio: mmio write len 1 gpa 0x80007ff val 0xff",
                              "kvm_mmio: mmio read len 4 gpa 0x8000004 val 0xffffffff"})
        lines.event(words, 90);
    lines.write(0x80003fc, 4, UINT32_MAX).write(0x800ffff, 1, 0xff).write(0x8006100, 8, UINT64_MAX);
    lines.write(0x800017c, 4, UINT32_MAX).write(0x8000400, 2, 1).line(42, 1).enter();
    const std::string path = file("t.txt", lines.text());
    const std::string text = imported(path);
    BOOST_TEST(has(text, R"("spis": 64)"), text);
    BOOST_TEST(has(text, "changes of lines that the GIC does not have are left out"), text);
    BOOST_TEST(run({"import", path, "-o", folder() + "/t.json"}) == 0, err);
    BOOST_TEST(run({"check", folder() + "/t.json"}) == 0, out + err + text);
    const std::string ids = file("ids.txt", Lines().enter(600).line(42, 1).text());
    BOOST_TEST(run({"import", ids}) == 2);
    BOOST_TEST(has(err, "KVM of arm64 has ids below 512"), err);
}

BOOST_AUTO_TEST_CASE(a_timer_that_no_scenario_sets_is_left_out) {
    auto lines = set_up();
    lines.event("kvm_timer_update_irq: VCPU: 0, IRQ 30, level 1").line(42, 1).enter();
    const std::string text = imported(file("t.txt", lines.text()));
    BOOST_TEST(has(text, "1 interrupts of other timers than the virtual one are left out"), text);
    BOOST_TEST((play_on_the_model(text) == Taken{{0, {"0x2a"}}}), text);
}

BOOST_AUTO_TEST_CASE(vcpus_go_by_their_ids_where_others_never_ran) {
    Lines lines;
    lines.enter(1).leave(1);
    for (const char* write : {"len 4 gpa 0x80d0080 val 0x100000", "len 4 gpa 0x80d0100 val 0x100000"})
        lines.event(std::string("kvm_mmio: mmio write ") + write, 1);
    lines.enter(1).event("vgic_update_irq_pending: VCPU: 1, IRQ 20, level: 1", 90).enter(1);
    const std::string text = imported(file("t.txt", lines.text()));
    BOOST_TEST(has(text, R"({ "enable": 20 })"), text);
    BOOST_TEST(has(text, R"({ "raise": { "ppi": 20, "vcpu": 0 } })"), text);
}

BOOST_AUTO_TEST_CASE(a_private_line_that_another_thread_has_raised_falls) {
    const auto ppi = [](int level) {
        return fmt::format("vgic_update_irq_pending: VCPU: 0, IRQ 20, level: {}", level);
    };
    auto lines = set_up();
    lines.event(ppi(0)).event(ppi(1), 90).event(ppi(0)).line(42, 1).enter();
    const std::string text = imported(file("t.txt", lines.text()));
    const auto raise = text.find(R"({ "raise": { "ppi": 20, "vcpu": 0 } })");
    BOOST_TEST_REQUIRE(raise != std::string::npos, text);
    BOOST_TEST(has(text.substr(raise), R"({ "lower": { "ppi": 20, "vcpu": 0 } })"), text);
}

BOOST_AUTO_TEST_CASE(which_vcpu_a_thread_runs_is_known_from_before_the_span) {
    auto lines = set_up();
    const std::string path = file("t.txt", lines.leave().line(42, 1).enter().text());
    BOOST_TEST(run({"import", path, "--from", "1.000002"}) == 0, err);
    BOOST_TEST(has(out, R"("ack": 42)"), out);
}

BOOST_AUTO_TEST_CASE(what_the_gic_ignores_gets_no_verb_that_does_it) {
    auto lines = set_up();
    lines.leave().write(0x8000100, 4, 0x8000000).write(0x80b0104, 4, 0x400);
    lines.write(0x8010000, 8, 0x1'0000'0001).enter().line(42, 1).enter();
    const std::string path = file("t.txt", lines.text());
    const std::string text = imported(path);
    BOOST_TEST(!has(text, R"("enable": 27)"), text);
    BOOST_TEST(run({"import", path, "-o", folder() + "/t.json"}) == 0, err);
    BOOST_TEST(run({"check", folder() + "/t.json"}) == 0, out + err + text);
}

BOOST_AUTO_TEST_CASE(storms_are_not_looked_for) {
    const std::string path = file("t.txt", set_up().line(42, 1).text());
    BOOST_TEST(run({"import", path, "--storm", "10"}) == 2);
    BOOST_TEST(has(err, "storms are not looked for in traces of arm64 hosts"), err);
}

BOOST_AUTO_TEST_SUITE_END()
