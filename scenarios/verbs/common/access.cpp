#include "scenarios/verbs/common/access.hpp"

#include <fmt/format.h>

namespace irqbench::scenarios::verbs {

void check_width(std::uint64_t value, std::uint32_t bytes, const Cursor& at) {
    const std::uint32_t bits = bytes * 8;
    if (bits < 64 && value >> bits != 0)
        at.fail(
            fmt::format("the value {:#x} does not fit into {} byte{}", value, bytes, bytes == 1 ? "" : "s"));
}

std::string AccessVerb::explain() const {
    std::string text = value_ ? fmt::format("{} writes {:#x} to {}", who(), *value_, access_.in_words)
                              : fmt::format("{} reads {}", who(), access_.in_words);
    if (claim_.is) text += fmt::format(", which must be {:#x}", *claim_.is);
    if (claim_.mask) text += fmt::format(" under the mask {:#x}", *claim_.mask);
    if (access_.fault) text += fmt::format(", which must raise the exception {}", access_.fault->word);
    return text + ".";
}

std::vector<Expectation> AccessVerb::expects() const {
    if (access_.fault) return {expect::GuestFault{access_.fault->number}};
    if (!claim_.is) return {};
    return {expect::Value{access_.in_words, *claim_.is, claim_.mask.value_or(~std::uint64_t{0})}};
}

Facts AccessVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;  // of a read too: a poll command and IAR acknowledge
    facts.wakes = value_.has_value();
    facts.starts_any = facts.wakes_later = facts.wakes && access_.sends_ipis;
    facts.place = access_.place;
    if (facts.place) facts.place->changes = value_.has_value();
    facts.shared_register = access_.shared_register;
    facts.asserts = claim_.is || access_.fault;
    return facts;
}

std::vector<vmm::GuestOp> AccessVerb::operations(Stage&) const {
    std::vector<vmm::GuestOp> operations = access_.selection;
    operations.push_back(
        value_
            ? operation(access_.write, access_.address, *value_, access_.bytes, "write " + access_.in_words)
            : operation(access_.read, access_.address, 0, access_.bytes, access_.in_words));
    operations.back().observed = !value_;
    return operations;
}

}  // namespace irqbench::scenarios::verbs
