#include "scenarios/verbs/x86/architecture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "scenarios/verbs/common/claims.hpp"
#include "scenarios/verbs/common/guest.hpp"
#include "scenarios/verbs/common/lines.hpp"
#include "scenarios/verbs/common/machine.hpp"
#include "scenarios/verbs/common/migration.hpp"
#include "scenarios/verbs/common/path.hpp"
#include "scenarios/verbs/x86/access.hpp"
#include "scenarios/verbs/x86/chips.hpp"
#include "scenarios/verbs/x86/cpu.hpp"
#include "scenarios/verbs/x86/kernel_events.hpp"
#include "scenarios/verbs/x86/lapic.hpp"
#include "scenarios/verbs/x86/routes.hpp"
#include "scenarios/verbs/x86/signs.hpp"
#include "scenarios/verbs/x86/state.hpp"
#include "scenarios/verbs/x86/state_file.hpp"
#include "vmm/guest/agent_abi.h"
#include "vmm/x86/traits.hpp"

namespace irqbench::scenarios::verbs::x86 {

namespace {

constexpr std::array all_verbs{
    verb<LineVerb<LineMotion::raise>>("raise", Side::host, "raises a GSI (KVM_IRQ_LINE)"),
    verb<LineVerb<LineMotion::lower>>("lower", Side::host, "lowers a GSI"),
    verb<LineVerb<LineMotion::pulse>>("pulse", Side::host, "raises and lowers a GSI"),
    verb<MsiVerb>("msi", Side::host, "sends a message (KVM_SIGNAL_MSI)"),
    verb<RouteVerb>("route", Side::host, "replaces the routes of one GSI"),
    verb<UnrouteVerb>("unroute", Side::host, "removes the routes of one GSI"),
    verb<RoutesVerb>("routes", Side::host, "replaces the routing table"),
    verb<IrqfdVerb>("irqfd", Side::host, "assigns an irqfd"),
    verb<DeassignVerb>("deassign", Side::host, "deassigns an irqfd or ioeventfd"),
    verb<SignalVerb>("signal", Side::host, "writes to an irqfd's eventfd"),
    verb<IoeventfdVerb>("ioeventfd", Side::host, "assigns an ioeventfd"),
    verb<NmiVerb>("nmi", Side::host, "sends an NMI (KVM_NMI)"),
    verb<InjectVerb<vmm::Injection::interrupt>>("interrupt", Side::host, "injects a vector (KVM_INTERRUPT)"),
    verb<InjectVerb<vmm::Injection::vcpu_events>>("inject", Side::host,
                                                  "injects a vector (KVM_SET_VCPU_EVENTS)"),
    verb<MigrateVerb>("migrate", Side::host, "moves the guest into a new virtual machine"),
    verb<SaveVerb>("save", Side::host, "saves the machine's state under a name"),
    verb<RestoreVerb>("restore", Side::host, "begins a new virtual machine with a saved state"),
    verb<CloseVerb>("close", Side::host, "closes the virtual machine as it stands"),

    verb<HandlerVerb<HandlerDialect>>("handler", Side::guest, "says what a vector's handler does"),
    verb<EoiVerb>("eoi", Side::guest, "writes the LAPIC's EOI register"),
    verb<ReturnVerb>("return", Side::guest, "leaves the innermost handler that stays"),
    verb<FlagVerb<FlagChange::cli>>("cli", Side::guest, "disables interrupts"),
    verb<FlagVerb<FlagChange::sti>>("sti", Side::guest, "enables interrupts"),
    verb<HaltVerb>("halt", Side::guest, "halts"),
    verb<IoapicVerb>("ioapic", Side::guest,
                     "writes a redirection entry: masked, then high half, then low half"),
    verb<MaskVerb<true>>("mask", Side::guest, "masks an IOAPIC pin"),
    verb<MaskVerb<false>>("unmask", Side::guest, "unmasks an IOAPIC pin"),
    verb<RetargetVerb>("retarget", Side::guest, "rewrites the high half of a redirection entry alone"),
    verb<EoirVerb>("eoir", Side::guest, "writes the IOAPIC's EOI register (version 0x20)"),
    verb<PicVerb>("pic", Side::guest, "initialises both PICs and makes LINT0 of vCPU 0 ExtINT"),
    verb<OcwVerb>("ocw", Side::guest, "writes an operation command word of a PIC"),
    verb<IpiVerb>("ipi", Side::guest, "sends an interprocessor interrupt"),
    verb<TprVerb>("tpr", Side::guest, "writes the LAPIC's TPR"),
    verb<Cr8Verb>("cr8", Side::guest, "writes CR8"),
    verb<LapicVerb>("lapic", Side::guest, "writes a LAPIC register by name"),
    verb<X2apicVerb>("x2apic", Side::guest, "switches to x2APIC mode through IA32_APIC_BASE"),
    verb<TimerVerb>("timer", Side::guest, "programs the LAPIC timer"),
    verb<PitVerb>("pit", Side::guest, "programs the PIT through ports 0x43 and 0x40"),
    verb<WriteVerb<AccessTarget>>("write", Side::guest, "writes an MSR, a port, memory or a register"),
    verb<ReadVerb<AccessTarget>>("read", Side::guest, "reads an MSR, a port, memory or a register"),

    verb<AckVerb<Vector>>("ack", Side::claim, "these interrupts were taken"),
    verb<ArrivesVerb<Vector>>("arrives", Side::claim,
                              "these interrupts are taken, though real time may pass first"),
    verb<QuietVerb>("quiet", Side::claim, "nothing is left to be taken"),
    verb<CheckVerb>("check", Side::claim, "a controller's own state"),
    verb<ResampledVerb>("resampled", Side::claim, "a resamplefd was kicked"),
    verb<DoorbellVerb>("doorbell", Side::claim, "an ioeventfd was signalled"),
    verb<EoiExitsVerb>("eoi_exits", Side::claim, "KVM_EXIT_IOAPIC_EOI exits (split mode)"),
    verb<StormVerb<Vector>>("storm", Side::claim, "more interrupts than the step's budget"),
    verb<StartedVerb<X86Cpu>>("started", Side::claim, "the vCPU came out of a SIPI"),
    verb<HaltedVerb<X86Cpu>>("halted", Side::claim, "the vCPU rests in HLT"),
    verb<PathVerb>("path", Side::claim, "the kernel's own events since the last action, in order"),
};

constexpr std::array<std::string_view, 4> modes{"kernel", "split", "userspace", "model"};
constexpr std::array<std::string_view, 3> controllers{"lapic", "ioapic", "pic"};
constexpr StartWords start{"waits for a SIPI that no step sends", "can send a SIPI"};
constexpr std::array<std::string_view, 15> state_parts{
    "sregs",   "regs", "tsc",    "lapic", "msrs",  "tsc_deadline", "vcpu_events", "mp_state",
    "routing", "pic",  "ioapic", "pit",   "lines", "irqfds",       "controllers"};

struct MachineArguments : AnyMachine {
    bool x2apic = false;
    bool x2apic_ids = false;
    bool extended_ids = false;
    bool eoi_suppression = false;
    bool pit = false;
    std::optional<bool> pit_reinject;
    OneOf<0x11, 0x20> ioapic_version{0x11};
    static constexpr auto fields() {
        return std::tuple_cat(
            std::tuple{optional("x2apic", &MachineArguments::x2apic, "vCPUs start in x2APIC mode"),
                       optional("x2apic_ids", &MachineArguments::x2apic_ids,
                                "32-bit ids in messages (KVM_CAP_X2APIC_API)"),
                       optional("extended_ids", &MachineArguments::extended_ids,
                                "15-bit ids in messages; userspace and model mode only"),
                       optional("eoi_suppression", &MachineArguments::eoi_suppression,
                                "SVR bit 12 holds back the broadcast of EOIs; not in kernel mode"),
                       optional("pit", &MachineArguments::pit, "a PIT; not in split mode"),
                       optional("pit_reinject", &MachineArguments::pit_reinject, "KVM_REINJECT_CONTROL"),
                       optional("ioapic_version", &MachineArguments::ioapic_version,
                                "where the IOAPIC is ours: 0x11 or 0x20")},
            fields_of_any());
    }
    static constexpr std::array constraints{needs("pit_reinject", "pit")};
    static void check(const MachineArguments& arguments, const Cursor& at);
};

/// Whether the head's `modes` let it run in that mode.
bool runs_in(std::string_view mode, const Node& head) {
    const Node* of_file = head.find("modes");
    const auto lists_it = [&](std::string_view key) {
        const Node* node = of_file == nullptr ? nullptr : of_file->find(key);
        if (node == nullptr || node->array() == nullptr) return false;
        return std::any_of(node->array()->begin(), node->array()->end(), [mode](const Node& word) {
            return word.text() != nullptr && *word.text() == mode;
        });
    };
    const bool only_some = of_file != nullptr && of_file->find("only") != nullptr;
    return !lists_it("not") && (!only_some || lists_it("only"));
}

void MachineArguments::check(const MachineArguments& arguments, const Cursor& at) {
    AnyMachine::check(arguments, at);
    const Node& head = at.reading().document.root;
    if (arguments.extended_ids && arguments.x2apic_ids)
        at.at("extended_ids", *at.node().find("extended_ids"))
            .fail("messages have either ids of 15 bits or, with x2apic_ids, of 32",
                  ScenarioError::Kind::invalid);
    if (arguments.extended_ids && (runs_in("kernel", head) || runs_in("split", head)))
        at.at("extended_ids", *at.node().find("extended_ids"))
            .fail(
                "KVM does not read the ids of 15 bits: set \"modes\": { \"only\": [\"userspace\", "
                "\"model\"], \"because\": ... }",
                ScenarioError::Kind::invalid);
    if (arguments.eoi_suppression && runs_in("kernel", head))
        at.at("eoi_suppression", *at.node().find("eoi_suppression"))
            .fail(
                "KVM's IOAPIC has no EOIR, so that kernel mode has no suppression of EOI broadcasts: set "
                "\"modes\": { \"not\": [\"kernel\"], \"because\": ... }",
                ScenarioError::Kind::invalid);
    if (arguments.pit && runs_in("split", head))
        at.at("pit", *at.node().find("pit"))
            .fail(
                "KVM has a PIT only beside its own PIC and IOAPIC, so that split mode has none: set "
                "\"modes\": { \"not\": [\"split\"], \"because\": ... }",
                ScenarioError::Kind::invalid);
}

void read_machine(const Cursor& at, vmm::MachineConfig& config) {
    const auto arguments = Form<MachineArguments>::read(at, {});
    config.x2apic = arguments.x2apic;
    config.x2apic_ids = arguments.x2apic_ids;
    config.extended_ids = arguments.extended_ids;
    config.eoi_suppression = arguments.eoi_suppression;
    config.pit = arguments.pit;
    config.pit_reinject = arguments.pit_reinject;
    config.ioapic_version = static_cast<std::uint32_t>(arguments.ioapic_version.value);
    arguments.describe(config);
}

Json machine_schema() { return Form<MachineArguments>::schema({}); }

std::string machine_in_words(const vmm::MachineConfig& config) {
    std::string text;
    if (config.x2apic) text += ", in x2APIC mode";
    if (config.x2apic_ids) text += ", with 32-bit ids in messages";
    if (config.extended_ids) text += ", with 15-bit ids in messages";
    if (config.eoi_suppression) text += ", with EOI broadcasts that can be suppressed";
    if (config.pit) text += ", with a PIT";
    return text;
}

std::string check_machine(const vmm::MachineConfig& config) {
    if (config.x2apic_ids) return "";
    constexpr std::uint32_t last_extended_id = 0x7fff;
    const auto widest = *std::max_element(config.vcpu_ids.begin(), config.vcpu_ids.end());
    if (config.extended_ids && widest <= last_extended_id) return "";
    // In xAPIC mode ids have 8 bits, and 255 is the broadcast (SDM vol. 3, 11.6.2.1). A wider id makes sense
    // only where the claim is that it answers to the same eight bits as another one's.
    constexpr std::uint32_t xapic_bits = 0xff;
    for (const std::uint32_t wide : config.vcpu_ids) {
        if (wide < xapic_bits) continue;
        const auto aliases =
            std::count_if(config.vcpu_ids.begin(), config.vcpu_ids.end(),
                          [&](std::uint32_t id) { return (id & xapic_bits) == (wide & xapic_bits); });
        const bool meant = !config.x2apic && aliases > 1 && (wide & xapic_bits) != xapic_bits;
        if (!meant)
            return fmt::format("a vCPU with the id {} needs \"machine\": {{ \"x2apic_ids\": true }}", wide);
    }
    return "";
}

/// Nothing is left to the run.
void settle(vmm::MachineConfig&, const std::function<bool(std::string_view)>&) {}

std::vector<std::string_view> needed(const vmm::MachineConfig& config) {
    if (config.eoi_suppression) return {"x2apic_suppress_eoi_broadcast"};
    return {};
}

std::string lacks(const vmm::MachineConfig&, std::string_view) { return ""; }

/// What the guest agent needs for itself, no scenario may take from it.
std::string check_place(const vmm::MachineConfig& config, const Place& place) {
    if (place.is_port) {
        if (place.address != AGENT_PORT) return "";
        return fmt::format(
            "port {:#x} belongs to the guest agent, which reaches the host through it: use another",
            AGENT_PORT);
    }
    return check_agent_memory(config, place);
}

}  // namespace

const Architecture architecture{.name = "x86_64",
                                .verbs = all_verbs,
                                .modes = modes,
                                .controllers = controllers,
                                .state_parts = state_parts,
                                .traits = vmm::x86::trait_names,
                                .start = start,
                                .kernel_events = kernel_events,
                                .read_machine = read_machine,
                                .machine_schema = machine_schema,
                                .machine_in_words = machine_in_words,
                                .read_outcome = read_outcome<Vector>,
                                .outcome_unfit_for = outcome_unfit_for<Vector>,
                                .outcome_schema = outcome_schema<Vector>,
                                .check_machine = check_machine,
                                .default_gsis = nullptr,
                                .settle = settle,
                                .needed = needed,
                                .lacks = lacks,
                                .check_place = check_place,
                                .signs = signs,
                                .state_text = state_text,
                                .state_schema = state_schema,
                                .read_state = read_state};

}  // namespace irqbench::scenarios::verbs::x86
