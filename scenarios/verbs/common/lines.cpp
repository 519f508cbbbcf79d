#include "scenarios/verbs/common/lines.hpp"

#include <fmt/format.h>

namespace irqbench::scenarios {

namespace verbs {

template <LineMotion motion>
std::string LineVerb<motion>::explain() const {
    constexpr std::string_view word = motion == LineMotion::raise   ? "raises"
                                      : motion == LineMotion::lower ? "lowers"
                                                                    : "raises and lowers";
    return fmt::format("The host {} {}{}{}.", word, gsi_in_words(arguments_.gsi),
                       status_in_words(arguments_.status), refusal_in_words(arguments_.error));
}

template <LineMotion motion>
void LineVerb<motion>::perform(Stage& stage) const {
    const bool want_status = arguments_.status.has_value();
    if constexpr (motion != LineMotion::lower) stage.machine.set_line(arguments_.gsi, true, want_status);
    if constexpr (motion != LineMotion::raise)
        stage.machine.set_line(arguments_.gsi, false, want_status && motion == LineMotion::lower);
}

template <LineMotion motion>
std::vector<Expectation> LineVerb<motion>::expects() const {
    std::vector<Expectation> results;
    if constexpr (motion == LineMotion::pulse) {
        // Only the rise says what became of the interrupt.
        if (arguments_.status) results.push_back(call_result({}, arguments_.status, "raise"));
        results.push_back(call_result(arguments_.error));
    } else {
        results.push_back(call_result(arguments_.error, arguments_.status));
    }
    return results;
}

template <LineMotion motion>
Facts LineVerb<motion>::facts() const {
    Facts facts;
    facts.threadable = true;
    facts.causes = motion != LineMotion::lower;
    facts.asserts = arguments_.status || arguments_.error;
    return facts;
}

template class LineVerb<LineMotion::raise>;
template class LineVerb<LineMotion::lower>;
template class LineVerb<LineMotion::pulse>;

std::string IrqfdVerb::explain() const {
    std::string text =
        fmt::format("The host assigns the irqfd '{}' to {}", arguments_.name, gsi_in_words(arguments_.gsi));
    if (arguments_.resample) text += ", with a resamplefd";
    if (!arguments_.shares.empty()) text += fmt::format(", using the eventfd of '{}'", arguments_.shares);
    if (arguments_.via == Via::another_vm) text += " of another VM";
    if (arguments_.via == Via::kernel) text += ", to the kernel's route even where the IOAPIC is ours";
    return text + refusal_in_words(arguments_.error) + ".";
}

void IrqfdVerb::perform(Stage& stage) const {
    vmm::IrqfdSpec spec;
    spec.name = arguments_.name;
    spec.gsi = arguments_.gsi;
    spec.resample = arguments_.resample;
    spec.shares = arguments_.shares;
    spec.via_kernel = arguments_.via == Via::kernel;
    spec.other_vm = arguments_.via == Via::another_vm;
    stage.machine.assign_irqfd(spec);
}

Facts IrqfdVerb::facts() const {
    Facts facts;
    if (!arguments_.error) {
        facts.opens_irqfd = arguments_.name;
        facts.resamples = arguments_.resample;
        if (arguments_.via != Via::another_vm) facts.raises = arguments_.gsi;
    }
    facts.eventfd = arguments_.shares;
    facts.threadable = arguments_.via != Via::another_vm;
    facts.needs_kvm = arguments_.via.has_value();
    facts.asserts = arguments_.error.has_value();
    return facts;
}

std::string DeassignVerb::explain() const {
    return fmt::format("The host deassigns the {} '{}'{}.",
                       arguments_.name.is_ioeventfd ? "ioeventfd" : "irqfd", arguments_.name.name,
                       refusal_in_words(arguments_.error));
}

void DeassignVerb::perform(Stage& stage) const {
    if (arguments_.name.is_ioeventfd)
        stage.machine.deassign_ioeventfd(arguments_.name.name);
    else
        stage.machine.deassign_irqfd(arguments_.name.name);
}

Facts DeassignVerb::facts() const {
    Facts facts;
    facts.threadable = !arguments_.name.is_ioeventfd;
    facts.closes = arguments_.name.name;
    facts.asserts = arguments_.error.has_value();
    return facts;
}

std::string SignalVerb::explain() const {
    const std::string what =
        arguments_.deassigned ? "writes to the eventfd of the deassigned irqfd" : "signals the irqfd";
    const std::string number = arguments_.count == 1 ? "" : fmt::format(", writing {}", arguments_.count);
    return fmt::format("The host {} '{}'{}.", what, arguments_.irqfd, number);
}

Facts SignalVerb::facts() const {
    Facts facts;
    facts.threadable = true;
    facts.causes = true;
    if (arguments_.deassigned)
        facts.former_irqfd = arguments_.irqfd;
    else
        facts.irqfds = {arguments_.irqfd};
    return facts;
}

void IoeventfdArguments::check(const IoeventfdArguments& arguments, const Cursor& at) {
    at.reading().ioeventfds.insert(arguments.name);
}

std::string IoeventfdVerb::explain() const {
    const std::string place = arguments_.port ? fmt::format("port {:#x}", *arguments_.port)
                                              : fmt::format("address {:#x}", arguments_.address.value_or(0));
    std::string text = fmt::format(
        "The host assigns the ioeventfd '{}' for {} to {}", arguments_.name,
        arguments_.length == 0 ? "writes" : fmt::format("{}-byte writes", arguments_.length), place);
    if (arguments_.datamatch) text += fmt::format(", for the value {:#x} only", *arguments_.datamatch);
    return text + refusal_in_words(arguments_.error) + ".";
}

void IoeventfdVerb::perform(Stage& stage) const {
    vmm::IoeventfdSpec spec;
    spec.name = arguments_.name;
    spec.port = arguments_.port.has_value();
    spec.address = spec.port ? *arguments_.port : arguments_.address.value_or(0);
    spec.length = arguments_.length;
    spec.datamatch = arguments_.datamatch;
    stage.machine.assign_ioeventfd(spec);
}

Facts IoeventfdVerb::facts() const {
    Facts facts;
    if (!arguments_.error) facts.opens_ioeventfd = arguments_.name;
    const bool is_port = arguments_.port.has_value();
    facts.place = Place{is_port, is_port ? *arguments_.port : arguments_.address.value_or(0), true};
    facts.asserts = arguments_.error.has_value();
    return facts;
}

std::string UnrouteVerb::explain() const {
    return fmt::format("The host removes the routes of {}{}.", gsi_in_words(arguments_.gsi),
                       refusal_in_words(arguments_.error));
}

void UnrouteVerb::perform(Stage& stage) const {
    routing::RoutingTable table = stage.machine.routes();
    table.remove(arguments_.gsi);
    stage.machine.route(table);
}

Facts UnrouteVerb::facts() const {
    Facts facts;
    facts.threadable = facts.routes = true;
    facts.routed = arguments_.gsi;
    facts.asserts = arguments_.error.has_value();
    return facts;
}

}  // namespace verbs

verbs::DeviceName Form<verbs::DeviceName>::read(const Cursor& at, Limits limits) {
    std::string name = Form<std::string>::read(at, limits);
    const bool is_ioeventfd = at.reading().ioeventfds.contains(name);
    return {std::move(name), is_ioeventfd};
}

Json Form<verbs::DeviceName>::schema(Limits limits) { return Form<std::string>::schema(limits); }

}  // namespace irqbench::scenarios
