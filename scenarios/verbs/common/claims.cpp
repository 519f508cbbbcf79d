#include "scenarios/verbs/common/claims.hpp"

#include <fmt/format.h>

namespace irqbench::scenarios {

namespace verbs {

namespace {

/// The object forms of `ack` and `arrives` that no single AckItem is.
template <class Id>
struct AnyOrder {
    std::vector<AckItem<Id>> any_order;
    static constexpr auto fields() {
        return std::tuple{required("any_order", &AnyOrder::any_order, "interrupts taken in any order")};
    }
};

template <class Id>
struct AnyOrderLater {
    std::vector<AckItem<Id>> any_order;
    std::optional<std::uint64_t> not_before_us;
    static constexpr auto fields() {
        return std::tuple{required("any_order", &AnyOrderLater::any_order, "interrupts taken in any order"),
                          optional("not_before_us", &AnyOrderLater::not_before_us,
                                   "the first is not taken earlier than this after the step before")};
    }
};

template <class Id>
struct AckLater {
    VcpuSet vcpu;
    InterruptSet<Id> vector;
    std::uint32_t times = 1;
    std::optional<std::uint64_t> not_before_us;
    static constexpr auto fields() {
        return std::tuple{
            optional("vcpu", &AckLater::vcpu, "who took it: one vCPU, one of several, or \"any\""),
            required(Id::key, &AckLater::vector, Id::one_or_several),
            optional("times", &AckLater::times, "how often", between(1, 1'000'000)),
            optional("not_before_us", &AckLater::not_before_us,
                     "it is not taken earlier than this after the step before")};
    }
    static constexpr std::string_view shorthand = Id::key;
};

template <class Id, class Item, class Unordered>
AckArguments<Id> read_acks(const Cursor& at, Limits limits) {
    AckArguments<Id> arguments;
    if (at.node().array() != nullptr) {
        arguments.items = Form<std::vector<AckItem<Id>>>::read(at, limits);
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

template <class Id, class Item, class Unordered>
Json acks_schema() {
    return {
        {"anyOf",
         {Form<Item>::schema({}), Form<std::vector<AckItem<Id>>>::schema({}), Form<Unordered>::schema({})}}};
}

template <class Id>
expect::Ack to_ack(const AckItem<Id>& item) {
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

template <class Id>
std::string acks_in_words(const AckArguments<Id>& arguments) {
    std::string text;
    for (const AckItem<Id>& item : arguments.items) {
        const expect::Ack ack = to_ack(item);
        std::string what;
        for (const std::uint32_t vector : item.vector.vectors)
            what += (what.empty() ? fmt::format("{} ", Id::noun) : " or ") + vmm::vector_text(vector);
        if (item.vector.nmi) what = "an NMI";
        if (!text.empty()) text += arguments.any_order ? ", and " : ", then ";
        text += fmt::format("{} takes {}", vcpus_in_words(ack.vcpus), what);
        if (item.times > 1) text += fmt::format(" {} times", item.times);
    }
    if (arguments.any_order && arguments.items.size() > 1) text += ", in any order";
    return text;
}

template <class Id>
Facts acks_facts(const AckArguments<Id>& arguments) {
    Facts facts;
    facts.asserts = facts.claims = true;
    for (const AckItem<Id>& item : arguments.items)
        facts.vcpus.insert(facts.vcpus.end(), item.vcpu.vcpus.begin(), item.vcpu.vcpus.end());
    return facts;
}

template <class Id>
std::string acks_unfit_for(const vmm::MachineConfig& config, const AckArguments<Id>& arguments) {
    for (const AckItem<Id>& item : arguments.items)
        for (const std::uint32_t vector : item.vector.vectors)
            if (std::string reason = Id::unfit_for(config, vector); !reason.empty()) return reason;
    return {};
}

template <class Id>
expect::Acks to_acks(const AckArguments<Id>& arguments) {
    expect::Acks acks;
    acks.any_order = arguments.any_order;
    for (const AckItem<Id>& item : arguments.items) acks.items.push_back(to_ack(item));
    return acks;
}

/// The object form of an outcome.
template <class Id>
struct OutcomeItem {
    VcpuSet vcpu;
    InterruptSet<Id> vector;
    static constexpr auto fields() {
        return std::tuple{
            optional("vcpu", &OutcomeItem::vcpu, "who took it: one vCPU, one of several, or \"any\""),
            required(Id::key, &OutcomeItem::vector, Id::one_or_several)};
    }
};

}  // namespace

template <class Id>
expect::Ack read_outcome(const Cursor& at) {
    const auto refuse = [](const Cursor& place, std::string_view what) {
        place.fail(
            fmt::format("an outcome takes no {}: one interrupt each; use \"{}\": [..] for any of several",
                        what, Id::key));
    };
    if (at.node().array() != nullptr) refuse(at, "array");
    if (at.node().object() == nullptr) return to_ack<Id>({{}, Form<InterruptSet<Id>>::read(at, {}), 1});
    for (const std::string_view key : {"any_order", "times"})
        if (const Node* node = at.node().find(key)) refuse(at.at(key, *node), fmt::format("'{}'", key));
    auto item = Form<OutcomeItem<Id>>::read(at, {});
    return to_ack<Id>({std::move(item.vcpu), std::move(item.vector), 1});
}

template <class Id>
std::string outcome_unfit_for(const vmm::MachineConfig& config, const expect::Ack& outcome) {
    if (outcome.kind != vmm::event::Kind::interrupt) return {};
    const auto unfit = [&config](std::uint32_t id) {
        return Id::is_spurious(id) ? std::string() : Id::unfit_for(config, id);
    };
    if (outcome.ids.empty()) return unfit(outcome.id);
    for (const std::uint32_t id : outcome.ids)
        if (std::string reason = unfit(id); !reason.empty()) return reason;
    return {};
}

template <class Id>
Json outcome_schema() {
    Json choices = Json::array({Form<std::uint32_t>::schema(Id::range)});
    if (Id::has_nmi) choices.push_back({{"const", "nmi"}});
    choices.push_back(Form<OutcomeItem<Id>>::schema({}));
    return {{"anyOf", std::move(choices)}};
}

template <class Id>
std::string AckVerb<Id>::explain() const {
    return fmt::format("Expect: {}.", acks_in_words(this->arguments_));
}

template <class Id>
std::vector<Expectation> AckVerb<Id>::expects() const {
    return {to_acks(this->arguments_)};
}

template <class Id>
Facts AckVerb<Id>::facts() const {
    return acks_facts(this->arguments_);
}

template <class Id>
std::string AckVerb<Id>::unfit_for(const vmm::MachineConfig& config) const {
    return acks_unfit_for<Id>(config, this->arguments_);
}

template <class Id>
std::string ArrivesVerb<Id>::explain() const {
    std::string text =
        fmt::format("Expect, though it may take some time: {}", acks_in_words(this->arguments_));
    if (this->arguments_.not_before_us)
        text +=
            fmt::format(", not earlier than {} us after the step before", *this->arguments_.not_before_us);
    return text + ".";
}

template <class Id>
std::vector<Expectation> ArrivesVerb<Id>::expects() const {
    expect::Acks acks = to_acks(this->arguments_);
    acks.may_take_time = true;
    acks.not_before_us = this->arguments_.not_before_us;
    return {acks};
}

template <class Id>
Facts ArrivesVerb<Id>::facts() const {
    return acks_facts(this->arguments_);
}

template <class Id>
std::string ArrivesVerb<Id>::unfit_for(const vmm::MachineConfig& config) const {
    return acks_unfit_for<Id>(config, this->arguments_);
}

std::string QuietVerb::explain() const {
    std::string where;
    for (const std::uint32_t vcpu : arguments_.vcpu.vcpus)
        where += fmt::format("{}{}", where.empty() ? " on vCPU " : " and ", vcpu);
    if (arguments_.vector)
        return fmt::format("Expect that nothing of the priority of vector {} is left to be taken{}.",
                           vmm::vector_text(*arguments_.vector), where);
    return fmt::format("Expect that nothing is left to be taken{}.", where);
}

std::vector<Expectation> QuietVerb::expects() const {
    expect::Quiet quiet{arguments_.vcpu.vcpus, {}};
    if (arguments_.vector) {
        // SDM volume 3A 10.8.3.1: what is in service holds back its own class, bits 7:4, and those below.
        quiet.priority = *arguments_.vector & 0xf0;
        quiet.priority_words = vmm::vector_text(*arguments_.vector);
    }
    return {quiet};
}

Facts QuietVerb::facts() const {
    Facts facts;
    facts.asserts = facts.is_quiet = true;
    facts.vcpus = arguments_.vcpu.vcpus;
    return facts;
}

void ResampledArguments::check(const ResampledArguments& arguments, const Cursor& at) {
    if (arguments.count == 0 && !arguments.or_more)
        at.fail("claims that there are no kicks, as every file does: leave it out, or say \"or_more\": true");
}

std::string ResampledVerb::explain() const {
    return fmt::format("Expect that the resamplefd of '{}' is kicked {}{}.", arguments_.irqfd,
                       arguments_.count == 1 ? "once" : fmt::format("{} times", arguments_.count),
                       arguments_.or_more ? " or more" : "");
}

std::vector<Expectation> ResampledVerb::expects() const {
    return {expect::Resampled{arguments_.irqfd, arguments_.count, arguments_.or_more}};
}

Facts ResampledVerb::facts() const {
    Facts facts;
    facts.asserts = arguments_.count != 0;  // none or more is any number
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

template <class Id>
std::string StormVerb<Id>::explain() const {
    return fmt::format("Expect a storm of {} {}: more of them than a step may have.", Id::noun,
                       vmm::vector_text(this->arguments_.vector));
}

template <class Id>
std::vector<Expectation> StormVerb<Id>::expects() const {
    return {expect::Storm{this->arguments_.vector}};
}

template <class Id>
Facts StormVerb<Id>::facts() const {
    Facts facts;
    facts.asserts = facts.claims = true;
    return facts;
}

template <class Id>
std::string StormVerb<Id>::unfit_for(const vmm::MachineConfig& config) const {
    return Id::unfit_for(config, this->arguments_.vector);
}

template expect::Ack read_outcome<Vector>(const Cursor& at);
template expect::Ack read_outcome<Intid>(const Cursor& at);
template std::string outcome_unfit_for<Vector>(const vmm::MachineConfig& config, const expect::Ack& outcome);
template std::string outcome_unfit_for<Intid>(const vmm::MachineConfig& config, const expect::Ack& outcome);
template Json outcome_schema<Vector>();
template Json outcome_schema<Intid>();
template class AckVerb<Vector>;
template class AckVerb<Intid>;
template class ArrivesVerb<Vector>;
template class ArrivesVerb<Intid>;
template class StormVerb<Vector>;
template class StormVerb<Intid>;

template <class Cpu>
std::string StartedVerb<Cpu>::explain() const {
    return fmt::format("Expect that vCPU {} {} and begins anew, once.", this->arguments_.vcpu, Cpu::starts);
}

template <class Cpu>
std::vector<Expectation> StartedVerb<Cpu>::expects() const {
    return {expect::Started{this->arguments_.vcpu}};
}

template <class Cpu>
Facts StartedVerb<Cpu>::facts() const {
    Facts facts;
    facts.asserts = facts.started = true;
    facts.vcpus = {this->arguments_.vcpu};
    return facts;
}

template <class Cpu>
std::string HaltedVerb<Cpu>::explain() const {
    return fmt::format("Expect that vCPU {} rests in {}.", this->arguments_.vcpu, Cpu::halt);
}

template <class Cpu>
std::vector<Expectation> HaltedVerb<Cpu>::expects() const {
    return {expect::AtRest{this->arguments_.vcpu, vmm::event::RestState::halted}};
}

template <class Cpu>
Facts HaltedVerb<Cpu>::facts() const {
    Facts facts;
    facts.asserts = true;
    facts.vcpus = {this->arguments_.vcpu};
    return facts;
}

template class StartedVerb<X86Cpu>;
template class StartedVerb<ArmCpu>;
template class HaltedVerb<X86Cpu>;
template class HaltedVerb<ArmCpu>;

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

template <class Id>
verbs::InterruptSet<Id> Form<verbs::InterruptSet<Id>>::read(const Cursor& at, Limits) {
    if (const std::string* text = at.node().text(); Id::has_nmi && text != nullptr && *text == "nmi")
        return {true, {}};
    if (at.node().array() != nullptr) return {false, Form<std::vector<std::uint32_t>>::read(at, Id::range)};
    return {false, {Form<std::uint32_t>::read(at, Id::range)}};
}

template <class Id>
Json Form<verbs::InterruptSet<Id>>::schema(Limits) {
    Json choices = Json::array(
        {Form<std::uint32_t>::schema(Id::range), Form<std::vector<std::uint32_t>>::schema(Id::range)});
    if (Id::has_nmi) choices.push_back({{"const", "nmi"}});
    return {{"anyOf", std::move(choices)}};
}

template <class Id>
verbs::AckArguments<Id> Form<verbs::AckArguments<Id>>::read(const Cursor& at, Limits limits) {
    return verbs::read_acks<Id, verbs::AckItem<Id>, verbs::AnyOrder<Id>>(at, limits);
}

template <class Id>
Json Form<verbs::AckArguments<Id>>::schema(Limits) {
    return verbs::acks_schema<Id, verbs::AckItem<Id>, verbs::AnyOrder<Id>>();
}

template <class Id>
verbs::ArrivesArguments<Id> Form<verbs::ArrivesArguments<Id>>::read(const Cursor& at, Limits limits) {
    return {verbs::read_acks<Id, verbs::AckLater<Id>, verbs::AnyOrderLater<Id>>(at, limits)};
}

template <class Id>
Json Form<verbs::ArrivesArguments<Id>>::schema(Limits) {
    return verbs::acks_schema<Id, verbs::AckLater<Id>, verbs::AnyOrderLater<Id>>();
}

template struct Form<verbs::AckArguments<verbs::Vector>>;
template struct Form<verbs::AckArguments<verbs::Intid>>;
template struct Form<verbs::ArrivesArguments<verbs::Vector>>;
template struct Form<verbs::ArrivesArguments<verbs::Intid>>;

}  // namespace irqbench::scenarios
