#include "scenarios/engine/verdict.hpp"

#include <boost/test/unit_test.hpp>

#include "scenarios/engine/load.hpp"
#include "tests/scenarios/engine/story.hpp"

using namespace irqbench;
using namespace irqbench::scenarios;
using namespace irqbench::tests;

namespace {

struct World {
    Scenario scenario;
    vmm::Host host;

    World() {
        scenario.arch = "x86_64";
        host.arch = "x86_64";
        host.kernel = "6.1.0-9-amd64";
        host.kernel_version = {6, 1, 90};
        host.placements = {"kernel", "split"};
        host.traits = {"lapic_eoi_at_delivery"};
        host.capabilities = {{"x2apic_api", 3}, {"irqfd_resample", 0}};
    }

    [[nodiscard]] std::string skipped(std::string_view placement = "kernel",
                                      std::optional<vmm::RunMode> run = {}) const {
        return skip_reason(scenario, placement, host, run).value_or("");
    }
};

Verdict failed(std::uint32_t step, std::string came) {
    Verdict verdict;
    verdict.kind = Verdict::Kind::fail;
    verdict.failure.emplace();
    verdict.failure->step = step;
    verdict.failure->came = std::move(came);
    return verdict;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(skipping)

BOOST_AUTO_TEST_CASE(what_nothing_excludes_is_run) { BOOST_TEST(World().skipped() == ""); }

BOOST_AUTO_TEST_CASE(modes_that_the_file_excludes_are_skipped_with_its_reason) {
    World world;
    world.scenario.modes_only = {"split"};
    world.scenario.modes_because = "it is about our IOAPIC";
    BOOST_TEST(world.skipped("kernel") == "only in split: it is about our IOAPIC");
    BOOST_TEST(world.skipped("split") == "");
    World other;
    other.scenario.modes_not = {"split"};
    BOOST_TEST(other.skipped("split") == "not in split");
    BOOST_TEST(other.skipped("kernel") == "");
}

BOOST_AUTO_TEST_CASE(a_capability_that_is_missing_or_zero_skips) {
    World world;
    world.scenario.requires_.capabilities = {"x2apic_api"};
    BOOST_TEST(world.skipped() == "");
    world.scenario.requires_.capabilities = {"irqfd_resample"};
    BOOST_TEST(world.skipped() == "needs the capability irqfd_resample");
    world.scenario.requires_.capabilities = {"no_such_thing"};
    BOOST_TEST(world.skipped() == "needs the capability no_such_thing");
}

BOOST_AUTO_TEST_CASE(an_older_kernel_skips_by_number_not_by_letter) {
    World world;
    world.scenario.requires_.kernel = "6.1";
    BOOST_TEST(world.skipped() == "");
    world.scenario.requires_.kernel = "6.10";
    BOOST_TEST(world.skipped() == "needs Linux 6.10, this is 6.1.0-9-amd64 (6.1.90)");
    world.scenario.requires_.kernel = "5.19";
    BOOST_TEST(world.skipped() == "");
    world.host.kernel = "5.10.223";
    world.host.kernel_version = {5, 10, 223};
    BOOST_TEST(world.skipped() == "needs Linux 5.19, this is 5.10.223");
    world.scenario.requires_.kernel = "5.10.223";
    BOOST_TEST(world.skipped() == "");
    world.scenario.requires_.kernel = "5.10.224";
    BOOST_TEST(world.skipped() == "needs Linux 5.10.224, this is 5.10.223");
}

BOOST_AUTO_TEST_CASE(a_trait_under_which_it_cannot_be_judged_skips) {
    World world;
    world.scenario.requires_.traits_absent = {"lapic_eoi_at_delivery"};
    world.scenario.requires_.because = "the ISR bit is what it looks at";
    BOOST_TEST(world.skipped() ==
               "cannot be judged where lapic_eoi_at_delivery: the ISR bit is what it looks at");
    world.host.traits.clear();
    BOOST_TEST(world.skipped() == "");
}

BOOST_AUTO_TEST_CASE(what_the_model_of_one_architecture_offers_another_does_not) {
    World world;
    world.host.placements.emplace_back("model");
    world.host.own["model"] = {{}, false, {{"x86_64", {"pit2"}}, {"arm64", {"arm_vgic_v2"}}}};
    world.scenario.requires_.capabilities = {"arm_vgic_v2"};
    BOOST_TEST(world.skipped("model") == "needs the capability arm_vgic_v2");
    world.scenario.requires_.capabilities = {"pit2"};
    BOOST_TEST(world.skipped("model") == "");
}

BOOST_AUTO_TEST_CASE(a_trait_may_be_of_one_gic_only) {
    World world;
    world.host.arch = "arm64";
    world.host.capabilities = {{"arm_vgic_v2", 1}, {"arm_vgic_v3", 1}};
    world.host.traits_of_gic["v2"] = {"software_pending_while_active"};
    const auto skipped_with = [&world](const std::string& head) {
        world.scenario = load_text(R"({ "name": "n", "arch": "arm64", "source": "s", )" + head +
                                       R"("requires": { "trait_absent": ["software_pending_while_active"],
                                                        "because": "of it" },
                                          "steps": [ { "raise": 0 }, { "ack": 32 } ] })",
                                   "a.json");
        return world.skipped("kernel");
    };
    BOOST_TEST(skipped_with(R"("machine": { "gic": "v2" }, )") ==
               "cannot be judged where software_pending_while_active: of it");
    BOOST_TEST(skipped_with(R"("machine": { "gic": "v3" }, )") == "");
    BOOST_TEST(skipped_with("") == "");  // the newest
}

