#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/scenarios/engine/fake_machine.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/report/timeline.hpp"

using namespace irqbench;
using namespace irqbench::tests;

namespace {

const std::string path_step = R"(, { "path": [ { "kvm_apic_accept_irq": { "vec": "0x51" } } ] })";

struct Traced : Cli {
    Traced() {
        file("plain.json", scenario_text("plain", passing_steps));
        file("path.json", scenario_text("path", passing_steps + path_step));
        asked = [this](const vmm::MachineConfig& config) { traced += config.kernel_trace ? 1 : 0; };
    }
    int traced = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kernel_trace_command, Traced)

BOOST_AUTO_TEST_CASE(only_a_file_with_a_path_has_its_machine_traced) {
    BOOST_TEST(run({"run", folder(), "--irqchip", "kernel"}) == 0);
    BOOST_TEST(machines == 2);
    BOOST_TEST(traced == 1);
}

BOOST_AUTO_TEST_CASE(a_path_that_cannot_be_asserted_is_shown_with_its_reason) {
    run({"run", folder(), "--irqchip", "kernel"});
    BOOST_TEST(out.find("path not asserted\n     1  a fake has no kernel (kernel)\n") != std::string::npos,
               out);
    run({"run", folder() + "/path.json", "--irqchip", "kernel", "--format", "json"});
    const auto report = nlohmann::json::parse(out);
    BOOST_TEST(report["results"][0]["verdict"] == "pass");
    BOOST_TEST(report["results"][0]["unasserted"].dump() == R"(["path of step 3: a fake has no kernel"])");
    run({"run", folder() + "/plain.json", "--irqchip", "kernel", "--format", "json"});
    BOOST_TEST(!nlohmann::json::parse(out)["results"][0].contains("unasserted"));
}

BOOST_AUTO_TEST_CASE(a_wrong_path_fails_where_the_kernel_is_traced) {
    prepare = [](FakeMachine& machine) {
        machine.kernel = {"", {{"kvm_apic_accept_irq", {"vec"}}}};
        machine.causes["msi"] = {
            event_of(vmm::event::Kernel{"kvm_apic_accept_irq", {{"vec", 0x61}}}, vmm::Lane::kernel),
            event_of(vmm::event::Kernel{"kvm_entry", {}}, vmm::Lane::kernel), taken(0x51)};
    };
    BOOST_TEST(run({"run", folder() + "/path.json", "--irqchip", "kernel"}) == 1);
    BOOST_TEST(
        out.find("  expected  kvm_apic_accept_irq vec=0x51\n  came      kvm_apic_accept_irq vec=0x61\n") !=
            std::string::npos,
        out);
    // The timeline shows the kernel's lane, without what every entry brings.
    BOOST_TEST(out.find("kernel  ") != std::string::npos, out);
    BOOST_TEST(out.find("kvm_entry") == std::string::npos, out);
}

BOOST_AUTO_TEST_CASE(the_option_traces_every_machine) {
    BOOST_TEST(run({"run", folder(), "--irqchip", "kernel", "--kernel-trace"}) == 0);
    BOOST_TEST(traced == 2);
}

BOOST_AUTO_TEST_CASE(the_option_is_refused_where_there_is_nothing_to_read) {
    host.untraced = "tracefs is not mounted";
    BOOST_TEST(run({"run", folder(), "--kernel-trace"}) == 3);
    BOOST_TEST(machines == 0);
    BOOST_TEST(err.find("--kernel-trace: tracefs is not mounted") != std::string::npos, err);
    BOOST_TEST(run({"run", folder()}) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
