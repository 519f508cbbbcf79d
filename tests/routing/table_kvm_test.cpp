#include <linux/kvm.h>

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <vector>

#include "routing/table.hpp"
#include "tests/needs_kvm.hpp"
#include "tests/routing/table_samples.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vm.hpp"

namespace irqbench::routing {

namespace {

using namespace samples;

std::vector<kvm_irq_routing_entry> for_kernel(const RoutingTable& table) {
    std::vector<kvm_irq_routing_entry> entries;
    for (const Entry& entry : table.entries()) {
        const RawRoute raw = to_raw(entry.route);
        kvm_irq_routing_entry& line = entries.emplace_back();
        line.gsi = entry.gsi;
        line.type = raw.type;
        line.flags = raw.flags;
        std::copy(raw.words.begin(), raw.words.end(), line.u.pad);
    }
    return entries;
}

/// What the kernel of a machine with these rules answers to KVM_SET_GSI_ROUTING.
vmm::Outcome ask_kernel(const RoutingTable& table, const RoutingRules& rules) {
    const vmm::kvm::System system;
    vmm::kvm::Vm vm(system);
    if (rules.wide_destinations) vm.enable_cap(KVM_CAP_X2APIC_API, {KVM_X2APIC_API_USE_32BIT_IDS});
    if (rules.irqchip && rules.chips.empty()) vm.enable_cap(KVM_CAP_SPLIT_IRQCHIP, {24});
    if (!rules.chips.empty()) vm.create_irqchip();
    return vm.try_set_gsi_routing(for_kernel(table));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(routing_table_in_kvm, *boost::unit_test::precondition(needs_kvm))

BOOST_DATA_TEST_CASE(this_host_refuses_what_validate_refuses, refused) {
    const auto outcome = ask_kernel(sample.table, sample.rules);
    BOOST_TEST(outcome.error == validate(sample.table, sample.rules)->error);
}

BOOST_DATA_TEST_CASE(this_host_takes_what_validate_accepts, accepted) {
    BOOST_TEST(ask_kernel(sample.table, sample.rules).error == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::routing
