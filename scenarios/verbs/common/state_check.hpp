#pragma once

#include <set>
#include <string>
#include <string_view>

#include "scenarios/verbs/common/state_fields.hpp"

namespace irqbench::scenarios::state_file {

/// What no machine of any architecture that was saved can have been, beyond what the fields' ranges say: a
/// file that was written by hand, or damaged. Every check throws ScenarioError (malformed) with the place.
class AnyStateChecker {
  public:
    /// @param root the file that the state was read from
    AnyStateChecker(const AnyState& state, const Cursor& root) : state_(state), root_(root) {}

    /// At the place that the pointer names, or the nearest above it that the file has.
    [[noreturn]] void fail(std::string_view pointer, std::string reason) const;

    /// The irqchip mode, and how many vCPUs there are.
    void check_machine(std::size_t vcpus) const;
    /// @param at pointer to the vCPU; its CPU and agent are below it
    /// @param has_core whether its CPU has registers
    void check_vcpu(const std::string& at, const PortableState::Vcpu& vcpu, bool has_core);
    void check_eventfds() const;

  private:
    void check_agent(const std::string& at, const PortableState::Vcpu& vcpu) const;

    const AnyState& state_;
    const Cursor& root_;
    std::set<std::uint32_t> ids_;
};

}  // namespace irqbench::scenarios::state_file
