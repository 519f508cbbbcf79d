#include "routing/resampler.hpp"

#include <algorithm>

namespace irqbench::routing {

bool Resampler::add(Gsi gsi, ListenerId listener) {
    std::vector<ListenerId>& of_gsi = listeners_[gsi];
    if (std::find(of_gsi.begin(), of_gsi.end(), listener) != of_gsi.end()) return false;
    of_gsi.push_back(listener);
    return true;
}

ResampleActions Resampler::remove(Gsi gsi, ListenerId listener) {
    const auto found = listeners_.find(gsi);
    if (found == listeners_.end() || std::erase(found->second, listener) == 0) return {};
    if (!found->second.empty()) return {};
    listeners_.erase(found);
    return {LowerResampleSource{gsi}};
}

ResampleActions Resampler::eoi(Gsi gsi) const {
    const auto found = listeners_.find(gsi);
    if (found == listeners_.end()) return {};
    return {LowerResampleSource{gsi}, Notify{found->second}};
}

ResampleActions Resampler::unmask(Gsi gsi) const {
    const auto found = listeners_.find(gsi);
    if (found == listeners_.end()) return {};
    return {ClearPending{gsi}, Notify{found->second}};
}

}  // namespace irqbench::routing
