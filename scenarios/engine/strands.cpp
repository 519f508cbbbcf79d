#include "scenarios/engine/strands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "scenarios/engine/parallel.hpp"

namespace irqbench::scenarios::strands {

namespace {

namespace event = vmm::event;

bool contains(const std::vector<std::uint32_t>& list, std::uint32_t number) {
    return std::find(list.begin(), list.end(), number) != list.end();
}

bool is_of(const expect::Ack& ack, std::uint32_t vector) {
    return ack.ids.empty() ? ack.id == vector : contains(ack.ids, vector);
}

bool fits(const expect::Ack& ack, std::uint32_t vector, std::uint32_t vcpu) {
    return is_of(ack, vector) && (ack.vcpus.empty() || contains(ack.vcpus, vcpu));
}

bool any_fits(const std::vector<expect::Ack>& acks, std::uint32_t vector, std::uint32_t vcpu) {
    return std::any_of(acks.begin(), acks.end(),
                       [=](const expect::Ack& ack) { return fits(ack, vector, vcpu); });
}

/// Sorts the events of a group into its strands.
class Sorter {
  public:
    Sorter(Group& group, const Witness& run, const Common& common, const Leeway& leeway)
        : group_(group), run_(run), common_(common), leeway_(leeway) {
        const auto found = common.claims.find(key_of(*group.action));
        if (found != common.claims.end()) claims_ = &found->second;
    }

    void add(std::size_t index) {
        index_ = index;
        each_ = &run_.trace[index];
        std::visit([this](const auto& what) { add(what); }, each_->what);
    }

  private:
    [[nodiscard]] std::uint32_t vcpu() const { return each_->vcpu.value_or(0); }

    void append(Strand strand, std::string words) {
        const bool of_host = strand == Strand::calls || strand == Strand::signals || strand == Strand::one_of;
        auto& entries = group_.strands[{of_host ? std::nullopt : each_->vcpu, strand}];
        const bool in_any_order = strand == Strand::one_of || (claims_ != nullptr && claims_->any_order);
        if (strand == Strand::taken && is_parallel(*group_.action->step))
            insert(entries, std::move(words), true);
        else if ((strand == Strand::taken && in_any_order) || strand == Strand::one_of)
            insert(entries, std::move(words), false);
        else
            entries.push_back({index_, std::move(words)});
    }
    void append(Strand strand) { append(strand, vmm::describe(*each_)); }

    /// By its words. What came of a race differs from run to run in number and order; what can come does not.
    void insert(std::vector<Entry>& entries, std::string words, bool once) const {
        const auto before = [](const Entry& entry, const Entry& other) { return entry.words < other.words; };
        Entry entry{index_, std::move(words)};
        const auto place = std::upper_bound(entries.begin(), entries.end(), entry, before);
        if (!once || place == entries.begin() || std::prev(place)->words != entry.words)
            entries.insert(place, std::move(entry));
    }

    /// What a vCPU does with an interrupt: takes it, ends it.
    void append_of(std::uint32_t vector, event::Kind kind) {
        const std::string words = vmm::describe(*each_);
        if (kind == event::Kind::interrupt) {
            if (common_.timers.contains(vector)) return insert(group_.whenever, words, true);
            if (const auto set = vcpus_of(vector)) return append_one_of(vector, words, *set);
        }
        if (leeway_.outcomes != nullptr && !is_claimed(vector)) {
            if (any_fits(leeway_.outcomes->required, vector, vcpu()))
                return insert(group_.whenever, words, true);
            if (any_fits(leeway_.outcomes->allowed, vector, vcpu())) return;
        }
        append(Strand::taken, words);
    }

    [[nodiscard]] bool is_claimed(std::uint32_t vector) const {
        return claims_ != nullptr && any_fits(claims_->acks, vector, vcpu());
    }

    /// Of which vCPUs any one may take the vector, and which others will do: none where it is settled.
    [[nodiscard]] std::optional<expect::Ack> vcpus_of(std::uint32_t vector) const {
        if (const auto found = leeway_.one_of.find(vector);
            found != leeway_.one_of.end() && found->second.contains(vcpu())) {
            expect::Ack open;
            open.id = vector;
            open.vcpus.assign(found->second.begin(), found->second.end());
            return open;
        }
        if (claims_ == nullptr) return std::nullopt;
        for (const expect::Ack& ack : claims_->acks)
            if (leaves_open(ack) && ack.kind == event::Kind::interrupt && fits(ack, vector, vcpu()))
                return ack;
        return std::nullopt;
    }

