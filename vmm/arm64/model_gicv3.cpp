#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "irqchip/arm64/gicv2_registers.hpp"
#include "irqchip/arm64/gicv3_with_its.hpp"
#include "vmm/arm64/affinity.hpp"
#include "vmm/arm64/model_gic.hpp"
#include "vmm/arm64/table_memory.hpp"
#include "vmm/guest/agent_abi.h"
#include "vmm/named.hpp"

namespace irqbench::vmm::arm64 {

namespace {

namespace gic = irqchip::arm64;
namespace gits = irqchip::arm64::gits;
namespace icc = irqchip::arm64::icc;

/// In what the agent saves of IAR: it was taken as FIQ, and is ended through the registers of group 0.
constexpr std::uint64_t taken_as_fiq = std::uint64_t{1} << 31;

constexpr std::array shown_of_v3{
    ShownRegister{"ctlr", icc::ctlr},       ShownRegister{"pmr", icc::pmr},
    ShownRegister{"bpr0", icc::bpr0},       ShownRegister{"bpr1", icc::bpr1},
    ShownRegister{"igrpen0", icc::igrpen0}, ShownRegister{"igrpen1", icc::igrpen1},
    ShownRegister{"ap0r0", icc::ap0r},      ShownRegister{"ap1r0", icc::ap1r}};

gic::Gicv3Options options_of(const MachineConfig& config) {
    gic::Gicv3Options options;
    options.cpus.clear();
    // KVM's processor numbers are the ids of its vCPUs (Linux, arch/arm64/kvm/vgic/vgic-mmio-v3.c).
    for (const std::uint32_t id : config.vcpu_ids) {
        options.cpus.push_back(affinity_of(id));
        options.processor_numbers.push_back(static_cast<std::uint16_t>(id));
    }
    options.spis = config.spis;
    options.lpis = config.its;
    return options;
}

/// What an ITS did, for the timeline; empty where that is not worth a line.
std::string text_of(const gic::LpiEffect& effect) {
    if (const auto* pending = std::get_if<gic::LpiPending>(&effect))
        return fmt::format("ITS: LPI {} to redistributor {}", pending->intid, pending->redistributor);
    if (const auto* failed = std::get_if<gic::CommandFailed>(&effect))
        return fmt::format("ITS: command at {:#x} fails, {}", failed->offset, failed->error.name());
    if (const auto* failed = std::get_if<gic::TranslationFailed>(&effect))
        return fmt::format("ITS: event {} of device {} is dropped, {}", failed->event, failed->device,
                           failed->error.name());
    return {};
}

class ModelGicv3 final : public ModelGic {
  public:
    ModelGicv3(const MachineConfig& config, model::Surroundings& surroundings)
        : gic_(options_of(config)), has_its_(config.its), surroundings_(surroundings) {
        constexpr std::uint32_t both_groups = 3;
        gic_.write_distributor(gic::gicd3::ctlr, 4, both_groups);
    }

    [[nodiscard]] std::unique_ptr<ModelGic> clone() const override {
        return std::make_unique<ModelGicv3>(*this);
    }
    [[nodiscard]] std::uint32_t version() const override { return 3; }

    void prepare(std::uint32_t cpu) override {
        constexpr std::uint64_t eoi_mode_and_cbpr = 3;
        const std::uint64_t ctlr = gic_.peek_sysreg(cpu, icc::ctlr).value_or(0);
        for (const auto& [number, value] : {std::pair{icc::pmr, std::uint64_t{0xff}},
                                            {icc::bpr0, 0},
                                            {icc::bpr1, 0},
                                            {icc::ctlr, ctlr & ~eoi_mode_and_cbpr},
                                            {icc::igrpen1, 1},
                                            {icc::igrpen0, 1}})
            (void)gic_.write_sysreg(cpu, number, value);
    }

