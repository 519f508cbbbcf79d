// Process 1 of a machine of the lab: loads KVM, runs one program, and tells the host about it over a serial
// port, one JSON object a line. Linked statically and without the C++ run time, so that it can say what is
// missing where nothing else runs.
//
// It finds in /lab:
//   arguments, environment   of the program, each string ended by NUL
//   folder                   to run it in
//   modules                  lines `WORD FILE`: loaded in order if WORD is in /proc/cpuinfo
// and in the kernel's command line irqbench.channel=DEVICE, and MODULE.NAME=VALUE for module parameters.
//
// What it says, in this order (tools/lab/channel.hpp reads it):
//   {"event":"up","release":R,"version":V}
//   {"event":"stuck","cpu":N}                    a CPU without timer interrupts; this is the end
//   {"event":"module","file":F,"error":E}        a module that cannot be loaded
//   {"event":"kvm","error":E}                    E is empty if /dev/kvm can be opened; else this is the end
//   {"event":"output","stream":S,"text":T}       S is out, err, trace or log (the kernel's)
//   {"event":"exit","status":N} or {"event":"exit","signal":N}
//   {"event":"off"}
// and hears the line `interrupt`, upon which the program gets SIGINT.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kvm.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

int channel = -1;

void send(const char* bytes, std::size_t count) {
    while (count > 0) {
        const ssize_t written = ::write(channel, bytes, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        bytes += written;
        count -= static_cast<std::size_t>(written);
    }
}

void send(const char* text) { send(text, std::strlen(text)); }

/// A JSON string. Bytes above 0x7f are sent as the code point of the same number, so that any bytes arrive.
void send_string(const char* text, std::size_t count) {
    char buffer[4096];
    std::size_t used = 0;
    buffer[used++] = '"';
    for (std::size_t i = 0; i < count; ++i) {
        if (used + 8 > sizeof buffer) {
            send(buffer, used);
            used = 0;
        }
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 || c >= 0x7f) {
            used += static_cast<std::size_t>(std::snprintf(buffer + used, 8, "\\u%04x", unsigned{c}));
        } else {
            if (c == '"' || c == '\\') buffer[used++] = '\\';
            buffer[used++] = static_cast<char>(c);
        }
    }
    buffer[used++] = '"';
    send(buffer, used);
}

void send_string(const char* text) { send_string(text, std::strlen(text)); }

void send_number(const char* before, int number) {
    char text[16];
    std::snprintf(text, sizeof text, "%d", number);
    send(before);
    send(text);
    send("}\n");
}

void send_output(const char* stream, const char* text, std::size_t count) {
    send("{\"event\":\"output\",\"stream\":");
    send_string(stream);
    send(",\"text\":");
    send_string(text, count);
    send("}\n");
}

void send_error(const char* before, const char* error) {
    send(before);
    send_string(error);
    send("}\n");
}

struct Text {
    char* begin = nullptr;
    std::size_t size = 0;
};

/// A whole file, with a NUL behind it; empty if it cannot be read.
Text read_file(const char* path) {
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    std::size_t capacity = 4096;
    Text text{static_cast<char*>(std::malloc(capacity)), 0};
    while (file >= 0) {
        if (text.size + 1 == capacity)
            text.begin = static_cast<char*>(std::realloc(text.begin, capacity *= 2));
        const ssize_t count = ::read(file, text.begin + text.size, capacity - 1 - text.size);
        if (count <= 0) break;
        text.size += static_cast<std::size_t>(count);
    }
    if (file >= 0) ::close(file);
    text.begin[text.size] = '\0';
    return text;
}

/// The NUL-ended strings of a file as exec wants them.
char** read_strings(const char* path) {
    const Text text = read_file(path);
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size; ++i) count += text.begin[i] == '\0' ? 1 : 0;
    auto** strings = static_cast<char**>(std::calloc(count + 1, sizeof(char*)));
    char* next = text.begin;
    for (std::size_t i = 0; i < count; ++i) {
        strings[i] = next;
        next += std::strlen(next) + 1;
    }
    return strings;
}

