#include "tools/lab/channel.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace irqbench::tools::lab;

namespace {

std::vector<std::string> lines_of(const std::vector<std::string>& pieces) {
    Lines lines;
    std::vector<std::string> whole;
    for (const auto& piece : pieces)
        lines.add(piece, [&whole](std::string_view line) { whole.emplace_back(line); });
    return whole;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(channel)

BOOST_AUTO_TEST_CASE(every_event_of_process_1_is_understood) {
    const auto up = parse_said(R"({"event":"up","release":"6.1.0-50","version":"#1 SMP"})");
    BOOST_REQUIRE(up);
    BOOST_TEST(std::get<said::Up>(*up).release == "6.1.0-50");
    BOOST_TEST(std::get<said::Up>(*up).version == "#1 SMP");
    const auto module = parse_said(R"({"event":"module","file":"/lab/kvm.ko","error":"Exec format error"})");
    BOOST_REQUIRE(module);
    BOOST_TEST(std::get<said::ModuleError>(*module).error == "Exec format error");
    const auto kvm = parse_said(R"({"event":"kvm","error":""})");
    BOOST_REQUIRE(kvm);
    BOOST_TEST(std::get<said::Kvm>(*kvm).error == "");
    const auto output = parse_said(R"({"event":"output","stream":"err","text":"a\nb"})");
    BOOST_REQUIRE(output);
    BOOST_TEST((std::get<said::Output>(*output).stream == said::Stream::err));
    BOOST_TEST(std::get<said::Output>(*output).text == "a\nb");
    const auto exit = parse_said(R"({"event":"exit","status":5})");
    BOOST_REQUIRE(exit);
    BOOST_TEST(std::get<said::Exit>(*exit).status == 5);
    const auto killed = parse_said(R"({"event":"exit","signal":11})");
    BOOST_REQUIRE(killed);
    BOOST_TEST(std::get<said::Exit>(*killed).signal == 11);
    BOOST_TEST(std::holds_alternative<said::Off>(parse_said(R"({"event":"off"})").value()));
}

BOOST_AUTO_TEST_CASE(a_stuck_cpu_is_told_by_its_number) {
    BOOST_TEST(std::get<said::Stuck>(parse_said(R"({"event":"stuck","cpu":1})").value()).cpu == 1);
    BOOST_TEST(!parse_said(R"({"event":"stuck"})").has_value());
}

BOOST_AUTO_TEST_CASE(all_bytes_of_the_output_arrive) {
    const auto output =
        parse_said(R"({"event":"output","stream":"out","text":"\u0000\u007f\u0080\u00ff\u00c3\""})");
    BOOST_REQUIRE(output);
    BOOST_TEST(std::get<said::Output>(*output).text == std::string("\0\x7f\x80\xff\xc3\"", 6));
}

BOOST_AUTO_TEST_CASE(other_lines_are_not_taken_for_events) {
    for (const char* line :
         {"", "[    0.000000] Linux version", "{", "[]", "7", R"({"event":7})", R"({"event":"up"})",
          R"({"event":"exit"})", R"({"event":"exit","status":"0"})", R"({"event":"exit","status":-1})",
          R"({"event":"exit","status":99999999999999999999})",
          R"({"event":"output","stream":"in","text":""})", R"({"event":"output","stream":"out"})",
          R"({"event":"kvm","error":null})", R"({"event":"down"})"})
        BOOST_TEST(!parse_said(line).has_value(), line);
}

BOOST_AUTO_TEST_CASE(a_deeply_nested_line_is_no_event) {
    BOOST_TEST(!parse_said(std::string(1'000'000, '[')).has_value());
}

BOOST_AUTO_TEST_CASE(lines_are_put_together_from_pieces) {
    const auto whole = lines_of({"on", "e\ntwo\n\nth", "ree", "\nfour"});
    BOOST_TEST(whole == (std::vector<std::string>{"one", "two", "", "three"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
