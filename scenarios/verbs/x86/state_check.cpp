#include "scenarios/verbs/x86/state_check.hpp"

#include "irqchip/x86/pic_registers.hpp"
#include "scenarios/verbs/common/state_check.hpp"

namespace irqbench::scenarios::verbs::x86 {

using namespace state_file;
using namespace state_file::x86;

namespace {

/// SDM vol. 3, 2.5 and 2.2.1; AMD's manual has more of EFER.
namespace cr0 {
constexpr std::uint64_t pe = 1, pg = std::uint64_t{1} << 31;
}
namespace efer {
constexpr std::uint64_t lme = 1 << 8, lma = 1 << 10;
constexpr std::uint64_t reserved = ~std::uint64_t{0x36fd01};
}  // namespace efer
/// SDM vol. 3, 11.4.4 and 11.12.1.
namespace apic_base {
constexpr std::uint64_t extended = 1 << 10, enabled = 1 << 11;
constexpr std::uint64_t reserved = std::uint64_t{0xfff} << 52 | 0x2ff;
}  // namespace apic_base
constexpr std::uint64_t page_offset = 0xfff;
constexpr unsigned elcr1 = irqchip::x86::Elcr1::fields.all;
constexpr unsigned elcr2 = irqchip::x86::Elcr2::fields.all;

class StateChecker : AnyStateChecker {
  public:
    StateChecker(const StateDocument& document, const Cursor& root)
        : AnyStateChecker(document, root), document_(document) {}

    void run() {
        check_machine(document_.vcpus.size());
        if (document_.mode == "split" && document_.pit) fail("/pit", "there is no PIT in split mode");
        for (std::size_t i = 0; i < document_.vcpus.size(); ++i) check_row(i);
        check_pic();
        check_ioapic();
        check_pit();
        check_eventfds();
    }

  private:
    void check_row(std::size_t index) {
        const VcpuRow& row = document_.vcpus[index];
        const std::string at = fmt::format("/vcpus/{}", index);
        check_vcpu(at, row.agent.vcpu(), row.cpu.core.has_value());
        if ((row.cpu.agent_lapic & page_offset) != 0)
            fail(at + "/cpu/agent_lapic", "is the address of a page");
        check_lapic(at + "/lapic", row);
        if (row.cpu.core) check_core(at + "/cpu/core", *row.cpu.core);
    }

    void check_lapic(const std::string& at, const VcpuRow& row) const {
        const std::uint64_t base = row.lapic.apic_base;
        if ((base & apic_base::reserved) != 0)
            fail(at + "/apic_base", fmt::format("reserved bits are set: {:#x}", base & apic_base::reserved));
        if ((base & apic_base::extended) == 0) return;
        if ((base & apic_base::enabled) == 0)
            fail(at + "/apic_base", "is in x2APIC mode and disabled, which no local APIC can be");
        // An xAPIC's may have been written.
        const std::uint32_t id = row.lapic.at(irqchip::x86::lapic::id);
        if (id != row.agent.id)
            fail(at + "/registers/id",
                 fmt::format("is {:#x}, and in x2APIC mode it is that of the vCPU, {:#x}", id, row.agent.id));
    }

    void check_core(const std::string& at, const CoreState& core) const {
        if ((core.rflags() & 2) == 0) fail(at + "/general/rflags", "bit 1 is always set");
        if ((core.cr0 & cr0::pg) != 0 && (core.cr0 & cr0::pe) == 0)
            fail(at + "/cr0", "has paging without protected mode");
        if ((core.efer & efer::reserved) != 0)
            fail(at + "/efer", fmt::format("reserved bits are set: {:#x}", core.efer & efer::reserved));
        const bool is_long = (core.efer & efer::lme) != 0 && (core.cr0 & cr0::pg) != 0;
        if (((core.efer & efer::lma) != 0) != is_long)
            fail(at + "/efer", "LMA is set in long mode only: where LME and the paging of CR0 are");
    }

    void check_pic() const {
        for (const bool is_slave : {false, true}) {
            const I8259AState& chip = document_.pic.at(is_slave ? 1 : 0);
            const std::string at = is_slave ? "/pic/slave" : "/pic/master";
            if ((chip.base & 7) != 0) fail(at + "/base", "is a multiple of 8");
            const unsigned fixed = is_slave ? ~elcr2 : ~elcr1;
            if ((chip.elcr & fixed & 0xff) != 0)
                fail(at + "/elcr",
                     fmt::format("lines that are always edge-triggered: {:#x}", chip.elcr & fixed & 0xff));
        }
    }

    void check_ioapic() const {
        using irqchip::x86::RedirectionEntry;
        constexpr std::uint64_t reserved = ~RedirectionEntry::fields.all;
        for (std::size_t pin = 0; pin < document_.ioapic.entries.size(); ++pin)
            if (const std::uint64_t bits = document_.ioapic.entries[pin] & reserved; bits != 0)
                fail(fmt::format("/ioapic/entries/{}", pin),
                     fmt::format("reserved bits are set: {:#x}", bits));
        if ((document_.ioapic.id & ~irqchip::x86::IoApicId::fields.all) != 0)
            fail("/ioapic/id", "reserved bits are set: the id is in 27:24");
        if ((document_.ioapic.irr >> irqchip::x86::ioapic_pin_count) != 0)
            fail("/ioapic/irr", fmt::format("there are {} pins", irqchip::x86::ioapic_pin_count));
    }

    void check_pit() const {
        if (!document_.pit) return;
        for (std::size_t i = 0; i < document_.pit->channels.size(); ++i) {
            const PitChannelState& channel = document_.pit->channels[i];
            if (channel.low_byte && channel.access != PitAccess::low_then_high)
                fail(fmt::format("/pit/channels/{}/low_byte", i),
                     "is there only where two bytes are written");
        }
    }

    const StateDocument& document_;
};

}  // namespace

void check_state(const StateDocument& document, const Cursor& root) { StateChecker(document, root).run(); }

}  // namespace irqbench::scenarios::verbs::x86
