#include "tools/fuzz/arm64/service.hpp"

#include <algorithm>

#include "irqchip/arm64/gic_register.hpp"
#include "irqchip/arm64/gicv2_registers.hpp"

namespace irqbench::tools::fuzz::arm64 {

namespace {

namespace event = vmm::event;
using irqchip::arm64::first_lpi;
using irqchip::arm64::first_special;
using irqchip::arm64::private_count;
using irqchip::arm64::sgi_count;

/// A number, or what an object has under the key.
std::uint32_t number_of(const Json& argument, const char* key) {
    if (argument.is_number()) return argument.get<std::uint32_t>();
    return static_cast<std::uint32_t>(number_at(argument, key).value_or(0));
}

std::uint32_t vcpu_of(const Json& argument) { return argument.is_object() ? number_of(argument, "vcpu") : 0; }

bool writes_binary_point(const Json& write) {
    constexpr std::uint32_t gicc_bpr = irqchip::arm64::gicc::bpr;
    if (write.contains("gicc")) return number_of(write, "gicc") == gicc_bpr;
    return write.contains("sysreg") && write["sysreg"].get<std::string>().starts_with("icc_bpr");
}

/// Of a GICv3's CPU interface, if it is written.
std::optional<std::size_t> group_enabled_by(const Json& write) {
    if (!write.contains("sysreg")) return std::nullopt;
    if (write["sysreg"] == "icc_igrpen0_el1") return 0;
    if (write["sysreg"] == "icc_igrpen1_el1") return 1;
    return std::nullopt;
}

}  // namespace

Service::Service(const Case& each) : cpus_(each.vcpus) {}

void Service::catch_up(const std::vector<vmm::Event>& events) {
    for (; next_ < events.size(); ++next_) {
        const vmm::Event& each = events[next_];
        const std::uint32_t vcpu = each.vcpu.value_or(0);
        if (vcpu >= cpus_.size()) continue;
        Cpu& cpu = cpus_[vcpu];
        if (const auto* taken_one = std::get_if<event::Taken>(&each.what))
            taken(cpu, taken_one->vector);
        else if (const auto* eoi = std::get_if<event::GuestEoi>(&each.what))
            ended(cpu, eoi->vector);
        else if (const auto* returned = std::get_if<event::Returned>(&each.what))
            left(cpu, returned->vector);
    }
}

void Service::taken(Cpu& cpu, std::uint32_t intid) {
    if (intid >= first_special && intid < first_lpi) return;
    const auto declared = cpu.policies.find(intid);
    const Policy policy = declared == cpu.policies.end() ? Policy{} : declared->second;
    cpu.unended.push_back(intid);
    if (policy.stays) cpu.frames.push_back({intid, policy});
    if (policy.stays ? policy.ends_first : policy.ends) ended(cpu, intid);
    if (policy.stays || !policy.deactivates) return;
    if (const auto found = cpu.undropped.find(intid); found != cpu.undropped.end())
        cpu.undropped.erase(found);
}

void Service::ended(Cpu& cpu, std::uint32_t intid) {
    const auto last = std::find(cpu.unended.rbegin(), cpu.unended.rend(), intid);
    if (last == cpu.unended.rend()) return;
    cpu.unended.erase(std::next(last).base());
    if (cpu.mode_1 && intid < first_lpi) cpu.undropped.insert(intid);
}

void Service::left(Cpu& cpu, std::uint32_t intid) {
    if (cpu.frames.empty()) return;
    const Policy policy = cpu.frames.back().policy;
    cpu.frames.pop_back();
    if (policy.ends && !policy.ends_first) ended(cpu, intid);
    if (!policy.deactivates) return;
    if (const auto found = cpu.undropped.find(intid); found != cpu.undropped.end())
        cpu.undropped.erase(found);
}

std::optional<std::uint32_t> Service::named_by(const Json& argument) const {
    if (argument.is_object() && argument.contains("intid")) return number_of(argument, "intid");
    const std::uint32_t vcpu = number_of(argument, "vcpu");
    if (cpus_.at(vcpu).frames.empty()) return std::nullopt;
    return cpus_[vcpu].frames.back().intid;
}

/// By name, only what EOIR1 ends, and what has no sender in it.
bool Service::can_end(const Json& argument) const {
    const auto intid = named_by(argument);
    const Cpu& cpu = cpus_.at(number_of(argument, "vcpu"));
    if (!intid || cpu.unended.empty() || cpu.unended.back() != *intid) return false;
    return !argument.is_object() || (*intid >= sgi_count && group_0_.count(*intid) == 0);
}

bool Service::can_deactivate(const Json& argument) const {
    const auto intid = named_by(argument);
    const Cpu& by = cpus_.at(number_of(argument, "vcpu"));
    if (!intid || !by.mode_1 || (argument.is_object() && *intid < sgi_count)) return false;
    if (*intid < private_count) return by.undropped.count(*intid) != 0;
    return std::any_of(cpus_.begin(), cpus_.end(),
                       [&](const Cpu& cpu) { return cpu.undropped.count(*intid) != 0; });
}

bool Service::can_leave(std::uint32_t vcpu) const {
    const Cpu& cpu = cpus_.at(vcpu);
    if (cpu.frames.empty()) return false;
    const auto& [intid, policy] = cpu.frames.back();
    const bool ends = policy.ends && !policy.ends_first;
    if (ends && (cpu.unended.empty() || cpu.unended.back() != intid)) return false;
    return !policy.deactivates || ends || cpu.undropped.count(intid) != 0;
}

/// DIR is for EOImode 1.
bool Service::can_declare(const Json& handler) const {
    if (!handler.contains("deactivates")) return true;
    if (handler.contains("vcpu")) return cpus_.at(vcpu_of(handler)).mode_1;
    return std::all_of(cpus_.begin(), cpus_.end(), [](const Cpu& cpu) { return cpu.mode_1; });
}

bool Service::is_active(std::uint32_t vcpu, std::uint32_t intid) const {
    for (std::uint32_t i = 0; i < cpus_.size(); ++i) {
        if (intid < private_count && i != vcpu) continue;
        const auto& unended = cpus_[i].unended;
        if (std::find(unended.begin(), unended.end(), intid) != unended.end()) return true;
        if (cpus_[i].undropped.count(intid) != 0) return true;
    }
    return false;
}

bool Service::is_idle(std::uint32_t vcpu) const {
    return cpus_.at(vcpu).unended.empty() && cpus_[vcpu].frames.empty();
}

Service::Line Service::line_of(const Json& argument) {
    if (argument.is_object() && argument.contains("ppi"))
        return {number_of(argument, "ppi"), vcpu_of(argument)};
    return {number_of(argument, "gsi") + private_count, 0};
}

bool Service::can_move(const std::string& verb, const Line& line) const {
    const auto edge = edges_.find(line);
    if (edge == edges_.end()) return false;
    return verb == "lower" || !edge->second || high_.count(line) == 0;
}

void Service::learn_trigger(const std::string& verb, const Json& argument) {
    const std::uint32_t intid = number_of(argument, "intid");
    const bool says = argument.is_object() && argument.contains("trigger");
    if (verb == "spi")
        edges_[{intid, 0}] = says && argument["trigger"] == "edge";
    else if (says)
        edges_[{intid, vcpu_of(argument)}] = argument["trigger"] == "edge";
}

// Whoever writes may have been unable to write before. With group 0 enabled alone QEMU's EL2 interrupts KVM
// for ever (docs/lab.md).
bool Service::can_enable(const Json& write) const {
    const auto group = group_enabled_by(write);
    if (!group) return true;
    const bool on = number_of(write, "value") != 0;
    const auto& groups = cpus_.at(vcpu_of(write)).groups;
    return *group == 0 ? !on || groups[1] : on || !groups[0];
}

bool Service::can_take(const Json& step) const {
    const std::string verb = step.begin().key();
    const Json& argument = step.begin().value();
    if (verb == "eoi") return can_end(argument);
    if (verb == "deactivate") return can_deactivate(argument);
    if (verb == "return") return can_leave(number_of(argument, "vcpu"));
    if (verb == "handler") return can_declare(argument);
    if (verb == "raise" || verb == "lower" || verb == "pulse") return can_move(verb, line_of(argument));
    // Whether the priority of what is active changes is implementation defined (IHI 0048, 4.3.11).
    if (verb == "priority" || verb == "spi" || verb == "private" || verb == "clear_active" ||
        verb == "set_active")
        return !is_active(vcpu_of(argument), number_of(argument, "intid"));
    // As the binary point was when it was acknowledged, so its priority is dropped.
    if (verb == "write" && writes_binary_point(argument)) return is_idle(vcpu_of(argument));
    return verb != "write" || can_enable(argument);
}

void Service::perform(const Json& step) {
    const std::string verb = step.begin().key();
    const Json& argument = step.begin().value();
    if (verb == "handler") declare(argument);
    if (const auto group = verb == "write" ? group_enabled_by(argument) : std::nullopt)
        cpus_.at(vcpu_of(argument)).groups.at(*group) = number_of(argument, "value") != 0;
    if (verb == "eoi_mode") cpus_.at(vcpu_of(argument)).mode_1 = number_of(argument, "mode") == 1;
    if ((verb == "spi" || verb == "private") && argument.is_object() && argument.contains("group") &&
        argument["group"] == 0)
        group_0_.insert(number_of(argument, "intid"));
    if (verb == "spi" || verb == "private") learn_trigger(verb, argument);
    if (verb == "raise") high_.insert(line_of(argument));
    if (verb == "lower" || verb == "pulse") high_.erase(line_of(argument));
    if (verb != "deactivate") return;
    const auto intid = named_by(argument);
    if (!intid) return;
    for (std::uint32_t i = 0; i < cpus_.size(); ++i) {
        if (*intid < private_count && i != number_of(argument, "vcpu")) continue;
        const auto found = cpus_[i].undropped.find(*intid);
        if (found == cpus_[i].undropped.end()) continue;
        cpus_[i].undropped.erase(found);
        return;
    }
}

void Service::declare(const Json& handler) {
    Policy policy;
    policy.stays = handler.contains("stays");
    const std::string eoi = handler.contains("eoi") ? handler["eoi"].get<std::string>()
                            : policy.stays          ? "on request"
                                                    : "auto";
    policy.ends = eoi == "auto" || eoi == "first";
    policy.ends_first = eoi == "first";
    policy.deactivates = handler.contains("deactivates");
    for (std::uint32_t i = 0; i < cpus_.size(); ++i)
        if (!handler.contains("vcpu") || vcpu_of(handler) == i)
            cpus_[i].policies[number_of(handler, "intid")] = policy;
}

}  // namespace irqbench::tools::fuzz::arm64
