#pragma once

#include "irqchip/arm64/its_command.hpp"
#include "scenarios/verbs/arm64/words.hpp"
#include "scenarios/verbs/common/guest.hpp"

/// LPIs: the ITS, its commands, and messages to it.
namespace irqbench::scenarios::verbs::arm64 {

inline constexpr Limits lpi_range = between(irqchip::arm64::first_lpi, 0xffff);
inline constexpr Limits device_range = up_to(0x3fff);  ///< one page of the device table is for 0x2000
inline constexpr Limits event_range = up_to(0xffff);
inline constexpr Limits collection_range = up_to(0x1fff);

/// Where a set-up ITS has its memory, from vmm::scenario_memory on: what is left to the scenario follows.
struct ItsMemory {
    static constexpr std::uint64_t bytes_each = 0x10000;
    static constexpr std::uint64_t queue = 0;
    static constexpr std::uint64_t devices = bytes_each;
    static constexpr std::uint64_t collections = 2 * bytes_each;
    static constexpr std::uint64_t properties = 3 * bytes_each;
    static constexpr std::uint64_t translations = 4 * bytes_each;  ///< 16 devices of up to 512 events each
    static constexpr std::uint64_t second_level =
        5 * bytes_each;                                       ///< of the devices, if there is one: two pages
    static constexpr std::uint64_t pending = 7 * bytes_each;  ///< one a vCPU
    /// Behind them: 16 devices of up to 65536 events each.
    static constexpr std::uint64_t large_translations(std::size_t vcpus) {
        return pending + vcpus * bytes_each;
    }
};

/// Gives the ITS its tables and its queue, every redistributor its tables for LPIs, and enables them all.
[[nodiscard]] std::vector<vmm::GuestOp> set_up_its(const vmm::MachineConfig& config, bool two_level);

/// Of `its`: who sets it up, and how.
struct ItsArguments {
    std::uint32_t vcpu = 0;
    bool two_level = false;
    static constexpr auto fields() {
        return std::tuple{optional("two_level", &ItsArguments::two_level,
                                   "the device table has two levels, and room for ids above 0x1fff"),
                          vcpu_field(&ItsArguments::vcpu)};
    }
    static constexpr bool bare_true = true;
};

/// See set_up_its().
class ItsVerb final : public GuestVerbOf<ItsArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `lpi`: what its byte of the configuration table says.
struct LpiArguments {
    std::uint32_t vcpu = 0;
    std::uint32_t intid = 0;
    std::uint32_t priority = 0xa0;
    bool enabled = true;
    static constexpr auto fields() {
        return std::tuple{
            required("intid", &LpiArguments::intid, "the LPI", lpi_range),
            optional("priority", &LpiArguments::priority, "the lower, the more urgent", priority_range),
            optional("enabled", &LpiArguments::enabled, "its enable bit"), vcpu_field(&LpiArguments::vcpu)};
    }
    static constexpr std::string_view shorthand = "intid";
};

/// Writes its byte of the configuration table. The ITS hears of it by `inv` or `invall`.
class LpiVerb final : public GuestVerbOf<LpiArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

using ItsCommand = irqchip::arm64::ItsOpcode;

/// What its own interface can put back to the beginning.
enum class Resettable : std::uint8_t { its };

/// Of `reset`: what is reset.
struct ResetArguments {
    Resettable controller = Resettable::its;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{required("controller", &ResetArguments::controller, "which controller"),
                          error_field(&ResetArguments::error)};
    }
    static constexpr std::string_view shorthand = "controller";
};

/// Puts a controller back to where it was when it was made.
class ResetVerb final : public CallVerbOf<ResetArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
};

