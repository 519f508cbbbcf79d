#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "routing/resampler.hpp"
#include "vmm/kvm/eventfd.hpp"
#include "vmm/kvm/irqfd.hpp"
#include "vmm/saved_eventfds.hpp"
#include "vmm/state.hpp"

namespace irqbench::vmm {

/// The irqfds of a machine by name, with their eventfds and resamplefds. The kernel serves them; one that
/// leads to a controller of ours is served by the machine, which reads its eventfd instead. A name means the
/// eventfd that its irqfd has, or had last, whoever served it. Several threads may assign, deassign and
/// signal at once, each name being assigned and deassigned by one of them; all else belongs to a time when no
/// other thread is at work, but take_resampled(), rerouted() and what concerns those that the machine serves.
class KernelIrqfds {
  public:
    enum class Server : std::uint8_t { nobody, kernel, machine };

    /// What there is to know of an irqfd.
    struct Binding {
        IrqfdSpec spec;
        Server server = Server::nobody;
        std::optional<routing::ListenerId> listener;  ///< served by the machine: hears for its resamplefd
        std::size_t eventfd = 0;                      ///< those of one number share one
        std::uint64_t waiting = 0;                    ///< what its eventfd holds, if it triggers none
    };
    /// Makes another VM with interrupt controllers, for IrqfdSpec::other_vm.
    using MakeVm = std::function<std::unique_ptr<kvm::Vm>()>;
    /// The resamplers of a GSI of this VM raise or lower its line, by the routes that it has.
    using DriveLine = std::function<void(std::uint32_t gsi, bool level)>;
    /// What came of a deassignment, and the irqfd that it ended.
    struct Deassignment {
        Outcome outcome;
        std::optional<Binding> ended;
    };

    /// @param make_other_vm without it an irqfd of another VM is answered with EAGAIN, as KVM answers where
    ///        the interrupt controllers of a VM have not been initialised
    explicit KernelIrqfds(kvm::Vm& vm, MakeVm make_other_vm = {})
        : vm_(vm), make_other_vm_(std::move(make_other_vm)) {}
    ~KernelIrqfds();

    /// Whom to tell what the kernel tells nobody. Called by whoever caused it, one at a time; among several
    /// threads the kernel may be earlier or later.
    void on_line(DriveLine drive) { drive_line_ = std::move(drive); }

    /// EBUSY in our own words if its eventfd triggers one that the machine serves.
    Outcome assign(const IrqfdSpec& spec);
    /// One that the machine serves. EBUSY if its eventfd triggers another one.
    /// @param listener hears for its resamplefd, if it has one
    Outcome serve(const IrqfdSpec& spec, std::optional<routing::ListenerId> listener);
    /// From the kernel to the machine or back. It has no resamplefd, and keeps its eventfd, which nobody
    /// writes to meanwhile.
    void move(std::string_view name, Server to);
    /// Ends the irqfd that the eventfd of this name triggers, if it has the GSI that the one of this name has
    /// or had: it may have another name (virt/kvm/eventfd.c, kvm_irqfd_deassign). If there is none, the
    /// answer is for the kernel to give. ENOENT in our own words if there never was one of this name.
    Deassignment deassign(std::string_view name);
    [[nodiscard]] bool has(std::string_view name) const;
    /// Those that are assigned, as the machine or the kernel has them.
    [[nodiscard]] std::vector<Binding> assigned() const;
    /// The GSI of an assigned irqfd.
    [[nodiscard]] std::optional<std::uint32_t> gsi_of(std::string_view name) const;
    /// Whether an irqfd of this GSI that the kernel serves resamples.
    [[nodiscard]] bool resamples(std::uint32_t gsi) const;
    /// Writes to the eventfd of this name.
    /// @returns the GSI of the kernel's irqfd that it triggers, whichever name that has, as it was before: by
    ///          now another thread may have deassigned it
    std::optional<std::uint32_t> signal(std::string_view name, std::uint64_t count);
    /// Whether the eventfd of this name triggers one that the machine serves.
    [[nodiscard]] bool is_for_machine(std::string_view name) const;
    /// That irqfd, if the eventfd was written to. The machine is to do what follows.
    [[nodiscard]] std::optional<IrqfdSpec> take_event(std::string_view name);
    /// Kicks the resamplefds of those that the machine serves.
    void kick(std::span<const routing::ListenerId> listeners);
    /// Routes are others from now on, which `change` tells DriveLine: the kicks that have come lowered the
    /// lines of the former ones.
    void rerouted(const std::function<void()>& change);
    /// Waits for the kernel's workqueue to inject what was signalled since the last call (Irqfd::drain). A
    /// second, temporary irqfd keeps the GSI's resampler and its line while the first is away.
    void drain();
    [[nodiscard]] std::vector<event::Resampled> take_resampled();

    [[nodiscard]] std::vector<Binding> save() const;
    /// Into an object without irqfds. Lines are as they are.
    void restore(const std::vector<Binding>& bindings);
    /// The same in the form that all irqchip modes have in common.
    [[nodiscard]] std::vector<SavedIrqfd> save_portable() const;
    /// Those that are assigned are the kernel's.
    void restore_portable(const std::vector<SavedIrqfd>& saved);
    /// The part `irqfds` of a machine's state.
    [[nodiscard]] StateAccess state();

  private:
    struct Trigger {
        kvm::EventFd eventfd;
        std::mutex assignment;  ///< held by who assigns or deassigns its irqfd; before mutex_
    };
    struct Entry {
        IrqfdSpec spec;
        std::shared_ptr<Trigger> trigger;
        std::unique_ptr<kvm::EventFd> resample;
        std::optional<kvm::Irqfd> irqfd;  ///< while the kernel serves it
        bool by_machine = false;
        std::optional<routing::ListenerId> listener;
        std::uint64_t kicks = 0;  ///< not taken yet, and no longer in the resamplefd
        bool signalled = false;   ///< and perhaps not injected yet

        /// The kernel serves it, and it holds a line of this VM when signalled.
        [[nodiscard]] bool holds_a_line() const { return irqfd && spec.resample && !spec.other_vm; }
    };

    [[nodiscard]] Entry* find(std::string_view name);
    [[nodiscard]] const Entry* find(std::string_view name) const;
    /// A new one; it is not among the others yet.
    [[nodiscard]] Entry make(const IrqfdSpec& spec) const;
    /// In place of the former one of its name.
    void keep(Entry entry);
    /// The one that is assigned with this eventfd.
    [[nodiscard]] Entry* triggered_by(const Trigger& trigger);
    [[nodiscard]] const Entry* triggered_by(const Trigger& trigger) const;
    /// The same if the machine serves it.
    [[nodiscard]] const Entry* served_by_machine(const Trigger& trigger) const;
    [[nodiscard]] static Server server_of(const Entry& entry);
    [[nodiscard]] kvm::Vm& vm_of(const IrqfdSpec& spec);
    [[nodiscard]] bool has_resampler(std::uint32_t gsi) const;
    /// Keeps the kicks that have come, for take_resampled().
    void collect_kicks(Entry& entry);
    void collect_kicks();
    void drive_line(std::uint32_t gsi, bool level) const;

    kvm::Vm& vm_;
    MakeVm make_other_vm_;
    DriveLine drive_line_;
    std::unique_ptr<kvm::Vm> other_vm_;  ///< once there is an irqfd for it
    std::vector<Entry> entries_;
    mutable std::mutex mutex_;  ///< guards entries_
};

}  // namespace irqbench::vmm
