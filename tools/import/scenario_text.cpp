#include "tools/import/scenario_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/import/step_text.hpp"
#include "tools/import/windows.hpp"

namespace irqbench::importing {

namespace {

/// Puts the steps into the order in which the guest agent does the same, with what its vCPUs need for that:
/// interrupts disabled while the traced guest left something pending, handlers left when it went on.
class StepWriter {
  public:
    StepWriter(const Story& story, const Windows& windows, std::size_t vcpus)
        : story_(story), windows_(windows), vcpus_(vcpus), done_(story.happenings.size()) {}

    std::string write() {
        for (std::uint32_t i = 0; i < story_.happenings.size(); ++i) do_one(i);
        if (last_step_end_ != 0) text_.erase(last_step_end_, 1);  // no comma behind the last
        return text_ + pending_comments_;
    }

  private:
    struct Handler {
        std::uint32_t vector;
        bool is_ended;
    };
    struct Vcpu {
        bool enabled = true;  ///< interrupts, where it is
        std::vector<Handler> handlers;
        std::uint32_t held_back = 0;  ///< what is pending and taken only later
    };

    Vcpu& vcpu_of(const Happening& happening) { return vcpus_[static_cast<std::size_t>(happening.vcpu)]; }

    void line(const std::string& step, const std::string& comment = "") {
        text_ += pending_comments_;
        pending_comments_.clear();
        text_ += "    " + step;
        last_step_end_ = text_.size();
        text_ += ",";
        if (!comment.empty()) text_ += "  // " + comment_text(comment);
        text_ += "\n";
    }
    void say(const std::string& words) { pending_comments_ += "    // " + comment_text(words) + "\n"; }

    void do_one(std::uint32_t i) {
        if (done_[i]) return;
        done_[i] = true;
        const Happening& happening = story_.happenings[i];
        if (happening.behind != Happening::none) do_one(happening.behind);
        switch (happening.kind) {
            case Happening::Kind::remark: say(happening.remark); return;
            case Happening::Kind::claim: line(happening.step); return;
            case Happening::Kind::left: return;
            case Happening::Kind::act:
                hold_back(i);
                for (const auto& step : happening.before) line(step, "inferred");
                line(happening.step, happening.remark);
                break;
            case Happening::Kind::eoi:
                hold_back(i);
                if (windows_.stays.count(happening.vector) == 0) break;
                line(vcpu_step("eoi", happening.vcpu));
                mark_ended(vcpu_of(happening), happening.vector);
                claim(i);
                settle(happening.vcpu);
                break;
            case Happening::Kind::started: {
                line(vcpu_step("started", happening.vcpu));
                Vcpu& vcpu = vcpu_of(happening);
                vcpu.handlers.clear();
                vcpu.enabled = true;
                break;
            }
            case Happening::Kind::take:
            case Happening::Kind::nmi: return take(i);
        }
        claim(i);
        for (const std::uint32_t caused : windows_.takes_of[i])
            if (windows_.of[caused].at_once) do_one(caused);
    }

    /// What must be claimed before anybody does anything more.
    void claim(std::uint32_t i) {
        for (const std::uint32_t caused : windows_.takes_of[i])
            if (story_.happenings[caused].kind == Happening::Kind::claim) do_one(caused);
    }

    /// Before something that makes interrupts pending which are taken later.
    void hold_back(std::uint32_t i) {
        for (const std::uint32_t caused : windows_.takes_of[i]) {
            const Happening& taken = story_.happenings[caused];
            if (!is_held_back(taken, windows_.of[caused])) continue;
            Vcpu& vcpu = vcpu_of(taken);
            ++vcpu.held_back;
            if (vcpu.enabled) line(vcpu_step("cli", taken.vcpu), "inferred");
            vcpu.enabled = false;
        }
    }

    void take(std::uint32_t i) {
        const Happening& happening = story_.happenings[i];
        Vcpu& vcpu = vcpu_of(happening);
        if (happening.kind == Happening::Kind::nmi) {
            line(ack_step(happening.vcpu, Happening::none));
            return;
        }
        if (!windows_.of[i].at_once) --vcpu.held_back;
        open(vcpu, happening.vcpu);
        line(ack_step(happening.vcpu, happening.vector));
        if (windows_.stays.count(happening.vector) != 0) {
            vcpu.handlers.push_back({happening.vector, happening.is_ext_int});
            vcpu.enabled = false;
            settle(happening.vcpu);
            return;
        }
        // The handler's own EOI may bring the next one.
        const std::uint32_t eoi = windows_.eoi_of[i];
        if (eoi != Happening::none) do_one(eoi);
    }

    void open(Vcpu& vcpu, int number) {
        if (vcpu.enabled) return;
        if (!vcpu.handlers.empty() && vcpu.handlers.back().is_ended) {
            line(vcpu_step("return", number));
            vcpu.handlers.pop_back();
        } else {
            line(vcpu_step("sti", number), "inferred");
        }
        vcpu.enabled = true;
    }

