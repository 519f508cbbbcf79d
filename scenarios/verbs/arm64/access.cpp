#include "scenarios/verbs/arm64/access.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vmm/guest/agent_abi.h"

namespace irqbench::scenarios {

namespace verbs::arm64 {

namespace {

struct RegisterRow {
    std::string_view name;
    std::uint32_t encoding;
};

/// IHI 0069, 12.2: op0, op1, CRn, CRm and op2 in bits 15:14, 13:11, 10:7, 6:3 and 2:0.
constexpr std::array system_registers{
    RegisterRow{"icc_pmr_el1", 0xc230},     RegisterRow{"icc_iar0_el1", 0xc640},
    RegisterRow{"icc_eoir0_el1", 0xc641},   RegisterRow{"icc_hppir0_el1", 0xc642},
    RegisterRow{"icc_bpr0_el1", 0xc643},    RegisterRow{"icc_ap0r0_el1", 0xc644},
    RegisterRow{"icc_ap1r0_el1", 0xc648},   RegisterRow{"icc_dir_el1", 0xc659},
    RegisterRow{"icc_rpr_el1", 0xc65b},     RegisterRow{"icc_sgi1r_el1", 0xc65d},
    RegisterRow{"icc_asgi1r_el1", 0xc65e},  RegisterRow{"icc_sgi0r_el1", 0xc65f},
    RegisterRow{"icc_iar1_el1", 0xc660},    RegisterRow{"icc_eoir1_el1", 0xc661},
    RegisterRow{"icc_hppir1_el1", 0xc662},  RegisterRow{"icc_bpr1_el1", 0xc663},
    RegisterRow{"icc_ctlr_el1", 0xc664},    RegisterRow{"icc_sre_el1", 0xc665},
    RegisterRow{"icc_igrpen0_el1", 0xc666}, RegisterRow{"icc_igrpen1_el1", 0xc667},
    RegisterRow{"isr_el1", 0xc608},         RegisterRow{"mpidr_el1", 0xc005},
    RegisterRow{"cntv_ctl_el0", 0xdf19},    RegisterRow{"cntv_cval_el0", 0xdf1a},
    RegisterRow{"cntv_tval_el0", 0xdf18},   RegisterRow{"cntvct_el0", 0xdf02},
};

constexpr auto register_names = [] {
    std::array<std::string_view, system_registers.size()> names{};
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = system_registers[i].name;
    return names;
}();

constexpr Limits encodings = between(0x8000, 0xffff);

}  // namespace

std::string AccessPlace::in_words() const {
    if (sysreg) return "sysreg " + sysreg->name;
    if (mmio) return fmt::format("mmio {:#x}", *mmio);
    if (gicd) return fmt::format("gicd {:#x}", *gicd);
    if (gicr) return fmt::format("gicr {:#x}", *gicr);
    if (gicc) return fmt::format("gicc {:#x}", *gicc);
    return fmt::format("its {:#x}", its.value());
}

std::uint64_t AccessPlace::address() const {
    constexpr std::uint64_t redistributor_bytes = 0x20000;
    if (sysreg) return sysreg->encoding;
    if (mmio) return *mmio;
    if (gicd) return AGENT_GICD + *gicd;
    if (gicr) return AGENT_GICR + vcpu * redistributor_bytes + *gicr;
    if (gicc) return AGENT_GICC + *gicc;
    return AGENT_ITS + its.value();
}

std::optional<Place> AccessPlace::place(bool writes) const {
    if (mmio) return Place{false, *mmio, writes};
    return std::nullopt;
}

std::uint32_t AccessPlace::bytes() const {
    if (sysreg) return 8;
    return size ? static_cast<std::uint32_t>(size->value) : 4;
}

vmm::GuestOp AccessPlace::operation(bool writes, std::uint64_t value, bool observed) const {
    std::uint32_t code = writes ? OP_WRITE : OP_READ;
    if (sysreg) code = writes ? OP_MSR_WRITE : OP_MSR_READ;
    auto access =
        arm64::operation(code, address(), value, bytes(), writes ? "write " + in_words() : in_words());
    access.observed = observed;
    return access;
}

void WriteArguments::check(const WriteArguments& arguments, const Cursor& at) {
    const std::uint32_t bits = arguments.bytes() * 8;
    if (bits < 64 && arguments.value >> bits != 0)
        at.fail(fmt::format("the value {:#x} does not fit into {} byte{}", arguments.value, arguments.bytes(),
                            arguments.bytes() == 1 ? "" : "s"));
}

std::string WriteVerb::explain() const {
    std::string text = fmt::format("{} writes {:#x} to {}", who(), arguments_.value, arguments_.in_words());
    if (arguments_.fault) text += fmt::format(", which must raise: {}", word_of(*arguments_.fault));
    return text + ".";
}

std::vector<Expectation> WriteVerb::expects() const {
    if (!arguments_.fault) return {};
    return {expect::GuestFault{FAULT_ESR + static_cast<std::uint32_t>(*arguments_.fault)}};
}

Facts WriteVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = facts.wakes = true;
    facts.place = arguments_.place(true);
    facts.asserts = arguments_.fault.has_value();
    return facts;
}

std::vector<vmm::GuestOp> WriteVerb::operations(Stage&) const {
    return {arguments_.operation(true, arguments_.value, false)};
}

std::string ReadVerb::explain() const {
    std::string text = fmt::format("{} reads {}", who(), arguments_.in_words());
    if (arguments_.is) text += fmt::format(", which must be {:#x}", *arguments_.is);
    if (arguments_.mask) text += fmt::format(" under the mask {:#x}", *arguments_.mask);
    if (arguments_.fault) text += fmt::format(", which must raise: {}", word_of(*arguments_.fault));
    return text + ".";
}

std::vector<Expectation> ReadVerb::expects() const {
    if (arguments_.fault)
        return {expect::GuestFault{FAULT_ESR + static_cast<std::uint32_t>(*arguments_.fault)}};
    if (!arguments_.is) return {};
    return {
        expect::Value{arguments_.in_words(), *arguments_.is, arguments_.mask.value_or(~std::uint64_t{0})}};
}

Facts ReadVerb::facts() const {
    Facts facts = GuestVerb::facts();
    facts.causes = true;  // IAR acknowledges
    facts.place = arguments_.place(false);
    facts.asserts = arguments_.is || arguments_.fault;
    return facts;
}

std::vector<vmm::GuestOp> ReadVerb::operations(Stage&) const {
    return {arguments_.operation(false, 0, true)};
}

std::vector<CheckArguments::Expected> CheckArguments::expected() const {
    std::vector<Expected> all;
    if (enabled) all.push_back({"enabled", *enabled});
    if (pending) all.push_back({"pending", *pending});
    if (active) all.push_back({"active", *active});
    if (line) all.push_back({"line", *line});
    if (priority) all.push_back({"priority", *priority});
    if (group) all.push_back({"group", *group});
    if (trigger) all.push_back({"trigger", static_cast<std::uint64_t>(*trigger)});
    return all;
}

std::string CheckVerb::name_of(std::string_view field) const {
    if (arguments_.intid >= 32) return fmt::format("INTID {} {}", arguments_.intid, field);
    return fmt::format("INTID {} of vCPU {} {}", arguments_.intid, arguments_.vcpu, field);
}

std::string CheckVerb::explain() const {
    std::string text = "Check";
    for (const auto& expected : arguments_.expected())
        text += fmt::format(" {} is {:#x},", name_of(expected.name), expected.value);
    text.back() = '.';
    return text;
}

void CheckVerb::perform(Stage& stage) const {
    const auto values = stage.machine.inspect("interrupt", arguments_.vcpu << 16 | arguments_.intid);
    for (const auto& expected : arguments_.expected()) {
        const auto found = std::find_if(values.begin(), values.end(), [&](const vmm::NamedValue& value) {
            return value.name == expected.name;
        });
        if (found == values.end()) continue;
        vmm::Event event;
        event.what = vmm::event::Observed{name_of(expected.name), found->value};
        // The trace is in order of time; the machine's clock is not ours.
        if (!stage.trace.events().empty()) event.at = stage.trace.events().back().at;
        stage.trace.add(std::move(event));
    }
}

std::vector<Expectation> CheckVerb::expects() const {
    std::vector<Expectation> expectations;
    for (const auto& expected : arguments_.expected())
        expectations.emplace_back(expect::Value{name_of(expected.name), expected.value, ~std::uint64_t{0}});
    return expectations;
}

Facts CheckVerb::facts() const {
    Facts facts;
    facts.asserts = true;
    if (arguments_.intid < 32) facts.vcpus = {arguments_.vcpu};
    return facts;
}

}  // namespace verbs::arm64

verbs::arm64::SystemRegister Form<verbs::arm64::SystemRegister>::read(const Cursor& at, Limits) {
    using namespace verbs::arm64;
    if (const std::string* text = at.node().text(); text == nullptr || text->starts_with("0x")) {
        const auto encoding = Form<std::uint32_t>::read(at, encodings);
        return {fmt::format("{:#x}", encoding), encoding};
    }
    const RegisterRow& row = system_registers[detail::read_word(at, register_names)];
    return {std::string(row.name), row.encoding};
}

Json Form<verbs::arm64::SystemRegister>::schema(Limits) {
    using namespace verbs::arm64;
    return {{"anyOf", {detail::word_schema(register_names), Form<std::uint32_t>::schema(encodings)}}};
}

}  // namespace irqbench::scenarios
