#include "scenarios/verbs/x86/state_file.hpp"

#include "scenarios/verbs/common/state_file.hpp"
#include "scenarios/verbs/x86/state_check.hpp"

namespace irqbench::scenarios::verbs::x86 {

using namespace state_file;
using namespace state_file::x86;

namespace {

constexpr std::string_view arch = "x86_64";

StateDocument document_of(const PortableState& state) {
    StateDocument document;
    document.arch = arch;
    describe(document, state);
    document.smis = state.smis;
    for (std::size_t i = 0; i < state.vcpus.size(); ++i)
        document.vcpus.push_back(
            {AgentRow<last_vector>(state.vcpus[i]), state.pc.cpus.at(i), state.pc.chips.lapics.at(i)});
    document.routes = rows_of<Route>(state.routes);
    document.pic = state.pc.chips.pic;
    document.ioapic = state.pc.chips.ioapic;
    // KVM keeps what a guest writes to reserved bits.
    for (std::uint64_t& entry : document.ioapic.entries) entry &= irqchip::x86::RedirectionEntry::fields.all;
    document.pit = state.pc.chips.pit;
    return document;
}

std::shared_ptr<PortableState> state_of(StateDocument document, const Cursor& root) {
    auto state = std::make_shared<PortableState>();
    state->smis = document.smis;
    for (VcpuRow& row : document.vcpus) {
        state->pc.chips.waits_for_sipi.push_back(row.cpu.activity == vmm::Activity::wait_for_sipi);
        state->vcpus.push_back(row.agent.vcpu());
        state->pc.cpus.push_back(std::move(row.cpu));
        state->pc.chips.lapics.push_back(row.lapic);
    }
    state->routes = table_of(document.routes);
    state->pc.chips.pic = document.pic;
    state->pc.chips.ioapic = document.ioapic;
    state->pc.chips.pit = document.pit;
    constexpr std::array<std::uint64_t, 1> pages{AGENT_RESET};
    take_over(*state, std::move(document), pages, root);
    return state;
}

}  // namespace

std::string state_text(const vmm::MachineState& state) {
    return json_of(document_of(need_portable(state))).dump(1) + "\n";
}

Json state_schema() { return with_head(Form<StateDocument>::schema({}), arch); }

std::shared_ptr<const vmm::MachineState> read_state(const Document& document) {
    Reading reading{document};
    const Cursor root(reading);
    check_head(root, arch);
    StateDocument state = Form<StateDocument>::read(root, {});
    check_state(state, root);
    return state_of(std::move(state), root);
}

}  // namespace irqbench::scenarios::verbs::x86
