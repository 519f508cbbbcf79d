#include "scenarios/engine/parallel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <latch>
#include <map>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace irqbench::scenarios {

namespace {

/// What the threads of one block share.
struct Shared {
    vmm::Machine& machine;
    const std::atomic<bool>* cancel;
    std::atomic<const void*> router{nullptr};  ///< the thread that owns the routing table
    /// What verbs ask of a controller before they act, which has to be settled for that: asked beforehand.
    std::map<std::pair<std::string, std::uint32_t>, std::vector<vmm::NamedValue>, std::less<>> inspected{};
    bool rehearses = false;
    /// a thread closes the machine, or has: whatever calls say now is right
    std::atomic<bool> closing{false};
};

struct Tally {
    enum Action { lines, messages, tables, irqfds, signals, operations, closings, count };
    std::array<std::uint64_t, count> done{};
    std::uint64_t refused = 0;
    vmm::Outcome first_refusal;

    [[nodiscard]] std::string text() const {
        static constexpr std::array<const char*, count> words = {
            "line changes", "msi", "route", "irqfd", "signal", "operations", "close"};
        std::string text;
        for (std::size_t i = 0; i < done.size(); ++i)
            if (done[i] != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", done[i], words[i]);
        if (refused != 0) text += fmt::format(", {} refused", refused);
        return text.empty() ? "nothing" : text;
    }
};

/// One thread's view of the machine: the calls that several threads may make at once, counted instead of
/// recorded.
class Hand final : public vmm::Machine {
  public:
    explicit Hand(Shared& shared) : shared_(shared) {}

    [[nodiscard]] const Tally& tally() const { return tally_; }

    vmm::Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override {
        return counted(Tally::lines, shared_.machine.set_line(gsi, level, want_status));
    }
    vmm::Outcome msi(const vmm::MsiMessage& message) override {
        return counted(Tally::messages, shared_.machine.msi(message));
    }
    vmm::Outcome route(const routing::RoutingTable& table) override {
        own_routes();
        return counted(Tally::tables, shared_.machine.route(table));
    }
    const routing::RoutingTable& routes() const override {
        own_routes();
        return shared_.machine.routes();
    }
    vmm::Outcome assign_irqfd(const vmm::IrqfdSpec& spec) override {
        return counted(Tally::irqfds, shared_.machine.assign_irqfd(spec));
    }
    vmm::Outcome deassign_irqfd(std::string_view irqfd) override {
        return counted(Tally::irqfds, shared_.machine.deassign_irqfd(irqfd));
    }
    void signal(std::string_view irqfd, std::uint64_t count) override {
        const bool in_time = !shared_.closing;
        shared_.machine.signal(irqfd, count);
        if (in_time) ++tally_.done[Tally::signals];
    }
    void close_descriptors() override {
        shared_.closing = true;
        shared_.machine.close_descriptors();
        ++tally_.done[Tally::closings];
    }

    void guest(std::uint32_t vcpu, std::span<const vmm::GuestOp> operations) override {
        if (shared_.rehearses) return;
        std::vector<vmm::GuestOp> counted(operations.begin(), operations.end());
        for (vmm::GuestOp& op : counted) {
            op.counted = true;
            op.observed = false;
        }
        shared_.machine.guest(vcpu, counted);
        tally_.done[Tally::operations] += counted.size();
        busy_ = vcpu;
    }
    /// How far the vCPU is that was given operations last.
    [[nodiscard]] vmm::GuestProgress last_given() {
        if (!busy_) return vmm::GuestProgress::done;
        const vmm::GuestProgress how = shared_.machine.progress(*busy_);
        if (how == vmm::GuestProgress::done) busy_.reset();
        return how;
    }
    /// The vCPU that may still be doing what it was given.
    [[nodiscard]] std::optional<std::uint32_t> busy() const { return busy_; }

    vmm::Outcome assign_ioeventfd(const vmm::IoeventfdSpec&) override { refuse(); }
    vmm::Outcome deassign_ioeventfd(std::string_view) override { refuse(); }
    vmm::Outcome nmi(std::uint32_t) override { refuse(); }
    vmm::Outcome inject(std::uint32_t, std::uint32_t, vmm::Injection) override { refuse(); }
    void handler(std::uint32_t, std::uint32_t, std::uint8_t, std::optional<std::uint32_t>) override {
        refuse();
    }
    bool settle() override { refuse(); }
    void wait(const std::function<bool()>&) override { refuse(); }
    void prove_quiet(const std::vector<std::uint32_t>&) override { refuse(); }
    std::vector<vmm::NamedValue> inspect(std::string_view controller, std::uint32_t index) override {
        const std::pair key(std::string(controller), index);
        if (shared_.rehearses) return shared_.inspected[key] = shared_.machine.inspect(controller, index);
        const auto found = shared_.inspected.find(key);
        if (found == shared_.inspected.end()) refuse();
        return found->second;
    }
    void close() override { refuse(); }