BOOST_AUTO_TEST_CASE(a_step_about_kvm_itself_skips_the_modes_without) {
    World world;
    world.host.placements.emplace_back("model");
    world.host.own["model"] = {{}, false};
    const auto skipped_with = [&world](const std::string& step) {
        const std::string head = R"({ "name": "n", "arch": "x86_64", "source": "s", "steps": [ )";
        world.scenario = load_text(head + step + R"(, { "msi": "0x51" }, { "ack": "0x51" } ] })", "a.json");
        return world.skipped("model");
    };
    BOOST_TEST(skipped_with(R"({ "msi": "0x50" }, { "ack": "0x50" })") == "");
    const std::string inject = R"({ "inject": "0x50" }, { "ack": "0x50" })";
    BOOST_TEST(skipped_with(inject).find("step 1 is about an interface of KVM, and model mode has none: {") ==
               0);
    BOOST_TEST(world.skipped("kernel") == "");
    BOOST_TEST(skipped_with(R"({ "irqfd": { "name": "d", "gsi": 24, "via": "kernel" } })") != "");
    BOOST_TEST(skipped_with(R"({ "only": { "irqchip": ["kernel"], "because": "b", "steps": [ )" + inject +
                            " ] } }") == "");
}

BOOST_AUTO_TEST_CASE(what_is_required_in_some_modes_is_not_in_others) {
    World world;
    world.scenario.requires_.traits_absent = {"lapic_eoi_at_delivery"};
    world.scenario.requires_.modes = {"split"};
    BOOST_TEST(world.skipped("kernel") == "");
    BOOST_TEST(world.skipped("split") == "cannot be judged where lapic_eoi_at_delivery");
    World other;
    other.scenario.requires_.capabilities = {"irqfd_resample"};
    other.scenario.requires_.modes = {"kernel"};
    BOOST_TEST(other.skipped("kernel") == "needs the capability irqfd_resample");
    BOOST_TEST(other.skipped("split") == "");
    other.scenario.requires_.kernel = "6.10";
    BOOST_TEST(other.skipped("split") == "needs Linux 6.10, this is 6.1.0-9-amd64 (6.1.90)");
}

