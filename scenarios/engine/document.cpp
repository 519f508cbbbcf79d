#include "scenarios/engine/document.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "vmm/kvm/fd.hpp"

namespace irqbench::scenarios {

namespace {

using nlohmann::json;

/// RFC 6901, section 3.
std::string escape_pointer(std::string_view key) {
    std::string text;
    for (const char c : key) {
        if (c == '~')
            text += "~0";
        else if (c == '/')
            text += "~1";
        else
            text += c;
    }
    return text;
}

/// Where the lexer is. nlohmann 3.11 gives SAX handlers no position, so its input iterator counts.
struct Position {
    std::uint32_t line = 1;
    char last = '\0';          ///< the character read last
    char last_but_one = '\0';  ///< of those that are not white space, for the message about trailing commas
    char significant = '\0';

    void read(char c) {
        if (c == '\n') ++line;
        last = c;
        if (std::strchr(" \t\r\n", c) == nullptr || c == '\0') {
            last_but_one = significant;
            significant = c;
        }
    }
    /// The line of the token just read. The lexer has read one character past a number; no other token can be
    /// followed by a line break it has already seen.
    [[nodiscard]] std::uint32_t token_line() const { return last == '\n' ? line - 1 : line; }
};

class CountingIterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingIterator(const char* at, Position* position) : at_(at), position_(position) {}

    reference operator*() const { return *at_; }
    CountingIterator& operator++() {
        position_->read(*at_++);
        return *this;
    }
    CountingIterator operator++(int) {
        CountingIterator old = *this;
        ++*this;
        return old;
    }
    bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
    bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

  private:
    const char* at_;
    Position* position_;
};

/// Words in nlohmann's messages about single tokens, and what to say instead.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> lexical_mistakes{{
    {"missing closing '*/'", "a comment has no end: '*/' is missing"},
    {"invalid comment", "a comment is // to the end of the line, or /* ... */"},
    {"control character", "a string has a line break or control character in it: write it as \\n or \\u00.."},
    {"ill-formed UTF-8", "a string is not UTF-8: save the file in that encoding"},
    {"missing closing quote", "a string has no end: '\"' is missing"},
    {"must be followed by 4 hex digits", "\\u needs four hex digits after it"},
    {"surrogate", "half a surrogate pair is no character: write \\ud83d\\ude00, or the character itself"},
    {"invalid string", "a string has an unknown escape: write a backslash as \\\\"},
    {"number overflow", "the number is too large"},
    {"invalid number", "a number cannot be read: no leading zeros, digits after '.', '-' and 'e'"},
    {"expected end of input", "the scenario has ended, but the file goes on: remove the rest"},
}};

class Builder : public nlohmann::json_sax<json> {
  public:
    Builder(std::string file, const Position& position) : file_(std::move(file)), position_(position) {}

    Node take() { return std::move(root_); }

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(number_integer_t value) override { return add(std::int64_t{value}); }
    bool number_unsigned(number_unsigned_t value) override { return add(std::uint64_t{value}); }
    bool number_float(number_float_t value, const string_t&) override { return add(value); }
    bool string(string_t& value) override { return add(std::move(value)); }
    bool binary(binary_t&) override { return false; }

