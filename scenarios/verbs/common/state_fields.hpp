#pragma once

#include <array>
#include <string>
#include <vector>

#include "scenarios/verbs/common/state_form.hpp"
#include "vmm/portable_state.hpp"

/// The fields that a state file of every architecture has.
namespace irqbench::scenarios {

namespace state_file {

using vmm::PortableState;

/// Goes up whenever a file of the last one cannot be read any more, or the guest agent in its memory would
/// not understand the host: vmm/guest/agent_abi.h.
inline constexpr std::uint32_t version = 2;

inline constexpr Limits gsis = up_to(routing::RoutingRules::max_entries - 1);
inline constexpr Limits name_length = up_to(200);
inline constexpr std::size_t page_size = 4096;
inline constexpr std::size_t most_posted = MAIL_SLOTS;

/// A route, flat.
/// @tparam last_chip, last_pin of the architecture
template <std::uint32_t last_chip, std::uint32_t last_pin>
struct RouteRow {
    std::uint32_t gsi = 0;
    std::optional<std::uint32_t> chip;
    std::uint32_t pin = 0;
    std::optional<std::uint64_t> address;
    std::uint32_t data = 0;
    std::optional<std::uint32_t> device;
    static constexpr auto fields() {
        return std::tuple{required("gsi", &RouteRow::gsi, "", gsis),
                          optional("chip", &RouteRow::chip, "KVM_IRQCHIP_*", up_to(last_chip)),
                          optional("pin", &RouteRow::pin, "", up_to(last_pin)),
                          optional("address", &RouteRow::address, "of a message"),
                          optional("data", &RouteRow::data, ""),
                          optional("device", &RouteRow::device, "that sends the message")};
    }
    static constexpr std::array constraints{exactly_one("chip", "address"), needs("device", "address")};
};

struct Page {
    std::uint64_t address = 0;
    std::string data;  ///< without the zeros at its end
    static constexpr auto fields() {
        return std::tuple{required("address", &Page::address, ""), required("data", &Page::data, "base64")};
    }
};

/// How a vCPU rests.
template <std::uint32_t last_vector>
struct RestRow : vmm::event::Rest {
    static constexpr auto fields() {
        return std::tuple{required("state", &Rest::state, ""),
                          required("interrupts_enabled", &Rest::interrupts_enabled, ""),
                          required("depth", &Rest::depth, ""),
                          required("in_service", &Rest::in_service, "", up_to(last_vector))};
    }
};

template <std::uint32_t last_vector>
struct HandlerRow : PortableState::Handler {
    static constexpr auto fields() {
        return std::tuple{required("vector", &Handler::vector, "", up_to(last_vector)),
                          required("policy", &Handler::policy, "POLICY_* of vmm/guest/agent_abi.h"),
                          optional("lowers", &Handler::lowers, "", gsis)};
    }
};

/// A vCPU as its agent and the host know it.
/// @tparam last_vector vector or INTID that there can be a handler for
template <std::uint32_t last_vector>
struct AgentRow {
    std::uint32_t id = 0;
    RestRow<last_vector> rest{};
    std::vector<HandlerRow<last_vector>> handlers;
    vmm::guest::Agent::Ends mailbox;

    AgentRow() = default;
    explicit AgentRow(const PortableState::Vcpu& vcpu) : id(vcpu.id), rest{vcpu.rest}, mailbox(vcpu.mailbox) {
        for (const PortableState::Handler& handler : vcpu.handlers) handlers.push_back({handler});
    }
    [[nodiscard]] PortableState::Vcpu vcpu() const {
        return {id, {handlers.begin(), handlers.end()}, rest, mailbox};
    }

    static constexpr auto fields() {
        return std::tuple{
            required("id", &AgentRow::id, "KVM's: on x86 the APIC id"), required("rest", &AgentRow::rest, ""),
            optional("handlers", &AgentRow::handlers, ""), required("mailbox", &AgentRow::mailbox, "")};
    }
};

/// What a file has beside the architecture's own, which stands between these fields.
struct AnyState {
    std::uint32_t version_ = version;
    std::string arch;
    std::string mode;
    vmm::RunMode run = vmm::RunMode::stepped;
    std::uint64_t memory_bytes = 0;
    std::uint32_t barrier = 0;
    std::vector<vmm::SavedIrqfd> irqfds;
    std::vector<vmm::SavedIoeventfd> ioeventfds;
    std::vector<Page> memory;

