#include "tests/qemu/machine.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace irqbench::tests::qemu {

using tools::lab::Command;
using tools::lab::Process;
using tools::lab::Qemu;
using vmm::kvm::Fd;

namespace {

constexpr int patience_ms = 60'000;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// What is there to read without waiting.
std::string read_available(const Fd& fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t count = 0; (count = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(count));
    return text;
}

Fd listen_at(const std::filesystem::path& path) {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
    if (::listen(fd.get(), 1) != 0) fail("listen");
    return fd;
}

std::filesystem::path make_folder() {
    std::string path = (std::filesystem::temp_directory_path() / "irqbench-qtest-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) fail("mkdtemp");
    return path;
}

Command command_of(const Qemu& qemu, const std::filesystem::path& folder) {
    Command command{{qemu.program.string()}, qemu.environment, {}};
    auto& arguments = command.arguments;
    arguments.insert(arguments.end(), qemu.arguments.begin(), qemu.arguments.end());
    // A machine with as little as there is on the interrupt lines.
    for (const char* each : {"-M", "pc,pit=off,hpet=off,i8042=off,vmport=off", "-accel", "tcg", "-S", "-m",
                             "16", "-nodefaults", "-display", "none", "-qtest-log", "none", "-trace",
                             "enable=apic_deliver_irq", "-trace", "enable=pic_interrupt", "-smp"})
        arguments.emplace_back(each);
    arguments.push_back(std::to_string(QemuMachine::cpu_count));
    arguments.insert(arguments.end(), {"-qtest", "unix:" + (folder / "qtest").string(), "-qmp",
                                       "unix:" + (folder / "qmp").string()});
    return command;
}

}  // namespace

Line Line::accept(const Fd& listening, Process& process) {
    for (int waited_ms = 0; waited_ms < patience_ms; waited_ms += 100) {
        pollfd each{listening.get(), POLLIN, 0};
        if (::poll(&each, 1, 100) > 0)
            return Line(Fd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)));
        if (const auto status = process.poll())
            throw std::runtime_error(
                fmt::format("QEMU ended with status {}: {}", *status, read_available(process.err())));
    }
    throw std::runtime_error("QEMU does not connect to its sockets");
}

void Line::send(const std::string& text) {
    for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t count = ::send(fd_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (count < 0) fail("send to QEMU");
        sent += static_cast<std::size_t>(count);
    }
}

std::string Line::receive() {
    std::size_t end = 0;
    while ((end = buffer_.find('\n')) == std::string::npos) {
        pollfd each{fd_.get(), POLLIN, 0};
        if (::poll(&each, 1, patience_ms) == 0) throw std::runtime_error("QEMU does not answer");
        char part[65536];
        const ssize_t count = ::recv(fd_.get(), part, sizeof part, 0);
        if (count <= 0) throw std::runtime_error("QEMU closed its socket");
        buffer_.append(part, static_cast<std::size_t>(count));
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
}

QemuMachine::QemuMachine(const Qemu& qemu) : folder_(make_folder()) {
    const Fd qtest = listen_at(folder_ / "qtest");
    const Fd qmp = listen_at(folder_ / "qmp");
    process_ = std::make_unique<Process>(command_of(qemu, folder_));
    qtest_ = std::make_unique<Line>(Line::accept(qtest, *process_));
    qmp_ = std::make_unique<Line>(Line::accept(qmp, *process_));
    qmp_->receive();
    execute({{"execute", "qmp_capabilities"}});
    find_pics();
    command("irq_intercept_out " + master_);
    const Operation message = msi(0, 0x51);
    if (apply({&message, 1}).sent.empty())
        throw std::runtime_error("this QEMU was built without the trace backend `log`");
    reset();
}

QemuMachine::~QemuMachine() {
    process_.reset();
    std::error_code none;
    std::filesystem::remove_all(folder_, none);
}

void QemuMachine::find_pics() {
    for (int number = 0; number < 64 && (master_.empty() || slave_.empty()); ++number) {
        const std::string path = fmt::format("/machine/unattached/device[{}]", number);
        const auto get = [&](const char* property) {
            return execute({{"execute", "qom-get"}, {"arguments", {{"path", path}, {"property", property}}}});
        };
        if (get("type").value("return", "") != "isa-i8259") continue;
        (get("master").at("return").get<bool>() ? master_ : slave_) = path;
    }
    if (master_.empty() || slave_.empty())
        throw std::runtime_error("this QEMU's machine has no pair of 8259s");
}

nlohmann::json QemuMachine::execute(const nlohmann::json& request) {
    qmp_->send(request.dump() + "\n");
    for (;;) {
        nlohmann::json answer = nlohmann::json::parse(qmp_->receive());
        if (!answer.contains("event")) return answer;
        was_reset_ = was_reset_ || answer["event"] == "RESET";
    }
}

std::string QemuMachine::monitor(const std::string& text) {
    const auto answer =
        execute({{"execute", "human-monitor-command"}, {"arguments", {{"command-line", text}}}});
    if (!answer.contains("return")) throw std::runtime_error(fmt::format("{}: {}", text, answer.dump()));
    return answer["return"].get<std::string>();
}

std::string QemuMachine::command(const std::string& text) {
    qtest_->send(text + "\n");
    return answer_to(text);
}

std::string QemuMachine::answer_to(const std::string& text) {
    for (;;) {
        const std::string line = qtest_->receive();
        if (line == "IRQ raise 0") intr_ = true;
        if (line == "IRQ lower 0") intr_ = false;
        if (line.starts_with("IRQ ")) continue;
        if (!line.starts_with("OK")) throw std::runtime_error(fmt::format("{}: {}", text, line));
        return line.size() > 3 ? line.substr(3) : "";
    }
}

void QemuMachine::reset() {
    was_reset_ = false;
    execute({{"execute", "system_reset"}});
    // Where the reset is carried out after the answer.
    while (!was_reset_) execute({{"execute", "query-status"}});
    Outcome left_behind;
    take_events(left_behind);
}

void QemuMachine::take_events(Outcome& outcome) {
    trace_ += read_available(process_->err());
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
    qtest_->send(all);
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
