#pragma once

#include <utility>

#include "scenarios/verbs/common/arguments.hpp"

/// What the classes of verbs are made of, so that each says only what is its own.
namespace irqbench::scenarios::verbs {

/// A verb that keeps the arguments it was made from. A derived class inherits the constructor.
template <class A, class Base = Verb>
class VerbOf : public Base {
  public:
    using Arguments = A;
    explicit VerbOf(Arguments arguments) : arguments_(std::move(arguments)) {}

  protected:
    Arguments arguments_;
};

/// A call of the host: it must come back with the `errno` and, where its arguments have one, the `status`.
template <class A>
class CallVerbOf : public VerbOf<A> {
  public:
    using VerbOf<A>::VerbOf;
    [[nodiscard]] std::vector<Expectation> expects() const override {
        const A& arguments = this->arguments_;
        if constexpr (requires { arguments.status; })
            return {call_result(arguments.error, arguments.status)};
        else
            return {call_result(arguments.error)};
    }
};

/// A step that only expects.
template <class A>
class ClaimOf : public VerbOf<A> {
  public:
    using VerbOf<A>::VerbOf;
    void perform(Stage&) const override {}
    [[nodiscard]] bool acts() const override { return false; }
};

}  // namespace irqbench::scenarios::verbs
