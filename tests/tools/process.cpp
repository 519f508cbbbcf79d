#include "tests/tools/process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace irqbench::tests {

namespace {

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

void redirect(int stream, const std::string& path) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, stream) < 0) _exit(126);
    close(file);
}

}  // namespace

Process::Process(const std::string& folder, const std::vector<std::string>& arguments,
                 const std::function<void()>& prepare)
    : folder_(folder) {
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    redirect(STDOUT_FILENO, folder_ + "/out");
    redirect(STDERR_FILENO, folder_ + "/err");
    // Whoever runs the tests may have them ignored.
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, SIG_DFL);
    prepare();
    std::vector<std::string> words{IRQBENCH_COMMAND};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    execv(IRQBENCH_COMMAND, pointers.data());
    _exit(127);
}

Process::~Process() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const { kill(pid_, number); }

int Process::wait() {
    int status = 0;
    wait_until([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string Process::out() const { return text_of(folder_ + "/out"); }
std::string Process::err() const { return text_of(folder_ + "/err"); }

void wait_until(const std::function<bool()>& is_so) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("waited for a minute");
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

}  // namespace irqbench::tests