    static constexpr auto fields_of_head() {
        return std::tuple{required("irqbench_state", &AnyState::version_, "version of the format"),
                          required("arch", &AnyState::arch, ""),
                          required("mode", &AnyState::mode, ""),
                          required("run", &AnyState::run, ""),
                          optional("memory_bytes", &AnyState::memory_bytes, ""),
                          optional("barrier", &AnyState::barrier, "")};
    }
    static constexpr auto fields_of_eventfds() {
        return std::tuple{optional("irqfds", &AnyState::irqfds, ""),
                          optional("ioeventfds", &AnyState::ioeventfds, "")};
    }
    static constexpr auto fields_of_memory() {
        return std::tuple{optional("memory", &AnyState::memory, "pages that are not zero")};
    }
};

}  // namespace state_file

template <>
struct Words<vmm::RunMode> {
    static constexpr std::array<std::pair<std::string_view, vmm::RunMode>, 2> table{
        {{"stepped", vmm::RunMode::stepped}, {"free", vmm::RunMode::free}}};
};
template <>
struct Words<vmm::Activity> {
    static constexpr std::array<std::pair<std::string_view, vmm::Activity>, 4> table{
        {{"running", vmm::Activity::running},
         {"halted", vmm::Activity::halted},
         {"wait_for_sipi", vmm::Activity::wait_for_sipi},
         {"not_started", vmm::Activity::not_started}}};
};
template <>
struct Words<vmm::event::RestState> {
    using State = vmm::event::RestState;
    static constexpr std::array<std::pair<std::string_view, State>, 6> table{
        {{"idle", State::idle},
         {"in_handler", State::in_handler},
         {"halted", State::halted},
         {"wait_for_sipi", State::wait_for_sipi},
         {"not_started", State::not_started},
         {"storming", State::storming}}};
};

template <>
struct FileOf<vmm::GuestOp> : vmm::GuestOp {
    using Op = vmm::GuestOp;
    static constexpr auto fields() {
        return std::tuple{required("code", &Op::code, "OP_*", up_to(OP_COUNT - 1)),
                          optional("size", &Op::size, "", up_to(8)),
                          optional("address", &Op::address, ""),
                          optional("value", &Op::value, ""),
                          optional("observed", &Op::observed, ""),
                          optional("text", &Op::text, "", state_file::name_length)};
    }
};
template <>
struct FileOf<vmm::guest::Agent::Posted> : vmm::guest::Agent::Posted {
    using Posted = vmm::guest::Agent::Posted;
    static constexpr auto fields() {
        return std::tuple{required("number", &Posted::number, ""), required("op", &Posted::op, "")};
    }
};
template <>
struct FileOf<vmm::guest::Agent::Ends> : vmm::guest::Agent::Ends {
    using Ends = vmm::guest::Agent::Ends;
    static constexpr auto fields() {
        return std::tuple{optional("mail_head", &Ends::mail_head, ""),
                          optional("log_tail", &Ends::log_tail, ""), optional("posted", &Ends::posted, "")};
    }
    static void check(const FileOf& ends, const Cursor& at) {
        if (ends.posted.size() > state_file::most_posted)
            at.fail(fmt::format("has {} operations: {} are the most", ends.posted.size(),
                                state_file::most_posted));
    }
};
template <>
struct FileOf<vmm::IrqfdSpec> : vmm::IrqfdSpec {
    using Spec = vmm::IrqfdSpec;
    static constexpr auto fields() {
        return std::tuple{required("name", &Spec::name, "", state_file::name_length),
                          required("gsi", &Spec::gsi, ""),
                          optional("resample", &Spec::resample, ""),
                          optional("shares", &Spec::shares, "", state_file::name_length),
                          optional("via_kernel", &Spec::via_kernel, ""),
                          optional("other_vm", &Spec::other_vm, "")};
    }
};
template <>
struct FileOf<vmm::SavedIrqfd> : vmm::SavedIrqfd {
    using Irqfd = vmm::SavedIrqfd;
    static constexpr auto fields() {
        return std::tuple{required("spec", &Irqfd::spec, ""), optional("assigned", &Irqfd::assigned, ""),
                          optional("waiting", &Irqfd::waiting, "")};
    }
};
template <>
struct FileOf<vmm::IoeventfdSpec> : vmm::IoeventfdSpec {
    using Spec = vmm::IoeventfdSpec;
    static constexpr auto fields() {
        return std::tuple{required("name", &Spec::name, "", state_file::name_length),
                          required("address", &Spec::address, ""), optional("port", &Spec::port, ""),
                          required("length", &Spec::length, "", up_to(8)),
                          optional("datamatch", &Spec::datamatch, "")};
    }
};
template <>
struct FileOf<vmm::SavedIoeventfd> : vmm::SavedIoeventfd {
    using Ioeventfd = vmm::SavedIoeventfd;
    static constexpr auto fields() {
        return std::tuple{required("spec", &Ioeventfd::spec, ""),
                          optional("assigned", &Ioeventfd::assigned, "")};
    }
};

}  // namespace irqbench::scenarios