BOOST_AUTO_TEST_CASE(a_mode_with_controllers_of_our_own_has_what_it_offers_itself) {
    World world;
    world.host.placements = {"kernel", "userspace", "model"};
    world.host.own["userspace"] = {{"irqfd_resample"}, true};
    world.host.own["model"] = {{"irqfd_resample"}, false};
    world.scenario.requires_.capabilities = {"irqfd_resample"};
    BOOST_TEST(world.skipped("kernel") == "needs the capability irqfd_resample");
    BOOST_TEST(world.skipped("userspace") == "");
    BOOST_TEST(world.skipped("model") == "");
    world.scenario.requires_.capabilities = {"x86_smm"};
    world.host.capabilities.push_back({"x86_smm", 1});
    BOOST_TEST(world.skipped("userspace") == "");
    BOOST_TEST(world.skipped("model") == "needs the capability x86_smm");
    world.scenario.requires_.capabilities.clear();
    world.scenario.requires_.traits_absent = {"lapic_eoi_at_delivery"};
    world.host.traits = {"lapic_eoi_at_delivery"};
    BOOST_TEST(world.skipped("kernel") == "cannot be judged where lapic_eoi_at_delivery");
    BOOST_TEST(world.skipped("userspace") == "");
    world.scenario.requires_.kernel = "99.1";
    BOOST_TEST(world.skipped("userspace").find("needs Linux 99.1") == 0U);
    BOOST_TEST(world.skipped("model") == "");
    world.scenario.arch = "arm64";
    BOOST_TEST(world.skipped("userspace") == "is for arm64, this host is x86_64");
    BOOST_TEST(world.skipped("split") == "arm64 has no split irqchip mode");
    BOOST_TEST(world.skipped("model") == "");
}

// Without its own GIC, KVM has no GICv3 to give.
BOOST_AUTO_TEST_CASE(a_machine_that_an_irqchip_mode_does_not_have_is_skipped_there) {
    World world;
    world.host.arch = "arm64";
    world.host.placements = {"kernel", "userspace", "model"};
    world.host.own["userspace"] = {{"arm_vgic_v2"}, true};
    world.host.own["model"] = {{"arm_vgic_v2", "arm_vgic_v3", "arm_vgic_its"}, false};
    world.host.capabilities = {{"arm_vgic_v2", 0}, {"arm_vgic_v3", 1}, {"arm_vgic_its", 1}};
    const auto skipped_with = [&world](const std::string& head, std::string_view mode) {
        world.scenario = load_text(R"({ "name": "n", "arch": "arm64", "source": "s", )" + head +
                                       R"("steps": [ { "enable": 32 }, { "raise": 0 }, { "ack": 32 } ] })",
                                   "a.json");
        return world.skipped(mode);
    };
    for (const char* mode : {"kernel", "userspace", "model"}) BOOST_TEST(skipped_with("", mode) == "");
    const std::string v2 = R"("machine": { "gic": "v2" }, )";
    BOOST_TEST(skipped_with(v2, "kernel") == "needs the capability arm_vgic_v2");
    BOOST_TEST(skipped_with(v2, "userspace") == "");
    const std::string v3 = R"("machine": { "gic": "v3" }, )";
    BOOST_TEST(skipped_with(v3, "kernel") == "");
    BOOST_TEST(skipped_with(v3, "userspace") == "userspace mode has a GICv2, and no GICv3");
    const std::string many = R"("vcpus": 9, )";
    BOOST_TEST(skipped_with(many, "kernel") == "");
    world.host.capabilities = {{"arm_vgic_v2", 1}, {"arm_vgic_v3", 0}, {"arm_vgic_its", 0}};
    BOOST_TEST(skipped_with(many, "kernel") ==
               "not on what kernel mode has here: a GICv2 has at most 8 CPUs (IHI 0048, 1.2)");
    BOOST_TEST(
        skipped_with(R"("vcpus": { "ids": [0, 17] }, )", "kernel") ==
        "not on what kernel mode has here: a GICv2 counts its CPUs from 0: give the number of vCPUs in "
        "place of their ids");
    BOOST_TEST(skipped_with(many, "model") == "");
    world.host.capabilities = {{"arm_vgic_v2", 0}, {"arm_vgic_v3", 1}, {"arm_vgic_its", 1}};
    const std::string its = R"("machine": { "its": true }, )";
    BOOST_TEST(skipped_with(its, "userspace") == "userspace mode has a GICv2, which has no ITS");
    BOOST_TEST(skipped_with(its, "model") == "");
    BOOST_TEST(skipped_with(R"("vcpus": 8, )", "userspace") == "");
    BOOST_TEST(skipped_with(R"("vcpus": 9, )", "userspace") ==
               "userspace mode has a GICv2, and a GICv2 has at most 8 CPUs (IHI 0048, 1.2)");
    BOOST_TEST(skipped_with(R"("vcpus": 9, )", "kernel") == "");
}

