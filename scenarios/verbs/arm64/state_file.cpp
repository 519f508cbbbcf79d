#include "scenarios/verbs/arm64/state_file.hpp"

#include "irqchip/arm64/its_registers.hpp"
#include "scenarios/verbs/arm64/state_check.hpp"
#include "scenarios/verbs/arm64/state_registers.hpp"
#include "scenarios/verbs/common/state_file.hpp"
#include "vmm/arm64/irq_line.hpp"

namespace irqbench::scenarios::verbs::arm64 {

using namespace state_file;
using namespace state_file::arm64;

namespace {

using vmm::arm64::BoardState;
using vmm::arm64::Frame;
using vmm::arm64::LineType;

constexpr std::string_view arch = "arm64";

GicRow gic_row(const BoardState& board, const SortedRegisters& registers) {
    GicRow gic{board.version, board.spis, registers.distributor, {}, {}, {}};
    for (const std::uint32_t word : board.lines) {
        const vmm::arm64::IrqLine line = vmm::arm64::decode_line(word);
        const bool is_private = line.type == LineType::ppi;
        gic.lines.push_back({is_private ? std::nullopt : std::optional(line.number),
                             is_private ? std::optional(line.number) : std::nullopt, line.vcpu});
    }
    for (const vmm::arm64::PendingTable& table : board.pending_tables)
        gic.pending_tables.push_back(
            {table.address, table.bytes.size(), trimmed_base64(std::as_bytes(std::span(table.bytes)))});
    if (board.its) gic.its = registers.its;
    return gic;
}

StateDocument document_of(const PortableState& state) {
    StateDocument document;
    document.arch = arch;
    describe(document, state);
    const BoardState& board = state.board;
    document.counter = board.counter;
    SortedRegisters registers(board, state.vcpus.size());
    document.gic = gic_row(board, registers);
    for (std::size_t i = 0; i < state.vcpus.size(); ++i)
        document.vcpus.push_back({AgentRow<last_intid>(state.vcpus[i]), board.cpus.at(i),
                                  std::move(registers.redistributors[i]), std::move(registers.banked[i]),
                                  std::move(registers.cpu_interfaces[i])});
    document.routes = rows_of<decltype(document.routes)::value_type>(state.routes);
    return document;
}

void read_gic(BoardState& board, const GicRow& gic) {
    for (const LineRow& line : gic.lines)
        board.lines.insert(
            vmm::arm64::encode_line(line.spi ? vmm::arm64::IrqLine{LineType::spi, 0, *line.spi}
                                             : vmm::arm64::IrqLine{LineType::ppi, line.vcpu, *line.ppi}));
    for (const PendingRow& row : gic.pending_tables) {
        vmm::arm64::PendingTable& table = board.pending_tables.emplace_back();
        table.address = row.address;
        const auto bytes = from_trimmed_base64(row.data, row.bytes);
        if (!bytes) throw std::logic_error("a table that is no base64 has passed the checks");
        for (const std::byte byte : *bytes) table.bytes.push_back(std::to_integer<std::uint8_t>(byte));
    }
}

std::shared_ptr<PortableState> state_of(StateDocument document, const AnyStateChecker& checker,
                                        const Cursor& root) {
    auto state = std::make_shared<PortableState>();
    BoardState& board = state->board;
    board.version = document.gic.version;
    board.spis = document.gic.spis;
    board.counter = document.counter;
    read_registers(board, document, checker);
    read_gic(board, document.gic);
    for (VcpuRow& row : document.vcpus) {
        state->vcpus.push_back(row.agent.vcpu());
        board.cpus.push_back(std::move(row.cpu));
    }
    state->routes = table_of(document.routes);
    take_over(*state, std::move(document), {}, root);
    return state;
}

}  // namespace

std::string state_text(const vmm::MachineState& state) {
    return json_of(document_of(need_portable(state))).dump(1) + "\n";
}

Json state_schema() { return with_head(Form<StateDocument>::schema({}), arch); }

std::shared_ptr<const vmm::MachineState> read_state(const Document& document) {
    Reading reading{document};
    const Cursor root(reading);
    check_head(root, arch);
    StateDocument state = Form<StateDocument>::read(root, {});
    AnyStateChecker checker(state, root);
    check_state(state, checker);
    return state_of(std::move(state), checker, root);
}

}  // namespace irqbench::scenarios::verbs::arm64
