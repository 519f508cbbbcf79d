#include "vmm/model/irqfds.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace irqbench;
using namespace irqbench::vmm;

namespace {

/// Remembers whom it was told to listen for.
struct Inputs final : model::GsiInputs {
    void drive(std::uint32_t, bool, irqchip::LineSource) override { ++driven; }
    void listen(std::uint32_t, routing::ListenerId id) override { listener = id; }
    void unlisten(std::uint32_t, routing::ListenerId) override {}

    int driven = 0;
    routing::ListenerId listener = 0;
};

IrqfdSpec resampling(std::string name, std::uint32_t gsi) {
    IrqfdSpec spec;
    spec.name = std::move(name);
    spec.gsi = gsi;
    spec.resample = true;
    return spec;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(model_irqfds)

BOOST_AUTO_TEST_CASE(a_kick_that_nobody_has_collected_outlives_the_irqfd_and_the_next_of_its_name) {
    Inputs inputs;
    model::Irqfds irqfds(inputs);
    BOOST_TEST(irqfds.assign(resampling("dev", 10)).ok());
    irqfds.ended(inputs.listener);
    BOOST_TEST(irqfds.deassign("dev").ok());
    BOOST_TEST(irqfds.assign(resampling("dev", 10)).ok());
    irqfds.ended(inputs.listener);
    const auto kicks = irqfds.take_resampled();
    BOOST_REQUIRE(kicks.size() == 1U);
    BOOST_TEST(kicks[0].count == 2U);
    BOOST_TEST(irqfds.take_resampled().empty());
}

BOOST_AUTO_TEST_CASE(a_second_deassignment_ends_who_has_the_eventfd_and_the_gsi) {
    Inputs inputs;
    model::Irqfds irqfds(inputs);
    BOOST_TEST(irqfds.assign(resampling("a", 10)).ok());
    for (const std::uint32_t gsi : {10U, 11U}) {
        BOOST_TEST(irqfds.deassign("a").ok());
        IrqfdSpec next = resampling("b", gsi);
        next.shares = "a";
        BOOST_TEST(irqfds.assign(next).ok());
        BOOST_TEST(irqfds.deassign("a").ok());
        inputs.driven = 0;
        irqfds.signal("b");
        BOOST_TEST(inputs.driven == (gsi == 10 ? 0 : 1));
    }
}

BOOST_AUTO_TEST_SUITE_END()
