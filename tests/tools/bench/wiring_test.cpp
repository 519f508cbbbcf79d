#include "tools/bench/architecture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <vector>

#include "vmm/factory.hpp"
#include "vmm/guest/agent_abi.h"

using namespace irqbench;
using namespace irqbench::tools::bench;

namespace {

constexpr const char* irqfd = "irqfd";

/// A host with these controllers, and our own in userspace mode.
vmm::Host host_of(const std::string& arch, const std::vector<std::string>& capabilities) {
    vmm::Host host;
    host.arch = arch;
    for (const std::string& each : capabilities) host.capabilities.push_back({each, 1});
    host.own["userspace"];
    return host;
}

const vmm::Host pc = host_of("x86_64", {"tsc_deadline_timer"});
const vmm::Host with_its = host_of("arm64", {"arm_vgic_v3", "arm_vgic_v2", "arm_vgic_its"});
const vmm::Host without_its = host_of("arm64", {"arm_vgic_v3"});
const vmm::Host with_gicv2 = host_of("arm64", {"arm_vgic_v2"});

vmm::MachineConfig machine_of(const vmm::Host& host, const std::string& mode, std::uint32_t vcpus) {
    vmm::MachineConfig config;
    config.placement = mode;
    for (std::uint32_t id = 0; id < vcpus; ++id) config.vcpu_ids.push_back(id);
    find_architecture(host.arch)->configure(config, host);
    return config;
}

/// A machine without KVM that is wired for a path, and driven step by step.
struct Wired {
    Wired(const vmm::Host& host, Path path_)
        : architecture(*find_architecture(host.arch)), path(path_), taker(path == Path::ipi ? 1 : 0) {
        vmm::MachineConfig config = machine_of(host, "kernel", taker + 1);
        wiring = architecture.wiring(path, config);
        config.placement = "model";
        config.arch = host.arch;
        machine = vmm::make_machine(config, trace);
        routing::RoutingTable table = machine->routes();
        for (const routing::Entry& entry : wiring.routes) table.set(entry.gsi, {entry.route});
        BOOST_TEST(machine->route(table).ok());
        guest(taker, wiring.setup);
        if (!wiring.act.empty()) machine->handler(0, wiring.vector, wiring.stay_policy, std::nullopt);
        if (!wiring.quench.empty())
            machine->handler(0, wiring.taken_vector, wiring.stay_policy, std::nullopt);
        if (wiring.doorbell) BOOST_TEST(machine->assign_ioeventfd(*wiring.doorbell).ok());
        if (wiring.stimulus.kind != Stimulus::Kind::irqfd) return;
        vmm::IrqfdSpec spec;
        spec.name = irqfd;
        spec.gsi = wiring.stimulus.gsi;
        spec.resample = wiring.stimulus.resample;
        BOOST_TEST(machine->assign_irqfd(spec).ok());
    }

    void guest(std::uint32_t vcpu, const std::vector<vmm::GuestOp>& operations) {
        machine->guest(vcpu, operations);
        BOOST_TEST(machine->settle());
    }

    /// A deadline that has passed.
    void round_trip() {
        const Stimulus& stimulus = wiring.stimulus;
        const bool is_line = stimulus.kind == Stimulus::Kind::line;
        if (is_line) BOOST_TEST(machine->set_line(stimulus.gsi, true, false).ok());
        if (stimulus.kind == Stimulus::Kind::msi) BOOST_TEST(machine->msi(stimulus.message).ok());
        if (stimulus.kind == Stimulus::Kind::irqfd) machine->signal(irqfd, 1);
        BOOST_TEST(machine->settle());
        const vmm::GuestOp leave{OP_RETURN, 4, 0, 0, false, "leave"};
        for (auto operations : {wiring.act, wiring.quench}) {
            if (operations.empty()) continue;
            if (path == Path::timer && operations.front().text == wiring.act.front().text)
                operations.front().value = 1;
            operations.push_back(leave);
            guest(0, operations);
        }
        if (is_line) BOOST_TEST(machine->set_line(stimulus.gsi, false, false).ok());
        BOOST_TEST(machine->settle());
    }

    [[nodiscard]] std::size_t taken(std::uint32_t vcpu) const {
        const auto& events = trace.events();
        return static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [&](const auto& event) {
            return event.vcpu == vcpu && std::holds_alternative<vmm::event::Taken>(event.what);
        }));
    }
    template <class What>
    [[nodiscard]] std::uint64_t counted() const {
        std::uint64_t count = 0;
        for (const vmm::Event& event : trace.events())
            if (const auto* what = std::get_if<What>(&event.what)) count += what->count;
        return count;
    }
    [[nodiscard]] bool first_is_the_stimulus() const {
        for (const vmm::Event& event : trace.events())
            if (const auto* taken = std::get_if<vmm::event::Taken>(&event.what))
                return taken->vector == wiring.vector && event.vcpu == 0U;
        return false;
    }

    const Architecture& architecture;
    Path path;
    std::uint32_t taker;
    Wiring wiring;
    vmm::Trace trace;
    std::unique_ptr<vmm::Machine> machine;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(bench_wiring)

