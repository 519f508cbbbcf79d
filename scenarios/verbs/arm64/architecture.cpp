#include "scenarios/verbs/arm64/architecture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "scenarios/verbs/arm64/access.hpp"
#include "scenarios/verbs/arm64/cpu.hpp"
#include "scenarios/verbs/arm64/gic.hpp"
#include "scenarios/verbs/arm64/its.hpp"
#include "scenarios/verbs/arm64/kernel_events.hpp"
#include "scenarios/verbs/arm64/lines.hpp"
#include "scenarios/verbs/arm64/signs.hpp"
#include "scenarios/verbs/arm64/state_file.hpp"
#include "scenarios/verbs/common/claims.hpp"
#include "scenarios/verbs/common/guest.hpp"
#include "scenarios/verbs/common/machine.hpp"
#include "scenarios/verbs/common/migration.hpp"
#include "scenarios/verbs/common/path.hpp"
#include "vmm/arm64/traits.hpp"
#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios::verbs::arm64 {

namespace {

constexpr std::array all_verbs{
    verb<ArmLineVerb<LineMotion::raise>>("raise", Side::host,
                                         "raises the line of a GSI or PPI (KVM_IRQ_LINE)"),
    verb<ArmLineVerb<LineMotion::lower>>("lower", Side::host, "lowers it"),
    verb<ArmLineVerb<LineMotion::pulse>>("pulse", Side::host, "raises and lowers it"),
    verb<MsiVerb>("msi", Side::host, "sends a message (KVM_SIGNAL_MSI)"),
    verb<RouteVerb>("route", Side::host, "replaces the routes of one GSI"),
    verb<IrqfdVerb>("irqfd", Side::host, "assigns an irqfd"),
    verb<UnrouteVerb>("unroute", Side::host, "removes the routes of one GSI"),
    verb<DeassignVerb>("deassign", Side::host, "deassigns an irqfd or ioeventfd"),
    verb<SignalVerb>("signal", Side::host, "writes to an irqfd's eventfd"),
    verb<IoeventfdVerb>("ioeventfd", Side::host, "assigns an ioeventfd"),
    verb<ResetVerb>("reset", Side::host, "puts a controller back to where it was when it was made"),
    verb<MigrateVerb>("migrate", Side::host, "moves the guest into a new virtual machine"),
    verb<SaveVerb>("save", Side::host, "saves the machine's state under a name"),
    verb<RestoreVerb>("restore", Side::host, "begins a new virtual machine with a saved state"),
    verb<CloseVerb>("close", Side::host, "closes the virtual machine as it stands"),

    verb<HandlerVerb<HandlerDialect>>("handler", Side::guest, "says what an INTID's handler does"),
    verb<EndVerb<End::eoi>>("eoi", Side::guest, "writes EOIR"),
    verb<EndVerb<End::deactivate>>("deactivate", Side::guest, "writes DIR"),
    verb<ReturnVerb>("return", Side::guest, "leaves the innermost handler that stays"),
    verb<MaskVerb<MaskChange::mask>>("mask", Side::guest, "masks interrupts (PSTATE.I and F)"),
    verb<MaskVerb<MaskChange::unmask>>("unmask", Side::guest, "unmasks interrupts"),
    verb<WfiVerb>("wfi", Side::guest, "waits for an interrupt"),
    verb<PmrVerb>("pmr", Side::guest, "writes the priority mask"),
    verb<EoiModeVerb>("eoi_mode", Side::guest, "writes EOImode"),
    verb<SpiVerb>("spi", Side::guest,
                  "programs an SPI: disabled, then group, priority, trigger and target, then enabled"),
    verb<PrivateVerb>("private", Side::guest, "programs an SGI or PPI of a vCPU"),
    verb<BitVerb<Bit::enable>>("enable", Side::guest, "writes ISENABLER"),
    verb<BitVerb<Bit::disable>>("disable", Side::guest, "writes ICENABLER"),
    verb<BitVerb<Bit::set_pending>>("set_pending", Side::guest, "writes ISPENDR"),
    verb<BitVerb<Bit::clear_pending>>("clear_pending", Side::guest, "writes ICPENDR"),
    verb<BitVerb<Bit::set_active>>("set_active", Side::guest, "writes ISACTIVER"),
    verb<BitVerb<Bit::clear_active>>("clear_active", Side::guest, "writes ICACTIVER"),
    verb<PriorityVerb>("priority", Side::guest, "writes IPRIORITYR"),
    verb<RetargetVerb>("retarget", Side::guest, "writes IROUTER, or ITARGETSR of a GICv2"),
    verb<SgiVerb>("sgi", Side::guest, "sends an SGI"),
    verb<ItsVerb>("its", Side::guest, "sets up the ITS and LPIs, in the scenario's memory"),
    verb<LpiVerb>("lpi", Side::guest, "writes an LPI's configuration byte"),
    verb<CommandVerb>("its_command", Side::guest, "has the ITS execute a command"),
    verb<CpuOnVerb>("cpu_on", Side::guest, "starts a vCPU by PSCI CPU_ON"),
    verb<WriteVerb<AccessTarget>>("write", Side::guest,
                                  "writes a system register, memory or a register of the GIC"),
    verb<ReadVerb<AccessTarget>>("read", Side::guest,
                                 "reads a system register, memory or a register of the GIC"),

    verb<AckVerb<Intid>>("ack", Side::claim, "these interrupts were taken"),
    verb<ArrivesVerb<Intid>>("arrives", Side::claim,
                             "these interrupts are taken, though real time may pass first"),
    verb<QuietVerb>("quiet", Side::claim, "nothing is left to be taken"),
    verb<CheckVerb>("check", Side::claim, "what the GIC has for an INTID"),
    verb<ResampledVerb>("resampled", Side::claim, "a resamplefd was kicked"),
    verb<DoorbellVerb>("doorbell", Side::claim, "an ioeventfd was signalled"),
    verb<StormVerb<Intid>>("storm", Side::claim, "more interrupts than the step's budget"),
    verb<StartedVerb<ArmCpu>>("started", Side::claim, "the vCPU was started by PSCI"),
    verb<HaltedVerb<ArmCpu>>("halted", Side::claim, "the vCPU rests in WFI"),
    verb<PathVerb>("path", Side::claim, "the kernel's own events since the last action, in order"),
};

constexpr std::array<std::string_view, 3> modes{"kernel", "userspace", "model"};
constexpr std::array<std::string_view, 3> controllers{"interrupt", "distributor", "cpu_interface"};
constexpr std::array<std::string_view, 14> state_parts{
    "registers", "vcpu_events",    "iidr", "redistributors", "distributor", "cpu_interfaces",
    "lines",     "pending_tables", "its",  "routing",        "irqfds",      "controllers",
    "timers",    "mp_state"};
constexpr StartWords start{"is off, and no step starts it by PSCI CPU_ON", "can start it by PSCI CPU_ON"};

/// Versions of the GIC.
enum class Gic : std::uint8_t { v2 = 2, v3 = 3 };

}  // namespace

}  // namespace irqbench::scenarios::verbs::arm64