BOOST_AUTO_TEST_CASE(a_way_of_running_that_the_file_excludes_skips_only_when_it_was_asked_for) {
    World world;
    world.scenario.free_only = true;
    BOOST_TEST(world.skipped() == "");
    BOOST_TEST(world.skipped("kernel", vmm::RunMode::free) == "");
    BOOST_TEST(world.skipped("kernel", vmm::RunMode::stepped) == "makes sense free-running only");
    World stepped;
    stepped.scenario.stepped_only = true;
    BOOST_TEST(stepped.skipped("kernel", vmm::RunMode::stepped) == "");
    BOOST_TEST(stepped.skipped("kernel", vmm::RunMode::free) == "makes sense stepped only");
}

BOOST_AUTO_TEST_CASE(what_the_host_does_not_have_skips) {
    World world;
    world.host.placements = {"kernel"};
    BOOST_TEST(world.skipped("split") == "this host does not offer split irqchip mode");
    world.host.placements.clear();
    world.host.unavailable = "/dev/kvm: No such file or directory";
    BOOST_TEST(world.skipped() == "no KVM here: /dev/kvm: No such file or directory");
    world.scenario.arch = "arm64";
    BOOST_TEST(world.skipped() == "is for arm64, this host is x86_64");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(known_divergences)

namespace {

struct KnownWorld : World {
    KnownWorld() {
        Known known;
        known.trait = "lapic_eoi_at_delivery";
        known.modes = {"kernel"};
        known.because = "an equal vector nests";
        known.step = 9;
        known.came = "ack 0x51 on vCPU 0";
        scenario.known.push_back(known);
    }

    [[nodiscard]] Verdict after(Verdict verdict, std::string_view placement = "kernel",
                                vmm::RunMode run = vmm::RunMode::stepped) const {
        return apply_known(std::move(verdict), scenario, placement, run, host);
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_failure_that_says_exactly_this_is_known) {
    const Verdict verdict = KnownWorld().after(failed(9, "ack 0x51 on vCPU 0"));
    BOOST_TEST((verdict.kind == Verdict::Kind::known));
    BOOST_TEST(verdict.reason == "an equal vector nests");
}

BOOST_AUTO_TEST_CASE(another_step_or_another_thing_is_a_failure) {
    BOOST_TEST((KnownWorld().after(failed(8, "ack 0x51 on vCPU 0")).kind == Verdict::Kind::fail));
    BOOST_TEST((KnownWorld().after(failed(9, "ack 0x51 on vCPU 1")).kind == Verdict::Kind::fail));
}

BOOST_AUTO_TEST_CASE(a_divergence_that_is_gone_fails) {
    const Verdict verdict = KnownWorld().after({});
    BOOST_TEST((verdict.kind == Verdict::Kind::fail));
    BOOST_TEST(
        verdict.reason ==
        "known divergence is gone: step 9 should have shown \"ack 0x51 on vCPU 0\" (an equal vector nests)");
}

BOOST_AUTO_TEST_CASE(a_divergence_that_need_not_show_is_not_gone_where_it_does_not) {
    KnownWorld world;
    world.scenario.known.front().always = false;
    BOOST_TEST((world.after({}).kind == Verdict::Kind::pass));
    BOOST_TEST((world.after(failed(9, "ack 0x51 on vCPU 0")).kind == Verdict::Kind::known));
    BOOST_TEST((world.after(failed(8, "ack 0x51 on vCPU 0")).kind == Verdict::Kind::fail));
}

BOOST_AUTO_TEST_CASE(what_its_own_step_could_not_assert_does_not_show_that_it_is_gone) {
    Verdict verdict;
    verdict.unasserted = {"path of step 3: tracefs is not mounted"};
    verdict.unasserted_steps = {3};
    BOOST_TEST((KnownWorld().after(verdict).kind == Verdict::Kind::fail));
    verdict.unasserted_steps = {3, 9};
    BOOST_TEST((KnownWorld().after(verdict).kind == Verdict::Kind::pass));
}

BOOST_AUTO_TEST_CASE(elsewhere_it_does_not_count) {
    KnownWorld world;
    BOOST_TEST((world.after(failed(9, "ack 0x51 on vCPU 0"), "split").kind == Verdict::Kind::fail));
    BOOST_TEST((world.after({}, "split").kind == Verdict::Kind::pass));
    world.host.traits.clear();
    BOOST_TEST((world.after(failed(9, "ack 0x51 on vCPU 0")).kind == Verdict::Kind::fail));
    BOOST_TEST((world.after({}).kind == Verdict::Kind::pass));
}

BOOST_AUTO_TEST_CASE(a_divergence_of_one_way_of_running_does_not_count_in_the_other) {
    KnownWorld world;
    world.scenario.known.front().run = vmm::RunMode::stepped;
    const auto free = vmm::RunMode::free;
    BOOST_TEST((world.after(failed(9, "ack 0x51 on vCPU 0")).kind == Verdict::Kind::known));
    BOOST_TEST((world.after({}).kind == Verdict::Kind::fail));
    BOOST_TEST((world.after(failed(9, "ack 0x51 on vCPU 0"), "kernel", free).kind == Verdict::Kind::fail));
    BOOST_TEST((world.after({}, "kernel", free).kind == Verdict::Kind::pass));
}

BOOST_AUTO_TEST_CASE(one_of_several_divergences_is_enough) {
    KnownWorld world;
    Known other = world.scenario.known.front();
    other.step = 4;
    other.came = "nothing";
    world.scenario.known.insert(world.scenario.known.begin(), other);
    BOOST_TEST((world.after(failed(9, "ack 0x51 on vCPU 0")).kind == Verdict::Kind::known));
    BOOST_TEST((world.after(failed(4, "nothing")).kind == Verdict::Kind::known));
}

BOOST_AUTO_TEST_CASE(quiet_that_cannot_be_proven_on_this_host_can_be_known) {
    Verdict verdict = failed(9, "ack 0x51 on vCPU 0");
    verdict.kind = Verdict::Kind::error;
    verdict.invalid = true;
    const Verdict after = KnownWorld().after(verdict);
    BOOST_TEST((after.kind == Verdict::Kind::known));
    BOOST_TEST(!after.invalid);
}

BOOST_AUTO_TEST_CASE(errors_and_skips_stay_what_they_are) {
    Verdict error;
    error.kind = Verdict::Kind::error;
    BOOST_TEST((KnownWorld().after(error).kind == Verdict::Kind::error));
    Verdict skip;
    skip.kind = Verdict::Kind::skip;
    BOOST_TEST((KnownWorld().after(skip).kind == Verdict::Kind::skip));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(fixed_bugs)

namespace {

struct FixedWorld : World {
    FixedWorld() {
        scenario.name = "an edge is not lost";
        scenario.reference = {"X07", "linux fef8f2b90edb"};
        scenario.fixed_in = FixedIn{{6, 13, 0}, {{6, 1, 120}, {6, 12, 5}}, {}};
    }

    [[nodiscard]] Verdict on(vmm::KernelVersion kernel, Verdict verdict,
                             std::string_view placement = "kernel") {
        host.kernel = to_string(kernel);
        host.kernel_version = kernel;
        return apply_known(std::move(verdict), scenario, placement, vmm::RunMode::stepped, host);
    }
    [[nodiscard]] bool excused(vmm::KernelVersion kernel) {
        return on(kernel, failed(3, "nothing")).kind == Verdict::Kind::known;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_failure_of_a_kernel_without_the_fix_is_known_by_the_bug) {
    const Verdict verdict = FixedWorld().on({6, 12, 4}, failed(3, "nothing"));
    BOOST_TEST((verdict.kind == Verdict::Kind::known));
    BOOST_TEST(verdict.reason == "fixed in Linux 6.13: an edge is not lost (X07, linux fef8f2b90edb)");
}

BOOST_AUTO_TEST_CASE(a_stable_series_has_the_fix_from_its_own_release_on) {
    FixedWorld world;
    BOOST_TEST(world.excused({6, 1, 119}));
    BOOST_TEST(!world.excused({6, 1, 120}));
    BOOST_TEST(!world.excused({6, 1, 176}));
    BOOST_TEST(!world.excused({6, 12, 5}));
}

BOOST_AUTO_TEST_CASE(every_other_series_has_it_from_mainline_on) {
    FixedWorld world;
    BOOST_TEST(world.excused({5, 10, 223}));
    BOOST_TEST(world.excused({6, 6, 200}));
    BOOST_TEST(!world.excused({6, 13, 0}));
    BOOST_TEST(!world.excused({7, 2, 0}));
}

BOOST_AUTO_TEST_CASE(a_kernel_without_the_fix_may_pass) {
    const Verdict verdict = FixedWorld().on({5, 10, 223}, {});
    BOOST_TEST((verdict.kind == Verdict::Kind::pass));
    BOOST_TEST(verdict.reason == "");
}

BOOST_AUTO_TEST_CASE(a_failure_of_a_kernel_with_the_fix_says_so) {
    Verdict failure = failed(3, "nothing");
    failure.reason = "step 3, line 9: expected ack, came nothing";
    const Verdict verdict = FixedWorld().on({6, 14, 2}, failure);
    BOOST_TEST((verdict.kind == Verdict::Kind::fail));
    BOOST_TEST(verdict.failure->remark == "Linux 6.13 was to have fixed this; this is 6.14.2");
    BOOST_TEST(verdict.reason ==
               "step 3, line 9: expected ack, came nothing; "
               "Linux 6.13 was to have fixed this; this is 6.14.2");
}

BOOST_AUTO_TEST_CASE(a_mode_that_the_bug_does_not_concern_fails) {
    FixedWorld world;
    world.scenario.fixed_in->modes = {"kernel"};
    BOOST_TEST((world.on({6, 1, 90}, failed(3, "nothing")).kind == Verdict::Kind::known));
    const Verdict verdict = world.on({6, 1, 90}, failed(3, "nothing"), "split");
    BOOST_TEST((verdict.kind == Verdict::Kind::fail));
    BOOST_TEST(verdict.failure->remark == "");
}

BOOST_AUTO_TEST_CASE(our_own_controllers_are_excused_where_the_file_says_that_kvm_is_to_blame) {
    FixedWorld world;
    world.host.own["userspace"] = {};
    world.host.own["model"].uses_kvm = false;
    const auto kind_in = [&](std::string_view mode) {
        return world.on({6, 1, 90}, failed(3, "nothing"), mode).kind;
    };
    BOOST_TEST((kind_in("userspace") == Verdict::Kind::fail));
    world.scenario.fixed_in->modes = {"kernel", "userspace", "model"};
    BOOST_TEST((kind_in("userspace") == Verdict::Kind::known));
    BOOST_TEST((kind_in("model") == Verdict::Kind::fail));
}

BOOST_AUTO_TEST_CASE(errors_are_excused_by_nothing) {
    FixedWorld world;
    Verdict error = failed(3, "nothing");
    error.kind = Verdict::Kind::error;
    BOOST_TEST((world.on({5, 10, 0}, error).kind == Verdict::Kind::error));
    error.failure.reset();
    BOOST_TEST((world.on({5, 10, 0}, error).kind == Verdict::Kind::error));
}

BOOST_AUTO_TEST_CASE(what_is_out_of_date_in_the_file_is_no_bug_of_the_kernel) {
    FixedWorld world;
    Known known;
    known.trait = "lapic_eoi_at_delivery";
    known.step = 3;
    known.came = "nothing";
    world.scenario.known.push_back(known);
    BOOST_TEST((world.on({5, 10, 0}, {}).kind == Verdict::Kind::fail));
}

BOOST_AUTO_TEST_SUITE_END()
