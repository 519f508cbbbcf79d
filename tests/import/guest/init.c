// Process 1 of a Linux guest that misbehaves: after some work for a virtio device, which shares its interrupt
// line with QEMU's educational device, it makes that one raise the line, and nobody serves it.
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char* what) {
    perror(what);
    reboot(RB_AUTOBOOT);
}

static void write_file(const char* path, const char* text) {
    const int file = open(path, O_WRONLY);
    if (file < 0 || write(file, text, strlen(text)) < 0) fail(path);
    close(file);
}

/// Each write is an interrupt, for which Linux looks at the device's status: that lowers the line.
static void work(void) {
    const int rounds = 20;
    const int console = open("/dev/hvc0", O_WRONLY);
    for (int i = 0; i < rounds; ++i)
        if (write(console, "work\n", 5) != 5) fail("/dev/hvc0");
    close(console);
}

/// The folder of the PCI device in /sys; empty if there is none.
static void find_device(const char* device, char* folder, size_t size) {
    DIR* const all = opendir("/sys/bus/pci/devices");
    folder[0] = '\0';
    for (struct dirent* each = all != NULL ? readdir(all) : NULL; each != NULL; each = readdir(all)) {
        char path[512];
        char id[16] = "";
        snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/device", each->d_name);
        const int file = open(path, O_RDONLY);
        if (file < 0) continue;
        if (read(file, id, sizeof id - 1) > 0 && strncmp(id, device, strlen(device)) == 0)
            snprintf(folder, size, "/sys/bus/pci/devices/%s", each->d_name);
        close(file);
    }
}

/// QEMU, docs/specs/edu.rst: what is written to 0x60 raises the interrupt, until it is written to 0x64.
static void raise_what_nobody_serves(void) {
    char folder[300];
    char path[400];
    find_device("0x11e8", folder, sizeof folder);
    snprintf(path, sizeof path, "%s/enable", folder);
    write_file(path, "1");
    snprintf(path, sizeof path, "%s/resource0", folder);
    const int file = open(path, O_RDWR | O_SYNC);
    volatile uint32_t* const registers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (registers == MAP_FAILED) fail(path);
    registers[0x60 / 4] = 1;
}

int main(void) {
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    work();
    raise_what_nobody_serves();
    // Until Linux has had enough: irq 11: nobody cared.
    sleep(20);
    reboot(RB_AUTOBOOT);
    return 0;
}
