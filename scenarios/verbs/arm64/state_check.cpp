#include "scenarios/verbs/arm64/state_check.hpp"

#include <set>

#include "scenarios/verbs/common/state_file.hpp"
#include "vmm/arm64/virtual_timer.hpp"

namespace irqbench::scenarios::verbs::arm64 {

using namespace state_file;
using namespace state_file::arm64;

namespace {

class StateChecker {
  public:
    StateChecker(const StateDocument& document, AnyStateChecker& any)
        : document_(document), gic_(document.gic), any_(any) {}

    void run() {
        any_.check_machine(document_.vcpus.size());
        check_gic();
        for (std::size_t i = 0; i < document_.vcpus.size(); ++i) check_row(i);
        check_lines();
        check_pending_tables();
        any_.check_eventfds();
        for (std::size_t i = 0; i < document_.ioeventfds.size(); ++i)
            if (document_.ioeventfds[i].spec.port)
                any_.fail(fmt::format("/ioeventfds/{}/spec/port", i), "there are no ports on arm64");
    }

  private:
    void check_gic() const {
        if (document_.mode == "userspace" && gic_.version != 2)
            any_.fail("/gic/version", "userspace mode has a GICv2");
        if (gic_.spis % 32 != 0)
            any_.fail("/gic/spis", "must be a multiple of 32, as GICD_TYPER.ITLinesNumber counts");
        if (gic_.version != 2) return;
        constexpr std::size_t gicv2_cpus = 8;
        if (gic_.its) any_.fail("/gic/its", "a GICv2 has no ITS");
        if (document_.vcpus.size() > gicv2_cpus)
            any_.fail("/vcpus", fmt::format("a GICv2 has at most {} CPUs", gicv2_cpus));
    }

    void check_row(std::size_t index) {
        const VcpuRow& row = document_.vcpus[index];
        const std::string at = fmt::format("/vcpus/{}", index);
        any_.check_vcpu(at, row.agent.vcpu(), row.cpu.core.has_value());
        if (gic_.version == 2 && row.agent.id != index)
            any_.fail(at + "/agent/id", "a GICv2 counts its CPUs from 0");
        if (row.cpu.activity != vmm::Activity::running && row.cpu.activity != vmm::Activity::not_started)
            any_.fail(at + "/cpu/activity", "a CPU of arm64 is \"running\" or \"not_started\"");
        if (gic_.version == 2 && !row.redistributor.empty())
            any_.fail(at + "/redistributor", "a GICv2 has no redistributors");
        if (gic_.version == 3 && !row.distributor.empty())
            any_.fail(at + "/distributor", "of a GICv3 what a CPU has for itself is in its redistributor");
    }

    [[nodiscard]] bool has_vcpu(std::uint32_t id) const {
        return std::any_of(document_.vcpus.begin(), document_.vcpus.end(),
                           [id](const VcpuRow& row) { return row.agent.id == id; });
    }

    void check_lines() const {
        std::set<std::pair<std::uint32_t, std::uint32_t>> lines;
        for (std::size_t i = 0; i < gic_.lines.size(); ++i) {
            const LineRow& line = gic_.lines[i];
            const std::string at = fmt::format("/gic/lines/{}", i);
            if (line.spi && *line.spi >= irqchip::arm64::private_count + gic_.spis)
                any_.fail(at + "/spi", fmt::format("there are {} SPIs", gic_.spis));
            if (line.ppi && vmm::arm64::VirtualTimer::drives(*line.ppi))
                any_.fail(at + "/ppi", "the line of a timer is as the timer is");
            if (line.ppi && !has_vcpu(line.vcpu))
                any_.fail(at + "/vcpu", fmt::format("no vCPU has the id {}", line.vcpu));
            if (!lines.emplace(line.spi ? *line.spi : *line.ppi, line.vcpu).second)
                any_.fail(at, "the line is there twice");
        }
    }

    void check_pending_tables() const {
        if (!gic_.pending_tables.empty() && !gic_.its)
            any_.fail("/gic/pending_tables", "without an ITS there are no LPIs");
        std::set<std::uint64_t> addresses;
        for (std::size_t i = 0; i < gic_.pending_tables.size(); ++i) {
            const PendingRow& table = gic_.pending_tables[i];
            const std::string at = fmt::format("/gic/pending_tables/{}", i);
            const bool is_there =
                table.address >= vmm::scenario_memory && document_.memory_bytes >= table.bytes &&
                table.address - vmm::scenario_memory <= document_.memory_bytes - table.bytes;
            if (!is_there)
                any_.fail(at + "/address",
                          fmt::format("there is no memory of {} bytes at {:#x}", table.bytes, table.address));
            if (!addresses.insert(table.address).second)
                any_.fail(at + "/address", fmt::format("the table at {:#x} is there twice", table.address));
            if (!from_trimmed_base64(table.data, table.bytes))
                any_.fail(at + "/data", fmt::format("is not base64 of at most {} bytes", table.bytes));
        }
    }

    const StateDocument& document_;
    const GicRow& gic_;
    AnyStateChecker& any_;
};

}  // namespace

void check_state(const StateDocument& document, AnyStateChecker& checker) {
    StateChecker(document, checker).run();
}

}  // namespace irqbench::scenarios::verbs::arm64
