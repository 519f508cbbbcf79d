#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "vmm/model/hardware.hpp"

namespace irqbench::vmm::model {

/// What an event of its eventfd does: a resampling irqfd holds its line, any other one pulses it.
void trigger(GsiInputs& inputs, const IrqfdSpec& irqfd);

/// Irqfds and resamplefds with the kernel's contract, names without an eventfd; what is signalled is injected
/// at once. Source: api.rst 4.75, KVM_IRQFD; virt/kvm/eventfd.c.
class Irqfds {
  public:
    explicit Irqfds(GsiInputs& inputs) : inputs_(inputs) {}
    /// The same irqfds, of inputs that know them.
    Irqfds(const Irqfds& other, GsiInputs& inputs);
    Irqfds(const Irqfds&) = delete;
    Irqfds& operator=(const Irqfds&) = delete;

    /// EBUSY if the eventfd it shares is an irqfd's already.
    Outcome assign(const IrqfdSpec& spec);
    /// Ends the irqfd that the eventfd of this name triggers, if it has the same GSI. ENOENT if there never
    /// was one of this name; a second time is no error.
    Outcome deassign(std::string_view name);
    void signal(std::string_view name);
    [[nodiscard]] std::vector<SavedIrqfd> save() const;
    /// Into an object without any; lines are as they are.
    void restore(std::span<const SavedIrqfd> saved);
    /// Wires::ended().
    void ended(routing::ListenerId listener);
    /// Kicks of resamplefds since the last call.
    [[nodiscard]] std::vector<event::Resampled> take_resampled();

  private:
    struct Irqfd;
    /// What triggers at most one irqfd.
    struct EventFd {
        Irqfd* irqfd = nullptr;
        bool signalled = false;  ///< while it triggered none
    };
    struct Irqfd {
        IrqfdSpec spec;
        std::shared_ptr<EventFd> trigger;
        routing::ListenerId id = 0;
        std::uint64_t kicks = 0;

        [[nodiscard]] bool assigned() const { return trigger->irqfd == this; }
    };

    [[nodiscard]] Irqfd* find(std::string_view name);
    void unassign(Irqfd& irqfd);

    GsiInputs& inputs_;
    std::vector<std::unique_ptr<Irqfd>> irqfds_;
    routing::ListenerId next_id_ = 0;
    bool any_kicked_ = false;
};

}  // namespace irqbench::vmm::model
