#include "scenarios/verbs/arm64/access.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vmm/arm64/system_registers.hpp"

namespace irqbench::scenarios {

namespace verbs::arm64 {

namespace {

struct RegisterRow {
    std::string_view name;
    std::uint32_t encoding;
};

namespace icc = irqchip::arm64::icc;
namespace sysregs = vmm::arm64::sysregs;

constexpr std::array system_registers{
    RegisterRow{"icc_pmr_el1", icc::pmr},
    RegisterRow{"icc_iar0_el1", icc::iar0},
    RegisterRow{"icc_eoir0_el1", icc::eoir0},
    RegisterRow{"icc_hppir0_el1", icc::hppir0},
    RegisterRow{"icc_bpr0_el1", icc::bpr0},
    RegisterRow{"icc_ap0r0_el1", icc::ap0r},
    RegisterRow{"icc_ap1r0_el1", icc::ap1r},
    RegisterRow{"icc_dir_el1", icc::dir},
    RegisterRow{"icc_rpr_el1", icc::rpr},
    RegisterRow{"icc_sgi1r_el1", icc::sgi1r},
    RegisterRow{"icc_asgi1r_el1", icc::asgi1r},
    RegisterRow{"icc_sgi0r_el1", icc::sgi0r},
    RegisterRow{"icc_iar1_el1", icc::iar1},
    RegisterRow{"icc_eoir1_el1", icc::eoir1},
    RegisterRow{"icc_hppir1_el1", icc::hppir1},
    RegisterRow{"icc_bpr1_el1", icc::bpr1},
    RegisterRow{"icc_ctlr_el1", icc::ctlr},
    RegisterRow{"icc_sre_el1", icc::sre},
    RegisterRow{"icc_igrpen0_el1", icc::igrpen0},
    RegisterRow{"icc_igrpen1_el1", icc::igrpen1},
    RegisterRow{"isr_el1", sysregs::isr},
    RegisterRow{"mpidr_el1", sysregs::mpidr},
    RegisterRow{"cntv_ctl_el0", sysregs::cntv_ctl},
    RegisterRow{"cntv_cval_el0", sysregs::cntv_cval},
    RegisterRow{"cntv_tval_el0", sysregs::cntv_tval},
    RegisterRow{"cntvct_el0", sysregs::cntvct},
};

constexpr auto register_names = [] {
    std::array<std::string_view, system_registers.size()> names{};
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = system_registers[i].name;
    return names;
}();

constexpr Limits encodings = between(0x8000, 0xffff);

}  // namespace

Access AccessTarget::access() const {
    const auto memory = [](std::string_view frame, std::uint64_t base, std::uint64_t offset) {
        return Access{fmt::format("{} {:#x}", frame, offset), OP_READ, OP_WRITE, base + offset};
    };
    if (sysreg) return {"sysreg " + sysreg->name, OP_MSR_READ, OP_MSR_WRITE, sysreg->encoding, 8};
    if (gicd) return memory("gicd", AGENT_GICD, *gicd);
    if (gicr) return memory("gicr", redistributor_of(vcpu), *gicr);
    if (gicc) return memory("gicc", AGENT_GICC, *gicc);
    if (its) return memory("its", AGENT_ITS, *its);
    Access access = memory("mmio", 0, mmio.value());
    access.place = Place{false, *mmio};
    return access;
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
    if (arguments_.intid >= irqchip::arm64::private_count)
        return fmt::format("INTID {} {}", arguments_.intid, field);
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

std::string CheckVerb::unfit_for(const vmm::MachineConfig& config) const {
    return Intid::unfit_for(config, arguments_.intid);
}

Facts CheckVerb::facts() const {
    Facts facts;
    facts.asserts = true;
    if (arguments_.intid < irqchip::arm64::private_count) facts.vcpus = {arguments_.vcpu};
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
