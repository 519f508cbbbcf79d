#pragma once

#include <span>
#include <string_view>

#include "scenarios/verbs/common/state_fields.hpp"

/// What the state files of all architectures have in common: scenarios/README.md, "State in a file".
namespace irqbench::scenarios::state_file {

/// @throws std::logic_error for another kind of state
[[nodiscard]] const PortableState& need_portable(const vmm::MachineState& state);

/// What makes nonsense of the rest: no state, or one of another version or architecture.
/// @throws ScenarioError (malformed) with the place
void check_head(const Cursor& root, std::string_view arch);

/// A state's part of AnyState.
void describe(AnyState& document, const PortableState& state);

/// The reverse, into a state that has its vCPUs already.
/// @param pages addresses of those outside of RAM that the architecture has
/// @throws ScenarioError (malformed) with the place
void take_over(PortableState& state, AnyState&& document, std::span<const std::uint64_t> pages,
               const Cursor& root);

/// Bytes as they stand in a file: base64, without the zeros at the end.
[[nodiscard]] std::string trimmed_base64(std::span<const std::byte> bytes);
/// The reverse, of so many bytes. Nothing for what is no base64, or more.
[[nodiscard]] std::optional<std::vector<std::byte>> from_trimmed_base64(std::string_view text,
                                                                        std::size_t bytes);

/// A document's schema with what is particular to the architecture.
[[nodiscard]] Json with_head(Json schema, std::string_view arch);

template <class Row>
std::vector<Row> rows_of(const routing::RoutingTable& table) {
    std::vector<Row> rows;
    for (const routing::Entry& entry : table.entries()) {
        Row& row = rows.emplace_back();
        row.gsi = entry.gsi;
        if (const auto* pin = std::get_if<routing::PinRoute>(&entry.route)) {
            row.chip = static_cast<std::uint32_t>(pin->chip);
            row.pin = pin->pin;
        } else if (const auto* msi = std::get_if<routing::MsiRoute>(&entry.route)) {
            row.address = msi->address;
            row.data = msi->data;
            row.device = msi->device_id;
        } else {
            throw std::logic_error("a route is neither a pin nor a message");
        }
    }
    return rows;
}

template <class Row>
routing::RoutingTable table_of(const std::vector<Row>& rows) {
    routing::RoutingTable table;
    for (const Row& row : rows) {
        if (row.chip)
            table.add(row.gsi, routing::PinRoute{routing::Chip{*row.chip}, row.pin});
        else
            table.add(row.gsi, routing::MsiRoute{*row.address, row.data, row.device});
    }
    return table;
}

}  // namespace irqbench::scenarios::state_file
