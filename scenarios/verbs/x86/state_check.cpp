#include "scenarios/verbs/x86/state_check.hpp"

#include <charconv>
#include <set>

#include "irqchip/x86/pic_registers.hpp"
#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/head.hpp"

namespace irqbench::scenarios::verbs::x86 {

using namespace state_file;

namespace {

/// At the place that a pointer names below this one, or the nearest above it that the file has.
[[noreturn]] void fail_below(const Cursor& at, std::string_view pointer, std::string reason) {
    if (pointer.empty()) at.fail(std::move(reason));
    pointer.remove_prefix(1);
    const std::string_view key = pointer.substr(0, pointer.find('/'));
    const std::string_view rest = pointer.substr(key.size());
    if (const Node::Array* items = at.node().array()) {
        std::size_t index = 0;
        std::from_chars(key.data(), key.data() + key.size(), index);
        if (index < items->size()) fail_below(at.at(index, (*items)[index]), rest, std::move(reason));
    } else if (const Node* member = at.node().find(key)) {
        fail_below(at.at(key, *member), rest, std::move(reason));
    }
    at.fail(std::move(reason));
}

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

class StateChecker {
  public:
    StateChecker(const StateDocument& document, const Cursor& root) : document_(document), root_(root) {}

    void run() {
        check_mode();
        for (std::size_t i = 0; i < document_.vcpus.size(); ++i) check_vcpu(i);
        if (document_.vcpus.size() > head::max_vcpus)
            fail("/vcpus", fmt::format("{} vCPUs are more than {}", document_.vcpus.size(), head::max_vcpus));
        check_pic();
        check_ioapic();
        check_pit();
        check_eventfds();
    }

  private:
    [[noreturn]] void fail(std::string_view pointer, std::string reason) const {
        fail_below(root_, pointer, std::move(reason));
    }

    void check_mode() const {
        const auto known = find_architecture(document_.arch)->modes;
        if (std::find(known.begin(), known.end(), document_.mode) == known.end())
            fail("/mode", fmt::format("unknown irqchip mode{}", suggestion(document_.mode, known)));
        if (document_.mode == "split" && document_.pit) fail("/pit", "there is no PIT in split mode");
        if (document_.mode != "model") return;
        for (std::size_t i = 0; i < document_.vcpus.size(); ++i)
            if (document_.vcpus[i].cpu.core)
                fail(fmt::format("/vcpus/{}/cpu/core", i), "a CPU of the model has no registers");
    }

    void check_vcpu(std::size_t index) {
        const VcpuRow& row = document_.vcpus[index];
        const std::string at = fmt::format("/vcpus/{}", index);
        if (!ids_.insert(row.agent.id).second)
            fail(at + "/agent/id", fmt::format("two vCPUs have the id {}", row.agent.id));
        check_agent(at, row);
        check_lapic(at + "/lapic", row);
        if (row.cpu.core)
            check_core(at + "/cpu/core", *row.cpu.core);
        else if (document_.mode != "model")
            fail(at + "/cpu", fmt::format("needs the key 'core' in {} mode", document_.mode));
    }

    void check_agent(const std::string& at, const VcpuRow& row) const {
        const vmm::event::Rest& rest = row.agent.rest;
        using State = vmm::event::RestState;
        if (rest.state == State::idle && rest.depth != 0)
            fail(at + "/agent/rest/depth", "is 0 of a vCPU that is idle");
        if (rest.state == State::in_handler && rest.depth == 0)
            fail(at + "/agent/rest/depth", "is at least 1 of a vCPU that is in a handler");
        if ((row.cpu.agent_lapic & page_offset) != 0)
            fail(at + "/cpu/agent_lapic", "is the address of a page");
        std::set<std::uint32_t> vectors;
        for (std::size_t i = 0; i < row.agent.handlers.size(); ++i)
            if (!vectors.insert(row.agent.handlers[i].vector).second)
                fail(fmt::format("{}/agent/handlers/{}/vector", at, i),
                     fmt::format("vector {:#x} has a handler already", row.agent.handlers[i].vector));
        const auto& posted = row.agent.mailbox.posted;
        for (std::size_t i = 0; i < posted.size(); ++i)
            if (!is_a_size(posted[i].op.size))
                fail(fmt::format("{}/agent/mailbox/posted/{}/op/size", at, i), "must be 0, 1, 2, 4 or 8");
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

    void check_eventfds() const {
        std::set<std::string_view> names;  // also of former ones, whose names are free again
        std::set<std::string_view> taken;
        const auto take = [&](const std::string& at, const auto& eventfd) {
            if (eventfd.assigned && !taken.insert(eventfd.spec.name).second)
                fail(at + "/spec/name", "the name is that of another");
            names.insert(eventfd.spec.name);
        };
        for (std::size_t i = 0; i < document_.irqfds.size(); ++i) {
            const vmm::IrqfdSpec& spec = document_.irqfds[i].spec;
            const std::string at = fmt::format("/irqfds/{}", i);
            if (!spec.shares.empty() && !names.contains(spec.shares))
                fail(at + "/spec/shares", "no irqfd before this one has that name");
            take(at, document_.irqfds[i]);
        }
        for (std::size_t i = 0; i < document_.ioeventfds.size(); ++i) {
            const std::string at = fmt::format("/ioeventfds/{}", i);
            take(at, document_.ioeventfds[i]);
            if (!is_a_size(document_.ioeventfds[i].spec.length))
                fail(at + "/spec/length", "must be 0, 1, 2, 4 or 8");
        }
    }

    /// Of an access; 0 where there is none, or any.
    static bool is_a_size(std::uint64_t size) {
        return size == 0 || size == 1 || size == 2 || size == 4 || size == 8;
    }

    const StateDocument& document_;
    const Cursor& root_;
    std::set<std::uint32_t> ids_;
};

}  // namespace

void check_state(const StateDocument& document, const Cursor& root) { StateChecker(document, root).run(); }

}  // namespace irqbench::scenarios::verbs::x86
