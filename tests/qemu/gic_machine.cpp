#include "tests/qemu/gic_machine.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace irqbench::tests::qemu {

namespace {

char letter_of(unsigned size) { return size == 1 ? 'b' : size == 4 ? 'l' : 'q'; }

std::vector<std::string> arguments(unsigned version) {
    return {"-M",   fmt::format("virt,gic-version={}", version),
            "-cpu", "cortex-a57",
            "-m",   "64",
            "-smp", std::to_string(version == 2 ? 1 : GicMachine::cpu_count)};
}

}  // namespace

GicMachine::GicMachine(const tools::lab::Qemu& qemu, unsigned version)
    : connection_(qemu, arguments(version)) {
    const std::string type = version == 3 ? "arm-gicv3" : "arm_gic";
    for (int number = 0; number < 64 && gic_.empty(); ++number) {
        const std::string path = fmt::format("/machine/unattached/device[{}]", number);
        if (connection_.property(path, "type") == type) gic_ = path;
    }
    if (gic_.empty()) throw std::runtime_error("this QEMU's machine has no " + type);
}

void GicMachine::send(const std::string& command) {
    sent_.push_back(command);
    connection_.qtest().send(command + "\n");
}

std::vector<std::string> GicMachine::answers() {
    std::vector<std::string> all;
    for (const std::string& command : sent_) {
        const std::string line = connection_.qtest().receive();
        if (!line.starts_with("OK")) throw std::runtime_error(fmt::format("{}: {}", command, line));
        all.push_back(line.size() > 3 ? line.substr(3) : "");
    }
    sent_.clear();
    return all;
}

void GicMachine::write(Place place, std::uint64_t value) {
    send(fmt::format("write{} {:#x} {:#x}", letter_of(place.size), place.address, value));
}

void GicMachine::set_line(std::uint32_t intid, unsigned cpu, bool level) {
    const std::uint32_t input = intid < 32 ? spi_count + 32 * cpu + intid : intid - 32;
    send(fmt::format("set_irq_in {} unnamed-gpio-in {} {}", gic_, input, level ? 1 : 0));
}

std::vector<std::uint64_t> GicMachine::read(std::span<const Place> places) {
    static_cast<void>(answers());
    for (const Place& place : places) send(fmt::format("read{} {:#x}", letter_of(place.size), place.address));
    std::vector<std::uint64_t> values;
    for (const std::string& answer : answers()) values.push_back(std::stoull(answer, nullptr, 0));
    return values;
}

}  // namespace irqbench::tests::qemu
