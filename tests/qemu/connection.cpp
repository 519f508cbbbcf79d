#include "tests/qemu/connection.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
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

Command command_of(const Qemu& qemu, const std::vector<std::string>& machine,
                   const std::filesystem::path& folder) {
    Command command{{qemu.program.string()}, qemu.environment, {}};
    auto& arguments = command.arguments;
    arguments.insert(arguments.end(), qemu.arguments.begin(), qemu.arguments.end());
    arguments.insert(arguments.end(), machine.begin(), machine.end());
    arguments.insert(arguments.end(), {"-accel", "tcg", "-S", "-nodefaults", "-display", "none", "-qtest-log",
                                       "none", "-qtest", "unix:" + (folder / "qtest").string(), "-qmp",
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

Connection::Connection(const Qemu& qemu, const std::vector<std::string>& arguments) : folder_(make_folder()) {
    const Fd qtest = listen_at(folder_ / "qtest");
    const Fd qmp = listen_at(folder_ / "qmp");
    process_ = std::make_unique<Process>(command_of(qemu, arguments, folder_));
    qtest_ = std::make_unique<Line>(Line::accept(qtest, *process_));
    qmp_ = std::make_unique<Line>(Line::accept(qmp, *process_));
    qmp_->receive();
    execute({{"execute", "qmp_capabilities"}});
}

Connection::~Connection() {
    process_.reset();
    std::error_code none;
    std::filesystem::remove_all(folder_, none);
}

nlohmann::json Connection::execute(const nlohmann::json& request) {
    qmp_->send(request.dump() + "\n");
    for (;;) {
        nlohmann::json answer = nlohmann::json::parse(qmp_->receive());
        if (!answer.contains("event")) return answer;
        was_reset_ = was_reset_ || answer["event"] == "RESET";
    }
}

nlohmann::json Connection::property(const std::string& path, const std::string& name) {
    return execute({{"execute", "qom-get"}, {"arguments", {{"path", path}, {"property", name}}}})
        .value("return", nlohmann::json{});
}

void Connection::reset() {
    was_reset_ = false;
    execute({{"execute", "system_reset"}});
    // Where the reset is carried out after the answer.
    while (!was_reset_) execute({{"execute", "query-status"}});
}

std::string Connection::take_errors() { return read_available(process_->err()); }

}  // namespace irqbench::tests::qemu
