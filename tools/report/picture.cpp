#include "tools/report/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "scenarios/engine/signs.hpp"

namespace irqbench::tools {

namespace {

using LaneKind = Picture::Lane::Kind;
using State = Picture::State;
using SignKind = scenarios::Sign::Kind;

/// By kind, then by name with its number as a number.
struct LaneOrder {
    static std::pair<std::string_view, std::uint32_t> parts(std::string_view name) {
        const std::size_t digits = name.find_last_not_of("0123456789") + 1;
        std::uint32_t number = 0;
        std::from_chars(name.data() + digits, name.data() + name.size(), number);
        return {name.substr(0, digits), number};
    }
    bool operator()(const Picture::Lane& a, const Picture::Lane& b) const {
        return std::tuple(a.kind, parts(a.name), std::string_view(a.name)) <
               std::tuple(b.kind, parts(b.name), std::string_view(b.name));
    }
};

Picture::Lane vcpu_lane(std::uint32_t vcpu) { return {LaneKind::vcpu, fmt::format("vCPU {}", vcpu)}; }

/// A word of the form `gsi 10` is a line of the host, whoever names it.
Picture::Lane input_lane(const std::string& name) {
    return {name.starts_with("gsi ") ? LaneKind::line : LaneKind::input, name};
}

Picture::Lane line_lane(std::uint32_t gsi) { return input_lane(fmt::format("gsi {}", gsi)); }

/// `device: 8 line changes`: what a host thread of a parallel block did.
std::optional<std::string> thread_of(const vmm::event::Call& call) {
    const std::size_t colon = call.arguments.find(": ");
    if (call.name != "parallel" || colon == std::string::npos) return std::nullopt;
    return call.arguments.substr(0, colon);
}

class Painter {
  public:
    explicit Painter(const Recording& recording) : recording_(recording) {
        signs_.reserve(recording.events.size());
        for (const vmm::Event& event : recording.events) {
            signs_.push_back(scenarios::signs_of(event));
            for (const auto& sign : signs_.back()) controllers_tell_ = controllers_tell_ || tells(sign);
        }
    }

    Picture paint() {
        for (now_ = 0; now_ < recording_.events.size(); ++now_) {
            const vmm::Event& event = recording_.events[now_];
            for (const auto& sign : signs_[now_]) take(sign);
            std::visit([&](const auto& what) { take(event, what); }, event.what);
            add_mark(event);
        }
        // What is still so at the end.
        for (const auto& [key, begin] : open_) close_at(key, begin, recording_.events.size());
        for (const auto& [key, taken] : taken_)
            if (taken.stays) add_interval(key.first, State::in_service, taken.at, now_, key.second);
        return assemble();
    }

  private:
    using Key = std::tuple<Picture::Lane, State, std::optional<std::uint32_t>>;
    struct KeyOrder {
        bool operator()(const Key& a, const Key& b) const {
            const LaneOrder less;
            if (less(std::get<0>(a), std::get<0>(b))) return true;
            if (less(std::get<0>(b), std::get<0>(a))) return false;
            return std::tie(std::get<1>(a), std::get<2>(a)) < std::tie(std::get<1>(b), std::get<2>(b));
        }
    };
    struct RawInterval {
        Picture::Lane lane;
        State state;
        std::size_t begin, end;
        std::optional<std::uint32_t> vector;
    };
    /// What is known of an interrupt input.
    struct Input {
        bool known = false;  ///< whether it is masked has been told
        bool up = false, masked = false, level = false, latches = false;
        std::optional<std::uint32_t> vector;  ///< that it sends
        std::optional<std::size_t> sent;      ///< the mark at which it did, until that is over
    };
    /// A handler that has been entered. Whether it stayed, later events tell.
    struct Taken {
        std::size_t at;
        std::uint32_t depth;
        bool stays;
    };

    static bool tells(const scenarios::Sign& sign) {
        return !sign.by_guest && (sign.kind == SignKind::masked || sign.kind == SignKind::unmasked);
    }

