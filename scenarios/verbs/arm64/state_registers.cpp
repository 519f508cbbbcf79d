#include "scenarios/verbs/arm64/state_registers.hpp"

#include <charconv>
#include <map>
#include <tuple>

#include "irqchip/arm64/its_registers.hpp"
#include "vmm/arm64/gic_register_names.hpp"
#include "vmm/arm64/gic_registers.hpp"

namespace irqbench::scenarios {

namespace verbs::arm64 {

using namespace state_file;
using namespace state_file::arm64;

namespace {

using vmm::arm64::BoardState;
using vmm::arm64::Frame;
using vmm::arm64::GicRegister;
using vmm::arm64::GicShape;
using vmm::arm64::RegisterName;
using vmm::arm64::RegisterValue;
using vmm::arm64::RegisterValues;

constexpr std::uint64_t lower_half = 0xffff'ffff;
constexpr GicRegister its_ctlr{Frame::its, 0, irqchip::arm64::gits::ctlr};

/// The registers of a file, as a GIC has them that is saved; and what of them has been asked for.
class FiledRegisters final : public vmm::arm64::RegisterFile {
  public:
    explicit FiledRegisters(bool is_v3) : is_v3_(is_v3) {}

    /// @param at pointer to them
    void add(Frame frame, std::uint32_t cpu, const Registers& registers, const std::string& at,
             const AnyStateChecker& checker) {
        for (const auto& [name, value] : registers.values) {
            const std::string pointer = at + "/" + name;
            if (!values_.emplace(std::tuple{frame, cpu, name}, Filed{value, pointer}).second)
                checker.fail(pointer, "is the same as in '/gic/distributor'");
        }
    }
    [[nodiscard]] std::uint64_t read_register(const GicRegister& where) const override {
        const RegisterName name = vmm::arm64::name_of(where, is_v3_);
        Group& asked = asked_[{where.frame, where.cpu}];
        asked[name.name] = name.bits;
        const auto found = values_.find(std::tuple{where.frame, where.cpu, name.name});
        if (found == values_.end()) return 0;
        if (name.is_upper_half) return found->second.value >> 32;
        return is_by_halves(where.frame) ? found->second.value & lower_half : found->second.value;
    }
    /// Only the CPU interface is written to be read, and what is written there for that is not to stay.
    void write_register(const GicRegister&, std::uint64_t) override {}

    void check(const AnyStateChecker& checker) const {
        for (const auto& [key, filed] : values_) {
            const auto& [frame, cpu, name] = key;
            const auto group = asked_.find({frame, cpu});
            const Group nothing;
            const Group& asked = group == asked_.end() ? nothing : group->second;
            std::vector<std::string_view> names;
            for (const auto& [known, bits] : asked) names.push_back(known);
            const auto known = asked.find(name);
            if (known == asked.end())
                checker.fail(filed.pointer, fmt::format("the state of this GIC has no register '{}' here{}",
                                                        name, suggestion(name, names)));
            if (known->second <= 32 && filed.value > lower_half)
                checker.fail(filed.pointer, fmt::format("has {} bits", known->second));
        }
    }

  private:
    struct Filed {
        std::uint64_t value;
        std::string pointer;
    };
    using Group = std::map<std::string, unsigned, std::less<>>;  ///< names with their bits

    /// Of registers with 64 bits.
    static bool is_by_halves(Frame frame) {
        return frame == Frame::distributor || frame == Frame::redistributor;
    }

