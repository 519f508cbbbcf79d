#include "tools/fuzz/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <string>

namespace irqbench::tools::fuzz {

namespace {

std::string hex(std::uint64_t value) { return fmt::format("{:#04x}", value); }

/// std::uniform_int_distribution is not the same everywhere, the engine is.
class Dice {
  public:
    Dice(std::uint64_t seed, std::uint64_t number) {
        const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
        std::seed_seq sequence{low(seed), low(seed >> 32), low(number), low(number >> 32)};
        engine_.seed(sequence);
    }
    /// From 0 to before `sides`.
    std::uint32_t roll(std::size_t sides) { return static_cast<std::uint32_t>(engine_() % sides); }
    bool chance(std::uint32_t percent) { return roll(100) < percent; }
    template <class List>
    const auto& pick(const List& list) {
        return list[roll(list.size())];
    }

  private:
    std::mt19937_64 engine_;
};

/// A pin of the IOAPIC that a case uses, with the GSI of the same number.
struct Pin {
    std::uint32_t number;
    bool level;
};

class Grammar {
  public:
    Grammar(std::uint64_t seed, std::uint64_t number, const GeneratorOptions& options)
        : dice_(seed, number), options_(options) {}

    Case make() {
        choose_machine();
        prepare();
        const std::uint32_t steps = 4 + dice_.roll(std::max(options_.max_steps, 5U) - 4);
        while (made_ < steps) step();
        return std::move(case_);
    }

  private:
    struct Rule {
        std::uint32_t weight;
        void (Grammar::*make)();
    };

    [[nodiscard]] bool may(Feature feature) const {
        return std::find(options_.without.begin(), options_.without.end(), feature) == options_.without.end();
    }

    void add(const char* verb, Json argument) { case_.steps.push_back({{verb, std::move(argument)}}); }

    void choose_machine() {
        case_.vcpus = dice_.chance(40) ? 1 : 2 + dice_.roll(3);
        case_.x2apic = dice_.chance(20);
        logical_ = dice_.chance(50);
        uses_pic_ = dice_.chance(30);
        // Few vectors, so that they meet: some of one priority class, some not.
        const std::uint32_t low = 0x30 + 0x10 * dice_.roll(6);
        vectors_ = {low + 1, low + 2 + dice_.roll(13), low + 0x10 + dice_.roll(16), low + 0x31,
                    0xe1 + dice_.roll(14)};
        static constexpr std::array<std::uint32_t, 20> pins{1,  3,  4,  5,  6,  7,  9,  10, 11, 12,
                                                            13, 14, 15, 16, 17, 19, 20, 21, 22, 23};
        std::set<std::uint32_t> chosen;
        while (chosen.size() < 3) chosen.insert(dice_.pick(pins));
        for (const std::uint32_t pin : chosen)
            pins_.push_back({pin, may(Feature::level) && dice_.chance(45)});
    }

