#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/qemu/connection.hpp"
#include "tools/lab/qemu.hpp"

namespace irqbench::tests::qemu {

/// The GIC of QEMU's machine `virt`, and its memory.
class GicMachine {
  public:
    /// Of a GICv3; a GICv2 has one.
    static constexpr unsigned cpu_count = 2;
    static constexpr std::uint32_t spi_count = 256;
    static constexpr std::uint64_t distributor = 0x800'0000, redistributors = 0x80A'0000, its = 0x808'0000,
                                   memory = 0x4000'0000;
    static constexpr std::uint64_t redistributor_size = 0x2'0000;

    struct Place {
        std::uint64_t address;
        unsigned size;  ///< 1, 4 or 8 bytes
    };

    /// @param version 2 or 3
    /// @throws std::runtime_error, std::system_error when QEMU does not come up or has no such GIC
    GicMachine(const tools::lab::Qemu& qemu, unsigned version);

    void reset() { connection_.reset(); }
    void write(Place place, std::uint64_t value);
    /// The line of an SPI, or of a PPI of `cpu`.
    void set_line(std::uint32_t intid, unsigned cpu, bool level);
    /// Reads all at once: on a busy host waiting for each costs more than all they do.
    std::vector<std::uint64_t> read(std::span<const Place> places);

  private:
    void send(const std::string& command);
    /// The answers to the commands sent so far.
    /// @throws std::runtime_error when one is not OK
    std::vector<std::string> answers();

    Connection connection_;
    std::string gic_;
    std::vector<std::string> sent_;
};

}  // namespace irqbench::tests::qemu
