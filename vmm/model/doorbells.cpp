#include "vmm/model/doorbells.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace irqbench::vmm::model {

namespace {

bool is_length(std::uint32_t length) {
    return length == 0 || length == 1 || length == 2 || length == 4 || length == 8;
}

/// Whether one write could ring both.
bool collide(const IoeventfdSpec& one, const IoeventfdSpec& other) {
    if (one.port != other.port || one.address != other.address) return false;
    if (one.length == 0 || other.length == 0) return true;
    if (one.length != other.length) return false;
    return !one.datamatch || !other.datamatch || *one.datamatch == *other.datamatch;
}

std::uint64_t low_bytes(std::uint64_t value, std::uint32_t length) {
    return length >= 8 ? value : value & ((std::uint64_t{1} << (8 * length)) - 1);
}

bool is_rung(const IoeventfdSpec& spec, std::uint64_t address, unsigned size, std::uint64_t value) {
    if (spec.address != address) return false;
    if (spec.length == 0) return true;
    if (spec.length != size) return false;
    return !spec.datamatch || low_bytes(value, size) == *spec.datamatch;
}

}  // namespace

Outcome Doorbells::assign(const IoeventfdSpec& spec) {
    if (!is_length(spec.length) || spec.address + spec.length < spec.address) return {0, EINVAL};
    if (spec.length == 0 && spec.datamatch) return {0, EINVAL};
    for (const Doorbell& each : doorbells_)
        if (each.assigned && collide(each.spec, spec)) return {0, EEXIST};
    std::erase_if(doorbells_, [&](const Doorbell& former) { return former.spec.name == spec.name; });
    doorbells_.push_back({spec});
    return {};
}

Outcome Doorbells::deassign(std::string_view name) {
    for (Doorbell& each : doorbells_)
        if (each.spec.name == name && std::exchange(each.assigned, false)) return {};
    return {0, ENOENT};
}

bool Doorbells::has(std::string_view name) const {
    return std::any_of(doorbells_.begin(), doorbells_.end(),
                       [&](const Doorbell& each) { return each.assigned && each.spec.name == name; });
}

bool Doorbells::ring(bool port, std::uint64_t address, unsigned size, std::uint64_t value) {
    for (Doorbell& each : doorbells_) {
        if (!each.assigned || each.spec.port != port || !is_rung(each.spec, address, size, value)) continue;
        ++each.count;
        any_rung_ = true;
        return true;
    }
    return false;
}

std::vector<SavedIoeventfd> Doorbells::save() const {
    std::vector<SavedIoeventfd> saved;
    for (const Doorbell& doorbell : doorbells_) saved.push_back({doorbell.spec, doorbell.assigned});
    return saved;
}

std::vector<event::DoorbellRung> Doorbells::take_rung() {
    std::vector<event::DoorbellRung> rung;
    if (!std::exchange(any_rung_, false)) return rung;
    for (Doorbell& each : doorbells_)
        if (const std::uint64_t count = std::exchange(each.count, 0); count != 0)
            rung.push_back({each.spec.name, count});
    return rung;
}

}  // namespace irqbench::vmm::model
