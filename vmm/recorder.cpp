#include "vmm/recorder.hpp"

#include <algorithm>

namespace irqbench::vmm {

void Recorder::flush(Trace& trace) {
    std::vector<Event> events;
    {
        const std::lock_guard lock(mutex_);
        events.swap(waiting_);
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.at < b.at; });
    for (Event& event : events) trace.add(std::move(event));
}

}  // namespace irqbench::vmm
