#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "irqchip/arm64/gic_register.hpp"
#include "tools/fuzz/arm64/architecture.hpp"
#include "tools/fuzz/arm64/features.hpp"
#include "tools/fuzz/grammar_base.hpp"

namespace irqbench::tools::fuzz::arm64 {

using irqchip::arm64::first_lpi;
using irqchip::arm64::private_count;
using irqchip::arm64::sgi_count;

/// An SPI or PPI that a case uses. Its trigger and group stay what they are: a change while something is
/// pending is unpredictable (IHI 0069, 12.9 GICD_ICFGR; IHI 0048, 4.3.13).
struct Wire {
    std::uint32_t intid;
    bool level;
    std::uint32_t group;
};

/// An event of a device, by which an LPI comes.
struct MappedEvent {
    std::uint32_t device;
    std::uint32_t event;
    std::uint32_t lpi;
    bool mapped;
};

/// Makes one case: each rule adds a step or a few, or none where it would mean nothing.
class Grammar : public GrammarBase<Grammar> {
  public:
    Grammar(std::uint64_t seed, std::uint64_t number, const GeneratorOptions& options)
        : GrammarBase(architecture, seed, number, options) {}

    Case make();

  private:
    /// add() with who does it, where that is not the first.
    void add_by(std::uint32_t vcpu, const char* verb, Json argument);
    void write_sysreg(std::uint32_t vcpu, const char* name, std::uint64_t value);
    /// One that no other INTID has: which of two pending ones of one priority is taken first is up to the
    /// implementation (IHI 0069, 4.8; IHI 0048, 3.3).
    std::string new_priority(std::uint32_t intid);

    // grammar.cpp: the whole
    void choose_machine();
    void choose_interrupts();
    void prepare();

    // grammar_lines.cpp: lines, descriptors and where they go
    const Wire& device();
    void line();
    void irqfd();
    void signal();
    void deassign();
    void route();
    void message_route(std::uint32_t gsi);
    void doorbell();

    // grammar_gic.cpp: distributor and redistributors
    void program(const Wire& wire, bool enabled);
    void reprogram();
    void program_sgi(std::uint32_t intid, std::uint32_t by, bool enabled);
    void reprogram_sgi();
    /// One of the interrupts of the case, LPIs aside, and a vCPU that may name it.
    std::uint32_t any_intid();
    [[nodiscard]] bool is_level(std::uint32_t intid) const;
    /// Whether it may be disabled or sent elsewhere: an edge may be in service, where that is known to
    /// differ.
    [[nodiscard]] bool may_change(std::uint32_t intid) const;
    void bit(const char* verb, std::uint32_t intid);
    void enabling();
    void pending();
    void active();
    void priority();
    void retarget();
    void sgi();
    void distributor();
    void read();
    void read_distributor();
    void read_cpu_interface();

    // grammar_cpus.cpp: CPU interfaces, handlers and masks
    void handler();
    void handler_of(std::uint32_t intid);
    void flag();
    void mask_priority();
    void binary_point();
    void group_enable();
    void leave();
    void eoi();
    void deactivate();
    void wait();
    void timer();

    // grammar_its.cpp: LPIs
    void prepare_its();
    void map(MappedEvent& event);
    void configure(const MappedEvent& event);
    void command(const char* name, Json arguments);
    void msi();
    void its_command();
    void discard(MappedEvent& event);
    void move_collection();
    void lpi();

    bool v3_ = true;
    bool its_ = false;
    bool mode_1_ = false;  ///< EOImode, the same on all vCPUs
    std::vector<Wire> spis_;
    /// How many of the SPIs, the first, are driven by irqfds, which KVM_IRQ_LINE leaves alone: a line has one
    /// driver.
    std::uint32_t devices_ = 1;
    std::vector<Wire> ppis_;
    std::vector<std::uint32_t> sgis_;
    std::map<std::uint32_t, std::uint32_t> owners_;  ///< of priorities: the INTID that has it, or had it
    std::vector<MappedEvent> events_;
    std::vector<std::uint32_t> collections_;  ///< the vCPU of each
    std::uint32_t irqfds_ = 0;
    std::set<std::uint32_t> deassigned_;
    std::set<std::uint32_t> closed_;     ///< vCPUs with interrupts masked
    std::set<std::uint32_t> masked_;     ///< vCPUs with a priority mask
    std::set<std::uint32_t> stays_;      ///< vCPUs with a handler that stays
    std::set<std::uint32_t> held_;       ///< INTIDs with one that stays, or that does not end it
    std::set<std::uint32_t> doorbells_;  ///< places that are watched
    std::map<std::uint32_t, std::uint32_t> groups_off_;  ///< how many of a vCPU's groups are disabled
    bool off_ = false;                                   ///< the distributor is
    bool timed_ = false;                                 ///< the timer's interrupt is enabled
};

}  // namespace irqbench::tools::fuzz::arm64
