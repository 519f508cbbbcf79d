#include "scenarios/verbs/common/migration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/state_files.hpp"
#include "vmm/portable_state.hpp"

namespace irqbench::scenarios {

namespace verbs {

namespace {

std::vector<std::string> names_of(const std::vector<PartName>& parts) {
    std::vector<std::string> names;
    for (const PartName& part : parts) names.push_back(part.name);
    return names;
}

/// The state that `save` takes of the machine; null if the kernel refuses to tell it. Then the refused call
/// stands in the trace, which fails the step, and the machine goes on as it is.
template <typename Save>
auto taken(Stage& stage, Save save) -> decltype(save()) {
    try {
        return save();
    } catch (const std::system_error& error) {
        vmm::Event event;
        if (!stage.trace.events().empty()) event.at = stage.trace.events().back().at;
        event.what = vmm::event::Call{"save", error.what(), {}, {0, error.code().value()}};
        stage.trace.add(std::move(event));
        return nullptr;
    }
}

}  // namespace

void RestoreArguments::check(const RestoreArguments& arguments, const Cursor& at) {
    std::set<std::string> named;
    const auto add = [&](std::string_view key, const std::vector<PartName>& parts) {
        for (std::size_t i = 0; i < parts.size(); ++i)
            if (!named.insert(parts[i].name).second) {
                const Node& list = *at.node().find(key);
                const Cursor place = at.at(key, list);
                place.at(i, (*list.array())[i]).fail(fmt::format("names the part '{}' again", parts[i].name));
            }
    };
    add("order", arguments.order);
    add("without", arguments.without);
}

vmm::RestoreOptions RestoreArguments::options() const { return {names_of(order), names_of(without)}; }

std::string RestoreArguments::in_words() const {
    std::string text;
    if (!order.empty()) text += fmt::format(", {} first", fmt::join(names_of(order), ", "));
    if (!without.empty()) text += fmt::format(", without {}", fmt::join(names_of(without), ", "));
    return text;
}

std::string MigrateVerb::explain() const {
    const std::string where = arguments_.to ? fmt::format(" in {} mode", arguments_.to->name) : "";
    return "The host moves the guest into a new virtual machine" + where + arguments_.in_words() + ".";
}

void MigrateVerb::perform(Stage& stage) const {
    if (!arguments_.to) {
        const auto state = taken(stage, [&stage] { return stage.machine.save(); });
        if (state != nullptr) stage.machine.restore(*state, arguments_.options());
        return;
    }
    const auto state = taken(stage, [&stage] { return stage.machine.save_portable(); });
    vmm::RestoreOptions options;
    options.placement = arguments_.to->name;
    if (state != nullptr) stage.machine.restore(*state, options);
}

Facts MigrateVerb::facts() const {
    Facts facts;
    if (arguments_.to) facts.moves_to = arguments_.to->name;
    return facts;
}

std::string CloseVerb::explain() const { return "The host closes the virtual machine as it stands."; }

void CloseVerb::perform(Stage& stage) const { stage.machine.close_descriptors(); }

Facts CloseVerb::facts() const {
    Facts facts;
    facts.closes_machine = facts.threadable = true;
    return facts;
}

std::string SaveVerb::explain() const {
    std::string as;
    if (!arguments_.name.empty()) as += fmt::format(" as '{}'", arguments_.name);
    if (arguments_.file) as += fmt::format(" in the file {}", arguments_.file->name);
    return fmt::format("The host saves the machine's state{}.", as);
}

void SaveVerb::perform(Stage& stage) const {
    if (stage.saved == nullptr) throw std::logic_error("nothing can be saved here");
    // Null, too: then it was refused.
    if (!arguments_.name.empty())
        (*stage.saved)[arguments_.name] = taken(stage, [&stage] { return stage.machine.save(); });
    if (!arguments_.file) return;
    if (stage.files == nullptr) throw std::logic_error("there are no files here");
    if (const auto state = taken(stage, [&stage] { return stage.machine.save_portable(); }))
        stage.files->write(arguments_.file->name, *state);
    else
        stage.files->refuse(arguments_.file->name);
}

Facts SaveVerb::facts() const {
    Facts facts;
    facts.saves = arguments_.name;
    if (arguments_.file) facts.saves_file = arguments_.file->name;
    return facts;
}

std::string RestoreVerb::explain() const {
    const std::string which = arguments_.file ? fmt::format("in the file {}", arguments_.file->name)
                                              : fmt::format("'{}'", arguments_.name);
    return fmt::format("The host puts a new virtual machine with the state {} in place of this one{}.", which,
                       arguments_.in_words());
}

std::shared_ptr<const vmm::MachineState> RestoreVerb::state_for(const Stage& stage) const {
    if (arguments_.file) {
        const StateFile& file = *arguments_.file;
        if (stage.files == nullptr) throw std::logic_error("there are no files here");
        if (stage.files->has(file.name)) return stage.files->read(file.name);
        if (file.state != nullptr) return file.state;
        throw std::runtime_error(fmt::format("no step of this run has saved the file {}", file.name));
    }
    if (stage.saved == nullptr) throw std::logic_error("nothing can be restored here");
    const auto state = stage.saved->find(arguments_.name);
    if (state == stage.saved->end())
        throw std::runtime_error(fmt::format("no step of this run has saved '{}'", arguments_.name));
    return state->second;
}

void RestoreVerb::perform(Stage& stage) const {
    if (const auto state = state_for(stage)) stage.machine.restore(*state, arguments_.options());
    // Else its save was refused, and that step has failed.
}

namespace {

/// What a scenario has to know of a state that it did not save.
Brought brought_by(const vmm::MachineState& state) {
    Brought brought;
    const auto* portable = dynamic_cast<const vmm::PortableState*>(&state);
    if (portable == nullptr) return brought;
    for (const vmm::SavedIrqfd& irqfd : portable->irqfds) {
        (irqfd.assigned ? brought.irqfds : brought.former).push_back(irqfd.spec.name);
        if (irqfd.spec.resample) brought.resampling.push_back(irqfd.spec.name);
    }
    for (const vmm::SavedIoeventfd& each : portable->ioeventfds)
        if (each.assigned) brought.ioeventfds.push_back(each.spec.name);
    for (std::uint32_t index = 0; index < portable->vcpus.size(); ++index) {
        const vmm::PortableState::Vcpu& vcpu = portable->vcpus[index];
        if (vcpu.rest.depth != 0) brought.stays_on.push_back(index);
        for (const auto& handler : vcpu.handlers) {
            brought.handled.emplace_back(handler.vector, index);
            if ((handler.policy & POLICY_STAY) != 0) brought.stays_on.push_back(index);
        }
    }
    return brought;
}

}  // namespace

std::string RestoreVerb::unfit_for(const vmm::MachineConfig& config) const {
    if (config.placement.empty() || !arguments_.file) return "";
    const auto* portable = dynamic_cast<const vmm::PortableState*>(arguments_.file->state.get());
    if (portable == nullptr) return "";
    const std::string reason = vmm::unfit_anywhere(*portable, config, config.placement);
    if (reason.empty()) return "";
    return fmt::format("the state in {} cannot be restored in {} mode: {}", arguments_.file->name,
                       config.placement, reason);
}

Facts RestoreVerb::facts() const {
    Facts facts;
    if (!arguments_.file) {
        facts.restores = arguments_.name;
        return facts;
    }
    facts.restores_file = arguments_.file->name;
    if (arguments_.file->state == nullptr) return facts;
    facts.brings = brought_by(*arguments_.file->state);
    facts.causes = true;
    return facts;
}

}  // namespace verbs

verbs::PartName Form<verbs::PartName>::read(const Cursor& at, Limits) {
    const auto names = at.reading().architecture->state_parts;
    return {std::string(names[detail::read_word(at, names)])};
}

// The schema of a verb does not know the architecture that it is of.
Json Form<verbs::PartName>::schema(Limits) { return {{"type", "string"}}; }

verbs::ModeName Form<verbs::ModeName>::read(const Cursor& at, Limits) {
    const auto modes = at.reading().architecture->modes;
    return {std::string(modes[detail::read_word(at, modes)])};
}

// The schema of a verb does not know the architecture that it is of.
Json Form<verbs::ModeName>::schema(Limits) { return {{"type", "string"}}; }

namespace {

constexpr std::string_view file_pattern = "^[A-Za-z0-9_][A-Za-z0-9._-]*$";

/// As the pattern has it.
bool is_plain_name(std::string_view name) {
    const auto is_fine = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '_' || c == '-';
    };
    return !name.empty() && name.front() != '.' && name.front() != '-' &&
           std::all_of(name.begin(), name.end(), is_fine);
}

}  // namespace

