#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "irqchip/arm64/gicv2.hpp"
#include "vmm/arm64/model_gic.hpp"
#include "vmm/guest/agent_abi.h"
#include "vmm/named.hpp"

namespace irqbench::vmm::arm64 {

namespace {

namespace gic = irqchip::arm64;
namespace gicc = irqchip::arm64::gicc;

constexpr std::uint32_t both_groups_of_v2 = 3;

constexpr std::array shown_of_v2{ShownRegister{"ctlr", gicc::ctlr}, ShownRegister{"pmr", gicc::pmr},
                                 ShownRegister{"bpr0", gicc::bpr}, ShownRegister{"bpr1", gicc::abpr},
                                 ShownRegister{"ap0r0", gicc::apr}};

class ModelGicv2 final : public ModelGic {
  public:
    explicit ModelGicv2(const gic::Gicv2Options& options) : gic_(options) {
        gic_.write_distributor(0, gic::gicd::ctlr, 4, both_groups_of_v2);
    }

    [[nodiscard]] std::unique_ptr<ModelGic> clone() const override {
        return std::make_unique<ModelGicv2>(*this);
    }
    [[nodiscard]] std::uint32_t version() const override { return 2; }

    void prepare(std::uint32_t cpu) override {
        for (const auto& [offset, value] :
             {std::pair{gicc::pmr, 0xffU}, {gicc::bpr, 0}, {gicc::ctlr, both_groups_of_v2}})
            (void)write_interface(cpu, offset, value);
    }

    void set_line(std::uint32_t intid, bool asserted, irqchip::LineSource source,
                  std::uint32_t cpu) override {
        gic_.set_line(intid, asserted, source, cpu);
    }
    [[nodiscard]] bool irq(std::uint32_t cpu) const override { return gic_.irq(cpu); }
    [[nodiscard]] bool fiq(std::uint32_t cpu) const override { return gic_.fiq(cpu); }

    model::Acknowledged acknowledge(std::uint32_t cpu) override {
        const std::uint64_t iar = gic_.read_cpu_interface(cpu, gicc::iar, 4);
        const gic::GiccInterrupt taken{static_cast<std::uint32_t>(iar)};
        return {taken.get(taken.intid), iar};
    }
    irqchip::Effects end(std::uint32_t cpu, std::uint64_t code) override {
        return write_interface(cpu, gicc::eoir, code);
    }
    irqchip::Effects deactivate(std::uint32_t cpu, std::uint64_t code) override {
        return write_interface(cpu, gicc::dir, code);
    }

    std::optional<std::uint64_t> read_sysreg(std::uint32_t, std::uint32_t) override { return std::nullopt; }
    std::optional<irqchip::Effects> write_sysreg(std::uint32_t, std::uint32_t, std::uint64_t) override {
        return std::nullopt;
    }

    std::optional<std::uint64_t> mmio_read(std::uint32_t cpu, std::uint64_t address, unsigned size) override {
        if (const auto offset = in_distributor(address)) return gic_.read_distributor(cpu, *offset, size);
        if (const auto offset = in_interface(address)) return gic_.read_cpu_interface(cpu, *offset, size);
        return std::nullopt;
    }
    std::optional<irqchip::Effects> mmio_write(std::uint32_t cpu, std::uint64_t address, unsigned size,
                                               std::uint64_t value) override {
        if (const auto offset = in_interface(address))
            return gic_.write_cpu_interface(cpu, *offset, size, value);
        const auto offset = in_distributor(address);
        if (!offset) return std::nullopt;
        gic_.write_distributor(cpu, *offset, size, value);
        return irqchip::Effects{};
    }

    [[nodiscard]] bool line(std::uint32_t intid, std::uint32_t cpu) const override {
        return gic_.state(cpu, intid).line;
    }
    [[nodiscard]] std::uint64_t read_register(const GicRegister& where) const override;
    void write_register(const GicRegister& where, std::uint64_t value) override;

    [[nodiscard]] bool claims(std::uint64_t address) const override {
        return in_distributor(address) || in_interface(address);
    }

    Outcome msi(const MsiMessage&) override { return {0, ENODEV}; }

