#include <optional>

#include "tests/qemu/differences.hpp"
#include "tests/qemu/pic_access.hpp"

// Operations that are others for QEMU than for us, or none.
namespace irqbench::tests::qemu {

using Kind = Operation::Kind;

void Prediction::replace(const Operation& other) {
    operation = other;
    model = before;
    expected = model.apply(other);
}

void Prediction::ignore() {
    model = before;
    expected = {};
    expected.state = state_of(model.board());
}

namespace {

constexpr std::uint32_t iowin = 0x10, eoir = 0x40;

bool is_access(const Operation& operation) {
    return operation.kind == Kind::mmio_read || operation.kind == Kind::mmio_write;
}

bool does_nothing(const Prediction& p) {
    return p.expected.state == state_of(p.before.board()) && p.expected.sent.empty();
}

bool window_repeats(Prediction& p) {
    if (!is_access(p.operation) || p.operation.target < 0x100) return false;
    const Outcome ours = p.expected;
    Operation seen = p.operation;
    seen.target &= 0xFF;
    p.replace(seen);
    return p.expected != ours;
}

bool narrow_access(Prediction& p) {
    const Operation& operation = p.operation;
    if (!is_access(operation) || operation.size >= 4) return false;
    if (operation.target != iowin && operation.target != eoir) return false;
    const bool differs = !does_nothing(p) || p.expected.value.value_or(0) != 0;
    const bool reads = p.expected.value.has_value();
    p.ignore();
    if (reads) p.expected.value = 0;
    return differs;
}

bool wide_vector(Prediction& p) {
    if (p.operation.kind != Kind::mmio_write || p.operation.target != eoir || p.operation.size < 4)
        return false;
    if ((p.operation.value & 0xFFFF'FF00) == 0 || does_nothing(p)) return false;
    p.ignore();
    return true;
}

bool poll_kept(Prediction& p) {
    const auto chip = command_chip(p.operation);
    if (!chip || !is_ocw3(p.operation) || (p.operation.value & 4) != 0 || !p.before.pic(*chip).polled())
        return false;
    Operation seen = p.operation;
    seen.value |= 4;
    p.replace(seen);
    return true;
}

bool eoi_of_masked(Prediction& p) {
    const auto chip = command_chip(p.operation);
    const auto command = p.operation.value >> 5 & 7;
    if (!chip || !is_ocw2(p.operation) || (command != 1 && command != 5)) return false;
    if (!mode(p.before, *chip, "special_mask")) return false;
    const auto& pic = p.before.pic(*chip);
    const auto first = static_cast<unsigned>((field(pic, "lowest_priority") + 1) & 7);
    const auto ended = highest(pic.isr(), first);
    if (!ended || ended == highest(both(pic.isr(), ~pic.imr()), first)) return false;
    p.replace(port_out(p.operation.target, (command == 1 ? 0x60U : 0xE0U) | *ended));
    return true;
}

constexpr Difference list[] = {
    {"window_repeats", "the registers repeat every 256 bytes of the window",
     "one register set; the rest reads zero and takes no writes",
     "82093AA 3.1: registers at FEC0xy00h and FEC0xy10h, x and y from the APICBASE register", window_repeats},
    {"narrow_access", "a byte or word at IOWIN or EOIR reads zero and writes nothing",
     "as KVM: a narrow write is extended with zeros, a read cut off",
     "82093AA 3.0: IOWIN must be accessed as a dword, all registers by 32 bit loads and stores",
     narrow_access},
    {"wide_vector", "EOIR compares all 32 bits with the vectors", "bits 31:8 are ignored",
     "82801DB (ICH4) 9.5.5: bits 31:8 reserved, bits 7:0 redirection entry clear", wide_vector},
    {"poll_kept", "an OCW3 without P leaves an earlier poll command standing", "it takes the command back",
     "82371AB (PIIX4) 4.2.2.8, OCW3 bit 2: 0 disables the poll mode command", poll_kept},
    {"eoi_of_masked", "in special mask mode a non-specific EOI ends a masked interrupt",
     "it ends the highest that is not masked",
     "8259A, End of Interrupt: an IS bit masked by the IMR is not cleared by a non-specific EOI in special "
     "mask mode",
     eoi_of_masked},
};

}  // namespace

std::span<const Difference> operation_differences() { return list; }

}  // namespace irqbench::tests::qemu
