#include "scenarios/verbs/common/arguments.hpp"

#include <fmt/format.h>

namespace irqbench::scenarios::verbs {

std::string refusal_in_words(std::optional<Errno> error) {
    return error ? fmt::format("; the call must be refused with {}", word_of(*error)) : "";
}

std::string status_in_words(std::optional<LineStatus> status) {
    return status ? fmt::format("; the status must be \"{}\"", word_of(*status)) : "";
}

std::string vcpus_in_words(const std::vector<std::uint32_t>& vcpus) {
    if (vcpus.empty()) return "any vCPU";
    std::string text = "vCPU ";
    for (std::size_t i = 0; i < vcpus.size(); ++i)
        text += fmt::format("{}{}", i == 0 ? "" : " or ", vcpus[i]);
    return text;
}

std::string gsi_in_words(std::uint32_t gsi) { return fmt::format("GSI {}", gsi); }

}  // namespace irqbench::scenarios::verbs
