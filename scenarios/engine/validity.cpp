#include "scenarios/engine/validity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "scenarios/engine/closed_machine.hpp"
#include "scenarios/engine/left_behind.hpp"
#include "scenarios/engine/run.hpp"
#include "scenarios/engine/steps.hpp"
#include "scenarios/engine/thread_ends.hpp"
#include "scenarios/engine/thread_owners.hpp"

namespace irqbench::scenarios {

namespace {

using Modes = ClosedMachine::Modes;

/// The place of a message that is not about a step.
struct Spot {
    std::string pointer;
    std::uint32_t line = 1;
};

/// Walks through the steps in the order they are done, keeping in mind what they leave behind.
class Checker {
  public:
    Checker(const Scenario& scenario, const Architecture& architecture, const Cursor& root)
        : scenario_(scenario), architecture_(architecture), root_(root) {}

    void run() {
        check_machine();
        Around around;
        around.modes = modes_of_file();
        around.in_setup = true;
        walk(scenario_.setup, around);
        around.in_setup = false;
        walk(scenario_.steps, around);
        check_bounds();
        check_routed();
        check_outcomes();
        check_whole();
        check_known();
        check_modes(scenario_.migration_not, {"/migration/not", place_of("migration").line});
        check_modes(scenario_.requires_.modes, {"/requires/irqchip", place_of("requires").line});
        if (scenario_.fixed_in)
            check_modes(scenario_.fixed_in->modes, {"/fixed_in/irqchip", place_of("fixed_in").line});
    }

  private:
    /// What surrounds a step.
    struct Around {
        Modes modes;  ///< it is done in these
        bool in_setup = false;
        const Block* parallel = nullptr;
        std::string thread;
    };

    [[noreturn]] void fail(const Step& step, std::string reason) const {
        if (repeats_) reason += " (when it is done again)";
        throw ScenarioError(ScenarioError::Kind::invalid, scenario_.file.string(), step.line, step.pointer,
                            step.within + reason);
    }
    [[noreturn]] void fail(const Spot& place, std::string reason) const {
        throw ScenarioError(ScenarioError::Kind::invalid, scenario_.file.string(), place.line, place.pointer,
                            std::move(reason));
    }

    /// Where a key of the head stands; the whole file when it does not.
    [[nodiscard]] Spot place_of(std::string_view key) const {
        const Node* node = root_.node().find(key);
        return node == nullptr ? Spot{"", root_.line()} : Spot{fmt::format("/{}", key), node->line};
    }

    [[nodiscard]] std::size_t vcpu_count() const { return scenario_.config.vcpu_ids.size(); }

    void check_machine() const {
        if (const std::string reason = architecture_.check_machine(scenario_.config); !reason.empty())
            fail(place_of("vcpus"), reason);
    }

    /// @param place the array of modes
    /// @param in_group the step of a group that they are of: it has no pointer of its own in this file
    void check_modes(const std::vector<std::string>& modes, const Spot& place,
                     const Step* in_group = nullptr) const {
        const auto known = architecture_.modes;
        for (std::size_t i = 0; i < modes.size(); ++i) {
            if (std::find(known.begin(), known.end(), modes[i]) != known.end()) continue;
            std::string reason =
                fmt::format("unknown irqchip mode '{}'{}", modes[i], suggestion(modes[i], known));
            if (in_group != nullptr) fail(*in_group, std::move(reason));
            fail(Spot{fmt::format("{}/{}", place.pointer, i), place.line}, std::move(reason));
        }
    }

    [[nodiscard]] Modes modes_of_file() const {
        const Spot place = place_of("modes");
        check_modes(scenario_.modes_only, {place.pointer + "/only", place.line});
        check_modes(scenario_.modes_not, {place.pointer + "/not", place.line});
        Modes modes(architecture_.modes.begin(), architecture_.modes.end());
        if (!scenario_.modes_only.empty())
            modes = Modes(scenario_.modes_only.begin(), scenario_.modes_only.end());
        for (const std::string& mode : scenario_.modes_not) modes.erase(mode);
        if (modes.empty()) fail(place, "leaves no irqchip mode to run in");
        return modes;
    }

    void walk(const std::vector<Step>& steps, const Around& around) {
        for (const Step& step : steps) {
            if (step.block)
                enter(step, around);
            else
                check(step, step.verb->facts(), around);
        }
    }

