#include "tools/import/windows.hpp"

#include <array>

namespace irqbench::importing {

bool is_held_back(const Happening& happening, const Windows::Of& when) {
    return happening.kind == Happening::Kind::left ||
           (happening.kind == Happening::Kind::take && !when.at_once);
}

namespace {

bool is_take(const Happening& happening) {
    return happening.kind == Happening::Kind::take || happening.kind == Happening::Kind::nmi;
}

/// Counts, for each vCPU, what has been done so far that may change what it takes.
class Concerns {
  public:
    explicit Concerns(std::size_t vcpus) : own_(vcpus) {}

    void pass(const Happening& happening) {
        if (happening.is_global) {
            ++all_;
            return;
        }
        if (happening.vcpu >= 0) ++own_[static_cast<std::size_t>(happening.vcpu)];
        for (const std::uint16_t vcpu : happening.acceptors) ++own_[vcpu];
    }
    [[nodiscard]] std::uint64_t of(int vcpu) const { return all_ + own_[static_cast<std::size_t>(vcpu)]; }

  private:
    std::uint64_t all_ = 0;
    std::vector<std::uint64_t> own_;
};

/// For each take the EOI of its vector on its vCPU that comes next, unless it is taken again before that.
std::vector<std::uint32_t> find_eois(const Story& story, std::size_t vcpus) {
    const auto& all = story.happenings;
    std::vector<std::uint32_t> eois(all.size(), Happening::none);
    std::vector<std::array<std::uint32_t, 256>> taken(vcpus);
    for (auto& each : taken) each.fill(Happening::none);
    for (std::uint32_t i = 0; i < all.size(); ++i) {
        if (all[i].vcpu < 0 || all[i].vector > 0xff) continue;
        std::uint32_t& open = taken[static_cast<std::size_t>(all[i].vcpu)][all[i].vector];
        if (all[i].kind == Happening::Kind::take) open = i;
        if (all[i].kind != Happening::Kind::eoi || open == Happening::none) continue;
        eois[open] = i;
        open = Happening::none;
    }
    return eois;
}

/// One pass with the handlers that stay so far. @returns whether more of them have to
bool pass(const Story& story, std::size_t vcpus, Windows& windows) {
    const auto& all = story.happenings;
    Concerns concerns(vcpus);
    std::vector<std::uint64_t> when_taken(all.size());
    std::vector<std::uint64_t> when_caused(all.size());
    std::vector<std::uint32_t> held_back(vcpus);
    std::vector<std::uint32_t> take_of(all.size(), Happening::none);
    for (std::uint32_t i = 0; i < all.size(); ++i)
        if (windows.eoi_of[i] != Happening::none) take_of[windows.eoi_of[i]] = i;
    const std::size_t before = windows.stays.size();
    for (std::uint32_t i = 0; i < all.size(); ++i) {
        const Happening& happening = all[i];
        const bool has_step =
            happening.kind == Happening::Kind::act || happening.kind == Happening::Kind::started ||
            (happening.kind == Happening::Kind::eoi && windows.stays.count(happening.vector) != 0);
        if (has_step) concerns.pass(happening);
        if (is_take(happening)) {
            const std::uint64_t now = concerns.of(happening.vcpu);
            windows.of[i].at_once = when_caused[i] == now;
            when_taken[i] = now;
        }
        if (happening.kind == Happening::Kind::eoi && take_of[i] != Happening::none) {
            const std::uint32_t take = take_of[i];
            // Its own step is not between.
            const std::uint64_t own = has_step ? 1 : 0;
            windows.of[take].ended_at_once = concerns.of(happening.vcpu) - own == when_taken[take];
            if (!windows.of[take].ended_at_once) windows.stays.insert(happening.vector);
        }
        for (const std::uint32_t take : windows.takes_of[i])
            if (is_take(all[take])) when_caused[take] = concerns.of(all[take].vcpu);
    }
    // While something else is held back, a handler that ends would let it in.
    std::vector<std::uint32_t> ends(all.size());
    for (std::uint32_t i = 0; i < all.size(); ++i) {
        for (const std::uint32_t take : windows.takes_of[i])
            if (is_held_back(all[take], windows.of[take]))
                ++held_back[static_cast<std::size_t>(all[take].vcpu)];
        if (all[i].kind != Happening::Kind::take) continue;
        auto& held = held_back[static_cast<std::size_t>(all[i].vcpu)];
        if (!windows.of[i].at_once) --held;
        if (held > 0) windows.stays.insert(all[i].vector);
        // One that was never ended keeps others of its class out, if there are any.
        if (windows.eoi_of[i] == Happening::none && !all[i].is_ext_int &&
            concerns.of(all[i].vcpu) != when_taken[i])
            windows.stays.insert(all[i].vector);
    }
    return windows.stays.size() != before;
}

}  // namespace

Windows find_windows(const Story& story, std::size_t vcpus) {
    const auto& all = story.happenings;
    Windows windows;
    windows.of.resize(all.size());
    windows.takes_of.resize(all.size());
    for (std::uint32_t i = 0; i < all.size(); ++i)
        if ((is_take(all[i]) || all[i].kind == Happening::Kind::claim ||
             all[i].kind == Happening::Kind::left) &&
            all[i].cause < i)
            windows.takes_of[all[i].cause].push_back(i);
    windows.eoi_of = find_eois(story, vcpus);
    while (pass(story, vcpus, windows)) {
    }
    return windows;
}

}  // namespace irqbench::importing
