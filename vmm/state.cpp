#include "vmm/state.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace irqbench::vmm {

namespace {

const StateAccess& find_access(std::span<const StateAccess> accesses, const std::string& name) {
    const auto found = std::find_if(accesses.begin(), accesses.end(),
                                    [&](const StateAccess& access) { return access.name == name; });
    if (found != accesses.end()) return *found;
    std::vector<std::string_view> names;
    for (const StateAccess& access : accesses) names.push_back(access.name);
    throw std::invalid_argument(
        fmt::format("this machine's state has no part '{}', but {}", name, fmt::join(names, ", ")));
}

bool lists(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

StateParts save_parts(std::span<const StateAccess> accesses) {
    StateParts parts;
    for (auto access = accesses.rbegin(); access != accesses.rend(); ++access)
        parts.emplace(access->name, access->save());
    return parts;
}

void restore_parts(std::span<const StateAccess> accesses, const StateParts& parts,
                   const RestoreOptions& options) {
    std::vector<const StateAccess*> order;
    for (const std::string& name : options.first) order.push_back(&find_access(accesses, name));
    for (const std::string& name : options.without) static_cast<void>(find_access(accesses, name));
    for (const StateAccess& access : accesses)
        if (!lists(options.first, access.name)) order.push_back(&access);
    for (const StateAccess* access : order) {
        if (lists(options.without, access->name)) continue;
        const auto part = parts.find(access->name);
        if (part == parts.end())
            throw std::invalid_argument(fmt::format("the saved state has no part '{}'", access->name));
        access->restore(part->second);
    }
}

}  // namespace irqbench::vmm