BOOST_AUTO_TEST_CASE(every_path_ends_as_often_as_it_begins) {
    constexpr std::size_t times = 3;
    for (const vmm::Host& host : {pc, with_its, with_gicv2}) {
        for (const PathInfo& info : paths) {
            const Architecture& architecture = *find_architecture(host.arch);
            if (!architecture.lacks(info.path, machine_of(host, "kernel", 2), host).empty()) continue;
            BOOST_TEST_CONTEXT(info.name << " of " << host.arch << ", " << host.capabilities.front().name) {
                Wired wired(host, info.path);
                for (std::size_t i = 0; i < times; ++i) wired.round_trip();
                BOOST_TEST(wired.first_is_the_stimulus());
                BOOST_TEST(wired.taken(0) == (info.path == Path::timer ? 2 * times : times));
                BOOST_TEST(wired.taken(1) == (info.path == Path::ipi ? times : 0));
                BOOST_TEST(wired.counted<vmm::event::Resampled>() ==
                           (info.path == Path::resample ? times : 0));
                BOOST_TEST(wired.counted<vmm::event::DoorbellRung>() ==
                           (info.path == Path::ioeventfd ? times : 0));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_table_can_be_filled_with_routes_that_nothing_takes) {
    constexpr std::size_t most = routing::RoutingRules::max_entries;
    for (const vmm::Host& host : {pc, with_its, with_gicv2}) {
        for (const Path path : {Path::irq_line, Path::irqfd}) {
            Wired wired(host, path);
            routing::RoutingTable table = wired.machine->routes();
            for (std::uint32_t gsi = wired.architecture.first_unused_gsi; table.size() < most; ++gsi)
                if (table.routes(gsi).empty()) table.set(gsi, {wired.architecture.unused_route(gsi)});
            BOOST_TEST(wired.machine->route(table).ok());
            wired.round_trip();
            BOOST_TEST(wired.taken(0) == 1U);
        }
    }
}

BOOST_AUTO_TEST_CASE(an_arm64_machine_has_the_newest_gic_of_the_host_and_its_its) {
    const auto newest = machine_of(with_its, "kernel", 1);
    BOOST_TEST(newest.gic == "v3");
    BOOST_TEST(newest.its);
    BOOST_TEST(newest.memory > 0U);
    BOOST_TEST(!machine_of(without_its, "kernel", 1).its);
    BOOST_TEST(machine_of(with_gicv2, "kernel", 1).gic == "v2");
    BOOST_TEST(machine_of(with_its, "userspace", 1).gic == "v2");
    BOOST_TEST(!machine_of(with_its, "userspace", 1).its);
}

BOOST_AUTO_TEST_CASE(what_an_arm64_machine_lacks_is_said_with_the_reason) {
    const Architecture& arm64 = *find_architecture("arm64");
    const auto lacks = [&](Path path, const vmm::Host& host, const char* mode, std::uint32_t vcpus = 1) {
        return arm64.lacks(path, machine_of(host, mode, vcpus), host);
    };
    for (const PathInfo& each : paths) BOOST_TEST(lacks(each.path, with_its, "kernel") == "");
    BOOST_TEST(lacks(Path::msi, without_its, "kernel") == "this KVM has no ITS: nothing takes a message");
    const std::string no_its = "a GICv2 has no ITS: nothing takes a message";
    BOOST_TEST(lacks(Path::msi, with_gicv2, "kernel") == no_its);
    BOOST_TEST(lacks(Path::msi, with_its, "userspace") == no_its);
    const std::string too_many = "a GICv2 has no more than 8 CPU interfaces";
    BOOST_TEST(lacks(Path::irq_line, with_gicv2, "kernel", 8) == "");
    BOOST_TEST(lacks(Path::irq_line, with_gicv2, "kernel", 9) == too_many);
    BOOST_TEST(lacks(Path::irq_line, with_its, "userspace", 9) == too_many);
    BOOST_TEST(lacks(Path::irq_line, with_its, "kernel", 9) == "");
}

BOOST_AUTO_TEST_CASE(what_takes_more_than_an_input_of_the_vcpu_has_no_raw_loop_without_a_gic_of_kvms) {
    const Architecture& arm64 = *find_architecture("arm64");
    for (const PathInfo& each : paths) {
        const bool takes_more =
            each.path == Path::resample || each.path == Path::ipi || each.path == Path::timer;
        BOOST_TEST(arm64.lacks_bare(each.path, machine_of(with_its, "kernel", 2), with_its) == "");
        BOOST_TEST(arm64.lacks_bare(each.path, machine_of(with_its, "userspace", 2), with_its) ==
                   (takes_more ? "the controller that does it is no ioctl" : ""));
    }
}

BOOST_AUTO_TEST_SUITE_END()
