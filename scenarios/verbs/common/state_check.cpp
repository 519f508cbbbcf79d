#include "scenarios/verbs/common/state_check.hpp"

#include <charconv>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/head.hpp"

namespace irqbench::scenarios::state_file {

namespace {

[[noreturn]] void fail_below(const Cursor& at, std::string_view pointer, std::string reason) {
    if (pointer.empty()) at.fail(std::move(reason));
    pointer.remove_prefix(1);
    const std::string_view key = pointer.substr(0, pointer.find('/'));
    const std::string_view rest = pointer.substr(key.size());
    if (const Node::Array* items = at.node().array()) {
        std::size_t index = 0;
        std::from_chars(key.data(), key.data() + key.size(), index);
        if (index < items->size()) fail_below(at.at(index, (*items)[index]), rest, std::move(reason));
    } else if (const Node* member = at.node().find(key)) {
        fail_below(at.at(key, *member), rest, std::move(reason));
    }
    at.fail(std::move(reason));
}

/// Of an access; 0 where there is none, or any.
bool is_a_size(std::uint64_t size) { return size == 0 || size == 1 || size == 2 || size == 4 || size == 8; }

}  // namespace

void AnyStateChecker::fail(std::string_view pointer, std::string reason) const {
    fail_below(root_, pointer, std::move(reason));
}

void AnyStateChecker::check_machine(std::size_t vcpus) const {
    const auto known = find_architecture(state_.arch)->modes;
    if (std::find(known.begin(), known.end(), state_.mode) == known.end())
        fail("/mode", fmt::format("unknown irqchip mode{}", suggestion(state_.mode, known)));
    if (vcpus > head::max_vcpus)
        fail("/vcpus", fmt::format("{} vCPUs are more than {}", vcpus, head::max_vcpus));
}

void AnyStateChecker::check_vcpu(const std::string& at, const PortableState::Vcpu& vcpu, bool has_core) {
    if (!ids_.insert(vcpu.id).second)
        fail(at + "/agent/id", fmt::format("two vCPUs have the id {}", vcpu.id));
    if (state_.mode == "model" && has_core) fail(at + "/cpu/core", "a CPU of the model has no registers");
    if (state_.mode != "model" && !has_core)
        fail(at + "/cpu", fmt::format("needs the key 'core' in {} mode", state_.mode));
    check_agent(at + "/agent", vcpu);
}

void AnyStateChecker::check_agent(const std::string& at, const PortableState::Vcpu& vcpu) const {
    using State = vmm::event::RestState;
    if (vcpu.rest.state == State::idle && vcpu.rest.depth != 0)
        fail(at + "/rest/depth", "is 0 of a vCPU that is idle");
    if (vcpu.rest.state == State::in_handler && vcpu.rest.depth == 0)
        fail(at + "/rest/depth", "is at least 1 of a vCPU that is in a handler");
    std::set<std::uint32_t> vectors;
    for (std::size_t i = 0; i < vcpu.handlers.size(); ++i)
        if (const std::uint32_t vector = vcpu.handlers[i].vector; !vectors.insert(vector).second)
            fail(fmt::format("{}/handlers/{}/vector", at, i),
                 fmt::format("vector {:#x} has a handler already", vector));
    const auto& posted = vcpu.mailbox.posted;
    for (std::size_t i = 0; i < posted.size(); ++i)
        if (!is_a_size(posted[i].op.size))
            fail(fmt::format("{}/mailbox/posted/{}/op/size", at, i), "must be 0, 1, 2, 4 or 8");
}

void AnyStateChecker::check_eventfds() const {
    std::set<std::string_view> names;  // also of former ones, whose names are free again
    std::set<std::string_view> taken;
    const auto take = [&](const std::string& at, const auto& eventfd) {
        if (eventfd.assigned && !taken.insert(eventfd.spec.name).second)
            fail(at + "/spec/name", "the name is that of another");
        names.insert(eventfd.spec.name);
    };
    for (std::size_t i = 0; i < state_.irqfds.size(); ++i) {
        const vmm::IrqfdSpec& spec = state_.irqfds[i].spec;
        const std::string at = fmt::format("/irqfds/{}", i);
        if (!spec.shares.empty() && !names.contains(spec.shares))
            fail(at + "/spec/shares", "no irqfd before this one has that name");
        take(at, state_.irqfds[i]);
    }
    for (std::size_t i = 0; i < state_.ioeventfds.size(); ++i) {
        const std::string at = fmt::format("/ioeventfds/{}", i);
        take(at, state_.ioeventfds[i]);
        if (!is_a_size(state_.ioeventfds[i].spec.length))
            fail(at + "/spec/length", "must be 0, 1, 2, 4 or 8");
    }
}

}  // namespace irqbench::scenarios::state_file
