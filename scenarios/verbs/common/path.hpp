#pragma once

#include "scenarios/verbs/common/verb_of.hpp"

/// The way of an interrupt through the kernel, as the kernel's own events tell it.
namespace irqbench::scenarios::verbs {

/// `"kvm_inj_virq"` or `{ "kvm_set_irq": { "gsi": 4, "level": 1 } }`.
struct PathElement {
    expect::Path::Element element;
};

/// An array of them.
struct PathArguments {
    std::vector<PathElement> elements;
    std::vector<std::string_view> told;
};

class PathVerb final : public ClaimOf<PathArguments> {
  public:
    using ClaimOf::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
};

}  // namespace irqbench::scenarios::verbs

namespace irqbench::scenarios {

template <>
struct Form<verbs::PathElement> {
    static verbs::PathElement read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

template <>
struct Form<verbs::PathArguments> {
    static verbs::PathArguments read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
