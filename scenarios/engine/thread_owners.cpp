#include "scenarios/engine/thread_owners.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace irqbench::scenarios {

namespace {

/// What a vCPU's agent does and ends. One whose result is claimed would have to be told from those of all
/// iterations.
bool is_done_by_agent(const Facts& facts) {
    return facts.runs_on && !facts.stops && !facts.stays && !facts.returns && !facts.asserts && !facts.apart;
}

/// What one call has to come back with, beyond that it must succeed.
bool claims_a_result(const Step& step) {
    const auto expectations = step.verb->expects();
    return std::any_of(expectations.begin(), expectations.end(), [](const Expectation& expectation) {
        const auto* result = std::get_if<expect::CallResult>(&expectation);
        return result != nullptr && (result->error != 0 || result->value_sign);
    });
}

}  // namespace

std::string ThreadOwners::claim(const Step& step, const Facts& facts, const Block* block,
                                const std::string& thread) {
    if (!facts.threadable && !is_done_by_agent(facts))
        return "has no place in 'parallel', where threads raise, lower, pulse, send messages, assign, "
               "deassign "
               "and signal irqfds, change routes, close the machine, and let vCPUs do what ends by itself "
               "and claims nothing";
    if (claims_a_result(step))
        return "'errno' and 'status' have no place in 'parallel', where a call is made many times: each must "
               "succeed";
    for (const std::string& name : {facts.opens_irqfd, facts.closes})
        if (!name.empty())
            if (std::string owner = claim(block, "assign and deassign '" + name + "'", thread);
                !owner.empty())
                return owner;
    if (facts.closes_machine) return claim(block, "close the machine", thread);
    // A table is replaced as a whole, so that two threads would undo each other's routes.
    if (facts.routes) return claim(block, "change routes", thread);
    if (!facts.shared_register.empty())
        if (std::string owner = claim(block, "use " + facts.shared_register, thread); !owner.empty())
            return owner;
    if (facts.runs_on) return claim(block, fmt::format("have vCPU {} do something", *facts.runs_on), thread);
    return "";
}

std::string ThreadOwners::claim(const Block* block, const std::string& what, const std::string& thread) {
    const auto [owner, is_new] = owners_.try_emplace({block, what}, thread);
    if (owner->second == thread) return "";
    return fmt::format("only one thread may {}, and '{}' does", what, owner->second);
}

}  // namespace irqbench::scenarios
