#include "scenarios/engine/document.hpp"

#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <thread>

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

BOOST_AUTO_TEST_CASE(what_is_no_json_is_named) {
    const auto reason = [](std::string_view text) {
        const std::string message = message_of(text);
        const std::size_t pointer = message.find(": /") + 2;
        return message.substr(message.find(": ", pointer) + 2);
    };
    BOOST_TEST(reason("\xff\xfe{") == "is UTF-16: save the file as UTF-8");
    BOOST_TEST(reason("{ \"caf\xe9\": 1 }") == "a string is not UTF-8: save the file in that encoding");
    BOOST_TEST(
        reason("{ \u201cname\u201d: 1 }") ==
        "a character that is not ASCII stands outside of a string: is it a typographic quote or space?");
    BOOST_TEST(
        reason("{\xa0 }") ==
        "a character that is not ASCII stands outside of a string: is it a typographic quote or space?");
    BOOST_TEST(reason("{ 'name': 1 }") == "a string needs double quotes");
    BOOST_TEST(reason("# comment") == "a comment is // to the end of the line, or /* ... */");
    BOOST_TEST(reason("[ +5 ]") == "a number begins with a digit or '-'");
    BOOST_TEST(reason("[ yes ]") == "a word needs quotes, unless it is true, false or null");
    BOOST_TEST(reason(R"({ "name" 1 })") == "a ':' is missing after the key");
    BOOST_TEST(reason("[ , 1 ]") == "a value is missing before the ','");
    BOOST_TEST(reason("{ 10: 1 }") == "a key is a string in double quotes");
    BOOST_TEST(reason(R"([ "\q" ])") == R"(a string has an unknown escape: write a backslash as \\)");
    BOOST_TEST(reason(R"([ "\u12" ])") == R"(\u needs four hex digits after it)");
    BOOST_TEST(reason(R"([ "\ud800" ])").starts_with("half a surrogate pair is no character"));
    BOOST_TEST(reason(R"([ "open)") == "a string has no end: '\"' is missing");
    BOOST_TEST(reason("[ /* open") == "a comment has no end: '*/' is missing");
    BOOST_TEST(reason(R"({ "open": [ 1 ], )") == "the file ends here, and a '}' is missing");
}

BOOST_AUTO_TEST_CASE(nothing_is_read_past_a_nul_byte) {
    using namespace std::string_view_literals;
    BOOST_TEST(message_of("{}\n\0 garbage"sv) == "file.json:2: /: has a NUL byte in it: JSON is text");
    BOOST_TEST(message_of("\0{\0}"sv) == "file.json:1: /: has a NUL byte in it: JSON is text");
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
    BOOST_TEST(message_of(text).find("more than 5000000 values in one file") != std::string::npos);
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

BOOST_AUTO_TEST_CASE(a_pipe_is_read_and_one_that_nobody_writes_to_is_not_waited_for) {
    int ends[2];
    BOOST_REQUIRE(pipe(ends) == 0);
    const std::string path = "/dev/fd/" + std::to_string(ends[0]);
    {
        const std::jthread writer([out = ends[1]] {
            // Two writes, so that the reader may find the pipe empty between them.
            for (const std::string_view part : {"{ \"a\":", " 1 }"})
                BOOST_TEST(write(out, part.data(), part.size()) == static_cast<ssize_t>(part.size()));
            close(out);
        });
        BOOST_TEST(read_document(path).root.find("a")->as<std::uint64_t>() != nullptr);
    }
    BOOST_CHECK_EXCEPTION(read_document(path), ScenarioError, [&](const ScenarioError& error) {
        return error.what() == path + ":1: /: cannot be read: it is a pipe, and nobody writes to it";
    });
    close(ends[0]);
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
