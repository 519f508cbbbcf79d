#pragma once

#include "scenarios/verbs/common/verb_of.hpp"

/// Assertions: what must be true. They only expect.
namespace irqbench::scenarios::verbs {

/// `0`, `[0, 1]` or `"any"`.
struct VcpuSet {
    std::vector<std::uint32_t> vcpus{0};  ///< empty: any
};

/// `0` or `[0, 1]`.
struct VcpuList {
    std::vector<std::uint32_t> vcpus;
};

/// `"0x51"`, `["0x51", "0x61"]` or `"nmi"`.
template <class Id>
struct InterruptSet {
    bool nmi = false;
    std::vector<std::uint32_t> vectors;
};

/// One interrupt taken.
template <class Id>
struct AckItem {
    VcpuSet vcpu;
    InterruptSet<Id> vector;
    std::uint32_t times = 1;
    static constexpr auto fields() {
        return std::tuple{
            optional("vcpu", &AckItem::vcpu, "who took it: one vCPU, one of several, or \"any\""),
            required(Id::key, &AckItem::vector, Id::one_or_several),
            optional("times", &AckItem::times, "how often", between(1, 1'000'000))};
    }
    static constexpr std::string_view shorthand = Id::key;
};

/// An interrupt of the head's `outcomes`: an AckItem without `times`, and an array only as its `vector` or
/// `intid`, since a bare array means "in order" in an `ack` step. For Architecture::read_outcome.
template <class Id>
expect::Ack read_outcome(const Cursor& at);
/// For Architecture::outcome_unfit_for.
template <class Id>
std::string outcome_unfit_for(const vmm::MachineConfig& config, const expect::Ack& outcome);
template <class Id>
Json outcome_schema();

/// A list of AckItems: one, an array in order, or `{ any_order: [...] }`.
template <class Id>
struct AckArguments {
    std::vector<AckItem<Id>> items;
    bool any_order = false;
    std::optional<std::uint64_t> not_before_us;  ///< of `arrives` only
};

/// The same for `arrives`, whose object forms take `not_before_us` too.
template <class Id>
struct ArrivesArguments : AckArguments<Id> {};

/// The verbs of this file.
template <class Id>
class AckVerb final : public ClaimOf<AckArguments<Id>> {
  public:
    using ClaimOf<AckArguments<Id>>::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
};

template <class Id>
class ArrivesVerb final : public ClaimOf<ArrivesArguments<Id>> {
  public:
    using ClaimOf<ArrivesArguments<Id>>::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] bool is_timing() const override { return true; }
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
};

/// Of `quiet` on x86: on which vCPUs, and down to the class of which vector.
struct QuietArguments {
    VcpuList vcpu;
    std::optional<std::uint32_t> vector;
    static constexpr auto fields() {
        return std::tuple{
            optional("vcpu", &QuietArguments::vcpu, "where; on every vCPU by default"),
            optional("vector", &QuietArguments::vector, "nothing of this vector's priority", vector_range)};
    }
    static constexpr bool bare_true = true;
};

class QuietVerb final : public ClaimOf<QuietArguments> {
  public:
    using ClaimOf::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
};

/// Of `resampled`: an irqfd by name, and how many kicks.
struct ResampledArguments {
    std::string irqfd;
    std::uint64_t count = 1;
    bool or_more = false;
    static constexpr auto fields() {
        return std::tuple{
            required("irqfd", &ResampledArguments::irqfd, "name of the irqfd"),
            optional("count", &ResampledArguments::count, "kicks since the last claim", up_to(1'000'000)),
            optional("or_more", &ResampledArguments::or_more,
                     "or any number above that: what a race leaves open")};
    }
    static void check(const ResampledArguments& arguments, const Cursor& at);
    static constexpr std::string_view shorthand = "irqfd";
};

class ResampledVerb final : public ClaimOf<ResampledArguments> {
  public:
    using ClaimOf::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
};

/// Of `doorbell`: an ioeventfd by name, and how many signals.
struct DoorbellArguments {
    std::string name;
    std::uint64_t count = 1;
    static constexpr auto fields() {
        return std::tuple{required("name", &DoorbellArguments::name, "name of the ioeventfd"),
                          optional("count", &DoorbellArguments::count, "signals since the last claim",
                                   between(1, 1'000'000))};
    }
    static constexpr std::string_view shorthand = "name";
};

class DoorbellVerb final : public ClaimOf<DoorbellArguments> {
  public:
    using ClaimOf::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
};

/// Of `storm`: the interrupt that storms.
template <class Id>
struct StormArguments {
    std::uint32_t vector = 0;
    static constexpr auto fields() {
        return std::tuple{required(Id::key, &StormArguments::vector, "what storms", Id::range)};
    }
    static constexpr std::string_view shorthand = Id::key;
};

template <class Id>
class StormVerb final : public ClaimOf<StormArguments<Id>> {
  public:
    using ClaimOf<StormArguments<Id>>::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;
};

/// Of what a vCPU does, in the words of its architecture.
struct X86Cpu {
    static constexpr std::string_view started_doc = "the vCPU that came out of a SIPI";
    static constexpr std::string_view starts = "comes out of a SIPI";
    static constexpr std::string_view halted_doc = "the vCPU that rests in HLT";
    static constexpr std::string_view halt = "HLT";
};
struct ArmCpu {
    static constexpr std::string_view started_doc = "the vCPU that PSCI started";
    static constexpr std::string_view starts = "is started by PSCI";
    static constexpr std::string_view halted_doc = "the vCPU that rests in WFI";
    static constexpr std::string_view halt = "WFI";
};

/// Of `started`: a vCPU by index.
template <class Cpu>
struct StartedArguments {
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{required("vcpu", &StartedArguments::vcpu, Cpu::started_doc, vcpu_range)};
    }
    static constexpr std::string_view shorthand = "vcpu";
};

template <class Cpu>
class StartedVerb final : public ClaimOf<StartedArguments<Cpu>> {
  public:
    using ClaimOf<StartedArguments<Cpu>>::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
};

/// Of `halted`: a vCPU by index.
template <class Cpu>
struct HaltedArguments {
    std::uint32_t vcpu = 0;
    static constexpr auto fields() {
        return std::tuple{required("vcpu", &HaltedArguments::vcpu, Cpu::halted_doc, vcpu_range)};
    }
    static constexpr std::string_view shorthand = "vcpu";
};

template <class Cpu>
class HaltedVerb final : public ClaimOf<HaltedArguments<Cpu>> {
  public:
    using ClaimOf<HaltedArguments<Cpu>>::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
};

}  // namespace irqbench::scenarios::verbs

namespace irqbench::scenarios {

template <>
struct Form<verbs::VcpuSet> {
    static verbs::VcpuSet read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <>
struct Form<verbs::VcpuList> {
    static verbs::VcpuList read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <class Id>
struct Form<verbs::InterruptSet<Id>> {
    static verbs::InterruptSet<Id> read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <class Id>
struct Form<verbs::AckArguments<Id>> {
    static verbs::AckArguments<Id> read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <class Id>
struct Form<verbs::ArrivesArguments<Id>> {
    static verbs::ArrivesArguments<Id> read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
