#pragma once

#include <array>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "routing/board.hpp"
#include "vmm/fair_mutex.hpp"
#include "vmm/model/hardware.hpp"
#include "vmm/x86/kernel_lapic.hpp"

namespace irqbench::vmm::x86 {

/// The `split` placement (KVM_CAP_SPLIT_IRQCHIP): LAPICs in the kernel; PIC and IOAPIC are our Board.
///
/// A pin delivers through KVM_IRQ_LINE on the GSI of its own number, which carries the pin's message as an
/// MSI route; a masked pin keeps the route, since removing it while the vector is in service loses the EOI
/// exit. EOIs of level-triggered vectors come back as KVM_EXIT_IOAPIC_EOI. The PIC's INTR is wired to vCPU 0
/// alone: its interrupts go in there through KVM_INTERRUPT when the interrupt window is open. Irqfds whose
/// GSI leads to a pin are served here, through the IOAPIC model: in the kernel they would bypass mask and
/// Remote IRR.
class SplitIrqchip : public KernelLapicPlacement, private model::GsiInputs {
  public:
    SplitIrqchip(const kvm::System& system, kvm::Vm& vm, const MachineConfig& config, Recorder& recorder);

    void create_controllers() override;
    void finish() override;
    [[nodiscard]] std::vector<StateAccess> state() override;
    void save(PortableState& state) override;
    void restore(const PortableState& state) override;
    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override;
    /// A table that routes a GSI below 24 to an MSI is refused with EINVAL while the pin of that number is in
    /// service, or another GSI leads to it: the kernel has one route of that number.
    Outcome route(const routing::RoutingTable& table) override;
    Outcome assign_irqfd(const IrqfdSpec& spec) override;
    Outcome deassign_irqfd(std::string_view name) override;
    void signal(std::string_view name, std::uint64_t count) override;
    void concurrent(bool) override {}
    void drain_irqfds() override { irqfds_.drain(); }
    [[nodiscard]] std::vector<event::Resampled> take_resampled() override { return irqfds_.take_resampled(); }
    bool handle(VcpuSlot& slot, const kvm::Exit& exit) override;
    void taken(VcpuSlot& slot, std::uint32_t vector) override;
    [[nodiscard]] std::optional<std::uint32_t> take_owed_exit(VcpuSlot& slot) override;
    void run_timers() override;
    [[nodiscard]] std::string timer_armed() override;
    bool before_run(VcpuSlot& slot) override;
    [[nodiscard]] bool has_interrupt_for(VcpuSlot& slot) override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;

  private:
    using Board = routing::x86::Board;
    using Clock = std::chrono::steady_clock;
    static constexpr unsigned pins = irqchip::x86::IoApic::pin_count;

    /// What is ours of the state.
    struct Controllers {
        Board board;
        std::array<std::optional<Clock::time_point>, pins> storm_timers;
        std::map<std::uint32_t, std::set<std::uint32_t>> owed_exits;
        routing::ListenerId next_listener;
    };
    /// The scenario's routes, and the messages of pins that have been told to the kernel.
    struct Routing {
        routing::RoutingTable table;
        std::array<std::optional<irqchip::x86::Message>, pins> pin_messages;
    };

    void act(const routing::x86::Response& response);
    void deliver(unsigned pin);
    bool handle_io(const kvm::IoExit& io);
    bool handle_mmio(const kvm::MmioExit& mmio);
    [[nodiscard]] routing::RoutingTable kernel_table(const routing::RoutingTable& table) const;
    // model::GsiInputs
    void drive(std::uint32_t gsi, bool level, irqchip::LineSource source) override;
    void listen(std::uint32_t gsi, routing::ListenerId listener) override;
    void unlisten(std::uint32_t gsi, routing::ListenerId listener) override;

    Outcome add_irqfd(const IrqfdSpec& spec);
    Outcome serve_irqfd(const IrqfdSpec& spec);
    /// Does what the events of this eventfd ask for, if it triggers an irqfd that is served here.
    void read_eventfd(std::string_view name);
    /// Those that another one is to serve by this table.
    [[nodiscard]] std::vector<KernelIrqfds::Binding> rehomed(const routing::RoutingTable& table) const;

    Board board_;
    Board::Delivered delivered_;  ///< since set_line() last began
    std::array<std::optional<irqchip::x86::Message>, pins> pin_messages_;
    std::array<std::optional<Clock::time_point>, pins> storm_timers_;
    std::map<std::uint32_t, std::set<std::uint32_t>> owed_exits_;  ///< by vCPU: vectors it has taken
    routing::ListenerId next_listener_ = 0;
    /// Guards the board and what belongs to it: vCPU threads come with their exits, and host threads with
    /// stimuli.
    std::mutex mutex_;
    /// Shared by who writes to an eventfd, which is without mutex_ so that writers meet in the kernel. Alone
    /// by who moves irqfds between the kernel and us: a write is heard by one of the two. After mutex_.
    FairSharedMutex homes_;
    const bool eoi_at_delivery_;  ///< see traits.hpp: exits wait for an entry that a guest in HLT never makes
};

}  // namespace irqbench::vmm::x86
