#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tools/fuzz/grammar_base.hpp"
#include "tools/fuzz/x86/architecture.hpp"
#include "tools/fuzz/x86/features.hpp"

namespace irqbench::tools::fuzz::x86 {

/// A number as scenario files have it: `0x05`.
std::string hex(std::uint64_t value);

/// A pin of the IOAPIC that a case uses, with the GSI of the same number.
struct Pin {
    std::uint32_t number;
    bool level;
};

/// Makes one case: each rule adds a step or a few, or none where it would mean nothing.
class Grammar : public GrammarBase<Grammar> {
  public:
    Grammar(std::uint64_t seed, std::uint64_t number, const GeneratorOptions& options)
        : GrammarBase(architecture, seed, number, options) {}

    Case make();

  private:
    /// In calm also without what would break it.
    [[nodiscard]] bool may(std::string_view feature) const;
    std::uint32_t vector() { return dice_.pick(vectors_); }
    std::uint32_t message_vector();

    // grammar.cpp: the whole
    void choose_machine();
    void choose_pins();
    void prepare();

    // grammar_messages.cpp: lines, messages and where they go
    void destination(Json& argument, const char* key);
    void mode(Json& argument, bool may_be_nmi);
    bool arbitrated(Json& argument, const char* key);
    void line();
    void msi();
    void ipi();
    void irqfd();
    void signal();
    void route();
    void nmi();

    // grammar_chips.cpp: IOAPIC and PIC
    std::uint32_t pin_vector(const Pin& pin);
    void ioapic();
    void ioapic_pin(const Pin& pin);
    void mask();
    void retarget();
    void read_chips();
    void pic();
    [[nodiscard]] bool has_input(std::uint32_t input) const;
    void ocw();
    std::string ocw3();

    // grammar_cpus.cpp: the local APIC's registers, handlers and flags
    void lapic(std::uint32_t vcpu, const char* name, std::uint64_t value);
    void flag();
    void priority();
    void handler();
    void declare_stay(const Json& argument);
    void leave();
    void eoi();
    void enable();
    void read_lapic();
    void halt();
    void logical_id();
    void errors();
    void startup();
    void base();

    // grammar_devices.cpp: timers and doorbells
    void timer();
    void pit();
    void doorbell();

    std::vector<std::uint32_t> vectors_;
    std::vector<Pin> pins_;
    bool x2apic_ = false;
    bool pit_ = false;
    bool logical_ = false;
    bool mixed_ = false;  ///< maybe some CPUs are in x2APIC mode, and some are not
    bool uses_pic_ = false;
    bool routed_ = false;
    bool resamples_ = false;
    bool rerouted_ = false;  ///< the GSI of a pin goes to another pin
    /// Every vCPU takes what comes at once, so that it shows nowhere else which of several was chosen.
    bool calm_ = false;
    std::uint32_t arbitrated_ = 0;  ///< in calm: the vector that goes by lowest priority
    std::uint32_t candidates_ = 0;  ///< and the vCPUs that it goes to, a bit each
    std::uint32_t irqfds_ = 0;
    std::set<std::uint32_t> closed_;     ///< vCPUs with interrupts disabled
    std::set<std::uint32_t> off_;        ///< vCPUs whose LAPIC is disabled
    std::set<std::uint32_t> stays_;      ///< vCPUs with a handler that stays
    std::set<std::uint32_t> doorbells_;  ///< places that are watched
};

}  // namespace irqbench::tools::fuzz::x86
