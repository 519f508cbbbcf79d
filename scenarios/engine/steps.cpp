#include "scenarios/engine/steps.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "scenarios/engine/architecture.hpp"
#include "scenarios/engine/groups.hpp"

namespace irqbench::scenarios {

namespace {

struct OnlyArguments {
    std::vector<std::string> irqchip;
    std::string because;
    Steps steps;
    static constexpr auto fields() {
        return std::tuple{required("irqchip", &OnlyArguments::irqchip, "the irqchip modes they are done in"),
                          required("because", &OnlyArguments::because, "why the modes legitimately differ"),
                          required("steps", &OnlyArguments::steps, "the steps")};
    }
};

struct RepeatArguments {
    std::uint64_t times = 1;
    Steps steps;
    static constexpr auto fields() {
        return std::tuple{required("times", &RepeatArguments::times, "how often", between(1, max_steps)),
                          required("steps", &RepeatArguments::steps, "the steps")};
    }
};

constexpr std::string_view block_list[] = {"only", "repeat", "parallel", "loop"};
constexpr Limits thread_count = between(1, 16);

std::shared_ptr<const Block> read_only_block(const Cursor& at) {
    auto arguments = Form<OnlyArguments>::read(at, {});
    Block block;
    block.kind = Block::Kind::only;
    block.modes = std::move(arguments.irqchip);
    block.because = std::move(arguments.because);
    block.threads.emplace_back("", std::move(arguments.steps.list));
    return std::make_shared<const Block>(std::move(block));
}

std::shared_ptr<const Block> read_repeat(const Cursor& at) {
    auto arguments = Form<RepeatArguments>::read(at, {});
    Block block;
    block.kind = Block::Kind::repeat;
    block.times = arguments.times;
    block.threads.emplace_back("", std::move(arguments.steps.list));
    return std::make_shared<const Block>(std::move(block));
}

/// Every key but `times` names a thread, so no table can list them.
std::shared_ptr<const Block> read_parallel(const Cursor& at) {
    const Node::Object* members = at.node().object();
    if (members == nullptr) at.fail(fmt::format("must be an object, not {}", in_words(at.node())));
    Block block;
    block.kind = Block::Kind::parallel;
    for (const auto& [key, value] : *members) {
        const Cursor member = at.at(key, value);
        if (key == "times")
            block.times = Form<std::uint64_t>::read(member, between(1, max_steps));
        else
            block.threads.emplace_back(key, Form<Steps>::read(member, {}).list);
    }
    if (block.threads.empty()) at.fail("needs at least one thread: a name with an array of steps");
    if (block.threads.size() > thread_count.max)
        at.fail(fmt::format("more than {} threads", thread_count.max));
    return std::make_shared<const Block>(std::move(block));
}

std::shared_ptr<const Block> read_loop(const Cursor& step, const Cursor& at) {
    Block block;
    block.kind = Block::Kind::loop;
    const Node* until = step.node().find("until");
    if (until == nullptr)
        step.fail("needs the key 'until' beside 'loop': the thread whose end ends the loop");
    block.until = Form<std::string>::read(step.at("until", *until), {});
    block.threads.emplace_back("", Form<Steps>::read(at, {}).list);
    return std::make_shared<const Block>(std::move(block));
}

std::shared_ptr<const Block> read_block(const Cursor& step, const Cursor& at, std::string_view name) {
    if (++at.reading().block_depth > max_blocks)
        at.fail(fmt::format("blocks inside blocks deeper than {}", max_blocks));
    std::shared_ptr<const Block> block;
    if (name == "only")
        block = read_only_block(at);
    else if (name == "repeat")
        block = read_repeat(at);
    else if (name == "parallel")
        block = read_parallel(at);
    else
        block = read_loop(step, at);
    --at.reading().block_depth;
    return block;
}

std::vector<std::string_view> step_words(const Architecture& architecture) {
    std::vector<std::string_view> words;
    for (const VerbInfo& info : architecture.verbs) words.push_back(info.name);
    words.insert(words.end(), std::begin(block_list), std::end(block_list));
    words.push_back("do");
    return words;
}

std::string unknown_verb(std::string_view word, const Architecture& architecture) {
    const auto words = step_words(architecture);
    const std::string hint = suggestion(word, words);
    return fmt::format("unknown verb '{}'{}", word,
                       hint.empty() ? fmt::format(": use {}", fmt::join(words, ", ")) : hint);
}

Step read_step(const Cursor& at) {
    const Architecture& architecture = *at.reading().architecture;
    const Node::Object* members = at.node().object();
    if (members == nullptr)
        at.fail(fmt::format("a step is an object whose only key is its verb, not {}", in_words(at.node())));
    if (members->empty()) at.fail("a step needs one key, its verb");
    const bool is_loop = at.node().find("loop") != nullptr;
    if (is_loop) {
        for (const Node::Member& member : *members)
            if (member.key != "loop" && member.key != "until")
                at.at(member.key, member.value)
                    .fail(fmt::format("unknown key '{}' beside 'loop': only 'until' may stand there",
                                      member.key));
    } else if (members->size() > 1) {
        at.fail(
            fmt::format("a step has one key, its verb; this one has '{}' and '{}': make two steps, or move "
                        "one inside the argument of the other",
                        (*members)[0].key, (*members)[1].key));
    }

    Step step;
    step.number = ++at.reading().steps;
    if (step.number > max_steps) at.fail(fmt::format("more than {} steps", max_steps));
    Whereabouts here = at.whereabouts();
    step.line = here.line;
    step.pointer = std::move(here.pointer);
    step.within = std::move(here.within);
    step.text = on_one_line(at.node());
    const Node::Member& member =
        is_loop && members->front().key == "until" ? members->back() : members->front();
    const Cursor argument = at.at(member.key, member.value);
    if (std::find(std::begin(block_list), std::end(block_list), member.key) != std::end(block_list)) {
        step.block = read_block(at, argument, member.key);
        return step;
    }
    const auto info = std::find_if(architecture.verbs.begin(), architecture.verbs.end(),
                                   [&](const VerbInfo& row) { return row.name == member.key; });
    if (info == architecture.verbs.end()) argument.fail(unknown_verb(member.key, architecture));
    step.verb = info->make(argument);
    return step;
}

}  // namespace

Steps Form<Steps>::read(const Cursor& at, Limits) {
    const Node::Array* array = at.node().array();
    if (array == nullptr) at.fail(fmt::format("must be an array of steps, not {}", in_words(at.node())));
    if (array->empty()) at.fail("is empty: it needs at least one step");
    Steps steps;
    steps.list.reserve(array->size());
    for (std::size_t i = 0; i < array->size(); ++i) {
        const Cursor step = at.at(i, (*array)[i]);
        if (!does_group(step.node())) {
            steps.list.push_back(read_step(step));
            continue;
        }
        read_group(step, [&](const Cursor& inside) {
            for (Step& each : Form<Steps>::read(inside, {}).list) steps.list.push_back(std::move(each));
        });
    }
    return steps;
}

Json Form<Steps>::schema(Limits) {
    return {{"type", "array"}, {"minItems", 1}, {"items", {{"$ref", "#/definitions/step"}}}};
}

std::uint64_t executed(const std::vector<Step>& steps) {
    // Saturates: the product of nested repeats may not fit.
    constexpr std::uint64_t too_many = max_steps + 1;
    std::uint64_t count = 0;
    for (const Step& step : steps) {
        std::uint64_t inside = step.block ? 0 : 1;
        if (step.block) {
            for (const auto& [name, body] : step.block->threads) inside += executed(body);
            inside = std::min(too_many, inside) * step.block->times;
        }
        count = std::min(too_many, count + inside);
    }
    return count;
}

std::span<const std::string_view> block_names() { return block_list; }

Json block_schema(std::string_view name) {
    if (name == "only") return Form<OnlyArguments>::schema({});
    if (name == "repeat") return Form<RepeatArguments>::schema({});
    if (name == "loop") return Form<Steps>::schema({});
    return {{"type", "object"},
            {"properties", {{"times", Form<std::uint64_t>::schema(between(1, max_steps))}}},
            {"additionalProperties", Form<Steps>::schema({})},
            {"minProperties", 1},
            {"maxProperties", thread_count.max + 1}};
}

}  // namespace irqbench::scenarios