verbs::NewStateFile Form<verbs::NewStateFile>::read(const Cursor& at, Limits) {
    std::string name = Form<std::string>::read(at, up_to(100));
    if (!is_plain_name(name))
        at.fail(
            "must be the name of a file, of letters, digits, '.', '_' and '-': the run has a folder for it");
    at.reading().state_files.insert(name);
    return {std::move(name)};
}

Json Form<verbs::NewStateFile>::schema(Limits) {
    return {{"type", "string"}, {"pattern", file_pattern}, {"maxLength", 100}};
}

verbs::StateFile Form<verbs::StateFile>::read(const Cursor& at, Limits) {
    // `./s.json` is what a step saves as `s.json`.
    std::string name = std::filesystem::path(Form<std::string>::read(at, {})).lexically_normal().string();
    if (at.reading().state_files.contains(name)) return {std::move(name), nullptr};
    const auto file = std::filesystem::path(at.reading().document.file).parent_path() / name;
    std::error_code unknown;
    if (!std::filesystem::exists(file, unknown))
        at.fail(fmt::format("there is no file {}, and no step before this one saves it", file.string()));
    if (at.reading().reads != nullptr) at.reading().reads->push_back(file);
    auto state = at.reading().architecture->read_state(read_document(file));
    return {std::move(name), std::move(state)};
}

Json Form<verbs::StateFile>::schema(Limits) { return {{"type", "string"}, {"minLength", 1}}; }

}  // namespace irqbench::scenarios
