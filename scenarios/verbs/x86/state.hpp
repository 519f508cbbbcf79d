#pragma once

#include "scenarios/verbs/common/claims.hpp"
#include "scenarios/verbs/x86/words.hpp"

/// Assertions about the controllers.
namespace irqbench::scenarios::verbs::x86 {

/// One controller's state, and what it must be.
struct CheckArguments {
    std::string controller;  ///< as Machine::inspect() knows it
    std::uint32_t index = 0;
    std::string called;  ///< `ioapic 10`, `pic slave`, `lapic 0`
    std::optional<std::uint32_t> vcpu;

    struct Expected {
        std::string name;      ///< as Machine::inspect() knows it
        std::string in_words;  ///< as messages name it
        std::uint64_t value = 0;
    };
    std::vector<Expected> expected;
};

class CheckVerb final : public ClaimOf<CheckArguments> {
  public:
    using ClaimOf::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    /// Records every field it expects as event::Observed.
    void perform(Stage& stage) const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;

  private:
    [[nodiscard]] std::string name_of(const CheckArguments::Expected& expected) const;
};

/// Of `eoi_exits`: how many, and of which vector.
struct EoiExitsArguments {
    std::uint64_t count = 0;
    std::optional<std::uint32_t> vector;
    static constexpr auto fields() {
        return std::tuple{
            required("count", &EoiExitsArguments::count, "exits since the last such claim", up_to(1'000'000)),
            optional("vector", &EoiExitsArguments::vector, "of this vector only", vector_range)};
    }
    static constexpr std::string_view shorthand = "count";
};

class EoiExitsVerb final : public ClaimOf<EoiExitsArguments> {
  public:
    using ClaimOf::ClaimOf;
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override {
        return {expect::EoiExits{arguments_.count, arguments_.vector}};
    }
    [[nodiscard]] Facts facts() const override;
};

}  // namespace irqbench::scenarios::verbs::x86

namespace irqbench::scenarios {

template <>
struct Form<verbs::x86::CheckArguments> {
    static verbs::x86::CheckArguments read(const Cursor& at, Limits limits);
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
