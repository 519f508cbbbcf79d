#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "tools/fuzz/x86/grammar.hpp"

namespace irqbench::tools::fuzz::x86 {

std::string hex(std::uint64_t value) { return fmt::format("{:#04x}", value); }

Case Grammar::make() {
    choose_machine();
    prepare();
    static constexpr std::array rules{
        Rule{14, &Grammar::line},      Rule{10, &Grammar::msi},     Rule{8, &Grammar::ipi},
        Rule{7, &Grammar::ioapic},     Rule{6, &Grammar::mask},     Rule{3, &Grammar::retarget},
        Rule{8, &Grammar::flag},       Rule{6, &Grammar::priority}, Rule{4, &Grammar::handler},
        Rule{9, &Grammar::leave},      Rule{6, &Grammar::eoi},      Rule{3, &Grammar::enable},
        Rule{8, &Grammar::read_lapic}, Rule{4, &Grammar::signal},   Rule{4, &Grammar::route},
        Rule{2, &Grammar::nmi},        Rule{2, &Grammar::halt},     Rule{8, &Grammar::ocw},
        Rule{4, &Grammar::read_chips}, Rule{1, &Grammar::irqfd},    Rule{1, &Grammar::logical_id},
        Rule{4, &Grammar::timer},      Rule{4, &Grammar::pit},      Rule{3, &Grammar::startup},
        Rule{4, &Grammar::errors},     Rule{2, &Grammar::base},     Rule{4, &Grammar::doorbell},
    };
    follow(rules);
    if (x2apic_) case_.head["machine"]["x2apic"] = true;
    if (pit_) {
        case_.head["machine"]["pit"] = true;
        case_.head["modes"] = {{"not", {"split"}}, {"because", "KVM has a PIT only beside its own chips"}};
    }
    return std::move(case_);
}

void Grammar::choose_machine() {
    case_.vcpus = dice_.chance(40) ? 1 : 2 + dice_.roll(3);
    x2apic_ = dice_.chance(20);
    logical_ = dice_.chance(50);
    uses_pic_ = dice_.chance(30);
    // Few vectors, so that they meet: some of one priority class, some not.
    const std::uint32_t low = 0x30 + 0x10 * dice_.roll(6);
    vectors_ = {low + 1, low + 2 + dice_.roll(13), low + 0x10 + dice_.roll(16), low + 0x31,
                0xe1 + dice_.roll(14)};
    // With many vCPUs a case is calm where only that can show who takes what goes by lowest priority.
    calm_ =
        case_.vcpus > 1 && may(feature::lowest_priority) && !may(feature::arbitration) && dice_.chance(25);
    if (calm_) {
        logical_ = true;
        uses_pic_ = false;
        arbitrated_ = 0xd0 + dice_.roll(16);
        while ((candidates_ & (candidates_ - 1)) == 0)
            candidates_ = dice_.roll(std::size_t{1} << case_.vcpus);
    }
    pit_ = may(feature::time) && dice_.chance(15);
    choose_pins();
}

void Grammar::choose_pins() {
    static constexpr std::array<std::uint32_t, 20> pins{1,  3,  4,  5,  6,  7,  9,  10, 11, 12,
                                                        13, 14, 15, 16, 17, 19, 20, 21, 22, 23};
    std::set<std::uint32_t> chosen;
    while (chosen.size() < 3) chosen.insert(dice_.pick(pins));
    static constexpr std::array<std::uint32_t, 3> own{0, 2, 8};
    if (may(feature::own_pins) && !pit_ && dice_.chance(20)) chosen.insert(dice_.pick(own));
    for (const std::uint32_t pin : chosen) pins_.push_back({pin, may(feature::level) && dice_.chance(45)});
    // Where the PIT is.
    if (pit_) pins_.push_back({0, false});
}

/// Logical ids, the PIC, handlers, irqfds and some pins.
void Grammar::prepare() {
    if (logical_ && !x2apic_)
        for (std::uint32_t vcpu = 0; vcpu < case_.vcpus; ++vcpu)
            lapic(vcpu, "ldr", std::uint64_t{1} << (24 + vcpu));
    if (uses_pic_) pic();
    for (std::uint32_t i = dice_.roll(5); i > 0; --i) handler();
    for (const Pin& pin : pins_)
        if (dice_.chance(70)) ioapic_pin(pin);
    for (const Pin& pin : pins_) {
        // A device on a level pin lowers its line when it is served, or the interrupt would not end.
        if (!pin.level || dice_.chance(20)) continue;
        add("handler", {{"vector", hex(vectors_[0])}, {"lowers", pin.number}});
    }
    if (dice_.chance(40)) irqfd();
}

bool Grammar::may(std::string_view feature) const {
    return !(calm_ && feature == feature::service) && GrammarBase::may(feature);
}

}  // namespace irqbench::tools::fuzz::x86
