#include "scenarios/engine/expectation.hpp"

#include <fmt/format.h>

namespace irqbench::scenarios {

namespace {

std::string times_text(std::uint64_t count) { return count == 1 ? "" : fmt::format(" x{}", count); }

template <typename Numbers, typename Print>
std::string alternatives(const Numbers& numbers, Print print) {
    std::string text;
    for (const auto number : numbers) text += (text.empty() ? "" : " or ") + print(number);
    return text;
}

std::string ack_text(const expect::Ack& ack) {
    std::string text = "nmi";
    if (ack.kind == vmm::event::Kind::interrupt)
        text =
            "ack " + (ack.ids.empty() ? vmm::vector_text(ack.id) : alternatives(ack.ids, vmm::vector_text));
    if (!ack.vcpus.empty())
        text +=
            " on vCPU " + alternatives(ack.vcpus, [](std::uint32_t vcpu) { return std::to_string(vcpu); });
    return text + times_text(ack.times);
}

const char* status_text(int sign) { return sign > 0 ? "delivered" : sign < 0 ? "ignored" : "coalesced"; }

struct InWords {
    std::string operator()(const expect::Acks& acks) const {
        std::string text;
        for (const auto& ack : acks.items)
            text += (text.empty() ? "" : acks.any_order ? " and " : ", then ") + ack_text(ack);
        if (acks.any_order && acks.items.size() > 1) text += " in any order";
        if (acks.not_before_us) text += fmt::format(", not before {} us", *acks.not_before_us);
        return text;
    }
    std::string operator()(const expect::Quiet& quiet) const {
        std::string text = "quiet";
        if (quiet.priority) text += " for " + quiet.priority_words;
        for (std::size_t i = 0; i < quiet.vcpus.size(); ++i)
            text += fmt::format("{}{}", i == 0 ? " on vCPU " : ", ", quiet.vcpus[i]);
        return text;
    }
    std::string operator()(const expect::CallResult& result) const {
        if (result.error != 0 || !result.value_sign) return vmm::errno_text(result.error);
        return status_text(*result.value_sign);
    }
    std::string operator()(const expect::Resampled& kick) const {
        return "resampled " + kick.irqfd + times_text(kick.count) + (kick.or_more ? " or more" : "");
    }
    std::string operator()(const expect::DoorbellRung& bell) const {
        return "doorbell " + bell.name + times_text(bell.count);
    }
    std::string operator()(const expect::EoiExits& exits) const {
        const auto of = exits.vector ? " of " + vmm::vector_text(*exits.vector) : "";
        return fmt::format("{} EOI exit{}{}", exits.count, exits.count == 1 ? "" : "s", of);
    }
    std::string operator()(const expect::Value& value) const {
        const auto under =
            value.mask == ~std::uint64_t{0} ? "" : fmt::format(" under mask {:#x}", value.mask);
        return describe(value, value.value) + (value.in_words == nullptr ? under : "");
    }
    std::string operator()(const expect::GuestFault& fault) const {
        return vmm::exception_text(fault.vector);
    }
    std::string operator()(const expect::Storm& storm) const {
        return "storm of " + vmm::vector_text(storm.id);
    }
    std::string operator()(const expect::Started& started) const {
        return fmt::format("started on vCPU {}", started.vcpu);
    }
    std::string operator()(const expect::AtRest& rest) const {
        return fmt::format("{} on vCPU {}", vmm::describe(rest.state), rest.vcpu);
    }
    std::string operator()(const expect::Path& path) const {
        std::string text;
        for (const auto& element : path.elements) text += (text.empty() ? "" : ", then ") + describe(element);
        return text;
    }
};

}  // namespace

std::string describe(const Expectation& expectation) { return std::visit(InWords{}, expectation); }

std::string describe(const expect::Ack& ack) { return ack_text(ack); }

std::string describe(const expect::Value& of, std::uint64_t value) {
    if (of.in_words != nullptr) return fmt::format("{} = {}", of.what, of.in_words(value & of.mask));
    return fmt::format("{} = {:#x}", of.what, value);
}

std::string describe(const expect::Path::Element& element) {
    return vmm::kernel_event_text({element.name, element.fields});
}

}  // namespace irqbench::scenarios
