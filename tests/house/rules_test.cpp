#include "tests/house/rules.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace irqbench::house {

namespace fs = std::filesystem;

namespace {

/// A tree of made-up sources in a temporary folder.
class Tree {
  public:
    Tree() : root_(fs::temp_directory_path() / ("irqbench-house-" + std::to_string(getpid()))) {
        fs::remove_all(root_);
        for (const char* folder :
             {"irqchip", "routing", "vmm/kvm", "vmm/x86", "scenarios", "tools", "tests/perf"}) {
            fs::create_directories(root_ / folder);
        }
    }
    ~Tree() {
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;

    Tree& add(std::string_view path, std::string_view text) {
        std::ofstream(root_ / path) << text;
        return *this;
    }
    [[nodiscard]] const fs::path& root() const { return root_; }

  private:
    fs::path root_;
};

void expect(const Tree& tree, const std::vector<Finding>& expected) {
    const auto found = violations(tree.root());
    BOOST_CHECK_EQUAL_COLLECTIONS(found.begin(), found.end(), expected.begin(), expected.end());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(house)

BOOST_AUTO_TEST_CASE(this_tree_keeps_the_rules) {
    const fs::path root = IRQBENCH_SOURCE_DIR;
    BOOST_TEST(sources(root).size() > 50U);
    for (const Finding& finding : violations(root)) BOOST_ERROR(finding);
}

BOOST_AUTO_TEST_CASE(includes_down_the_house_are_fine) {
    Tree tree;
    tree.add("irqchip/a.hpp", "").add("routing/b.hpp", "#include \"irqchip/a.hpp\"\n#include <map>\n");
    tree.add("vmm/c.hpp", "#include \"routing/b.hpp\"\n").add("scenarios/d.hpp", "#include \"vmm/c.hpp\"\n");
    tree.add("tools/e.hpp", "#include \"irqchip/a.hpp\"\n").add("tests/f.hpp", "#include \"tools/e.hpp\"\n");
    expect(tree, {});
}

BOOST_AUTO_TEST_CASE(an_include_up_the_house_is_found) {
    Tree tree;
    tree.add("irqchip/a.hpp", "#pragma once\n#include \"routing/b.hpp\"\n").add("routing/b.hpp", "");
    tree.add("tools/e.hpp", "  #  include \"tests/f.hpp\"\n").add("tests/f.hpp", "");
    expect(tree, {{"irqchip/a.hpp", 2, "irqchip must not include routing (routing/b.hpp)"},
                  {"tools/e.hpp", 1, "tools must not include tests (tests/f.hpp)"}});
}

BOOST_AUTO_TEST_CASE(an_architecture_known_outside_of_its_folders_is_found) {
    Tree tree;
    tree.add("vmm/x86/a.hpp", "").add("vmm/x86/b.hpp", "#include \"vmm/x86/a.hpp\"\n");
    tree.add("vmm/c.hpp", "#include \"vmm/x86/a.hpp\"\n").add("tests/d.hpp", "#include \"vmm/x86/a.hpp\"\n");
    expect(tree, {{"vmm/c.hpp", 1, "only the folders of x86 may include vmm/x86/a.hpp"}});
}

BOOST_AUTO_TEST_CASE(code_for_one_architecture_above_vmm_is_found) {
    Tree tree;
    tree.add("vmm/a.hpp", "#if defined(__x86_64__)\n#endif\n");
    tree.add("scenarios/b.hpp", "#if defined(__x86_64__)\n#endif\n").add("tools/c.hpp", "// __aarch64__\n");
    expect(tree,
           {{"scenarios/b.hpp", 1, "scenarios must not be compiled for an architecture: ask vmm::Host"}});
}

BOOST_AUTO_TEST_CASE(an_include_that_is_not_spelled_from_the_root_is_found) {
    Tree tree;
    tree.add("irqchip/a.hpp", "").add("irqchip/b.hpp", "#include \"a.hpp\"\n#include \"irqchip/gone.hpp\"\n");
    expect(tree, {{"irqchip/b.hpp", 1, "includes \"a.hpp\", which is no file of this tree"},
                  {"irqchip/b.hpp", 2, "includes \"irqchip/gone.hpp\", which is no file of this tree"}});
}

BOOST_AUTO_TEST_CASE(ioctl_outside_vmm_kvm_is_found) {
    Tree tree;
    tree.add("vmm/kvm/fd.hpp", "int x = ::ioctl(fd, 1);\n").add("vmm/a.hpp", "\nint x = ::ioctl (fd, 1);\n");
    tree.add("tests/perf/raw_a.hpp", "int x = ioctl(fd, 1);\n")
        .add("tests/perf/b.hpp", "int x = ioctl(fd, 1);\n");
    tree.add("tests/b.hpp", "int my_ioctl(int);\n#include <sys/ioctl.h>\n");
    expect(tree, {{"tests/b.hpp", 2, "ioctl() belongs into vmm/kvm"},
                  {"tests/perf/b.hpp", 1, "ioctl() belongs into vmm/kvm"},
                  {"vmm/a.hpp", 2, "ioctl() belongs into vmm/kvm"}});
}

BOOST_AUTO_TEST_CASE(a_pure_value_that_knows_the_world_is_found) {
    Tree tree;
    tree.add(
        "irqchip/a.hpp",
        "#include <linux/kvm.h>\n#include <mutex>\n#include <thread>\n#include <chrono>\n"
        "auto now = std::chrono::steady_clock::now();\n#include <iostream>\n#include <spdlog/spdlog.h>\n");
    tree.add("routing/b.hpp", "#include <sys/eventfd.h>\n")
        .add("vmm/c.hpp", "#include <thread>\n#include <linux/kvm.h>\n");
    expect(tree,
           {{"irqchip/a.hpp", 1, "irqchip holds pure values and must not know the kernel's interface"},
            {"irqchip/a.hpp", 2, "irqchip holds pure values and must not know threads"},
            {"irqchip/a.hpp", 3, "irqchip holds pure values and must not know threads"},
            {"irqchip/a.hpp", 5, "irqchip holds pure values and must not know a clock"},
            {"irqchip/a.hpp", 6, "irqchip holds pure values and must not know I/O"},
            {"irqchip/a.hpp", 7, "irqchip holds pure values and must not know logging"},
            {"routing/b.hpp", 1, "routing holds pure values and must not know the kernel's interface"}});
}

BOOST_AUTO_TEST_CASE(prose_is_not_code) {
    Tree tree;
    tree.add("irqchip/a.hpp",
             "// ioctl(1) steady_clock\n/* spdlog\n#include \"vmm/c.hpp\"\n*/\n"
             "const char* a = \"ioctl(\\\"spdlog\";\nconst char b = '\"'; int spdlog_ = 1'000'000;\n"
             "const char* c = R\"x(\nsteady_clock \"\n)x\";\n#include <mutex>\n");
    expect(tree, {{"irqchip/a.hpp", 10, "irqchip holds pure values and must not know threads"}});
}

BOOST_AUTO_TEST_CASE(a_source_in_no_list_is_found) {
    Tree tree;
    tree.add("vmm/kvm/listed.cpp", "")
        .add("vmm/last.cpp", "")
        .add("vmm/orphan.cpp", "")
        .add("vmm/kvm/start.S", "");
    tree.add("vmm/CMakeLists.txt",
             "target_sources(x PRIVATE\n    kvm/listed.cpp\n    not_orphan.cpp last.cpp)\n");
    expect(tree, {{"vmm/kvm/start.S", 0, "is not in the list of vmm/CMakeLists.txt"},
                  {"vmm/orphan.cpp", 0, "is not in the list of vmm/CMakeLists.txt"}});
    // A folder that has a list of its own is asked instead.
    tree.add("vmm/kvm/CMakeLists.txt", "target_sources(kvm PRIVATE start.S)\n");
    const auto found = violations(tree.root());
    BOOST_TEST(std::none_of(found.begin(), found.end(),
                            [](const Finding& each) { return each.file == "vmm/kvm/start.S"; }));
}

BOOST_AUTO_TEST_CASE(a_file_of_501_lines_is_found) {
    Tree tree;
    tree.add("tests/long.hpp", std::string(501, '\n')).add("tests/fits.hpp", std::string(500, '\n'));
    expect(tree, {{"tests/long.hpp", 0, "501 lines; the limit is 500"}});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::house