bool has_word(const char* text, const char* word) {
    const std::size_t length = std::strlen(word);
    const auto ends = [](char c) { return c == '\0' || c == ' ' || c == '\n' || c == '\t'; };
    for (const char* at = std::strstr(text, word); at != nullptr; at = std::strstr(at + 1, word))
        if ((at == text || ends(at[-1])) && ends(at[length])) return true;
    return false;
}

/// Copies what the kernel's command line has for `prefix`, without the prefix, words separated by blanks.
void parameters(const char* command_line, const char* prefix, char* result, std::size_t capacity) {
    const std::size_t length = std::strlen(prefix);
    std::size_t used = 0;
    for (const char* word = command_line; *word != '\0';) {
        const std::size_t size = std::strcspn(word, " \n");
        if (size > length && std::strncmp(word, prefix, length) == 0 && used + size - length + 2 < capacity) {
            if (used > 0) result[used++] = ' ';
            std::memcpy(result + used, word + length, size - length);
            used += size - length;
        }
        word += size;
        word += std::strspn(word, " \n");
    }
    result[used] = '\0';
}

/// `kvm_amd.` for /lab/kvm-amd.ko
void parameter_prefix(const char* file, char* prefix, std::size_t capacity) {
    const char* slash = std::strrchr(file, '/');
    const char* name = slash != nullptr ? slash + 1 : file;
    const std::size_t length = std::strcspn(name, ".");
    if (length + 2 > capacity) {
        prefix[0] = '\0';
        return;
    }
    for (std::size_t i = 0; i < length; ++i) prefix[i] = name[i] == '-' ? '_' : name[i];
    prefix[length] = '.';
    prefix[length + 1] = '\0';
}

void load_module(const char* file, const char* command_line) {
    char prefix[64];
    char options[1024];
    parameter_prefix(file, prefix, sizeof prefix);
    parameters(command_line, prefix, options, sizeof options);
    const int module = ::open(file, O_RDONLY | O_CLOEXEC);
    const bool loaded = module >= 0 && ::syscall(SYS_finit_module, module, options, 0) == 0;
    if (!loaded && errno != EEXIST) {
        const char* error = std::strerror(errno);
        send("{\"event\":\"module\",\"file\":");
        send_string(file);
        send_error(",\"error\":", error);
    }
    if (module >= 0) ::close(module);
}

void load_modules(const char* command_line) {
    const Text processor = read_file("/proc/cpuinfo");
    const Text list = read_file("/lab/modules");
    for (char* line = std::strtok(list.begin, "\n"); line != nullptr; line = std::strtok(nullptr, "\n")) {
        char* file = std::strchr(line, ' ');
        if (file == nullptr) continue;
        *file++ = '\0';
        if (has_word(processor.begin, line)) load_module(file, command_line);
    }
}

void mount_at(const char* type, const char* folder) {
    ::mkdir(folder, 0755);
    ::mount(type, folder, type, 0, nullptr);
}

/// The machine's /dev, with the files that the initramfs has in /dev/shm.
void mount_dev() {
    const int shm = ::open("/dev/shm", O_PATH | O_CLOEXEC);
    mount_at("devtmpfs", "/dev");
    if (shm < 0) return;
    char source[32];
    std::snprintf(source, sizeof source, "/proc/self/fd/%d", shm);
    ::mkdir("/dev/shm", 0755);
    ::mount(source, "/dev/shm", nullptr, MS_BIND, nullptr);
    ::close(shm);
}

void open_channel(const char* command_line) {
    char device[64];
    parameters(command_line, "irqbench.channel=", device, sizeof device);
    channel = ::open(device, O_RDWR | O_NOCTTY | O_CLOEXEC);
    termios settings{};
    if (channel < 0 || ::tcgetattr(channel, &settings) != 0) return;
    ::cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL;
    ::cfsetspeed(&settings, B115200);
    ::tcsetattr(channel, TCSANOW, &settings);
}