    /// Logical ids, the PIC, handlers, irqfds and some pins.
    void prepare() {
        if (logical_ && !case_.x2apic)
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

    void step() {
        static constexpr std::array rules{
            Rule{14, &Grammar::line},      Rule{10, &Grammar::msi},     Rule{8, &Grammar::ipi},
            Rule{7, &Grammar::ioapic},     Rule{6, &Grammar::mask},     Rule{3, &Grammar::retarget},
            Rule{8, &Grammar::flag},       Rule{6, &Grammar::priority}, Rule{4, &Grammar::handler},
            Rule{9, &Grammar::leave},      Rule{6, &Grammar::eoi},      Rule{3, &Grammar::enable},
            Rule{8, &Grammar::read_lapic}, Rule{4, &Grammar::signal},   Rule{4, &Grammar::route},
            Rule{2, &Grammar::nmi},        Rule{2, &Grammar::halt},     Rule{8, &Grammar::ocw},
            Rule{4, &Grammar::read_chips}, Rule{1, &Grammar::irqfd},    Rule{1, &Grammar::logical_id},
        };
        std::uint32_t sum = 0;
        for (const Rule& rule : rules) sum += rule.weight;
        std::uint32_t point = dice_.roll(sum);
        const Rule* chosen = rules.data();
        while (point >= chosen->weight) point -= (chosen++)->weight;
        (this->*chosen->make)();
        ++made_;
    }

    std::uint32_t vcpu() { return dice_.roll(case_.vcpus); }
    std::uint32_t vector() { return dice_.pick(vectors_); }

    void lapic(std::uint32_t vcpu, const char* name, std::uint64_t value) {
        add("lapic", {{"vcpu", vcpu}, {"register", name}, {"value", fmt::format("{:#x}", value)}});
    }

    /// One or several vCPUs, as a message names them.
    void destination(Json& argument, const char* key) {
        if (logical_ && dice_.chance(40)) {
            argument["dest_mode"] = "logical";
            argument[key] = 1 + dice_.roll((1U << case_.vcpus) - 1);
        } else if (dice_.chance(8)) {
            argument[key] = dice_.chance(50) ? 0xff : 0x7;
        } else {
            argument[key] = vcpu();
        }
    }

    void mode(Json& argument, bool may_be_nmi) {
        const bool one_only = case_.vcpus == 1 || may(Feature::lowest_priority);
        if (dice_.chance(12) && one_only)
            argument["mode"] = "lowest-priority";
        else if (dice_.chance(5) && may_be_nmi &&
                 (may(Feature::logical_nmi) || !argument.contains("dest_mode")))
            argument["mode"] = "nmi";
    }

    void line() {
        const Pin& pin = dice_.pick(pins_);
        static constexpr std::array verbs{"raise", "raise", "lower", "pulse"};
        add(dice_.pick(verbs), dice_.chance(10) && routed_ ? 24 : pin.number);
    }

    void msi() {
        Json argument = {{"vector", hex(vector())}};
        destination(argument, "dest");
        mode(argument, true);
        if (may(Feature::level_messages) && dice_.chance(10)) argument["trigger"] = "level";
        add("msi", std::move(argument));
    }

    void ipi() {
        Json argument = {{"from", vcpu()}, {"vector", hex(vector())}};
        if (dice_.chance(40)) {
            static constexpr std::array shorthands{"self", "all", "others"};
            const char* to = dice_.pick(shorthands);
            argument["shorthand"] = to;
            // With `self`, and with `all`, only fixed is valid (SDM vol. 3, table 11-3).
            if (std::string_view(to) == "others") mode(argument, true);
        } else {
            destination(argument, "to");
            mode(argument, true);
        }
        add("ipi", std::move(argument));
    }

    std::uint32_t pin_vector(const Pin& pin) {
        if (pin.level && dice_.chance(60)) return vectors_[0];
        const std::uint32_t any = vector();
        if (may(Feature::shared_vector)) return any;
        // Those at even places are for level-triggered pins, those at odd ones for others.
        return vectors_[dice_.roll(2) * 2 + (pin.level ? 0 : 1)];
    }

    void ioapic() { ioapic_pin(dice_.pick(pins_)); }

    void ioapic_pin(const Pin& pin) {
        Json argument = {{"pin", pin.number}, {"vector", hex(pin_vector(pin))}};
        destination(argument, "dest");
        mode(argument, !pin.level || may(Feature::nmi_level));
        if (pin.level) argument["trigger"] = "level";
        if (dice_.chance(25)) argument["masked"] = true;
        if (const std::uint32_t by = vcpu(); by != 0) argument["vcpu"] = by;
        add("ioapic", std::move(argument));
    }

    void mask() { add(dice_.chance(40) ? "mask" : "unmask", dice_.pick(pins_).number); }

    void retarget() {
        Json argument = {{"pin", dice_.pick(pins_).number}, {"dest", vcpu()}};
        add("retarget", std::move(argument));
    }

    void flag() {
        const std::uint32_t on = vcpu();
        const bool closed = closed_.count(on) != 0;
        if (closed)
            closed_.erase(on);
        else
            closed_.insert(on);
        add(closed ? "sti" : "cli", on);
    }

    void priority() {
        if (dice_.chance(50) || !may(Feature::cr8)) {
            static constexpr std::array<std::uint32_t, 6> values{0, 0, 0x20, 0x50, 0x6f, 0xf0};
            add("tpr", {{"vcpu", vcpu()}, {"value", hex(dice_.pick(values))}});
        } else {
            static constexpr std::array<std::uint32_t, 5> values{0, 0, 3, 8, 15};
            add("cr8", {{"vcpu", vcpu()}, {"value", dice_.pick(values)}});
        }
    }

    void handler() {
        Json argument = {{"vector", hex(vector())}};
        if (dice_.chance(30)) argument["vcpu"] = vcpu();
        if (may(Feature::service)) {
            if (dice_.chance(55)) {
                argument["stays"] = true;
                if (dice_.chance(50)) argument["nests"] = true;
                if (dice_.chance(20))
                    argument["eoi"] = "first";
                else if (dice_.chance(30))
                    argument["eoi"] = "auto";
                else if (dice_.chance(20))
                    argument["eoi"] = "never";
                declare_stay(argument);
            } else if (dice_.chance(20)) {
                argument["eoi"] = "on request";
            }
        }
        if (may(Feature::level) && dice_.chance(30)) argument["lowers"] = dice_.pick(pins_).number;
        add("handler", std::move(argument));
    }

    void declare_stay(const Json& argument) {
        if (argument.contains("vcpu"))
            stays_.insert(argument["vcpu"].get<std::uint32_t>());
        else
            for (std::uint32_t i = 0; i < case_.vcpus; ++i) stays_.insert(i);
    }

    void leave() {
        const std::uint32_t on = vcpu();
        if (stays_.count(on) != 0) add("return", on);
    }

    void eoi() {
        if (may(Feature::service)) add("eoi", vcpu());
    }

    /// Disabling it masks LINT0 too, which the PIC needs.
    void enable() {
        const std::uint32_t on = vcpu();
        if (uses_pic_ && on == 0 && !may(Feature::lint0)) return;
        const bool off = off_.count(on) != 0;
        if (off)
            off_.erase(on);
        else
            off_.insert(on);
        lapic(on, "svr", off ? 0x1ff : 0xff);
        if (off && uses_pic_ && on == 0) lapic(0, "lvt_lint0", 0x700);
    }

    void read_lapic() {
        static constexpr std::array singles{"tpr", "ppr", "svr", "ldr", "lvt_lint0", "lvt_lint1", "id"};
        std::string name = dice_.pick(singles);
        if (dice_.chance(70)) {
            std::string set = dice_.pick(std::array{"irr", "isr", "tmr"});
            if (set != "irr" && !may(Feature::service)) set = "irr";
            name = fmt::format("{}{}", set, vector() / 32);
        }
        if (name == "ppr" && !may(Feature::service)) name = "tpr";
        add("read", {{"vcpu", vcpu()}, {"lapic", name}});
    }

    void read_chips() {
        if (uses_pic_ && dice_.chance(60)) {
            static constexpr std::array<std::uint32_t, 4> ports{0x20, 0x21, 0xa0, 0xa1};
            add("read", {{"port", hex(dice_.pick(ports))}, {"size", 1}});
        } else if (may(Feature::entry_reads)) {
            const std::uint32_t selector = 0x10 + 2 * dice_.pick(pins_).number + dice_.roll(2);
            add("read", {{"ioapic", hex(selector)}});
        }
    }

    void irqfd() {
        if (irqfds_ == 2) return;
        const Pin& pin = dice_.pick(pins_);
        Json argument = {{"name", fmt::format("dev{}", irqfds_++)}, {"gsi", pin.number}};
        const bool may_resample = pin.level && (!rerouted_ || may(Feature::edge_resample));
        if (may_resample && dice_.chance(70)) {
            argument["resample"] = true;
            resamples_ = true;
            // Until it is programmed a pin is edge-triggered.
            if (!may(Feature::edge_resample)) ioapic_pin(pin);
        }
        add("irqfd", std::move(argument));
    }

    void signal() {
        if (irqfds_ != 0) add("signal", fmt::format("dev{}", dice_.roll(irqfds_)));
    }

    void route() {
        Json message = {{"vector", hex(vector())}};
        destination(message, "dest");
        if (dice_.chance(60)) {
            routed_ = true;
            add("route", {{"gsi", 24}, {"msi", std::move(message)}});
        } else if (resamples_ && !may(Feature::edge_resample)) {
            return;  // nor may its GSI go to another pin
        } else if (const Pin& pin = dice_.pick(pins_); dice_.chance(50)) {
            rerouted_ = true;
            add("route", {{"gsi", pin.number}, {"ioapic", dice_.pick(pins_).number}});
        } else {
            add("unroute", pin.number);
        }
    }

    void nmi() { add("nmi", vcpu()); }

    void halt() { add("halt", vcpu()); }

    void logical_id() {
        if (!logical_ || case_.x2apic) return;
        if (dice_.chance(70))
            lapic(vcpu(), "ldr", std::uint64_t{1} << (24 + dice_.roll(4)));
        else
            lapic(vcpu(), "dfr", dice_.chance(50) ? 0xffffffff : 0x0fffffff);
    }

    /// Both chips, and handlers that EOI them.
    void pic() {
        Json argument = {{"base", "0x20"}, {"slave_base", "0x28"}};
        if (dice_.chance(15)) argument["auto_eoi"] = true;
        if (dice_.chance(10) && may(Feature::pic_level)) argument["level_init"] = true;
        if (dice_.chance(10) && may(Feature::special_nesting)) argument["special_fully_nested"] = true;
        if (dice_.chance(20)) argument["mask"] = hex(dice_.roll(256) & ~4U);
        for (std::uint32_t input = 0; input < 16; ++input) {
            if (!has_input(input) && input != 7 && input != 15) continue;
            Json policy = {{"vector", hex(0x20 + input)}, {"vcpu", 0}, {"eoi", input < 8 ? "pic" : "pics"}};
            if (dice_.chance(25)) {
                policy["stays"] = true;
                if (dice_.chance(60)) policy["nests"] = true;
                stays_.insert(0);
            } else if (dice_.chance(20)) {
                policy["eoi"] = "on request";
            }
            add("handler", std::move(policy));
        }
        add("pic", std::move(argument));
    }

    [[nodiscard]] bool has_input(std::uint32_t input) const {
        return std::any_of(pins_.begin(), pins_.end(), [&](const Pin& pin) { return pin.number == input; });
    }

    void ocw() {
        if (!uses_pic_) return;
        Json argument = {{"chip", dice_.chance(60) ? "master" : "slave"}};
        const std::uint32_t kind = dice_.roll(10);
        const std::uint32_t level = dice_.roll(8);
        if (kind < 3) {
            static constexpr std::array<std::uint32_t, 3> plain{0x20, 0x20, 0xa0};
            argument["ocw2"] = hex(dice_.pick(plain));
        } else if (kind < 6) {
            static constexpr std::array<std::uint32_t, 3> specific{0x60, 0xe0, 0xc0};
            argument["ocw2"] = hex(dice_.pick(specific) | level);
        } else if (kind < 8) {
            argument["ocw3"] = ocw3();
        } else {
            argument["mask"] = hex(dice_.chance(50) ? 0 : 1U << level);
        }
        add("ocw", std::move(argument));
        if (dice_.chance(5) && may(Feature::pic_again)) pic();
    }

    std::string ocw3() {
        if (dice_.chance(15) && may(Feature::poll)) return "0x0c";
        if (dice_.chance(25) && may(Feature::special_mask)) return dice_.chance(60) ? "0x68" : "0x48";
        return dice_.chance(50) ? "0x0a" : "0x0b";
    }

    Dice dice_;
    const GeneratorOptions& options_;
    Case case_;
    std::uint32_t made_ = 0;
    std::vector<std::uint32_t> vectors_;
    std::vector<Pin> pins_;
    bool logical_ = false;
    bool uses_pic_ = false;
    bool routed_ = false;
    bool resamples_ = false;
    bool rerouted_ = false;  ///< the GSI of a pin goes to another pin
    std::uint32_t irqfds_ = 0;
    std::set<std::uint32_t> closed_;  ///< vCPUs with interrupts disabled
    std::set<std::uint32_t> off_;     ///< vCPUs whose LAPIC is disabled
    std::set<std::uint32_t> stays_;   ///< vCPUs with a handler that stays
};

}  // namespace

Case generate(std::uint64_t seed, std::uint64_t number, const GeneratorOptions& options) {
    return Grammar(seed, number, options).make();
}

}  // namespace irqbench::tools::fuzz
