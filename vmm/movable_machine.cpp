#include "vmm/movable_machine.hpp"

#include <utility>

#include "vmm/portable_state.hpp"

namespace irqbench::vmm {

namespace {

bool is_model(std::string_view placement) { return placement == "model"; }

}  // namespace

MovableMachine::MovableMachine(const MachineConfig& config, Trace& trace, Make make)
    : config_(config), trace_(trace), make_(std::move(make)), inner_(make_(config_, trace_)) {
    if (config_.vcpu_ids.empty()) config_.vcpu_ids = {0};
}

void MovableMachine::restore(const MachineState& state, const RestoreOptions& options) {
    const std::string mode = options.placement.empty() ? config_.placement : options.placement;
    if (is_model(mode) == is_model(config_.placement)) {
        inner_->restore(state, options);
        config_.placement = mode;
        return;
    }
    const auto* portable = dynamic_cast<const PortableState*>(&state);
    if (portable == nullptr) throw std::invalid_argument("another irqchip mode needs a portable state");
    require_fit(*portable, config_, mode);
    MachineConfig config = config_;
    config.placement = mode;
    RestoreOptions there = options;
    // What has happened comes first, and time goes on.
    inner_->close();
    there.now = trace_.events().empty() ? std::chrono::nanoseconds{} : trace_.events().back().at;
    auto next = make_(config, trace_);
    next->restore(state, there);
    inner_ = std::move(next);
    config_ = config;
}

}  // namespace irqbench::vmm
