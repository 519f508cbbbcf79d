#include "tools/report/page.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>

#include "tools/report/kernels.hpp"
#include "tools/report/page_parts.hpp"
#include "tools/report/picture.hpp"

namespace irqbench::tools {

namespace {

using Data = nlohmann::ordered_json;

/// Every text once: pictures repeat few words many times.
class Texts {
  public:
    std::size_t operator()(const std::string& text) {
        const auto [at, is_new] = indices_.try_emplace(text, all_.size());
        if (is_new) all_.push_back(&at->first);
        return at->second;
    }
    [[nodiscard]] Data json() const {
        Data list = Data::array();
        for (const std::string* text : all_) list.push_back(*text);
        return list;
    }

  private:
    std::unordered_map<std::string, std::size_t> indices_;
    std::vector<const std::string*> all_;
};

/// Numbers to base 36 with commas, each as its difference to the one before; no digits for none. Most
/// columns hardly change, and a browser need not look into them before it shows them.
class Column {
  public:
    void add(std::int64_t value) {
        if (any_) text_ += ',';
        any_ = true;
        const std::int64_t step = value - before_;
        before_ = value;
        if (step == 0) return;
        if (step < 0) text_ += '-';
        auto rest =
            step < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(step) : static_cast<std::uint64_t>(step);
        constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
        std::array<char, 16> reversed{};
        std::size_t count = 0;
        for (; rest != 0; rest /= digits.size()) reversed.at(count++) = digits[rest % digits.size()];
        while (count > 0) text_ += reversed.at(--count);
    }
    void add(std::size_t value) { add(static_cast<std::int64_t>(value)); }
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
    std::int64_t before_ = 0;
    bool any_ = false;
};

std::string_view kind_word(Picture::Lane::Kind kind) {
    static constexpr std::array<std::string_view, 7> words = {"host",  "thread", "line", "input",
                                                              "wires", "kernel", "vcpu"};
    return words.at(static_cast<std::size_t>(kind));
}

/// What tools/report/page/data.js reads. `size` is what it adds to the page, nearly.
struct Encoded {
    Data json;
    std::size_t size = 0;
};

Encoded encode(const Picture& picture, Texts& texts) {
    Column times, steps, lanes, words;
    for (const Picture::Mark& mark : picture.marks) {
        times.add(mark.at_ns);
        steps.add(std::size_t{mark.step});
        lanes.add(mark.lane);
        words.add(texts(mark.text));
    }
    Column where, states, begins, ends, vectors;
    for (const Picture::Interval& interval : picture.intervals) {
        where.add(interval.lane);
        states.add(static_cast<std::size_t>(interval.state));
        begins.add(interval.begin);
        ends.add(interval.end);
        // 0 is no vector that a picture names.
        vectors.add(std::size_t{interval.vector.value_or(0)});
    }
    Data names = Data::array();
    for (const auto& lane : picture.lanes) names.push_back({kind_word(lane.kind), texts(lane.name)});
    Encoded result;
    result.json = {{"lanes", names},
                   {"marks", {times.text(), steps.text(), lanes.text(), words.text()}},
                   {"intervals", {where.text(), states.text(), begins.text(), ends.text(), vectors.text()}},
                   {"count", {picture.marks.size(), picture.intervals.size()}}};
    if (picture.missed)
        result.json["missed"] = {
            {"lane", picture.missed->lane}, {"begin", picture.missed->begin}, {"end", picture.missed->end}};
    if (picture.wrong) result.json["wrong"] = *picture.wrong;
    if (picture.before + picture.after != 0) result.json["out"] = {picture.before, picture.after};
    for (const auto* column : {&times, &steps, &lanes, &words, &where, &states, &begins, &ends, &vectors})
        result.size += column->text().size() + 3;
    return result;
}

Data to_data(const scenarios::Failure& failure) {
    Data data = {{"step", failure.step},         {"line", failure.line}, {"text", failure.text},
                 {"expected", failure.expected}, {"came", failure.came}, {"since", failure.since},
                 {"remark", failure.remark},     {"mark", failure.mark}};
    if (failure.iterations > 1) data["iteration"] = {failure.iteration + 1, failure.iterations};
    return data;
}

class Page {
  public:
    explicit Page(std::span<const Result> results) : results_(results), names_(results) {
        for (const Result& result : results) add(result);
    }