    void append_one_of(std::uint32_t vector, const std::string& words, expect::Ack open) {
        const std::string what = words.substr(0, words.find(vmm::vector_text(vector)));
        constexpr std::size_t ack_word = 4;  // `ack `
        open.times = 1;
        append(Strand::one_of, what + describe(open).substr(ack_word));
        if (open.vcpus.size() == 1) return;
        group_.unsteady.insert(vcpu());
        group_.unsteady.insert(open.vcpus.begin(), open.vcpus.end());
    }

    /// How often the threads of a block came round is not the controllers' affair.
    void add(const event::Call& call) {
        if (call.name == parallel_call) return append(Strand::calls, call.name);
        vmm::Event same = *each_;
        // KVM_SIGNAL_MSI returns how many took it. Where nobody is addressed that is 0 or -1, which looks
        // like EPERM, as KVM found out by its map or without one (irq_comm.c, kvm_irq_delivery_to_apic).
        if (auto& outcome = std::get<event::Call>(same.what).outcome;
            call.name == "msi" && (outcome.error == EPERM || outcome.value < 0))
            outcome = {0, 0};
        append(Strand::calls, vmm::describe(same));
    }
    void add(const event::Resampled& kick) { sum("resampled " + kick.irqfd, kick.count); }
    void add(const event::DoorbellRung& ring) { sum("doorbell " + ring.name, ring.count); }
    void add(const event::Taken& taken) { append_of(taken.vector, taken.kind); }
    void add(const event::GuestEoi& eoi) { append_of(eoi.vector, event::Kind::interrupt); }
    void add(const event::Returned& left) { append_of(left.vector, event::Kind::interrupt); }
    void add(const event::Started&) { append(Strand::taken); }
    void add(const event::Fault& fault) { append(Strand::taken, vmm::exception_text(fault.vector)); }
    void add(const event::OperationDone& done) {
        append(Strand::finished,
               done.text + (done.fault ? " raises " + vmm::exception_text(*done.fault) : ""));
    }
    void add(const event::Observed& seen) {
        if (tells_time(seen.what)) return append(Strand::observed, seen.what);
        // The step may speak of some bits only.
        const std::uint64_t mask = mask_of(seen.what);
        const auto under = mask == ~std::uint64_t{0} ? "" : fmt::format(" under mask {:#x}", mask);
        append(Strand::observed, fmt::format("{} = {:#x}{}", seen.what, seen.value & mask, under));
    }
    [[nodiscard]] std::uint64_t mask_of(const std::string& what) const {
        const Step& step = *run_.performance.performed[each_->step].step;
        if (step.verb == nullptr) return ~std::uint64_t{0};
        for (const Expectation& expectation : step.verb->expects())
            if (const auto* value = std::get_if<expect::Value>(&expectation))
                if (value->what == what) return value->mask;
        return ~std::uint64_t{0};
    }
    /// Only the last counts: how often it is looked at on the way differs.
    void add(const event::Rest&) {
        group_.rests.insert_or_assign(vcpu(), Entry{index_, vmm::describe(*each_)});
    }
    void add(const event::Storm&) {
        group_.storms.insert(vcpu());
        group_.unsteady.insert(vcpu());
        append(Strand::taken, "storm");
    }
    void add(const event::Quiet& quiet) {
        append(Strand::observed, quiet.proven ? "quiet" : "not proven quiet");
    }
    void add(const event::Trouble&) { append(Strand::calls, "trouble"); }
    // Of one kernel's KVM: another machine may have none.
    void add(const event::Kernel&) {}
    void add(const event::KernelLost&) {}
    void add(const event::Wire&) {}
    void add(const event::EoiExit&) {}

