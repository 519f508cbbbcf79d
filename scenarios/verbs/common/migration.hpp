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
    [[nodiscard]] vmm::RestoreOptions options() const;
    /// `, lapic and ioapic first, without lines`.
    [[nodiscard]] std::string in_words() const;
};

/// Of `migrate`.
struct MigrateArguments : RestoreArguments {
    static constexpr auto fields() { return fields_of_any(); }
    static constexpr bool bare_true = true;
};

class MigrateVerb final : public VerbOf<MigrateArguments> {
  public:
    using VerbOf::VerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
};

/// Of `save`.
struct SaveArguments {
    std::string name;
    static constexpr auto fields() {
        return std::tuple{required("name", &SaveArguments::name, "what 'restore' calls it")};
    }
    static constexpr std::string_view shorthand = "name";
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
    static constexpr auto fields() {
        return std::tuple_cat(
            std::tuple{required("name", &RestoreFromArguments::name, "what 'save' called it")},
            fields_of_any());
    }
    static constexpr std::string_view shorthand = "name";
};

class RestoreVerb final : public VerbOf<RestoreFromArguments> {
  public:
    using VerbOf::VerbOf;
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;
};

}  // namespace irqbench::scenarios::verbs

namespace irqbench::scenarios {

template <>
struct Form<verbs::PartName> {
    static verbs::PartName read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
