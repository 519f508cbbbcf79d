#include "scenarios/engine/schema.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <set>
#include <sstream>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/load.hpp"
#include "scenarios/engine/steps.hpp"
#include "tests/scenarios/files.hpp"
#include "tests/scenarios/schema_validator.hpp"

namespace irqbench::scenarios {

BOOST_AUTO_TEST_SUITE(schema_of_scenarios)

nlohmann::json parse(const std::string& text) { return nlohmann::json::parse(text, nullptr, true, true); }

BOOST_AUTO_TEST_CASE(the_shipped_schema_is_the_one_the_loader_gives) {
    BOOST_TEST((read_text(source_dir() / "scenarios/schema/scenario.schema.json") == pretty(schema())),
               "write it anew: irqbench schema > scenarios/schema/scenario.schema.json");
}

BOOST_AUTO_TEST_CASE(the_shipped_verb_reference_is_the_one_the_loader_gives) {
    BOOST_TEST((read_text(source_dir() / "scenarios/schema/verbs.md") == verb_reference()),
               "write it anew: irqbench schema --verbs > scenarios/schema/verbs.md");
}

BOOST_AUTO_TEST_CASE(the_schema_accepts_every_file_of_the_library) {
    std::size_t count = 0;
    for (const auto& file : library_files()) {
        BOOST_TEST(schema_accepts(parse(read_text(file))), file);
        ++count;
    }
    BOOST_TEST(count > 0U);
}

/// What both must say of a file with this one step.
void both_say(bool accepted, const std::string& step) {
    const std::string text = file_with(R"({ "raise": 10 }, { "ack": "0x51" }, )" + step, R"(
        { "irqfd": { "name": "dev", "gsi": 10, "resample": true } },
        { "ioeventfd": { "name": "bell", "port": "0x500" } },
        { "handler": { "vector": "0x51", "stays": true } })",
                                       R"("modes": { "only": [ "split" ], "because": "EOI exits" })");
    bool loads = true;
    try {
        load_text(text, "file.json");
    } catch (const ScenarioError&) {
        loads = false;
    }
    BOOST_TEST(loads == accepted, "the loader, of " << step);
    BOOST_TEST(schema_accepts(parse(text)) == accepted, "the schema, of " << step);
}

BOOST_AUTO_TEST_CASE(hex_strings_have_the_range_of_numbers) {
    for (unsigned pin = 0; pin < 300; ++pin) {
        const bool is_pin = pin <= 23;
        both_say(is_pin, R"({ "mask": )" + std::to_string(pin) + " }");
        for (const char* format : {"\"0x%x\"", "\"0x%X\"", "\"0x00%x\""}) {
            std::array<char, 32> hex{};
            std::snprintf(hex.data(), hex.size(), format, pin);
            both_say(is_pin, std::string(R"({ "mask": )") + hex.data() + " }");
        }
    }
}

BOOST_AUTO_TEST_CASE(loader_and_schema_agree_on_the_forms_of_a_verb) {
    for (
        const char* good :
        {R"({ "ack": "nmi" })",
         R"({ "ack": [ "0x51", 82, { "vcpu": "any", "vector": [ 1, 2 ], "times": 3 } ] })",
         R"({ "ack": { "any_order": [ "0x51", "0x52" ] } })",
         R"({ "arrives": { "vector": "0x51", "not_before_us": 100 } })",
         R"({ "arrives": { "any_order": [ 1 ], "not_before_us": 100 } })", R"({ "quiet": true })",
         R"({ "quiet": { "vcpu": [ 0 ] } })", R"({ "quiet": { "vector": "0x61" } })",
         R"({ "routes": "empty" })", R"({ "routes": { "table": "default", "errno": "EINVAL" } })",
         R"({ "routes": { "fill": { "count": 4096, "msi": { "vector": 1 } } } })",
         R"({ "routes": [ { "gsi": 1, "to": [ { "pic": 1 }, { "ioapic": 1 } ] } ] })",
         R"({ "timer": "off" })", R"({ "check": { "lapic": { "isr": [], "ppr": 0 } } })",
         R"({ "check": { "ioapic": { "pin": 1, "trigger": "level", "delivery_mode": 2 } } })",
         R"({ "write": { "lapic": "icr", "value": "0xffffffff00000000" } })",
         R"({ "eoi_exits": { "count": 0, "vector": 1 } })",
         R"({ "repeat": { "times": 2, "steps": [ { "repeat": { "times": 2, "steps": [ { "sti": 0 } ] } } ] } })"})
        both_say(true, good);
    for (const char* bad :
         {R"({ "ack": "NMI" })", R"({ "ack": { "any_order": [] } })", R"({ "ack": true })",
          R"({ "arrives": { "any_order": [ 1 ], "times": 2 } })", R"({ "quiet": "true" })",
          R"({ "routes": [] })", R"({ "routes": { "errno": "EINVAL" } })", R"({ "timer": true })",
          R"({ "check": { "lapic": { "isr": [ 256 ] } } })", R"({ "check": {} })",
          R"({ "check": { "ioapic": { "pin": 1, "trigger": "fixed" } } })",
          R"({ "write": { "msr": 1, "value": 1, "size": 4 } })", R"({ "read": { "is": 1 } })",
          R"({ "cli": {} })", R"({ "cli": null })", R"({ "until": "x" })", R"({})"})
        both_say(false, bad);
}

