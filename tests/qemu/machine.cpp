#include "tests/qemu/machine.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <stdexcept>

namespace irqbench::tests::qemu {

namespace {

/// A machine with as little as there is on the interrupt lines.
std::vector<std::string> arguments() {
    return {"-M",     "pc,pit=off,hpet=off,i8042=off,vmport=off",
            "-m",     "16",
            "-trace", "enable=apic_deliver_irq",
            "-trace", "enable=pic_interrupt",
            "-smp",   std::to_string(QemuMachine::cpu_count)};
}

}  // namespace

QemuMachine::QemuMachine(const tools::lab::Qemu& qemu) : connection_(qemu, arguments()) {
    find_pics();
    command("irq_intercept_out " + master_);
    const Operation message = msi(0, 0x51);
    if (apply({&message, 1}).sent.empty())
        throw std::runtime_error("this QEMU was built without the trace backend `log`");
    reset();
}

void QemuMachine::find_pics() {
    for (int number = 0; number < 64 && (master_.empty() || slave_.empty()); ++number) {
        const std::string path = fmt::format("/machine/unattached/device[{}]", number);
        if (connection_.property(path, "type") != "isa-i8259") continue;
        (connection_.property(path, "master").get<bool>() ? master_ : slave_) = path;
    }
    if (master_.empty() || slave_.empty())
        throw std::runtime_error("this QEMU's machine has no pair of 8259s");
}

std::string QemuMachine::monitor(const std::string& text) {
    const auto answer =
        connection_.execute({{"execute", "human-monitor-command"}, {"arguments", {{"command-line", text}}}});
    if (!answer.contains("return")) throw std::runtime_error(fmt::format("{}: {}", text, answer.dump()));
    return answer["return"].get<std::string>();
}

std::string QemuMachine::command(const std::string& text) {
    connection_.qtest().send(text + "\n");
    return answer_to(text);
}

std::string QemuMachine::answer_to(const std::string& text) {
    for (;;) {
        const std::string line = connection_.qtest().receive();
        if (line == "IRQ raise 0") intr_ = true;
        if (line == "IRQ lower 0") intr_ = false;
        if (line.starts_with("IRQ ")) continue;
        if (!line.starts_with("OK")) throw std::runtime_error(fmt::format("{}: {}", text, line));
        return line.size() > 3 ? line.substr(3) : "";
    }
}

void QemuMachine::reset() {
    connection_.reset();
    Outcome left_behind;
    take_events(left_behind);
}

void QemuMachine::take_events(Outcome& outcome) {
    trace_ += connection_.take_errors();
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = trace_.find('\n', begin)) != std::string::npos; begin = end + 1) {
        const std::string line = trace_.substr(begin, end - begin);
        unsigned destination = 0, logical = 0, mode = 0, vector = 0, level = 0;
        if (std::sscanf(line.c_str(),
                        "apic_deliver_irq dest %u dest_mode %u delivery_mode %u vector %u trigger_mode %u",
                        &destination, &logical, &mode, &vector, &level) == 5)
            outcome.sent.push_back({destination, logical != 0, static_cast<std::uint8_t>(mode),
                                    static_cast<std::uint8_t>(vector), level != 0});
        if (std::sscanf(line.c_str(), "pic_interrupt irq %*u intno %u", &vector) == 1)
            outcome.acknowledged.push_back(static_cast<std::uint8_t>(vector));
    }
    trace_.erase(0, begin);
}

Outcome QemuMachine::apply(std::span<const Operation> operations,
                           std::vector<std::optional<std::uint64_t>>& values) {
    std::vector<std::string> commands;
    std::string all;
    for (const Operation& operation : operations) {
        commands.push_back(qemu::command(operation, master_, slave_));
        all += commands.back() + "\n";
    }
    connection_.qtest().send(all);
    values.clear();
    for (std::size_t i = 0; i < commands.size(); ++i) {
        const std::string answer = answer_to(commands[i]);
        const auto kind = operations[i].kind;
        const bool reads = kind == Operation::Kind::mmio_read || kind == Operation::Kind::port_in;
        values.push_back(reads ? std::optional<std::uint64_t>(std::stoull(answer, nullptr, 0))
                               : std::nullopt);
    }
    Outcome outcome;
    take_events(outcome);
    outcome.state = parse_chips(monitor("info pic"));
    outcome.state.intr = intr_;
    return outcome;
}

Outcome QemuMachine::apply(std::span<const Operation> operations) {
    std::vector<std::optional<std::uint64_t>> values;
    return apply(operations, values);
}

LapicState QemuMachine::lapic(unsigned cpu) {
    return parse_lapic(monitor(fmt::format("info lapic {}", cpu)));
}

}  // namespace irqbench::tests::qemu
