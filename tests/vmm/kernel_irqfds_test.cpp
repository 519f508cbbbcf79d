#include "vmm/kernel_irqfds.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <string>

#include "tests/needs_kvm.hpp"
#include "vmm/kvm/system.hpp"

using namespace irqbench;
using namespace irqbench::vmm;

namespace {

constexpr std::array<routing::ListenerId, 1> listener{7};
constexpr std::uint32_t pin = 5;

IrqfdSpec irqfd(std::string name, std::string shares = {}, bool resample = false) {
    IrqfdSpec spec;
    spec.name = std::move(name);
    spec.gsi = pin;
    spec.shares = std::move(shares);
    spec.resample = resample;
    return spec;
}

struct Bench {
    Bench() : vm(system), irqfds(vm) { vm.create_irqchip(); }
    kvm::System system;
    kvm::Vm vm;
    KernelIrqfds irqfds;

    [[nodiscard]] std::string event(std::string_view name) {
        const auto served = irqfds.take_event(name);
        return served ? served->name : "";
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(kernel_irqfds, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(a_kick_that_nobody_has_collected_outlives_an_irqfd_that_the_machine_serves) {
    Bench bench;
    BOOST_TEST(bench.irqfds.serve(irqfd("dev", "", true), listener[0]).ok());
    bench.irqfds.kick(listener);
    BOOST_TEST(bench.irqfds.deassign("dev").outcome.ok());
    bench.irqfds.kick(listener);  // of nobody any more
    BOOST_TEST(bench.irqfds.serve(irqfd("dev", "", true), listener[0]).ok());
    bench.irqfds.kick(listener);
    const auto kicks = bench.irqfds.take_resampled();
    BOOST_REQUIRE(kicks.size() == 1U);
    BOOST_TEST(kicks[0].irqfd == "dev");
    BOOST_TEST(kicks[0].count == 2U);
}

BOOST_AUTO_TEST_CASE(a_name_is_the_eventfd_of_its_irqfd_whoever_serves_it) {
    Bench bench;
    BOOST_TEST(bench.irqfds.serve(irqfd("a"), {}).ok());
    BOOST_TEST(bench.irqfds.assign(irqfd("b", "a")).error == EBUSY);
    BOOST_TEST(bench.irqfds.deassign("a").outcome.ok());
    BOOST_TEST(bench.irqfds.assign(irqfd("b", "a")).ok());
    BOOST_TEST(!bench.irqfds.is_for_machine("a"));
    BOOST_TEST(bench.irqfds.serve(irqfd("c", "a"), {}).error == EBUSY);
    BOOST_TEST(bench.irqfds.deassign("b").outcome.ok());
    bench.irqfds.signal("a", 1);
    BOOST_TEST(bench.irqfds.serve(irqfd("c", "b"), {}).ok());
    BOOST_TEST(bench.event("c") == "c");
    BOOST_TEST(bench.event("c") == "");
    bench.irqfds.signal("a", 1);
    BOOST_TEST(bench.event("b") == "c");
}

BOOST_AUTO_TEST_CASE(a_signal_tells_which_gsi_it_is_for) {
    Bench bench;
    const auto told = [&](std::string_view name) { return bench.irqfds.signal(name, 1); };
    BOOST_TEST(!told("dev"));
    BOOST_TEST(bench.irqfds.assign(irqfd("dev")).ok());
    BOOST_TEST((told("dev") == pin));
    BOOST_TEST(bench.irqfds.deassign("dev").outcome.ok());
    BOOST_TEST(!told("dev"));
    BOOST_TEST(bench.irqfds.assign(irqfd("other", "dev")).ok());
    BOOST_TEST((told("dev") == pin));
    bench.irqfds.move("other", KernelIrqfds::Server::machine);
    BOOST_TEST(!told("other"));
}

BOOST_AUTO_TEST_CASE(an_irqfd_that_moves_keeps_its_eventfd) {
    Bench bench;
    BOOST_TEST(bench.irqfds.assign(irqfd("dev")).ok());
    bench.irqfds.move("dev", KernelIrqfds::Server::machine);
    bench.irqfds.signal("dev", 1);
    BOOST_TEST(bench.event("dev") == "dev");
    bench.irqfds.move("dev", KernelIrqfds::Server::kernel);
    BOOST_TEST(!bench.irqfds.is_for_machine("dev"));
    BOOST_TEST(bench.irqfds.has("dev"));
    BOOST_TEST(bench.irqfds.serve(irqfd("other", "dev"), {}).error == EBUSY);
}

/// "dev" means another eventfd by now, which a restore must not give to those that had the former one.
BOOST_AUTO_TEST_CASE(a_restore_knows_who_shares_an_eventfd_and_what_waits_in_it) {
    Bench bench;
    BOOST_TEST(bench.irqfds.serve(irqfd("dev"), {}).ok());
    BOOST_TEST(bench.irqfds.deassign("dev").outcome.ok());
    BOOST_TEST(bench.irqfds.serve(irqfd("a", "dev"), {}).ok());
    BOOST_TEST(bench.irqfds.deassign("a").outcome.ok());
    BOOST_TEST(bench.irqfds.serve(irqfd("b", "dev"), {}).ok());
    BOOST_TEST(bench.irqfds.deassign("b").outcome.ok());
    BOOST_TEST(bench.irqfds.assign(irqfd("dev")).ok());
    bench.irqfds.signal("a", 1);

    Bench other;
    other.irqfds.restore(bench.irqfds.save());
    BOOST_TEST(other.irqfds.has("dev"));
    BOOST_TEST(other.irqfds.serve(irqfd("c", "b"), {}).ok());
    BOOST_TEST(other.event("c") == "c");
    other.irqfds.signal("a", 1);
    BOOST_TEST(other.event("b") == "c");
}

BOOST_AUTO_TEST_CASE(a_second_deassignment_ends_who_has_the_eventfd_and_the_gsi) {
    Bench bench;
    BOOST_TEST(bench.irqfds.assign(irqfd("a")).ok());
    BOOST_TEST(bench.irqfds.deassign("a").outcome.ok());
    BOOST_TEST(bench.irqfds.assign(irqfd("b", "a")).ok());
    const auto kernels = bench.irqfds.deassign("a");
    BOOST_TEST(kernels.outcome.ok());
    BOOST_TEST((kernels.ended && kernels.ended->spec.name == "b"));
    BOOST_TEST(!bench.irqfds.has("b"));
    BOOST_TEST(bench.irqfds.serve(irqfd("c", "a"), {}).ok());
    const auto machines = bench.irqfds.deassign("b");
    BOOST_TEST((machines.ended && machines.ended->spec.name == "c"));
    IrqfdSpec elsewhere = irqfd("d", "a");
    elsewhere.gsi = pin + 1;
    BOOST_TEST(bench.irqfds.assign(elsewhere).ok());
    BOOST_TEST(!bench.irqfds.deassign("a").ended.has_value());
    BOOST_TEST(bench.irqfds.has("d"));
}

BOOST_AUTO_TEST_CASE(who_listens_hears_of_each_line_that_a_resampler_moves) {
    Bench bench;
    std::string moves;
    bench.irqfds.on_line([&](std::uint32_t gsi, bool level) {
        BOOST_TEST(gsi == pin);
        moves += level ? '+' : '-';
    });
    BOOST_TEST(bench.irqfds.assign(irqfd("plain")).ok());
    bench.irqfds.signal("plain", 1);
    BOOST_TEST(bench.irqfds.assign(irqfd("dev", "", true)).ok());
    BOOST_TEST(moves == "");
    bench.irqfds.signal("dev", 1);
    BOOST_TEST(moves == "+");
    // Another one of the GSI keeps the line.
    BOOST_TEST(bench.irqfds.assign(irqfd("two", "", true)).ok());
    BOOST_TEST(bench.irqfds.deassign("dev").outcome.ok());
    BOOST_TEST(moves == "+");
    BOOST_TEST(bench.irqfds.deassign("two").outcome.ok());
    BOOST_TEST(moves == "+-");
    // What waits in the eventfd is injected by the assignment.
    bench.irqfds.signal("dev", 1);
    BOOST_TEST(moves == "+-");
    BOOST_TEST(bench.irqfds.assign(irqfd("three", "dev", true)).ok());
    BOOST_TEST(moves == "+-+");
    bench.irqfds.drain();
    BOOST_TEST(bench.irqfds.deassign("three").outcome.ok());
    BOOST_TEST(bench.irqfds.assign(irqfd("four", "dev", true)).ok());
    BOOST_TEST(moves == "+-+-");
}

BOOST_AUTO_TEST_CASE(resamplers_of_another_vm_move_no_line_of_this_one) {
    kvm::System system;
    kvm::Vm vm(system);
    vm.create_irqchip();
    std::string moves;
    KernelIrqfds irqfds(vm, [&system] {
        auto other = std::make_unique<kvm::Vm>(system);
        other->create_irqchip();
        return other;
    });
    irqfds.on_line([&](std::uint32_t, bool level) { moves += level ? '+' : '-'; });
    IrqfdSpec theirs = irqfd("theirs", "", true);
    theirs.other_vm = true;
    BOOST_TEST(irqfds.assign(theirs).ok());
    irqfds.signal("theirs", 1);
    BOOST_TEST(!irqfds.resamples(pin));
    BOOST_TEST(moves == "");
    BOOST_TEST(irqfds.assign(irqfd("own", "", true)).ok());
    irqfds.signal("own", 1);
    BOOST_TEST(irqfds.deassign("own").outcome.ok());
    BOOST_TEST(moves == "+-");
    BOOST_TEST(irqfds.deassign("theirs").outcome.ok());
    BOOST_TEST(moves == "+-");
}

BOOST_AUTO_TEST_SUITE_END()
