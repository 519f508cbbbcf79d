#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "routing/platform.hpp"
#include "vmm/fair_mutex.hpp"
#include "vmm/model/doorbells.hpp"
#include "vmm/model/irqfds.hpp"
#include "vmm/pc_state.hpp"
#include "vmm/x86/boot.hpp"
#include "vmm/x86/controller_timers.hpp"
#include "vmm/x86/placement.hpp"

namespace irqbench::vmm::x86 {

/// The `userspace` placement: no irqchip in the kernel; PIC, IOAPIC, PIT and every local APIC are our
/// Platform.
///
/// The guest reaches them by MMIO and port exits, and by MSR exits: KVM has no x2APIC registers without its
/// own LAPIC, and IA32_APIC_BASE and IA32_TSC_DEADLINE are filtered (KVM_X86_SET_MSR_FILTER), since KVM would
/// keep the one and swallow the other. Interrupts go in through KVM_INTERRUPT when the vCPU can take one at
/// once, and after an interrupt window exit otherwise; CR8 goes through kvm_run in both directions. HLT, INIT
/// and wait-for-SIPI are states kept here: a vCPU that waits is not entered. What other CPUs ask of a vCPU
/// (INIT, SIPI, NMI, SMI) is done by its own thread before it enters. A CPU that waits for a SIPI, or was
/// never started, remembers an NMI and an SMI until it runs, as KVM does, but only one NMI; an INIT forgets
/// both. NMIs and SMIs end a halt: what KVM returns to from
/// system management mode is the instruction after it.
///
/// Irqfds are names without an eventfd: what signal() asks for is done when it returns, and kicks of
/// resamplefds are counted. Between two places of one process an eventfd and a loop that reads it would show
/// a scenario nothing else, but would have a thread's wake-up between cause and effect. Ioeventfds are KVM's,
/// but for those at an address of a controller: KVM would take the writes before they exit. They are ours,
/// and the controller is asked first.
///
/// Timers run on the machine's time when free-running, in a thread that waits for the next deadline: on a
/// condition variable, since a guest that writes a timer's register has to wake it too. Stepped,
/// time stands still but for pass_time(), and the guest's accesses to IA32_TIME_STAMP_COUNTER and
/// IA32_TSC_ADJUST exit too: it is a counter of that time that they read and set, and a deadline that is
/// armed moves with it. RDTSC reads the host's.
///
/// Left out: a free-running guest that sets its counter, which KVM does not tell, leaves a deadline that is
/// armed where it was; a guest that moves its local APIC's page over memory or one of KVM's ioeventfds
/// reaches those; CR8 written with the class that it has leaves TPR bits 3:0 alone, since KVM does not tell;
/// an INIT does not wait for the end of system management mode.
class UserspaceIrqchip final : public X86Placement, private model::GsiInputs {
  public:
    UserspaceIrqchip(const kvm::System& system, kvm::Vm& vm, const MachineConfig& config, Recorder& recorder);
    ~UserspaceIrqchip() override;

    void create_controllers() override;
    void start(VcpuSlot& slot, bool running) override;
    void finish() override;
    [[nodiscard]] std::vector<StateAccess> state() override;
    void save(PortableState& state) override;
    void restore(const PortableState& state) override;
    void resume() override;

    Outcome set_line(std::uint32_t gsi, bool level, bool want_status) override;
    Outcome msi(const MsiMessage& message) override;
    Outcome route(const routing::RoutingTable& table) override;
    [[nodiscard]] const routing::RoutingTable& routes() const override { return platform_.board().routes(); }
    Outcome assign_irqfd(const IrqfdSpec& spec) override;
    Outcome deassign_irqfd(std::string_view name) override;
    void signal(std::string_view name, std::uint64_t count) override;
    /// Every call is served under one lock: nothing has to be given up.
    void concurrent(bool) override {}
    /// A signal has arrived when signal() returns.
    void drain_irqfds() override {}
    [[nodiscard]] std::vector<event::Resampled> take_resampled() override;
    std::optional<Outcome> assign_ioeventfd(const IoeventfdSpec& spec) override;
    std::optional<Outcome> deassign_ioeventfd(std::string_view name) override;
    [[nodiscard]] std::vector<event::DoorbellRung> take_rung() override;
    Outcome nmi(VcpuSlot& slot) override;
    Outcome inject(VcpuSlot& slot, std::uint32_t vector, Injection how) override;

