#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "irqchip/effect.hpp"
#include "routing/resampler.hpp"
#include "routing/table.hpp"
#include "vmm/machine.hpp"
#include "vmm/model/memory.hpp"
#include "vmm/portable_state.hpp"

namespace irqbench::vmm::model {

/// What a CPU is told outside of its interrupts.
enum class CpuSignal : std::uint8_t { nmi, reset, off, start, management };

/// Whom controllers tell what they did, in the order they did it, also where their CPUs are KVM's.
class Wires {
  public:
    /// Whether anybody reads moved().
    [[nodiscard]] virtual bool watches_wires() const = 0;
    /// Something moved on a wire or in a chip: text for the timeline.
    virtual void moved(std::optional<std::uint32_t> gsi, std::string text) = 0;
    /// Of the interrupt that this resamplefd waits for.
    virtual void ended(routing::ListenerId listener) = 0;

  protected:
    ~Wires() = default;
};

/// What the controllers of a model machine have around them.
class Surroundings : public Wires {
  public:
    [[nodiscard]] virtual std::chrono::nanoseconds now() const = 0;
    virtual void signal(std::uint32_t cpu, CpuSignal signal) = 0;
    /// Hardware::interrupt_pending(cpu) may have become another.
    virtual void look_at(std::uint32_t cpu) = 0;
    /// What controllers keep in the guest's memory is there.
    virtual Memory& memory() = 0;

  protected:
    ~Surroundings() = default;
};

/// Where the accesses of CPUs go: controllers, memory, doorbells, or nowhere.
class Bus {
  public:
    virtual std::uint64_t read(std::uint32_t cpu, std::uint64_t address, unsigned size) = 0;
    virtual void write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value) = 0;
    virtual std::uint32_t port_in(std::uint32_t cpu, std::uint16_t port, unsigned size) = 0;
    virtual void port_out(std::uint32_t cpu, std::uint16_t port, unsigned size, std::uint32_t value) = 0;

  protected:
    ~Bus() = default;
};

/// What came of an access that a CPU made.
struct Access {
    std::uint64_t value = 0;             ///< where it reads
    std::optional<std::uint32_t> fault;  ///< vector of the exception it raised instead
};

/// What a vector means to the guest's handlers. Of a spurious one they take a note and do nothing.
enum class Entry : std::uint8_t { interrupt, nmi, exception, spurious };

/// What a CPU takes: the vector or INTID, and by what its end is told to the controller, where that is more.
struct Acknowledged {
    std::uint32_t vector = 0;
    std::uint64_t code = 0;
};

/// Where the CPUs of architectures differ, as far as it shows in what the agent does.
struct CpuRules {
    bool interrupt_shadow;    ///< enabling interrupts lets one more instruction through
    bool wakes_masked;        ///< what is pending ends a halt also while interrupts are disabled
    bool has_nmi;             ///< Machine::nmi() can be called
    std::uint8_t first_eois;  ///< POLICY_EOI_* that POLICY_EOI_FIRST brings forward
};

/// GSIs as irqfds drive them and listen to them.
class GsiInputs {
  public:
    /// One more driver of a line.
    virtual void drive(std::uint32_t gsi, bool level, irqchip::LineSource source) = 0;
    virtual void listen(std::uint32_t gsi, routing::ListenerId listener) = 0;
    virtual void unlisten(std::uint32_t gsi, routing::ListenerId listener) = 0;

  protected:
    ~GsiInputs() = default;
};

/// The interrupt controllers of a model machine, and what the architecture makes of the agent's operations.
/// Guests may do anything: no call fails over what they ask.
class Hardware : public GsiInputs {
  public:
    virtual ~Hardware() = default;

    /// Another one with this one's state and surroundings; null where that is not to be had.
    [[nodiscard]] virtual std::unique_ptr<Hardware> clone() const { return nullptr; }

    /// Whether the two below can be called.
    [[nodiscard]] virtual bool is_portable() const { return false; }
    /// Why save() would lose an interrupt that waits; empty if it would lose none.
    [[nodiscard]] virtual std::string unportable() const { return {}; }
    /// Adds the controllers and routes, and a CPU for each with what is not the program's.
    virtual void save(PortableState& /*state*/) {}
    /// Into a new one.
    virtual void restore(const PortableState& /*state*/) {}

    /// See Machine.
    virtual Outcome set_line(std::uint32_t gsi, bool level, bool want_status) = 0;
    virtual Outcome msi(const MsiMessage& message) = 0;
    virtual Outcome route(const routing::RoutingTable& table) = 0;
    [[nodiscard]] virtual const routing::RoutingTable& routes() const = 0;
    virtual Outcome reset_controller(std::string_view /*controller*/) { return {0, ENODEV}; }

    [[nodiscard]] virtual CpuRules cpu_rules() const = 0;
    [[nodiscard]] virtual bool interrupt_pending(std::uint32_t cpu) const = 0;
    /// The CPU takes what is pending.
    virtual Acknowledged acknowledge(std::uint32_t cpu) = 0;
    [[nodiscard]] virtual Entry entry_of(std::uint32_t vector) const = 0;
    /// Executes an operation that accesses something; nothing if there is none of this code.
    virtual std::optional<Access> execute(std::uint32_t cpu, const GuestOp& op, Bus& bus) = 0;
    /// The EOIs that a handler's policy says (POLICY_EOI_*). @returns the exception it raised, if one
    virtual std::optional<std::uint32_t> end_of_interrupt(std::uint32_t cpu, const Acknowledged& interrupt,
                                                          std::uint8_t policy, Bus& bus) = 0;
    /// What the agent does first on a CPU that was started.
    virtual void prepare_started(std::uint32_t cpu, Bus& bus) = 0;

    /// Nothing if no controller is there.
    virtual std::optional<std::uint64_t> mmio_read(std::uint32_t cpu, std::uint64_t address,
                                                   unsigned size) = 0;
    virtual bool mmio_write(std::uint32_t cpu, std::uint64_t address, unsigned size, std::uint64_t value) = 0;
    virtual std::optional<std::uint32_t> port_in(std::uint32_t cpu, std::uint16_t port, unsigned size) = 0;
    virtual bool port_out(std::uint32_t cpu, std::uint16_t port, unsigned size, std::uint32_t value) = 0;

    /// When run_timers() has something to do next.
    [[nodiscard]] virtual std::optional<std::chrono::nanoseconds> next_timer() const = 0;
    /// Does what is due by now.
    virtual void run_timers() = 0;
    /// Why an interrupt is held back that only time lets go; empty if none is.
    [[nodiscard]] virtual std::string held_back() const = 0;

    /// See Placement::running_priority() and priority_in_words().
    [[nodiscard]] virtual std::uint32_t running_priority(std::uint32_t cpu) const = 0;
    [[nodiscard]] virtual std::string priority_in_words(std::uint32_t priority) const = 0;
    [[nodiscard]] virtual std::vector<NamedValue> inspect(std::string_view controller,
                                                          std::uint32_t index) const = 0;
};

}  // namespace irqbench::vmm::model
