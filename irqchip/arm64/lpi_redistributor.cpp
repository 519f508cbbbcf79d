#include "irqchip/arm64/lpi_redistributor.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <span>

namespace irqbench::irqchip::arm64 {

namespace {

constexpr std::size_t chunk_size = 1024;

}  // namespace

LpiRedistributor::LpiRedistributor(unsigned id_bits) : id_bits_(id_bits) {
    assert(id_bits >= minimum_lpi_id_bits && id_bits <= maximum_lpi_id_bits);
}

void LpiRedistributor::enable(GicrPropbaser propbaser, GicrPendbaser pendbaser, const TableMemory& memory) {
    if (enabled_) return;
    enabled_ = true;
    propbaser_ = propbaser;
    pendbaser_ = pendbaser;
    if (!pendbaser_.get(pendbaser_.pending_table_zero)) load_pending(memory);
}

void LpiRedistributor::disable(TableMemory& memory) {
    static_cast<void>(save_pending(memory));
    *this = LpiRedistributor(id_bits_);
}

void LpiRedistributor::load_pending(const TableMemory& memory) {
    // The first kilobyte belongs to INTIDs that are no LPIs (IHI 0069, 5.1.2).
    const std::uint64_t table = pendbaser_.get(pendbaser_.address) << 16;
    std::array<std::uint8_t, chunk_size> chunk{};
    for (std::uint32_t byte = first_lpi / 8; byte < end_of_lpis() / 8; byte += chunk_size) {
        if (!memory.read(table + byte, chunk)) continue;
        for (std::uint32_t i = 0; i < chunk_size; ++i)
            for (unsigned bits = chunk[i]; bits != 0; bits &= bits - 1)
                set_pending(8 * (byte + i) + static_cast<std::uint32_t>(std::countr_zero(bits)), memory);
    }
}

bool LpiRedistributor::save_pending(TableMemory& memory) const {
    if (!enabled_) return true;
    const std::uint64_t table = pendbaser_.get(pendbaser_.address) << 16;
    bool complete = true;
    std::array<std::uint8_t, chunk_size> chunk{};
    for (std::uint32_t byte = first_lpi / 8; byte < end_of_lpis() / 8; byte += chunk_size) {
        for (std::uint32_t i = 0; i < chunk_size; ++i) {
            chunk[i] = 0;
            for (std::uint32_t bit = 0; bit < 8; ++bit)
                if (pending_.contains(8 * (byte + i) + bit)) chunk[i] |= static_cast<std::uint8_t>(1U << bit);
        }
        complete = memory.write(table + byte, chunk) && complete;
    }
    return complete;
}

bool LpiRedistributor::set_pending(std::uint32_t intid, const TableMemory& memory) {
    if (!enabled_ || !in_range(intid)) return false;
    learn(intid, memory);
    if (!pending_.insert(intid)) return false;
    set_ready(intid, true);
    return true;
}

bool LpiRedistributor::clear_pending(std::uint32_t intid) {
    if (!pending_.erase(intid)) return false;
    set_ready(intid, false);
    return true;
}

bool LpiRedistributor::pending(std::uint32_t intid) const { return pending_.contains(intid); }

std::optional<Candidate> LpiRedistributor::best() const {
    if (priorities_ == 0) return std::nullopt;
    const auto priority = static_cast<unsigned>(std::countr_zero(priorities_));
    return Candidate{*ready_[priority].lowest(), static_cast<std::uint8_t>(priority << 2)};
}

void LpiRedistributor::learn(std::uint32_t intid, const TableMemory& memory) {
    if (cached(intid) == 0) invalidate(intid, memory);
}

std::optional<LpiConfiguration> LpiRedistributor::configuration(std::uint32_t intid) const {
    const std::uint8_t byte = cached(intid);
    if (byte == 0) return std::nullopt;
    return LpiConfiguration{byte};
}

void LpiRedistributor::invalidate(std::uint32_t intid, const TableMemory& memory) {
    if (!enabled_ || !in_range(intid)) return;
    std::uint8_t byte = 0;
    const std::uint64_t table = propbaser_.get(propbaser_.address) << 12;
    const bool read = memory.read(table + intid - first_lpi, {&byte, 1});
    cache(intid, read ? static_cast<std::uint8_t>(byte | known) : std::uint8_t{0});
}

void LpiRedistributor::invalidate_all(const TableMemory& memory) {
    const std::uint64_t table = propbaser_.get(propbaser_.address) << 12;
    std::array<std::uint8_t, chunk_size> chunk{};
    for (std::size_t start = 0; start < configurations_.size(); start += chunk_size) {
        const std::size_t size = std::min(chunk_size, configurations_.size() - start);
        const bool read = memory.read(table + start, std::span(chunk).first(size));
        for (std::size_t i = 0; i < size; ++i) {
            const auto intid = static_cast<std::uint32_t>(first_lpi + start + i);
            if (cached(intid) == 0) continue;
            if (!read)
                invalidate(intid, memory);  // the chunk may lie in memory partly
            else if (const auto now = static_cast<std::uint8_t>(chunk[i] | known); now != cached(intid))
                cache(intid, now);
        }
    }
}

void LpiRedistributor::move(std::uint32_t intid, LpiRedistributor& to, const TableMemory& memory) {
    const std::uint8_t configuration = cached(intid);
    const bool was_pending = clear_pending(intid);
    if (configuration != 0) cache(intid, 0);
    if (!to.enabled_ || !to.in_range(intid)) return;
    if (configuration != 0) to.cache(intid, configuration);
    if (was_pending) to.set_pending(intid, memory);
}

void LpiRedistributor::move_all(LpiRedistributor& to, const TableMemory& memory) {
    const LpiSet all = pending_;
    all.for_each([&](std::uint32_t intid) { move(intid, to, memory); });
}

std::uint32_t LpiRedistributor::end_of_lpis() const {
    return std::uint32_t{1} << std::min(id_bits_, propbaser_.get(propbaser_.id_bits) + 1U);
}

std::uint8_t LpiRedistributor::cached(std::uint32_t intid) const {
    const std::size_t index = std::size_t{intid} - first_lpi;
    return index < configurations_.size() ? configurations_[index] : std::uint8_t{0};
}

void LpiRedistributor::cache(std::uint32_t intid, std::uint8_t configuration) {
    const std::size_t index = std::size_t{intid} - first_lpi;
    if (index >= configurations_.size()) configurations_.resize(index + 1);
    set_ready(intid, false);
    configurations_[index] = configuration;
    set_ready(intid, pending(intid));
}

void LpiRedistributor::set_ready(std::uint32_t intid, bool ready) {
    const LpiConfiguration configuration{cached(intid)};
    if (!configuration.get(configuration.enabled)) return;
    const unsigned priority = configuration.get(configuration.priority);
    LpiSet& set = ready_[priority];
    if (ready)
        set.insert(intid);
    else
        set.erase(intid);
    const std::uint64_t bit = std::uint64_t{1} << priority;
    priorities_ = set.empty() ? priorities_ & ~bit : priorities_ | bit;
}

}  // namespace irqbench::irqchip::arm64