namespace irqbench::scenarios {

template <>
struct Words<verbs::arm64::Gic> {
    using E = verbs::arm64::Gic;
    static constexpr std::array<std::pair<std::string_view, E>, 2> table{{{"v2", E::v2}, {"v3", E::v3}}};
};

}  // namespace irqbench::scenarios

namespace irqbench::scenarios::verbs::arm64 {

namespace {

struct MachineArguments : AnyMachine {
    std::optional<Gic> gic;
    bool its = false;
    std::uint32_t spis = 64;
    static constexpr auto fields() {
        return std::tuple_cat(
            std::tuple{
                optional("gic", &MachineArguments::gic, "this version only; by default that of the run"),
                optional("its", &MachineArguments::its, "an ITS; needs a GICv3"),
                optional("spis", &MachineArguments::spis, "SPIs there are, a multiple of 32",
                         between(32, most_spis))},
            fields_of_any());
    }
    static void check(const MachineArguments& arguments, const Cursor& at);
};

void MachineArguments::check(const MachineArguments& arguments, const Cursor& at) {
    AnyMachine::check(arguments, at);
    if (arguments.spis % 32 != 0)
        at.at("spis", *at.node().find("spis"))
            .fail("must be a multiple of 32, as GICD_TYPER.ITLinesNumber counts");
    if (arguments.its && arguments.gic == Gic::v2)
        at.fail("a GICv2 has no ITS: remove 'its', or 'gic'", ScenarioError::Kind::invalid);
}

void read_machine(const Cursor& at, vmm::MachineConfig& config) {
    const auto arguments = Form<MachineArguments>::read(at, {});
    if (arguments.gic) config.gic = word_of(*arguments.gic);
    if (arguments.its) config.gic = word_of(Gic::v3);
    config.its = arguments.its;
    config.spis = arguments.spis;
    arguments.describe(config);
}

Json machine_schema() { return Form<MachineArguments>::schema({}); }

std::string machine_in_words(const vmm::MachineConfig& config) {
    std::string text = config.gic.empty() ? "" : fmt::format(", with a GIC{}", config.gic);
    if (config.its) text += " and an ITS";
    if (config.spis != vmm::MachineConfig{}.spis) text += fmt::format(", with {} SPIs", config.spis);
    return text;
}

std::string check_machine(const vmm::MachineConfig& config) {
    constexpr std::size_t gicv2_cpus = 8;
    if (config.gic == "v2" && config.vcpu_ids.size() > gicv2_cpus)
        return fmt::format("a GICv2 has at most {} CPUs (IHI 0048, 1.2)", gicv2_cpus);
    const auto& ids = config.vcpu_ids;
    // KVM_MAX_VCPUS of Linux, arch/arm64/include/asm/kvm_host.h: what a GICv3 of KVM has.
    constexpr std::uint32_t last_id = 511;
    if (const auto widest = std::max_element(ids.begin(), ids.end()); *widest > last_id)
        return fmt::format("the id {} is above {}, the last that KVM gives to a vCPU on arm64", *widest,
                           last_id);
    if (config.gic == "v2")
        for (std::uint32_t index = 0; index < ids.size(); ++index)
            if (ids[index] != index)
                return "a GICv2 counts its CPUs from 0: give the number of vCPUs in place of their ids";
    return "";
}

/// KVM's own table leads each SPI's GSI to it.
std::uint32_t default_gsis(const vmm::MachineConfig& config) { return config.spis; }

/// The newest GIC that all have; left to each of them where they have none in common.
void settle(vmm::MachineConfig& config, const std::function<bool(std::string_view)>& offered) {
    if (!config.gic.empty()) return;
    if (offered("arm_vgic_v3"))
        config.gic = word_of(Gic::v3);
    else if (offered("arm_vgic_v2"))
        config.gic = word_of(Gic::v2);
}

std::vector<std::string_view> needed(const vmm::MachineConfig& config) {
    std::vector<std::string_view> capabilities;
    if (config.gic == "v2") capabilities.emplace_back("arm_vgic_v2");
    if (config.gic == "v3") capabilities.emplace_back("arm_vgic_v3");
    if (config.its) capabilities.emplace_back("arm_vgic_its");
    return capabilities;
}

/// Without its own GIC, KVM has no system registers of a GICv3.
std::string lacks(const vmm::MachineConfig& config, std::string_view placement) {
    if (placement != "userspace") return "";
    if (config.its) return "userspace mode has a GICv2, which has no ITS";
    if (config.gic == "v3") return "userspace mode has a GICv2, and no GICv3";
    vmm::MachineConfig with_gicv2 = config;
    with_gicv2.gic = "v2";
    const std::string why_not = check_machine(with_gicv2);
    return why_not.empty() ? "" : "userspace mode has a GICv2, and " + why_not;
}

/// What the guest agent needs for itself, no scenario may take from it.
std::string check_place(const vmm::MachineConfig& config, const Place& place) {
    if (place.is_port) return "there are no ports on arm64: use an 'address'";
    if (place.address >= AGENT_EXIT_ADDRESS && place.address < AGENT_EXIT_ADDRESS + 8)
        return fmt::format(
            "the address {:#x} belongs to the guest agent, which reaches the host through it: use another",
            AGENT_EXIT_ADDRESS);
    return check_agent_memory(config, place);
}

}  // namespace

const Architecture architecture{.name = "arm64",
                                .verbs = all_verbs,
                                .modes = modes,
                                .controllers = controllers,
                                .state_parts = state_parts,
                                .traits = vmm::arm64::trait_names,
                                .start = start,
                                .kernel_events = kernel_events,
                                .read_machine = read_machine,
                                .machine_schema = machine_schema,
                                .machine_in_words = machine_in_words,
                                .read_outcome = read_outcome<Intid>,
                                .outcome_unfit_for = outcome_unfit_for<Intid>,
                                .outcome_schema = outcome_schema<Intid>,
                                .check_machine = check_machine,
                                .default_gsis = default_gsis,
                                .settle = settle,
                                .needed = needed,
                                .lacks = lacks,
                                .check_place = check_place,
                                .signs = signs,
                                .state_text = state_text,
                                .state_schema = state_schema,
                                .read_state = read_state};

}  // namespace irqbench::scenarios::verbs::arm64