    void set_line(std::uint32_t intid, bool asserted, irqchip::LineSource source,
                  std::uint32_t cpu) override {
        gic_.set_line(intid, asserted, source, cpu);
    }
    [[nodiscard]] bool irq(std::uint32_t cpu) const override { return gic_.irq(cpu); }
    [[nodiscard]] bool fiq(std::uint32_t cpu) const override { return gic_.fiq(cpu); }

    model::Acknowledged acknowledge(std::uint32_t cpu) override {
        const bool as_fiq = gic_.fiq(cpu);
        const std::uint64_t iar =
            gic_.read_sysreg(cpu, as_fiq ? icc::iar0 : icc::iar1).value_or(gic::spurious);
        return {static_cast<std::uint32_t>(iar), iar | (as_fiq ? taken_as_fiq : 0)};
    }
    irqchip::Effects end(std::uint32_t cpu, std::uint64_t code) override {
        return write(cpu, (code & taken_as_fiq) != 0 ? icc::eoir0 : icc::eoir1, code & ~taken_as_fiq);
    }
    irqchip::Effects deactivate(std::uint32_t cpu, std::uint64_t code) override {
        return write(cpu, icc::dir, code & ~taken_as_fiq);
    }

    std::optional<std::uint64_t> read_sysreg(std::uint32_t cpu, std::uint32_t number) override {
        return gic_.read_sysreg(cpu, number);
    }
    std::optional<irqchip::Effects> write_sysreg(std::uint32_t cpu, std::uint32_t number,
                                                 std::uint64_t value) override {
        return gic_.write_sysreg(cpu, number, value);
    }

    std::optional<std::uint64_t> mmio_read(std::uint32_t, std::uint64_t address, unsigned size) override {
        if (const auto offset = in_distributor(address)) return gic_.read_distributor(*offset, size);
        if (const auto at = in_redistributors(address))
            return gic_.read_redistributor(at->first, at->second, size);
        if (const auto offset = in_its(address)) return gic_.read_its(*offset, size);
        return std::nullopt;
    }
    std::optional<irqchip::Effects> mmio_write(std::uint32_t, std::uint64_t address, unsigned size,
                                               std::uint64_t value) override {
        TableMemory memory(surroundings_.memory());
        if (const auto offset = in_distributor(address))
            gic_.write_distributor(*offset, size, value);
        else if (const auto at = in_redistributors(address))
            gic_.write_redistributor(at->first, at->second, size, value, memory);
        else if (const auto in = in_its(address))
            tell(gic_.write_its(*in, size, value, memory));
        else
            return std::nullopt;
        return irqchip::Effects{};
    }

    [[nodiscard]] bool line(std::uint32_t intid, std::uint32_t cpu) const override {
        return gic_.gic().state(cpu, intid).line;
    }
    [[nodiscard]] std::uint64_t read_register(const GicRegister& where) const override;
    void write_register(const GicRegister& where, std::uint64_t value) override;
    [[nodiscard]] std::string unportable() const override {
        if (!has_its_) return {};
        const auto left = gic_.left_behind(TableMemory(surroundings_.memory()));
        if (!left) return {};
        return fmt::format(
            "LPI {} waits at the redistributor of vCPU {}, which its collection has left, and KVM looks for "
            "it "
            "where its collection is",
            left->intid, left->cpu);
    }
    std::vector<PendingTable> save_tables() override {
        if (!has_its_) return {};
        TableMemory memory(surroundings_.memory());
        (void)gic_.save_its_tables(memory);
        const std::vector<PendingTable> before = pending_tables();
        (void)gic_.save_pending_tables(memory);
        std::vector<PendingTable> saved = pending_tables();
        (void)exchange(before);
        return saved;
    }
    std::vector<PendingTable> exchange(const std::vector<PendingTable>& tables) override {
        TableMemory memory(surroundings_.memory());
        std::vector<PendingTable> before;
        for (const PendingTable& table : tables) {
            PendingTable old = table;
            if (read(old)) before.push_back(std::move(old));
            (void)memory.write(table.address, table.bytes);
        }
        return before;
    }
    void restore_tables() override {
        if (!has_its_) return;
        TableMemory memory(surroundings_.memory());
        (void)gic_.restore_its_tables(memory);
    }

