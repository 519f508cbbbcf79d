#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/saved_eventfds.hpp"

namespace irqbench::vmm::model {

/// Ioeventfds with the kernel's rules of what is refused and which writes ring them. Source: api.rst 4.59,
/// KVM_IOEVENTFD; virt/kvm/eventfd.c.
class Doorbells {
  public:
    Outcome assign(const IoeventfdSpec& spec);
    Outcome deassign(std::string_view name);
    /// Whether one of this name is assigned.
    [[nodiscard]] bool has(std::string_view name) const;
    /// A write that no controller and no memory took. @returns whether it rang one
    bool ring(bool port, std::uint64_t address, unsigned size, std::uint64_t value);
    [[nodiscard]] std::vector<SavedIoeventfd> save() const;
    /// Those rung since the last call.
    [[nodiscard]] std::vector<event::DoorbellRung> take_rung();

  private:
    struct Doorbell {
        IoeventfdSpec spec;
        bool assigned = true;
        std::uint64_t count = 0;
    };

    std::vector<Doorbell> doorbells_;
    bool any_rung_ = false;
};

}  // namespace irqbench::vmm::model
