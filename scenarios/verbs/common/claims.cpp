#include "scenarios/verbs/common/claims.hpp"

#include <fmt/format.h>

namespace irqbench::scenarios {

namespace verbs {

namespace {

/// The object forms of `ack` and `arrives` that no single AckItem is.
struct AnyOrder {
    std::vector<AckItem> any_order;
    static constexpr auto fields() {
        return std::tuple{required("any_order", &AnyOrder::any_order, "interrupts taken in any order")};
    }
};

struct AnyOrderLater {
    std::vector<AckItem> any_order;
    std::optional<std::uint64_t> not_before_us;
    static constexpr auto fields() {
        return std::tuple{required("any_order", &AnyOrderLater::any_order, "interrupts taken in any order"),
                          optional("not_before_us", &AnyOrderLater::not_before_us,
                                   "the first is not taken earlier than this after the step before")};
    }
};

struct AckLater {
    VcpuSet vcpu;
    InterruptSet vector;
    std::uint32_t times = 1;
    std::optional<std::uint64_t> not_before_us;
    static constexpr auto fields() {
        return std::tuple{
            optional("vcpu", &AckLater::vcpu, "who took it: one vCPU, one of several, or \"any\""),
            required("vector", &AckLater::vector, "what: a vector, one of several, or \"nmi\""),
            optional("times", &AckLater::times, "how often", between(1, 1'000'000)),
            optional("not_before_us", &AckLater::not_before_us,
                     "it is not taken earlier than this after the step before")};
    }
    static constexpr std::string_view shorthand = "vector";
};

template <class Item, class Unordered>
AckArguments read_acks(const Cursor& at, Limits limits) {
    AckArguments arguments;
    if (at.node().array() != nullptr) {
        arguments.items = Form<std::vector<AckItem>>::read(at, limits);
    } else if (at.node().find("any_order") != nullptr) {
        auto unordered = Form<Unordered>::read(at, limits);
        arguments.items = std::move(unordered.any_order);
        arguments.any_order = true;
        if constexpr (requires { unordered.not_before_us; })
            arguments.not_before_us = unordered.not_before_us;
    } else {
        auto item = Form<Item>::read(at, limits);
        if constexpr (requires { item.not_before_us; }) arguments.not_before_us = item.not_before_us;
        arguments.items.push_back({std::move(item.vcpu), std::move(item.vector), item.times});
    }
    return arguments;
}

template <class Item, class Unordered>
Json acks_schema() {
    return {{"anyOf",
             {Form<Item>::schema({}), Form<std::vector<AckItem>>::schema({}), Form<Unordered>::schema({})}}};
}

std::string acks_in_words(const AckArguments& arguments) {
    std::string text;
    for (const AckItem& item : arguments.items) {
        const expect::Ack ack = to_ack(item);
        std::string what;
        for (const std::uint32_t vector : item.vector.vectors)
            what += (what.empty() ? "vector " : " or ") + vmm::vector_text(vector);
        if (item.vector.nmi) what = "an NMI";
        if (!text.empty()) text += arguments.any_order ? ", and " : ", then ";
        text += fmt::format("{} takes {}", vcpus_in_words(ack.vcpus), what);
        if (item.times > 1) text += fmt::format(" {} times", item.times);
    }
    if (arguments.any_order && arguments.items.size() > 1) text += ", in any order";
    return text;
}

Facts acks_facts(const AckArguments& arguments) {
    Facts facts;
    facts.asserts = facts.claims = true;
    for (const AckItem& item : arguments.items)
        facts.vcpus.insert(facts.vcpus.end(), item.vcpu.vcpus.begin(), item.vcpu.vcpus.end());
    return facts;
}

expect::Acks to_acks(const AckArguments& arguments) {
    expect::Acks acks;
    acks.any_order = arguments.any_order;
    for (const AckItem& item : arguments.items) acks.items.push_back(to_ack(item));
    return acks;
}

}  // namespace

expect::Ack to_ack(const AckItem& item) {
    expect::Ack ack;
    ack.vcpus = item.vcpu.vcpus;
    ack.times = item.times;
    if (item.vector.nmi) {
        constexpr std::uint32_t nmi_vector = 2;
        ack.kind = vmm::event::Kind::nmi;
        ack.id = nmi_vector;
    } else {
        ack.id = item.vector.vectors.front();
        if (item.vector.vectors.size() > 1) ack.ids = item.vector.vectors;
    }
    return ack;
}

std::string AckVerb::explain() const { return fmt::format("Expect: {}.", acks_in_words(arguments_)); }

std::vector<Expectation> AckVerb::expects() const { return {to_acks(arguments_)}; }

Facts AckVerb::facts() const { return acks_facts(arguments_); }

std::string ArrivesVerb::explain() const {
    std::string text = fmt::format("Expect, though it may take some time: {}", acks_in_words(arguments_));
    if (arguments_.not_before_us)
        text += fmt::format(", not earlier than {} us after the step before", *arguments_.not_before_us);
    return text + ".";
}

std::vector<Expectation> ArrivesVerb::expects() const {
    expect::Acks acks = to_acks(arguments_);
    acks.may_take_time = true;
    acks.not_before_us = arguments_.not_before_us;
    return {acks};
}

Facts ArrivesVerb::facts() const { return acks_facts(arguments_); }

QuietVerb::QuietVerb(Arguments arguments) {
    quiet_.vcpus = std::move(arguments.vcpu.vcpus);
    quiet_.id = arguments.vector;
}

std::string QuietVerb::explain() const {
    std::string where;
    for (const std::uint32_t vcpu : quiet_.vcpus)
        where += fmt::format("{}{}", where.empty() ? " on vCPU " : " and ", vcpu);
    if (quiet_.id)
        return fmt::format("Expect that nothing of the priority of vector {} is left to be taken{}.",
                           vmm::vector_text(*quiet_.id), where);
    return fmt::format("Expect that nothing is left to be taken{}.", where);
}

Facts QuietVerb::facts() const {
    Facts facts;
    facts.asserts = facts.is_quiet = true;
    facts.vcpus = quiet_.vcpus;
    return facts;
}

std::string ResampledVerb::explain() const {
    return fmt::format("Expect that the resamplefd of '{}' is kicked {}.", arguments_.irqfd,
                       arguments_.count == 1 ? "once" : fmt::format("{} times", arguments_.count));
}

std::vector<Expectation> ResampledVerb::expects() const {
    return {expect::Resampled{arguments_.irqfd, arguments_.count}};
}

Facts ResampledVerb::facts() const {
    Facts facts;
    facts.asserts = true;
    facts.resampler = arguments_.irqfd;
    return facts;
}

std::string DoorbellVerb::explain() const {
    return fmt::format("Expect that the ioeventfd '{}' is signalled {}.", arguments_.name,
                       arguments_.count == 1 ? "once" : fmt::format("{} times", arguments_.count));
}

std::vector<Expectation> DoorbellVerb::expects() const {
    return {expect::DoorbellRung{arguments_.name, arguments_.count}};
}

Facts DoorbellVerb::facts() const {
    Facts facts;
    facts.asserts = true;
    facts.ioeventfd = arguments_.name;
    return facts;
}

std::string StormVerb::explain() const {
    return fmt::format("Expect a storm of vector {}: more of them than a step may have.",
                       vmm::vector_text(arguments_.vector));
}

std::vector<Expectation> StormVerb::expects() const { return {expect::Storm{arguments_.vector}}; }

Facts StormVerb::facts() const {
    Facts facts;
    facts.asserts = facts.claims = true;
    return facts;
}

std::string StartedVerb::explain() const {
    return fmt::format("Expect that vCPU {} comes out of a SIPI and begins anew, once.", arguments_.vcpu);
}

std::vector<Expectation> StartedVerb::expects() const { return {expect::Started{arguments_.vcpu}}; }

Facts StartedVerb::facts() const {
    Facts facts;
    facts.asserts = facts.started = true;
    facts.vcpus = {arguments_.vcpu};
    return facts;
}

std::string HaltedVerb::explain() const {
    return fmt::format("Expect that vCPU {} rests in HLT.", arguments_.vcpu);
}

std::vector<Expectation> HaltedVerb::expects() const {
    return {expect::AtRest{arguments_.vcpu, vmm::event::RestState::halted}};
}

Facts HaltedVerb::facts() const {
    Facts facts;
    facts.asserts = true;
    facts.vcpus = {arguments_.vcpu};
    return facts;
}

}  // namespace verbs

verbs::VcpuSet Form<verbs::VcpuSet>::read(const Cursor& at, Limits) {
    if (const std::string* text = at.node().text(); text != nullptr && !text->starts_with("0x")) {
        if (*text != "any")
            at.fail(
                fmt::format("must be a vCPU, an array of vCPUs, or \"any\", not {}", in_words(at.node())));
        return {{}};
    }
    return {Form<verbs::VcpuList>::read(at, {}).vcpus};
}

Json Form<verbs::VcpuSet>::schema(Limits) {
    return {{"anyOf", {Form<verbs::VcpuList>::schema({}), {{"const", "any"}}}}};
}

verbs::VcpuList Form<verbs::VcpuList>::read(const Cursor& at, Limits) {
    if (at.node().array() != nullptr) return {Form<std::vector<std::uint32_t>>::read(at, verbs::vcpu_range)};
    return {{Form<std::uint32_t>::read(at, verbs::vcpu_range)}};
}

Json Form<verbs::VcpuList>::schema(Limits) {
    return {{"anyOf",
             {Form<std::uint32_t>::schema(verbs::vcpu_range),
              Form<std::vector<std::uint32_t>>::schema(verbs::vcpu_range)}}};
}

verbs::InterruptSet Form<verbs::InterruptSet>::read(const Cursor& at, Limits) {
    if (const std::string* text = at.node().text(); text != nullptr && *text == "nmi") return {true, {}};
    if (at.node().array() != nullptr)
        return {false, Form<std::vector<std::uint32_t>>::read(at, verbs::vector_range)};
    return {false, {Form<std::uint32_t>::read(at, verbs::vector_range)}};
}

Json Form<verbs::InterruptSet>::schema(Limits) {
    return {{"anyOf",
             {Form<std::uint32_t>::schema(verbs::vector_range),
              Form<std::vector<std::uint32_t>>::schema(verbs::vector_range),
              {{"const", "nmi"}}}}};
}

verbs::OutcomeAck Form<verbs::OutcomeAck>::read(const Cursor& at, Limits limits) {
    const auto refuse = [](const Cursor& place, std::string_view what) {
        place.fail(fmt::format(
            "an outcome takes no {}: one interrupt each; use \"vector\": [..] for any of several", what));
    };
    if (at.node().array() != nullptr) refuse(at, "array");
    verbs::OutcomeAck outcome;
    if (at.node().object() == nullptr) {
        outcome.item.vector = Form<verbs::InterruptSet>::read(at, limits);
        return outcome;
    }
    for (const std::string_view key : {"any_order", "times"})
        if (const Node* node = at.node().find(key)) refuse(at.at(key, *node), fmt::format("'{}'", key));
    auto item = Form<verbs::OutcomeItem>::read(at, limits);
    outcome.item.vcpu = std::move(item.vcpu);
    outcome.item.vector = std::move(item.vector);
    return outcome;
}

Json Form<verbs::OutcomeAck>::schema(Limits) {
    return {{"anyOf",
             {Form<std::uint32_t>::schema(verbs::vector_range),
              {{"const", "nmi"}},
              Form<verbs::OutcomeItem>::schema({})}}};
}

verbs::AckArguments Form<verbs::AckArguments>::read(const Cursor& at, Limits limits) {
    return verbs::read_acks<verbs::AckItem, verbs::AnyOrder>(at, limits);
}

Json Form<verbs::AckArguments>::schema(Limits) {
    return verbs::acks_schema<verbs::AckItem, verbs::AnyOrder>();
}

verbs::ArrivesArguments Form<verbs::ArrivesArguments>::read(const Cursor& at, Limits limits) {
    return {verbs::read_acks<verbs::AckLater, verbs::AnyOrderLater>(at, limits)};
}

Json Form<verbs::ArrivesArguments>::schema(Limits) {
    return verbs::acks_schema<verbs::AckLater, verbs::AnyOrderLater>();
}

}  // namespace irqbench::scenarios
