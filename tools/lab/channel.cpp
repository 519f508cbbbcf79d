#include "tools/lab/channel.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace irqbench::tools::lab {

namespace {

using Json = nlohmann::json;

/// Process 1 writes each byte as the code point of its number: the way back.
std::string bytes_of(const std::string& utf8) {
    std::string bytes;
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto lead = static_cast<unsigned char>(utf8[i]);
        const bool two = (lead & 0xfcU) == 0xc0 && i + 1 < utf8.size();
        if (!two) {
            bytes += utf8[i];
            continue;
        }
        const auto trail = static_cast<unsigned char>(utf8[++i]);
        bytes += static_cast<char>((lead & 0x03U) << 6 | (trail & 0x3fU));
    }
    return bytes;
}

std::optional<std::string> text_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) return std::nullopt;
    return bytes_of(found->get_ref<const std::string&>());
}

std::optional<int> small_number_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_integer()) return std::nullopt;
    const auto number = found->get<std::int64_t>();
    if (number < 0 || number > 255) return std::nullopt;
    return static_cast<int>(number);
}

std::optional<said::Stream> stream_of(const Json& object) {
    constexpr std::array<std::pair<std::string_view, said::Stream>, 4> names{{{"out", said::Stream::out},
                                                                              {"err", said::Stream::err},
                                                                              {"trace", said::Stream::trace},
                                                                              {"log", said::Stream::log}}};
    const auto name = text_of(object, "stream");
    for (const auto& [word, stream] : names)
        if (name == word) return stream;
    return std::nullopt;
}

std::optional<Said> said_of(const Json& object) {
    const auto event = text_of(object, "event");
    if (event == "up") {
        auto release = text_of(object, "release");
        auto version = text_of(object, "version");
        if (release && version) return said::Up{std::move(*release), std::move(*version)};
    } else if (event == "stuck") {
        if (const auto cpu = small_number_of(object, "cpu")) return said::Stuck{*cpu};
    } else if (event == "module") {
        auto file = text_of(object, "file");
        auto error = text_of(object, "error");
        if (file && error) return said::ModuleError{std::move(*file), std::move(*error)};
    } else if (event == "kvm") {
        if (auto error = text_of(object, "error")) return said::Kvm{std::move(*error)};
    } else if (event == "output") {
        const auto stream = stream_of(object);
        auto text = text_of(object, "text");
        if (stream && text) return said::Output{*stream, std::move(*text)};
    } else if (event == "exit") {
        if (const auto signal = small_number_of(object, "signal")) return said::Exit{0, *signal};
        if (const auto status = small_number_of(object, "status")) return said::Exit{*status, 0};
    } else if (event == "off") {
        return said::Off{};
    }
    return std::nullopt;
}

}  // namespace

std::optional<Said> parse_said(std::string_view line) {
    const Json object = Json::parse(line, nullptr, false);
    if (!object.is_object()) return std::nullopt;
    return said_of(object);
}

void Lines::add(std::string_view bytes, const std::function<void(std::string_view)>& use) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        if (rest_.size() + piece.size() <= most) rest_ += piece;
        if (end == std::string_view::npos) return;
        const std::string line = std::exchange(rest_, {});
        use(line);
        bytes.remove_prefix(end + 1);
    }
}

}  // namespace irqbench::tools::lab