    /// For what one iteration of a `repeat` leaves to the next.
    void walk_again(const std::vector<Step>& steps, const Around& around) {
        const bool outer = std::exchange(repeats_, true);
        walk(steps, around);
        repeats_ = outer;
    }

    void enter(const Step& step, Around around) {
        const Block& block = *step.block;
        switch (block.kind) {
            case Block::Kind::only: {
                check_modes(step.block->modes, {step.pointer + "/only/irqchip", step.line},
                            step.within.empty() ? nullptr : &step);
                Modes left;
                for (const std::string& mode : block.modes)
                    if (around.modes.contains(mode)) left.insert(mode);
                if (left.empty())
                    fail(step,
                         fmt::format("can never be reached: it is for {}, and what surrounds it is for {}",
                                     fmt::join(block.modes, ", "), fmt::join(around.modes, ", ")));
                around.modes = std::move(left);
                walk(block.threads.front().second, around);
                return;
            }
            case Block::Kind::repeat:
                walk(block.threads.front().second, around);
                if (block.times > 1) walk_again(block.threads.front().second, around);
                return;
            case Block::Kind::parallel: enter_parallel(step, around); return;
            case Block::Kind::loop:
                if (around.parallel == nullptr)
                    fail(step, "'loop' stands inside a thread of 'parallel' only");
                for (const std::string& mode : around.modes)
                    if (std::string reason = why_no_loop(block, *around.parallel, around.thread, mode);
                        !reason.empty())
                        fail(step, std::move(reason));
                walk(block.threads.front().second, around);
                walk_again(block.threads.front().second, around);
                return;
        }
    }

    void enter_parallel(const Step& step, Around around) {
        const Block& block = *step.block;
        if (around.in_setup) fail(step, "setup has no 'parallel': move it to 'steps'");
        if (std::string reason = closed_.why_not_in(around.modes); !reason.empty())
            fail(step, std::move(reason));
        if (around.parallel != nullptr) fail(step, "'parallel' inside 'parallel': name all threads in one");
        if (scenario_.stepped_only) fail(step, "'parallel' is free-running, and \"run\" says \"stepped\"");
        around.parallel = &block;
        for (const auto& [name, steps] : block.threads) {
            around.thread = name;
            walk(steps, around);
            if (block.times > 1) walk_again(steps, around);
        }
        for (const std::string& mode : around.modes)
            if (std::string reason = why_it_never_ends(block, mode); !reason.empty())
                fail(step, std::move(reason));
    }

    /// @param place a Step or a Spot
    template <class Place>
    void check_vcpu(const Place& place, std::uint32_t vcpu) const {
        if (vcpu >= vcpu_count())
            fail(place, fmt::format("there is no vCPU {}: the machine has {} (\"vcpus\"), counted from 0",
                                    vcpu, vcpu_count()));
    }

    void check(const Step& step, const Facts& facts, const Around& around) {
        for (const std::uint32_t vcpu : facts.vcpus) check_vcpu(step, vcpu);
        if (std::string reason = closed_.follow(step, facts, around.modes, around.parallel != nullptr);
            !reason.empty())
            fail(step, std::move(reason));
        check_place(step, facts, around);
        check_needs(step, facts);
        check_names(step, facts);
        if (facts.brings) check_brought(step, around.modes);
        if (std::string reason = kept_.follow(facts, left_); !reason.empty()) fail(step, std::move(reason));
        check_guest(step, facts);
        check_handlers(step, facts);
        if (facts.place)
            if (const auto reason = architecture_.check_place(scenario_.config, *facts.place);
                !reason.empty())
                fail(step, reason);
        if (facts.claims)
            if (const auto mode = lacking(around.modes, causes_))
                fail(step, "nothing before this step can cause an interrupt" + *mode);
        if (facts.started)
            for (const std::uint32_t vcpu : facts.vcpus)
                if (!left_.starts_any && !left_.started.contains(vcpu))
                    fail(step, fmt::format("nothing before this step {}", architecture_.start.missing));
        if (facts.causes) causes_.insert(around.modes.begin(), around.modes.end());
        // A path may be left out, so that it is no claim to rest on alone.
        if (facts.asserts && !facts.traces && around.parallel == nullptr)
            asserts_.insert(around.modes.begin(), around.modes.end());
        if (facts.raises) raised_.emplace_back(*facts.raises, &step);
        if (facts.routes && facts.routed) routed_.insert(*facts.routed);
        routes_any_ = routes_any_ || (facts.routes && !facts.routed);
        if (facts.claims) claims_.insert(around.modes.begin(), around.modes.end());
        if (facts.is_quiet)
            for (const std::string& mode : around.modes) first_quiet_.try_emplace(mode, &step);
    }

