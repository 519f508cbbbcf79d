#include "tools/bench/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "scenarios/engine/fields.hpp"
#include "tools/bench/text.hpp"

namespace irqbench::tools::bench {

enum class GuestWord : std::uint8_t { halted, spinning };

}  // namespace irqbench::tools::bench

namespace irqbench::scenarios {

template <>
struct Words<tools::bench::Path> {
    static constexpr auto table = [] {
        std::array<std::pair<std::string_view, tools::bench::Path>, tools::bench::paths.size()> words{};
        for (std::size_t i = 0; i < words.size(); ++i)
            words[i] = {tools::bench::paths[i].name, tools::bench::paths[i].path};
        return words;
    }();
};

template <>
struct Words<tools::bench::GuestWord> {
    static constexpr std::array<std::pair<std::string_view, tools::bench::GuestWord>, 2> table{
        {{"halted", tools::bench::GuestWord::halted}, {"spinning", tools::bench::GuestWord::spinning}}};
};

}  // namespace irqbench::scenarios

namespace irqbench::tools::bench {

namespace {

using scenarios::Cursor;
using scenarios::Json;
using scenarios::optional;
using scenarios::required;

constexpr std::uint64_t file_version = 1;
/// About 292 years.
constexpr std::uint64_t longest_ns = INT64_MAX;

Nanoseconds time_of(std::uint64_t ns) { return Nanoseconds{static_cast<Nanoseconds::rep>(ns)}; }
std::uint64_t ns_of(Nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

struct TimesFile {
    std::uint64_t samples = 0;
    std::uint64_t min_ns = 0;
    std::uint64_t max_ns = 0;
    std::optional<std::uint64_t> p50_ns;
    std::optional<std::uint64_t> p90_ns;
    std::optional<std::uint64_t> p99_ns;
    std::optional<std::uint64_t> p99_9_ns;
    std::optional<std::uint64_t> p99_99_ns;
    std::vector<std::vector<std::uint64_t>> bins;

    static constexpr auto fields() {
        using scenarios::between;
        using scenarios::up_to;
        return std::tuple{
            required("samples", &TimesFile::samples, "how many there are", between(1, longest_ns)),
            required("min_ns", &TimesFile::min_ns, "the least", up_to(longest_ns)),
            required("max_ns", &TimesFile::max_ns, "the greatest", up_to(longest_ns)),
            optional("p50_ns", &TimesFile::p50_ns, "of the bins, for readers", up_to(longest_ns)),
            optional("p90_ns", &TimesFile::p90_ns, "the same", up_to(longest_ns)),
            optional("p99_ns", &TimesFile::p99_ns, "the same", up_to(longest_ns)),
            optional("p99_9_ns", &TimesFile::p99_9_ns, "the same", up_to(longest_ns)),
            optional("p99_99_ns", &TimesFile::p99_99_ns, "the same", up_to(longest_ns)),
            required("bins", &TimesFile::bins, "[the bin's lowest ns, how many]", up_to(longest_ns))};
    }

    static void check(const TimesFile& file, const Cursor& at) { static_cast<void>(histogram_of(file, &at)); }

    /// @param at whom to complain at; null where it has been checked
    static Histogram histogram_of(const TimesFile& file, const Cursor* at) {
        Histogram histogram;
        const auto refuse = [at](const std::string& reason) {
            if (at != nullptr) at->fail(reason);
        };
        for (std::size_t i = 0; i < file.bins.size(); ++i) {
            const auto& bin = file.bins[i];
            if (bin.size() != 2 || bin[1] == 0)
                refuse(fmt::format("bin {} is not [its lowest ns, how many]", i));
            const int index = LogLinearAxis{}.index(bin[0]);
            if (LogLinearAxis::lowest(index) != bin[0])
                refuse(fmt::format("no bin begins at {} ns, the next below does at {}", bin[0],
                                   LogLinearAxis::lowest(index)));
            if (i > 0 && bin[0] <= file.bins[i - 1][0])
                refuse(fmt::format("bin {} is not above the one before", i));
            if (bin[1] > file.samples - histogram.count())
                refuse(fmt::format("the bins have more than {} samples", file.samples));
            histogram.add(time_of(bin[0]), bin[1]);
        }
        if (histogram.count() != file.samples)
            refuse(fmt::format("the bins have {} samples, not {}", histogram.count(), file.samples));
        const LogLinearAxis axis;
        if (axis.index(file.min_ns) != axis.index(file.bins.front()[0]) ||
            axis.index(file.max_ns) != axis.index(file.bins.back()[0]))
            refuse("'min_ns' and 'max_ns' are not in the first and the last bin");
        histogram.set_extremes(time_of(file.min_ns), time_of(file.max_ns));
        return histogram;
    }
};

struct MeasuredFile {
    Path path = Path::msi;
    std::string irqchip;
    std::string reason;
    bool failed = false;
    std::optional<TimesFile> bench;
    std::optional<TimesFile> raw;
    std::string no_raw;
    std::optional<TimesFile> inner;
    std::uint64_t uncertainty_ns = 0;
    std::uint64_t discarded = 0;
    std::uint64_t repeats = 0;
    std::string repeated_since;

    static constexpr auto fields() {
        return std::tuple{
            required("path", &MeasuredFile::path, "what was measured"),
            required("irqchip", &MeasuredFile::irqchip, "the irqchip mode"),
            optional("reason", &MeasuredFile::reason, "why there are no times"),
            optional("failed", &MeasuredFile::failed, "there is such a path, but it could not be measured"),
            optional("bench", &MeasuredFile::bench, "through the machine as scenarios drive it"),
            optional("raw", &MeasuredFile::raw, "by bare ioctls, on the same virtual machine"),
            optional("no_raw", &MeasuredFile::no_raw, "why there are none of those"),
            optional("inner", &MeasuredFile::inner, "the part of `bench` that the guest's counters tell"),
            optional("uncertainty_ns", &MeasuredFile::uncertainty_ns, "of `inner`",
                     scenarios::up_to(longest_ns)),
            optional("discarded", &MeasuredFile::discarded, "timers that were set too late"),
            optional("repeats", &MeasuredFile::repeats, "how often it was begun again"),
            optional("repeated_since", &MeasuredFile::repeated_since, "what had not come, the last time")};
    }

    static void check(const MeasuredFile& file, const Cursor& at) {
        if (file.bench.has_value() == !file.reason.empty()) at.fail("needs either 'bench' or 'reason'");
    }
};

struct ReportFile {
    std::uint64_t irqbench_bench = 0;
    std::string kernel;
    std::uint32_t samples = 0;
    std::uint32_t warm_up = 0;
    GuestWord guest = GuestWord::halted;
    std::uint32_t vcpus = 1;
    std::uint32_t route_count = 0;
    std::vector<std::string> warnings;
    std::vector<MeasuredFile> measured;

    static constexpr auto fields() {
        using scenarios::between;
        return std::tuple{required("irqbench_bench", &ReportFile::irqbench_bench,
                                   "the version of this format", between(file_version, file_version)),
                          required("kernel", &ReportFile::kernel, "the release it was measured on"),
                          required("samples", &ReportFile::samples, "as --samples says it"),
                          required("warm_up", &ReportFile::warm_up, "as --warm-up says it"),
                          required("guest", &ReportFile::guest, "as --guest says it"),
                          required("vcpus", &ReportFile::vcpus, "as --vcpus says it"),
                          required("route_count", &ReportFile::route_count, "as --route-count says it"),
                          optional("warnings", &ReportFile::warnings, "what made the host noisy"),
                          required("measured", &ReportFile::measured, "each path in each irqchip mode")};
    }
};

Json json_of(const Histogram& times) {
    Json bins = Json::array();
    for (const Histogram::Bin& bin : times.bins()) bins.push_back({bin.lowest, bin.count});
    static constexpr std::array<const char*, per_cents.size()> names{"p50_ns", "p90_ns", "p99_ns", "p99_9_ns",
                                                                     "p99_99_ns"};
    Json json = {{"samples", times.count()}, {"min_ns", ns_of(times.min())}, {"max_ns", ns_of(times.max())}};
    for (std::size_t i = 0; i < names.size(); ++i)
        if (times.resolves(per_cents.at(i))) json[names.at(i)] = ns_of(times.percentile(per_cents.at(i)));
    json["bins"] = std::move(bins);
    return json;
}

Json json_of(const Measured& row) {
    Json json = {{"path", info_of(row.path).name}, {"irqchip", row.irqchip}};
    if (row.repeats != 0) {
        json["repeats"] = row.repeats;
        json["repeated_since"] = row.repeated_since;
    }
    if (!row.reason.empty()) {
        json["reason"] = row.reason;
        if (row.failed) json["failed"] = true;
        return json;
    }
    json["bench"] = json_of(row.bench);
    if (row.raw.count() != 0) json["raw"] = json_of(row.raw);
    if (!row.no_raw.empty()) json["no_raw"] = row.no_raw;
    if (row.inner && row.inner->count() != 0) {
        json["inner"] = json_of(*row.inner);
        json["uncertainty_ns"] = ns_of(row.uncertainty);
    }
    if (row.discarded != 0) json["discarded"] = row.discarded;
    return json;
}

Json head_of(const Report& report) {
    const Setup& setup = report.setup;
    return {{"irqbench_bench", file_version},
            {"kernel", report.kernel},
            {"samples", setup.samples},
            {"warm_up", setup.warm_up},
            {"guest", setup.spinning ? "spinning" : "halted"},
            {"vcpus", setup.vcpus},
            {"route_count", setup.route_count}};
}

Measured measured_of(const MeasuredFile& file) {
    Measured row;
    row.path = file.path;
    row.irqchip = file.irqchip;
    row.reason = file.reason;
    row.failed = file.failed;
    row.no_raw = file.no_raw;
    if (file.bench) row.bench = TimesFile::histogram_of(*file.bench, nullptr);
    if (file.raw) row.raw = TimesFile::histogram_of(*file.raw, nullptr);
    if (file.inner) row.inner = TimesFile::histogram_of(*file.inner, nullptr);
    row.uncertainty = time_of(file.uncertainty_ns);
    row.discarded = file.discarded;
    row.repeats = file.repeats;
    row.repeated_since = file.repeated_since;
    return row;
}

Report report_of(const scenarios::Document& document) {
    scenarios::Reading reading{document};
    const auto file = scenarios::Form<ReportFile>::read(Cursor(reading), {});
    Report report{
        file.kernel,
        {file.samples, file.warm_up, file.guest == GuestWord::spinning, file.vcpus, file.route_count},
        file.warnings,
        {}};
    for (const MeasuredFile& each : file.measured) report.measured.push_back(measured_of(each));
    return report;
}

}  // namespace

std::string file_text(const Report& report) {
    Json json = head_of(report);
    if (!report.warnings.empty()) json["warnings"] = report.warnings;
    json["measured"] = Json::array();
    std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace);
    // A line for each: hundreds of bins are no reading matter.
    text.resize(text.rfind("[]"));
    text += "[";
    for (const Measured& row : report.measured)
        text += fmt::format("{}\n    {}", &row == report.measured.data() ? "" : ",",
                            json_of(row).dump(-1, ' ', false, Json::error_handler_t::replace));
    return text + "\n  ]\n}\n";
}

std::string record_line(const Report& report, const Measured& measured) {
    Json json = head_of(report);
    json["measured"] = {json_of(measured)};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Report read_report(const std::filesystem::path& path) { return report_of(scenarios::read_document(path)); }

Report parse_report(std::string file, std::string_view text) {
    return report_of(scenarios::parse_document(std::move(file), text));
}

}  // namespace irqbench::tools::bench