/// Every key the schema knows below a place, and every word it lists there.
void collect_keys(const Json& schema, std::set<std::string>& keys) {
    if (!schema.is_structured()) return;
    for (const auto& item : schema.items()) {
        if (schema.is_object() && item.key() == "properties")
            for (const auto& property : item.value().items()) keys.insert(property.key());
        collect_keys(item.value(), keys);
    }
}

/// Words in backticks or in code of the README, taken apart.
std::set<std::string> readme_words() {
    const std::string text = read_text(source_dir() / "scenarios/README.md");
    std::set<std::string> words;
    std::string word;
    for (const char c : text + " ") {
        const bool part = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (part) {
            word += c;
        } else if (!word.empty()) {
            words.insert(word);
            word.clear();
        }
    }
    return words;
}

BOOST_AUTO_TEST_CASE(the_readme_names_every_verb_and_every_key) {
    const auto words = readme_words();
    std::set<std::string> keys;
    for (const Architecture* architecture : architectures()) {
        for (const VerbInfo& info : architecture->verbs) {
            keys.insert(std::string(info.name));
            // The fields a check may name are those of the register tables; verbs.md lists them.
            if (info.name != "check") collect_keys(info.schema(), keys);
        }
        collect_keys(architecture->machine_schema(), keys);
    }
    for (const std::string_view name : block_names()) {
        keys.insert(std::string(name));
        collect_keys(block_schema(name), keys);
    }
    collect_keys(schema()["definitions"]["x86_64.scenario"], keys);
    for (const std::string& key : keys)
        BOOST_TEST(words.contains(key), "scenarios/README.md does not mention " << key);
}

/// The verbs of the README's tables: the words in backticks in the first column.
std::set<std::string> readme_verbs() {
    std::set<std::string> found;
    std::istringstream text(read_text(source_dir() / "scenarios/README.md"));
    bool in_verbs = false;
    for (std::string line; std::getline(text, line);) {
        if (line.starts_with("## ")) in_verbs = line.starts_with("## Verbs") || line.starts_with("## Blocks");
        if (!in_verbs || !line.starts_with("| `")) continue;
        const std::string column = line.substr(0, line.find(" | "));
        for (std::size_t at = column.find('`'); at != std::string::npos; at = column.find('`', at)) {
            const std::size_t end = column.find('`', at + 1);
            found.insert(column.substr(at + 1, end - at - 1));
            at = end + 1;
        }
    }
    return found;
}

BOOST_AUTO_TEST_CASE(every_verb_of_the_readme_exists) {
    std::set<std::string> known;
    for (const Architecture* architecture : architectures())
        for (const VerbInfo& info : architecture->verbs) known.insert(std::string(info.name));
    for (const std::string_view name : block_names()) known.insert(std::string(name));
    const auto named = readme_verbs();
    BOOST_TEST(named.size() > 40U);
    for (const std::string& verb : named)
        BOOST_TEST(known.contains(verb), "scenarios/README.md has a verb " << verb);
    for (const std::string& verb : known)
        BOOST_TEST(named.contains(verb), "no table of scenarios/README.md has " << verb);
}

BOOST_AUTO_TEST_CASE(every_example_of_the_readme_loads) {
    const std::string text = read_text(source_dir() / "scenarios/README.md");
    const std::string fence = "```jsonc\n";
    std::size_t count = 0;
    for (std::size_t at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
        at += fence.size();
        const std::string example = text.substr(at, text.find("```", at) - at);
        if (!example.starts_with("{")) continue;
        BOOST_CHECK_NO_THROW(load_text(example, "README.md"));
        BOOST_TEST(schema_accepts(parse(example)));
        ++count;
    }
    BOOST_TEST(count >= 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::scenarios