    /// Kicks may be collected in one or several readings.
    void sum(const std::string& who, std::uint64_t count) {
        auto& strand = group_.strands[{std::nullopt, Strand::signals}];
        const auto same = std::find_if(strand.begin(), strand.end(), [&who](const Entry& entry) {
            return entry.words.compare(0, who.size() + 2, who + " x") == 0;
        });
        const bool is_new = same == strand.end();
        const std::uint64_t before = is_new ? 0 : std::stoull(same->words.substr(who.size() + 2));
        Entry entry{index_, fmt::format("{} x{}", who, before + count)};
        if (is_new)
            strand.push_back(std::move(entry));
        else
            *same = std::move(entry);
        std::sort(strand.begin(), strand.end(),
                  [](const Entry& a, const Entry& b) { return a.words < b.words; });
    }

    Group& group_;
    const Witness& run_;
    const Common& common_;
    const Leeway& leeway_;
    const Claims* claims_ = nullptr;
    std::size_t index_ = 0;
    const vmm::Event* each_ = nullptr;
};

std::set<StepKey> steps_of(const Witness& run) {
    std::set<StepKey> steps;
    for (const Performed& each : run.performance.performed) steps.insert(key_of(each));
    return steps;
}

bool times_vary(const Witness& run) {
    const auto& performed = run.performance.performed;
    return std::any_of(performed.begin(), performed.end(), [](const Performed& each) {
        return each.step->verb != nullptr && each.step->verb->is_timing();
    });
}

/// @param begins whether a step of that key begins a group
template <class Begins>
void collect_claims(const Witness& run, Common& common, const Leeway& leeway, const Begins& begins) {
    const bool timers = times_vary(run) && !leeway.virtual_time;
    std::optional<StepKey> action;
    for (const Performed& each : run.performance.performed) {
        if (!action || begins(each)) action = key_of(each);
        if (each.step->verb == nullptr) continue;
        Claims& claims = common.claims[*action];
        for (const Expectation& expectation : each.step->verb->expects()) {
            const auto* acks = std::get_if<expect::Acks>(&expectation);
            if (acks == nullptr) continue;
            claims.any_order = claims.any_order || acks->any_order;
            claims.acks.insert(claims.acks.end(), acks->items.begin(), acks->items.end());
            if (!timers || !acks->may_take_time) continue;
            for (const expect::Ack& ack : acks->items) {
                common.timers.insert(ack.ids.begin(), ack.ids.end());
                if (ack.ids.empty()) common.timers.insert(ack.id);
            }
        }
    }
}

bool begins_group(const Performed& each, const Common& common) {
    return common.steps.contains(key_of(each)) && acts(*each.step);
}

}  // namespace

StepKey key_of(const Performed& performed) { return {performed.step, performed.iteration}; }

bool leaves_open(const expect::Ack& ack) { return ack.vcpus.size() != 1 || ack.ids.size() > 1; }

Common common_of(const Witness& first, const Witness& second, const Leeway& leeway) {
    Common common;
    const auto mine = steps_of(first);
    const auto theirs = steps_of(second);
    std::set_intersection(mine.begin(), mine.end(), theirs.begin(), theirs.end(),
                          std::inserter(common.steps, common.steps.end()));
    for (const Witness* run : {&first, &second})
        collect_claims(*run, common, leeway,
                       [&common](const Performed& each) { return begins_group(each, common); });
    return common;
}

std::vector<Group> groups_of(const Witness& run, const Common& common, const Leeway& leeway) {
    const auto& performed = run.performance.performed;
    std::vector<Group> groups;
    std::size_t next = 0;
    for (std::size_t step = 0; step < performed.size(); ++step) {
        const bool is_common = common.steps.contains(key_of(performed[step]));
        // What only one mode does is no place to compare; what comes after it still belongs to the action
        // before.
        if (groups.empty() || begins_group(performed[step], common))
            groups.emplace_back().action = &performed[step];
        Group& group = groups.back();
        Sorter sorter(group, run, common, leeway);
        for (; next < run.trace.size() && run.trace[next].step <= step; ++next) {
            const vmm::Event& each = run.trace[next];
            if (is_common)
                sorter.add(next);
            else if (std::holds_alternative<event::Rest>(each.what))
                group.unsteady.insert(each.vcpu.value_or(0));
        }
        group.performed = step + 1;
    }
    return groups;
}

}  // namespace irqbench::scenarios::strands