    /// Words for a message about a mode of `modes` that is not in `seen`: none if no mode is in it.
    [[nodiscard]] static std::optional<std::string> lacking(const Modes& modes, const Modes& seen) {
        const auto found = std::find_if(modes.begin(), modes.end(),
                                        [&](const std::string& mode) { return !seen.contains(mode); });
        if (found == modes.end()) return std::nullopt;
        return seen.empty() ? "" : fmt::format(" in {} mode", *found);
    }

    void check_place(const Step& step, const Facts& facts, const Around& around) {
        if (!step.verb->acts()) {
            if (around.in_setup) fail(step, "setup has no assertions: move it to 'steps'");
            if (around.parallel != nullptr)
                fail(step, "'parallel' has no assertions: claim what it causes after it, or in 'outcomes'");
        }
        if (around.parallel != nullptr)
            if (std::string reason = owners_.claim(step, facts, around.parallel, around.thread);
                !reason.empty())
                fail(step, std::move(reason));
        if (facts.modes.empty()) return;
        for (const std::string& mode : around.modes)
            if (std::find(facts.modes.begin(), facts.modes.end(), mode) == facts.modes.end())
                fail(step,
                     fmt::format("makes sense in {} mode only: put it into an 'only' block, or set 'modes'",
                                 fmt::join(facts.modes, ", ")));
    }

    /// What the step asks of the machine.
    void check_needs(const Step& step, const Facts& facts) {
        if (std::string reason = step.verb->unfit_for(scenario_.config); !reason.empty())
            fail(step, std::move(reason));
        if (facts.tenant) {
            const auto& [place, id, kind, why_not] = *facts.tenant;
            if (const auto first = tenants_.try_emplace(place, id).first->second; first != id)
                fail(step, fmt::format("the {} {} and {} would {}", kind, first, id, why_not));
        }
        const std::uint64_t memory = facts.memory + facts.memory_of_a_vcpu * vcpu_count();
        if (scenario_.config.memory < memory)
            fail(step, fmt::format("needs {:#x} bytes of the scenario's own memory, which has {:#x}: set "
                                   "\"machine\": {{ \"memory\": \"{:#x}\" }}",
                                   memory, scenario_.config.memory, memory));
    }

    void check_names(const Step& step, const Facts& facts) {
        const auto need_irqfd = [&](const std::string& name) {
            if (left_.ioeventfds.contains(name))
                fail(step, fmt::format("'{}' is an ioeventfd, not an irqfd", name));
            if (!left_.irqfds.contains(name))
                fail(step, fmt::format("no irqfd is called '{}' here{}", name, closest(name)));
        };
        for (const std::string& name : facts.irqfds) need_irqfd(name);
        if (!facts.eventfd.empty() && !left_.ever_irqfds.contains(facts.eventfd)) need_irqfd(facts.eventfd);
        if (const std::string& name = facts.former_irqfd; !name.empty()) {
            if (!left_.ever_irqfds.contains(name)) need_irqfd(name);
            if (left_.irqfds.contains(name))
                fail(step, fmt::format("the irqfd '{}' is assigned here: leave out \"deassigned\"", name));
        }
        if (!facts.resampler.empty()) {
            // A kick may be claimed after the irqfd is gone.
            const auto found = left_.ever_irqfds.find(facts.resampler);
            if (found == left_.ever_irqfds.end()) need_irqfd(facts.resampler);
            if (found != left_.ever_irqfds.end() && !found->second)
                fail(step, fmt::format("the irqfd '{}' has no resamplefd: assign it with \"resample\": true",
                                       facts.resampler));
        }
        if (!facts.ioeventfd.empty() && !left_.ever_ioeventfds.contains(facts.ioeventfd))
            fail(step, fmt::format("no ioeventfd is called '{}' here: assign it first", facts.ioeventfd));
        if (!facts.opens_irqfd.empty()) {
            refuse_duplicate(step, facts.opens_irqfd);
            left_.irqfds.insert(facts.opens_irqfd);
            left_.ever_irqfds[facts.opens_irqfd] = left_.ever_irqfds[facts.opens_irqfd] || facts.resamples;
        }
        if (!facts.opens_ioeventfd.empty()) {
            refuse_duplicate(step, facts.opens_ioeventfd);
            left_.ioeventfds.insert(facts.opens_ioeventfd);
            left_.ever_ioeventfds.insert(facts.opens_ioeventfd);
        }
        if (!facts.closes.empty() &&
            left_.irqfds.erase(facts.closes) + left_.ioeventfds.erase(facts.closes) == 0) {
            // A second deassignment is refused or not, depending on what it is: that is for the kernel to
            // say.
            const bool was_there =
                left_.ever_irqfds.contains(facts.closes) || left_.ever_ioeventfds.contains(facts.closes);
            if (!was_there)
                fail(step, fmt::format("no irqfd or ioeventfd is called '{}' here{}", facts.closes,
                                       closest(facts.closes)));
        }
    }

