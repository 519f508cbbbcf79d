#include "vmm/arm64/virtual_timer.hpp"

#include "vmm/arm64/system_registers.hpp"

namespace irqbench::vmm::arm64 {

namespace {

constexpr std::uint64_t enable = 1;
constexpr std::uint64_t imask = 2;
constexpr std::uint64_t istatus = 4;

}  // namespace

std::optional<std::uint64_t> VirtualTimer::read(std::uint32_t number, std::uint64_t count) const {
    switch (number) {
        case sysregs::cntfrq: return frequency_hz;
        case sysregs::cntvct: return count;
        case sysregs::cntv_tval: return static_cast<std::uint32_t>(compare_ - count);
        case sysregs::cntv_ctl: {
            // ISTATUS does not ask IMASK; with ENABLE clear it is UNKNOWN.
            const bool met = (control_ & enable) != 0 && count >= compare_;
            return control_ | (met ? istatus : 0);
        }
        case sysregs::cntv_cval: return compare_;
        default: return std::nullopt;
    }
}

bool VirtualTimer::write(std::uint32_t number, std::uint64_t value, std::uint64_t count) {
    switch (number) {
        case sysregs::cntv_tval:
            // Signed, so that a time that has passed can be written.
            compare_ = count + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(value)});
            return true;
        case sysregs::cntv_ctl: control_ = value & (enable | imask); return true;
        case sysregs::cntv_cval: compare_ = value; return true;
        default: return false;
    }
}

}  // namespace irqbench::vmm::arm64