/// Of `its_command`: each command takes keys of its own.
struct CommandArguments {
    std::uint32_t vcpu = 0;
    ItsCommand command = ItsCommand::sync;
    std::optional<std::uint32_t> device;
    std::optional<std::uint32_t> event;
    std::optional<std::uint32_t> intid;
    std::optional<std::uint32_t> collection;
    std::optional<std::uint32_t> from;
    std::optional<std::uint32_t> to;
    std::uint32_t event_bits = 9;
    bool valid = true;
    static constexpr auto fields() {
        return std::tuple{
            required("command", &CommandArguments::command, "the command"),
            optional("device", &CommandArguments::device, "device id", device_range),
            optional("event", &CommandArguments::event, "event id", event_range),
            optional("intid", &CommandArguments::intid, "the LPI of mapti; also one that is none",
                     up_to(0xffff'ffff)),
            optional("collection", &CommandArguments::collection, "collection id", collection_range),
            optional("from", &CommandArguments::from, "movall: from this vCPU", vcpu_range),
            optional("to", &CommandArguments::to, "mapc, movall, sync: this vCPU", vcpu_range),
            optional("event_bits", &CommandArguments::event_bits,
                     "mapd: the device has 2 to the power of this many events; above 16 there is no table",
                     between(1, 32)),
            optional("valid", &CommandArguments::valid, "mapd, mapc: the V bit"),
            vcpu_field(&CommandArguments::vcpu)};
    }
    static void check(const CommandArguments& arguments, const Cursor& at);
};

/// Puts one command into the queue and has it executed.
class CommandVerb final : public GuestVerbOf<CommandArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `msi`: an event of a device, and what the call must come back with.
struct MsiArguments {
    std::uint32_t event = 0;
    std::optional<std::uint32_t> device;
    std::optional<std::uint64_t> address;
    std::optional<LineStatus> status;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{
            required("event", &MsiArguments::event, "event id, the message's data"),
            optional("device", &MsiArguments::device, "device id; without it KVM_MSI_VALID_DEVID is not set"),
            optional("address", &MsiArguments::address, "GITS_TRANSLATER of the ITS by default"),
            optional("status", &MsiArguments::status, "what KVM_SIGNAL_MSI must say"),
            error_field(&MsiArguments::error)};
    }
    static constexpr std::array constraints{excludes("status", "errno")};
};

class MsiVerb final : public CallVerbOf<MsiArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
};

struct RouteMsi {
    std::uint32_t event = 0;
    std::optional<std::uint32_t> device;
    std::optional<std::uint64_t> address;
    static constexpr auto fields() {
        return std::tuple{
            required("event", &RouteMsi::event, "event id, the message's data"),
            optional("device", &RouteMsi::device, "device id; without it KVM_MSI_VALID_DEVID is not set"),
            optional("address", &RouteMsi::address, "GITS_TRANSLATER of the ITS by default")};
    }
};

/// Of `route`: to an SPI or to a message.
struct RouteArguments {
    std::uint32_t gsi = 0;
    std::optional<std::uint32_t> spi;
    std::optional<RouteMsi> msi;
    std::optional<Errno> error;
    static constexpr auto fields() {
        return std::tuple{
            required("gsi", &RouteArguments::gsi, "the GSI", gsi_range),
            optional("spi", &RouteArguments::spi, "to the SPI with this INTID", between(32, 0xffff)),
            optional("msi", &RouteArguments::msi, "to a message"), error_field(&RouteArguments::error)};
    }
    static constexpr std::array constraints{exactly_one("spi", "msi")};
};

/// Replaces the routes of one GSI.
class RouteVerb final : public CallVerbOf<RouteArguments> {
  public:
    using CallVerbOf::CallVerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
};

}  // namespace irqbench::scenarios::verbs::arm64

namespace irqbench::scenarios {

template <>
struct Words<verbs::arm64::Resettable> {
    using E = verbs::arm64::Resettable;
    static constexpr std::array<std::pair<std::string_view, E>, 1> table{{{"its", E::its}}};
};

template <>
struct Words<verbs::arm64::ItsCommand> {
    using E = verbs::arm64::ItsCommand;
    static constexpr std::array<std::pair<std::string_view, E>, 12> table{{{"mapd", E::mapd},
                                                                           {"mapc", E::mapc},
                                                                           {"mapti", E::mapti},
                                                                           {"mapi", E::mapi},
                                                                           {"movi", E::movi},
                                                                           {"movall", E::movall},
                                                                           {"discard", E::discard},
                                                                           {"clear", E::clear},
                                                                           {"int", E::interrupt},
                                                                           {"inv", E::inv},
                                                                           {"invall", E::invall},
                                                                           {"sync", E::sync}}};
};

}  // namespace irqbench::scenarios
