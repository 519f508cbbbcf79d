#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "irqchip/arm64/lpi_memory.hpp"
#include "vmm/model/memory.hpp"

namespace irqbench::vmm::arm64 {

/// A model machine's memory as an ITS and the redistributors reach it.
class TableMemory final : public irqchip::arm64::TableMemory {
  public:
    explicit TableMemory(model::Memory& memory) : memory_(memory) {}

    bool read(std::uint64_t address, std::span<std::uint8_t> bytes) const override {
        if (!memory_.contains(address, static_cast<unsigned>(bytes.size()))) return false;
        for (std::size_t at = 0; at < bytes.size(); at += widest) {
            const auto size = static_cast<unsigned>(std::min(bytes.size() - at, widest));
            const std::uint64_t value = memory_.read(address + at, size);
            for (unsigned i = 0; i < size; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
        }
        return true;
    }
    bool write(std::uint64_t address, std::span<const std::uint8_t> bytes) override {
        if (!memory_.contains(address, static_cast<unsigned>(bytes.size()))) return false;
        for (std::size_t at = 0; at < bytes.size(); ++at) memory_.write(address + at, 1, bytes[at]);
        return true;
    }

  private:
    static constexpr std::size_t widest = 8;

    model::Memory& memory_;
};

}  // namespace irqbench::vmm::arm64