    /// Whether machines of the file can go on from a state that comes from outside. One that has moved to
    /// another irqchip mode finds out when it is there.
    void check_brought(const Step& step, const Modes& modes) const {
        if (!moves_to(scenario_).empty()) return;
        vmm::MachineConfig config = scenario_.config;
        config.run = run_mode(scenario_, std::nullopt);
        for (const std::string& mode : modes) {
            config.placement = mode;
            if (std::string reason = step.verb->unfit_for(config); !reason.empty())
                fail(step, std::move(reason));
        }
    }

    void refuse_duplicate(const Step& step, const std::string& name) const {
        if (left_.irqfds.contains(name) || left_.ioeventfds.contains(name))
            fail(step, fmt::format("the name '{}' is taken: deassign it first, or use another", name));
    }

    [[nodiscard]] std::string closest(const std::string& name) const {
        std::vector<std::string_view> names(left_.irqfds.begin(), left_.irqfds.end());
        names.insert(names.end(), left_.ioeventfds.begin(), left_.ioeventfds.end());
        return names.empty() ? ": assign it first" : suggestion(name, names);
    }

    void check_guest(const Step& step, const Facts& facts) {
        if (facts.stays) left_.stays_on.insert(facts.vcpus.empty() ? every : facts.vcpus.front());
        if (facts.returns && !left_.stays_on.contains(*facts.returns) && !left_.stays_on.contains(every))
            fail(step, fmt::format("no handler stays on vCPU {}: declare one with \"stays\": true",
                                   *facts.returns));
        if (facts.runs_on) {
            const std::uint32_t vcpu = *facts.runs_on;
            const bool runs = scenario_.config.started == 0 || vcpu < scenario_.config.started;
            if (!runs && !left_.starts_any && !left_.started.contains(vcpu))
                fail(step, fmt::format("can never be reached: vCPU {} {}", vcpu, architecture_.start.waits));
            if (left_.stopped.contains(vcpu) && !left_.wakes_later)
                fail(step,
                     fmt::format("can never be reached: vCPU {} halted with interrupts disabled", vcpu));
            if (facts.stops) left_.stopped.insert(vcpu);
        }
        left_.starts_any = left_.starts_any || facts.starts_any;
        left_.wakes_later = left_.wakes_later || facts.wakes_later;
        if (facts.starts) left_.started.insert(*facts.starts);
        if (facts.starts) left_.stopped.erase(*facts.starts);
        if (facts.wakes) left_.stopped.clear();
    }

    void check_handlers(const Step& step, const Facts& facts) {
        if (facts.handles)
            left_.handled.emplace(*facts.handles, facts.vcpus.empty() ? every : facts.vcpus.front());
        if (!facts.needs_handler) return;
        const std::uint32_t id = *facts.needs_handler;
        for (const std::uint32_t vcpu : facts.vcpus)
            if (!left_.handled.contains({id, every}) && !left_.handled.contains({id, vcpu}))
                fail(step, facts.without_handler);
    }

    void check_bounds() const {
        if (executed(scenario_.setup) + executed(scenario_.steps) > max_steps)
            fail(place_of("steps"), fmt::format("more than {} steps, repeats included", max_steps));
    }