    [[nodiscard]] bool claims(std::uint64_t address) const override {
        return in_distributor(address) || in_redistributors(address) || in_its(address);
    }

    // As vgic_its_inject_msi() answers, of Linux, arch/arm64/kvm/vgic/vgic-its.c.
    Outcome msi(const MsiMessage& message) override {
        if (!has_its_) return {0, ENODEV};
        if (!message.device_id || !in_its(message.address)) return {0, EINVAL};
        if (!gic_.its().enabled()) return {0, EBUSY};
        TableMemory memory(surroundings_.memory());
        const gic::LpiEffects effects = gic_.signal(*message.device_id, message.data, memory);
        tell(effects);
        for (const gic::LpiEffect& effect : effects)
            if (const auto* pending = std::get_if<gic::LpiPending>(&effect))
                return gic_.gic().redistributor(pending->redistributor).lpis_enabled() ? Outcome{1, 0}
                                                                                       : Outcome{0, EBUSY};
        return {};
    }

    Outcome reset_controller(std::string_view controller) override {
        if (!has_its_ || controller != "its") return {0, ENODEV};
        gic_.reset_its();
        return {};
    }

    [[nodiscard]] std::uint32_t priority_limit(std::uint32_t cpu) const override {
        const std::uint64_t mask = gic_.peek_sysreg(cpu, icc::pmr).value_or(0);
        const std::uint64_t running = gic_.peek_sysreg(cpu, icc::rpr).value_or(0);
        return static_cast<std::uint32_t>(std::min(mask, running));
    }
    [[nodiscard]] std::vector<NamedValue> interrupt(std::uint32_t cpu, std::uint32_t intid) const override {
        const bool exists = intid < gic_.gic().distributor().intid_count();
        if (!exists && (!has_its_ || intid < gic::first_lpi)) return {};
        return named(gic_.fields(cpu, intid));
    }
    [[nodiscard]] std::vector<NamedValue> registers(std::string_view controller,
                                                    std::uint32_t cpu) const override {
        if (controller == "distributor") return {{"ctlr", gic_.read_distributor(gic::gicd3::ctlr, 4)}};
        if (controller == "its" && has_its_)
            return {{"cwriter", gic_.read_its(gits::cwriter, 8)}, {"creadr", gic_.read_its(gits::creadr, 8)}};
        std::vector<NamedValue> values;
        if (controller == "cpu_interface")
            for (const ShownRegister& each : shown_of_v3)
                values.push_back({std::string(each.name), gic_.peek_sysreg(cpu, each.number).value_or(0)});
        return values;
    }

  private:
    /// Of one access: a queue has room for 32768 commands, all of which may fail.
    static constexpr std::size_t most_lines = 16;

    static std::optional<std::uint32_t> in_distributor(std::uint64_t address) {
        return offset_in(address, AGENT_GICD, gic::GicDistributor::frame_size);
    }
    /// The CPU whose frames they are, and the offset in them.
    [[nodiscard]] std::optional<std::pair<unsigned, std::uint32_t>> in_redistributors(
        std::uint64_t address) const {
        constexpr std::uint32_t each = gic::GicRedistributor::frames_size;
        const auto offset = offset_in(address, AGENT_GICR, std::uint64_t{gic_.gic().cpu_count()} * each);
        if (!offset) return std::nullopt;
        return std::pair{*offset / each, *offset % each};
    }
    [[nodiscard]] std::optional<std::uint32_t> in_its(std::uint64_t address) const {
        return has_its_ ? offset_in(address, AGENT_ITS, gits::end) : std::nullopt;
    }

    /// Takes what memory has there. @returns false where no memory is
    bool read(PendingTable& table) const {
        return TableMemory(surroundings_.memory()).read(table.address, table.bytes);
    }
    /// What memory has where the redistributors that have LPIs on keep theirs.
    [[nodiscard]] std::vector<PendingTable> pending_tables() const;

