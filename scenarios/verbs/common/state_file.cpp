#include "scenarios/verbs/common/state_file.hpp"

#include <algorithm>
#include <stdexcept>

#include "scenarios/engine/architecture.hpp"

namespace irqbench::scenarios::state_file {

const PortableState& need_portable(const vmm::MachineState& state) {
    const auto* portable = dynamic_cast<const PortableState*>(&state);
    if (portable == nullptr) throw std::logic_error("this state has no form for a file");
    return *portable;
}

void check_head(const Cursor& root, std::string_view arch) {
    const Node::Object* object = root.node().object();
    const Node* tag = root.node().find("irqbench_state");
    if (object == nullptr || tag == nullptr)
        root.fail("is not a saved state: it is an object that begins with \"irqbench_state\"");
    const auto* number = tag->as<std::uint64_t>();
    if (number == nullptr || *number != version)
        root.at("irqbench_state", *tag)
            .fail(fmt::format("this irqbench reads version {}: save the state again", version));
    const Node* of = root.node().find("arch");
    if (of == nullptr || of->text() == nullptr || *of->text() == arch) return;
    if (find_architecture(*of->text()) == nullptr)
        root.at("arch", *of).fail(fmt::format("must be \"{}\"", arch));
    root.at("arch", *of)
        .fail(fmt::format("this is the state of a machine of {}, and none of {} can go on from it",
                          *of->text(), arch));
}

void describe(AnyState& document, const PortableState& state) {
    document.mode = state.placement;
    document.run = state.run;
    document.memory_bytes = state.memory_bytes;
    document.barrier = state.barrier;
    document.irqfds = state.irqfds;
    document.ioeventfds = state.ioeventfds;
    for (const auto& [address, bytes] : state.memory)
        if (std::string data = trimmed_base64(bytes); !data.empty())
            document.memory.push_back({address, std::move(data)});
}

void take_over(PortableState& state, AnyState&& document, std::span<const std::uint64_t> pages,
               const Cursor& root) {
    state.placement = std::move(document.mode);
    state.run = document.run;
    state.memory_bytes = document.memory_bytes;
    state.barrier = document.barrier;
    state.irqfds = std::move(document.irqfds);
    state.ioeventfds = std::move(document.ioeventfds);
    const Node* memory = root.node().find("memory");
    for (std::size_t i = 0; i < document.memory.size(); ++i) {
        const Page& page = document.memory[i];
        const Cursor list = root.at("memory", *memory);
        const Cursor at = list.at(i, (*memory->array())[i]);
        const bool scenarios_own = page.address >= vmm::scenario_memory &&
                                   page.address - vmm::scenario_memory < document.memory_bytes;
        if (page.address % page_size != 0 ||
            !(scenarios_own || std::find(pages.begin(), pages.end(), page.address) != pages.end() ||
              page.address < vmm::guest::Agent::memory_size(state.vcpus.size())))
            at.fail(fmt::format("there is no memory at {:#x}", page.address));
        auto bytes = from_trimmed_base64(page.data, page_size);
        if (!bytes) at.fail("is not base64 of at most 4096 bytes");
        if (!state.memory.emplace(page.address, std::move(*bytes)).second)
            at.fail(fmt::format("the page at {:#x} is there twice", page.address));
    }
}

std::string trimmed_base64(std::span<const std::byte> bytes) {
    const auto end =
        std::find_if(bytes.rbegin(), bytes.rend(), [](std::byte value) { return value != std::byte{0}; });
    return base64(bytes.first(static_cast<std::size_t>(bytes.rend() - end)));
}

std::optional<std::vector<std::byte>> from_trimmed_base64(std::string_view text, std::size_t bytes) {
    auto read = from_base64(text);
    if (!read || read->size() > bytes) return std::nullopt;
    read->resize(bytes);
    return read;
}

Json with_head(Json schema, std::string_view arch) {
    schema["properties"]["irqbench_state"] = {{"const", version}, {"description", "version of the format"}};
    schema["properties"]["mode"] = detail::word_schema(find_architecture(arch)->modes);
    return schema;
}

}  // namespace irqbench::scenarios::state_file
