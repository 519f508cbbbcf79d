#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "routing/resampler.hpp"
#include "vmm/saved_eventfds.hpp"
#include "vmm/trace.hpp"

namespace irqbench::vmm::x86 {

/// Irqfds that our process serves, by name, with their eventfds and how often their resamplefds were kicked.
/// What a signal does, and who listens to which GSI, is the placement's business. An eventfd outlives its
/// irqfd, and what is written to it while it triggers none is an event for the next one.
/// Source: api.rst 4.75, KVM_IRQFD; virt/kvm/eventfd.c, kvm_irqfd_assign().
class LocalIrqfds {
  public:
    struct Irqfd {
        IrqfdSpec spec;
        routing::ListenerId id;
        std::uint64_t kicks = 0;  ///< not yet taken
        std::size_t trigger = 0;  ///< index of its eventfd
    };

    /// The eventfd that it shares must trigger no other one.
    const Irqfd& add(const IrqfdSpec& spec);
    /// The irqfd as it was; nothing if there is none of this name.
    std::optional<Irqfd> remove(std::string_view name);
    /// Whether the eventfd that the irqfd of this name has or had triggers one.
    [[nodiscard]] bool in_use(std::string_view name) const { return triggered_by(name) != nullptr; }
    /// Whether there is or was one of this name: the kernel takes a second deassignment too.
    [[nodiscard]] bool had(std::string_view name) const { return eventfds_.contains(name); }
    [[nodiscard]] const std::vector<Irqfd>& all() const { return irqfds_; }

    /// In the order of PortableState::irqfds.
    [[nodiscard]] std::vector<SavedIrqfd> save() const;

    /// Writes to the eventfd of this name.
    /// @returns the irqfd that it triggers; none if it waits for one, or if there is no eventfd
    const Irqfd* signal(std::string_view name);
    /// Whether something was written to the eventfd of this name since it triggered an irqfd.
    [[nodiscard]] bool take_waiting(std::string_view name);

    /// Kicks the resamplefds of these.
    void kick(std::span<const routing::ListenerId> listeners);
    /// Kicks since the last call.
    [[nodiscard]] std::vector<event::Resampled> take_resampled();

  private:
    [[nodiscard]] const Irqfd* triggered_by(std::string_view name) const;

    std::vector<Irqfd> irqfds_;
    std::map<std::string, std::size_t, std::less<>> eventfds_;  ///< by the name of each irqfd there was
    std::set<std::size_t> waiting_;                             ///< eventfds that were written to
    std::size_t next_eventfd_ = 0;
    routing::ListenerId next_id_ = 0;
};

}  // namespace irqbench::vmm::x86