  private:
    [[noreturn]] static void refuse() {
        throw std::logic_error("this verb has no place in a parallel block");
    }

    void own_routes() const {
        const void* nobody = nullptr;
        if (!shared_.router.compare_exchange_strong(nobody, this) && nobody != this)
            throw std::logic_error("only one thread of a parallel block may change routes");
    }

    vmm::Outcome counted(Tally::Action action, vmm::Outcome outcome) {
        if (!outcome.ok() && shared_.closing) return outcome;
        ++tally_.done[action];
        if (!outcome.ok()) {
            if (tally_.refused == 0) tally_.first_refusal = outcome;
            ++tally_.refused;
        }
        return outcome;
    }

    Shared& shared_;
    Tally tally_;
    std::optional<std::uint32_t> busy_;
};

/// Goes through the steps of a thread, one at a time.
class Walk {
  public:
    Walk(const std::vector<Step>& steps, std::uint64_t times, const std::string& placement)
        : placement_(placement), levels_{{&steps, nullptr, times}} {}

    /// The next step, or none at the end.
    /// @param has_ended whether the thread of that name has
    template <class HasEnded>
    const Verb* next(HasEnded has_ended) {
        while (!levels_.empty()) {
            Level& level = levels_.back();
            if (level.at < level.steps->size()) {
                const Step& step = (*level.steps)[level.at++];
                if (step.block == nullptr) return step.verb.get();
                enter(*step.block);
                continue;
            }
            const bool loops = level.block != nullptr && level.block->kind == Block::Kind::loop;
            const bool again = loops ? !has_ended(level.block->until) : --level.left != 0;
            level.at = 0;
            if (!again) levels_.pop_back();
        }
        return nullptr;
    }

  private:
    struct Level {
        const std::vector<Step>* steps;
        const Block* block;
        std::uint64_t left;  ///< times, this one included; a loop counts none
        std::size_t at = 0;
    };

    void enter(const Block& block) {
        if (block.kind == Block::Kind::parallel)
            throw std::logic_error("a parallel block has no place in another");
        if (block.kind == Block::Kind::only &&
            std::find(block.modes.begin(), block.modes.end(), placement_) == block.modes.end())
            return;
        const std::uint64_t times = block.kind == Block::Kind::repeat ? block.times : 1;
        levels_.push_back({&block.threads.front().second, &block, times});
    }

    const std::string& placement_;
    std::vector<Level> levels_;
};

struct Thread {
    const std::string* name;
    Walk walk;
    Hand hand;
    const Verb* next = nullptr;  ///< what it waits with for its vCPU
    vmm::Trace unused;           ///< a verb may want to record something; what it says is in the tally
    std::exception_ptr thrown;
    std::atomic<bool> ended{false};
    std::thread host;

    Thread(const std::string& thread_name, Walk steps, Shared& shared)
        : name(&thread_name), walk(std::move(steps)), hand(shared) {}
};

class Team {
    enum class Turn { taken, waits, ended };

  public:
    Team(const Block& block, vmm::Machine& machine, const RunOptions& options)
        : options_(options), shared_{machine, options.cancel} {
        for (const auto& [name, steps] : block.threads)
            threads_.push_back(
                std::make_unique<Thread>(name, Walk(steps, block.times, options.config.placement), shared_));
        shared_.rehearses = true;
        for (std::size_t i = 0; i < threads_.size(); ++i) rehearse(*threads_[i], block.threads[i].second);
        shared_.rehearses = false;
    }

    void run(vmm::Machine& machine) {
        if (machine.next_thread(threads_.size()))
            take_turns(machine);
        else
            run_threads(machine);
    }

    void report(vmm::Trace& trace) const {
        for (const auto& thread : threads_) {
            if (thread->thrown) std::rethrow_exception(thread->thrown);
            const Tally& tally = thread->hand.tally();
            vmm::Event event;
            if (!trace.events().empty()) event.at = trace.events().back().at;
            event.what = vmm::event::Call{
                parallel_call, fmt::format("{}: {}", *thread->name, tally.text()), {}, tally.first_refusal};
            trace.add(std::move(event));
        }
    }