    bool start_object(std::size_t) override { return open(Node::Object{}); }
    bool start_array(std::size_t) override { return open(Node::Array{}); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool key(string_t& name) override {
        auto& members = std::get<Node::Object>(open_.back()->value);
        const bool duplicate = std::any_of(members.begin(), members.end(),
                                           [&](const Node::Member& member) { return member.key == name; });
        if (duplicate) fail(fmt::format("duplicate key '{}': keep one of the two", name), name);
        if (members.size() == max_keys) fail(fmt::format("more than {} keys in one object", max_keys), name);
        members.push_back({std::move(name), Node{}});
        return true;
    }

    bool parse_error(std::size_t, const std::string& token,
                     const nlohmann::detail::exception& error) override {
        fail(reason_of(token, error.what()));
    }

  private:
    /// nlohmann says what its grammar expected; this says what the writer did.
    [[nodiscard]] std::string reason_of(const std::string& token, std::string_view error) const {
        const auto says = [&](std::string_view words) { return error.find(words) != std::string_view::npos; };
        const char last = token.empty() ? '\0' : token.back();
        const char closing = open_.empty() || open_.back()->object() != nullptr ? '}' : ']';
        if (says("unexpected end of input"))
            return open_.empty() ? "holds no value, where an object should be"
                                 : fmt::format("the file ends here, and a '{}' is missing", closing);
        if ((last == '}' || last == ']') && position_.last_but_one == ',')
            return fmt::format("the comma before '{}' has nothing after it: remove it", last);
        for (const auto& [words, reason] : lexical_mistakes)
            if (says(words)) return std::string(reason);
        if (says("invalid literal")) return what_begins_with(last);
        if (says("expected ':'")) return "a ':' is missing after the key";
        if (says("unexpected ','")) return "a value is missing before the ','";
        if (says("object key")) return "a key is a string in double quotes";
        if (says("unexpected ") && !open_.empty())
            return fmt::format("a ',' or '{}' is missing here", closing);
        return std::string(error);
    }

    /// What is meant by something that begins like no JSON value, going by the character that made it wrong.
    [[nodiscard]] static std::string what_begins_with(char letter) {
        if (letter == 'x' || letter == 'X') return "hex needs quotes: write \"0x51\"";
        if (letter == '\'') return "a string needs double quotes";
        if (letter == '#') return "a comment is // to the end of the line, or /* ... */";
        if (letter == '+' || letter == '.') return "a number begins with a digit or '-'";
        if (static_cast<unsigned char>(letter) >= 0x80)
            return "a character that is not ASCII stands outside of a string: is it a typographic quote or "
                   "space?";
        return "a word needs quotes, unless it is true, false or null";
    }

    [[noreturn]] void fail(std::string reason, std::optional<std::string> key = std::nullopt) const {
        std::string pointer;
        for (std::size_t i = 0; i < open_.size(); ++i) {
            const bool innermost = i + 1 == open_.size();
            if (const auto* members = open_[i]->object()) {
                if (innermost && key)
                    pointer += "/" + escape_pointer(*key);
                else if (!members->empty())
                    pointer += "/" + escape_pointer(members->back().key);
            } else {
                // The innermost one fails at its next element.
                pointer +=
                    fmt::format("/{}", std::get<Node::Array>(open_[i]->value).size() - (innermost ? 0 : 1));
            }
        }
        throw ScenarioError(ScenarioError::Kind::malformed, file_, position_.token_line(), std::move(pointer),
                            std::move(reason));
    }

    template <class T>
    bool add(T&& value) {
        place().value = std::forward<T>(value);
        return true;
    }

    template <class Container>
    bool open(Container empty) {
        if (open_.size() == max_nesting) fail(fmt::format("nested deeper than {} levels", max_nesting));
        Node& node = place();
        node.value = std::move(empty);
        open_.push_back(&node);
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    /// Where the next value belongs. The containers in `open_` do not grow while a value inside them is open,
    /// so that the pointers stay.
    Node& place() {
        if (++values_ > max_values) fail(fmt::format("more than {} values in one file", max_values));
        Node* node = &root_;
        if (!open_.empty()) {
            if (auto* array = std::get_if<Node::Array>(&open_.back()->value))
                node = &array->emplace_back();
            else
                node = &std::get<Node::Object>(open_.back()->value).back().value;
        }
        node->line = position_.token_line();
        return *node;
    }

    std::string file_;
    const Position& position_;
    Node root_;
    std::vector<Node*> open_;
    std::size_t values_ = 0;
};

void append_bounded(std::string& text, const Node& node, std::size_t width);

template <class Each, class Items>
void append_items(std::string& text, const Items& items, std::string_view opening, std::string_view closing,
                  std::size_t width, Each each) {
    text += opening;
    bool first = true;
    for (const auto& item : items) {
        if (!first) text += ", ";
        first = false;
        if (text.size() > width) {
            text += "...";
            break;
        }
        each(item);
    }
    text += closing;
}

void append_bounded(std::string& text, const Node& node, std::size_t width) {
    struct Visitor {
        std::string& text;
        std::size_t width;
        void operator()(std::nullptr_t) const { text += "null"; }
        void operator()(bool value) const { text += value ? "true" : "false"; }
        void operator()(std::uint64_t value) const { text += fmt::to_string(value); }
        void operator()(std::int64_t value) const { text += fmt::to_string(value); }
        void operator()(double value) const { text += fmt::to_string(value); }
        void operator()(const std::string& value) const {
            text += json(value).dump(-1, ' ', false, json::error_handler_t::replace);
        }
        void operator()(const Node::Array& array) const {
            append_items(text, array, "[", "]", width,
                         [&](const Node& item) { append_bounded(text, item, width); });
        }
        void operator()(const Node::Object& members) const {
            if (members.empty()) {
                text += "{}";
                return;
            }
            append_items(text, members, "{ ", " }", width, [&](const Node::Member& member) {
                (*this)(member.key);
                text += ": ";
                const bool holds_steps = member.key == "steps" || member.key == "loop";
                if (holds_steps && member.value.array() != nullptr)
                    text += "[ ... ]";
                else
                    append_bounded(text, member.value, width);
            });
        }
    };
    std::visit(Visitor{text, width}, node.value);
}

char lower_case(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// Insertions, deletions, substitutions and swapped neighbours count 1; case counts nothing.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    const auto same = [&](std::size_t i, std::size_t j) { return lower_case(a[i]) == lower_case(b[j]); };
    std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i)
        for (std::size_t j = 0; j <= b.size(); ++j) {
            std::size_t& here = table[i][j];
            here = i == 0 ? j : i;
            if (i == 0 || j == 0) continue;
            here = std::min({table[i - 1][j - 1] + (same(i - 1, j - 1) ? 0 : 1), table[i - 1][j] + 1,
                             table[i][j - 1] + 1});
            if (i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1))
                here = std::min(here, table[i - 2][j - 2] + 1);
        }
    return table.back().back();
}

}  // namespace

