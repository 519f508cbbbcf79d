#pragma once

#include "scenarios/engine/fields.hpp"
#include "scenarios/engine/groups.hpp"
#include "scenarios/engine/scenario.hpp"
#include "scenarios/engine/steps.hpp"

/// The keys of a scenario file, as they stand there; load() makes a Scenario of them.
namespace irqbench::scenarios::head {

inline constexpr std::uint64_t max_memory = std::uint64_t{1} << 30;
inline constexpr std::uint64_t max_vcpus = 255;
inline constexpr std::uint64_t max_name = 200;  ///< characters

struct Vcpus {
    std::uint32_t count = 1;
    std::vector<std::uint32_t> ids;
    std::optional<std::uint32_t> started;
    static constexpr auto fields() {
        return std::tuple{
            optional("count", &Vcpus::count, "how many, with the ids 0, 1, 2 ...", between(1, max_vcpus)),
            optional("ids", &Vcpus::ids, "the id of each vCPU", up_to(0xffff'fffe)),
            optional("started", &Vcpus::started,
                     "how many run from the start; the others wait until they are started",
                     between(1, max_vcpus))};
    }
    static constexpr std::string_view shorthand = "count";
    static constexpr std::array constraints{exactly_one("count", "ids")};
    static void check(const Vcpus& vcpus, const Cursor& at);
};

/// The architecture's own options; see Architecture::read_machine.
struct MachineOptions {
    vmm::MachineConfig config;
};

/// A name of Architecture::traits.
struct TraitName {
    std::string name;
};

/// A name of vmm::capability_names().
struct CapabilityName {
    std::string name;
};

enum class Run { stepped, free };

struct Modes {
    std::vector<std::string> only;
    std::vector<std::string> not_in;
    std::string because;
    static constexpr auto fields() {
        return std::tuple{optional("only", &Modes::only, "the irqchip modes it makes sense in"),
                          optional("not", &Modes::not_in, "the irqchip modes it makes no sense in"),
                          required("because", &Modes::because, "why")};
    }
    static constexpr std::array constraints{exactly_one("only", "not")};
};

/// The releases that have a fix: one of mainline, `"6.13"`, and those of stable series it was taken into,
/// `"6.12.5"`.
struct Releases {
    vmm::KernelVersion mainline;
    std::vector<vmm::KernelVersion> stable;
};

struct Migration {
    std::vector<std::string> not_in;
    std::optional<TraitName> trait;
    std::optional<Releases> fixed_in;
    std::string because;
    static constexpr auto fields() {
        return std::tuple{required("not", &Migration::not_in,
                                   "the irqchip modes in which its state at some step cannot be saved"),
                          optional("trait", &Migration::trait,
                                   "the trait of the host's KVM it depends on; on every host by default"),
                          optional("fixed_in", &Migration::fixed_in,
                                   "the Linux whose KVM can, as in the head's; none can by default"),
                          required("because", &Migration::because, "why")};
    }
};

struct Requirements {
    std::vector<CapabilityName> capabilities;
    std::string kernel;
    std::vector<TraitName> trait_absent;
    std::vector<std::string> irqchip;
    std::string because;
    static constexpr auto fields() {
        return std::tuple{optional("capabilities", &Requirements::capabilities,
                                   "KVM capabilities in lower case, without KVM_CAP_"),
                          optional("kernel", &Requirements::kernel, "oldest release, like \"6.1\""),
                          optional("trait_absent", &Requirements::trait_absent,
                                   "traits of a host on which it cannot be judged"),
                          optional("irqchip", &Requirements::irqchip,
                                   "the irqchip modes that capabilities and traits are asked for in; all by "
                                   "default"),
                          optional("because", &Requirements::because, "why it cannot be judged there")};
    }
    static constexpr std::array constraints{needs("trait_absent", "because"),
                                            needs("because", "trait_absent")};
    static void check(const Requirements& requirements, const Cursor& at);
};

struct FixedIn {
    Releases releases;
    std::vector<std::string> irqchip;
    static constexpr auto fields() {
        return std::tuple{
            required("linux", &FixedIn::releases,
                     "the release that fixed the bug, like \"6.13\"; in an array also the stable ones, "
                     "like \"6.12.5\""),
            optional("irqchip", &FixedIn::irqchip, "the irqchip modes it concerns; all by default")};
    }
    static constexpr std::string_view shorthand = "linux";
};

struct KnownWhen {
    TraitName trait;
    std::vector<std::string> irqchip;
    std::optional<Run> run;
    static constexpr auto fields() {
        return std::tuple{
            required("trait", &KnownWhen::trait, "the trait of the host's KVM it depends on"),
            optional("irqchip", &KnownWhen::irqchip, "the irqchip modes it concerns; all by default"),
            optional("run", &KnownWhen::run, "the way of running it concerns; both by default")};
    }
};

struct KnownInstead {
    std::uint32_t step = 0;
    std::string came;
    static constexpr auto fields() {
        return std::tuple{
            required("step", &KnownInstead::step, "number of the step that fails", between(1, max_steps)),
            required("came", &KnownInstead::came, "what comes instead, as the failing run prints it")};
    }
};

struct KnownDivergence {
    KnownWhen when;
    std::string because;
    KnownInstead instead;
    bool always = true;
    static constexpr auto fields() {
        return std::tuple{required("when", &KnownDivergence::when, "where it is seen"),
                          required("because", &KnownDivergence::because, "why the host does so"),
                          required("instead", &KnownDivergence::instead, "what happens there"),
                          optional("always", &KnownDivergence::always,
                                   "false: a run there need not show it, and is a pass where it does not")};
    }
};

/// An interrupt as the architecture names it; see Architecture::read_outcome.
struct OutcomeAck {
    expect::Ack ack;
};

struct Outcome {
    OutcomeAck ack;
    static constexpr auto fields() {
        return std::tuple{required("ack", &Outcome::ack, "an interrupt taken")};
    }
};

enum class Seen { all_allowed };

struct OutcomeSet {
    std::vector<Outcome> allowed;
    std::vector<Outcome> forbidden;
    std::vector<Outcome> required_;
    std::optional<Seen> seen;
    static constexpr auto fields() {
        return std::tuple{optional("allowed", &OutcomeSet::allowed, "may be taken, any number of times"),
                          optional("forbidden", &OutcomeSet::forbidden, "must never be taken"),
                          optional("required", &OutcomeSet::required_, "must be taken at least once"),
                          optional("seen", &OutcomeSet::seen, "fail when something allowed was never taken")};
    }
    static constexpr std::array constraints{at_least_one("allowed", "required"), needs("seen", "allowed")};
};

struct Head {
    std::string name;
    std::string arch;
    std::string source;
    std::vector<std::string> reference;
    std::string description;
    std::vector<std::string> tags;
    Vcpus vcpus;
    MachineOptions machine;
    std::optional<Run> run;
    Modes modes;
    std::optional<Migration> migration;
    Requirements requirements;
    std::optional<FixedIn> fixed_in;
    std::vector<KnownDivergence> known;
    std::vector<std::string> use;
    GroupDefinitions groups;
    Steps setup;
    Steps steps;
    std::optional<OutcomeSet> outcomes;

    static constexpr auto fields() {
        return std::tuple{
            required("name", &Head::name, "the claim, one sentence, unique", up_to(max_name)),
            required("arch", &Head::arch, "the guest's architecture"),
            optional("source", &Head::source, "manual section or kernel document the claim comes from"),
            optional("reference", &Head::reference, "bug rows, commits, manual sections"),
            optional("description", &Head::description, "what a reader should know besides"),
            optional("tags", &Head::tags, "words for --tag"),
            optional("vcpus", &Head::vcpus, "how many vCPUs, or their ids; 1 by default"),
            optional("machine", &Head::machine, "options of the virtual machine"),
            optional("run", &Head::run, "the only way to run it that makes sense"),
            optional("modes", &Head::modes, "where it is not run at all"),
            optional("migration", &Head::migration, "where --migrate-every-step leaves it out"),
            optional("requires", &Head::requirements, "what a host must have, or it is skipped"),
            optional(
                "fixed_in", &Head::fixed_in,
                "the Linux whose KVM passes since a bug was fixed; where it is older, a failure is known"),
            optional("known", &Head::known, "known divergences of some hosts"),
            optional("use", &Head::use, "files of groups (*.groups.json), relative to this one"),
            optional("groups", &Head::groups, "steps under a name, with parameters, for steps that do them"),
            optional("setup", &Head::setup, "steps that prepare the machine, without assertions"),
            required("steps", &Head::steps, "what is done and what must come of it"),
            optional("outcomes", &Head::outcomes,
                     "the set of interrupts that may be taken without an ack step")};
    }
    static constexpr std::array constraints{at_least_one("source", "reference"),
                                            needs("fixed_in", "reference")};
};

}  // namespace irqbench::scenarios::head

namespace irqbench::scenarios {

template <>
struct Words<head::Run> {
    static constexpr std::array<std::pair<std::string_view, head::Run>, 2> table{
        {{"stepped", head::Run::stepped}, {"free", head::Run::free}}};
};

template <>
struct Words<head::Seen> {
    static constexpr std::array<std::pair<std::string_view, head::Seen>, 1> table{
        {{"all allowed", head::Seen::all_allowed}}};
};

template <>
struct Form<head::TraitName> {
    static head::TraitName read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <>
struct Form<head::CapabilityName> {
    static head::CapabilityName read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <>
struct Form<head::Releases> {
    static head::Releases read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <>
struct Form<head::OutcomeAck> {
    static head::OutcomeAck read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <>
struct Form<head::MachineOptions> {
    static head::MachineOptions read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
