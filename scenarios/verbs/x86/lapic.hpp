#pragma once

#include "scenarios/verbs/common/guest.hpp"
#include "scenarios/verbs/x86/words.hpp"

/// What the guest does at its local APIC.
namespace irqbench::scenarios::verbs::x86 {

/// Of `tpr` and `cr8`: the value that is written.
struct TprArguments {
    std::uint32_t vcpu = 0;
    std::uint32_t value = 0;
    static constexpr auto fields() {
        return std::tuple{
            vcpu_field(&TprArguments::vcpu),
            required("value", &TprArguments::value, "the register: class in bits 7:4", up_to(0xff))};
    }
    static constexpr std::string_view shorthand = "value";
};

class TprVerb final : public GuestVerbOf<TprArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

struct Cr8Arguments {
    std::uint32_t vcpu = 0;
    std::uint32_t value = 0;
    static constexpr auto fields() {
        return std::tuple{vcpu_field(&Cr8Arguments::vcpu),
                          required("value", &Cr8Arguments::value, "the priority class", up_to(15))};
    }
    static constexpr std::string_view shorthand = "value";
};

class Cr8Verb final : public GuestVerbOf<Cr8Arguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `lapic`: a register by name, and the value.
struct LapicArguments {
    std::uint32_t vcpu = 0;
    LapicRegisterName register_;
    std::uint64_t value = 0;
    static constexpr auto fields() {
        return std::tuple{vcpu_field(&LapicArguments::vcpu),
                          required("register", &LapicArguments::register_, "the register, by name"),
                          required("value", &LapicArguments::value, "the value; of `icr` all 64 bits")};
    }
    static void check(const LapicArguments& arguments, const Cursor& at);
};

class LapicVerb final : public GuestVerbOf<LapicArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

class X2apicVerb final : public GuestVerbOf<VcpuArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// Of `ipi`: who sends what to whom.
struct IpiArguments {
    std::uint32_t from = 0;
    std::optional<std::uint32_t> to;
    std::optional<std::uint32_t> vector;
    IpiMode mode = IpiMode::fixed;
    DestinationMode dest_mode = DestinationMode::physical;
    bool level = true;
    Trigger trigger = Trigger::edge;
    std::optional<Shorthand> shorthand_;
    static constexpr auto fields() {
        return std::tuple{
            optional("from", &IpiArguments::from, "the vCPU that sends it, by index", vcpu_range),
            optional("to", &IpiArguments::to, "APIC id, or logical destination"),
            optional("vector", &IpiArguments::vector, "the vector; of a startup IPI 0x08", vector_range),
            optional("mode", &IpiArguments::mode, "delivery mode"),
            optional("dest_mode", &IpiArguments::dest_mode, "how `to` is meant"),
            optional("level", &IpiArguments::level, "assert (true) or de-assert"),
            optional("trigger", &IpiArguments::trigger, "trigger mode"),
            optional("shorthand", &IpiArguments::shorthand_, "instead of `to`")};
    }
    static constexpr auto actor = &IpiArguments::from;
    static constexpr std::array constraints{exactly_one("to", "shorthand")};
    static void check(const IpiArguments& arguments, const Cursor& at);
};

class IpiVerb final : public GuestVerbOf<IpiArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

/// LVT timer modes (SDM vol. 3, 11.5.4).
enum class TimerMode : std::uint8_t { one_shot = 0, periodic = 1, tsc_deadline = 2, off = 3 };

/// Of `timer`: mode, vector and count of the local APIC's timer.
struct TimerArguments {
    std::uint32_t vcpu = 0;
    TimerMode mode = TimerMode::one_shot;
    std::optional<std::uint32_t> vector;
    std::optional<std::uint64_t> count;
    OneOf<1, 2, 4, 8, 16, 32, 64, 128> divide{1};
    static constexpr auto fields() {
        return std::tuple{
            vcpu_field(&TimerArguments::vcpu),
            required("mode", &TimerArguments::mode, "the timer's mode, or \"off\""),
            optional("vector", &TimerArguments::vector, "the vector", vector_range),
            optional("count", &TimerArguments::count, "initial count, or TSC cycles from now",
                     between(1, ~0ULL)),
            optional("divide", &TimerArguments::divide, "divides the timer's clock; 1 by default")};
    }
    static constexpr std::string_view shorthand = "mode";
    static void check(const TimerArguments& arguments, const Cursor& at);
};

class TimerVerb final : public GuestVerbOf<TimerArguments> {
  public:
    using GuestVerbOf::GuestVerbOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] bool is_timing() const override { return arguments_.mode != TimerMode::off; }
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
};

}  // namespace irqbench::scenarios::verbs::x86

namespace irqbench::scenarios {

template <>
struct Words<verbs::x86::TimerMode> {
    using E = verbs::x86::TimerMode;
    static constexpr std::array<std::pair<std::string_view, E>, 4> table{{{"one-shot", E::one_shot},
                                                                          {"periodic", E::periodic},
                                                                          {"tsc-deadline", E::tsc_deadline},
                                                                          {"off", E::off}}};
};

}  // namespace irqbench::scenarios