ScenarioError::ScenarioError(Kind kind, std::string file, std::uint32_t line, std::string pointer,
                             std::string reason)
    : std::runtime_error(fmt::format("{}:{}: {}: {}", file, line, pointer.empty() ? "/" : pointer, reason)),
      kind_(kind),
      file_(std::move(file)),
      line_(line),
      pointer_(std::move(pointer)),
      reason_(std::move(reason)) {}

const Node* Node::find(std::string_view key) const {
    const Object* members = object();
    if (members == nullptr) return nullptr;
    const auto found = std::find_if(members->begin(), members->end(),
                                    [&](const Member& member) { return member.key == key; });
    return found == members->end() ? nullptr : &found->value;
}

Document parse_document(std::string file, std::string_view text) {
    const auto refuse = [&](std::string reason, std::size_t at = 0) {
        const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
        throw ScenarioError(ScenarioError::Kind::malformed, file, static_cast<std::uint32_t>(line), "",
                            std::move(reason));
    };
    if (text.size() > max_file_bytes) refuse(fmt::format("larger than {} MiB", max_file_bytes >> 20));
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        refuse("is UTF-16: save the file as UTF-8");
    // To nlohmann it would be the end of the file.
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        refuse("has a NUL byte in it: JSON is text", nul);
    Position position;
    Builder builder(file, position);
    constexpr bool strict = true;
    constexpr bool ignore_comments = true;
    json::sax_parse(CountingIterator(text.data(), &position),
                    CountingIterator(text.data() + text.size(), &position), &builder,
                    json::input_format_t::json, strict, ignore_comments);
    return {std::move(file), builder.take()};
}

Document read_document(const std::filesystem::path& path) {
    const auto refuse = [&](std::string_view reason) {
        throw ScenarioError(ScenarioError::Kind::malformed, path.string(), 1, "",
                            fmt::format("cannot be read: {}", reason));
    };
    // Without O_NONBLOCK a named pipe would be waited for until somebody writes to it.
    const vmm::kvm::Fd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!file) refuse(std::strerror(errno));
    std::string text;
    std::vector<char> chunk(std::size_t{1} << 16);
    while (text.size() <= max_file_bytes) {
        const ssize_t count = read(file.get(), chunk.data(), chunk.size());
        if (count == 0) break;
        if (count > 0) {
            text.append(chunk.data(), static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            pollfd wanted{file.get(), POLLIN, 0};
            poll(&wanted, 1, -1);
        } else if (errno != EINTR) {
            refuse(std::strerror(errno));
        }
    }
    struct stat status {};
    if (text.empty() && fstat(file.get(), &status) == 0 && S_ISFIFO(status.st_mode))
        refuse("it is a pipe, and nobody writes to it");
    return parse_document(path.string(), text);
}

std::string on_one_line(const Node& node, std::size_t width) {
    std::string text;
    append_bounded(text, node, width);
    return text;
}

std::string in_words(const Node& node) {
    if (node.array() != nullptr) return "an array";
    if (node.object() != nullptr) return "an object";
    if (const auto* text = node.text(); text != nullptr && text->size() > 60)
        return fmt::format("a string of {} characters", text->size());
    return on_one_line(node);
}

std::string Cursor::pointer() const {
    if (parent_ == nullptr) return use_ == nullptr ? "" : use_->pointer;
    // A key is never empty unless the file has an empty one, which no table knows.
    const bool is_element = parent_->node().array() != nullptr;
    return parent_->pointer() + (is_element ? fmt::format("/{}", index_) : "/" + escape_pointer(key_));
}

Cursor::Cursor(const GroupUse& use, const Node& steps)
    : reading_(&use.step.reading()), node_(&steps), use_(&use) {}

namespace {

/// Of groups inside groups, and files with long names, the end: it is what is nearest.
std::string end_of(const std::string& text) {
    constexpr std::size_t most = 1000;
    constexpr std::string_view cut = "...";
    if (text.size() <= most) return text;
    std::size_t begin = text.size() - (most - cut.size());
    while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) ++begin;
    return std::string(cut) + text.substr(begin);
}

}  // namespace

Whereabouts Cursor::whereabouts() const {
    if (use_ == nullptr) return {line(), pointer(), ""};
    Whereabouts outside = use_->step.whereabouts();
    outside.within += fmt::format("group '{}', {}:{}: {}: ", use_->group, use_->file, line(), pointer());
    outside.within = end_of(outside.within);
    return outside;
}

void Cursor::fail(std::string reason, ScenarioError::Kind kind) const {
    const Whereabouts here = whereabouts();
    throw ScenarioError(kind, reading_->document.file, here.line, here.pointer, here.within + reason);
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string_view candidate : candidates) {
        // No candidate is near a word so much longer, and a word may be as long as a file.
        if (word.size() > candidate.size() + candidate.size() / 2 + 2) continue;
        if (const std::size_t distance = edit_distance(word, candidate); distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    if (!best.empty()) return fmt::format(", did you mean '{}'?", best);
    constexpr std::size_t short_list = 16;
    if (candidates.empty() || candidates.size() > short_list) return "";
    return fmt::format(": use {}", fmt::join(candidates, ", "));
}

}  // namespace irqbench::scenarios