    static void mark_ended(Vcpu& vcpu, std::uint32_t vector) {
        const auto found =
            std::find_if(vcpu.handlers.rbegin(), vcpu.handlers.rend(),
                         [&](const Handler& each) { return each.vector == vector && !each.is_ended; });
        if (found != vcpu.handlers.rend()) found->is_ended = true;
    }

    /// Leaves handlers that are over, unless that would let in what comes later.
    void settle(int number) {
        Vcpu& vcpu = vcpus_[static_cast<std::size_t>(number)];
        while (vcpu.held_back == 0 && !vcpu.handlers.empty() && vcpu.handlers.back().is_ended) {
            line(vcpu_step("return", number));
            vcpu.handlers.pop_back();
            vcpu.enabled = true;
        }
    }

    const Story& story_;
    const Windows& windows_;
    std::vector<Vcpu> vcpus_;
    std::vector<bool> done_;
    std::string text_;
    std::string pending_comments_;
    std::size_t last_step_end_ = 0;
};

std::string vcpus_text(const Story& story, const Machine& machine) {
    const auto first_that_waits = std::find(story.waits.begin(), story.waits.end(), true);
    const auto started = static_cast<std::size_t>(first_that_waits - story.waits.begin());
    bool is_counted = true;
    std::string ids;
    for (std::size_t i = 0; i < machine.vcpus.size(); ++i) {
        is_counted = is_counted && machine.vcpus[i] == i;
        ids += fmt::format("{}{}", i == 0 ? "" : ", ", machine.vcpus[i]);
    }
    if (is_counted && started == machine.vcpus.size()) return fmt::format("{}", machine.vcpus.size());
    const std::string which =
        is_counted ? fmt::format("\"count\": {}", machine.vcpus.size()) : fmt::format("\"ids\": [{}]", ids);
    return fmt::format("{{ {}, \"started\": {} }}", which, started);
}

std::string joined(const std::vector<std::string>& steps) {
    std::string text;
    for (const auto& step : steps) text += (text.empty() ? "    " : ",\n    ") + step;
    return text;
}

std::vector<std::string> handlers(const Story& story, const Windows& windows) {
    std::set<std::uint32_t> of_pic;
    std::set<std::uint32_t> exceptions;
    for (const Happening& happening : story.happenings) {
        if (happening.is_ext_int) of_pic.insert(happening.vector);
        // The guest agent takes it for an exception otherwise.
        if (happening.kind == Happening::Kind::take && happening.vector < 0x20)
            exceptions.insert(happening.vector);
    }
    std::vector<std::string> steps;
    for (const std::uint32_t vector : exceptions)
        if (windows.stays.count(vector) == 0 && of_pic.count(vector) == 0)
            steps.push_back(fmt::format(R"({{ "handler": {{ "vector": "0x{:02x}" }} }})", vector));
    for (const std::uint32_t vector : windows.stays)
        steps.push_back(fmt::format(R"({{ "handler": {{ "vector": "0x{:02x}", {}"stays": true }} }})", vector,
                                    of_pic.count(vector) != 0 ? R"("eoi": "never", )" : ""));
    for (const std::uint32_t vector : of_pic)
        if (windows.stays.count(vector) == 0)
            steps.push_back(
                fmt::format(R"({{ "handler": {{ "vector": "0x{:02x}", "eoi": "never" }} }})", vector));
    return steps;
}

std::string quoted(const std::string& text) { return nlohmann::json(comment_text(text)).dump(); }

}  // namespace

std::string write_scenario(const Story& story, const Machine& machine, const Heading& heading) {
    const Windows windows = find_windows(story, machine.vcpus.size());
    std::string text = "{\n";
    for (const auto& remark : heading.remarks) text += "  // " + comment_text(remark) + "\n";
    for (const auto& remark : story.remarks) text += "  // " + comment_text(remark) + "\n";
    text += fmt::format("  \"name\":   {},\n  \"arch\":   \"x86_64\",\n  \"source\": {},\n",
                        quoted(heading.name), quoted(heading.source));
    text += fmt::format("  \"vcpus\":  {},\n", vcpus_text(story, machine));
    if (story.has_wide_ids || machine.vcpus.back() > 254)
        text += "  \"machine\": { \"x2apic_ids\": true },\n";
    auto setup = handlers(story, windows);
    for (const auto& step : story.setup) setup.push_back(step);
    if (!setup.empty()) text += "  \"setup\": [\n" + joined(setup) + "\n  ],\n";
    return text + "  \"steps\": [\n" + StepWriter(story, windows, machine.vcpus.size()).write() + "  ]\n}\n";
}

}  // namespace irqbench::importing