    void begin(const Picture::Lane& lane, State state, std::optional<std::uint32_t> vector = {}) {
        open_.try_emplace(Key{lane, state, vector}, now_);
    }
    void end(const Picture::Lane& lane, State state, std::optional<std::uint32_t> vector = {}) {
        const auto found = open_.find(Key{lane, state, vector});
        if (found == open_.end()) return;
        close_at(found->first, found->second, now_);
        open_.erase(found);
    }
    void set(const Picture::Lane& lane, State state, bool on) { on ? begin(lane, state) : end(lane, state); }
    void close_at(const Key& key, std::size_t begin, std::size_t end) {
        add_interval(std::get<0>(key), std::get<1>(key), begin, end, std::get<2>(key));
    }
    void add_interval(Picture::Lane lane, State state, std::size_t begin, std::size_t end,
                      std::optional<std::uint32_t> vector) {
        intervals_.push_back({std::move(lane), state, begin, end, vector});
    }

    void set_level(const std::string& name, Input& input, bool up) {
        const Picture::Lane lane = input_lane(name);
        const bool rises = up && !input.up;
        input.up = up;
        set(lane, State::high, up);
        if (!input.known) return;
        if (rises && (input.level || input.latches || !input.masked)) begin(lane, State::pending);
        if (!up && input.level) end(lane, State::pending);
    }

    void take(const scenarios::Sign& sign) {
        if (sign.input.empty()) {
            if (sign.kind == SignKind::sent) begin(vcpu_lane(*sign.vcpu), State::pending, sign.vector);
            return;
        }
        if (sign.kind == SignKind::other) return;
        // The guest's own word comes when its operation is over, the controller's at once.
        if (sign.by_guest && controllers_tell_) return;
        Input& input = inputs_[sign.input];
        const Picture::Lane lane = input_lane(sign.input);
        if (sign.level) input.level = *sign.level;
        if (sign.vector) input.vector = sign.vector;
        input.latches = input.latches || sign.latches;
        switch (sign.kind) {
            case SignKind::up: return set_level(sign.input, input, true);
            case SignKind::down: return set_level(sign.input, input, false);
            case SignKind::masked:
            case SignKind::unmasked:
                input.known = true;
                input.masked = sign.kind == SignKind::masked;
                return set(lane, State::masked, input.masked);
            case SignKind::sent:
                end(lane, State::pending);
                input.sent = now_;
                if (sign.vcpu) begin(vcpu_lane(*sign.vcpu), State::pending, sign.vector);
                return;
            case SignKind::ended:
                if (input.sent) add_interval(lane, State::in_service, *input.sent, now_, input.vector);
                input.sent.reset();
                if (input.vector) end_service(*input.vector);
                // A level that is up still is asked again.
                if (input.up && input.level) begin(lane, State::pending);
                return;
            case SignKind::dropped: return end(lane, State::pending);
            case SignKind::trigger:
            case SignKind::other: return;
        }
    }

    /// Wherever it is: the input does not know.
    void end_service(std::uint32_t vector) {
        for (auto at = taken_.begin(); at != taken_.end();) {
            const auto next = std::next(at);
            if (at->first.second == vector) end_service(at);
            at = next;
        }
    }
    using TakenKey = std::pair<Picture::Lane, std::uint32_t>;
    struct TakenOrder {
        bool operator()(const TakenKey& a, const TakenKey& b) const {
            const LaneOrder less;
            if (less(a.first, b.first)) return true;
            return !less(b.first, a.first) && a.second < b.second;
        }
    };
    using TakenMap = std::map<TakenKey, Taken, TakenOrder>;
    void end_service(TakenMap::iterator at) {
        add_interval(at->first.first, State::in_service, at->second.at, now_, at->first.second);
        taken_.erase(at);
    }
    void end_service(const Picture::Lane& lane, std::uint32_t vector) {
        const auto found = taken_.find({lane, vector});
        if (found != taken_.end()) end_service(found);
    }

