#include "tools/import/storyteller.hpp"

namespace irqbench::importing {

/// A line that falls, or is high already, makes nothing pending; nor does one that is so already (coalesced).
/// What is masked becomes so by a write.
void Storyteller::pic_input(const Event& event, const ThreadState& thread) {
    const std::uint32_t input = event.a % pic_inputs;
    const bool rises = thread.raised && !pic_high_[input];
    pic_high_[input] = thread.raised;
    if (rises && !event.flag && event.b == 0 && thread.line_change != Happening::none)
        pic_causes_[input / 8] = pic_raised_[input] = thread.line_change;
}

/// A vector that no LAPIC had is the PIC's.
void Storyteller::ext_int(const Event& event, int vcpu) {
    Lapic& lapic = lapics_[static_cast<std::size_t>(vcpu)];
    const std::size_t chip = pic_base_[1] == (event.a & 0xf8) ? 1 : 0;
    // Until Linux 5.19 nothing says that it is injected once more.
    const bool is_repeated = lapic.last_ext_int_vector == event.a &&
                             (pic_causes_[chip] == Happening::none || pic_causes_[chip] < lapic.last_ext_int);
    if (is_repeated) return;
    std::uint32_t cause = pic_causes_[chip];
    for (std::uint32_t input = 0; input < pic_inputs; ++input) {
        const std::uint32_t base = pic_base_[input / 8].value_or(event.a & 0xf8);
        if (base + input % 8 != event.a || pic_raised_[input] == Happening::none) continue;
        cause = pic_raised_[input];
        pic_raised_[input] = Happening::none;
    }
    if (cause == Happening::none) {
        if (event.a < 0x10) {
            ++impossible_;
            return;
        }
        const auto id = machine_.vcpus[static_cast<std::size_t>(vcpu)];
        cause = act(event, -1, message_step(message_arguments(event.a, 0, id)), false);
        story_.happenings[cause].remark = "inferred: its cause is not in the trace";
        ++unexplained_;
        ++story_.inferred;
        story_.happenings[cause].acceptors.push_back(static_cast<std::uint16_t>(vcpu));
        take(event, vcpu, event.a, cause, Happening::Kind::take);
        lapic.in_service[event.a] = true;
        return;
    }
    take(event, vcpu, event.a, cause, Happening::Kind::take);
    story_.happenings.back().is_ext_int = true;
    lapic.last_ext_int = static_cast<std::uint32_t>(story_.happenings.size() - 1);
    lapic.last_ext_int_vector = event.a;
    if (!lapic.lint0_known) {
        lapic.lint0_known = true;
        constexpr std::uint64_t ext_int_unmasked = 0x700;
        story_.setup.push_back(lapic_step(vcpu, "lvt_lint0", ext_int_unmasked));
        ++story_.inferred;
    }
}

}  // namespace irqbench::importing
