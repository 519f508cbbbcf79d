#pragma once

#include "scenarios/verbs/common/verb_of.hpp"

/// Saved state: into a new machine, or kept under a name.
namespace irqbench::scenarios::verbs {

/// A part of a machine's state, by its name in Architecture::state_parts.
struct PartName {
    std::string name;
};

/// How a state is restored: what `migrate` and `restore` have in common.
struct RestoreArguments {
    std::vector<PartName> order;
    std::vector<PartName> without;
    static constexpr auto fields_of_any() {
        return std::tuple{
            optional("order", &RestoreArguments::order,
                     "parts of the state that are restored before the others, in this order"),
            optional("without", &RestoreArguments::without, "parts that are not restored at all")};
    }
    /// No part twice.
    static void check(const RestoreArguments& arguments, const Cursor& at);
    [[nodiscard]] vmm::RestoreOptions options() const;
    /// `, lapic and ioapic first, without lines`.
    [[nodiscard]] std::string in_words() const;
};

/// An irqchip mode of the architecture.
struct ModeName {
    std::string name;
};

/// The name of a state file that `save` makes.
struct NewStateFile {
    std::string name;
};

/// A state file to be restored.
struct StateFile {
    std::string name;
    /// What is in it; null if a step of this scenario saves it.
    std::shared_ptr<const vmm::MachineState> state;
};

/// Of `migrate`.
struct MigrateArguments : RestoreArguments {
    std::optional<ModeName> to;
    static constexpr auto fields() {
        return std::tuple_cat(
            std::tuple{optional("to", &MigrateArguments::to,
                                "the irqchip mode in which the new machine goes on; as before by default")},
            fields_of_any());
    }
    static constexpr bool bare_true = true;
    static constexpr std::array constraints{excludes("to", "order", "without")};
};

class MigrateVerb final : public VerbOf<MigrateArguments> {
  public:
    using VerbOf::VerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
};

/// Of `close`.
struct CloseArguments {
    static constexpr auto fields() { return std::tuple{}; }
    static constexpr bool bare_true = true;
};

class CloseVerb final : public VerbOf<CloseArguments> {
  public:
    using VerbOf::VerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
};

/// Of `save`.
struct SaveArguments {
    std::string name;
    std::optional<NewStateFile> file;
    static constexpr auto fields() {
        return std::tuple{optional("name", &SaveArguments::name, "what 'restore' calls it"),
                          optional("file", &SaveArguments::file, "the file it is written to")};
    }
    static constexpr std::string_view shorthand = "name";
    static constexpr std::array constraints{at_least_one("name", "file")};
};

class SaveVerb final : public VerbOf<SaveArguments> {
  public:
    using VerbOf::VerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
};

/// Of `restore`.
struct RestoreFromArguments : RestoreArguments {
    std::string name;
    std::optional<StateFile> file;
    static constexpr auto fields() {
        return std::tuple_cat(
            std::tuple{
                optional("name", &RestoreFromArguments::name, "what 'save' called it"),
                optional("file", &RestoreFromArguments::file,
                         "the file it is in: one that a step before saves, or else one beside the scenario")},
            fields_of_any());
    }
    static constexpr std::string_view shorthand = "name";
    static constexpr std::array constraints{exactly_one("name", "file"),
                                            excludes("file", "order", "without")};
};

class RestoreVerb final : public VerbOf<RestoreFromArguments> {
  public:
    using VerbOf::VerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
    /// In the irqchip mode of `config`; nothing where that says none.
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override;

  private:
    /// Null if its save was refused. @throws std::runtime_error if this run has not come to saving it
    [[nodiscard]] std::shared_ptr<const vmm::MachineState> state_for(const Stage& stage) const;
};

}  // namespace irqbench::scenarios::verbs

namespace irqbench::scenarios {

template <>
struct Form<verbs::ModeName> {
    static verbs::ModeName read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <>
struct Form<verbs::NewStateFile> {
    static verbs::NewStateFile read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <>
struct Form<verbs::StateFile> {
    static verbs::StateFile read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <>
struct Form<verbs::PartName> {
    static verbs::PartName read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
