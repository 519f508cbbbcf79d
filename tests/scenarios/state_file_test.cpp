#include "scenarios/verbs/x86/state_file.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/base64.hpp"
#include "scenarios/engine/fields.hpp"
#include "scenarios/engine/load.hpp"
#include "scenarios/engine/run.hpp"
#include "scenarios/engine/schema.hpp"
#include "scenarios/engine/state_files.hpp"
#include "tests/irqchip/random_source.hpp"
#include "tests/scenarios/files.hpp"
#include "tests/scenarios/schema_validator.hpp"
#include "tests/scenarios/state_folder.hpp"
#include "vmm/factory.hpp"
#include "vmm/portable_state.hpp"

namespace irqbench::scenarios {

namespace {

namespace fs = std::filesystem;
using vmm::PortableState;

vmm::MachineConfig config() {
    vmm::MachineConfig config;
    config.placement = "model";
    config.arch = "x86_64";
    config.vcpu_ids = {0, 1};
    config.memory = 0x2000;
    config.pit = true;
    return config;
}

/// Of a machine with something in every corner.
std::shared_ptr<const vmm::MachineState> full_state() {
    vmm::Trace trace;
    const auto machine = vmm::make_machine(config(), trace);
    machine->set_line(10, true, false);
    machine->assign_irqfd({"dev", 21, true, {}, false});
    machine->assign_ioeventfd({"bell", 0xd0000000, false, 4, 7});
    machine->handler(1, 0x51, 0x29, 10);
    const vmm::GuestOp cli{OP_CLI, 4, 0, 0, false, "cli"};
    machine->guest(0, std::span(&cli, 1));
    BOOST_REQUIRE(machine->settle());
    const vmm::GuestOp write{OP_WRITE, 4, vmm::scenario_memory + 0x10, 0x1234, false, "write"};
    machine->guest(1, std::span(&write, 1));
    machine->msi({0xfee00000, 0x61, std::nullopt});
    BOOST_REQUIRE(machine->settle());
    return machine->save_portable();
}

std::string message_of(const fs::path& path) { return complaint_about(path, "x86_64"); }

/// The state with one thing changed.
std::string changed(const std::string& pointer, const Json& value) {
    Json json = Json::parse(verbs::x86::state_text(*full_state()));
    json[Json::json_pointer(pointer)] = value;
    return json.dump();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(state_file)

BOOST_AUTO_TEST_CASE(bytes_come_back_from_base64) {
    irqchip::Random random(1);
    for (std::size_t length = 0; length < 70; ++length) {
        std::vector<std::byte> bytes(length);
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
        BOOST_TEST((from_base64(base64(bytes)) == bytes));
    }
    BOOST_TEST(base64(std::as_bytes(std::span("foob", 4))) == "Zm9vYg==");
    for (const char* bad : {"Z", "Zm9", "Zm9=v", "Zm==Zm9v", "Zm9vYh==", "====", "Zm 9"})
        BOOST_TEST(!from_base64(bad), bad);
}

BOOST_AUTO_TEST_CASE(what_is_read_is_what_was_written) {
    const StateFolder folder;
    const auto saved = full_state();
    const std::string text = verbs::x86::state_text(*saved);
    const auto read = verbs::x86::read_state(read_document(folder.file(text)));
    BOOST_TEST(verbs::x86::state_text(*read) == text);
    const auto& state = dynamic_cast<const PortableState&>(*read);
    const auto& former = dynamic_cast<const PortableState&>(*saved);
    BOOST_TEST((state.pc.chips == former.pc.chips));
    BOOST_TEST((state.routes == former.routes));
    BOOST_TEST(state.irqfds.at(0).spec.name == "dev");
    BOOST_TEST(state.ioeventfds.at(0).spec.datamatch.value() == 7U);
    BOOST_TEST(state.vcpus.at(1).handlers.at(0).lowers.value() == 10U);
    BOOST_TEST(!state.pc.cpus.at(0).interrupts_enabled);
    BOOST_TEST((state.memory.at(vmm::scenario_memory) == former.memory.at(vmm::scenario_memory)));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_with_its_place) {
    const StateFolder folder;
    const auto refused = [&](const std::string& pointer, const Json& value) {
        return message_of(folder.file(changed(pointer, value)));
    };
    BOOST_TEST(refused("/irqbench_state", 99) ==
               "/irqbench_state: this irqbench reads version 2: save the state again");
    BOOST_TEST(refused("/arch", "arm64") ==
               "/arch: this is the state of a machine of arm64, and none of x86_64 can go on from it");
    BOOST_TEST(refused("/arch", "alpha") == "/arch: must be \"x86_64\"");
    BOOST_TEST(refused("/surprise", 1).starts_with("/surprise: unknown key 'surprise'"));
    BOOST_TEST(refused("/ioapic/entries", Json::array({1})) ==
               "/ioapic/entries: has 1 elements: 24 are needed");
    BOOST_TEST(refused("/ioapic/entries/3", "0x1ffffffffffffffff")
                   .starts_with("/ioapic/entries/3: must be a number of at most 64 bits"));
    BOOST_TEST(refused("/vcpus/0/lapic/registers/nonsense", 1)
                   .starts_with("/vcpus/0/lapic/registers/nonsense: unknown key 'nonsense'"));
    BOOST_TEST(refused("/vcpus/0/agent/rest/state", "asleep")
                   .starts_with("/vcpus/0/agent/rest/state: unknown word \"asleep\""));
    BOOST_TEST(refused("/vcpus/1/agent/handlers/0/vector", 256)
                   .starts_with("/vcpus/1/agent/handlers/0/vector: must be a number from 0 to 255"));
    BOOST_TEST(refused("/routes/0/pin", 24).starts_with("/routes/0/pin: must be a number from 0 to 23"));
    BOOST_TEST(refused("/pit/channels/0/mode", 6).starts_with("/pit/channels/0/mode: must be"));
    BOOST_TEST(refused("/memory/0/address", "0xfffffffffffff000") ==
               "/memory/0: there is no memory at 0xfffffffffffff000");
    BOOST_TEST(refused("/memory/0/address", "0x10000001") == "/memory/0: there is no memory at 0x10000001");
    BOOST_TEST(refused("/memory/0/data", "*") == "/memory/0: is not base64 of at most 4096 bytes");
    BOOST_TEST(refused("/memory/0/data", base64(std::vector<std::byte>(4097))) ==
               "/memory/0: is not base64 of at most 4096 bytes");
    BOOST_TEST(message_of(folder.file("[]")).starts_with("/: is not a saved state"));
    BOOST_TEST(message_of(folder.file("{}")).starts_with("/: is not a saved state"));
    BOOST_TEST(message_of(folder.path / "missing.json").starts_with("/: cannot be read"));
}

BOOST_AUTO_TEST_CASE(what_no_machine_can_have_been_is_said_with_its_place) {
    const StateFolder folder;
    const auto refused = [&](const std::string& pointer, const Json& value) {
        return message_of(folder.file(changed(pointer, value)));
    };
    BOOST_TEST(refused("/mode", "kernal") == "/mode: unknown irqchip mode, did you mean 'kernel'?");
    BOOST_TEST(refused("/mode", "split") == "/pit: there is no PIT in split mode");
    BOOST_TEST(refused("/mode", "kernel") == "/vcpus/0/cpu: needs the key 'core' in kernel mode");
    BOOST_TEST(refused("/vcpus/1/agent/id", 0) == "/vcpus/1/agent/id: two vCPUs have the id 0");
    BOOST_TEST(refused("/vcpus/0/agent/rest/depth", 1) ==
               "/vcpus/0/agent/rest/depth: is 0 of a vCPU that is idle");
    BOOST_TEST(refused("/vcpus/0/agent/rest/state", "in_handler") ==
               "/vcpus/0/agent/rest/depth: is at least 1 of a vCPU that is in a handler");
    BOOST_TEST(refused("/vcpus/0/cpu/agent_lapic", "0xfee00001") ==
               "/vcpus/0/cpu/agent_lapic: is the address of a page");
    BOOST_TEST(refused("/vcpus/0/lapic/apic_base", "0xfee00d01") ==
               "/vcpus/0/lapic/apic_base: reserved bits are set: 0x1");
    BOOST_TEST(refused("/vcpus/0/lapic/apic_base", "0xfee00500") ==
               "/vcpus/0/lapic/apic_base: is in x2APIC mode and disabled, which no local APIC can be");
    BOOST_TEST(
        refused("/vcpus/1/lapic/apic_base", "0xfee00c00").starts_with("/vcpus/1/lapic/registers/id: is"));
    BOOST_TEST(refused("/ioapic/entries/3", "0x20000") ==
               "/ioapic/entries/3: reserved bits are set: 0x20000");
    BOOST_TEST(refused("/ioapic/id", 1) == "/ioapic/id: reserved bits are set: the id is in 27:24");
    BOOST_TEST(refused("/ioapic/irr", "0x1000000") == "/ioapic/irr: there are 24 pins");
    BOOST_TEST(refused("/pic/master/base", "0x21") == "/pic/master/base: is a multiple of 8");
    BOOST_TEST(refused("/pic/slave/elcr", "0x21") ==
               "/pic/slave/elcr: lines that are always edge-triggered: 0x21");
    Json json = Json::parse(verbs::x86::state_text(*full_state()));
    json["pit"]["channels"][0]["access"] = "high";
    json["pit"]["channels"][0]["low_byte"] = 1;
    BOOST_TEST(message_of(folder.file(json.dump())) ==
               "/pit/channels/0/low_byte: is there only where two bytes are written");
    BOOST_TEST(refused("/irqfds/0/spec/shares", "nobody") ==
               "/irqfds/0/spec/shares: no irqfd before this one has that name");
    BOOST_TEST(refused("/ioeventfds/0/spec/name", "dev") ==
               "/ioeventfds/0/spec/name: the name is that of another");
    BOOST_TEST(refused("/ioeventfds/0/spec/length", 3) ==
               "/ioeventfds/0/spec/length: must be 0, 1, 2, 4 or 8");
    json = Json::parse(verbs::x86::state_text(*full_state()));
    json["mode"] = "userspace";
    const Json general = {{"rflags", 2}};
    for (auto& vcpu : json["vcpus"])
        vcpu["cpu"]["core"] = {{"general", general},
                               {"segments", Json::object()},
                               {"gdt", Json::object()},
                               {"idt", Json::object()}};
    const auto with = [&](const std::string& place, const Json& value) {
        Json other = json;
        other[Json::json_pointer("/vcpus/0/cpu/core/" + place)] = value;
        return message_of(folder.file(other.dump()));
    };
    const std::string core = "/vcpus/0/cpu/core/";
    BOOST_TEST(with("efer", "0x101") == "accepted");
    BOOST_TEST(with("efer", 2) == core + "efer: reserved bits are set: 0x2");
    BOOST_TEST(with("efer", "0x500").starts_with(core + "efer: LMA is set in long mode only"));
    BOOST_TEST(with("general/rflags", 4) == core + "general/rflags: bit 1 is always set");
    BOOST_TEST(with("cr0", "0x80000000") == core + "cr0: has paging without protected mode");
}

// What it would say as it runs, `check` says, too.
BOOST_AUTO_TEST_CASE(a_state_that_does_not_fit_the_scenario_is_told_when_it_is_loaded) {
    const StateFolder folder;
    static_cast<void>(folder.file(verbs::x86::state_text(*full_state())));
    const auto message = [&](const std::string& head) {
        try {
            load_text(file_with(R"({ "restore": { "file": "state.json" } }, { "sti": 0 }, { "ack": "0x61" })",
                                "", head),
                      (folder.path / "scenario.json").string());
        } catch (const ScenarioError& error) {
            BOOST_TEST((error.kind() == ScenarioError::Kind::invalid));
            return error.pointer() + ": " + error.reason();
        }
        return std::string("accepted");
    };
    const std::string model = R"(, "modes": { "only": ["model"], "because": "so" })";
    const std::string which = "/steps/0: the state in state.json cannot be restored in ";
    BOOST_TEST(message(R"("vcpus": 1, "machine": { "pit": true, "memory": "0x2000" })" + model) ==
               which + "model mode: it is that of a machine with other vCPUs");
    BOOST_TEST(message(R"("vcpus": 2, "machine": { "pit": true, "memory": "0x3000" })" + model) ==
               which + "model mode: it is that of a machine with another \"memory\"");
    BOOST_TEST(message(R"("vcpus": 2, "machine": { "memory": "0x2000" })" + model) ==
               which + "model mode: it has a PIT, and this machine has none");
    BOOST_TEST(message(R"("vcpus": 2, "run": "free", "machine": { "pit": true, "memory": "0x2000" })" +
                       model) == which + "model mode: it is that of another way to run (stepped or free)");
    BOOST_TEST(message(R"("vcpus": 2, "machine": { "pit": true, "memory": "0x2000" })" + model) ==
               "accepted");
}

BOOST_AUTO_TEST_CASE(the_shipped_schema_of_states_is_the_one_the_reader_gives) {
    BOOST_TEST((read_text(source_dir() / "scenarios/schema/state.schema.json") == pretty(state_schema())),
               "write it anew: irqbench schema --state > scenarios/schema/state.schema.json");
}

BOOST_AUTO_TEST_CASE(the_schema_and_the_reader_agree_on_fields) {
    const auto accepts = [](const std::string& text) {
        return state_schema_accepts(nlohmann::json::parse(text));
    };
    BOOST_TEST(accepts(verbs::x86::state_text(*full_state())));
    const std::pair<std::string, Json> bad[] = {{"/irqbench_state", 99},
                                                {"/arch", "arm64"},
                                                {"/surprise", 1},
                                                {"/mode", "kernal"},
                                                {"/ioapic/entries", Json::array({1})},
                                                {"/ioapic/entries/3", "0x1ffffffffffffffff"},
                                                {"/vcpus/0/lapic/registers/nonsense", 1},
                                                {"/vcpus/0/agent/rest/state", "asleep"},
                                                {"/vcpus/1/agent/handlers/0/vector", 256},
                                                {"/routes/0/pin", 24},
                                                {"/pit/channels/0/mode", 6},
                                                {"/pic/slave/lowest_priority", 8},
                                                {"/vcpus", Json::array()}};
    for (const auto& [pointer, value] : bad) {
        const std::string text = changed(pointer, value);
        BOOST_TEST(!accepts(text), pointer);
        BOOST_TEST(message_of(StateFolder().file(text)) != "accepted", pointer);
    }
}

BOOST_AUTO_TEST_CASE(no_part_of_a_file_is_taken_for_the_whole) {
    const StateFolder folder;
    const std::string text = verbs::x86::state_text(*full_state());
    for (std::size_t length = 0; length + 2 < text.size(); length += 37)
        BOOST_TEST(message_of(folder.file(text.substr(0, length))) != "accepted", length << " bytes");
}

// Whatever the values are, a machine refuses them or goes on.
BOOST_AUTO_TEST_CASE(no_file_makes_a_machine_do_harm) {
    const StateFolder folder;
    irqchip::Random random(1);
    const Json whole = Json::parse(verbs::x86::state_text(*full_state()));
    std::vector<std::string> places;
    const Json flat = whole.flatten();
    for (const auto& [pointer, value] : flat.items())
        if (!value.is_null()) places.push_back(pointer);
    std::size_t accepted = 0;
    for (int round = 0; round < 300; ++round) {
        Json changed = whole;
        for (int change = 0; change < 2; ++change) {
            const Json values[] = {0, 1, true, "0xffffffffffffffff", random() % 256, "0xffffffff", "0x5a"};
            changed[Json::json_pointer(places[random() % places.size()])] =
                values[random() % std::size(values)];
        }
        try {
            const auto state = verbs::x86::read_state(read_document(folder.file(changed.dump())));
            vmm::Trace trace;
            const auto machine = vmm::make_machine(config(), trace);
            machine->restore(*state, {});
            static_cast<void>(machine->settle());
            machine->set_line(10, false, false);
            static_cast<void>(machine->settle());
            ++accepted;
        } catch (const ScenarioError&) {
        } catch (const std::invalid_argument&) {
        }
    }
    BOOST_TEST(accepted > 10U);
    BOOST_TEST(accepted < 300U);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_state_is_not_overwritten) {
    const StateFolder folder;
    std::ofstream(folder.path / "mine.json") << "dear diary";
    StateFiles files(*find_architecture("x86_64"), folder.path);
    BOOST_CHECK_THROW(files.write("mine.json", *full_state()), std::runtime_error);
    BOOST_TEST(read_text(folder.path / "mine.json") == "dear diary");
    files.write("state.json", *full_state());
    files.write("state.json", *full_state());
    BOOST_TEST(verbs::x86::state_text(*files.read("state.json")) == verbs::x86::state_text(*full_state()));
    BOOST_TEST(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 2);
    // What is there by now is not this run's.
    std::ofstream(folder.path / "state.json") << "another run's";
    BOOST_TEST(verbs::x86::state_text(*files.read("state.json")) == verbs::x86::state_text(*full_state()));
    BOOST_TEST(!files.has("other.json"));
}

BOOST_AUTO_TEST_CASE(a_scenario_goes_on_from_a_file_beside_it) {
    const StateFolder folder;
    static_cast<void>(folder.file(verbs::x86::state_text(*full_state())));
    const std::string text = file_with(
        R"({ "restore": { "file": "state.json" } }, { "sti": 0 }, { "ack": "0x61" },
            { "signal": "dev" }, { "quiet": { "vcpu": [0] } })",
        "",
        R"("vcpus": 2, "machine": { "pit": true, "memory": "0x2000" }, "modes": { "only": ["model"], "because": "so" })");
    const Scenario scenario = load_text(text, (folder.path / "scenario.json").string());
    vmm::Trace trace;
    RunOptions options;
    options.config = config();
    const auto machine = vmm::make_machine(options.config, trace);
    BOOST_TEST(perform(scenario, *machine, trace, options).complete);
}

BOOST_AUTO_TEST_CASE(a_state_of_other_vcpus_is_refused) {
    vmm::Trace trace;
    auto other = config();
    other.vcpu_ids = {0};
    const auto machine = vmm::make_machine(other, trace);
    BOOST_CHECK_EXCEPTION(machine->restore(*full_state(), {}), vmm::Unreachable, [](const auto& error) {
        return std::string(error.what()).ends_with("it is that of a machine with other vCPUs");
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::scenarios
