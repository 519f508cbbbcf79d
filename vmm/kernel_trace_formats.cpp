#include "vmm/kernel_trace_formats.hpp"

#include <event-parse.h>

#include <cstring>
#include <memory>

namespace irqbench::vmm {

namespace {

struct FreeParser {
    void operator()(tep_handle* parser) const { ::tep_free(parser); }
};

/// Both architectures are little-endian.
std::optional<std::uint64_t> number_at(std::span<const std::byte> record, std::size_t offset,
                                       std::size_t size) {
    std::uint64_t number = 0;
    if (size > sizeof number || offset > record.size() || size > record.size() - offset) return std::nullopt;
    std::memcpy(&number, record.data() + offset, size);
    return number;
}

bool is_number(const tep_format_field& field) {
    constexpr unsigned long other = TEP_FIELD_IS_ARRAY | TEP_FIELD_IS_STRING | TEP_FIELD_IS_DYNAMIC;
    const bool has_size = field.size == 1 || field.size == 2 || field.size == 4 || field.size == 8;
    return (field.flags & other) == 0 && has_size && field.offset >= 0;
}

/// What `print fmt` has is C, of no interest here, and the library leaks some of what it makes of it
/// (`!REC->has_error ? ...`). It wants one, though.
std::string without_print_format(std::string_view text) {
    constexpr std::string_view print = "print fmt:";
    const std::size_t at = text.find(print);
    if (at == std::string_view::npos) return std::string(text);
    return std::string(text.substr(0, at + print.size())) + " \"\"\n";
}

}  // namespace

bool KernelTraceFormats::add(std::string_view description) {
    const std::string text = without_print_format(description);
    const std::unique_ptr<tep_handle, FreeParser> parser(::tep_alloc());
    if (!parser) return false;
    // It would complain on stderr of what it cannot read.
    ::tep_set_loglevel(TEP_LOG_NONE);
    tep_event* event = nullptr;
    ::tep_parse_format(parser.get(), &event, text.data(), text.size(), "kvm");
    if (event == nullptr) return false;
    Format format{event->name, {}};
    const auto place_of = [](const tep_format_field& field) {
        return Field{field.name, static_cast<std::size_t>(field.offset),
                     static_cast<std::size_t>(field.size)};
    };
    for (const tep_format_field* field = event->format.common_fields; field != nullptr; field = field->next) {
        if (!is_number(*field)) continue;
        if (std::strcmp(field->name, "common_type") == 0) type_ = place_of(*field);
        if (std::strcmp(field->name, "common_pid") == 0) thread_ = place_of(*field);
    }
    for (const tep_format_field* field = event->format.fields; field != nullptr; field = field->next)
        if (is_number(*field)) format.fields.push_back(place_of(*field));
    formats_[static_cast<std::uint64_t>(event->id)] = std::move(format);
    return true;
}

std::optional<KernelTraceFormats::Record> KernelTraceFormats::decode(
    std::span<const std::byte> record) const {
    const auto type = number_at(record, type_.offset, type_.size);
    const auto thread = number_at(record, thread_.offset, thread_.size);
    if (!type || !thread) return std::nullopt;
    const auto format = formats_.find(*type);
    if (format == formats_.end()) return std::nullopt;
    Record result;
    result.thread = static_cast<std::uint32_t>(*thread);
    result.event.name = format->second.name;
    for (const Field& field : format->second.fields) {
        const auto value = number_at(record, field.offset, field.size);
        if (!value) return std::nullopt;
        result.event.fields.push_back({field.name, *value});
    }
    return result;
}

KernelEvents KernelTraceFormats::events() const {
    KernelEvents events;
    for (const auto& [type, format] : formats_) {
        auto& fields = events.fields[format.name];
        for (const Field& field : format.fields) fields.push_back(field.name);
    }
    return events;
}

}  // namespace irqbench::vmm