    bool is_v3_;
    std::map<std::tuple<Frame, std::uint32_t, std::string>, Filed> values_;
    mutable std::map<std::pair<Frame, std::uint32_t>, Group> asked_;
};

void add(Registers& to, const RegisterValue& each, bool is_v3) {
    const RegisterName name = vmm::arm64::name_of(each.where, is_v3);
    if (name.only_clears || each.value == 0) return;
    if (!name.is_upper_half)
        to.values.emplace_back(name.name, each.value);
    else if (!to.values.empty() && to.values.back().first == name.name)
        to.values.back().second |= each.value << 32;
    else
        to.values.emplace_back(name.name, each.value << 32);
}

}  // namespace

SortedRegisters::SortedRegisters(const BoardState& board, std::size_t vcpus)
    : redistributors(vcpus), banked(vcpus), cpu_interfaces(vcpus) {
    const bool is_v3 = board.version == 3;
    // Of a GICv2 without SPIs: what its CPUs have for themselves, after GICD_CTLR.
    RegisterValues own;
    if (!is_v3) {
        const FiledRegisters zeros(false);
        own = distributor_values(zeros, {false, false, static_cast<std::uint32_t>(vcpus), 0});
        own.erase(own.begin());
    }
    const auto is_own = [&](const RegisterValue& each) {
        return std::any_of(own.begin(), own.end(),
                           [&](const RegisterValue& one) { return one.where == each.where; });
    };
    for (const RegisterValue& each : board.distributor)
        add(is_own(each) ? banked.at(each.where.cpu) : distributor, each, is_v3);
    for (const RegisterValue& each : board.redistributors)
        add(redistributors.at(each.where.cpu), each, is_v3);
    for (const RegisterValue& each : board.cpu_interfaces)
        add(cpu_interfaces.at(each.where.cpu), each, is_v3);
    if (!board.its) return;
    add(its, {its_ctlr, board.its->ctlr}, is_v3);
    for (const RegisterValue& each : board.its->registers) add(its, each, is_v3);
}

void read_registers(BoardState& board, const StateDocument& document, const AnyStateChecker& checker) {
    const GicRow& gic = document.gic;
    const GicShape shape{gic.version == 3, gic.its.has_value(),
                         static_cast<std::uint32_t>(document.vcpus.size()), gic.spis};
    FiledRegisters filed(shape.is_v3);
    filed.add(Frame::distributor, 0, gic.distributor, "/gic/distributor", checker);
    for (std::uint32_t cpu = 0; cpu < shape.cpus; ++cpu) {
        const VcpuRow& row = document.vcpus[cpu];
        const std::string at = fmt::format("/vcpus/{}", cpu);
        filed.add(Frame::distributor, cpu, row.distributor, at + "/distributor", checker);
        filed.add(Frame::redistributor, cpu, row.redistributor, at + "/redistributor", checker);
        filed.add(Frame::cpu_interface, cpu, row.cpu_interface, at + "/cpu_interface", checker);
    }
    board.distributor = distributor_values(filed, shape);
    if (shape.is_v3) board.redistributors = redistributor_values(filed, shape);
    board.cpu_interfaces = cpu_interface_values(filed, shape);
    if (gic.its) {
        filed.add(Frame::its, 0, *gic.its, "/gic/its", checker);
        board.its = vmm::arm64::ItsState{its_values(filed), filed.read_register(its_ctlr)};
    }
    filed.check(checker);
}

}  // namespace verbs::arm64

using state_file::arm64::CoreRegisters;
using state_file::arm64::Registers;

namespace {

/// Those of arm64, by their size (Linux, Documentation/virt/kvm/api.rst, 4.68).
constexpr std::string_view id_pattern = "^0x60[0-9a-fA-F]{14}$";
constexpr unsigned most_size_shift = 8;

std::optional<std::uint64_t> hex_number(std::string_view text) {
    std::uint64_t number = 0;
    if (!text.starts_with("0x")) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), number, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// Nothing for what is no id of a register.
std::optional<std::size_t> size_of_register(std::string_view id) {
    const auto number = hex_number(id);
    if (!number || id.size() != 18 || *number >> 56 != 0x60) return std::nullopt;
    const unsigned shift = *number >> 52 & 0xf;
    if (shift > most_size_shift) return std::nullopt;
    return std::size_t{1} << shift;
}

/// The least significant byte, which stands last, comes first.
std::optional<std::vector<std::byte>> bytes_from_hex(std::string_view text, std::size_t bytes) {
    if (!text.starts_with("0x")) return std::nullopt;
    text.remove_prefix(2);
    if (text.empty() || text.size() > 2 * bytes) return std::nullopt;
    std::vector<std::byte> value(bytes);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char* digit = &text[text.size() - 1 - i];
        unsigned nibble = 0;
        if (std::from_chars(digit, digit + 1, nibble, 16).ptr != digit + 1) return std::nullopt;
        value[i / 2] |= static_cast<std::byte>(nibble << (i % 2 * 4));
    }
    return value;
}

std::string hex_of(const std::vector<std::byte>& bytes) {
    std::string text;
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte)
        text += fmt::format("{:02x}", std::to_integer<unsigned>(*byte));
    const std::size_t first = text.find_first_not_of('0');
    return "0x" + (first == std::string::npos ? "0" : text.substr(first));
}

const Node::Object& need_object(const Cursor& at) {
    const Node::Object* members = at.node().object();
    if (members == nullptr) at.fail("must be an object, not " + in_words(at.node()));
    return *members;
}

}  // namespace

Registers Form<Registers>::read(const Cursor& at, Limits limits) {
    Registers registers;
    for (const Node::Member& member : need_object(at))
        registers.values.emplace_back(member.key,
                                      Form<std::uint64_t>::read(at.at(member.key, member.value), limits));
    return registers;
}

Json Form<Registers>::write(const Registers& registers) {
    Json json = Json::object();
    for (const auto& [name, value] : registers.values) json[name] = json_of(value);
    return json;
}

Json Form<Registers>::schema(Limits limits) {
    return {{"type", "object"},
            {"propertyNames", {{"pattern", "^[A-Z0-9_]+$"}}},
            {"additionalProperties", Form<std::uint64_t>::schema(limits)}};
}

CoreRegisters Form<CoreRegisters>::read(const Cursor& at, Limits) {
    CoreRegisters registers;
    for (const Node::Member& member : need_object(at)) {
        const Cursor here = at.at(member.key, member.value);
        const auto size = size_of_register(member.key);
        if (!size) here.fail(fmt::format("'{}' is no id of a register of arm64", member.key));
        const std::string* text = here.node().text();
        auto bytes = text == nullptr ? std::nullopt : bytes_from_hex(*text, *size);
        if (!bytes) here.fail(fmt::format("must be a number of at most {} bytes in hex", *size));
        if (!registers.emplace(*hex_number(member.key), std::move(*bytes)).second)
            here.fail(fmt::format("register {} is there twice", member.key));
    }
    return registers;
}

Json Form<CoreRegisters>::write(const CoreRegisters& registers) {
    Json json = Json::object();
    for (const auto& [id, bytes] : registers) json[fmt::format("{:#x}", id)] = hex_of(bytes);
    return json;
}

Json Form<CoreRegisters>::schema(Limits) {
    return {{"type", "object"},
            {"propertyNames", {{"pattern", id_pattern}}},
            {"additionalProperties", {{"type", "string"}, {"pattern", "^0x[0-9a-fA-F]{1,512}$"}}}};
}

}  // namespace irqbench::scenarios
