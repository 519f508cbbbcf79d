#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "tests/qemu/comparison.hpp"
#include "tests/qemu/search.hpp"
#include "tests/qemu/shrink.hpp"

// QEMU's I/O APIC, MSI and 8259 pair against ours: random operations on both, see comparison.hpp.
// IRQBENCH_QEMU_SEED and IRQBENCH_QEMU_OPERATIONS change what is tried.
namespace irqbench::tests::qemu {
namespace {

constexpr auto arch = tools::lab::Arch::x86_64;

constexpr std::uint64_t default_operations = 20'000;
constexpr std::size_t operations_an_episode = 250;
constexpr std::size_t operations_a_look_at_the_lapics = 125;
constexpr int shrink_tries = 300;

boost::test_tools::assertion_result needs_qemu(boost::unit_test::test_unit_id) {
    return found_or_required(arch);
}

struct Failure {
    std::string what;
    std::size_t operations = 0;  ///< that it took
};

/// Operations from power-on. @returns what differs, if anything does
template <class Next>
std::optional<Failure> episode(Comparison& comparison, std::size_t count, Next next) {
    comparison.restart();
    for (std::size_t i = 1; i <= count; ++i) {
        auto mismatch = comparison.step(next());
        if (!mismatch && (i == count || i % operations_a_look_at_the_lapics == 0))
            mismatch = comparison.finish();
        if (mismatch) return Failure{*mismatch, i};
    }
    return std::nullopt;
}

std::optional<Failure> replay(Comparison& comparison, const std::vector<Operation>& operations) {
    auto each = operations.begin();
    return episode(comparison, operations.size(), [&each] { return *each++; });
}

std::string lines(const std::vector<Operation>& operations) {
    std::string text;
    for (const Operation& each : operations) text += "  " + qemu::text(each) + '\n';
    return text;
}

std::string shrunk(Comparison& comparison, const std::vector<Operation>& operations) {
    // Looking at every operation tells more, unless that makes the failure go away.
    comparison.set_batch(1);
    if (!replay(comparison, operations)) comparison.set_batch(Comparison::usual_batch);
    const auto fails = [&comparison](const std::vector<Operation>& some) {
        return replay(comparison, some).has_value();
    };
    const auto few = shrink<Operation>(operations, fails, shrink_tries);
    const auto failure = replay(comparison, few);
    return fmt::format("{} operations that differ:\n{}{}", few.size(), lines(few),
                       failure ? failure->what : "not again this time");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(qemu_chips, *boost::unit_test::precondition(needs_qemu))

BOOST_AUTO_TEST_CASE(they_do_what_ours_do_but_for_the_differences_on_record) {
    BOOST_REQUIRE_MESSAGE(found_qemu(arch).found, found_qemu(arch).why_not);
    const std::uint64_t seed = number("IRQBENCH_QEMU_SEED", 1);
    const std::uint64_t wanted = number("IRQBENCH_QEMU_OPERATIONS", default_operations);
    const auto start = std::chrono::steady_clock::now();

    QemuMachine machine(*found_qemu(arch).found);
    Comparison comparison(machine);
    Generator generator(seed);
    std::uint64_t done = 0;
    while (done < wanted) {
        std::vector<Operation> operations;
        std::optional<Failure> failure;
        try {
            failure = episode(comparison, operations_an_episode, [&] {
                operations.push_back(generator.next());
                return operations.back();
            });
        } catch (const std::exception& error) {
            BOOST_FAIL(fmt::format("seed {}: {} after\n{}", seed, error.what(), lines(operations)));
        }
        done += operations.size();
        if (failure)
            BOOST_FAIL(fmt::format("seed {}, operation {}: {}\n{}", seed, done, failure->what,
                                   shrunk(comparison, operations)));
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::cout << fmt::format("QEMU {}, seed {}: {} operations in {:.1f} s\n", found_qemu(arch).found->version,
                             seed, done, seconds.count());
    for (const auto& [name, count] : comparison.shown()) {
        std::cout << fmt::format("  {:<20} {}\n", name, count);
        BOOST_CHECK_MESSAGE(count != 0, fmt::format("seed {}: the difference {} never showed", seed, name));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests::qemu