/// Everything sent must leave before the power does.
[[noreturn]] void power_off() {
    send("{\"event\":\"off\"}\n");
    ::tcdrain(channel);
    ::tcdrain(STDOUT_FILENO);
    ::reboot(RB_AUTOBOOT);
    for (;;) ::pause();
}

void run_on(std::size_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    ::sched_setaffinity(0, sizeof set, &set);
}

void sleep_ms(long milliseconds) {
    const timespec time{milliseconds / 1000, milliseconds % 1000 * 1000000};
    ::nanosleep(&time, nullptr);
}

/// Now and then a CPU comes up on the emulator whose timer never interrupts: whatever sleeps there sleeps for
/// ever.
/// @returns the number of such a CPU, or 0, where process 1 waits
int find_stuck_cpu() {
    const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t all;
    ::sched_getaffinity(0, sizeof all, &all);
    run_on(0);
    int stuck = 0;
    for (int cpu = 1; cpu < cpus && stuck == 0; ++cpu) {
        const pid_t sleeper = ::fork();
        if (sleeper == 0) {
            run_on(static_cast<std::size_t>(cpu));
            for (int i = 0; i < 3; ++i) sleep_ms(1);
            ::_exit(0);
        }
        // Long for a sleep of milliseconds, but the host may be busy.
        constexpr int patience_ms = 10000;
        int waited = 0;
        while (::waitpid(sleeper, nullptr, WNOHANG) == 0 && waited < patience_ms) {
            sleep_ms(1);
            ++waited;
        }
        if (waited >= patience_ms) stuck = cpu;
    }
    ::sched_setaffinity(0, sizeof all, &all);
    return stuck;
}

struct Stream {
    const char* name;
    int fd;
    bool open;
};

/// Passes on what there is. @returns whether the stream goes on
bool pass_on(const Stream& stream) {
    static char buffer[65536];
    const ssize_t count = ::read(stream.fd, buffer, sizeof buffer);
    if (count < 0) return errno == EINTR || errno == EAGAIN || errno == EPIPE;
    if (count == 0) return false;
    send_output(stream.name, buffer, static_cast<std::size_t>(count));
    return true;
}

void hear(pid_t program) {
    static char line[64];
    static std::size_t used = 0;
    char c = 0;
    while (::read(channel, &c, 1) == 1) {
        if (c != '\n') {
            if (used + 1 < sizeof line) line[used++] = c;
            continue;
        }
        line[used] = '\0';
        used = 0;
        if (std::strcmp(line, "interrupt") == 0) ::kill(program, SIGINT);
        return;
    }
}

struct Pipe {
    int read;
    int write;
};

Pipe make_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return {-1, -1};
    ::fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
    return {ends[0], ends[1]};
}

[[noreturn]] void give_up(const char* what, const char* name) {
    ::dprintf(STDERR_FILENO, "%s%s: %s\n", what, name, std::strerror(errno));
    ::_exit(127);
}

/// Files that the user could not read on the host have no permission bits. They are for the program, too.
void obey_permissions() {
    ::prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0);
    ::prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0);
}

[[noreturn]] void become_program(const Pipe& out, const Pipe& err) {
    char** arguments = read_strings("/lab/arguments");
    char** environment = read_strings("/lab/environment");
    const Text folder = read_file("/lab/folder");
    ::setsid();
    ::dup2(out.write, STDOUT_FILENO);
    ::dup2(err.write, STDERR_FILENO);
    if (::chdir(folder.begin) != 0) give_up("the current folder, ", folder.begin);
    obey_permissions();
    if (arguments[0] != nullptr) ::execve(arguments[0], arguments, environment);
    give_up("", arguments[0] != nullptr ? arguments[0] : "no program");
}

