#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "routing/gsi.hpp"

namespace irqbench::routing {

/// One line of a routing table.
struct Entry {
    Gsi gsi = 0;
    Route route;
    friend bool operator==(const Entry&, const Entry&) = default;
};

/// Where each GSI goes. A GSI may have several routes, in order; a GSI without routes is not in the table.
/// Any entry can be held, also one the kernel refuses: validate() says why.
class RoutingTable {
  public:
    RoutingTable() = default;
    explicit RoutingTable(std::span<const Entry> entries) {
        for (const Entry& entry : entries) add(entry.gsi, entry.route);
    }

    /// Replaces the routes of `gsi`; without routes, removes it.
    void set(Gsi gsi, std::vector<Route> routes) {
        if (routes.empty()) {
            remove(gsi);
        } else {
            routes_[gsi] = std::move(routes);
        }
    }
    /// One more route for `gsi`, after those it has.
    void add(Gsi gsi, const Route& route) { routes_[gsi].push_back(route); }
    /// @returns whether `gsi` had routes
    bool remove(Gsi gsi) { return routes_.erase(gsi) != 0; }

    /// The routes of `gsi`, until the table changes.
    [[nodiscard]] std::span<const Route> routes(Gsi gsi) const;
    /// The GSI whose interrupt the guest acknowledges at this pin. As in the kernel, which remembers one GSI
    /// a pin, the last in the table wins (kvm_irq_map_chip_pin).
    [[nodiscard]] std::optional<Gsi> gsi_of(Chip chip, std::uint32_t pin) const;
    /// All entries, by ascending GSI: what KVM_SET_GSI_ROUTING is given.
    [[nodiscard]] std::vector<Entry> entries() const;
    /// Number of entries.
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] bool empty() const { return routes_.empty(); }
    [[nodiscard]] const std::map<Gsi, std::vector<Route>>& by_gsi() const { return routes_; }

    friend bool operator==(const RoutingTable&, const RoutingTable&) = default;

  private:
    std::map<Gsi, std::vector<Route>> routes_;
};

/// All routes of one GSI before and after; either may be empty.
struct RouteChange {
    Gsi gsi = 0;
    std::vector<Route> before;
    std::vector<Route> after;
    friend bool operator==(const RouteChange&, const RouteChange&) = default;
};

/// What turns `before` into `after`, by ascending GSI: patched(before, diff(before, after)) == after.
std::vector<RouteChange> diff(const RoutingTable& before, const RoutingTable& after);
RoutingTable patched(RoutingTable table, std::span<const RouteChange> changes);

/// What a machine's kernel accepts as routes.
struct RoutingRules {
    static constexpr std::size_t max_entries = 4096;  ///< KVM_MAX_IRQ_ROUTES, also the end of the GSI range

    bool irqchip = true;              ///< the kernel has an interrupt controller to route to
    std::span<const ChipInfo> chips;  ///< the controllers with pins in the kernel
    bool wide_destinations = false;  ///< x86: KVM_CAP_X2APIC_API, destination bits 31:8 in address bits 63:40
};

/// Why the kernel refuses a table.
struct Refusal {
    int error = 0;                     ///< errno of KVM_SET_GSI_ROUTING
    std::optional<std::size_t> entry;  ///< index into entries(), if a single entry is to blame
    std::string reason;
    friend bool operator==(const Refusal&, const Refusal&) = default;
};

/// The first thing the kernel objects to, checked in its order; nothing if it takes the table. Types beyond
/// pins and messages (Hyper-V SINT, Xen event channel) count as unknown, though a kernel built with them may
/// take them. Source: api.rst 4.52, KVM_SET_GSI_ROUTING; virt/kvm/irqchip.c; arch/x86/kvm/irq.c.
std::optional<Refusal> validate(const RoutingTable& table, const RoutingRules& rules);

}  // namespace irqbench::routing
