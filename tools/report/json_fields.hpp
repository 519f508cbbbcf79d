#pragma once

#include <fmt/format.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace irqbench::tools {

/// A struct whose members `fields(archive, value)` lists once, for both directions: JsonWriter takes it
/// const, JsonReader fills it. That function has the parameter `Is<Struct> auto& value`.
template <class T, class Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

/// Words by enumerator: the n-th is that of the enumerator n.
using Words = std::span<const std::string>;

/// Puts fields into a JSON object, in the order in which they are named.
class JsonWriter {
  public:
    using Json = nlohmann::ordered_json;

    explicit JsonWriter(Json& object) : object_(object) {}

    template <class T>
    void operator()(const char* key, const T& value) {
        object_[key] = json_of(value);
    }
    /// An absent value has no key.
    template <class T>
    void operator()(const char* key, const std::optional<T>& value) {
        if (value) object_[key] = json_of(*value);
    }
    /// An empty text has no key.
    void text(const char* key, const std::string& value) {
        if (!value.empty()) object_[key] = json_of(value);
    }
    /// An empty list has no key.
    template <class T>
    void list(const char* key, const std::vector<T>& value) {
        if (!value.empty()) object_[key] = json_of(value);
    }
    template <class Enum>
    void word(const char* key, const Enum& value, Words words) {
        object_[key] = words[static_cast<std::size_t>(value)];
    }
    /// Which alternative it is, by its word, and its fields beside that.
    template <class... Each>
    void one_of(const char* key, const std::variant<Each...>& value, Words words) {
        object_[key] = words[value.index()];
        std::visit([this](const auto& each) { fields(*this, each); }, value);
    }

  private:
    /// Bytes that are no UTF-8 are no JSON text: an object with them in hexadecimal takes its place.
    static Json json_of(const std::string& text);
    template <class T>
    static Json json_of(const T& value) {
        if constexpr (std::is_arithmetic_v<T>) {
            return value;
        } else {
            Json object = Json::object();
            JsonWriter writer(object);
            fields(writer, value);
            return object;
        }
    }
    template <class Period>
    static Json json_of(const std::chrono::duration<std::int64_t, Period>& value) {
        return value.count();
    }
    template <class T>
    static Json json_of(const std::vector<T>& list) {
        Json array = Json::array();
        for (const T& each : list) array.push_back(json_of(each));
        return array;
    }

    Json& object_;
};

/// Takes fields out of a JSON object that anybody may have written. Everything that is not as `fields` says
/// is a std::invalid_argument that begins with the JSON pointer of the value, as is a key nobody asked for.
class JsonReader {
  public:
    using Json = nlohmann::json;

    /// @throws std::invalid_argument when this is no object
    JsonReader(const Json& object, std::string pointer);

    template <class T>
    void operator()(const char* key, T& value) {
        read(required(key), value, pointer_of(key));
    }
    template <class T>
    void operator()(const char* key, std::optional<T>& value) {
        value.reset();
        if (const Json* json = find(key)) read(*json, value.emplace(), pointer_of(key));
    }
    void text(const char* key, std::string& value) {
        value.clear();
        if (const Json* json = find(key)) read(*json, value, pointer_of(key));
    }
    template <class T>
    void list(const char* key, std::vector<T>& value) {
        value.clear();
        if (const Json* json = find(key)) read(*json, value, pointer_of(key));
    }
    template <class Enum>
    void word(const char* key, Enum& value, Words words) {
        value = static_cast<Enum>(place(key, words));
    }
    template <class... Each>
    void one_of(const char* key, std::variant<Each...>& value, Words words) {
        const std::size_t wanted = place(key, words);
        std::size_t index = 0;
        ((index++ == wanted ? void(value = Each{}) : void()), ...);
        std::visit([this](auto& each) { fields(*this, each); }, value);
    }
    /// @throws std::invalid_argument when there is a key that nobody has asked for
    void finish() const;
    /// @throws std::invalid_argument about the value of that key
    [[noreturn]] void refuse(const char* key, std::string_view complaint) const;

  private:
    /// Where the value is among the words.
    std::size_t place(const char* key, Words words);
    const Json* find(const char* key);
    const Json& required(const char* key);
    [[nodiscard]] std::string pointer_of(const char* key) const { return pointer_ + '/' + key; }

    static void read(const Json& json, bool& value, const std::string& pointer);
    static void read(const Json& json, std::string& value, const std::string& pointer);
    static std::uint64_t unsigned_number(const Json& json, std::uint64_t most, const std::string& pointer);
    static std::int64_t signed_number(const Json& json, std::int64_t least, std::int64_t most,
                                      const std::string& pointer);
    static const Json& array(const Json& json, const std::string& pointer);

    template <std::integral T>
    static void read(const Json& json, T& value, const std::string& pointer) {
        using Limits = std::numeric_limits<T>;
        if constexpr (std::is_signed_v<T>)
            value = static_cast<T>(signed_number(json, Limits::min(), Limits::max(), pointer));
        else
            value = static_cast<T>(unsigned_number(json, Limits::max(), pointer));
    }
    /// A hundred days at most, so that their sum does not overflow.
    template <class Period>
    static void read(const Json& json, std::chrono::duration<std::int64_t, Period>& value,
                     const std::string& pointer) {
        using Duration = std::chrono::duration<std::int64_t, Period>;
        constexpr Duration most = std::chrono::hours(2400);
        value = Duration(signed_number(json, -most.count(), most.count(), pointer));
    }
    template <class T>
    static void read(const Json& json, std::vector<T>& list, const std::string& pointer) {
        list.clear();
        for (const Json& each : array(json, pointer)) {
            const std::string place = fmt::format("{}/{}", pointer, list.size());
            read(each, list.emplace_back(), place);
        }
    }
    template <class T>
    requires std::is_class_v<T>
    static void read(const Json& json, T& value, const std::string& pointer) {
        JsonReader reader(json, pointer);
        fields(reader, value);
        reader.finish();
    }

    const Json& object_;
    std::string pointer_;
    std::vector<std::string_view> asked_;
};

}  // namespace irqbench::tools
