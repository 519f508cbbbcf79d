#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "vmm/guest/agent_abi.h"
#include "vmm/model/hardware.hpp"
#include "vmm/trace.hpp"

namespace irqbench::vmm::model {

/// What a CPU reaches outside itself, controllers apart.
class CpuSurroundings {
  public:
    virtual void record(std::uint32_t cpu, const event::Taken& taken) = 0;
    virtual void record(std::uint32_t cpu, const event::GuestEoi& eoi) = 0;
    virtual void record(std::uint32_t cpu, const event::Returned& returned) = 0;
    virtual void record(std::uint32_t cpu, const event::Started& started) = 0;
    virtual void record(std::uint32_t cpu, const event::Fault& fault) = 0;
    /// It has been to system management mode and back.
    virtual void managed(std::uint32_t cpu) = 0;
    /// A handler asks its device to drop the line.
    virtual void device_lowers(std::uint32_t cpu, std::uint32_t gsi) = 0;
    virtual Bus& bus() = 0;
    /// CPUs that have arrived at a barrier, ever.
    virtual std::uint32_t& arrived() = 0;

  protected:
    ~CpuSurroundings() = default;
};

/// A CPU that runs the guest agent (vmm/guest/agent_abi.h), written down as a state machine instead of
/// instructions: a mailbox of operations, handlers that nest, and the rules by which a CPU takes interrupts
/// between two instructions. A step is about what an instruction is: between any two, interrupts may come.
///
/// "Interrupts are enabled" is said of the interrupt flag and of PSTATE.I alike; "halt" of HLT and WFI. What
/// differs between architectures says Hardware::cpu_rules().
///
/// Source: Intel SDM vol. 3, 6.7.1 (NMIs are blocked until IRET) and 6.8.1 (interrupt flag; STI inhibits
/// interrupts for one instruction), 9.4.4 (INIT, SIPI); vol. 2, HLT. Arm ARM (DDI 0487), D1.6.2 (WFI).
class ScriptedCpu {
  public:
    /// `off` waits to be started for the first time.
    enum class State : std::uint8_t { off, waiting, starting, running, halted, faulted };

    struct Handler {
        std::uint8_t policy = POLICY_EOI_LAPIC;  ///< POLICY_*
        std::optional<std::uint32_t> lowers;     ///< GSI that POLICY_LOWER drops
    };

    struct Operation {
        GuestOp op;
        enum class Status : std::uint8_t { posted, begun, done } status = Status::posted;
        std::optional<std::uint32_t> fault;
        bool refused = false;  ///< cannot be done here
    };

    /// A CPU with nothing to execute: in no handler, with an empty mailbox.
    struct Outline {
        State state = State::running;
        bool interrupts_enabled = true;
        unsigned nmis = 0;
        bool nmi_blocked = false;
        bool smi_pending = false;
        std::map<std::uint32_t, Handler> handlers;
    };

    ScriptedCpu(std::uint32_t index, Hardware& hardware, CpuSurroundings& outside, bool running)
        : index_(index),
          hardware_(hardware),
          outside_(outside),
          rules_(hardware.cpu_rules()),
          state_(running ? State::running : State::off),
          interrupts_enabled_(running) {}

    /// A CPU at the same point of the same program, at other hardware.
    ScriptedCpu(const ScriptedCpu& other, Hardware& hardware);
    ScriptedCpu(const ScriptedCpu&) = delete;
    ScriptedCpu& operator=(const ScriptedCpu&) = delete;

    /// Nothing if there is more to it.
    [[nodiscard]] std::optional<Outline> outline() const;
    /// Becomes this.
    void take_up(const Outline& outline);

    void post(const GuestOp& op);
    void set_handler(std::uint32_t vector, Handler handler) { handlers_[vector] = handler; }

