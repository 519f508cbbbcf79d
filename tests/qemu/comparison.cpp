#include "tests/qemu/comparison.hpp"

#include <fmt/format.h>

#include <utility>

namespace irqbench::tests::qemu {

using Kind = Operation::Kind;

namespace {

/// QEMU's memory core gives a wide access to the region of its first port, byte by byte. Beyond its end an
/// 8259 takes them for its second port, and an ELCR for its only one.
constexpr Difference wide_port{"wide_port", "an access that is wider than a chip's ports is all the chip's",
                               "each byte goes to its own port, and bytes beyond the ports read ones",
                               "82371SB 2.5: 8-bit registers, ELCR2 at 4D1h is one of them"};

bool is_port(const Operation& operation) {
    return operation.kind == Kind::port_in || operation.kind == Kind::port_out;
}
bool is_elcr(const Operation& operation) { return operation.target >= 0x4D0; }

/// The second port of an 8259, which is too crooked a place for a wide access: that is cut to pieces.
bool is_data_port(const Operation& operation) { return !is_elcr(operation) && (operation.target & 1) != 0; }

/// The accesses that QEMU makes of a wide one.
std::vector<Operation> parts_of(const Operation& operation) {
    const std::uint32_t first = operation.target;
    const std::uint32_t more = is_elcr(operation) ? first : first + 1;
    std::vector<Operation> parts;
    for (unsigned byte = 0; byte < (is_data_port(operation) ? 1U : operation.size); ++byte)
        parts.push_back({operation.kind, byte == 0 ? first : more, 1, operation.value >> (8 * byte) & 0xFF});
    return parts;
}

/// What a read finds beyond the parts.
std::uint64_t beyond(const Operation& operation) {
    if (!is_data_port(operation)) return 0;
    return operation.size == 2 ? 0xFF00U : 0xFFFF'FF00U;
}

std::vector<std::span<const Difference>> all_differences() {
    return {operation_differences(), ioapic_differences(), pic_differences(), message_differences()};
}

std::string report(const std::string& what, const std::string& differences) {
    return fmt::format("{}\n{}", what, differences);
}

}  // namespace

void Comparison::restart() {
    qemu_.reset();
    model_ = {};
    shadow_ = {};
    lapics_ = {};
    pending_.clear();
    pending_values_.clear();
    pending_outcome_ = {};
    settled_ = state_of(model_.board());
    for (const auto& list : all_differences())
        for (const Difference& each : list) shown_.try_emplace(each.name, 0);
    for (const Difference& each : lapic_differences()) shown_.try_emplace(each.name, 0);
    shown_.try_emplace(wide_port.name, 0);
}

Prediction Comparison::predict(const Model& before, const ChipState& was, const Operation& operation,
                               Shadow& shadow) {
    Model model = before;
    Outcome expected = model.apply(operation);
    Prediction prediction{before, was, std::move(model), operation, std::move(expected), shadow};
    for (const auto& list : all_differences())
        for (const Difference& each : list)
            if (each.shows != nullptr && each.shows(prediction)) ++shown_[each.name];
    return prediction;
}

std::optional<std::string> Comparison::step(const Operation& operation) {
    if (is_port(operation) && operation.size > 1) return step_wide(operation, parts_of(operation));
    return carry_out(operation, predict(model_, settled_, operation, shadow_));
}

std::optional<std::string> Comparison::step_wide(const Operation& operation,
                                                 const std::vector<Operation>& parts) {
    Shadow shadow = shadow_;
    Model model = model_;
    ChipState was = settled_;
    Outcome expected;
    if (operation.kind == Kind::port_in) expected.value = beyond(operation);
    Repair last;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const Model before = model;
        Prediction part = predict(before, was, parts[i], shadow);
        if (part.expected.value) *expected.value |= *part.expected.value << (8 * i);
        if (part.repair.is_needed() && i + 1 < parts.size()) {
            // The two sides would have to meet again in the middle of the access.
            for (const Operation& each : parts)
                if (auto mismatch = step(each)) return mismatch;
            return std::nullopt;
        }
        model = std::move(part.model);
        was = part.expected.state;
        last = std::move(part.repair);
    }
    expected.state = was;
    Model plain = model_;
    const Outcome ours = plain.apply(operation);
    if (state_of(plain.board()) != state_of(model.board()) || ours.value != expected.value)
        ++shown_[wide_port.name];
    shadow_ = shadow;
    const Model before = model_;
    return carry_out(operation,
                     {before, settled_, std::move(model), operation, std::move(expected), shadow_, last});
}