    bool handle(VcpuSlot& slot, const kvm::Exit& exit) override;
    void run_timers() override;
    [[nodiscard]] bool virtual_time() const override { return !free_; }
    bool pass_time(std::chrono::microseconds real_time) override;
    [[nodiscard]] std::string timer_armed() override;
    bool before_run(VcpuSlot& slot) override;
    [[nodiscard]] bool has_interrupt_for(VcpuSlot& slot) override;
    [[nodiscard]] std::optional<event::RestState> parked(VcpuSlot& slot) override;
    void unpark(VcpuSlot& slot) override;
    [[nodiscard]] std::uint32_t running_priority(VcpuSlot& slot) override;
    [[nodiscard]] std::string registers(VcpuSlot& slot) override;
    [[nodiscard]] std::vector<NamedValue> inspect(std::string_view controller, std::uint32_t index) override;

  protected:
    [[nodiscard]] MarkerConditions marker_conditions(VcpuSlot& slot) override;

  private:
    using Platform = routing::x86::Platform;
    using Time = std::chrono::nanoseconds;

    /// What is ours of a vCPU beside its local APIC.
    struct Cpu {
        ResetState reset{};
        Activity activity = Activity::running;
        // Asked for and not yet done. INIT comes before a start-up IPI that follows it.
        bool init = false;
        std::optional<std::uint8_t> start_page;
        unsigned nmis = 0;
        bool smi = false;
        bool nmi_in_kvm = false;  ///< given to KVM, which may not have delivered it yet
        /// CR8 as KVM and the local APIC knew it when they were last brought together.
        std::uint64_t cr8 = 0;
        std::uint64_t tsc_adjust = 0;  ///< IA32_TSC_ADJUST, stepped
        /// It has not come by since it was last entered, or since it was refused to be; and has not been told
        /// to.
        bool away = false;
        bool window = false;  ///< it comes by itself when it can take an interrupt
    };

    /// What is ours of the state.
    struct Controllers {
        Platform platform;
        std::vector<Cpu> cpus;
        std::shared_ptr<const model::Irqfds> irqfds;
        model::Doorbells doorbells;
        ControllerTimers timers;
        Time now;
    };

    [[nodiscard]] Time now() const;
    [[nodiscard]] Platform::Time clocks(std::size_t cpu) const { return timers_.clocks(cpu, now()); }

    [[nodiscard]] model::GsiInputs& inputs() { return *this; }
    void drive(std::uint32_t gsi, bool level, irqchip::LineSource source) override;
    void listen(std::uint32_t gsi, routing::ListenerId listener) override;
    void unlisten(std::uint32_t gsi, routing::ListenerId listener) override;

    void act(const routing::x86::PlatformResponse& response);
    void act(const routing::x86::PlatformRequest& todo);
    void signal_cpu(std::size_t index, irqchip::CpuSignal signal, std::uint8_t vector);
    /// Sees to it that before_run() is called for the vCPU.
    void call(std::size_t cpu);

    [[nodiscard]] bool wakes(const VcpuSlot& slot) const;
    [[nodiscard]] static bool waits_to_start(const Cpu& cpu) {
        return cpu.activity == Activity::wait_for_sipi || cpu.activity == Activity::not_started;
    }
    void carry_out(VcpuSlot& slot, Cpu& cpu);
    void take_interrupt(VcpuSlot& slot, Cpu& cpu);
    void reset(VcpuSlot& slot, Cpu& cpu);
    void deliver_nmis(VcpuSlot& slot, Cpu& cpu);
    void halt(VcpuSlot& slot, Cpu& cpu);
    void fetch_cr8(VcpuSlot& slot);

    bool handle_msr(VcpuSlot& slot, const kvm::MsrExit& access);
    bool handle_io(VcpuSlot& slot, const kvm::IoExit& io);
    bool handle_mmio(VcpuSlot& slot, const kvm::MmioExit& mmio);
    bool ring(const kvm::Exit& exit);
    void write_lapic(std::size_t cpu, std::uint16_t offset, std::uint32_t value);

    std::uint64_t access_tsc(VcpuSlot& slot, const kvm::MsrExit& access);

    void set_tsc(const VcpuSlot& slot);
    [[nodiscard]] static std::uint32_t tsc_khz(const VcpuSlot& slot);
    void serve_timers();
    void expire_timers();

    const bool free_;
    Platform platform_;
    std::vector<Cpu> cpus_;
    std::unique_ptr<model::Irqfds> irqfds_;
    model::Doorbells doorbells_;  ///< at addresses of controllers
    ControllerTimers timers_;
    Time virtual_now_{};  ///< stepped
    Time stood_still_{};  ///< free-running: between a save and its restore no time goes by
    /// Guards everything above: vCPU threads come with their exits, host threads with stimuli, and the timers
    /// have a thread of their own.
    FairMutex mutex_;
    std::condition_variable_any timers_changed_;
    bool stopping_ = false;
    std::thread timer_thread_;  ///< free-running
};

}  // namespace irqbench::vmm::x86
