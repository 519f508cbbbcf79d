#include "scenarios/engine/document.hpp"

#include <array>
#include <boost/test/unit_test.hpp>

namespace irqbench::scenarios {

BOOST_AUTO_TEST_SUITE(document)

std::string message_of(std::string_view text) {
    try {
        parse_document("file.json", text);
    } catch (const ScenarioError& error) {
        BOOST_TEST((error.kind() == ScenarioError::Kind::malformed));
        return error.what();
    }
    return "accepted";
}

BOOST_AUTO_TEST_CASE(every_value_knows_the_line_it_begins_on) {
    const Document document = parse_document("file.json", R"({ // 1
  "number": 10
  ,
  "object":
    { "inside": true,
      "array": [ 1
        ,
        /* a comment
           over lines */ 2
      ] } })");
    const Node& object = *document.root.find("object");
    const Node::Array& array = *object.find("array")->array();
    BOOST_TEST(document.root.line == 1U);
    BOOST_TEST(document.root.find("number")->line == 2U);
    BOOST_TEST(object.line == 5U);
    BOOST_TEST(object.find("inside")->line == 5U);
    BOOST_TEST(array[0].line == 6U);
    BOOST_TEST(array[1].line == 9U);
}

BOOST_AUTO_TEST_CASE(pointers_escape_what_rfc_6901_says) {
    BOOST_TEST(message_of(R"({ "a/b": { "c~d": [ 0, ] } })") ==
               "file.json:1: /a~1b/c~0d/1: the comma before ']' has nothing after it: remove it");
}

BOOST_AUTO_TEST_CASE(nesting_is_bounded) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    BOOST_TEST(message_of(nested(max_nesting)) == "accepted");
    BOOST_TEST(message_of(nested(max_nesting + 1)).find("nested deeper than 32 levels") != std::string::npos);
    // Far beyond the bound it must not recurse either.
    BOOST_TEST(message_of(nested(1'000'000)).find("nested deeper than 32 levels") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(text_is_bounded) {
    BOOST_TEST(message_of(std::string(max_file_bytes + 1, ' ')) == "file.json:1: /: larger than 64 MiB");
}

BOOST_AUTO_TEST_CASE(the_number_of_values_is_bounded) {
    std::string text = "[";
    for (std::size_t i = 0; i < max_values; ++i) text += "0,";
    text += "0]";
    BOOST_TEST(message_of(text).find("more than 4000000 values in one file") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_is_read_no_further_than_its_bound) {
    // /dev/zero never ends.
    BOOST_CHECK_EXCEPTION(read_document("/dev/zero"), ScenarioError, [](const ScenarioError& error) {
        return std::string(error.what()) == "/dev/zero:1: /: larger than 64 MiB";
    });
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_malformed_input) {
    const auto message = [](const char* path) {
        try {
            read_document(path);
        } catch (const ScenarioError& error) {
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    BOOST_TEST(message("/no/such/file.json") ==
               "/no/such/file.json:1: /: cannot be read: No such file or directory");
    BOOST_TEST(message("/") == "/:1: /: cannot be read: Is a directory");
}

BOOST_AUTO_TEST_CASE(any_bytes_are_refused_or_read_but_never_crash) {
    const std::string base = R"({ "name": "x", "steps": [ { "ack": "0x51" }, { "raise": 10 } ] })";
    for (std::size_t at = 0; at < base.size(); ++at)
        for (const char byte : {'\0', '\xff', '"', '{', ']', ',', '\n', '\\'}) {
            std::string text = base;
            text[at] = byte;
            BOOST_TEST(!message_of(text).empty());
            BOOST_TEST(!message_of(std::string_view(text).substr(0, at)).empty());
        }
}

BOOST_AUTO_TEST_CASE(a_step_is_printed_on_one_line_without_its_inner_steps) {
    const Document document = parse_document("file.json", R"({
        "ioapic":   { "pin": 10,    "vector": "0x51" }, // comment
        "repeat": { "times": 3, "steps": [ { "raise": 10 }, { "ack": [ 1, 2 ] } ] } })");
    BOOST_TEST(on_one_line(*document.root.find("ioapic")) == R"({ "pin": 10, "vector": "0x51" })");
    BOOST_TEST(on_one_line(*document.root.find("repeat")) == R"({ "times": 3, "steps": [ ... ] })");
}

BOOST_AUTO_TEST_CASE(a_long_step_is_cut) {
    std::string text = "[";
    for (int i = 0; i < 1000; ++i) text += "100000,";
    const Document document = parse_document("file.json", text + "0]");
    const std::string line = on_one_line(document.root, 40);
    BOOST_TEST(line.size() < 60U);
    BOOST_TEST(line.ends_with("...]"));
}

BOOST_AUTO_TEST_CASE(the_closest_word_is_suggested) {
    constexpr std::array<std::string_view, 3> words{"vector", "vcpu", "times"};
    BOOST_TEST(suggestion("vektor", words) == ", did you mean 'vector'?");
    BOOST_TEST(suggestion("VCPU", words) == ", did you mean 'vcpu'?");
    BOOST_TEST(suggestion("PIN", words) == ": use vector, vcpu, times");
    BOOST_TEST(suggestion("time", words) == ", did you mean 'times'?");
}

BOOST_AUTO_TEST_CASE(swapped_neighbours_are_one_mistake) {
    constexpr std::array<std::string_view, 2> words{"ack", "pic"};
    BOOST_TEST(suggestion("akc", words) == ", did you mean 'ack'?");
    BOOST_TEST(suggestion("PCI", words) == ", did you mean 'pic'?");
    BOOST_TEST(suggestion("kca", words) == ": use ack, pic");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::scenarios
