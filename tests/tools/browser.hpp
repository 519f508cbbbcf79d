#pragma once

#include <sys/types.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace irqbench::tests {

/// Why there is no browser to ask; empty if there is one.
std::string no_browser();

/// A headless Chromium with one page, driven through its debugging pipe: messages of the DevTools protocol as
/// JSON, each with a zero byte at its end. Source: the protocol's domains Page, Runtime, Input and Emulation.
class Browser {
  public:
    /// @param folder for its profile
    Browser(const std::string& folder, int width, int height);
    /// Kills it.
    ~Browser();
    Browser(const Browser&) = delete;
    Browser& operator=(const Browser&) = delete;

    /// Opens a file and waits until its script has run.
    void open(const std::string& path);
    /// The value of a JavaScript expression.
    /// @throws std::runtime_error with the exception that it raised
    nlohmann::json value(const std::string& expression);
    /// Asks again and again until the expression is true. @throws std::runtime_error when it never is
    void wait_for(const std::string& expression);
    /// Presses and releases a key, named as KeyboardEvent.key is.
    void press(const std::string& key);
    void type(const std::string& text);
    void click(const std::string& selector);
    void prefer_dark(bool dark);
    void print_media(bool on);
    void write_screenshot(const std::string& path);
    /// What the page should not have done: messages on the console, uncaught exceptions, requests for
    /// anything but the file itself.
    [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

  private:
    nlohmann::json call(const std::string& method,
                        const nlohmann::json& parameters = nlohmann::json::object());
    nlohmann::json next_message();
    void take_event(const nlohmann::json& message);

    pid_t pid_ = -1;
    int to_ = -1;
    int from_ = -1;
    std::string unread_;
    int last_id_ = 0;
    std::string session_;
    std::string url_;
    std::vector<std::string> complaints_;
};

}  // namespace irqbench::tests
