#include "tools/report/json_fields.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

constexpr const char* bytes_key = "hex";

[[noreturn]] void complain(const std::string& pointer, std::string_view complaint) {
    throw std::invalid_argument(fmt::format("{}: {}", pointer.empty() ? "/" : pointer, complaint));
}

[[noreturn]] void expected(std::string_view what, const nlohmann::json& json, const std::string& pointer) {
    const bool is_number = json.is_number();
    complain(pointer, fmt::format("expected {}, got {}", what, is_number ? json.dump() : json.type_name()));
}

std::string in_hex(const std::string& bytes) {
    std::string text;
    for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return text;
}

std::optional<std::string> from_hex(const std::string& text) {
    std::string bytes;
    if (text.size() % 2 != 0) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        unsigned char byte = 0;
        const char* end = text.data() + i + 2;
        const auto [stop, error] = std::from_chars(text.data() + i, end, byte, 16);
        if (error != std::errc{} || stop != end) return std::nullopt;
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

}  // namespace

JsonWriter::Json JsonWriter::json_of(const std::string& text) {
    if (is_utf8(text)) return text;
    return {{bytes_key, in_hex(text)}};
}

JsonReader::JsonReader(const Json& object, std::string pointer)
    : object_(object), pointer_(std::move(pointer)) {
    if (!object.is_object()) expected("an object", object, pointer_);
}

const JsonReader::Json* JsonReader::find(const char* key) {
    asked_.emplace_back(key);
    const auto found = object_.find(key);
    return found != object_.end() ? &*found : nullptr;
}

const JsonReader::Json& JsonReader::required(const char* key) {
    const Json* found = find(key);
    if (found == nullptr) refuse(key, "is missing");
    return *found;
}

std::size_t JsonReader::place(const char* key, Words words) {
    std::string word;
    read(required(key), word, pointer_of(key));
    const auto found = std::find(words.begin(), words.end(), word);
    if (found == words.end())
        refuse(key, fmt::format("expected one of {}, got \"{}\"", fmt::join(words, ", "), printable(word)));
    return static_cast<std::size_t>(found - words.begin());
}

void JsonReader::finish() const {
    for (const auto& [key, value] : object_.items())
        if (std::find(asked_.begin(), asked_.end(), key) == asked_.end())
            complain(pointer_ + '/' + printable(key), "unknown key");
}

void JsonReader::refuse(const char* key, std::string_view complaint) const {
    complain(pointer_of(key), complaint);
}

void JsonReader::read(const Json& json, bool& value, const std::string& pointer) {
    if (!json.is_boolean()) expected("true or false", json, pointer);
    value = json.get<bool>();
}

void JsonReader::read(const Json& json, std::string& value, const std::string& pointer) {
    if (json.is_object() && json.size() == 1 && json.contains(bytes_key) && json[bytes_key].is_string()) {
        const auto bytes = from_hex(json[bytes_key].get_ref<const std::string&>());
        if (!bytes) complain(pointer, "the bytes are not in hexadecimal");
        value = *bytes;
        return;
    }
    if (!json.is_string()) expected("a string", json, pointer);
    value = json.get<std::string>();
}

std::uint64_t JsonReader::unsigned_number(const Json& json, std::uint64_t most, const std::string& pointer) {
    const bool fits = json.is_number_unsigned() && json.get<std::uint64_t>() <= most;
    if (!fits) expected(fmt::format("a whole number from 0 to {}", most), json, pointer);
    return json.get<std::uint64_t>();
}

std::int64_t JsonReader::signed_number(const Json& json, std::int64_t least, std::int64_t most,
                                       const std::string& pointer) {
    const bool is_too_large =
        json.is_number_unsigned() &&
        json.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    const auto value = json.is_number_integer() && !is_too_large ? json.get<std::int64_t>() : least;
    const bool fits = json.is_number_integer() && !is_too_large && value >= least && value <= most;
    if (!fits) expected(fmt::format("a whole number from {} to {}", least, most), json, pointer);
    return value;
}

const JsonReader::Json& JsonReader::array(const Json& json, const std::string& pointer) {
    if (!json.is_array()) expected("an array", json, pointer);
    return json;
}

}  // namespace irqbench::tools