  private:
    /// Lets what vCPUs are to do ask for what it depends on.
    void rehearse(Thread& thread, const std::vector<Step>& steps) {
        Stage stage{thread.hand, thread.unused, options_.config};
        for (const Step& step : steps) {
            if (step.block != nullptr)
                rehearse(thread, step.block->threads.front().second);
            else if (step.verb->facts().runs_on)
                step.verb->perform(stage);
        }
    }

    /// As the machine says, which may be another way each time.
    void take_turns(vmm::Machine& machine) {
        std::vector<Thread*> going;
        for (const auto& thread : threads_) going.push_back(thread.get());
        while (!going.empty()) {
            const auto turn = going.begin() + static_cast<std::ptrdiff_t>(*machine.next_thread(going.size()));
            if (act(**turn) == Turn::ended) going.erase(turn);
        }
    }

    void run_threads(vmm::Machine& machine) {
        std::latch start(static_cast<std::ptrdiff_t>(threads_.size()));
        const auto go = [this, &start](Thread& thread) {
            start.arrive_and_wait();
            for (Turn turn = act(thread); turn != Turn::ended; turn = act(thread))
                if (turn == Turn::waits) std::this_thread::yield();
        };
        std::exception_ptr thrown;
        for (auto& thread : threads_) {
            try {
                if (!thrown) thread->host = std::thread(go, std::ref(*thread));
            } catch (...) {
                thrown = std::current_exception();
                stop_ = true;
            }
            if (thrown) start.count_down();  // in its place
        }
        const auto all_ended = [this] {
            return std::all_of(threads_.begin(), threads_.end(),
                               [](const auto& each) { return each->ended.load(); });
        };
        // The guest's log must be read meanwhile, or its ring fills up and stops the vCPUs.
        try {
            while (!thrown && !all_ended()) machine.wait(all_ended);
        } catch (...) {
            thrown = std::current_exception();
            stop_ = true;
        }
        for (auto& thread : threads_)
            if (thread->host.joinable()) thread->host.join();
        if (thrown) std::rethrow_exception(thrown);
    }

    Turn act(Thread& thread) {
        try {
            if (thread.next == nullptr && !stopped())
                thread.next =
                    thread.walk.next([this](const std::string& name) { return named(name).ended.load(); });
            if (!stopped() && !may_go_on(thread)) return Turn::waits;
            if (thread.next != nullptr && !stopped()) {
                perform_step(thread, *std::exchange(thread.next, nullptr));
                return Turn::taken;
            }
        } catch (...) {
            thread.thrown = std::current_exception();
            stop_ = true;
        }
        thread.ended = true;
        return Turn::ended;
    }

    /// Not while a vCPU has something to do that has to be done before the next step, or the end.
    bool may_go_on(Thread& thread) {
        const auto vcpu = thread.hand.busy();
        if (!vcpu) return true;
        if (thread.next != nullptr && thread.next->facts().runs_on == vcpu) return true;
        switch (thread.hand.last_given()) {
            case vmm::GuestProgress::done: return true;
            case vmm::GuestProgress::under_way: return false;
            case vmm::GuestProgress::stopped: break;
        }
        stop_ = true;  // the trace says why
        return false;
    }

    void perform_step(Thread& thread, const Verb& verb) {
        Stage stage{thread.hand, thread.unused, options_.config};
        try {
            verb.perform(stage);
        } catch (const std::system_error&) {
            // Under way when the descriptors went.
            if (!shared_.closing || verb.facts().closes_machine) throw;
        }
    }

    const Thread& named(const std::string& name) const {
        for (const auto& thread : threads_)
            if (*thread->name == name) return *thread;
        throw std::logic_error("no thread of this parallel block is called " + name);
    }

    [[nodiscard]] bool stopped() const {
        return stop_.load() || (shared_.cancel != nullptr && shared_.cancel->load());
    }

    const RunOptions& options_;
    Shared shared_;
    std::vector<std::unique_ptr<Thread>> threads_;
    std::atomic<bool> stop_{false};
};

/// Leaves the machine's concurrent mode also when something is thrown.
class Concurrency {
  public:
    explicit Concurrency(vmm::Machine& machine) : machine_(machine) { machine_.concurrent(true); }
    ~Concurrency() { machine_.concurrent(false); }
    Concurrency(const Concurrency&) = delete;
    Concurrency& operator=(const Concurrency&) = delete;

  private:
    vmm::Machine& machine_;
};

}  // namespace

void perform_parallel(const Block& block, vmm::Machine& machine, vmm::Trace& trace,
                      const RunOptions& options) {
    Team team(block, machine, options);
    {
        const Concurrency concurrency(machine);
        team.run(machine);
    }
    team.report(trace);
}

}  // namespace irqbench::scenarios
