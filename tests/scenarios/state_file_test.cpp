#include "scenarios/verbs/x86/state_file.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/base64.hpp"
#include "scenarios/engine/fields.hpp"
#include "scenarios/engine/load.hpp"
#include "scenarios/engine/run.hpp"
#include "scenarios/engine/state_files.hpp"
#include "tests/irqchip/random_source.hpp"
#include "tests/scenarios/files.hpp"
#include "vmm/factory.hpp"
#include "vmm/portable_state.hpp"

namespace irqbench::scenarios {

namespace {

namespace fs = std::filesystem;
using vmm::PortableState;

/// A folder that goes with it.
struct Folder {
    fs::path path;
    Folder() {
        std::string name = (fs::temp_directory_path() / "state-file-test-XXXXXX").string();
        BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    [[nodiscard]] fs::path file(const std::string& text) const {
        std::ofstream(path / "state.json", std::ios::binary) << text;
        return path / "state.json";
    }
};

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

std::string message_of(const fs::path& path) {
    try {
        static_cast<void>(verbs::x86::read_state(path));
    } catch (const ScenarioError& error) {
        BOOST_TEST((error.kind() == ScenarioError::Kind::malformed));
        BOOST_TEST(error.file() == path.string());
        return (error.pointer().empty() ? "/" : error.pointer()) + ": " + error.reason();
    }
    return "accepted";
}

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
    const Folder folder;
    const auto saved = full_state();
    const std::string text = verbs::x86::state_text(*saved);
    const auto read = verbs::x86::read_state(folder.file(text));
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
    const Folder folder;
    const auto refused = [&](const std::string& pointer, const Json& value) {
        return message_of(folder.file(changed(pointer, value)));
    };
    BOOST_TEST(refused("/irqbench_state", 99) ==
               "/irqbench_state: this irqbench reads version 2: save the state again");
    BOOST_TEST(refused("/arch", "arm64") == "/arch: must be \"x86_64\"");
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

BOOST_AUTO_TEST_CASE(no_part_of_a_file_is_taken_for_the_whole) {
    const Folder folder;
    const std::string text = verbs::x86::state_text(*full_state());
    for (std::size_t length = 0; length + 2 < text.size(); length += 37)
        BOOST_TEST(message_of(folder.file(text.substr(0, length))) != "accepted", length << " bytes");
}

// Whatever the values are, a machine refuses them or goes on.
BOOST_AUTO_TEST_CASE(no_file_makes_a_machine_do_harm) {
    const Folder folder;
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
            const auto state = verbs::x86::read_state(folder.file(changed.dump()));
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
    const Folder folder;
    std::ofstream(folder.path / "mine.json") << "dear diary";
    StateFiles files(*find_architecture("x86_64"), folder.path);
    BOOST_CHECK_THROW(files.write("mine.json", *full_state()), std::runtime_error);
    BOOST_TEST(read_text(folder.path / "mine.json") == "dear diary");
    files.write("state.json", *full_state());
    files.write("state.json", *full_state());
    BOOST_TEST(verbs::x86::state_text(*files.read("state.json")) == verbs::x86::state_text(*full_state()));
    BOOST_TEST(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 2);
}

BOOST_AUTO_TEST_CASE(a_scenario_goes_on_from_a_file_beside_it) {
    const Folder folder;
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
