#include "irqchip/arm64/its_command.hpp"

namespace irqbench::irqchip::arm64 {

namespace {

constexpr std::uint64_t valid = std::uint64_t{1} << 63;

constexpr std::uint64_t opcode_and_device(ItsOpcode opcode, std::uint32_t device = 0) {
    return static_cast<std::uint64_t>(opcode) | std::uint64_t{device} << 32;
}
constexpr std::uint64_t rdbase(std::uint32_t redistributor) { return std::uint64_t{redistributor} << 16; }

ItsCommand of_event(ItsOpcode opcode, std::uint32_t device, std::uint32_t event) {
    return {{opcode_and_device(opcode, device), event, 0, 0}};
}

/// The low byte of the code; the same number means the same for every command but MAPC and MAPD, where 2 is
/// what MOVALL calls 1.
std::optional<std::uint32_t> number(ItsError error) {
    switch (error.fault) {
        case ItsFault::device_oor: return 0x01;
        case ItsFault::ittsize_oor: return 0x02;
        case ItsFault::procnum_oor: return error.command == ItsOpcode::movall ? 0x01 : 0x02;
        case ItsFault::collection_oor: return 0x03;
        case ItsFault::unmapped_device: return 0x04;
        case ItsFault::id_oor: return 0x05;
        case ItsFault::physicalid_oor: return 0x06;
        case ItsFault::unmapped_interrupt: return 0x07;
        case ItsFault::unmapped_collection: return 0x09;
        case ItsFault::ite_invalid: return 0x10;
        case ItsFault::unknown_command:
        case ItsFault::table_unreachable:
        case ItsFault::queue_unreachable: break;
    }
    return std::nullopt;
}

std::string_view suffix(ItsFault fault) {
    switch (fault) {
        case ItsFault::device_oor: return "DEVICE_OOR";
        case ItsFault::ittsize_oor: return "ITTSIZE_OOR";
        case ItsFault::procnum_oor: return "PROCNUM_OOR";
        case ItsFault::collection_oor: return "COLLECTION_OOR";
        case ItsFault::unmapped_device: return "UNMAPPED_DEVICE";
        case ItsFault::id_oor: return "ID_OOR";
        case ItsFault::physicalid_oor: return "PHYSICALID_OOR";
        case ItsFault::unmapped_interrupt: return "UNMAPPED_INTERRUPT";
        case ItsFault::unmapped_collection: return "UNMAPPED_COLLECTION";
        case ItsFault::ite_invalid: return "ITE_INVALID";
        case ItsFault::unknown_command: return "UNKNOWN_COMMAND";
        case ItsFault::table_unreachable: return "TABLE_UNREACHABLE";
        case ItsFault::queue_unreachable: return "QUEUE_UNREACHABLE";
    }
    return {};
}

}  // namespace

std::string_view name(ItsOpcode opcode) {
    switch (opcode) {
        case ItsOpcode::movi: return "MOVI";
        case ItsOpcode::interrupt: return "INT";
        case ItsOpcode::clear: return "CLEAR";
        case ItsOpcode::sync: return "SYNC";
        case ItsOpcode::mapd: return "MAPD";
        case ItsOpcode::mapc: return "MAPC";
        case ItsOpcode::mapti: return "MAPTI";
        case ItsOpcode::mapi: return "MAPI";
        case ItsOpcode::inv: return "INV";
        case ItsOpcode::invall: return "INVALL";
        case ItsOpcode::movall: return "MOVALL";
        case ItsOpcode::discard: return "DISCARD";
    }
    return {};
}

std::optional<std::uint32_t> ItsError::code() const {
    const auto low = number(*this);
    if (!low) return std::nullopt;
    // The codes of CLEAR carry SYNC's number (IHI 0069, 5.5).
    const ItsOpcode family = command == ItsOpcode::clear ? ItsOpcode::sync : command;
    return 0x01'0000U | static_cast<std::uint32_t>(family) << 8 | *low;
}

std::string ItsError::name() const {
    std::string text(arm64::name(command));
    if (!text.empty()) text += '_';
    return text += suffix(fault);
}

namespace its_command {

ItsCommand mapd(std::uint32_t device, std::uint64_t itt, unsigned event_bits) {
    return {{opcode_and_device(ItsOpcode::mapd, device), (event_bits - 1) & 0x1F, valid | itt, 0}};
}
ItsCommand unmap_device(std::uint32_t device) {
    return {{opcode_and_device(ItsOpcode::mapd, device), 0, 0, 0}};
}
ItsCommand mapc(std::uint16_t collection, std::uint32_t redistributor) {
    return {{opcode_and_device(ItsOpcode::mapc), 0, valid | rdbase(redistributor) | collection, 0}};
}
ItsCommand unmap_collection(std::uint16_t collection) {
    return {{opcode_and_device(ItsOpcode::mapc), 0, collection, 0}};
}
ItsCommand mapti(std::uint32_t device, std::uint32_t event, std::uint32_t intid, std::uint16_t collection) {
    return {{opcode_and_device(ItsOpcode::mapti, device), std::uint64_t{intid} << 32 | event, collection, 0}};
}
ItsCommand mapi(std::uint32_t device, std::uint32_t event, std::uint16_t collection) {
    return {{opcode_and_device(ItsOpcode::mapi, device), event, collection, 0}};
}
ItsCommand movi(std::uint32_t device, std::uint32_t event, std::uint16_t collection) {
    return {{opcode_and_device(ItsOpcode::movi, device), event, collection, 0}};
}
ItsCommand discard(std::uint32_t device, std::uint32_t event) {
    return of_event(ItsOpcode::discard, device, event);
}
ItsCommand clear(std::uint32_t device, std::uint32_t event) {
    return of_event(ItsOpcode::clear, device, event);
}
ItsCommand interrupt(std::uint32_t device, std::uint32_t event) {
    return of_event(ItsOpcode::interrupt, device, event);
}
ItsCommand inv(std::uint32_t device, std::uint32_t event) { return of_event(ItsOpcode::inv, device, event); }
ItsCommand invall(std::uint16_t collection) {
    return {{opcode_and_device(ItsOpcode::invall), 0, collection, 0}};
}
ItsCommand movall(std::uint32_t from, std::uint32_t to) {
    return {{opcode_and_device(ItsOpcode::movall), 0, rdbase(from), rdbase(to)}};
}
ItsCommand sync(std::uint32_t redistributor) {
    return {{opcode_and_device(ItsOpcode::sync), 0, rdbase(redistributor), 0}};
}

}  // namespace its_command

}  // namespace irqbench::irqchip::arm64
