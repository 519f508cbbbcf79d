#pragma once

#include <array>
#include <bitset>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/import/step_text.hpp"
#include "tools/import/story.hpp"

namespace irqbench::importing {

/// Goes through the events once. What it believes of the machine at each moment is what the scenario's
/// machine would have become by the steps so far: where an event says otherwise, a step is inferred.
class Storyteller {
  public:
    Storyteller(const KvmTrace& trace, const Machine& machine, std::uint32_t storm);
    Story tell();
    /// The vectors of the LAPICs' timers, which are set long before most parts of a trace.
    void learn_timers(const Storyteller& other);

  private:
    static constexpr std::uint32_t ioapic_pins = 24;
    static constexpr std::uint32_t pic_inputs = 16;
    static constexpr std::array<std::uint32_t, 256> nothing_pending() {
        std::array<std::uint32_t, 256> none{};
        none.fill(Happening::none);
        return none;
    }

    struct Lapic {
        std::array<std::uint32_t, 256> pending = nothing_pending();  ///< why each vector of the IRR is there
        std::array<std::uint32_t, 256> again = nothing_pending();    ///< what came while it was, as it seems
        std::array<std::uint32_t, 256> taken = nothing_pending();    ///< the last take of each
        std::bitset<256> in_service;
        std::array<std::uint32_t, 256> brought_back{};   ///< in a row, by the EOI of the one before
        std::array<std::uint64_t, 256> row_begins_ns{};  ///< where a part of the trace has the whole of it
        std::uint32_t timer_vector = Happening::none;
        std::uint32_t last_ext_int = 0;  ///< the happening
        std::uint32_t last_ext_int_vector = Happening::none;
        bool logical_id_known = false;
        bool lint0_known = false;
        bool is_x2apic = false;
        bool waits = false;    ///< for a SIPI
        bool has_run = false;  ///< took something, or was started
    };
    struct ThreadState {
        int vcpu = -1;
        std::uint32_t cause = Happening::none;        ///< what it did last
        std::uint32_t raise = Happening::none;        ///< the rise that it did last
        std::uint32_t line_change = Happening::none;  ///< the one that the kernel is about
        std::uint32_t gsi = 0;                        ///< of that
        bool raised = false;
        bool acknowledged = false;                     ///< an EOI has come as far as the chips
        std::string message;                           ///< that may have been sent
        std::uint32_t message_dest = Happening::none;  ///< its logical destination
        Routes seen;                                   ///< where it has led so far
    };
    struct Entry {
        std::uint64_t value = 1 << 16;
        bool is_known = false;
    };

    ThreadState& thread_of(const Event& event);
    [[nodiscard]] int index_of(std::uint32_t id) const;
    std::uint32_t add(const Event& event, Happening happening);
    std::uint32_t act(const Event& event, int vcpu, std::string step, bool is_global);
    void remark(const Event& event, std::string text);
    void take(const Event& event, int vcpu, std::uint32_t vector, std::uint32_t cause, Happening::Kind kind);
    void look_at(const Event& event);
    void pic_input(const Event& event, const ThreadState& thread);
    void guest_did(const Event& event, ThreadState& thread);
    void irqfd_change(const Event& event, ThreadState& thread);
    void line_change(const Event& event, ThreadState& thread);
    void end_of_line_change(ThreadState& thread);
    void entry_seen(const Event& event, ThreadState& thread);
    void send_message(const Event& event, ThreadState& thread);
    void message(const Event& event, ThreadState& thread);
    [[nodiscard]] bool can_cause(std::uint32_t cause, std::uint32_t data) const;
    void accepted(const Event& event, ThreadState& thread);
    void learn_logical_id(std::uint32_t cause, int vcpu);
    void started(const Event& event, const ThreadState& thread, int vcpu, std::uint32_t mode);
    void find_injected_vcpus();
    [[nodiscard]] int injected_vcpu(const Event& event, const ThreadState& thread);
    void injected(const Event& event, ThreadState& thread);
    void ext_int(const Event& event, int vcpu);
    void become_pending(Lapic& lapic, std::uint32_t vector, std::uint32_t cause);
    [[nodiscard]] bool is_at_rest() const;
    void leave_what_is_pending();
    void taken_before(const Event& event, int vcpu);
    void look_for_storm(const Event& event, int vcpu);
    void end_of_interrupt(const Event& event, ThreadState& thread);
    void lapic_write(const Event& event, ThreadState& thread);
    void ioapic_write(const Event& event, ThreadState& thread);
    void port_write(const Event& event, ThreadState& thread);
    void msr_write(const Event& event, ThreadState& thread);
    void say_what_is_left_out();

    const KvmTrace& trace_;
    const Machine& machine_;
    std::uint32_t storm_;
    Story story_;
    std::vector<Lapic> lapics_;
    std::vector<int> injected_vcpus_;  ///< of each injection, the last one first
    std::map<std::uint64_t, ThreadState> threads_;
    std::map<std::uint32_t, Routes> routes_;
    std::map<std::uint32_t, std::uint32_t> logical_dest_;  ///< by happening
    std::map<std::uint32_t, std::string> irqfds_;          ///< the resampling one of each GSI
    std::map<std::uint32_t, std::uint32_t> irqfds_made_;
    std::array<Entry, ioapic_pins> entries_;
    std::array<std::uint32_t, pic_inputs> pic_raised_ = nothing_raised();
    std::array<std::optional<std::uint32_t>, 2> pic_base_;
    std::array<bool, 2> pic_awaits_base_{};
    std::bitset<pic_inputs> pic_high_;
    /// Of each chip, the last that may have changed what it asks for.
    std::array<std::uint32_t, 2> pic_causes_{Happening::none, Happening::none};
    std::uint64_t rest_ns_ = 0;
    std::uint32_t ioapic_index_ = 0;
    bool accept_is_take_ = false;
    std::uint32_t messages_ = 0;  ///< that nobody accepted
    std::uint32_t timer_writes_ = 0;
    std::uint32_t unknown_apics_ = 0;
    std::uint32_t unexplained_ = 0;
    std::uint32_t impossible_ = 0;
    std::uint32_t ioapic_eois_ = 0;

    static constexpr std::array<std::uint32_t, pic_inputs> nothing_raised() {
        std::array<std::uint32_t, pic_inputs> none{};
        none.fill(Happening::none);
        return none;
    }
};

}  // namespace irqbench::importing