std::optional<std::string> Comparison::carry_out(const Operation& operation, const Prediction& prediction) {
    const Outcome& expected = prediction.expected;
    Outcome& all = pending_outcome_;
    pending_.push_back(operation);
    pending_values_.push_back(expected.value);
    all.sent.insert(all.sent.end(), expected.sent.begin(), expected.sent.end());
    all.acknowledged.insert(all.acknowledged.end(), expected.acknowledged.begin(),
                            expected.acknowledged.end());
    take(expected.sent);
    model_ = prediction.model;
    settled_ = expected.state;
    if (pending_.size() < batch_ && !prediction.repair.is_needed()) return std::nullopt;
    if (auto mismatch = look()) return mismatch;
    return repair(prediction.repair);
}

std::optional<std::string> Comparison::look() {
    if (pending_.empty()) return std::nullopt;
    std::vector<std::optional<std::uint64_t>> values;
    const Outcome actual = qemu_.apply(pending_, values);
    pending_outcome_.state = settled_;
    std::string found;
    std::string after;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
        after += (i == 0 ? "after " : ", ") + qemu::text(pending_[i]);
        if (values[i] != pending_values_[i])
            found += fmt::format("  {}: {:#x} expected, {:#x} in QEMU\n", qemu::text(pending_[i]),
                                 pending_values_[i].value_or(0), values[i].value_or(0));
    }
    found += differences(pending_outcome_, actual);
    pending_.clear();
    pending_values_.clear();
    pending_outcome_ = {};
    if (!found.empty()) return report(after, found);
    return std::nullopt;
}

std::optional<std::string> Comparison::repair(const Repair& repair) {
    Outcome expected;
    Outcome actual;
    actual.state = settled_;
    if (!repair.in_qemu.empty()) actual = qemu_.apply(repair.in_qemu);
    if (repair.pics) actual.state = initialize_pics();
    expected.state = lasting_state();
    expected.sent = repair.sent;
    if (auto text = differences(expected, actual); !text.empty())
        return report("the two sides do not meet again", text);
    take(repair.sent);
    settled_ = expected.state;
    if (!repair.pics)
        for (const Operation& each : repair.next)
            if (auto mismatch = step(each)) return mismatch;
    return std::nullopt;
}

ChipState Comparison::initialize_pics() {
    std::vector<Operation> all;
    for (std::uint32_t pin = 0; pin < 16; ++pin)
        if (model_.board().pic().asserted(pin)) all.push_back(pic_line(pin, false));
    for (const std::uint32_t port : {0x4D0U, 0x4D1U}) all.push_back(port_out(port, 0));
    // The slave first: what it asks for on the way is forgotten with the master's ICW1.
    for (const std::uint32_t chip : {0xA0U, 0x20U}) {
        all.push_back(port_out(chip, 0x11));
        all.push_back(port_out(chip + 1, chip == 0x20 ? 0x20 : 0x28));
        all.push_back(port_out(chip + 1, chip == 0x20 ? 4 : 2));
        all.push_back(port_out(chip + 1, 1));
    }
    for (const Operation& each : all) static_cast<void>(model_.apply(each));
    Shadow fresh;
    fresh.reserved = shadow_.reserved;
    shadow_ = fresh;
    return qemu_.apply(all).state;
}

ChipState Comparison::lasting_state() {
    ChipState state = state_of(model_.board());
    for (const auto& list : all_differences())
        for (const Difference& each : list)
            if (each.stands != nullptr) each.stands(model_, shadow_, state);
    return state;
}

void Comparison::take(const std::vector<Sent>& messages) {
    for (const Sent& sent : messages)
        if (const Difference* shows = lapics_.take(sent)) ++shown_[shows->name];
}

std::optional<std::string> Comparison::finish() {
    if (auto mismatch = look()) return mismatch;
    for (unsigned cpu = 0; cpu < QemuMachine::cpu_count; ++cpu)
        if (auto text = differences(lapics_[cpu], qemu_.lapic(cpu)); !text.empty())
            return report(fmt::format("local APIC {}", cpu), text);
    return std::nullopt;
}

}  // namespace irqbench::tests::qemu