    void take(const vmm::Event&, const vmm::event::Call& call) {
        if (!call.gsi || !call.outcome.ok()) return;
        const bool raises = call.name == "raise";
        if (!raises && call.name != "lower" && call.name != "device lowers") return;
        const Picture::Lane lane = line_lane(*call.gsi);
        set_level(lane.name, inputs_[lane.name], raises);
    }
    void take(const vmm::Event& event, const vmm::event::Taken& taken) {
        const Picture::Lane lane = vcpu_lane(event.vcpu.value_or(0));
        runs(lane);
        end(lane, State::pending, taken.vector);
        for (auto& [name, input] : inputs_)
            if (input.latches && input.vector == taken.vector && !(input.level && input.up))
                end(input_lane(name), State::pending);
        forget_left(lane, taken.depth);
        if (taken.kind == vmm::event::Kind::interrupt)
            taken_.insert_or_assign({lane, taken.vector}, Taken{now_, taken.depth, false});
    }
    /// Handlers that are deeper have been left; those around this one stay.
    void forget_left(const Picture::Lane& lane, std::uint32_t depth) {
        for (auto at = taken_.begin(); at != taken_.end();) {
            const bool is_here = at->first.first == lane;
            const bool was_left = is_here && at->second.depth >= depth && !at->second.stays;
            if (is_here && at->second.depth < depth) at->second.stays = true;
            at = was_left ? taken_.erase(at) : std::next(at);
        }
    }
    void take(const vmm::Event& event, const vmm::event::GuestEoi& eoi) {
        const Picture::Lane lane = vcpu_lane(event.vcpu.value_or(0));
        end_service(lane, eoi.vector);
    }
    void take(const vmm::Event& event, const vmm::event::EoiExit& exit) {
        end_service(vcpu_lane(event.vcpu.value_or(0)), exit.vector);
    }
    void take(const vmm::Event& event, const vmm::event::Returned& left) {
        end_service(vcpu_lane(event.vcpu.value_or(0)), left.vector);
    }
    void take(const vmm::Event& event, const vmm::event::Started&) {
        runs(vcpu_lane(event.vcpu.value_or(0)));
    }
    void take(const vmm::Event& event, const vmm::event::OperationDone&) {
        if (event.vcpu) runs(vcpu_lane(*event.vcpu));
    }
    void take(const vmm::Event& event, const vmm::event::Rest& rest) {
        using vmm::event::RestState;
        const Picture::Lane lane = vcpu_lane(event.vcpu.value_or(0));
        const bool starts_later =
            rest.state == RestState::wait_for_sipi || rest.state == RestState::not_started;
        set(lane, State::halted, rest.state == RestState::halted);
        set(lane, State::waits, starts_later);
        if (rest.state != RestState::storming && !starts_later)
            set(lane, State::interrupts_off, !rest.interrupts_enabled);
        if (rest.state != RestState::in_handler) return;
        if (const auto found = taken_.find({lane, rest.in_service}); found != taken_.end())
            found->second.stays = true;
    }
    /// Of other events no state is known.
    template <class Other>
    void take(const vmm::Event&, const Other&) {}

    /// The vCPU executes: it neither halts nor waits.
    void runs(const Picture::Lane& lane) {
        end(lane, State::halted);
        end(lane, State::waits);
    }

    [[nodiscard]] Picture::Lane lane_of(const vmm::Event& event) const {
        switch (event.lane) {
            case vmm::Lane::guest: return vcpu_lane(event.vcpu.value_or(0));
            case vmm::Lane::kernel: return {LaneKind::kernel, "kernel"};
            case vmm::Lane::host: break;
            case vmm::Lane::wire:
                if (std::holds_alternative<vmm::event::EoiExit>(event.what))
                    return vcpu_lane(event.vcpu.value_or(0));
                for (const auto& sign : signs_[now_])
                    if (!sign.input.empty()) return input_lane(sign.input);
                return {LaneKind::wires, "wires"};
        }
        const auto* call = std::get_if<vmm::event::Call>(&event.what);
        const auto thread = call != nullptr ? thread_of(*call) : std::nullopt;
        return thread ? Picture::Lane{LaneKind::thread, *thread} : Picture::Lane{LaneKind::host, "host"};
    }

