#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/engine/fields.hpp"
#include "scenarios/engine/scenario.hpp"

/// Steps under a name, with parameters, for use in several places and several files. A group is no block:
/// where it is done, its steps stand as if the file had them there, and are numbered so.
namespace irqbench::scenarios {

/// How the files are called that hold groups and nothing else.
inline constexpr std::string_view groups_suffix = ".groups.json";
inline constexpr std::size_t max_groups_deep = 8;  ///< groups inside groups

struct StepGroup {
    enum class Type { number, text, boolean };

    std::string name;
    std::map<std::string, Type, std::less<>> parameters;
    const Node* steps = nullptr;
    std::string file;
    std::string pointer;  ///< of the steps
};

/// The groups that a file may do: its own, and those of the files that it uses.
struct GroupLibrary {
    std::map<std::string, StepGroup, std::less<>> groups;
    std::vector<std::unique_ptr<Document>> used;  ///< what `StepGroup::steps` are of
    std::vector<const StepGroup*> open;           ///< those being read, one inside the other
    std::set<std::string, std::less<>> done;      ///< names
};

/// Reads the head's `groups` and `use`.
/// @throws ScenarioError (malformed)
void read_groups(const Cursor& root, GroupLibrary& library);
/// A group of the file's own that no step does is a mistake.
/// @throws ScenarioError (malformed)
void refuse_unused_groups(const Cursor& root, const GroupLibrary& library);

/// Whether a step is `{ "do": ... }`.
[[nodiscard]] bool does_group(const Node& step);
/// The group's steps with the arguments in place of its parameters.
/// @param read_steps for an array of steps
/// @throws ScenarioError (malformed) also for an unknown group, arguments that it does not take, and
/// recursion
void read_group(const Cursor& step, const std::function<void(const Cursor& steps)>& read_steps);
/// `{ "do": ..., "with": ... }` as a schema.
[[nodiscard]] Json do_schema();

/// Of the head: read_groups() has read them.
struct GroupDefinitions {};

template <>
struct Form<GroupDefinitions> {
    static GroupDefinitions read(const Cursor&, Limits) { return {}; }
    static Json schema(Limits limits);
};

}  // namespace irqbench::scenarios
