#include "scenarios/engine/kernel_path.hpp"

#include <boost/test/unit_test.hpp>

#include "scenarios/engine/load.hpp"
#include "scenarios/engine/run.hpp"
#include "tests/scenarios/engine/fake_machine.hpp"

using namespace irqbench;
using namespace irqbench::scenarios;
using namespace irqbench::tests;

namespace {

using Element = expect::Path::Element;
using Fields = std::vector<vmm::event::Kernel::Field>;

vmm::Event kernel(std::string name, Fields fields = {}) {
    return event_of(vmm::event::Kernel{std::move(name), std::move(fields)}, vmm::Lane::kernel);
}

expect::Path path(std::vector<Element> elements) {
    return {std::move(elements), {"kvm_set_irq", "kvm_ioapic_set_irq", "kvm_apic_accept_irq", "kvm_eoi"}};
}

const vmm::KernelEvents known{"",
                              {{"kvm_set_irq", {"gsi", "level"}},
                               {"kvm_ioapic_set_irq", {"pin"}},
                               {"kvm_apic_accept_irq", {"vec"}},
                               {"kvm_eoi", {"vector"}}}};

/// A rise of GSI 10 goes all the way.
Story delivered() {
    Story story;
    story.kernel_events = known;
    story.act().call("raise");
    story.happens(kernel("kvm_set_irq", {{"gsi", 10}, {"level", 1}}));
    story.happens(kernel("kvm_ioapic_set_irq", {{"pin", 10}}));
    story.happens(kernel("kvm_apic_accept_irq", {{"vec", 0x51}}));
    story.happens(kernel("kvm_entry"));
    story.happens(kernel("kvm_eoi", {{"vector", 0x51}}));
    return story;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernel_path)

BOOST_AUTO_TEST_CASE(a_path_is_an_ordered_subset) {
    BOOST_TEST(
        passes(delivered().claim(path({{"kvm_set_irq", {{"gsi", 10}}}, {"kvm_eoi", {{"vector", 0x51}}}}))));
    BOOST_TEST(passes(delivered().claim(path({{"kvm_ioapic_set_irq", {}}, {"kvm_apic_accept_irq", {}}}))));
    BOOST_TEST(failure(delivered().claim(path({{"kvm_eoi", {}}, {"kvm_set_irq", {}}}))) ==
               "2: expected kvm_set_irq after kvm_eoi, came nothing");
}

BOOST_AUTO_TEST_CASE(a_failure_names_the_element_and_what_came_since_the_one_before) {
    BOOST_TEST(failure(delivered().claim(
                   path({{"kvm_set_irq", {{"gsi", 10}, {"level", 1}}}, {"kvm_eoi", {{"vector", 0x61}}}}))) ==
               "2: expected kvm_eoi vector=0x61 after kvm_set_irq gsi=10 level=1, came kvm_ioapic_set_irq, "
               "kvm_apic_accept_irq, kvm_eoi vector=0x51");
    BOOST_TEST(failure(delivered().claim(path({{"kvm_set_irq", {{"gsi", 11}}}}))) ==
               "2: expected kvm_set_irq gsi=11, came kvm_set_irq gsi=10, kvm_ioapic_set_irq, "
               "kvm_apic_accept_irq, kvm_eoi");
}

BOOST_AUTO_TEST_CASE(an_event_counts_once_in_a_path) {
    BOOST_TEST(
        failure(delivered().claim(path({{"kvm_set_irq", {}}, {"kvm_set_irq", {}}}))) ==
        "2: expected kvm_set_irq after kvm_set_irq, came kvm_ioapic_set_irq, kvm_apic_accept_irq, kvm_eoi");
}

BOOST_AUTO_TEST_CASE(a_long_list_of_what_came_is_cut) {
    Story story;
    story.kernel_events = known;
    story.act();
    for (std::uint64_t i = 0; i < 10; ++i) story.happens(kernel("kvm_set_irq", {{"gsi", i}}));
    BOOST_TEST(failure(story.claim(path({{"kvm_set_irq", {{"gsi", 16}}}}))).ends_with("gsi=7 and 2 more"));
}

BOOST_AUTO_TEST_CASE(what_was_before_the_last_action_does_not_count) {
    BOOST_TEST(failure(delivered().act().claim(path({{"kvm_eoi", {}}}))) ==
               "3: expected kvm_eoi, came nothing");
    // An assertion between them is no action.
    BOOST_TEST(passes(delivered().takes(0x51).claim(in_order({ack(0x51)})).claim(path({{"kvm_eoi", {}}}))));
}

BOOST_AUTO_TEST_CASE(where_the_kernel_was_not_traced_the_rest_of_the_file_counts) {
    Story story = delivered();
    story.kernel_events = {"tracefs is not mounted", {}};
    story.takes(0x51).claim(path({{"kvm_eoi", {{"vector", 0x61}}}}));
    BOOST_TEST(failure(story) == "2: expected nothing more, came ack 0x51 on vCPU 0");
    story.claim(in_order({ack(0x51)}));
    const Verdict verdict = story.judged();
    BOOST_TEST((verdict.kind == Verdict::Kind::pass));
    const std::vector<std::string> expected{"path of step 2: tracefs is not mounted"};
    BOOST_TEST(verdict.unasserted == expected, boost::test_tools::per_element());
    BOOST_TEST((verdict.unasserted_steps == std::set<std::uint32_t>{2}));
}

BOOST_AUTO_TEST_CASE(an_event_or_field_that_this_kernel_lacks_is_not_asked_for) {
    const auto unasserted = [](const Story& story) {
        const Verdict verdict = story.judged();
        BOOST_TEST((verdict.kind == Verdict::Kind::pass));
        return verdict.unasserted.empty() ? std::string() : verdict.unasserted.front();
    };
    BOOST_TEST(unasserted(delivered().claim(path({{"kvm_pv_eoi", {}}}))) ==
               "path of step 2: this kernel has no event kvm_pv_eoi");
    BOOST_TEST(unasserted(delivered().claim(path({{"kvm_eoi", {{"apicid", 0}}}}))) ==
               "path of step 2: kvm_eoi of this kernel has no field apicid");
    BOOST_TEST(unasserted(delivered().claim(path({{"kvm_eoi", {{"vector", 0x51}}}}))).empty());
}

BOOST_AUTO_TEST_CASE(lost_events_make_an_error_of_what_would_be_a_failure) {
    Story story = delivered();
    story.happens(event_of(vmm::event::KernelLost{3}, vmm::Lane::kernel));
    BOOST_TEST(passes(Story(story).claim(path({{"kvm_eoi", {}}}))));
    const Verdict verdict = story.claim(path({{"kvm_eoi", {{"vector", 0x61}}}})).judged();
    BOOST_TEST((verdict.kind == Verdict::Kind::error));
    BOOST_TEST(verdict.reason.find("were not all kept") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_free_run_waits_for_the_end_of_the_path) {
    const Scenario scenario = load_text(
        R"({ "name": "n", "arch": "x86_64", "source": "s", "steps": [
             { "msi": { "vector": "0x51" } }, { "ack": "0x51" },
             { "path": [ "kvm_apic_accept_irq", { "kvm_eoi": { "vector": "0x51" } } ] } ] })",
        "n.json");
    BOOST_TEST(needs_kernel_trace(scenario));
    vmm::Trace trace;
    FakeMachine machine(trace);
    machine.kernel = known;
    machine.causes["msi"] = {taken(0x51), kernel("kvm_apic_accept_irq", {{"vec", 0x51}})};
    machine.on_wait = [&](const std::function<bool()>& enough) {
        if (enough()) return;
        trace.add(kernel("kvm_eoi", {{"vector", 0x51}}));
        BOOST_TEST(enough());
    };
    RunOptions options;
    options.config = scenario.config;
    options.config.run = vmm::RunMode::free;
    const auto performance = perform(scenario, machine, trace, options);
    BOOST_TEST((judge(scenario, performance, trace.events()).kind == Verdict::Kind::pass));
}

BOOST_AUTO_TEST_SUITE_END()
