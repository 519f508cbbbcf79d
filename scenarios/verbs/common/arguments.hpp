#pragma once

#include <cerrno>

#include "scenarios/engine/fields.hpp"
#include "scenarios/engine/scenario.hpp"

/// What the arguments of many verbs share.
namespace irqbench::scenarios::verbs {

inline constexpr Limits vcpu_range = up_to(254);
inline constexpr Limits vector_range = up_to(0xff);
inline constexpr Limits gsi_range = up_to(0xffff'ffff);

/// How x86 names an interrupt.
struct Vector {
    static constexpr std::string_view key = "vector";
    static constexpr std::string_view one_or_several = "what: a vector, one of several, or \"nmi\"";
    static constexpr std::string_view noun = "vector";
    static constexpr Limits range = vector_range;
    static constexpr bool has_nmi = true;
    /// Why such a machine has none of this number; empty if it has.
    static std::string unfit_for(const vmm::MachineConfig&, std::uint32_t) { return {}; }
    /// Whether a CPU may find this one instead of an interrupt that is gone: an outcome that no step can
    /// expect. Here a local APIC has a vector for that, like any other.
    static constexpr bool is_spurious(std::uint32_t) { return false; }
};

/// What `spis` of a machine may be at most.
inline constexpr std::uint32_t most_spis = 960;

/// How a GIC does.
struct Intid {
    static constexpr std::string_view key = "intid";
    static constexpr std::string_view one_or_several = "what: an INTID, or one of several";
    static constexpr std::string_view noun = "INTID";
    static constexpr Limits range = up_to(0xffff);
    static constexpr bool has_nmi = false;
    static std::string unfit_for(const vmm::MachineConfig& config, std::uint32_t intid);
    /// IHI 0048, 3.2.5; IHI 0069, 2.2.1.
    static bool is_spurious(std::uint32_t intid);
};

/// What KVM's calls fail with.
enum class Errno : int {
    eperm = EPERM,
    enoent = ENOENT,
    eintr = EINTR,
    eio = EIO,
    enxio = ENXIO,
    e2big = E2BIG,
    ebadf = EBADF,
    eagain = EAGAIN,
    enomem = ENOMEM,
    efault = EFAULT,
    ebusy = EBUSY,
    eexist = EEXIST,
    enodev = ENODEV,
    einval = EINVAL,
    enotty = ENOTTY,
    enospc = ENOSPC,
    enosys = ENOSYS,
    eopnotsupp = EOPNOTSUPP,
};

/// What KVM_IRQ_LINE_STATUS and KVM_SIGNAL_MSI return, by sign (api.rst 4.25 and 4.70).
enum class LineStatus : int { delivered = 1, coalesced = 0, ignored = -1 };

template <class Arguments>
constexpr auto error_field(std::optional<Errno> Arguments::*member) {
    return optional("errno", member, "the call must be refused with this");
}
template <class Arguments>
constexpr auto vcpu_field(std::uint32_t Arguments::*member) {
    return optional("vcpu", member, "the vCPU that does it, by index", vcpu_range);
}

/// What a call must come back with.
inline Expectation call_result(std::optional<Errno> error, std::optional<LineStatus> status = std::nullopt,
                               std::string call = {}) {
    expect::CallResult result;
    if (error) result.error = static_cast<int>(*error);
    if (status) result.value_sign = static_cast<int>(*status);
    result.call = std::move(call);
    return result;
}

/// `, which must be refused with EINVAL`; nothing when it must succeed.
std::string refusal_in_words(std::optional<Errno> error);
/// `, with the status "delivered"`.
std::string status_in_words(std::optional<LineStatus> status);
/// `vCPU 0`, `vCPU 0 or 1`, `any vCPU`.
std::string vcpus_in_words(const std::vector<std::uint32_t>& vcpus);
/// `GSI 10`.
std::string gsi_in_words(std::uint32_t gsi);

/// A number that may take a few values only.
template <std::uint64_t... allowed>
struct OneOf {
    std::uint64_t value = 0;
};

}  // namespace irqbench::scenarios::verbs

namespace irqbench::scenarios {

template <>
struct Words<verbs::Errno> {
    using E = verbs::Errno;
    static constexpr std::array<std::pair<std::string_view, E>, 18> table{{{"EPERM", E::eperm},
                                                                           {"ENOENT", E::enoent},
                                                                           {"EINTR", E::eintr},
                                                                           {"EIO", E::eio},
                                                                           {"ENXIO", E::enxio},
                                                                           {"E2BIG", E::e2big},
                                                                           {"EBADF", E::ebadf},
                                                                           {"EAGAIN", E::eagain},
                                                                           {"ENOMEM", E::enomem},
                                                                           {"EFAULT", E::efault},
                                                                           {"EBUSY", E::ebusy},
                                                                           {"EEXIST", E::eexist},
                                                                           {"ENODEV", E::enodev},
                                                                           {"EINVAL", E::einval},
                                                                           {"ENOTTY", E::enotty},
                                                                           {"ENOSPC", E::enospc},
                                                                           {"ENOSYS", E::enosys},
                                                                           {"EOPNOTSUPP", E::eopnotsupp}}};
};

template <>
struct Words<verbs::LineStatus> {
    using E = verbs::LineStatus;
    static constexpr std::array<std::pair<std::string_view, E>, 3> table{
        {{"delivered", E::delivered}, {"coalesced", E::coalesced}, {"ignored", E::ignored}}};
};

template <std::uint64_t... allowed>
struct Form<verbs::OneOf<allowed...>> {
    using Value = verbs::OneOf<allowed...>;
    static Value read(const Cursor& at, Limits) {
        const std::uint64_t number = Form<std::uint64_t>::read(at, {});
        if (((number == allowed) || ...)) return {number};
        const bool in_hex = at.node().text() != nullptr;
        std::string list;
        ((list += (list.empty() ? "" : ", ") + (in_hex ? hex(allowed) : std::to_string(allowed))), ...);
        at.fail("must be one of " + list + ", not " + in_words(at.node()));
    }
    static Json schema(Limits) {
        Json words = Json::array();
        (words.push_back(allowed), ...);
        (words.push_back(hex(allowed)), ...);
        return {{"enum", std::move(words)}};
    }

  private:
    static std::string hex(std::uint64_t number) {
        std::string digits;
        do digits.insert(digits.begin(), "0123456789abcdef"[number % 16]);
        while ((number /= 16) != 0);
        return "0x" + digits;
    }
};

}  // namespace irqbench::scenarios
