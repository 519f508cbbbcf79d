#include "tools/fuzz/exclusions.hpp"

#include <boost/test/unit_test.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "tools/fuzz/architecture.hpp"
#include "tools/fuzz/arm64/architecture.hpp"
#include "tools/fuzz/x86/architecture.hpp"

namespace irqbench::tests {

namespace {

namespace fuzz = tools::fuzz;
using Features = std::vector<std::string_view>;

std::string text_without(const fuzz::Architecture& architecture, std::uint64_t number, Features without) {
    return text_of(fuzz::generate(architecture, 1, number, {std::move(without), 40}), {"made", "a test", {}});
}

bool excludes(const fuzz::Architecture& architecture, const std::vector<std::string>& modes,
              const vmm::Host& host, std::string_view feature) {
    const auto all = fuzz::excluded(architecture, modes, host);
    return std::find(all.begin(), all.end(), feature) != all.end();
}

/// A row of the manual.
std::string row_of(const fuzz::Exclusion& row) {
    const std::string where = !row.lacking.empty() ? fmt::format("no `{}`", row.lacking)
                              : row.trait.empty()  ? "every host"
                                                   : fmt::format("`{}`", row.trait);
    return fmt::format("\n| `{}` | `{}` | {} | {} ({}) |\n", row.feature, fmt::join(row.modes, "`, `"), where,
                       row.because, row.source);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fuzz_features)

BOOST_AUTO_TEST_CASE(every_feature_is_known_by_its_name) {
    std::set<std::string> expected;
    for (const fuzz::Architecture* each : fuzz::architectures()) {
        for (const std::string_view name : each->features) {
            BOOST_TEST(fuzz::feature_of(*each, name) == name);
            expected.emplace(name);
        }
        BOOST_CHECK_THROW(fuzz::feature_of(*each, "nothing"), std::out_of_range);
    }
    const auto names = fuzz::feature_names();
    BOOST_TEST(std::set<std::string>(names.begin(), names.end()) == expected);
    BOOST_TEST(names.size() == expected.size());
    BOOST_CHECK_THROW(fuzz::feature_of(fuzz::arm64::architecture, "cr8"), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(every_feature_is_made_use_of) {
    for (const fuzz::Architecture* each : fuzz::architectures()) {
        for (const std::string_view name : each->features) {
            bool matters = false;
            for (std::uint64_t number = 0; number < 500 && !matters; ++number)
                matters = text_without(*each, number, {}) != text_without(*each, number, {name});
            BOOST_TEST(matters, name);
        }
    }
}

BOOST_AUTO_TEST_CASE(every_exclusion_is_of_a_feature_and_has_a_reason_and_a_source) {
    for (const fuzz::Architecture* each : fuzz::architectures()) {
        for (const fuzz::Exclusion& row : each->exclusions) {
            BOOST_TEST(fuzz::feature_of(*each, row.feature) == row.feature);
            BOOST_TEST(!row.because.empty());
            BOOST_TEST(!row.source.empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(the_manual_lists_the_exclusions) {
    std::ostringstream manual;
    manual << std::ifstream(IRQBENCH_SOURCE_DIR "/docs/diff-and-fuzz.md").rdbuf();
    const std::string text = manual.str();
    std::size_t rows = 0;
    for (const fuzz::Architecture* each : fuzz::architectures()) {
        rows += each->exclusions.size();
        for (const fuzz::Exclusion& row : each->exclusions)
            BOOST_TEST(text.find(row_of(row)) != std::string::npos, row_of(row));
    }
    std::size_t listed = 0;
    for (std::size_t begin = 0; (begin = text.find("| `--without`", begin)) != std::string::npos; ++begin) {
        const std::string table = text.substr(begin, text.find("\n\n", begin) - begin);
        for (std::size_t at = 0; (at = table.find("\n| `", at)) != std::string::npos; ++at) ++listed;
    }
    BOOST_TEST(listed == rows);
}

BOOST_AUTO_TEST_CASE(an_exclusion_depends_on_mode_trait_and_what_the_host_has) {
    const fuzz::Architecture& x86 = fuzz::x86::architecture;
    vmm::Host host;
    BOOST_TEST(!excludes(x86, {"userspace", "model"}, host, "poll"));
    BOOST_TEST(excludes(x86, {"model", "kernel"}, host, "poll"));
    BOOST_TEST(!excludes(x86, {"model", "split"}, host, "service"));
    host.traits = {"lapic_eoi_at_delivery"};
    BOOST_TEST(excludes(x86, {"model", "split"}, host, "service"));
    BOOST_TEST(excludes(x86, {"kernel", "model"}, host, "time"));
    BOOST_TEST(!excludes(x86, {"userspace", "model"}, host, "time"));

    const fuzz::Architecture& arm64 = fuzz::arm64::architecture;
    host.capabilities = {{"arm_vgic_v3", 1}, {"arm_vgic_v2", 0}};
    BOOST_TEST(!excludes(arm64, {"model", "kernel"}, host, "gicv3"));
    BOOST_TEST(excludes(arm64, {"model", "userspace"}, host, "gicv3"));
    BOOST_TEST(excludes(arm64, {"model", "kernel"}, host, "gicv2"));
    BOOST_TEST(!excludes(arm64, {"model"}, host, "gicv2"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::tests