    /// It ends a halt, and stays pending while the CPU waits to be started. One is remembered where none can
    /// be taken, and otherwise another one beside it, as in KVM: by then the first would have been taken.
    void nmi();
    /// SMI. It ends a halt, as in KVM, whose CPUs do not go back to it, and stays pending, as one however
    /// many they are, while the CPU waits to be started.
    void manage();
    /// INIT: forgets all it was about, operations that had begun and NMIs and SMIs included, and waits for
    /// start().
    void reset();
    /// The same, as before it was started for the first time.
    void switch_off();
    /// A start-up IPI or CPU_ON; nothing to a CPU that runs.
    void start();

    /// Whether there is anything for step() to do, which is not to be called otherwise.
    [[nodiscard]] bool can_step() const;
    void step();

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool interrupts_enabled() const { return interrupts_enabled_; }
    [[nodiscard]] std::uint32_t depth() const { return depth_; }
    [[nodiscard]] std::uint32_t in_service() const { return in_service_.vector; }
    /// Whether every operation has been begun.
    [[nodiscard]] bool mailbox_empty() const { return next_ == operations_.end(); }
    /// Operations that are posted and not collected, in order.
    [[nodiscard]] std::list<Operation>& operations() { return operations_; }
    [[nodiscard]] const std::list<Operation>& operations() const { return operations_; }
    /// The newest that is not finished, if there is one.
    [[nodiscard]] const GuestOp* unfinished() const;
    /// Whether it is inside an operation, not between two, and in no handler above it.
    [[nodiscard]] bool executing() const { return active_ != nullptr; }
    [[nodiscard]] bool at_barrier() const;

  private:
    /// What is left to do of the operation under way.
    enum class Phase : std::uint8_t { finish, shadowed, halt, await_barrier };
    /// What is left to do of a handler.
    enum class Stage : std::uint8_t { lower, end_first, stay, serve, end, leave };

    struct Frame {
        Acknowledged interrupt;
        Handler handler;
        Stage stage;
        bool interrupts_enabled;  ///< when it was entered
        Acknowledged outer_in_service;
        Operation* active;  ///< the operation it interrupted
        Phase phase;
    };

    [[nodiscard]] bool takes_nmi() const { return nmis_ != 0 && !nmi_blocked_; }
    [[nodiscard]] bool takes_interrupt() const {
        return interrupts_enabled_ && hardware_.interrupt_pending(index_);
    }
    [[nodiscard]] bool waits_to_start() const { return state_ == State::off || state_ == State::waiting; }
    [[nodiscard]] bool wakes() const {
        return takes_interrupt() || (rules_.wakes_masked && hardware_.interrupt_pending(index_));
    }
    [[nodiscard]] bool can_execute() const;
    void begin_after_start();
    void take_interrupt();
    void enter(const Acknowledged& interrupt, event::Kind kind);
    void step_handler(Frame& frame);
    void end_of_interrupt(const Acknowledged& interrupt, std::uint8_t policy);
    [[nodiscard]] static Stage first_stage(std::uint8_t policy);
    void serve();
    void begin_next();
    void execute(Operation& operation);
    void continue_active();
    void enable_interrupts();
    void enable_interrupts_and_halt();
    [[nodiscard]] Acknowledged ended_by(const GuestOp& op) const;
    void leave_innermost();
    void finish_active();
    void fault(std::uint32_t vector);

    std::uint32_t index_;
    Hardware& hardware_;
    CpuSurroundings& outside_;
    CpuRules rules_;
    State state_;
    bool interrupts_enabled_;
    bool shadow_ = false;  ///< the next instruction is executed before any interrupt is taken
    unsigned nmis_ = 0;    ///< pending
    bool nmi_blocked_ = false;
    bool smi_pending_ = false;                             ///< while it waits to be started
    std::unordered_map<std::uint32_t, Handler> handlers_;  ///< those that are not the usual one
    std::vector<Frame> frames_;
    std::uint32_t depth_ = 0;  ///< handlers that stay
    Acknowledged in_service_;  ///< what the innermost of them is about
    std::list<Operation> operations_;
    std::list<Operation>::iterator next_ = operations_.end();
    Operation* active_ = nullptr;
    Phase phase_ = Phase::finish;
};

}  // namespace irqbench::vmm::model
