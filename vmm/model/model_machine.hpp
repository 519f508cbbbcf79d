#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/machine.hpp"
#include "vmm/model/cpu_set.hpp"
#include "vmm/model/dice.hpp"
#include "vmm/model/doorbells.hpp"
#include "vmm/model/hardware.hpp"
#include "vmm/model/irqfds.hpp"
#include "vmm/model/memory.hpp"
#include "vmm/model/scripted_cpu.hpp"

namespace irqbench::vmm::model {

using MakeHardware =
    std::function<std::unique_ptr<Hardware>(const MachineConfig& config, Surroundings& surroundings)>;

/// A machine that needs no KVM: controllers of our own, and CPUs that run the guest agent as it is written
/// down in ScriptedCpu, all on virtual time. What it does depends on its calls and the seed only.
///
/// Time begins at 0. Every step of a CPU and every call takes a little of it, and wait() goes from one timer
/// to the next. Stepped, the CPUs run in turn until none can go on, as a stepped KVM machine has them run.
/// Free, a CPU drawn by lot does one step at a time, and what the host does next may overtake what is still
/// under way. The trace is that of a KVM machine in kernel mode, with the wires of our controllers.
class ModelMachine final : public Machine, private Surroundings, private CpuSurroundings, private Bus {
  public:
    ModelMachine(const MachineConfig& config, Trace& trace, const MakeHardware& make_hardware);

    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override;
    Outcome msi(const MsiMessage& message) override;
    Outcome route(const routing::RoutingTable& table) override;
    [[nodiscard]] const routing::RoutingTable& routes() const override { return hardware_->routes(); }
    Outcome assign_irqfd(const IrqfdSpec& spec) override;
    Outcome deassign_irqfd(std::string_view name) override;
    void signal(std::string_view irqfd, std::uint64_t count) override;
    Outcome assign_ioeventfd(const IoeventfdSpec& spec) override;
    Outcome deassign_ioeventfd(std::string_view name) override;
    Outcome reset_controller(std::string_view controller) override;
    Outcome nmi(std::uint32_t vcpu) override;
    /// ENOTTY: there is no KVM whose ioctl this could be.
    Outcome inject(std::uint32_t vcpu, std::uint32_t vector, Injection how) override;
    void guest(std::uint32_t vcpu, std::span<const GuestOp> operations) override;
    void handler(std::uint32_t vcpu, std::uint32_t vector, std::uint8_t policy,
                 std::optional<std::uint32_t> lowers) override;
    bool settle() override;
    void wait(const std::function<bool()>& enough) override;
    void prove_quiet(const std::vector<std::uint32_t>& vcpus) override;
    void concurrent(bool on) override;
    GuestProgress progress(std::uint32_t vcpu) override;
    [[nodiscard]] std::optional<std::size_t> next_thread(std::size_t threads) override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;
    [[nodiscard]] std::string unsaved() const override;
    [[nodiscard]] std::shared_ptr<const MachineState> save() override;
    /// @throws Unreachable where a CPU is inside of the agent's program: in a handler that stays, or halted
    [[nodiscard]] std::shared_ptr<const MachineState> save_portable() override;
    /// Time goes on where it is: what was due in between is due now.
    void restore(const MachineState& state, const RestoreOptions& options) override;
    void close_descriptors() override;
    [[nodiscard]] bool is_closed() const override { return closed_; }
    void finish() override;
    void close() override { flush(); }

  private:
    struct State;
    void restore(const PortableState& saved, const RestoreOptions& options);
    [[nodiscard]] ScriptedCpu::Outline saved_outline(std::uint32_t cpu) const;
    /// What a restore ends with.
    void take_up();

    /// One CPU and what the machine keeps about it.
    struct Slot {
        Slot(std::uint32_t index, Hardware& hardware, CpuSurroundings& outside, bool running)
            : cpu(index, hardware, outside, running) {
            if (!running) rest.state = event::RestState::not_started;
        }
        Slot(const Slot& other, Hardware& hardware) : cpu(other.cpu, hardware), rest(other.rest) {}

        ScriptedCpu cpu;
        event::Rest rest{event::RestState::idle, true, 0, 0};
        std::uint64_t records = 0;  ///< during `period`
        std::uint64_t period = 0;
        bool stormed = false;  ///< over budget: does nothing until the next step
        /// while a thread of the host waits for what it was given: when it has waited for too long
        std::optional<std::chrono::nanoseconds> awaited_until;
    };

