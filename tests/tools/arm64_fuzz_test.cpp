#include "tools/fuzz/arm64/architecture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "scenarios/engine/load.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/fuzz/arm64/features.hpp"
#include "tools/fuzz/expectations.hpp"
#include "tools/fuzz/shrinker.hpp"
#include "vmm/factory.hpp"

namespace irqbench::tests {

namespace {

namespace fuzz = tools::fuzz;
namespace feature = fuzz::arm64::feature;
using fuzz::Case;
using fuzz::Json;

const fuzz::Heading arm_heading{"generated", "a test", {}};
const fuzz::Player arm_model(vmm::make_machine, "model");

Case make_arm(std::uint64_t seed, std::uint64_t number, const fuzz::GeneratorOptions& options = {}) {
    return fuzz::generate(fuzz::arm64::architecture, seed, number, options);
}

/// On a GICv3.
Case arm_case(std::vector<Json> steps, std::uint32_t vcpus = 1) {
    return {&fuzz::arm64::architecture, vcpus, {{"machine", {{"gic", "v3"}}}}, std::move(steps)};
}

std::vector<std::string> kept_of(const Case& each) {
    std::vector<std::string> kept;
    for (const Json& step : arm_model.begin(each).each.steps) kept.push_back(step.dump());
    return kept;
}

bool stormed(const fuzz::Pair& pair) {
    const auto& trace = pair.reference.trace;
    return std::any_of(trace.begin(), trace.end(), [](const vmm::Event& each) {
        return std::holds_alternative<vmm::event::Storm>(each.what);
    });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(arm64_fuzzing)

BOOST_AUTO_TEST_CASE(one_seed_makes_the_same_bytes) {
    std::set<std::string> texts;
    for (std::uint64_t number = 0; number < 100; ++number) {
        const std::string text = text_of(make_arm(5, number), arm_heading);
        BOOST_TEST(text == text_of(make_arm(5, number), arm_heading));
        texts.insert(text);
        texts.insert(text_of(make_arm(6, number), arm_heading));
    }
    BOOST_TEST(texts.size() == 200U);
}

BOOST_AUTO_TEST_CASE(what_is_generated_loads_and_passes_on_the_model_once_its_expectations_are_written) {
    std::set<std::string> verbs;
    std::uint64_t cut = 0;
    for (std::uint64_t number = 0; number < 2000; ++number) {
        BOOST_TEST_CONTEXT("case " << number) {
            const fuzz::Pair pair = arm_model.begin(make_arm(1, number));
            BOOST_TEST(pair.trouble == "");
            const Case whole = with_expectations(pair.each, pair.reference);
            const auto scenario = scenarios::load_text(text_of(whole, arm_heading), "generated.json");
            const auto verdict = arm_model.run(scenario, "model");
            // No file can claim a storm of two.
            if (stormed(pair))
                ++cut;
            else
                BOOST_TEST(verdict.reason == "", verdict.reason + '\n' + text_of(whole, arm_heading));
            for (const Json& each : whole.steps) verbs.insert(each.begin().key());
        }
    }
    BOOST_TEST(cut < 500U);
    for (const char* verb :
         {"ack",         "clear_active", "clear_pending", "deactivate", "deassign",  "disable",  "doorbell",
          "enable",      "eoi",          "eoi_mode",      "handler",    "ioeventfd", "irqfd",    "its",
          "its_command", "lower",        "lpi",           "mask",       "msi",       "pmr",      "priority",
          "private",     "pulse",        "raise",         "read",       "resampled", "retarget", "return",
          "route",       "set_active",   "set_pending",   "sgi",        "signal",    "spi",      "storm",
          "unmask",      "unroute",      "wfi",           "write"})
        BOOST_TEST(verbs.count(verb) == 1U, verb);
}

BOOST_AUTO_TEST_CASE(a_case_plays_the_same_twice) {
    for (std::uint64_t number = 0; number < 200; ++number) {
        fuzz::Pair pair = arm_model.begin(make_arm(3, number));
        arm_model.compare(pair, "model");
        BOOST_TEST(fuzz::kind_of(pair) == "", number);
    }
}

BOOST_AUTO_TEST_CASE(a_case_names_its_gic) {
    std::set<std::string> seen;
    const auto gic_of = [](const Case& each) { return each.head["machine"]["gic"].get<std::string>(); };
    for (std::uint64_t number = 0; number < 100; ++number) {
        seen.insert(gic_of(make_arm(1, number)));
        BOOST_TEST(gic_of(make_arm(1, number, {{feature::gicv2}, 40})) == "v3");
        const Case old = make_arm(1, number, {{feature::gicv3, feature::its}, 40});
        BOOST_TEST(gic_of(old) == "v2");
        BOOST_TEST(!old.head["machine"].contains("its"));
    }
    BOOST_TEST(seen == (std::set<std::string>{"v2", "v3"}));
}

BOOST_AUTO_TEST_CASE(ends_are_written_in_the_reverse_order_of_acknowledging_only) {
    const Case nested = arm_case({{{"spi", {{"intid", 42}, {"trigger", "edge"}, {"priority", "0xa0"}}}},
                                  {{"spi", {{"intid", 43}, {"trigger", "edge"}, {"priority", "0x20"}}}},
                                  {{"handler", {{"intid", 42}, {"stays", true}, {"nests", true}}}},
                                  {{"handler", {{"intid", 43}, {"stays", true}}}},
                                  {{"eoi", 0}},
                                  {{"pulse", 10}},
                                  {{"pulse", 11}},
                                  {{"eoi", {{"vcpu", 0}, {"intid", 42}}}},
                                  {{"eoi", 0}},
                                  {{"eoi", 0}},
                                  {{"return", 0}},
                                  {{"eoi", 0}},
                                  {{"eoi", {{"vcpu", 0}, {"intid", 42}}}}});
    const auto kept = kept_of(nested);
    // Left out: nothing is in service, 43 is to be ended first, and the same twice.
    BOOST_REQUIRE(kept.size() == 9U);
    BOOST_TEST(kept[4] == R"({"pulse":10})");
    BOOST_TEST(kept[6] == R"({"eoi":0})");
    BOOST_TEST(kept[7] == R"({"return":0})");
    BOOST_TEST(kept[8] == R"({"eoi":0})");
}

BOOST_AUTO_TEST_CASE(what_is_active_keeps_its_priority_and_is_deactivated_once) {
    const Case each = arm_case({{{"deactivate", 0}},
                                {{"eoi_mode", 1}},
                                {{"spi", {{"intid", 42}, {"trigger", "edge"}}}},
                                {{"pulse", 10}},
                                {{"priority", {{"intid", 42}, {"priority", "0x20"}}}},
                                {{"deactivate", {{"vcpu", 0}, {"intid", 42}}}},
                                {{"deactivate", {{"vcpu", 0}, {"intid", 42}}}},
                                {{"priority", {{"intid", 42}, {"priority", "0x20"}}}}});
    const auto kept = kept_of(each);
    BOOST_REQUIRE(kept.size() == 5U);
    BOOST_TEST(kept[3] == R"({"deactivate":{"vcpu":0,"intid":42}})");
    BOOST_TEST(kept[4] == R"({"priority":{"intid":42,"priority":"0x20"}})");
}

// QEMU's EL2 cannot have it so (docs/lab.md).
BOOST_AUTO_TEST_CASE(group_0_is_never_left_enabled_alone) {
    const auto igrpen = [](int group, int value) {
        return Json{
            {"write", {{"sysreg", group == 0 ? "icc_igrpen0_el1" : "icc_igrpen1_el1"}, {"value", value}}}};
    };
    const auto off0 = igrpen(0, 0), off1 = igrpen(1, 0), on0 = igrpen(0, 1), on1 = igrpen(1, 1);
    BOOST_TEST((kept_of(arm_case({off1})).empty()));
    const std::vector<std::string> kept{off0.dump(), off1.dump(), on1.dump(), on0.dump()};
    BOOST_TEST(kept_of(arm_case({off1, off0, off1, on0, on1, on0})) == kept,
               boost::test_tools::per_element());
    // A case is made so, but a write before may have been left out, as of a vCPU that waits.
    for (std::uint64_t number = 0; number < 1000; ++number) {
        std::map<int, std::array<bool, 2>> enabled;
        const Case made = make_arm(5001, 1500 + number, {{feature::gicv2}, 40});
        for (const Json& step : arm_model.begin(made).each.steps) {
            if (!step.contains("write") || !step["write"].contains("sysreg")) continue;
            const Json& write = step["write"];
            const std::string name = write["sysreg"];
            if (!name.starts_with("icc_igrpen")) continue;
            auto& groups = enabled.try_emplace(write.value("vcpu", 0), std::array{true, true}).first->second;
            groups.at(name == "icc_igrpen0_el1" ? 0 : 1) = write["value"] != "0x0";
            BOOST_TEST((!groups[0] || groups[1]), number);
        }
    }
}

BOOST_AUTO_TEST_CASE(lpis_are_kept_from_mode_1_where_kvm_confuses_them) {
    std::size_t both = 0;
    for (std::uint64_t number = 0; number < 300; ++number) {
        const auto has = [&](const Case& each) {
            return each.head["machine"].contains("its") &&
                   std::any_of(each.steps.begin(), each.steps.end(),
                               [](const Json& step) { return step.contains("eoi_mode"); });
        };
        both += has(make_arm(1, number)) ? 1U : 0U;
        BOOST_TEST(!has(make_arm(1, number, {{feature::lpi_eoi_mode}, 40})));
    }
    BOOST_TEST(both > 0U);
}

BOOST_AUTO_TEST_CASE(no_spi_is_sent_elsewhere_behind_a_priority_mask_where_that_is_left_out) {
    std::size_t both = 0;
    for (std::uint64_t number = 0; number < 1000; ++number) {
        const auto has = [](const Case& each) {
            std::set<std::uint64_t> masked;
            for (const Json& step : each.steps) {
                if (step.contains("retarget") && !masked.empty()) return true;
                if (!step.contains("pmr")) continue;
                const Json& argument = step["pmr"];
                const std::uint64_t on = fuzz::number_at(argument, "vcpu").value_or(0);
                if (fuzz::number_at(argument, "value") == 0xFFU)
                    masked.erase(on);
                else
                    masked.insert(on);
            }
            return false;
        };
        both += has(make_arm(1, number)) ? 1U : 0U;
        BOOST_TEST(!has(make_arm(1, number, {{feature::masked_retarget}, 40})));
    }
    BOOST_TEST(both > 0U);
}

BOOST_AUTO_TEST_CASE(no_edge_that_may_be_in_service_is_disabled_or_sent_elsewhere_where_that_is_left_out) {
    std::size_t both = 0;
    for (std::uint64_t number = 0; number < 1000; ++number) {
        const auto has = [](const Case& each) {
            std::set<std::uint64_t> edges;
            std::set<std::uint64_t> held;
            bool mode_1 = false;
            for (const Json& step : each.steps) {
                const std::string verb = step.begin().key();
                const Json& argument = step.begin().value();
                if (verb == "eoi_mode") mode_1 = true;
                if (verb == "spi" && argument["trigger"] == "edge")
                    edges.insert(argument["intid"].get<std::uint64_t>());
                if (verb == "handler" &&
                    (argument.contains("stays") || argument.value("eoi", "") == "on request"))
                    held.insert(argument["intid"].get<std::uint64_t>());
                if (verb != "retarget" && verb != "disable") continue;
                const std::uint64_t intid = argument.is_object() ? argument["intid"].get<std::uint64_t>()
                                                                 : argument.get<std::uint64_t>();
                if (edges.count(intid) != 0 && (mode_1 || held.count(intid) != 0)) return true;
            }
            return false;
        };
        both += has(make_arm(1, number)) ? 1U : 0U;
        BOOST_TEST(!has(make_arm(1, number, {{feature::held_edge}, 40})));
    }
    BOOST_TEST(both > 0U);
}

BOOST_AUTO_TEST_CASE(handlers_deactivate_in_mode_1_only) {
    const Json handler = {{"handler", {{"intid", 42}, {"deactivates", true}}}};
    BOOST_TEST(kept_of(arm_case({handler})).empty());
    BOOST_TEST(kept_of(arm_case({{{"eoi_mode", 1}}, handler})).size() == 2U);
    BOOST_TEST(kept_of(arm_case({{{"eoi_mode", 1}}, handler}, 2)).size() == 1U);
}

BOOST_AUTO_TEST_CASE(expectations_name_intids) {
    const Case each =
        arm_case({{{"spi", {{"intid", 42}, {"trigger", "edge"}, {"to", 1}}}}, {{"pulse", 10}}}, 2);
    const fuzz::Pair pair = arm_model.begin(each);
    const Case whole = with_expectations(pair.each, pair.reference);
    BOOST_REQUIRE(whole.steps.size() == 3U);
    BOOST_TEST(whole.steps[2].dump() == R"({"ack":{"vcpu":1,"intid":42}})");
    const fuzz::Pair silent = arm_model.begin(arm_case({{{"spi", {{"intid", 42}}}}}));
    const auto scenario = scenarios::load_text(
        text_of(with_expectations(silent.each, silent.reference), arm_heading), "silent.json");
    BOOST_TEST(arm_model.run(scenario, "model").reason == "");
}

/// A model that does not do what ICENABLER says, beside one that does.
class Unmasking {
  public:
    std::unique_ptr<vmm::Machine> operator()(const vmm::MachineConfig& config, vmm::Trace& trace) const {
        vmm::MachineConfig ours = config;
        const bool broken = config.placement == "kernel";
        ours.placement = "model";
        auto machine = vmm::make_machine(ours, trace);
        return broken ? std::make_unique<Broken>(std::move(machine)) : std::move(machine);
    }

  private:
    /// Passes on everything but what is written to ICENABLER.
    class Broken final : public vmm::Machine {
      public:
        explicit Broken(std::unique_ptr<vmm::Machine> machine) : machine_(std::move(machine)) {}

        vmm::Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override {
            return machine_->set_line(gsi, level, want_status);
        }
        vmm::Outcome msi(const vmm::MsiMessage& message) override { return machine_->msi(message); }
        vmm::Outcome route(const routing::RoutingTable& table) override { return machine_->route(table); }
        [[nodiscard]] const routing::RoutingTable& routes() const override { return machine_->routes(); }
        vmm::Outcome assign_irqfd(const vmm::IrqfdSpec& spec) override {
            return machine_->assign_irqfd(spec);
        }
        vmm::Outcome deassign_irqfd(std::string_view name) override { return machine_->deassign_irqfd(name); }
        void signal(std::string_view irqfd, std::uint64_t count) override { machine_->signal(irqfd, count); }
        vmm::Outcome assign_ioeventfd(const vmm::IoeventfdSpec& spec) override {
            return machine_->assign_ioeventfd(spec);
        }
        vmm::Outcome deassign_ioeventfd(std::string_view name) override {
            return machine_->deassign_ioeventfd(name);
        }
        vmm::Outcome nmi(std::uint32_t vcpu) override { return machine_->nmi(vcpu); }
        vmm::Outcome inject(std::uint32_t vcpu, std::uint32_t vector, vmm::Injection how) override {
            return machine_->inject(vcpu, vector, how);
        }
        void guest(std::uint32_t vcpu, std::span<const vmm::GuestOp> operations) override {
            std::vector<vmm::GuestOp> ours(operations.begin(), operations.end());
            for (vmm::GuestOp& op : ours)
                if (op.text.starts_with("disable ")) op.value = 0;
            machine_->guest(vcpu, ours);
        }
        void handler(std::uint32_t vcpu, std::uint32_t vector, std::uint8_t policy,
                     std::optional<std::uint32_t> lowers) override {
            machine_->handler(vcpu, vector, policy, lowers);
        }
        bool settle() override { return machine_->settle(); }
        void wait(const std::function<bool()>& enough) override { machine_->wait(enough); }
        void prove_quiet(const std::vector<std::uint32_t>& vcpus) override { machine_->prove_quiet(vcpus); }
        [[nodiscard]] std::vector<vmm::NamedValue> inspect(std::string_view controller,
                                                           std::uint32_t index) override {
            return machine_->inspect(controller, index);
        }
        void finish() override { machine_->finish(); }
        void close() override { machine_->close(); }

      private:
        std::unique_ptr<vmm::Machine> machine_;
    };
};

BOOST_AUTO_TEST_CASE(a_gic_that_ignores_icenabler_is_found_and_shrunk) {
    const fuzz::Player player(Unmasking{}, "model");
    const fuzz::GeneratorOptions options{{feature::reads}, 40};
    for (std::uint64_t number = 0; number < 300; ++number) {
        fuzz::Pair found = player.begin(make_arm(1, number, options));
        player.compare(found, "kernel");
        const std::string kind = fuzz::kind_of(found);
        if (kind.find(" / ack") == std::string::npos) continue;
        const auto shows = [&](const Case& candidate) {
            try {
                fuzz::Pair pair = player.begin(candidate);
                player.compare(pair, "kernel");
                return fuzz::kind_of(pair) == kind;
            } catch (const scenarios::ScenarioError&) {
                return false;
            }
        };
        const Case smallest = fuzz::shrink(found.each, shows, 3000);
        BOOST_TEST(smallest.steps.size() <= 4U, text_of(smallest, arm_heading));
        BOOST_TEST(smallest.head["machine"].contains("gic"));
        const fuzz::Pair pair = player.begin(smallest);
        const auto scenario = scenarios::load_text(
            text_of(with_expectations(pair.each, pair.reference), arm_heading), "smallest.json");
        BOOST_TEST(player.run(scenario, "model").reason == "");
        BOOST_TEST(player.run(scenario, "kernel").reason != "");
        return;
    }
    BOOST_FAIL("it was not found");
}

/// A model offers both versions of the GIC, a host one.
void be_arm64(Cli& cli, const char* version) {
    cli.host.arch = "arm64";
    cli.host.own["model"] = {{"arm_vgic_v2", "arm_vgic_v3", "arm_vgic_its"}, false};
    cli.host.placements = {"kernel", "model"};
    cli.host.capabilities = {{version, 1}};
}

BOOST_FIXTURE_TEST_CASE(diff_plays_a_file_on_the_gic_that_all_modes_have, Cli) {
    const auto path = file("any.json", R"({ "name": "any", "arch": "arm64", "source": "a test",
        "steps": [ { "private": 3 }, { "sgi": { "intid": 3, "to": [0] } }, { "ack": 3 } ] })");
    std::multiset<std::string> gics;
    asked = [&gics](const vmm::MachineConfig& config) { gics.insert(config.gic); };
    prepare = [](FakeMachine& machine) { machine.causes["guest sgi 3"] = {taken(3)}; };
    be_arm64(*this, "arm_vgic_v2");
    (void)run({"diff", "--between", "kernel,model", path});
    BOOST_TEST(gics.count("v2") >= 2U);
    BOOST_TEST(gics.count("v2") == gics.size());
    gics.clear();
    be_arm64(*this, "arm_vgic_v3");
    (void)run({"diff", "--between", "model,kernel", path});
    BOOST_TEST(gics.count("v3") >= 2U);
    BOOST_TEST(gics.count("v3") == gics.size());
}

BOOST_FIXTURE_TEST_CASE(modes_without_a_gic_in_common_have_nothing_to_compare, Cli) {
    be_arm64(*this, "arm_vgic_v3");
    host.own["userspace"] = {{"arm_vgic_v2"}, true};
    host.placements = {"kernel", "userspace", "model"};
    const std::vector<std::string> command{"fuzz",  "--between", "kernel,userspace", "--count", "3",
                                           "--out", folder()};
    BOOST_TEST(run(command) == 5);
    BOOST_TEST(err.find("these modes have no GIC in common") != std::string::npos, err);
    BOOST_TEST(err.find("irqbench lab --arch arm64 --gic v2 -- fuzz") != std::string::npos, err);
    BOOST_TEST(machines == 0U);
}

BOOST_FIXTURE_TEST_CASE(the_architecture_is_the_hosts_unless_it_is_said, Cli) {
    be_arm64(*this, "arm_vgic_v3");
    host.arch = "x86_64";
    const std::vector<std::string> command{"fuzz", "--between", "model,kernel", "--count",
                                           "3",    "--out",     folder()};
    const auto with = [&command](std::vector<std::string> more) {
        more.insert(more.begin(), command.begin(), command.end());
        return more;
    };
    // The kernel of an x86 host.
    BOOST_TEST(run(with({"--arch", "arm64"})) == 5);
    BOOST_TEST(err.find("kernel: is for arm64, this host is x86_64") != std::string::npos, err);
    BOOST_TEST(err.find("irqbench lab --arch arm64 -- fuzz") != std::string::npos, err);
    BOOST_TEST(run(with({"--arch", "riscv"})) == 2);
    BOOST_TEST(run(with({"--without", "gicv2"})) == 2);
    BOOST_TEST(err.find("scenarios for x86_64 make no use of gicv2") != std::string::npos, err);
    BOOST_TEST(run(with({"--arch", "arm64", "--without", "cr8"})) == 2);
    host.arch = "arm64";
    host.capabilities = {{"arm_vgic_v3", 1}};
    prepare = [this](FakeMachine& machine) {
        if (machines % 2 == 0) machine.causes["guest mask"] = {};
    };
    BOOST_TEST(run(with({})) == 0);
    BOOST_TEST(run(with({"--without", "its"})) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests
