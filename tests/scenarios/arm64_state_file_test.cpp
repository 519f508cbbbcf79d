#include "scenarios/verbs/arm64/state_file.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/base64.hpp"
#include "scenarios/engine/load.hpp"
#include "scenarios/engine/run.hpp"
#include "tests/irqchip/random_source.hpp"
#include "tests/scenarios/files.hpp"
#include "tests/scenarios/schema_validator.hpp"
#include "tests/scenarios/state_folder.hpp"
#include "vmm/factory.hpp"
#include "vmm/portable_state.hpp"

namespace irqbench::scenarios {

namespace {

namespace fs = std::filesystem;
namespace arm = verbs::arm64;
using vmm::PortableState;
using vmm::arm64::BoardState;

/// A scenario of arm64 with these steps.
std::string arm64_scenario(const std::string& head, const std::string& steps) {
    return R"({ "name": "a test", "arch": "arm64", "source": "none", )" + head + R"(, "steps": [ )" + steps +
           " ] }";
}

/// What a model machine's state is when it has played them; null where it has none that others can take up.
std::shared_ptr<const PortableState> state_after(const Scenario& scenario, const std::string& gic) {
    RunOptions options;
    options.config = scenario.config;
    options.config.placement = "model";
    if (options.config.gic.empty()) options.config.gic = gic;
    vmm::Trace trace;
    const auto machine = vmm::make_machine(options.config, trace);
    static_cast<void>(perform(scenario, *machine, trace, options));
    try {
        return std::dynamic_pointer_cast<const PortableState>(machine->save_portable());
    } catch (const vmm::Unreachable&) {
        return nullptr;
    }
}

constexpr std::string_view wired_steps = R"(
    { "spi": { "intid": 40, "trigger": "edge", "priority": "0xa0" } },
    { "spi": { "intid": 42, "trigger": "level", "to": 1 } },
    { "private": { "vcpu": 0, "intid": 3 } }, { "private": { "vcpu": 1, "intid": 20 } },
    { "route": { "gsi": 70, "spi": 43 } }, { "irqfd": { "name": "dev", "gsi": 10, "resample": true } },
    { "ioeventfd": { "name": "bell", "address": "0x20000000", "length": 4, "datamatch": 7 } },
    { "handler": { "intid": 42, "vcpu": 1, "lowers": 10 } },
    { "mask": 0 }, { "mask": 1 }, { "sgi": { "from": 1, "intid": 3, "to": [0] } }, { "raise": 8 },
    { "raise": 10 }, { "raise": { "ppi": 20, "vcpu": 1 } }, { "pmr": "0x80" },
    { "write": { "sysreg": "cntv_cval_el0", "value": "0x123456789abc" } },
    { "write": { "sysreg": "cntv_ctl_el0", "value": 1 } }, { "check": { "intid": 40, "pending": true } })";

/// Of machines with something in every corner.
std::shared_ptr<const PortableState> wired_state(const std::string& gic) {
    const std::string head = R"("vcpus": 2, "machine": { "memory": "0x10000", "gic": ")" + gic + R"(" })";
    return state_after(load_text(arm64_scenario(head, std::string(wired_steps)), "scenario.json"), gic);
}
std::shared_ptr<const PortableState> its_state(const std::string& last = "") {
    return state_after(
        load_text(arm64_scenario(R"("vcpus": 2, "machine": { "its": true, "memory": "0x100000" })", R"(
            { "its": true }, { "lpi": 8200 }, { "its_command": { "command": "mapd", "device": 3 } },
            { "its_command": { "command": "mapc", "collection": 0, "to": 0 } },
            { "its_command": { "command": "mapti", "device": 3, "event": 5, "intid": 8200, "collection": 0 } },
            { "route": { "gsi": 70, "msi": { "event": 5, "device": 3 } } },
            { "mask": 0 }, { "msi": { "event": 5, "device": 3 } }, { "check": { "intid": 40, "pending": false } })" +
                                                                                                        last),
                  "scenario.json"),
        "v3");
}

vmm::MachineConfig config_of(const PortableState& state) {
    vmm::MachineConfig config;
    config.placement = "model";
    config.arch = "arm64";
    config.vcpu_ids = {0, 1};
    config.memory = state.memory_bytes;
    config.spis = state.board.spis;
    config.its = state.board.its.has_value();
    return config;
}

Json json_of_state(const PortableState& state) { return Json::parse(arm::state_text(state)); }

std::string message_about(const Json& json) {
    const StateFolder folder;
    return complaint_about(folder.file(json.dump()), "arm64");
}

/// What is said of the state with one thing changed.
std::string refused(Json json, const std::string& pointer, const Json& value) {
    json[Json::json_pointer(pointer)] = value;
    return message_about(json);
}

std::shared_ptr<const PortableState> read_again(const std::string& text) {
    const StateFolder folder;
    return std::dynamic_pointer_cast<const PortableState>(arm::read_state(read_document(folder.file(text))));
}

void require_same(const PortableState& read, const PortableState& saved) {
    const BoardState& one = read.board;
    const BoardState& other = saved.board;
    BOOST_TEST(one.version == other.version);
    BOOST_TEST(one.spis == other.spis);
    BOOST_TEST((one.distributor == other.distributor));
    BOOST_TEST((one.redistributors == other.redistributors));
    BOOST_TEST((one.cpu_interfaces == other.cpu_interfaces));
    BOOST_TEST((one.lines == other.lines));
    BOOST_TEST(one.counter == other.counter);
    BOOST_REQUIRE(one.its.has_value() == other.its.has_value());
    if (one.its) {
        BOOST_TEST((one.its->registers == other.its->registers));
        BOOST_TEST(one.its->ctlr == other.its->ctlr);
    }
    BOOST_REQUIRE(one.pending_tables.size() == other.pending_tables.size());
    for (std::size_t i = 0; i < one.pending_tables.size(); ++i) {
        BOOST_TEST(one.pending_tables[i].address == other.pending_tables[i].address);
        BOOST_TEST((one.pending_tables[i].bytes == other.pending_tables[i].bytes));
    }
    BOOST_REQUIRE(one.cpus.size() == other.cpus.size());
    for (std::size_t i = 0; i < one.cpus.size(); ++i) {
        BOOST_TEST((one.cpus[i].activity == other.cpus[i].activity));
        BOOST_TEST(one.cpus[i].timer.compare == other.cpus[i].timer.compare);
        BOOST_TEST(one.cpus[i].timer.control == other.cpus[i].timer.control);
        BOOST_TEST((one.cpus[i].core == other.cpus[i].core));
    }
    BOOST_TEST((read.routes == saved.routes));
    for (const auto& [address, page] : saved.memory) {
        const bool is_zero =
            std::all_of(page.begin(), page.end(), [](std::byte b) { return b == std::byte{}; });
        BOOST_TEST((is_zero ? !read.memory.contains(address) : read.memory.at(address) == page));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(arm64_state_file)

BOOST_AUTO_TEST_CASE(what_is_read_is_what_was_written) {
    for (const auto& saved : {wired_state("v2"), wired_state("v3"), its_state()}) {
        BOOST_REQUIRE(saved != nullptr);
        const std::string text = arm::state_text(*saved);
        const auto read = read_again(text);
        BOOST_TEST(arm::state_text(*read) == text);
        require_same(*read, *saved);
    }
    BOOST_TEST(wired_state("v2")->board.lines.size() == 3U);
    BOOST_TEST(its_state()->board.pending_tables.size() == 2U);
}

// By the state that each leaves behind: groups, priorities, what is active, senders of SGIs, LPIs.
BOOST_AUTO_TEST_CASE(the_state_after_every_file_of_the_library_goes_through_a_file) {
    std::size_t states = 0;
    for (const auto& file : files_below(source_dir() / "scenarios" / "arm64", ".json")) {
        const Scenario scenario = load(file);
        const auto& not_in = scenario.modes_not;
        const auto& only = scenario.modes_only;
        const bool modelled = std::find(not_in.begin(), not_in.end(), "model") == not_in.end() &&
                              (only.empty() || std::find(only.begin(), only.end(), "model") != only.end());
        if (!modelled || scenario.free_only) continue;
        for (const char* gic : {"v2", "v3"}) {
            if (scenario.config.gic.empty() && scenario.config.vcpu_ids.size() > 8) continue;
            const auto saved = state_after(scenario, gic);
            if (saved == nullptr) continue;
            ++states;
            BOOST_TEST_CONTEXT(file.filename() << " with GIC" << gic) {
                const std::string text = arm::state_text(*saved);
                const auto read = read_again(text);
                BOOST_TEST(arm::state_text(*read) == text);
                require_same(*read, *saved);
            }
        }
    }
    BOOST_TEST(states > 150U);
}

// KVM looks for a pending LPI where its collection is.
BOOST_AUTO_TEST_CASE(an_lpi_that_waits_where_its_collection_was_has_no_place_in_a_state) {
    const std::string mapc = R"(, { "its_command": { "command": "mapc", "collection": 0, "to": 1 } })";
    const std::string movall = R"(, { "its_command": { "command": "movall", "from": 0, "to": 1 } })";
    BOOST_TEST(its_state(mapc) == nullptr);
    BOOST_TEST(its_state(mapc + movall) != nullptr);
    BOOST_TEST(its_state(mapc + R"(, { "unmask": 0 })") != nullptr);
}

BOOST_AUTO_TEST_CASE(registers_have_the_names_of_their_manual) {
    const Json v3 = json_of_state(*its_state());
    BOOST_TEST(v3["gic"]["its"].contains("GITS_BASER1"));
    BOOST_TEST(v3["vcpus"][0]["redistributor"].contains("GICR_PENDBASER"));
    BOOST_TEST(v3["vcpus"][1]["cpu_interface"]["ICC_PMR_EL1"] == "0xf8");
    const Json wired = json_of_state(*wired_state("v3"));
    BOOST_TEST(wired["gic"]["distributor"]["GICD_IROUTER42"] == 1);
    BOOST_TEST(wired["vcpus"][0]["redistributor"]["GICR_ISPENDR0"] == 8);
    const Json v2 = json_of_state(*wired_state("v2"));
    BOOST_TEST(v2["vcpus"][0]["distributor"]["GICD_SPENDSGIR0"] == "0x2000000");
    BOOST_TEST(!v2["gic"]["distributor"].contains("GICD_SPENDSGIR0"));
    BOOST_TEST(v2["gic"]["distributor"]["GICD_ITARGETSR10"] == "0x20001");
    // What only clears is of the order of writes.
    for (const Json& json : {v3, wired, v2})
        BOOST_TEST(json.dump().find("GICD_ICENABLER") == std::string::npos);
}

// In which order they stand in a file does not matter.
BOOST_AUTO_TEST_CASE(registers_are_restored_in_the_order_that_a_new_gic_takes) {
    const auto saved = wired_state("v3");
    Json json = json_of_state(*saved);
    Json reversed = Json::object();
    const Json registers = json["gic"]["distributor"];
    std::vector<std::string> names;
    for (const auto& [name, value] : registers.items()) names.insert(names.begin(), name);
    for (const std::string& name : names) reversed[name] = registers[name];
    json["gic"]["distributor"] = reversed;
    require_same(*read_again(json.dump()), *saved);
}

BOOST_AUTO_TEST_CASE(registers_of_a_core_go_through_a_file_with_all_their_bytes) {
    const auto model = wired_state("v3");
    PortableState saved = *model;
    saved.placement = "kernel";
    for (auto& cpu : saved.board.cpus) {
        cpu.core.emplace();
        irqchip::Random random(1);
        for (const std::uint64_t shift : {0U, 2U, 3U, 4U, 5U, 8U}) {
            std::vector<std::byte> bytes(std::size_t{1} << shift);
            for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
            cpu.core->emplace(0x6000'0000'0010'0040 | shift << 52, bytes);
        }
        cpu.core->emplace(0x6030'0000'0010'0042, std::vector<std::byte>(8));
    }
    const auto read = read_again(arm::state_text(saved));
    require_same(*read, saved);
    const Json json = json_of_state(saved);
    BOOST_TEST(json["vcpus"][0]["cpu"]["core"]["0x6030000000100042"] == "0x0");
    BOOST_TEST(state_schema_accepts(nlohmann::json::parse(json.dump())));
    const std::string core = "/vcpus/0/cpu/core/";
    for (const char* bad : {"0x6030", "6030000000100042", "0x5030000000100042", "0x6090000000100042",
                            "0x603000000010004g", "register"})
        BOOST_TEST(refused(json, core + bad, "0x1") ==
                   core + bad + ": '" + bad + "' is no id of a register of arm64");
    for (const Json& bad :
         {Json("0x"), Json("12"), Json("0x10000000000000000"), Json("0xg"), Json(1), Json(true)})
        BOOST_TEST(refused(json, core + "0x6030000000100042", bad) ==
                   core + "0x6030000000100042: must be a number of at most 8 bytes in hex");
    BOOST_TEST(refused(json, "/mode", "model") ==
               core.substr(0, core.size() - 1) + ": a CPU of the model has no registers");
}

BOOST_AUTO_TEST_CASE(a_state_of_another_architecture_is_refused) {
    const Json json = json_of_state(*wired_state("v3"));
    const StateFolder folder;
    BOOST_TEST(complaint_about(folder.file(json.dump()), "x86_64") ==
               "/arch: this is the state of a machine of arm64, and none of x86_64 can go on from it");
    BOOST_TEST(refused(json, "/arch", "x86_64") ==
               "/arch: this is the state of a machine of x86_64, and none of arm64 can go on from it");
    BOOST_TEST(refused(json, "/arch", "arm") == "/arch: must be \"arm64\"");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_with_its_place) {
    const Json v3 = json_of_state(*its_state());
    const Json wired = json_of_state(*wired_state("v3"));
    const Json v2 = json_of_state(*wired_state("v2"));
    BOOST_TEST(refused(v3, "/irqbench_state", 1) ==
               "/irqbench_state: this irqbench reads version 2: save the state again");
    BOOST_TEST(refused(v3, "/pic", 1).starts_with("/pic: unknown key 'pic'"));
    BOOST_TEST(refused(v3, "/mode", "split") == "/mode: unknown irqchip mode: use kernel, userspace, model");
    BOOST_TEST(refused(v3, "/mode", "modle") == "/mode: unknown irqchip mode, did you mean 'model'?");
    BOOST_TEST(refused(v3, "/mode", "kernel") == "/vcpus/0/cpu: needs the key 'core' in kernel mode");
    BOOST_TEST(refused(v3, "/mode", "userspace") == "/gic/version: userspace mode has a GICv2");
    BOOST_TEST(refused(v3, "/gic/version", 4) == "/gic/version: must be a number from 2 to 3, not 4");
    BOOST_TEST(refused(v3, "/gic/version", 2) == "/gic/its: a GICv2 has no ITS");
    BOOST_TEST(refused(wired, "/gic/version", 2) == "/vcpus/0/redistributor: a GICv2 has no redistributors");
    BOOST_TEST(refused(v2, "/gic/version", 3) ==
               "/vcpus/0/distributor: of a GICv3 what a CPU has for itself is in its redistributor");
    BOOST_TEST(refused(v3, "/gic/spis", 33) ==
               "/gic/spis: must be a multiple of 32, as GICD_TYPER.ITLinesNumber counts");
    BOOST_TEST(refused(v3, "/gic/spis", 992).starts_with("/gic/spis: must be a number from 32 to 960"));
    BOOST_TEST(refused(v3, "/gic/distributor/GICD_ISENABLER3", 1) ==
               "/gic/distributor/GICD_ISENABLER3: the state of this GIC has no register 'GICD_ISENABLER3' "
               "here, did you mean 'GICD_ISENABLER1'?");
    for (const char* other : {"GICD_ICENABLER1", "GICR_CTLR", "GICD_TYPER", "0x100", "GICD_IROUTER31"})
        BOOST_TEST(refused(v3, std::string("/gic/distributor/") + other, 1)
                       .starts_with(std::string("/gic/distributor/") + other +
                                    ": the state of this GIC has no register '" + other + "' here"));
    BOOST_TEST(refused(v3, "/gic/distributor/GICD_CTLR", "0x100000000") ==
               "/gic/distributor/GICD_CTLR: has 32 bits");
    BOOST_TEST(refused(v3, "/gic/distributor/GICD_IROUTER40", "0x100000000") == "accepted");
    BOOST_TEST(refused(v3, "/gic/distributor/GICD_CTLR", "yes")
                   .starts_with("/gic/distributor/GICD_CTLR: must be a number"));
    BOOST_TEST(refused(v3, "/gic/distributor", 1) == "/gic/distributor: must be an object, not 1");
    BOOST_TEST(refused(v2, "/gic/distributor/GICD_SPENDSGIR0", 1) ==
               "/vcpus/0/distributor/GICD_SPENDSGIR0: is the same as in '/gic/distributor'");
    BOOST_TEST(
        refused(v2, "/vcpus/1/distributor/GICD_ISENABLER1", 1)
            .starts_with("/vcpus/1/distributor/GICD_ISENABLER1: the state of this GIC has no register"));
    BOOST_TEST(
        refused(v3, "/vcpus/0/redistributor/GICR_PROPBASER", "0x1000000000000").starts_with("accepted"));
    BOOST_TEST(refused(wired, "/vcpus/0/redistributor/GICR_PROPBASER", 1)
                   .starts_with("/vcpus/0/redistributor/GICR_PROPBASER: the state of this GIC has no"));
    BOOST_TEST(refused(wired, "/gic/its", Json::object()) == "accepted");
    BOOST_TEST(refused(v3, "/gic/its/GITS_TYPER", 1).starts_with("/gic/its/GITS_TYPER: the state of this"));
    BOOST_TEST(refused(v3, "/vcpus/1/agent/id", 0) == "/vcpus/1/agent/id: two vCPUs have the id 0");
    BOOST_TEST(refused(v2, "/vcpus/1/agent/id", 5) == "/vcpus/1/agent/id: a GICv2 counts its CPUs from 0");
    BOOST_TEST(refused(v2, "/vcpus/1/agent/handlers/0/vector", 0x10000)
                   .starts_with("/vcpus/1/agent/handlers/0/vector: must be a number from 0 to"));
    BOOST_TEST(refused(v3, "/vcpus/1/cpu/activity", "halted") ==
               "/vcpus/1/cpu/activity: a CPU of arm64 is \"running\" or \"not_started\"");
    BOOST_TEST(refused(v3, "/vcpus/1/cpu/marker", 16) ==
               "/vcpus/1/cpu/marker: must be a number from 0 to 15 (0xf), not 16");
    BOOST_TEST(refused(v3, "/vcpus/1/cpu/timer/control", 8) ==
               "/vcpus/1/cpu/timer/control: must be a number from 0 to 7, not 8");
    BOOST_TEST(refused(v3, "/routes/0/chip", 1).starts_with("/routes/0/chip: must be"));
    BOOST_TEST(refused(v3, "/routes/0/device", 1).starts_with("/routes/0: "));
    BOOST_TEST(refused(wired, "/ioeventfds/0/spec/port", true) ==
               "/ioeventfds/0/spec/port: there are no ports on arm64");
    BOOST_TEST(refused(v3, "/memory/0/address", "0xfffff000") ==
               "/memory/0: there is no memory at 0xfffff000");
}

BOOST_AUTO_TEST_CASE(lines_and_tables_that_cannot_be_are_said_with_their_place) {
    const Json v3 = json_of_state(*its_state());
    const Json wired = json_of_state(*wired_state("v3"));
    const auto line = [&](const Json& value) { return refused(wired, "/gic/lines/0", value); };
    BOOST_TEST(line({{"spi", 96}}) == "/gic/lines/0/spi: there are 64 SPIs");
    BOOST_TEST(line({{"spi", 31}}).starts_with("/gic/lines/0/spi: must be a number from 32"));
    BOOST_TEST(line({{"ppi", 27}}) == "/gic/lines/0/ppi: the line of a timer is as the timer is");
    BOOST_TEST(line({{"ppi", 30}}) == "/gic/lines/0/ppi: the line of a timer is as the timer is");
    BOOST_TEST(line({{"ppi", 20}, {"vcpu", 2}}) == "/gic/lines/0/vcpu: no vCPU has the id 2");
    BOOST_TEST(line({{"ppi", 20}, {"vcpu", 1}}) == "/gic/lines/2: the line is there twice");
    BOOST_TEST(line(Json::object()).starts_with("/gic/lines/0: "));
    const std::string table = "/gic/pending_tables/0";
    BOOST_TEST(refused(v3, table + "/address", 0) ==
               table + "/address: there is no memory of 8192 bytes at 0x0");
    for (const char* out : {"0x100ff000", "0xffffffffffffffff", "0xfffffff"})
        BOOST_TEST(refused(v3, table + "/address", out) ==
                   table + "/address: there is no memory of 8192 bytes at " + out);
    BOOST_TEST(refused(v3, table + "/address", v3["gic"]["pending_tables"][1]["address"])
                   .ends_with(" is there twice"));
    BOOST_TEST(
        refused(v3, table + "/bytes", 8193).starts_with(table + "/bytes: must be a number from 1 to 8192"));
    BOOST_TEST(
        refused(v3, table + "/bytes", 0).starts_with(table + "/bytes: must be a number from 1 to 8192"));
    BOOST_TEST(refused(v3, table + "/data", "*") == table + "/data: is not base64 of at most 8192 bytes");
    BOOST_TEST(refused(v3, table + "/data", base64(std::vector<std::byte>(8193))) ==
               table + "/data: is not base64 of at most 8192 bytes");
    BOOST_TEST(refused(wired, "/gic/pending_tables", v3["gic"]["pending_tables"]) ==
               "/gic/pending_tables: without an ITS there are no LPIs");
}

BOOST_AUTO_TEST_CASE(too_many_vcpus_are_refused) {
    Json v2 = json_of_state(*wired_state("v2"));
    for (int id = 2; id < 9; ++id) {
        v2["vcpus"].push_back(v2["vcpus"][1]);
        v2["vcpus"].back()["agent"]["id"] = id;
    }
    BOOST_TEST(message_about(v2) == "/vcpus: a GICv2 has at most 8 CPUs");
    Json v3 = json_of_state(*wired_state("v3"));
    for (int id = 2; id < 256; ++id) v3["vcpus"].push_back(v3["vcpus"][1]);
    BOOST_TEST(message_about(v3) == "/vcpus: 256 vCPUs are more than 255");
}

BOOST_AUTO_TEST_CASE(a_state_that_does_not_fit_the_scenario_is_told_when_it_is_loaded) {
    const StateFolder folder;
    const auto message = [&](const PortableState& state, const std::string& machine,
                             const char* vcpus = "2") {
        static_cast<void>(folder.file(arm::state_text(state)));
        const std::string head = "\"vcpus\": " + std::string(vcpus) + ", \"machine\": { " + machine +
                                 R"( }, "modes": { "only": ["model"], "because": "so" })";
        try {
            load_text(
                arm64_scenario(
                    head,
                    R"({ "restore": { "file": "state.json" } }, { "check": { "intid": 40, "pending": true } })"),
                (folder.path / "scenario.json").string());
        } catch (const ScenarioError& error) {
            BOOST_TEST((error.kind() == ScenarioError::Kind::invalid));
            return error.pointer() + ": " + error.reason();
        }
        return std::string("accepted");
    };
    const std::string which = "/steps/0: the state in state.json cannot be restored in model mode: it ";
    const auto v2 = wired_state("v2");
    const auto v3 = wired_state("v3");
    const auto its = its_state();
    BOOST_TEST(message(*v2, R"("memory": "0x10000", "gic": "v3")") == which + "is that of a GICv2");
    BOOST_TEST(message(*v3, R"("memory": "0x10000", "gic": "v2")") == which + "is that of a GICv3");
    BOOST_TEST(message(*v3, R"("memory": "0x10000", "spis": 96)") == which + "is that of a GIC with 64 SPIs");
    BOOST_TEST(message(*v3, R"("memory": "0x10000", "its": true)") ==
               which + "has no ITS, and this machine has");
    BOOST_TEST(message(*its, R"("memory": "0x100000")") == which + "has an ITS, and this machine has none");
    BOOST_TEST(message(*v3, R"("memory": "0x20000")") ==
               which + "is that of a machine with another \"memory\"");
    BOOST_TEST(message(*v3, R"("memory": "0x10000")", "3") ==
               which + "is that of a machine with other vCPUs");
    BOOST_TEST(message(*v3, R"("memory": "0x10000")") == "accepted");
    BOOST_TEST(message(*its, R"("memory": "0x100000", "its": true)") == "accepted");
}

BOOST_AUTO_TEST_CASE(the_schema_and_the_reader_agree_on_fields) {
    const auto accepts = [](const Json& json) {
        return state_schema_accepts(nlohmann::json::parse(json.dump()));
    };
    const Json whole = json_of_state(*its_state());
    for (const auto& state : {wired_state("v2"), wired_state("v3"), its_state()})
        BOOST_TEST(accepts(json_of_state(*state)));
    const std::pair<const char*, Json> bad[] = {{"/irqbench_state", 1},
                                                {"/arch", "x86_64"},
                                                {"/surprise", 1},
                                                {"/mode", "split"},
                                                {"/gic/version", 4},
                                                {"/gic/spis", 31},
                                                {"/gic/distributor/gicd_ctlr", 1},
                                                {"/gic/distributor/GICD_CTLR", true},
                                                {"/gic/pending_tables/0/bytes", 8193},
                                                {"/gic/its", 0},
                                                {"/vcpus/0/cpu/marker", 16},
                                                {"/vcpus/0/agent/rest/state", "asleep"},
                                                {"/vcpus/0/cpu/core", Json::object({{"x0", "0x1"}})},
                                                {"/routes/0/pin", 988},
                                                {"/vcpus", Json::array()}};
    for (const auto& [pointer, value] : bad) {
        Json changed = whole;
        changed[Json::json_pointer(pointer)] = value;
        BOOST_TEST(!accepts(changed), pointer);
        BOOST_TEST(message_about(changed) != "accepted", pointer);
    }
}

BOOST_AUTO_TEST_CASE(no_part_of_a_file_is_taken_for_the_whole) {
    const std::string text = arm::state_text(*its_state());
    const StateFolder folder;
    for (std::size_t length = 0; length + 2 < text.size(); length += 37)
        BOOST_TEST(complaint_about(folder.file(text.substr(0, length)), "arm64") != "accepted",
                   length << " bytes");
}

// Whatever the values are, a machine refuses them or goes on: each of a file once, and two at a time.
BOOST_AUTO_TEST_CASE(no_file_makes_a_machine_do_harm) {
    const StateFolder folder;
    irqchip::Random random(1);
    std::size_t accepted = 0;
    const auto go_on = [&](const Json& json, const vmm::MachineConfig& config) {
        try {
            const auto state = arm::read_state(read_document(folder.file(json.dump())));
            vmm::Trace trace;
            const auto machine = vmm::make_machine(config, trace);
            machine->restore(*state, {});
            static_cast<void>(machine->settle());
            machine->set_line(10, false, false);
            machine->msi({0x08090040, 5, 3});
            static_cast<void>(machine->settle());
            static_cast<void>(machine->save_portable());
            ++accepted;
        } catch (const ScenarioError&) {
        } catch (const std::invalid_argument&) {
        }
    };
    std::size_t tried = 0;
    for (const auto& saved : {wired_state("v2"), wired_state("v3"), its_state()}) {
        const Json whole = json_of_state(*saved);
        const vmm::MachineConfig config = config_of(*saved);
        std::vector<std::string> places;
        const Json flat = whole.flatten();
        for (const auto& [pointer, value] : flat.items())
            if (!value.is_null() && !pointer.starts_with("/routes/1")) places.push_back(pointer);
        const auto any = [&] {
            const Json values[] = {0, 1, true, "0xffffffffffffffff", random() % 256, "0xffffffff", "0x5a"};
            return values[random() % std::size(values)];
        };
        for (const std::string& place : places) {
            Json changed = whole;
            changed[Json::json_pointer(place)] = any();
            go_on(changed, config);
        }
        for (int round = 0; round < 200; ++round) {
            Json changed = whole;
            for (int change = 0; change < 2; ++change)
                changed[Json::json_pointer(places[random() % places.size()])] = any();
            go_on(changed, config);
        }
        tried += places.size() + 200;
    }
    BOOST_TEST(accepted > tried / 10);
    BOOST_TEST(accepted < tried);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::scenarios
