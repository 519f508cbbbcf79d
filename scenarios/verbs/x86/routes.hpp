#pragma once

#include "scenarios/verbs/common/verb_of.hpp"
#include "scenarios/verbs/x86/words.hpp"

/// Messages and the routing table.
namespace irqbench::scenarios::verbs::x86 {

/// A message, in fields or raw.
struct MsiFields {
    std::optional<std::uint32_t> vector;
    std::uint32_t dest = 0;
    DestinationMode dest_mode = DestinationMode::physical;
    DeliveryMode mode = DeliveryMode::fixed;
    Trigger trigger = Trigger::edge;
    std::optional<bool> level;
    bool hint = false;
    std::optional<std::uint64_t> address;
    std::optional<std::uint32_t> data;

    static constexpr auto message_fields() {
        return std::tuple{
            optional("vector", &MsiFields::vector, "the vector", vector_range),
            optional("dest", &MsiFields::dest, "APIC id, or logical destination"),
            optional("dest_mode", &MsiFields::dest_mode, "how `dest` is meant"),
            optional("mode", &MsiFields::mode, "delivery mode"),
            optional("trigger", &MsiFields::trigger, "trigger mode"),
            optional("level", &MsiFields::level, "assert (true) or de-assert; true for level trigger"),
            optional("hint", &MsiFields::hint, "redirection hint"),
            optional("address", &MsiFields::address, "the message's address, raw"),
            optional("data", &MsiFields::data, "the message's data, raw")};
    }
    static constexpr std::array raw_constraints{
        at_least_one("vector", "mode", "address"),
        needs("address", "data"),
        needs("data", "address"),
        excludes("address", "vector", "dest", "dest_mode", "mode", "trigger", "level", "hint"),
    };
    /// A fixed or lowest-priority message needs a vector.
    static void check_vector(const MsiFields& fields, const Cursor& at);

    /// The encoding on this machine: 32-bit destinations where it has them, else up to 15 bits.
    [[nodiscard]] vmm::MsiMessage message(const vmm::MachineConfig& config) const;
    /// What messages may do besides interrupting, see note_delivery().
    void note(Facts& facts) const;
    /// `vector 0x51 to APIC id 0`.
    [[nodiscard]] std::string in_words() const;
};

struct MsiTarget : MsiFields {
    static constexpr auto fields() { return message_fields(); }
    static constexpr auto constraints = raw_constraints;
    static void check(const MsiTarget& target, const Cursor& at) { check_vector(target, at); }
};

/// Of `msi`: a message, and what the call must come back with.
struct MsiArguments : MsiFields {
    std::optional<LineStatus> status;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple_cat(message_fields(), std::tuple{optional("status", &MsiArguments::status,
                                                                    "what KVM_SIGNAL_MSI must say"),
                                                           error_field(&MsiArguments::error)});
    }
    static constexpr std::string_view shorthand = "vector";
    static constexpr auto constraints = raw_constraints;
    static void check(const MsiArguments& arguments, const Cursor& at) { check_vector(arguments, at); }
};

class MsiVerb final : public CallVerbOf<MsiArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override { stage.machine.msi(arguments_.message(stage.config)); }
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
};

/// A route as the kernel takes it, for what it must refuse.
struct RawRouteArguments {
    std::uint32_t type = 0;
    std::uint32_t flags = 0;
    std::uint32_t chip = 0;
    std::uint32_t pin = 0;
    static constexpr auto fields() {
        return std::tuple{required("type", &RawRouteArguments::type, "KVM_IRQ_ROUTING_*"),
                          optional("flags", &RawRouteArguments::flags, "of the entry"),
                          optional("chip", &RawRouteArguments::chip, "irqchip; the low address of a message"),
                          optional("pin", &RawRouteArguments::pin, "its pin; the high address of a message")};
    }
};

/// Where a GSI goes.
struct RouteTarget {
    std::optional<std::uint32_t> ioapic;
    std::optional<std::uint32_t> pic;
    std::optional<MsiTarget> msi;
    std::optional<RawRouteArguments> raw;

    static constexpr auto fields() {
        return std::tuple{
            optional("ioapic", &RouteTarget::ioapic, "an IOAPIC pin", up_to(23)),
            optional("pic", &RouteTarget::pic, "an input of the PIC pair", up_to(15)),
            optional("msi", &RouteTarget::msi, "a message"),
            optional("raw", &RouteTarget::raw, "an entry as the kernel's interface writes it, for refusals")};
    }
    static constexpr std::array constraints{exactly_one("ioapic", "pic", "msi", "raw")};

    [[nodiscard]] routing::Route route(const vmm::MachineConfig& config) const;
    [[nodiscard]] std::string in_words() const;
    void note(Facts& facts) const;
};

/// One GSI and all its routes.
struct GsiRoutes : RouteTarget {
    std::uint32_t gsi = 0;
    std::vector<RouteTarget> to;

    static constexpr auto fields() {
        return std::tuple_cat(std::tuple{required("gsi", &GsiRoutes::gsi, "the GSI", gsi_range)},
                              RouteTarget::fields(),
                              std::tuple{optional("to", &GsiRoutes::to, "several at once")});
    }
    static constexpr std::array constraints{exactly_one("ioapic", "pic", "msi", "raw", "to")};

    [[nodiscard]] std::vector<routing::Route> routes(const vmm::MachineConfig& config) const;
    [[nodiscard]] std::string in_words() const;
    void note(Facts& facts) const;
    [[nodiscard]] std::uint32_t widest_destination() const;
};

/// Of `route`: one GSI's routes.
struct RouteArguments : GsiRoutes {
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple_cat(GsiRoutes::fields(), std::tuple{error_field(&RouteArguments::error)});
    }
};

class RouteVerb final : public CallVerbOf<RouteArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
};

enum class NamedTable { defaults, empty };

/// `"default"`, `"empty"`, or an array of GSIs.
struct TableChoice {
    std::optional<NamedTable> named;
    std::vector<GsiRoutes> listed;
};

/// Of `routes`: many GSIs with one message.
struct FillArguments {
    std::uint32_t first = 0;
    std::uint32_t count = 1;
    MsiTarget msi;
    static constexpr auto fields() {
        return std::tuple{
            optional("first", &FillArguments::first, "the first GSI", gsi_range),
            required("count", &FillArguments::count, "how many GSIs, one after the other", between(1, 8192)),
            required("msi", &FillArguments::msi, "the message all of them send")};
    }
};

/// Of `routes`: a whole table.
struct RoutesArguments {
    TableChoice table;
    std::optional<FillArguments> fill;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{
            optional("table", &RoutesArguments::table, "\"default\", \"empty\", or a list of routes"),
            optional("fill", &RoutesArguments::fill, "many GSIs with one message"),
            error_field(&RoutesArguments::error)};
    }
    static constexpr std::string_view shorthand = "table";
    static constexpr std::array constraints{exactly_one("table", "fill")};
};

class RoutesVerb final : public CallVerbOf<RoutesArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
};

}  // namespace irqbench::scenarios::verbs::x86

namespace irqbench::scenarios {

template <>
struct Words<verbs::x86::NamedTable> {
    using E = verbs::x86::NamedTable;
    static constexpr std::array<std::pair<std::string_view, E>, 2> table{
        {{"default", E::defaults}, {"empty", E::empty}}};
};

template <>
struct Form<verbs::x86::TableChoice> {
    static verbs::x86::TableChoice read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
