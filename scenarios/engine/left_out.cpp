#include <fmt/format.h>

#include <algorithm>

#include "scenarios/engine/compare.hpp"
#include "scenarios/engine/strands.hpp"

namespace irqbench::scenarios {

namespace {

/// Lines of what is left out, each with the steps it is about.
class Lines {
  public:
    void add(const std::string& what, const Step& step) { steps_[what].insert(step.number); }
    void add(const std::string& what) { steps_[what]; }

    [[nodiscard]] std::vector<std::string> text() const {
        std::vector<std::string> lines;
        for (const auto& [what, steps] : steps_) {
            if (steps.empty())
                lines.push_back(what);
            else
                lines.push_back(fmt::format("{}: step {}", what, fmt::join(steps, ", ")));
        }
        return lines;
    }

  private:
    std::map<std::string, std::set<std::uint32_t>> steps_;
};

void of_expectations(const Step& step, Lines& lines) {
    for (const Expectation& expectation : step.verb->expects()) {
        if (const auto* value = std::get_if<expect::Value>(&expectation)) {
            if (value->mask != ~std::uint64_t{0}) lines.add("bits outside the step's mask", step);
            if (tells_time(value->what)) lines.add("values that are others at another time", step);
        } else if (const auto* acks = std::get_if<expect::Acks>(&expectation)) {
            if (acks->any_order && acks->items.size() > 1)
                lines.add("the order of what the file claims in any order", step);
            if (std::any_of(acks->items.begin(), acks->items.end(), strands::leaves_open))
                lines.add("which of several takes it where the file leaves that open", step);
        }
    }
}

}  // namespace

std::vector<std::string> left_out(const Witness& first, const Witness& second, const Leeway& leeway) {
    const strands::Common common = strands::common_of(first, second, leeway);
    Lines lines;
    for (const Witness* run : {&first, &second}) {
        for (const Performed& each : run->performance.performed) {
            const Step& step = *each.step;
            if (is_parallel(step))
                lines.add("order and number of what comes of a race", step);
            else if (!common.steps.contains(strands::key_of(each)))
                lines.add("what only one of them did, by an `only` or because the other had ended", step);
            if (step.verb != nullptr) of_expectations(step, lines);
        }
        for (const vmm::Event& each : run->trace)
            if (std::holds_alternative<vmm::event::Storm>(each.what))
                lines.add("how often things happen in a storm, which its budget cuts",
                          *run->performance.performed.at(each.step).step);
    }
    for (const std::uint32_t vector : common.timers)
        lines.add(
            fmt::format("when and how often {} came, and how vCPUs rest meanwhile: timers may run on "
                        "real time",
                        vmm::vector_text(vector)));
    for (const auto& [vector, vcpus] : leeway.one_of)
        lines.add(fmt::format("which of the vCPUs {} took {}, that goes by lowest priority",
                              fmt::join(vcpus, ", "), vmm::vector_text(vector)));
    if (leeway.outcomes != nullptr)
        lines.add("which of the outcomes came that the file allows, how often and in which order");
    return lines.text();
}

}  // namespace irqbench::scenarios
