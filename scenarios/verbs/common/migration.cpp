#include "scenarios/verbs/common/migration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

#include "scenarios/engine/architecture.hpp"

namespace irqbench::scenarios {

namespace verbs {

namespace {

std::vector<std::string> names_of(const std::vector<PartName>& parts) {
    std::vector<std::string> names;
    for (const PartName& part : parts) names.push_back(part.name);
    return names;
}

}  // namespace

vmm::RestoreOptions RestoreArguments::options() const { return {names_of(order), names_of(without)}; }

std::string RestoreArguments::in_words() const {
    std::string text;
    if (!order.empty()) text += fmt::format(", {} first", fmt::join(names_of(order), ", "));
    if (!without.empty()) text += fmt::format(", without {}", fmt::join(names_of(without), ", "));
    return text;
}

std::string MigrateVerb::explain() const {
    return "The host moves the guest into a new virtual machine" + arguments_.in_words() + ".";
}

void MigrateVerb::perform(Stage& stage) const {
    stage.machine.restore(*stage.machine.save(), arguments_.options());
}

std::string SaveVerb::explain() const {
    return fmt::format("The host saves the machine's state as '{}'.", arguments_.name);
}

void SaveVerb::perform(Stage& stage) const {
    if (stage.saved == nullptr) throw std::logic_error("nothing can be saved here");
    (*stage.saved)[arguments_.name] = stage.machine.save();
}

Facts SaveVerb::facts() const {
    Facts facts;
    facts.saves = arguments_.name;
    return facts;
}

std::string RestoreVerb::explain() const {
    return fmt::format("The host puts a new virtual machine with the state '{}' in place of this one{}.",
                       arguments_.name, arguments_.in_words());
}

void RestoreVerb::perform(Stage& stage) const {
    if (stage.saved == nullptr || !stage.saved->contains(arguments_.name))
        throw std::logic_error("nothing was saved as '" + arguments_.name + "'");
    stage.machine.restore(*stage.saved->at(arguments_.name), arguments_.options());
}

Facts RestoreVerb::facts() const {
    Facts facts;
    facts.restores = arguments_.name;
    return facts;
}

}  // namespace verbs

verbs::PartName Form<verbs::PartName>::read(const Cursor& at, Limits) {
    const auto names = at.reading().architecture->state_parts;
    return {std::string(names[detail::read_word(at, names)])};
}

// The schema of a verb does not know the architecture that it is of.
Json Form<verbs::PartName>::schema(Limits) { return {{"type", "string"}}; }

}  // namespace irqbench::scenarios
