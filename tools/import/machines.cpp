#include "tools/import/machines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>

namespace irqbench::importing {

namespace {

struct Group {
    std::uint32_t process = 0;
    std::set<std::uint32_t> vcpus;
    std::vector<std::uint32_t> threads;
    std::uint64_t entries = 0;
};

/// A machine makes its vCPUs' threads one after the other, so that their numbers follow each other.
std::vector<Group> groups_of(const KvmTrace& trace) {
    std::vector<Group> groups;
    std::map<std::uint32_t, std::size_t> by_process;
    for (const auto& [number, thread] : trace.threads) {
        if (thread.vcpus.empty()) continue;
        const auto is_another = [&thread = thread](const Group& group) {
            return std::any_of(thread.vcpus.begin(), thread.vcpus.end(),
                               [&](std::uint32_t id) { return group.vcpus.count(id) != 0; });
        };
        auto group = groups.end();
        if (thread.process != 0) {
            const auto [found, is_new] = by_process.try_emplace(thread.process, groups.size());
            if (!is_new) group = std::next(groups.begin(), static_cast<std::ptrdiff_t>(found->second));
        } else if (!groups.empty() && groups.back().process == 0 && !is_another(groups.back())) {
            group = std::prev(groups.end());
        }
        if (group == groups.end()) group = groups.insert(groups.end(), Group{thread.process, {}, {}, 0});
        group->vcpus.insert(thread.vcpus.begin(), thread.vcpus.end());
        group->threads.push_back(number);
        group->entries += thread.entries;
    }
    return groups;
}

bool is_wanted(const Group& group, const Wanted& wanted, const KvmTrace& trace) {
    const auto is = [&](std::uint32_t thread) {
        const bool command = trace.threads.at(thread).command.starts_with(wanted.command);
        return command &&
               (wanted.process == 0 || group.process == wanted.process || thread == wanted.process);
    };
    return std::any_of(group.threads.begin(), group.threads.end(), is);
}

}  // namespace

Machine choose_machine(const KvmTrace& trace, const Wanted& wanted) {
    const auto groups = groups_of(trace);
    if (groups.empty())
        throw TraceError(fmt::format("{}: no vCPU was entered (kvm_entry is missing)", trace.file));
    const Group* chosen = nullptr;
    for (const Group& group : groups)
        if (is_wanted(group, wanted, trace) && (chosen == nullptr || group.entries > chosen->entries))
            chosen = &group;
    if (chosen == nullptr)
        throw TraceError(fmt::format("{}: no thread of that --pid and --comm entered a vCPU", trace.file));
    constexpr std::size_t most_vcpus = 255;
    if (chosen->vcpus.size() > most_vcpus)
        throw TraceError(fmt::format("{}: more than {} vCPUs in one machine", trace.file, most_vcpus));

    Machine machine;
    machine.vcpus.assign(chosen->vcpus.begin(), chosen->vcpus.end());
    machine.threads.insert(chosen->threads.begin(), chosen->threads.end());
    machine.entries = chosen->entries;
    std::set<std::uint32_t> processes;
    for (const Group& group : groups) {
        processes.insert(group.process);
        if (&group != chosen) machine.others_threads.insert(group.threads.begin(), group.threads.end());
    }
    for (const auto& [number, thread] : trace.threads)
        if (thread.process != 0 && chosen->process != 0 && thread.process != chosen->process &&
            processes.count(thread.process) != 0)
            machine.others_threads.insert(number);
    machine.words = fmt::format(
        "{} ({} {}), {} vCPU{}, of {} machine{} in the trace",
        trace.threads.at(chosen->threads.front()).command, chosen->process != 0 ? "process" : "thread",
        chosen->process != 0 ? chosen->process : chosen->threads.front(), machine.vcpus.size(),
        machine.vcpus.size() == 1 ? "" : "s", groups.size(), groups.size() == 1 ? "" : "s");
    return machine;
}

}  // namespace irqbench::importing
