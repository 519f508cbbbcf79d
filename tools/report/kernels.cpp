#include "tools/report/kernels.hpp"

#include <algorithm>
#include <set>

#include "tools/report/words.hpp"

namespace irqbench::tools {

namespace {

/// The element that `is_it` is true of; when there is none, a new one at the end.
template <class T, class IsIt>
T& find_or_add(std::vector<T>& list, IsIt is_it, T otherwise) {
    const auto found = std::find_if(list.begin(), list.end(), is_it);
    return found != list.end() ? *found : list.emplace_back(std::move(otherwise));
}

/// The first `count` numbers of a release, `6.1` of `6.1.0-50-cloud-amd64` for two; all of it when it has
/// fewer.
std::string numbers(const std::string& release, int count) {
    std::size_t end = 0;
    for (int i = 0; i < count; ++i) {
        const std::size_t begin = i == 0 ? 0 : end + 1;
        if (i != 0 && (end >= release.size() || release[end] != '.')) return release;
        end = std::min(release.find_first_not_of("0123456789", begin), release.size());
        if (end == begin) return release;
    }
    return release.substr(0, end);
}

/// A kernel's modes in the order of the report, also where not every file has all: what only a later file has
/// comes before what follows it there.
std::vector<std::string> modes_in_order(std::span<const Result> results, const std::string& release) {
    std::vector<std::string> order;
    for (auto begin = results.begin(); begin != results.end();) {
        const auto end = std::find_if(begin, results.end(), [&begin](const Result& each) {
            return each.file != begin->file || each.kernel != begin->kernel;
        });
        auto next = order.end();
        for (auto result = end; result != begin && begin->kernel == release;) {
            --result;
            const auto found = std::find(order.begin(), order.end(), result->irqchip);
            next = found != order.end() ? found : order.insert(next, result->irqchip);
        }
        begin = end;
    }
    return order;
}

}  // namespace

std::vector<KernelResults> by_kernel(std::span<const Result> results) {
    std::vector<KernelResults> kernels;
    for (const Result& result : results) {
        const auto is_kernel = [&](const KernelResults& each) { return each.release == result.kernel; };
        auto& kernel = find_or_add(kernels, is_kernel, KernelResults{result.kernel, {}});
        const auto is_mode = [&](const ModeResults& each) { return each.irqchip == result.irqchip; };
        find_or_add(kernel.modes, is_mode, ModeResults{result.irqchip, {}}).results.push_back(result);
    }
    for (KernelResults& kernel : kernels) {
        const auto order = modes_in_order(results, kernel.release);
        std::stable_sort(kernel.modes.begin(), kernel.modes.end(),
                         [&order](const ModeResults& a, const ModeResults& b) {
                             return std::find(order.begin(), order.end(), a.irqchip) <
                                    std::find(order.begin(), order.end(), b.irqchip);
                         });
    }
    return kernels;
}

KernelNames::KernelNames(std::span<const Result> results) {
    for (const Result& result : results) names_[result.kernel] = printable(result.kernel);
    for (const int count : {2, 3}) {
        std::set<std::string> short_names;
        for (const auto& [release, name] : names_) short_names.insert(numbers(release, count));
        if (short_names.size() < names_.size()) continue;
        for (auto& [release, name] : names_) name = printable(numbers(release, count));
        return;
    }
}

std::string KernelNames::placement(const Result& result) const {
    std::string irqchip = printable(result.irqchip);
    if (!several()) return irqchip;
    return irqchip.empty() ? of(result.kernel) : of(result.kernel) + ' ' + irqchip;
}

}  // namespace irqbench::tools
