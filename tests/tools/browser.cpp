#include "tests/tools/browser.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "scenarios/engine/base64.hpp"

namespace irqbench::tests {

namespace {

using Json = nlohmann::json;

/// A watchdog only: a host may be busy with other things.
constexpr int patience_ms = 120'000;

std::string browser_path() {
    const char* path = std::getenv("PATH");
    std::string folders = path != nullptr ? path : "";
    for (std::size_t begin = 0; begin <= folders.size();) {
        const std::size_t end = std::min(folders.find(':', begin), folders.size());
        const std::string file = folders.substr(begin, end - begin) + "/chromium";
        if (access(file.c_str(), X_OK) == 0) return file;
        begin = end + 1;
    }
    return {};
}

/// In the new process: the pipe at the numbers where Chromium looks for it.
[[noreturn]] void become_browser(const std::string& folder, int in, int out, int width, int height) {
    // Out of the way first: they may be 3 and 4 in the other order.
    const int high_in = fcntl(in, F_DUPFD, 10);
    const int high_out = fcntl(out, F_DUPFD, 10);
    if (dup2(high_in, 3) < 0 || dup2(high_out, 4) < 0) _exit(126);
    const int log = ::open((folder + "/chromium.log").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0) _exit(126);
    // A group of its own: it has many processes.
    setpgid(0, 0);
    const std::string profile = "--user-data-dir=" + folder + "/profile";
    const std::string size = "--window-size=" + std::to_string(width) + "," + std::to_string(height);
    const std::string path = browser_path();
    const std::array arguments = {path.c_str(),
                                  "--headless",
                                  "--no-sandbox",
                                  "--disable-gpu",
                                  "--disable-quic",
                                  "--disable-dev-shm-usage",
                                  "--no-first-run",
                                  "--disable-background-networking",
                                  "--disable-component-update",
                                  "--disable-sync",
                                  "--hide-scrollbars",
                                  "--remote-debugging-pipe",
                                  profile.c_str(),
                                  size.c_str(),
                                  "about:blank"};
    std::vector<char*> pointers;
    for (const char* each : arguments)
        pointers.push_back(const_cast<char*>(each));  // NOLINT: as execv has it
    pointers.push_back(nullptr);
    execv(path.c_str(), pointers.data());
    _exit(127);
}

}  // namespace

std::string no_browser() {
    return browser_path().empty() ? "there is no chromium here (tools/packages has it in the group browser)"
                                  : "";
}

Browser::Browser(const std::string& folder, int width, int height) {
    std::array<int, 2> down{};
    std::array<int, 2> up{};
    if (pipe2(down.data(), O_CLOEXEC) != 0 || pipe2(up.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) become_browser(folder, down[0], up[1], width, height);
    close(down[0]);
    close(up[1]);
    to_ = down[1];
    from_ = up[0];
    // When it ends unasked, that is said by the read that follows.
    std::signal(SIGPIPE, SIG_IGN);
    const Json target = call("Target.createTarget", {{"url", "about:blank"}});
    session_ =
        call("Target.attachToTarget", {{"targetId", target["targetId"]}, {"flatten", true}})["sessionId"];
    for (const char* domain : {"Page.enable", "Runtime.enable", "Log.enable", "Network.enable"}) call(domain);
    call("Emulation.setDeviceMetricsOverride",
         {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", false}});
}

Browser::~Browser() {
    close(to_);
    close(from_);
    kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

Json Browser::next_message() {
    for (;;) {
        const std::size_t end = unread_.find('\0');
        if (end != std::string::npos) {
            Json message = Json::parse(unread_.substr(0, end));
            unread_.erase(0, end + 1);
            return message;
        }
        pollfd ready{from_, POLLIN, 0};
        if (poll(&ready, 1, patience_ms) <= 0) throw std::runtime_error("the browser says nothing");
        std::array<char, 65536> bytes{};
        const ssize_t count = read(from_, bytes.data(), bytes.size());
        if (count <= 0) throw std::runtime_error("the browser has ended");
        unread_.append(bytes.data(), static_cast<std::size_t>(count));
    }
}

void Browser::take_event(const Json& message) {
    const std::string method = message.value("method", "");
    const Json& parameters = message.contains("params") ? message["params"] : Json::object();
    if (method == "Runtime.consoleAPICalled" || method == "Runtime.exceptionThrown" ||
        method == "Log.entryAdded")
        complaints_.push_back(parameters.dump());
    if (method == "Network.requestWillBeSent" && parameters["request"]["url"] != url_)
        complaints_.push_back("request for " + parameters["request"]["url"].get<std::string>());
}

Json Browser::call(const std::string& method, const Json& parameters) {
    Json message = {{"id", ++last_id_}, {"method", method}, {"params", parameters}};
    if (!session_.empty()) message["sessionId"] = session_;
    const std::string text = message.dump() + '\0';
    for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t count = write(to_, text.data() + sent, text.size() - sent);
        if (count <= 0) throw std::runtime_error("the browser does not listen");
        sent += static_cast<std::size_t>(count);
    }
    for (;;) {
        Json answer = next_message();
        if (answer.value("id", 0) != last_id_) {
            take_event(answer);
            continue;
        }
        if (answer.contains("error")) throw std::runtime_error(method + ": " + answer["error"].dump());
        return answer["result"];
    }
}

void Browser::open(const std::string& path) {
    url_ = "file://" + path;
    call("Page.navigate", {{"url", url_}});
    wait_for("document.readyState === 'complete' && document.getElementById('shown')?.textContent !== ''");
}

Json Browser::value(const std::string& expression) {
    const Json result = call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}});
    if (result.contains("exceptionDetails"))
        throw std::runtime_error(expression + ": " + result["exceptionDetails"].dump());
    return result["result"].contains("value") ? result["result"]["value"] : Json(nullptr);
}

void Browser::wait_for(const std::string& expression) {
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
        // While a page is being opened there may be nothing to ask yet.
        try {
            if (value(expression) == true) return;
        } catch (const std::runtime_error&) {
            if (std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(patience_ms)) throw;
        }
        if (std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(patience_ms))
            throw std::runtime_error("never so: " + expression);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

void Browser::press(const std::string& key) {
    Json down = {{"type", "keyDown"}, {"key", key}};
    const bool prints = key.size() == 1;
    if (prints) down["text"] = key;
    if (key == "Enter") down["text"] = "\r";
    call("Input.dispatchKeyEvent", down);
    call("Input.dispatchKeyEvent", {{"type", "keyUp"}, {"key", key}});
}

void Browser::type(const std::string& text) {
    for (const char each : text) press(std::string(1, each));
}

void Browser::click(const std::string& selector) {
    const Json place = value("(() => { const box = document.querySelector(" + Json(selector).dump() +
                             ").getBoundingClientRect();"
                             " return [box.x + box.width / 2, box.y + box.height / 2]; })()");
    for (const char* type : {"mouseMoved", "mousePressed", "mouseReleased"})
        call("Input.dispatchMouseEvent",
             {{"type", type}, {"x", place[0]}, {"y", place[1]}, {"button", "left"}, {"clickCount", 1}});
}

void Browser::prefer_dark(bool dark) {
    call("Emulation.setEmulatedMedia",
         {{"features", {{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}}}}});
}

void Browser::print_media(bool on) { call("Emulation.setEmulatedMedia", {{"media", on ? "print" : ""}}); }

void Browser::write_screenshot(const std::string& path) {
    const auto bytes = scenarios::from_base64(
        call("Page.captureScreenshot", {{"format", "png"}})["data"].get<std::string>());
    std::ofstream file(path, std::ios::binary);
    for (const std::byte each : bytes.value()) file.put(static_cast<char>(each));
}

}  // namespace irqbench::tests
