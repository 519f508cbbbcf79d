#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/trace.hpp"

namespace irqbench::vmm {

/// What a kernel writes down about its KVM, where it may be read.
struct KernelEvents {
    std::string unavailable;  ///< why there are none, empty if there are
    std::map<std::string, std::vector<std::string>, std::less<>> fields;  ///< of each event, by its name
};

/// How the running kernel lays out its events in memory: the files `format` below tracefs' events/kvm (kernel
/// documentation, trace/events.rst, section 4).
class KernelTraceFormats {
  public:
    /// Adds the event that the text of such a file describes.
    /// @returns false if it is none
    bool add(std::string_view description);

    struct Record {
        std::uint32_t thread = 0;  ///< that executed, as the kernel's first PID namespace numbers it
        event::Kernel event;
    };
    /// The event in a record of the ring buffer; its numbers, and nothing of what is text or an array. None
    /// if its type is not known, or if it is too short.
    [[nodiscard]] std::optional<Record> decode(std::span<const std::byte> record) const;

    [[nodiscard]] KernelEvents events() const;

  private:
    struct Field {
        std::string name;
        std::size_t offset;
        std::size_t size;
    };
    struct Format {
        std::string name;
        std::vector<Field> fields;
    };

    std::map<std::uint64_t, Format> formats_;  ///< by type
    Field type_{"", 0, 2};                     ///< the same in all of them, as is the thread
    Field thread_{"", 4, 4};
};

}  // namespace irqbench::vmm