/// Warnings of the kernel from now on, without those of the boot.
int open_kernel_log() {
    const int log = ::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (log >= 0) ::lseek(log, 0, SEEK_END);
    return log;
}

/// Runs the program and passes on its output until it has ended and said everything.
int run_program() {
    const Pipe out = make_pipe();
    const Pipe err = make_pipe();
    ::mkfifo("/lab/trace", 0600);
    // By its name the program knows which form is wanted.
    [[maybe_unused]] const int linked = ::symlink("trace", "/lab/trace.json");
    Stream streams[] = {{"out", out.read, true},
                        {"err", err.read, true},
                        {"trace", ::open("/lab/trace", O_RDWR | O_NONBLOCK | O_CLOEXEC), true},
                        {"log", open_kernel_log(), true}};
    const pid_t program = ::fork();
    if (program == 0) become_program(out, err);
    ::close(out.write);
    ::close(err.write);
    int status = -1;
    bool running = true;
    for (;;) {
        pollfd fds[5];
        bool waiting = false;
        for (std::size_t i = 0; i < 4; ++i) fds[i] = {streams[i].open ? streams[i].fd : -1, POLLIN, 0};
        fds[4] = {channel, POLLIN, 0};
        constexpr int period_ms = 20;
        const int ready = ::poll(fds, 5, running ? period_ms : 0);
        for (std::size_t i = 0; ready > 0 && i < 4; ++i) {
            if (fds[i].revents == 0) continue;
            streams[i].open = pass_on(streams[i]);
            waiting = true;
        }
        if (ready > 0 && fds[4].revents != 0) hear(program);
        // Others may have the program's end of a pipe: its own end is what counts.
        while (running) {
            int ended_with = 0;
            const pid_t ended = ::waitpid(-1, &ended_with, WNOHANG);
            if (ended <= 0) break;
            if (ended != program) continue;
            status = ended_with;
            running = false;
            waiting = true;
        }
        if (!running && !waiting) return status;
    }
}

/// An empty VM that stays until the end. With the first VM and after the last one KVM switches the CPUs'
/// virtualisation and patches the scheduler's code (its static key for preemption notifiers); emulated CPUs
/// that run meanwhile now and then execute the breakpoint of a patch that is over, and the kernel panics. Now
/// that happens once, before the program begins.
void keep_a_vm(int kvm) {
    const int vm = ::ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm >= 0) ::fcntl(vm, F_SETFD, FD_CLOEXEC);
}

}  // namespace

int main() {
    mount_at("proc", "/proc");
    mount_at("sysfs", "/sys");
    mount_dev();
    mount_at("debugfs", "/sys/kernel/debug");
    mount_at("tracefs", "/sys/kernel/tracing");
    const Text command_line = read_file("/proc/cmdline");
    open_channel(command_line.begin);

    utsname system{};
    ::uname(&system);
    send("{\"event\":\"up\",\"release\":");
    send_string(system.release);
    send_error(",\"version\":", system.version);
    if (const int cpu = find_stuck_cpu(); cpu != 0) {
        send_number("{\"event\":\"stuck\",\"cpu\":", cpu);
        power_off();
    }

    load_modules(command_line.begin);
    const int kvm = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
    const int error = errno;
    if (kvm >= 0) keep_a_vm(kvm);
    send_error("{\"event\":\"kvm\",\"error\":", kvm >= 0 ? "" : std::strerror(error));
    if (kvm < 0) power_off();
    ::close(kvm);

    // Machines and irqfds are open files; their memory is locked by nobody.
    const rlimit files{1 << 20, 1 << 20};
    ::setrlimit(RLIMIT_NOFILE, &files);
    const int status = run_program();
    if (WIFSIGNALED(status))
        send_number("{\"event\":\"exit\",\"signal\":", WTERMSIG(status));
    else
        send_number("{\"event\":\"exit\",\"status\":", WEXITSTATUS(status));
    power_off();
}
