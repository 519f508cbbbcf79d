#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "scenarios/engine/scenario.hpp"

namespace irqbench::scenarios {

/// What one file may be, so that reading it never harms the host.
inline constexpr std::uint64_t max_file_bytes = std::uint64_t{64} << 20;
inline constexpr std::size_t max_nesting = 32;
inline constexpr std::size_t max_values = 5'000'000;
inline constexpr std::size_t max_keys = 256;  ///< of one object

/// One JSON value and the line it begins on.
struct Node {
    struct Member;
    using Array = std::vector<Node>;
    using Object = std::vector<Member>;  ///< in the order of the file

    std::variant<std::nullptr_t, bool, std::uint64_t, std::int64_t, double, std::string, Array, Object> value;
    std::uint32_t line = 0;

    template <class T>
    [[nodiscard]] const T* as() const {
        return std::get_if<T>(&value);
    }
    [[nodiscard]] const Array* array() const { return as<Array>(); }
    [[nodiscard]] const Object* object() const { return as<Object>(); }
    [[nodiscard]] const std::string* text() const { return as<std::string>(); }
    /// The member of that key; null when there is none or this is no object.
    [[nodiscard]] const Node* find(std::string_view key) const;
};

struct Node::Member {
    std::string key;
    Node value;
};

/// A file as read: JSON with comments, without duplicate keys, within the bounds above.
struct Document {
    std::string file;  ///< as messages name it
    Node root;
};

/// @throws ScenarioError (malformed)
Document parse_document(std::string file, std::string_view text);
/// Reads a file, also a pipe that somebody writes to. @throws ScenarioError (malformed) also when it cannot
/// be read
Document read_document(const std::filesystem::path& path);

/// The value on one line, as a person would write it: `{ "ack": { "vcpu": 0, "vector": "0x51" } }`. Steps
/// inside steps and what exceeds `width` characters become `...`.
std::string on_one_line(const Node& node, std::size_t width = 160);

/// What a value is, in words: `the string "on"`, `true`, `an object`.
std::string in_words(const Node& node);

struct Architecture;
struct GroupLibrary;

/// What the places of one file share while it is read.
struct Reading {
    const Document& document;
    const Architecture* architecture = nullptr;           ///< null until the head's `arch` is known
    std::uint32_t steps = 0;                              ///< steps read so far, for their numbers
    std::size_t block_depth = 0;                          ///< blocks around the step being read
    std::set<std::string, std::less<>> ioeventfds{};      ///< names of those assigned so far
    GroupLibrary* groups = nullptr;                       ///< those that its steps may do
    std::set<std::string, std::less<>> state_files{};     ///< names of those that steps have saved so far
    std::vector<std::filesystem::path>* reads = nullptr;  ///< gets the files that are read beside it
};

struct GroupUse;

/// How messages name a place.
struct Whereabouts {
    std::uint32_t line = 0;  ///< in the scenario's own file, as is the pointer
    std::string pointer;     ///< RFC 6901; empty for the whole file
    /// Of a place in a group: `group 'x', FILE:LINE: POINTER: ` for each group that it is in. Else empty.
    std::string within;
};

/// A place in a file: a value and the way to it.
class Cursor {
  public:
    explicit Cursor(Reading& reading) : reading_(&reading), node_(&reading.document.root) {}

    /// The steps of a group where it is done. Neither `use` nor `steps` may go before it.
    Cursor(const GroupUse& use, const Node& steps);

    [[nodiscard]] const Node& node() const { return *node_; }
    [[nodiscard]] Reading& reading() const { return *reading_; }
    [[nodiscard]] std::uint32_t line() const { return node_->line; }
    /// RFC 6901, in the file in which it stands; empty for the whole file.
    [[nodiscard]] std::string pointer() const;
    [[nodiscard]] Whereabouts whereabouts() const;

    /// The place of a member or an element. Neither this cursor nor `key` may go before it.
    [[nodiscard]] Cursor at(std::string_view key, const Node& value) const { return {*this, key, 0, value}; }
    [[nodiscard]] Cursor at(std::size_t index, const Node& value) const { return {*this, {}, index, value}; }

    /// @throws ScenarioError at this place
    [[noreturn]] void fail(std::string reason,
                           ScenarioError::Kind kind = ScenarioError::Kind::malformed) const;

  private:
    Cursor(const Cursor& parent, std::string_view key, std::size_t index, const Node& value)
        : reading_(parent.reading_),
          node_(&value),
          parent_(&parent),
          key_(key),
          index_(index),
          use_(parent.use_) {}

    Reading* reading_;
    const Node* node_;
    const Cursor* parent_ = nullptr;
    std::string_view key_;
    std::size_t index_ = 0;
    const GroupUse* use_ = nullptr;  ///< of the group that it is in
};

/// A step that does a group, and where the group's steps stand.
struct GroupUse {
    const Cursor& step;
    std::string group;
    std::string file;
    std::string pointer;
};

/// `, did you mean 'vector'?` when one of the candidates is close to `word`, else a list of them when it is
/// short, else nothing.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace irqbench::scenarios