    struct RawMark {
        Picture::Lane lane;
        const vmm::Event* event;
    };
    void add_mark(const vmm::Event& event) { marks_.push_back({lane_of(event), &event}); }

    Picture assemble() {
        std::map<Picture::Lane, std::size_t, LaneOrder> lanes;
        for (const RawMark& mark : marks_) lanes.try_emplace(mark.lane);
        for (const RawInterval& interval : intervals_) lanes.try_emplace(interval.lane);
        Picture picture;
        for (auto& [lane, index] : lanes) {
            index = picture.lanes.size();
            picture.lanes.push_back(lane);
        }
        for (const RawMark& mark : marks_)
            picture.marks.push_back({lanes.at(mark.lane), mark.event->at.count(), mark.event->step,
                                     vmm::describe_in_lane(*mark.event)});
        for (const RawInterval& each : intervals_)
            picture.intervals.push_back({lanes.at(each.lane), each.state, each.begin, each.end, each.vector});
        std::sort(picture.intervals.begin(), picture.intervals.end());
        picture.before = recording_.before;
        picture.after = recording_.after;
        return picture;
    }

    const Recording& recording_;
    std::vector<std::vector<scenarios::Sign>> signs_;
    bool controllers_tell_ = false;  ///< what is masked, by themselves
    std::size_t now_ = 0;            ///< index of the event
    std::map<std::string, Input> inputs_;
    TakenMap taken_;
    std::map<Key, std::size_t, KeyOrder> open_;
    std::vector<RawMark> marks_;
    std::vector<RawInterval> intervals_;
};

/// Where it should have come: the words of an expectation name the vCPU, if one is concerned.
std::size_t lane_of_expected(const Picture& picture, const scenarios::Failure& failure) {
    const auto found = std::find_if(picture.lanes.rbegin(), picture.lanes.rend(), [&](const auto& lane) {
        return lane.kind == LaneKind::vcpu && failure.expected.find(lane.name) != std::string::npos;
    });
    if (found != picture.lanes.rend()) return static_cast<std::size_t>(picture.lanes.rend() - found) - 1;
    if (picture.wrong) return picture.marks[*picture.wrong].lane;
    const auto of_kind = [&picture](LaneKind kind) {
        return static_cast<std::size_t>(std::find_if(picture.lanes.begin(), picture.lanes.end(),
                                                     [kind](const auto& lane) { return lane.kind == kind; }) -
                                        picture.lanes.begin());
    };
    const bool is_of_host =
        failure.expected.starts_with("resampled") || failure.expected.starts_with("doorbell");
    const std::size_t lane = of_kind(is_of_host ? LaneKind::host : LaneKind::vcpu);
    return lane < picture.lanes.size() ? lane : picture.lanes.size() - 1;
}

/// It could have come once its step began to act; it should have before what came instead, or when the step
/// was over.
Picture::Missed missed_in(const Picture& picture, const Recording& recording,
                          const scenarios::Failure& failure) {
    const std::size_t end = picture.wrong ? *picture.wrong : std::min(recording.end, picture.marks.size());
    std::size_t begin = end;
    const std::size_t last = picture.wrong || end == 0 ? end : end - 1;
    while (begin > 0 && picture.marks[begin - 1].step == picture.marks[last].step) --begin;
    return {lane_of_expected(picture, failure), begin, end, failure.expected, failure.came};
}

}  // namespace

std::string_view word(Picture::State state) {
    static constexpr std::array<std::string_view, 7> words = {
        "line high", "masked", "pending", "in service", "halted", "waits for its start", "interrupts off"};
    return words.at(static_cast<std::size_t>(state));
}

Picture picture_of(const Recording& recording, const scenarios::Failure* failure) {
    Picture picture = Painter(recording).paint();
    if (failure == nullptr || picture.marks.empty()) return picture;
    picture.wrong = recording.marked;
    picture.missed = missed_in(picture, recording, *failure);
    return picture;
}

}  // namespace irqbench::tools
