#include "vmm/arm64/virtual_timer.hpp"

#include "irqchip/arm64/gic_cpu_interface_registers.hpp"

namespace irqbench::vmm::arm64 {

namespace {

using irqchip::arm64::sysreg;

constexpr std::uint32_t cntfrq = sysreg(3, 3, 14, 0, 0);
constexpr std::uint32_t cntvct = sysreg(3, 3, 14, 0, 2);
constexpr std::uint32_t cntv_tval = sysreg(3, 3, 14, 3, 0);
constexpr std::uint32_t cntv_ctl = sysreg(3, 3, 14, 3, 1);
constexpr std::uint32_t cntv_cval = sysreg(3, 3, 14, 3, 2);

constexpr std::uint64_t enable = 1;
constexpr std::uint64_t imask = 2;
constexpr std::uint64_t istatus = 4;

}  // namespace

std::optional<std::uint64_t> VirtualTimer::read(std::uint32_t number, std::uint64_t count) const {
    switch (number) {
        case cntfrq: return frequency_hz;
        case cntvct: return count;
        case cntv_tval: return static_cast<std::uint32_t>(compare_ - count);
        case cntv_ctl: {
            // ISTATUS does not ask IMASK; with ENABLE clear it is UNKNOWN.
            const bool met = (control_ & enable) != 0 && count >= compare_;
            return control_ | (met ? istatus : 0);
        }
        case cntv_cval: return compare_;
        default: return std::nullopt;
    }
}

bool VirtualTimer::write(std::uint32_t number, std::uint64_t value, std::uint64_t count) {
    switch (number) {
        case cntv_tval:
            // Signed, so that a time that has passed can be written.
            compare_ = count + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(value)});
            return true;
        case cntv_ctl: control_ = value & (enable | imask); return true;
        case cntv_cval: compare_ = value; return true;
        default: return false;
    }
}

}  // namespace irqbench::vmm::arm64
