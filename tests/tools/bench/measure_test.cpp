#include "tools/bench/measure.hpp"

#include <boost/test/unit_test.hpp>
#include <iostream>

#include "tests/needs_kvm.hpp"
#include "vmm/factory.hpp"

using namespace irqbench;
using namespace irqbench::tools::bench;

namespace {

constexpr std::uint32_t samples = 23;  // does not divide evenly among the turns

/// Every path in every mode of this host: what was measured is as many as was asked for.
void check_all(const Setup& setup) {
    const vmm::Host host = vmm::probe_host();
    const Architecture* architecture = find_architecture(host.arch);
    if (architecture == nullptr) {
        std::cout << "skipped: latency is not measured on " << host.arch << '\n';
        return;
    }
    std::size_t measured = 0;
    for (const std::string& mode : host.placements) {
        if (mode == "model") continue;
        for (const PathInfo& path : paths) {
            BOOST_TEST_CONTEXT(path.name << " in " << mode) {
                const Measured row =
                    measure(*architecture, host, path.path, mode, setup, [] { return false; });
                BOOST_TEST(!row.failed, row.reason);
                if (!row.reason.empty()) continue;
                ++measured;
                BOOST_TEST(row.bench.count() == samples);
                BOOST_TEST(row.raw.count() == (row.no_raw.empty() ? samples : 0));
                if (row.inner) BOOST_TEST(row.inner->count() <= samples);
                BOOST_TEST(row.inner.has_value() == !path.inner.empty());
                BOOST_TEST(row.bench.min() <= row.bench.max());
            }
        }
    }
    BOOST_TEST(measured > 0U);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bench_measure, *boost::unit_test::precondition(needs_kvm))

BOOST_AUTO_TEST_CASE(every_path_has_as_many_samples_as_were_asked_for) {
    check_all({samples, 5, false, 1, 0});
}

BOOST_AUTO_TEST_CASE(so_has_a_machine_with_more_vcpus_and_a_long_table) {
    check_all({samples, 0, false, 3, 2000});
}

BOOST_AUTO_TEST_CASE(a_user_who_has_had_enough_ends_it) {
    const vmm::Host host = vmm::probe_host();
    if (find_architecture(host.arch) == nullptr) return;
    int asked = 0;
    BOOST_CHECK_THROW(static_cast<void>(measure(*find_architecture(host.arch), host, Path::irq_line,
                                                host.placements.front(), {}, [&] { return ++asked > 10; })),
                      Interrupted);
}

BOOST_AUTO_TEST_SUITE_END()
