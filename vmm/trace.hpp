#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace irqbench::vmm {

/// The result of a call that a scenario may expect to fail: the kernel's return value, or an errno.
struct Outcome {
    int value = 0;  ///< what the call returned when it succeeded
    int error = 0;  ///< errno, 0 when it succeeded

    [[nodiscard]] bool ok() const { return error == 0; }
    bool operator==(const Outcome&) const = default;
};

/// What happened, in order. The host acts, wires between chips move, the guest takes and writes down.
namespace event {

/// The host did something to the machine: `name` is the verb's word (`raise`, `msi`, `route` ...).
struct Call {
    std::string name;
    std::string arguments;
    std::optional<std::uint32_t> gsi;
    Outcome outcome;
};

/// A wire between chips in our own process moved, or a chip changed state: text for the timeline.
struct Wire {
    std::optional<std::uint32_t> gsi;
    std::string text;
};

/// A resamplefd was kicked `count` times.
struct Resampled {
    std::string irqfd;
    std::uint64_t count;
};

/// An ioeventfd was signalled `count` times.
struct DoorbellRung {
    std::string name;
    std::uint64_t count;
};

/// KVM_EXIT_IOAPIC_EOI.
struct EoiExit {
    std::uint32_t vector;
};

enum class Kind { interrupt, nmi };

/// The guest's handler ran: the only proof of delivery there is.
struct Taken {
    std::uint32_t vector;  ///< vector or INTID; 2 for an NMI
    Kind kind;
    std::uint32_t depth;  ///< handlers that were active when this one was entered
    std::uint64_t rip;
};

/// The guest wrote an EOI on request.
struct GuestEoi {
    std::uint32_t vector;
};

/// A handler that stayed has been left.
struct Returned {
    std::uint32_t vector;
};

/// A vCPU was started (INIT and SIPI; PSCI CPU_ON) and runs the agent.
struct Started {};

/// One operation of the guest agent is done.
struct OperationDone {
    std::string text;                    ///< in words, for the timeline
    std::uint64_t value;                 ///< the value read, where it reads
    std::optional<std::uint32_t> fault;  ///< vector of the exception it raised
};

/// An exception that nobody expected, or a triple fault: ends the run.
struct Fault {
    std::uint32_t vector;
    std::uint64_t code;
    std::uint64_t rip;
    std::uint64_t cr2;
};

enum class RestState { idle, in_handler, halted, wait_for_sipi, not_started, storming };

/// The vCPU has come to rest. For `idle` and `in_handler` the interrupt window was open since it was last
/// entered if `interrupts_enabled`.
struct Rest {
    RestState state;
    bool interrupts_enabled;
    std::uint32_t depth;
    std::uint32_t in_service;  ///< vector of the innermost handler that stays, 0 for none
};

/// More records in one step than its budget: the step was ended.
struct Storm {
    std::uint64_t records;
};

/// Whether the absence of further interrupts on this vCPU was proven, and why not if it was not.
struct Quiet {
    bool proven;
    std::string reason;
    /// The priority only above which it is proven, if not zero: see Placement::running_priority().
    std::optional<std::uint32_t> above;
    std::string above_words{};  ///< it as the architecture's manuals have it
};

/// A value that a step asked for: `what` names the register and field as the scenario does.
struct Observed {
    std::string what;
    std::uint64_t value;
};

/// Something that the kernel's KVM wrote down by itself: a tracepoint of the group kvm.
struct Kernel {
    struct Field {
        std::string name;
        std::uint64_t value;  ///< a negative one in the field's size
    };
    std::string name;
    std::vector<Field> fields;
};

/// So many of the kernel's events before this were not kept.
struct KernelLost {
    std::uint64_t count;
};

/// An exit nothing handles, a call of the machine itself that failed, a time-out: ends the run.
struct Trouble {
    std::string report;
    bool host_stalled = false;  ///< the vCPU thread got no CPU time: says nothing about the controllers
};

}  // namespace event

enum class Lane { host, wire, guest, kernel };

struct Event {
    std::chrono::nanoseconds at{};  ///< since the machine was made; guest events on the host's clock
    std::uint32_t step = 0;         ///< index of the step during which it happened; see Trace::begin_step
    Lane lane = Lane::host;
    std::optional<std::uint32_t> vcpu;
    std::variant<event::Call, event::Wire, event::Resampled, event::DoorbellRung, event::EoiExit,
                 event::Taken, event::GuestEoi, event::Returned, event::Started, event::OperationDone,
                 event::Fault, event::Rest, event::Storm, event::Quiet, event::Observed, event::Trouble,
                 event::Kernel, event::KernelLost>
        what;
};

/// The ordered record of one run. Appended while the run goes on, never edited afterwards. Not synchronised:
/// a machine that uses threads appends from one of them.
class Trace {
  public:
    /// Everything added from now on belongs to step `index`.
    void begin_step(std::uint32_t index) { step_ = index; }

    void add(Event event) {
        event.step = step_;
        events_.push_back(std::move(event));
    }

    [[nodiscard]] const std::vector<Event>& events() const { return events_; }
    [[nodiscard]] std::uint32_t step() const { return step_; }
    /// Ends the record and hands it over.
    [[nodiscard]] std::vector<Event> take() { return std::move(events_); }

  private:
    std::vector<Event> events_;
    std::uint32_t step_ = 0;
};

/// One event in words, with the vCPU it happened on: `ack 0x51 on vCPU 0`, `raise 10 -> delivered`,
/// `resampled dev x2`. These are the words of a failing run's `came`, so that a file's `known` can name them:
/// no times, no addresses.
std::string describe(const Event& event);

/// The same for a timeline, where the column says on which vCPU: `ack 0x51`, `idle, window open`.
std::string describe_in_lane(const Event& event);

/// `halted`, `idle` ...
std::string describe(event::RestState state);

/// `#GP`
std::string exception_text(std::uint32_t vector);

/// Whether it came by a vector, as interrupts do; else it is told from them by a syndrome register.
bool has_vector(const event::Fault& fault);

/// The priority only above which it is quiet, in words.
std::string above_text(const event::Quiet& quiet);

/// `0x51`: a vector as every message prints it.
std::string vector_text(std::uint32_t vector);

/// `kvm_ioapic_set_irq e=0x31 pin=4 coalesced=0`
std::string kernel_event_text(const event::Kernel& event);

/// The value of one of its fields: in decimal where that is how people speak of them, of pins and vCPUs.
std::string kernel_field_text(const event::Kernel::Field& field);

/// `EINVAL`; `success` for 0.
std::string errno_text(int error);

}  // namespace irqbench::vmm
