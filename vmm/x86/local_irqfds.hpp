#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "routing/resampler.hpp"
#include "vmm/machine.hpp"
#include "vmm/trace.hpp"

namespace irqbench::vmm::x86 {

/// Irqfds that our process serves, by name, and how often their resamplefds were kicked. What a signal does,
/// and who listens to which GSI, is the placement's business.
class LocalIrqfds {
  public:
    struct Irqfd {
        IrqfdSpec spec;
        routing::ListenerId id;
        std::uint64_t kicks = 0;  ///< not yet taken
    };

    const Irqfd& add(const IrqfdSpec& spec);
    /// The irqfd as it was; nothing if there is none of this name.
    std::optional<Irqfd> remove(std::string_view name);
    [[nodiscard]] const Irqfd* find(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    /// Whether one of this name has been removed before: the kernel takes a second deassignment too.
    [[nodiscard]] bool had(std::string_view name) const { return former_.contains(name); }
    [[nodiscard]] const std::vector<Irqfd>& all() const { return irqfds_; }

    /// Kicks the resamplefds of these.
    void kick(std::span<const routing::ListenerId> listeners);
    /// Kicks since the last call.
    [[nodiscard]] std::vector<event::Resampled> take_resampled();

  private:
    std::vector<Irqfd> irqfds_;
    std::set<std::string, std::less<>> former_;
    routing::ListenerId next_id_ = 0;
};

}  // namespace irqbench::vmm::x86
