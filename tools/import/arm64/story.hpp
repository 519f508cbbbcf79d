#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/import/arm64/gic.hpp"
#include "tools/import/arm64/layout.hpp"
#include "tools/import/machines.hpp"
#include "tools/import/trace.hpp"

namespace irqbench::importing::arm64 {

/// A step, with what no event shows around it.
struct Step {
    std::string text;
    std::uint32_t if_stays = none;  ///< only where the handler of this INTID stays
    bool is_inferred = false;

    static constexpr std::uint32_t none = UINT32_MAX;
};

struct Act {
    std::vector<Step> before;
    Step step;
    std::vector<Step> after;           ///< what is taken because of it
    std::vector<std::string> remarks;  ///< in front of all
};

struct Story {
    std::vector<std::string> setup;  ///< inferred
    std::vector<Act> acts;
    std::vector<std::string> remarks;  ///< about the whole
    std::set<std::uint32_t> stays;     ///< INTIDs whose handlers stay
    std::vector<bool> waits;           ///< of each vCPU: for PSCI at first
    std::uint32_t taken = 0;
    std::uint32_t inferred = 0;

    static constexpr std::size_t most = 100'000;
};

/// Goes through the events once. What the vCPUs take follows from the GIC that the events make.
class Teller {
  public:
    Teller(const KvmTrace& trace, const Machine& machine, const Layout& layout);
    Story tell();

  private:
    static constexpr std::size_t nowhere = SIZE_MAX;
    struct Handler {
        std::uint32_t intid;
        std::size_t act;  ///< behind which it was taken
        bool is_ended = false;
        bool lowers_at_end = false;  ///< its line, which no event has raised
    };
    struct Vcpu {
        bool on = false;
        bool running = false;
        bool masked = false;
        std::size_t due = nowhere;  ///< the act that interrupts it once it is entered
        std::optional<Handler> handler;
        std::uint32_t high_timers = 0;
    };
    struct ThreadState {
        std::optional<std::uint32_t> vcpu;
        bool by_resampler = false;  ///< the kvm_set_irq that comes to the vGIC next
        bool by_ioctl = false;      ///< KVM_IRQ_LINE comes to it next
    };
    /// Where the events of an SPI are, by their place in the trace.
    struct Marks {
        std::vector<std::size_t> ends;
        std::uint32_t ended_by = 0;  ///< the id of the vCPU where the first of them was
        std::vector<std::size_t> falls;
    };

    void mark_events();
    void infer_setup();
    [[nodiscard]] bool concerns_us(const Event& event) const;
    [[nodiscard]] std::optional<std::uint32_t> index_of(std::uint32_t id) const;

    void look_at(const Event& event);
    void entered(std::uint32_t cpu);
    void started(std::uint32_t cpu);
    void line_changed(const Event& event);
    void spi_changed(const Event& event);
    void resampler_changed(const Event& event);
    [[nodiscard]] std::string irqfd_name(std::uint32_t intid) const;
    void timer_changed(const Event& event);
    void acknowledged(const Event& event);
    void accessed(const Event& event);
    void register_written(std::uint32_t cpu, const Layout::Place& place, std::uint32_t bytes,
                          std::uint64_t value);
    void interface_read(std::uint32_t cpu, std::uint32_t offset, std::uint64_t value);
    void interface_written(std::uint32_t cpu, const Layout::Place& place, std::uint64_t value);
    void was_acknowledged(std::uint32_t cpu, std::uint32_t intid);
    void was_ended(std::uint32_t cpu, std::uint32_t intid);

    /// What each vCPU that is due would take.
    [[nodiscard]] std::vector<std::optional<std::uint32_t>> outlook() const;
    /// Tells the act that has changed the GIC.
    std::size_t add(std::string step, const std::vector<std::optional<std::uint32_t>>& before,
                    bool is_inferred = false);
    std::size_t add(std::string step) { return add(std::move(step), outlook()); }
    void settle(std::uint32_t cpu, std::size_t act);
    void take_all(std::uint32_t cpu, std::size_t act);
    void take(std::uint32_t cpu, std::size_t act);
    void end_handler(std::uint32_t cpu);
    void leave_handler(std::uint32_t cpu);
    void hold_back(std::uint32_t cpu, std::size_t act);
    void unmask(std::uint32_t cpu);
    [[nodiscard]] bool is_never_taken(std::uint32_t cpu) const;
    void say_what_is_left_out();

    const KvmTrace& trace_;
    const Machine& machine_;
    const Layout layout_;
    Gic gic_;
    Story story_;
    std::vector<Vcpu> vcpus_;
    std::map<std::uint32_t, ThreadState> threads_;
    std::map<std::uint32_t, Marks> marks_;            ///< by INTID
    std::map<std::uint32_t, std::uint32_t> at_once_;  ///< level-sensitive SPIs that were ended unseen
    std::map<std::uint32_t, bool> irqfds_;            ///< resampling ones, by INTID: assigned
    std::map<std::uint32_t, std::uint32_t> irqfds_made_;
    std::set<std::uint32_t> resampled_;  ///< INTIDs
    std::set<std::uint32_t> timers_;     ///< INTIDs
    std::vector<std::string> remarks_;
    std::size_t now_ = 0;  ///< the event
    std::optional<std::uint32_t> starter_;
    bool has_begun_ = false;
    std::uint32_t unknown_lines_ = 0;
    std::uint32_t unexplained_ = 0;
    std::uint32_t sgis_ = 0;
    std::uint32_t its_accesses_ = 0;
    std::uint32_t lpi_writes_ = 0;
    std::uint32_t odd_writes_ = 0;
    std::uint32_t other_timers_ = 0;
};

}  // namespace irqbench::importing::arm64
