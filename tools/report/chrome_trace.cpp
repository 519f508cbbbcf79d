#include "tools/report/chrome_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace irqbench::tools {

namespace {

using Json = nlohmann::ordered_json;
using State = Picture::State;

class Writer {
  public:
    Writer(std::uint64_t process, const Picture& picture) : process_(process), picture_(picture) {}

    std::string write(std::string_view name) {
        describe("process_name", 0, {{"name", name}});
        for (lane_ = 0; lane_ < picture_.lanes.size(); ++lane_) {
            const std::uint64_t own = add_row(picture_.lanes[lane_].name);
            for (std::size_t i = 0; i < picture_.marks.size(); ++i)
                if (picture_.marks[i].lane == lane_) add_mark(own, i);
            rows_.clear();
            for (const Picture::Interval& interval : picture_.intervals)
                if (interval.lane == lane_) add_interval(interval);
            if (picture_.missed && picture_.missed->lane == lane_) add_missed(*picture_.missed);
        }
        return std::move(text_);
    }

  private:
    /// In microseconds.
    [[nodiscard]] double time_of(std::size_t mark) const {
        if (picture_.marks.empty()) return 0;
        return static_cast<double>(picture_.marks[std::min(mark, picture_.marks.size() - 1)].at_ns) / 1000;
    }

    void add(Json event) {
        // Lanes may be called what a file calls its threads.
        text_ += event.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
    }
    void describe(std::string_view what, std::uint64_t row, Json arguments) {
        add({{"ph", "M"}, {"pid", process_}, {"tid", row}, {"name", what}, {"args", std::move(arguments)}});
    }
    std::uint64_t add_row(std::string_view name) {
        const std::uint64_t row = ++last_row_;
        describe("thread_name", row, {{"name", name}});
        describe("thread_sort_index", row, {{"sort_index", row}});
        return row;
    }

    void add_mark(std::uint64_t row, std::size_t mark) {
        const Picture::Mark& each = picture_.marks[mark];
        Json event = {{"ph", "i"},
                      {"s", "t"},
                      {"pid", process_},
                      {"tid", row},
                      {"ts", time_of(mark)},
                      {"name", each.text},
                      {"args", {{"step", each.step}}}};
        if (picture_.wrong == mark) event["args"]["failure"] = "this should not have come";
        add(std::move(event));
    }

    void add_span(std::uint64_t row, std::string_view name, std::size_t begin, std::size_t end,
                  Json arguments) {
        const double from = time_of(begin);
        add({{"ph", "X"},
             {"pid", process_},
             {"tid", row},
             {"ts", from},
             {"dur", std::max(time_of(end) - from, 0.0)},
             {"name", name},
             {"args", std::move(arguments)}});
    }

    /// Spans of one thread must not overlap: such of one state, of several vectors, have a row each.
    void add_interval(const Picture::Interval& interval) {
        auto& rows = rows_[interval.state];
        auto row = std::find_if(rows.begin(), rows.end(),
                                [&interval](const Row& each) { return each.end <= interval.begin; });
        if (row == rows.end()) {
            const std::string name = fmt::format("{} {}", picture_.lanes[lane_].name, word(interval.state));
            row = rows.insert(rows.end(), {add_row(name), 0});
        }
        row->end = interval.end;
        Json arguments = Json::object();
        if (interval.vector) arguments["vector"] = fmt::format("{:#x}", *interval.vector);
        if (interval.end >= picture_.marks.size()) arguments["end"] = "not seen";
        const std::string name =
            fmt::format("{}{}", word(interval.state),
                        interval.vector ? fmt::format(" {:#x}", *interval.vector) : std::string());
        add_span(row->number, name, interval.begin, interval.end, std::move(arguments));
    }

    void add_missed(const Picture::Missed& missed) {
        const std::uint64_t row = add_row(fmt::format("{} expected", picture_.lanes[lane_].name));
        add_span(row, "expected " + missed.expected, missed.begin, missed.end, {{"came", missed.came}});
    }

    struct Row {
        std::uint64_t number;
        std::size_t end;  ///< mark at which its last span does
    };

    std::uint64_t process_;
    const Picture& picture_;
    std::size_t lane_ = 0;
    std::uint64_t last_row_ = 0;
    std::map<State, std::vector<Row>> rows_;  ///< of the lane
    std::string text_;
};

}  // namespace

std::string chrome_trace(std::string_view name, std::uint64_t process, const Picture& picture) {
    return Writer(process, picture).write(name);
}

}  // namespace irqbench::tools