    /// A route may come after the irqfd.
    void check_routed() const {
        if (architecture_.default_gsis == nullptr) return;
        const std::uint32_t count = architecture_.default_gsis(scenario_.config);
        for (const auto& [gsi, step] : raised_)
            if (gsi >= count && !routes_any_ && !routed_.contains(gsi))
                fail(*step,
                     fmt::format("GSI {} leads nowhere: the machine's last is {}, and no step gives it a "
                                 "'route'",
                                 gsi, count - 1));
    }

    void check_outcomes() const {
        if (!scenario_.outcomes) return;
        check_outcomes("allowed", scenario_.outcomes->allowed);
        check_outcomes("forbidden", scenario_.outcomes->forbidden);
        check_outcomes("required", scenario_.outcomes->required);
    }

    void check_outcomes(std::string_view list, const std::vector<expect::Ack>& acks) const {
        for (std::size_t i = 0; i < acks.size(); ++i) {
            const Node& node = (*root_.node().find("outcomes")->find(list)->array())[i];
            const Spot place{fmt::format("/outcomes/{}/{}/ack", list, i), node.line};
            for (const std::uint32_t vcpu : acks[i].vcpus) check_vcpu(place, vcpu);
            if (std::string why = architecture_.outcome_unfit_for(scenario_.config, acks[i]); !why.empty())
                fail(place, std::move(why));
        }
    }

    void check_whole() const {
        const Modes modes = modes_of_file();
        if (scenario_.outcomes) {
            if (const auto mode = lacking(modes, causes_))
                fail(place_of("outcomes"), "no step can cause an interrupt" + *mode);
            return;
        }
        for (const auto& [mode, quiet] : first_quiet_)
            if (const auto without = lacking({mode}, claims_))
                fail(*quiet,
                     "a negative needs a positive control: the same file must 'ack' an interrupt too" +
                         *without);
        if (const auto mode = lacking(modes, asserts_))
            fail(place_of("steps"),
                 fmt::format("asserts nothing{}: nothing that happens could fail it", *mode));
    }

    /// The step of that number, looked for inside blocks too.
    [[nodiscard]] static const Step* find_step(const std::vector<Step>& steps, std::uint32_t number) {
        for (const Step& step : steps) {
            if (step.number == number) return &step;
            if (!step.block) continue;
            for (const auto& [name, body] : step.block->threads)
                if (const Step* found = find_step(body, number)) return found;
        }
        return nullptr;
    }

    void check_known() const {
        for (const Known& known : scenario_.known) {
            const Spot place{known.pointer, known.line};
            check_modes(known.modes, {place.pointer + "/when/irqchip", place.line});
            const Step* step = find_step(scenario_.setup, known.step);
            if (step == nullptr) step = find_step(scenario_.steps, known.step);
            if (step == nullptr)
                fail(place, fmt::format("there is no step {}: the last one is {}", known.step,
                                        root_.reading().steps));
            if (known.run == vmm::RunMode::stepped && needs_free_run(scenario_))
                fail(place, "can never be seen: the file runs free only");
            if (known.run == vmm::RunMode::free && scenario_.stepped_only)
                fail(place, "can never be seen: the file runs stepped only");
            if (step->block)
                fail(place, fmt::format("step {} is a block: name a step inside it", known.step));
        }
    }

    static constexpr std::uint32_t every = ~std::uint32_t{0};

    const Scenario& scenario_;
    const Architecture& architecture_;
    const Cursor& root_;

    LeftBehind left_;
    KeptStates kept_;
    ClosedMachine closed_;
    ThreadOwners owners_;
    std::map<std::uint64_t, std::uint64_t> tenants_;             ///< by place
    std::vector<std::pair<std::uint32_t, const Step*>> raised_;  ///< GSIs of irqfds
    std::set<std::uint32_t> routed_;                             ///< GSIs to which steps give routes
    bool routes_any_ = false;                                    ///< steps may give routes to any
    bool repeats_ = false;  ///< steps that are done again are walked through once more
    // The modes in which there is such a step.
    Modes causes_;
    Modes asserts_;
    Modes claims_;
    std::map<std::string, const Step*> first_quiet_;  ///< by mode
};

}  // namespace

void check_validity(const Scenario& scenario, const Architecture& architecture, const Cursor& root) {
    Checker(scenario, architecture, root).run();
}

}  // namespace irqbench::scenarios
