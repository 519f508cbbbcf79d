#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmm/kvm/eventfd.hpp"
#include "vmm/kvm/irqfd.hpp"
#include "vmm/saved_eventfds.hpp"
#include "vmm/state.hpp"

namespace irqbench::vmm {

/// The irqfds of a machine that the kernel serves, by name, with their resamplefds. Several threads may
/// assign, deassign and signal at once, each name being assigned and deassigned by one of them; all else
/// belongs to a time when no other thread is at work, but take_resampled().
class KernelIrqfds {
  public:
    /// What there is to know of an irqfd.
    using Binding = SavedIrqfd;
    /// Makes another VM with interrupt controllers, for IrqfdSpec::other_vm.
    using MakeVm = std::function<std::unique_ptr<kvm::Vm>()>;

    /// @param make_other_vm without it an irqfd of another VM is answered with EAGAIN, as KVM answers where
    /// the
    ///        interrupt controllers of a VM have not been initialised
    explicit KernelIrqfds(kvm::Vm& vm, MakeVm make_other_vm = {})
        : vm_(vm), make_other_vm_(std::move(make_other_vm)) {}
    ~KernelIrqfds();

    Outcome assign(const IrqfdSpec& spec);
    /// May be repeated: what a second deassignment is answered is for the kernel to say. ENOENT in our own
    /// words if there never was one of this name.
    Outcome deassign(std::string_view name);
    [[nodiscard]] bool has(std::string_view name) const;
    /// The GSI of an assigned irqfd.
    [[nodiscard]] std::optional<std::uint32_t> gsi_of(std::string_view name) const;
    /// The same of one that resamples.
    [[nodiscard]] std::optional<std::uint32_t> resampled_gsi(std::string_view name) const;
    /// Whether an assigned irqfd of this GSI resamples.
    [[nodiscard]] bool resamples(std::uint32_t gsi) const;
    void signal(std::string_view name, std::uint64_t count);
    /// Whether the eventfd of this name, deassigned, holds an event; it does not any more.
    [[nodiscard]] bool take_waiting(std::string_view name);
    /// Waits for the kernel's workqueue to inject what was signalled since the last call (Irqfd::drain). A
    /// second, temporary irqfd keeps the GSI's resampler and its line while the first is away.
    void drain();
    [[nodiscard]] std::vector<event::Resampled> take_resampled();

    [[nodiscard]] std::vector<Binding> save() const;
    /// Into an object without irqfds.
    /// @param drives whether a resampling irqfd that is asserted holds a line of this GSI, so that it has to
    ///        be signalled again
    void restore(const std::vector<Binding>& bindings, const std::function<bool(std::uint32_t gsi)>& drives);
    /// The part `irqfds` of a machine's state; `drives` as for restore().
    [[nodiscard]] StateAccess state(std::function<bool(std::uint32_t gsi)> drives);

  private:
    struct Entry {
        IrqfdSpec spec;
        std::shared_ptr<kvm::EventFd> trigger;
        std::unique_ptr<kvm::EventFd> resample;
        std::optional<kvm::Irqfd> irqfd;  ///< none once it is deassigned
        std::uint64_t kicks = 0;          ///< not taken yet, and no longer in the resamplefd
        bool signalled = false;           ///< and perhaps not injected yet
        bool asserted = false;
    };

    [[nodiscard]] Entry* find(std::string_view name);
    [[nodiscard]] const Entry* find(std::string_view name) const;
    [[nodiscard]] kvm::Vm& vm_of(const IrqfdSpec& spec);
    [[nodiscard]] bool has_resampler(std::uint32_t gsi) const;
    [[nodiscard]] bool is_asserted(std::uint32_t gsi) const;
    [[nodiscard]] bool triggers_one(const Entry& entry) const;
    /// Keeps the kicks that have come, for take_resampled().
    void collect_kicks(std::uint32_t gsi);
    void release(std::uint32_t gsi);

    kvm::Vm& vm_;
    MakeVm make_other_vm_;
    std::unique_ptr<kvm::Vm> other_vm_;  ///< once there is an irqfd for it
    std::vector<Entry> entries_;
    mutable std::mutex mutex_;  ///< guards entries_
};

}  // namespace irqbench::vmm
