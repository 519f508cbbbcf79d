#include "tools/lab/program.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tools/lab/mirror.hpp"
#include "tools/lab/process.hpp"

namespace irqbench::tools::lab {

namespace {

namespace fs = std::filesystem;

struct Elf {
    std::uint16_t machine = 0;
    bool dynamic = false;  ///< it names a dynamic loader
};

template <class T>
bool read_at(std::istream& stream, std::uint64_t offset, T& value) {
    stream.seekg(static_cast<std::streamoff>(offset));
    return static_cast<bool>(stream.read(reinterpret_cast<char*>(&value), sizeof value));
}

Elf read_elf(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw std::runtime_error(fmt::format("{}: {}", file.string(), std::strerror(errno)));
    Elf64_Ehdr header{};
    if (!read_at(stream, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64)
        throw std::runtime_error(fmt::format("{} is no 64-bit ELF program", file.string()));
    Elf elf{header.e_machine, false};
    for (std::uint16_t i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment{};
        if (!read_at(stream, header.e_phoff + std::uint64_t{i} * header.e_phentsize, segment)) break;
        elf.dynamic = elf.dynamic || segment.p_type == PT_INTERP;
    }
    return elf;
}

/// What ldd(1) does: the dynamic loader lists what it would load, and starts nothing. Lines are
/// `NAME => PATH (0x...)`, `PATH (0x...)` for the loader itself, or `NAME => not found`.
std::vector<fs::path> libraries_of(const fs::path& file, const std::atomic<bool>& interrupted) {
    const Output listed = run_program({{file.string()}, {"LD_TRACE_LOADED_OBJECTS=1"}, {}}, interrupted);
    if (listed.status != 0)
        throw std::runtime_error(fmt::format("the libraries of {} cannot be listed: {}", file.string(),
                                             listed.err.empty() ? "no reason given" : listed.err));
    std::vector<fs::path> libraries;
    std::istringstream lines(listed.out);
    for (std::string line; std::getline(lines, line);) {
        if (line.find("not found") != std::string::npos)
            throw std::runtime_error(fmt::format("{}: library{}", file.string(), line));
        const std::size_t slash = line.find('/');
        const std::size_t end = line.rfind(" (0x");
        if (slash != std::string::npos && end != std::string::npos && slash < end)
            libraries.emplace_back(line.substr(slash, end - slash));
    }
    return libraries;
}

}  // namespace

fs::path program_beside(const fs::path& own, Arch arch) {
    const fs::path folder = own.parent_path();
    for (const fs::path& place : {folder.parent_path() / word(arch) / own.filename(),
                                  folder / fmt::format("{}-{}", own.filename().string(), word(arch))}) {
        std::error_code error;
        if (fs::is_regular_file(place, error)) return place;
    }
    return {};
}

Arch host_arch() {
    utsname system{};
    ::uname(&system);
    const std::string_view machine = system.machine;
    for (const ArchInfo& each : archs)
        if (machine == each.kernel_name) return each.arch;
    throw std::runtime_error(fmt::format("the lab does not know this host's architecture, {}", machine));
}

bool is_program(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    char magic[SELFMAG] = {};
    return stream.read(magic, sizeof magic) && std::memcmp(magic, ELFMAG, SELFMAG) == 0;
}

Program inspect_program(const fs::path& file, Arch arch, const std::atomic<bool>& interrupted) {
    const Elf elf = read_elf(file);
    if (elf.machine != info(arch).elf_machine)
        throw std::runtime_error(fmt::format("{} is no program for {}", file.string(), word(arch)));
    Program program{fs::absolute(file), {}};
    if (!elf.dynamic) return program;
    if (arch != host_arch())
        throw std::runtime_error(
            fmt::format("{} is linked with shared libraries, and this host cannot say where they are: for "
                        "another architecture it has to be linked statically",
                        file.string()));
    program.libraries = libraries_of(program.file, interrupted);
    return program;
}

void add_program(Initramfs& initramfs, const Program& program) {
    initramfs.add_file(Program::guest_path, program.file);
    for (const auto& library : program.libraries) mirror(initramfs, library);
}

std::string library_path(const Program& program) {
    std::string folders;
    for (const auto& library : program.libraries) {
        const std::string folder = library.parent_path().string();
        if ((":" + folders + ":").find(":" + folder + ":") != std::string::npos) continue;
        folders += (folders.empty() ? "" : ":") + folder;
    }
    return folders;
}

}  // namespace irqbench::tools::lab
