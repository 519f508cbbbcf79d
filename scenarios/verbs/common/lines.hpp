#pragma once

#include "scenarios/verbs/common/verb_of.hpp"

/// Interrupt lines, irqfds and ioeventfds.
namespace irqbench::scenarios::verbs {

/// Of `raise`, `lower` and `pulse` on x86: a GSI, and what the call must say.
struct LineArguments {
    std::uint32_t gsi = 0;
    std::optional<LineStatus> status;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{required("gsi", &LineArguments::gsi, "the GSI", gsi_range),
                          optional("status", &LineArguments::status,
                                   "what KVM_IRQ_LINE_STATUS must say; for pulse, of its rise"),
                          error_field(&LineArguments::error)};
    }
    static constexpr std::string_view shorthand = "gsi";
    static constexpr std::array constraints{excludes("status", "errno")};
};

enum class LineMotion { raise, lower, pulse };

/// `raise`, `lower`, `pulse`.
template <LineMotion motion>
class LineVerb final : public VerbOf<LineArguments> {
  public:
    using VerbOf::VerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
};

extern template class LineVerb<LineMotion::raise>;
extern template class LineVerb<LineMotion::lower>;
extern template class LineVerb<LineMotion::pulse>;

enum class Via { kernel, another_vm };

/// Of `irqfd`: its name, its GSI, and how it is made.
struct IrqfdArguments {
    std::string name;
    std::uint32_t gsi = 0;
    bool resample = false;
    std::string shares;
    std::optional<Via> via;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{
            required("name", &IrqfdArguments::name, "what later steps call it"),
            required("gsi", &IrqfdArguments::gsi, "the GSI it raises", gsi_range),
            optional("resample", &IrqfdArguments::resample, "it has a resamplefd"),
            optional("shares", &IrqfdArguments::shares,
                     "uses the eventfd of this other irqfd, which may be deassigned by now"),
            optional("via", &IrqfdArguments::via,
                     "`kernel`: in split mode to the kernel's route, past our IOAPIC, as QEMU does; "
                     "`another VM`: on x86 of a second VM, which has interrupt controllers and nothing else"),
            error_field(&IrqfdArguments::error)};
    }
};

class IrqfdVerb final : public CallVerbOf<IrqfdArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
};

/// The name of an irqfd or of an ioeventfd; the file says which before it uses the name.
struct DeviceName {
    std::string name;
    bool is_ioeventfd = false;
};

/// Of `deassign`: the name of an irqfd or ioeventfd.
struct DeassignArguments {
    DeviceName name;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{required("name", &DeassignArguments::name, "name of an irqfd or ioeventfd"),
                          error_field(&DeassignArguments::error)};
    }
    static constexpr std::string_view shorthand = "name";
};

class DeassignVerb final : public CallVerbOf<DeassignArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
};

/// Of `signal`: an irqfd by name, and what is written to its eventfd.
struct SignalArguments {
    std::string irqfd;
    std::uint64_t count = 1;
    bool deassigned = false;
    static constexpr auto fields() {
        // eventfd(2): 0xffffffffffffffff cannot be written.
        return std::tuple{
            required("irqfd", &SignalArguments::irqfd, "name of the irqfd"),
            optional("count", &SignalArguments::count, "the number written, once",
                     between(1, 0xffff'ffff'ffff'fffe)),
            optional("deassigned", &SignalArguments::deassigned,
                     "it is deassigned: what is written waits in its eventfd for an irqfd that shares it")};
    }
    static constexpr std::string_view shorthand = "irqfd";
};

class SignalVerb final : public VerbOf<SignalArguments> {
  public:
    using VerbOf::VerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override { stage.machine.signal(arguments_.irqfd, arguments_.count); }
    [[nodiscard]] Facts facts() const override;
};

/// Of `ioeventfd`: its name, and the writes it is signalled by; `length` in bytes.
struct IoeventfdArguments {
    std::string name;
    std::optional<std::uint16_t> port;
    std::optional<std::uint64_t> address;
    std::uint32_t length = 4;
    std::optional<std::uint64_t> datamatch;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{
            required("name", &IoeventfdArguments::name, "what later steps call it"),
            optional("port", &IoeventfdArguments::port, "the port it listens to"),
            optional("address", &IoeventfdArguments::address, "the guest physical address it listens to"),
            optional("length", &IoeventfdArguments::length, "of the access; 0 for any", up_to(64)),
            optional("datamatch", &IoeventfdArguments::datamatch, "only writes of this value"),
            error_field(&IoeventfdArguments::error)};
    }
    static constexpr std::array constraints{exactly_one("port", "address")};
    static void check(const IoeventfdArguments& arguments, const Cursor& at);
};

class IoeventfdVerb final : public CallVerbOf<IoeventfdArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
};

/// Of `unroute`: a GSI.
struct UnrouteArguments {
    std::uint32_t gsi = 0;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{required("gsi", &UnrouteArguments::gsi, "the GSI", gsi_range),
                          error_field(&UnrouteArguments::error)};
    }
    static constexpr std::string_view shorthand = "gsi";
};

class UnrouteVerb final : public CallVerbOf<UnrouteArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
};

}  // namespace irqbench::scenarios::verbs

namespace irqbench::scenarios {

template <>
struct Words<verbs::Via> {
    static constexpr std::array<std::pair<std::string_view, verbs::Via>, 2> table{
        {{"kernel", verbs::Via::kernel}, {"another VM", verbs::Via::another_vm}}};
};

template <>
struct Form<verbs::DeviceName> {
    static verbs::DeviceName read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