    // Surroundings
    [[nodiscard]] std::chrono::nanoseconds now() const override { return now_; }
    [[nodiscard]] bool watches_wires() const override { return !concurrent_; }
    void moved(std::optional<std::uint32_t> gsi, std::string text) override;
    void ended(routing::ListenerId listener) override { irqfds_->ended(listener); }
    void signal(std::uint32_t cpu, CpuSignal signal) override;
    void look_at(std::uint32_t cpu) override { ready_.insert(cpu); }
    Memory& memory() override { return memory_; }

    // CpuSurroundings
    void record(std::uint32_t cpu, const event::Taken& taken) override { add_record(cpu, taken); }
    void record(std::uint32_t cpu, const event::GuestEoi& eoi) override { add_record(cpu, eoi); }
    void record(std::uint32_t cpu, const event::Returned& returned) override { add_record(cpu, returned); }
    void record(std::uint32_t cpu, const event::Started& started) override { add_record(cpu, started); }
    void record(std::uint32_t cpu, const event::Fault& fault) override;
    void managed(std::uint32_t cpu) override;
    void device_lowers(std::uint32_t cpu, std::uint32_t gsi) override;
    Bus& bus() override { return *this; }
    std::uint32_t& arrived() override { return arrived_; }

    // Bus
    std::uint64_t read(std::uint32_t cpu, std::uint64_t address, unsigned size) override;
    void write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value) override;
    std::uint32_t port_in(std::uint32_t cpu, std::uint16_t port, unsigned size) override;
    void port_out(std::uint32_t cpu, std::uint16_t port, unsigned size, std::uint32_t value) override;

    using What = decltype(Event::what);
    void add(Lane lane, What what, std::optional<std::uint32_t> cpu = std::nullopt);
    void add_record(std::uint32_t cpu, What what);
    void unclaimed(std::uint32_t cpu, std::string text);
    /// Makes a call that may be refused, and records it ahead of what it causes.
    template <class Make>
    Outcome call(std::string name, std::string arguments, std::optional<std::uint32_t> gsi, Make make);
    void flush();
    /// Records the operations that the CPU has finished.
    void collect(std::uint32_t cpu);
    void collect_eventfds();
    void record_rest(std::uint32_t cpu, event::RestState state, bool interrupts_enabled);
    [[nodiscard]] event::RestState rest_state(const ScriptedCpu& cpu) const;
    void fail(std::uint32_t cpu, const std::string& report);

    [[nodiscard]] bool is_free() const { return config_.run == RunMode::free; }
    void pass(std::chrono::nanoseconds time);
    /// @returns false if there is no timer before `end`
    bool pass_to_next_timer(std::chrono::nanoseconds end);
    void begin_period();
    [[nodiscard]] bool over_budget(const Slot& slot) const;
    void storm(std::uint32_t cpu);
    void step(std::uint32_t cpu);
    // stepped
    void run_in_turn();
    bool run_to_rest(std::uint32_t cpu);
    // free
    bool step_any();
    void run_all_to_rest();
    void finish_operations();
    [[nodiscard]] std::optional<std::uint32_t> unfinished_cpu();
    void look_whether_halted();
    void give_up_waiting(std::chrono::nanoseconds passed);
    [[nodiscard]] event::Quiet quiet_of(const Slot& slot) const;

    MachineConfig config_;
    Trace& trace_;
    MakeHardware make_hardware_;
    std::vector<Event> waiting_;  ///< events not in the trace yet
    std::chrono::nanoseconds now_{0};
    Dice dice_;
    CpuSet ready_;  ///< CPUs that may have something to do
    CpuSet busy_;   ///< free-running: those with operations that are not collected, or that halt
    Memory memory_;
    Doorbells doorbells_;
    std::unique_ptr<Hardware> hardware_;
    std::unique_ptr<Irqfds> irqfds_;
    std::deque<Slot> slots_;
    std::vector<std::uint32_t> stormed_;
    std::uint32_t arrived_ = 0;  ///< at barriers, ever
    std::uint64_t period_ = 1;   ///< in which records are counted
    bool many_ = false;          ///< records are expected in any number
    bool concurrent_ = false;
    bool closed_ = false;
    bool failed_ = false;
};

}  // namespace irqbench::vmm::model