    [[nodiscard]] std::uint32_t priority_limit(std::uint32_t cpu) const override {
        return std::min<std::uint32_t>(gic_.peek_cpu_interface(cpu, gicc::pmr), gic_.running_priority(cpu));
    }
    [[nodiscard]] std::vector<NamedValue> interrupt(std::uint32_t cpu, std::uint32_t intid) const override {
        if (intid >= gic_.distributor().intid_count()) return {};
        return named(gic_.fields(cpu, intid));
    }
    [[nodiscard]] std::vector<NamedValue> registers(std::string_view controller,
                                                    std::uint32_t cpu) const override {
        if (controller == "distributor") return {{"ctlr", gic_.read_distributor(0, gic::gicd::ctlr, 4)}};
        std::vector<NamedValue> values;
        if (controller == "cpu_interface")
            for (const ShownRegister& each : shown_of_v2)
                values.push_back({std::string(each.name), gic_.peek_cpu_interface(cpu, each.number)});
        // KVM's guests have the virtual CPU interface, whose APR is of both groups (IHI 0048B.b, 5.5).
        if (!values.empty()) values.back().value |= gic_.peek_cpu_interface(cpu, gicc::nsapr);
        return values;
    }

  private:
    static std::optional<std::uint32_t> in_distributor(std::uint64_t address) {
        return offset_in(address, AGENT_GICD, gic::Gicv2::distributor_size);
    }
    static std::optional<std::uint32_t> in_interface(std::uint64_t address) {
        return offset_in(address, AGENT_GICC, gic::Gicv2::cpu_interface_size);
    }
    irqchip::Effects write_interface(std::uint32_t cpu, std::uint32_t offset, std::uint64_t value) {
        return gic_.write_cpu_interface(cpu, offset, 4, value);
    }
    /// Which of the active priorities are of interrupts of group 1.
    [[nodiscard]] std::uint32_t of_group1(std::uint32_t cpu) const;

    gic::Gicv2 gic_;
};

/// The pending latches of the 32 INTIDs that a word of GICD_ISPENDR has, but those of SGIs.
std::uint32_t latches(const gic::Gicv2& of, std::uint32_t cpu, std::uint32_t first) {
    std::uint32_t word = 0;
    for (std::uint32_t intid = std::max(first, gic::sgi_count); intid < first + 32; ++intid)
        if (intid < of.distributor().intid_count() && of.state(cpu, intid).latched)
            word |= 1U << (intid - first);
    return word;
}

std::uint64_t ModelGicv2::read_register(const GicRegister& where) const {
    if (where.frame == Frame::cpu_interface) {
        const std::uint32_t value = gic_.peek_cpu_interface(where.cpu, where.number);
        return where.number == gicc::apr ? value | gic_.peek_cpu_interface(where.cpu, gicc::nsapr) : value;
    }
    if (where.number >= gic::gicd::ispendr && where.number < gic::gicd::icpendr)
        return latches(gic_, where.cpu, (where.number - gic::gicd::ispendr) * 8);
    return gic_.read_distributor(where.cpu, where.number, 4);
}

void ModelGicv2::write_register(const GicRegister& where, std::uint64_t value) {
    if (where.frame == Frame::distributor) {
        gic_.write_distributor(where.cpu, where.number, 4, value);
    } else if (where.number == gicc::apr) {
        const std::uint32_t group1 = of_group1(where.cpu);
        (void)write_interface(where.cpu, gicc::apr, value & ~std::uint64_t{group1});
        (void)write_interface(where.cpu, gicc::nsapr, value & group1);
    } else {
        (void)write_interface(where.cpu, where.number, value);
    }
}

// A bit stands for a priority with its subpriority cleared (IHI 0048B.b, 4.4.14 and 3.3.3).
std::uint32_t ModelGicv2::of_group1(std::uint32_t cpu) const {
    constexpr unsigned step = 3;  // of five bits of priority
    const gic::GiccCtlr ctlr{gic_.peek_cpu_interface(cpu, gicc::ctlr)};
    const bool common = ctlr.get(ctlr.common_binary_point);
    const std::uint32_t point = gic_.peek_cpu_interface(cpu, common ? gicc::bpr : gicc::abpr);
    const std::uint32_t below = (common ? 2U << point : 1U << point) - 1;
    std::uint32_t bits = 0;
    for (std::uint32_t intid = 0; intid < gic_.distributor().intid_count(); ++intid) {
        const gic::InterruptState state = gic_.state(cpu, intid);
        if (state.active && state.group == gic::Group::group1)
            bits |= 1U << ((state.priority & ~below & 0xff) >> step);
    }
    return bits;
}

}  // namespace

std::unique_ptr<ModelGic> make_model_gicv2(const MachineConfig& config) {
    constexpr std::size_t most = gic::Gicv2Distributor::maximum_cpus;
    if (config.its) throw std::invalid_argument("a GICv2 has no ITS");
    if (config.vcpu_ids.size() > most)
        throw std::invalid_argument(fmt::format("a GICv2 has at most {} CPUs", most));
    gic::Gicv2Options options;
    options.cpus = static_cast<unsigned>(config.vcpu_ids.size());
    options.spis = config.spis;
    return std::make_unique<ModelGicv2>(options);
}

}  // namespace irqbench::vmm::arm64
