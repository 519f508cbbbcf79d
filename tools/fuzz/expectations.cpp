#include "tools/fuzz/expectations.hpp"

#include <fmt/format.h>

#include <map>

namespace irqbench::tools::fuzz {

namespace {

namespace event = vmm::event;

struct Caused {
    std::vector<Json> acks;
    std::map<std::string, std::uint64_t> kicks;
    std::optional<std::uint64_t> read;

    void note(const vmm::Event& each, std::uint32_t vcpus) {
        if (const auto* taken = std::get_if<event::Taken>(&each.what)) {
            Json vector =
                taken->kind == event::Kind::nmi ? Json("nmi") : Json(fmt::format("{:#04x}", taken->vector));
            if (vcpus == 1)
                acks.push_back(std::move(vector));
            else
                acks.push_back({{"vcpu", each.vcpu.value_or(0)}, {"vector", std::move(vector)}});
        } else if (const auto* kick = std::get_if<event::Resampled>(&each.what)) {
            kicks[kick->irqfd] += kick->count;
        } else if (const auto* seen = std::get_if<event::Observed>(&each.what)) {
            read = seen->value;
        }
    }
};

}  // namespace

Case with_expectations(const Case& each, const Play& reference) {
    std::vector<Caused> caused(each.steps.size());
    for (const vmm::Event& happened : reference.trace)
        if (happened.step < caused.size()) caused[happened.step].note(happened, each.vcpus);
    Case whole = each;
    whole.steps.clear();
    bool any_ack = false;
    for (const Caused& what : caused) any_ack = any_ack || !what.acks.empty();
    if (!any_ack) {
        whole.steps.push_back({{"msi", "0xff"}});
        whole.steps.push_back({{"ack", "0xff"}});
    }
    for (std::size_t i = 0; i < each.steps.size(); ++i) {
        Json step = each.steps[i];
        if (step.contains("read") && caused[i].read)
            step["read"]["is"] = fmt::format("{:#x}", *caused[i].read);
        whole.steps.push_back(std::move(step));
        if (caused[i].acks.size() == 1)
            whole.steps.push_back({{"ack", caused[i].acks.front()}});
        else if (!caused[i].acks.empty())
            whole.steps.push_back({{"ack", caused[i].acks}});
        for (const auto& [name, count] : caused[i].kicks)
            whole.steps.push_back(
                {{"resampled", count == 1 ? Json(name) : Json{{"irqfd", name}, {"count", count}}}});
    }
    return whole;
}

}  // namespace irqbench::tools::fuzz