    /// What the script shows.
    Data data(const PageOptions& options) {
        draw(options);
        Data differences = Data::array();
        for (const PageDifference& each : options.differences) {
            Data events = Data::array();
            for (const auto& event : {each.first_event, each.second_event})
                events.push_back(event ? Data(*event) : Data(nullptr));
            differences.push_back({{"runs", {each.first, each.second}},
                                   {"events", events},
                                   {"text", each.text},
                                   {"known", each.known}});
        }
        Data states = Data::array();
        for (int state = 0; state <= static_cast<int>(Picture::State::interrupts_off); ++state)
            states.push_back(word(static_cast<Picture::State>(state)));
        return {{"title", options.title.empty() ? title() : options.title},
                {"interrupted", options.interrupted},
                {"columns", columns_},
                {"rows", rows_},
                {"runs", runs_},
                {"differences", differences},
                {"states", states},
                {"undrawn", undrawn_},
                {"texts", texts_.json()}};
    }

  private:
    [[nodiscard]] std::string title() const {
        if (results_.empty()) return "irqbench";
        if (names_.several()) return "irqbench on several kernels";
        return fmt::format("irqbench on Linux {}", results_.front().kernel);
    }

    void add(const Result& result) {
        const std::string& kernel = names_.of(result.kernel);
        const auto [column, new_column] = column_of_.try_emplace({kernel, result.irqchip}, column_of_.size());
        if (new_column) columns_.push_back({{"kernel", kernel}, {"mode", result.irqchip}});
        const auto [row, new_row] = row_of_.try_emplace({result.file, result.scenario}, row_of_.size());
        if (new_row) rows_.push_back({{"file", result.file}, {"name", result.scenario}});
        Data run = {{"row", row->second},
                    {"column", column->second},
                    {"verdict", scenarios::word(result.verdict.kind)},
                    {"us", result.duration.count()}};
        if (!result.verdict.reason.empty()) run["reason"] = texts_(result.verdict.reason);
        if (result.runs > 1) run["repeats"] = {result.bad_runs, result.runs};
        if (!result.source.empty()) run["source"] = texts_(result.source);
        if (result.retried) run["retried"] = *result.retried;
        for (const std::string& each : result.reference) run["reference"].push_back(texts_(each));
        for (const std::string& each : result.verdict.unasserted) run["unasserted"].push_back(texts_(each));
        for (const auto& each : result.verdict.histogram)
            run["outcomes"].push_back({each.outcome, each.count});
        if (result.verdict.failure) run["failure"] = to_data(*result.verdict.failure);
        runs_.push_back(std::move(run));
    }

    void draw(const PageOptions& options) {
        std::size_t room = options.most_timeline_bytes;
        for (const bool good : {false, true})
            for (std::size_t i = 0; i < results_.size(); ++i)
                if (results_[i].recording && is_good(results_[i]) == good) draw(i, room);
    }
    void draw(std::size_t index, std::size_t& room) {
        const Result& result = results_[index];
        const auto& failure = result.verdict.failure;
        if (room == 0) {
            ++undrawn_;
            return;
        }
        Encoded picture = encode(picture_of(*result.recording, failure ? &*failure : nullptr), texts_);
        if (picture.size > room) {
            room = 0;
            ++undrawn_;
            return;
        }
        room -= picture.size;
        runs_[index]["picture"] = std::move(picture.json);
    }
    static bool is_good(const Result& result) {
        return result.verdict.kind == scenarios::Verdict::Kind::pass;
    }

    std::span<const Result> results_;
    KernelNames names_;
    Texts texts_;
    std::map<std::pair<std::string, std::string>, std::size_t> column_of_;
    std::map<std::pair<std::string, std::string>, std::size_t> row_of_;
    Data columns_ = Data::array();
    Data rows_ = Data::array();
    Data runs_ = Data::array();
    std::size_t undrawn_ = 0;
};

/// As it may stand in a script element: of the markup in it not even the beginning is left.
std::string script_text(const Data& data) {
    const std::string json = data.dump(-1, ' ', false, Data::error_handler_t::replace);
    std::string text;
    text.reserve(json.size() + json.size() / 64);
    for (const char each : json) {
        if (each == '<')
            text += "\\u003c";
        else
            text += each;
    }
    return text;
}

}  // namespace

std::string html_page(std::span<const Result> results, const PageOptions& options) {
    const std::map<std::string_view, std::string> parts = {
        {"style", std::string(page_style)},
        {"script", std::string(page_script)},
        {"data", script_text(Page(results).data(options))}};
    std::string text;
    // Where the skeleton says {{style}}. What is put in is not looked at again.
    std::string_view rest = page_skeleton;
    for (std::size_t begin = 0; (begin = rest.find("{{")) != std::string_view::npos;) {
        const std::size_t end = rest.find("}}", begin);
        text += rest.substr(0, begin);
        text += parts.at(rest.substr(begin + 2, end - begin - 2));
        rest.remove_prefix(end + 2);
    }
    return text.append(rest);
}

}  // namespace irqbench::tools
