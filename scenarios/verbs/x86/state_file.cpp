#include "scenarios/verbs/x86/state_file.hpp"

#include <algorithm>
#include <stdexcept>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/verbs/x86/state_check.hpp"

namespace irqbench::scenarios::verbs::x86 {

using namespace state_file;

namespace {

StateDocument document_of(const PortableState& state) {
    StateDocument document;
    document.mode = state.placement;
    document.run = state.run;
    document.memory_bytes = state.memory_bytes;
    document.barrier = state.barrier;
    document.smis = state.smis;
    for (std::size_t i = 0; i < state.vcpus.size(); ++i)
        document.vcpus.push_back({state.vcpus[i], state.pc.cpus.at(i), state.pc.chips.lapics.at(i)});
    for (const routing::Entry& entry : state.routes.entries()) {
        RouteRow row;
        row.gsi = entry.gsi;
        if (const auto* pin = std::get_if<routing::PinRoute>(&entry.route)) {
            row.chip = static_cast<std::uint32_t>(pin->chip);
            row.pin = pin->pin;
        } else if (const auto* msi = std::get_if<routing::MsiRoute>(&entry.route)) {
            row.address = msi->address;
            row.data = msi->data;
        } else {
            throw std::logic_error("a route is neither a pin nor a message");
        }
        document.routes.push_back(row);
    }
    document.irqfds = state.irqfds;
    document.ioeventfds = state.ioeventfds;
    document.pic = state.pc.chips.pic;
    document.ioapic = state.pc.chips.ioapic;
    // KVM keeps what a guest writes to reserved bits.
    for (std::uint64_t& entry : document.ioapic.entries) entry &= irqchip::x86::RedirectionEntry::fields.all;
    document.pit = state.pc.chips.pit;
    for (const auto& [address, bytes] : state.memory) {
        const auto end =
            std::find_if(bytes.rbegin(), bytes.rend(), [](std::byte value) { return value != std::byte{0}; });
        const auto count = static_cast<std::size_t>(bytes.rend() - end);
        if (count != 0) document.memory.push_back({address, base64(std::span(bytes).first(count))});
    }
    return document;
}

std::shared_ptr<PortableState> state_of(StateDocument document, const Cursor& root) {
    auto state = std::make_shared<PortableState>();
    state->placement = document.mode;
    state->run = document.run;
    state->memory_bytes = document.memory_bytes;
    state->barrier = document.barrier;
    state->smis = document.smis;
    for (VcpuRow& row : document.vcpus) {
        state->pc.chips.waits_for_sipi.push_back(row.cpu.activity == Activity::wait_for_sipi);
        state->vcpus.push_back(std::move(row.agent));
        state->pc.cpus.push_back(std::move(row.cpu));
        state->pc.chips.lapics.push_back(row.lapic);
    }
    for (const RouteRow& row : document.routes) {
        if (row.chip)
            state->routes.add(row.gsi, routing::PinRoute{routing::Chip{*row.chip}, row.pin});
        else
            state->routes.add(row.gsi, routing::MsiRoute{*row.address, row.data});
    }
    state->irqfds = std::move(document.irqfds);
    state->ioeventfds = std::move(document.ioeventfds);
    state->pc.chips.pic = document.pic;
    state->pc.chips.ioapic = document.ioapic;
    state->pc.chips.pit = document.pit;
    const Node* memory = root.node().find("memory");
    for (std::size_t i = 0; i < document.memory.size(); ++i) {
        const Page& page = document.memory[i];
        const Cursor list = root.at("memory", *memory);
        const Cursor at = list.at(i, (*memory->array())[i]);
        const bool scenarios_own = page.address >= vmm::scenario_memory &&
                                   page.address - vmm::scenario_memory < document.memory_bytes;
        if (page.address % page_size != 0 ||
            !(scenarios_own || page.address == AGENT_RESET ||
              page.address < vmm::guest::Agent::memory_size(state->vcpus.size())))
            at.fail(fmt::format("there is no memory at {:#x}", page.address));
        auto bytes = from_base64(page.data);
        if (!bytes || bytes->size() > page_size) at.fail("is not base64 of at most 4096 bytes");
        bytes->resize(page_size);
        if (!state->memory.emplace(page.address, std::move(*bytes)).second)
            at.fail(fmt::format("the page at {:#x} is there twice", page.address));
    }
    return state;
}

/// What makes nonsense of the rest.
void check_head(const Cursor& root) {
    const Node::Object* object = root.node().object();
    const Node* tag = root.node().find("irqbench_state");
    if (object == nullptr || tag == nullptr)
        root.fail("is not a saved state: it is an object that begins with \"irqbench_state\"");
    const auto* number = tag->as<std::uint64_t>();
    if (number == nullptr || *number != version)
        root.at("irqbench_state", *tag)
            .fail(fmt::format("this irqbench reads version {}: save the state again", version));
    const Node* arch = root.node().find("arch");
    if (arch != nullptr && arch->text() != nullptr && *arch->text() != "x86_64")
        root.at("arch", *arch).fail("must be \"x86_64\"");
}

}  // namespace

std::string state_text(const vmm::MachineState& state) {
    const auto* portable = dynamic_cast<const PortableState*>(&state);
    if (portable == nullptr) throw std::logic_error("this state has no form for a file");
    return json_of(document_of(*portable)).dump(1) + "\n";
}

Json state_schema() {
    Json schema = Form<StateDocument>::schema({});
    schema["properties"]["irqbench_state"] = {{"const", version}, {"description", "version of the format"}};
    schema["properties"]["mode"] = detail::word_schema(find_architecture("x86_64")->modes);
    return schema;
}

std::shared_ptr<const vmm::MachineState> read_state(const Document& document) {
    Reading reading{document};
    const Cursor root(reading);
    check_head(root);
    StateDocument state = Form<StateDocument>::read(root, {});
    check_state(state, root);
    return state_of(std::move(state), root);
}

}  // namespace irqbench::scenarios::verbs::x86