    irqchip::Effects write(std::uint32_t cpu, std::uint32_t number, std::uint64_t value) {
        return gic_.write_sysreg(cpu, number, value).value_or(irqchip::Effects{});
    }
    void tell(const gic::LpiEffects& effects) {
        if (!surroundings_.watches_wires()) return;
        std::size_t lines = 0;
        for (const gic::LpiEffect& effect : effects)
            if (std::string text = text_of(effect); !text.empty() && ++lines <= most_lines)
                surroundings_.moved(std::nullopt, std::move(text));
        if (lines > most_lines)
            surroundings_.moved(std::nullopt, fmt::format("ITS: and {} more", lines - most_lines));
    }

    gic::Gicv3WithIts gic_;
    bool has_its_;
    model::Surroundings& surroundings_;
};

/// Whether a register of SPIs, or of the SGIs and PPIs of a redistributor, is the pending latch of 32 INTIDs.
bool is_latch(const GicRegister& where) {
    const std::uint32_t base = where.frame == Frame::redistributor ? gic::gicr::sgi_base : 0;
    return where.number >= base + gic::gicd::ispendr && where.number < base + gic::gicd::icpendr;
}

std::vector<PendingTable> ModelGicv3::pending_tables() const {
    std::vector<PendingTable> tables;
    for (unsigned cpu = 0; cpu < gic_.gic().cpu_count(); ++cpu) {
        const gic::GicRedistributor& redistributor = gic_.gic().redistributor(cpu);
        if (!redistributor.lpis_enabled()) continue;
        PendingTable table =
            pending_table_of(redistributor.propbaser().raw(), redistributor.pendbaser().raw());
        if (read(table)) tables.push_back(std::move(table));
    }
    return tables;
}

std::uint64_t ModelGicv3::read_register(const GicRegister& where) const {
    switch (where.frame) {
        case Frame::distributor:
        case Frame::redistributor: {
            const bool is_private = where.frame == Frame::redistributor;
            if (!is_latch(where))
                return is_private ? gic_.read_redistributor(where.cpu, where.number, 4)
                                  : gic_.read_distributor(where.number, 4);
            const std::uint32_t first = is_private ? 0 : (where.number - gic::gicd::ispendr) * 8;
            std::uint32_t word = 0;
            for (std::uint32_t intid = first; intid < first + 32; ++intid)
                if (intid < gic_.gic().distributor().intid_count() &&
                    gic_.gic().state(where.cpu, intid).latched)
                    word |= 1U << (intid - first);
            return word;
        }
        case Frame::cpu_interface: return gic_.peek_sysreg(where.cpu, where.number).value_or(0);
        case Frame::its: break;
    }
    return gic_.read_its(where.number, where.number == gits::ctlr ? 4 : 8);
}

void ModelGicv3::write_register(const GicRegister& where, std::uint64_t value) {
    TableMemory memory(surroundings_.memory());
    switch (where.frame) {
        case Frame::distributor: gic_.write_distributor(where.number, 4, value); return;
        case Frame::redistributor:
            gic_.write_redistributor(where.cpu, where.number, 4, value, memory);
            return;
        case Frame::cpu_interface: (void)write(where.cpu, where.number, value); return;
        case Frame::its: break;
    }
    // What an ITS has after a reset is not what reads back once it has been written.
    if (read_register(where) == value) return;
    if (where.number == gits::creadr)
        (void)gic_.restore_creadr(value);
    else
        (void)gic_.write_its(where.number, where.number == gits::ctlr ? 4 : 8, value, memory);
}

}  // namespace

std::unique_ptr<ModelGic> make_model_gicv3(const MachineConfig& config, model::Surroundings& surroundings) {
    return std::make_unique<ModelGicv3>(config, surroundings);
}

}  // namespace irqbench::vmm::arm64
