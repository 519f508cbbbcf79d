#include "vmm/kernel_irqfds.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

namespace irqbench::vmm {

// The VM is closed right after: letting the kernel drop them together saves a wait for each.
KernelIrqfds::~KernelIrqfds() {
    for (Entry& entry : entries_)
        if (entry.irqfd) entry.irqfd->abandon();
}

const KernelIrqfds::Entry* KernelIrqfds::find(std::string_view name) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.spec.name == name; });
    return found == entries_.end() ? nullptr : &*found;
}

KernelIrqfds::Entry* KernelIrqfds::find(std::string_view name) {
    return const_cast<Entry*>(std::as_const(*this).find(name));
}

bool KernelIrqfds::has(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    const Entry* entry = find(name);
    return entry != nullptr && entry->irqfd.has_value();
}

kvm::Vm& KernelIrqfds::vm_of(const IrqfdSpec& spec) {
    if (!spec.other_vm) return vm_;
    if (!other_vm_) other_vm_ = make_other_vm_();
    return *other_vm_;
}

KernelIrqfds::Entry KernelIrqfds::make(const IrqfdSpec& spec) const {
    Entry entry;
    entry.spec = spec;
    const Entry* other = find(spec.shares);
    entry.trigger = other != nullptr ? other->trigger : std::make_shared<Trigger>();
    entry.signalled = other != nullptr;  // by what may wait in it
    return entry;
}

void KernelIrqfds::keep(Entry entry) {
    if (Entry* former = find(entry.spec.name); former != nullptr) {
        collect_kicks(*former);
        entry.kicks = former->kicks;
    }
    std::erase_if(entries_, [&](const Entry& former) { return former.spec.name == entry.spec.name; });
    entries_.push_back(std::move(entry));
}

// The kernel is called without the lock: signals come meanwhile.
Outcome KernelIrqfds::assign(const IrqfdSpec& spec) {
    if (spec.other_vm && !make_other_vm_) return {0, EAGAIN};
    std::unique_lock lock(mutex_);
    Entry entry = make(spec);
    const std::shared_ptr<Trigger> trigger = entry.trigger;
    lock.unlock();
    const std::lock_guard assignment(trigger->assignment);
    lock.lock();
    if (served_by_machine(*trigger) != nullptr) return {0, EBUSY};
    if (spec.resample) entry.resample = std::make_unique<kvm::EventFd>();
    kvm::Vm& vm = vm_of(spec);
    lock.unlock();
    const bool is_signalled = trigger->eventfd.is_signalled();
    auto attempt = kvm::Irqfd::try_assign(vm, trigger->eventfd, spec.gsi, entry.resample.get());
    lock.lock();
    if (!attempt.outcome.ok()) return attempt.outcome;
    entry.irqfd = std::move(attempt.object);
    if (is_signalled && entry.holds_a_line()) {
        collect_kicks();
        drive_line(spec.gsi, true);
    }
    keep(std::move(entry));
    return attempt.outcome;
}

Outcome KernelIrqfds::serve(const IrqfdSpec& spec, std::optional<routing::ListenerId> listener) {
    const std::lock_guard lock(mutex_);
    Entry entry = make(spec);
    if (triggered_by(*entry.trigger) != nullptr) return {0, EBUSY};
    entry.by_machine = true;
    entry.listener = listener;
    keep(std::move(entry));
    return {};
}

void KernelIrqfds::move(std::string_view name, Server to) {
    const std::lock_guard lock(mutex_);
    Entry* entry = find(name);
    entry->by_machine = to == Server::machine;
    if (entry->by_machine) {
        kvm::require(entry->irqfd->try_deassign(), "KVM_IRQFD");
        entry->irqfd.reset();
        // Kernels before 5.11 leave the signal in the eventfd.
        static_cast<void>(entry->trigger->eventfd.drain());
        return;
    }
    auto attempt =
        kvm::Irqfd::try_assign(vm_of(entry->spec), entry->trigger->eventfd, entry->spec.gsi, nullptr);
    kvm::require(attempt.outcome, "KVM_IRQFD");
    entry->irqfd = std::move(attempt.object);
}

KernelIrqfds::Deassignment KernelIrqfds::deassign(std::string_view name) {
    std::unique_lock lock(mutex_);
    const Entry* named = find(name);
    if (named == nullptr) return {{0, ENOENT}, std::nullopt};
    const IrqfdSpec spec = named->spec;
    const std::shared_ptr<Trigger> trigger = named->trigger;
    lock.unlock();
    const std::lock_guard assignment(trigger->assignment);
    lock.lock();
    Entry* entry = triggered_by(*trigger);
    if (entry == nullptr || entry->spec.gsi != spec.gsi || entry->spec.other_vm != spec.other_vm)
        return {kvm::Irqfd::try_deassign(vm_of(spec), trigger->eventfd, spec.gsi), std::nullopt};
    Deassignment result{{}, Binding{entry->spec, server_of(*entry), entry->listener, 0, 0}};
    if (std::exchange(entry->by_machine, false)) return result;
    const bool held_a_line = entry->holds_a_line();
    auto irqfd = std::exchange(entry->irqfd, std::nullopt);
    lock.unlock();
    result.outcome = irqfd->try_deassign();
    lock.lock();
    if (held_a_line && !has_resampler(spec.gsi)) drive_line(spec.gsi, false);
    return result;
}

KernelIrqfds::Server KernelIrqfds::server_of(const Entry& entry) {
    if (entry.by_machine) return Server::machine;
    return entry.irqfd ? Server::kernel : Server::nobody;
}

std::vector<KernelIrqfds::Binding> KernelIrqfds::assigned() const {
    const std::lock_guard lock(mutex_);
    std::vector<Binding> bindings;
    for (const Entry& entry : entries_)
        if (const Server server = server_of(entry); server != Server::nobody)
            bindings.push_back({entry.spec, server, entry.listener, 0, 0});
    return bindings;
}

/// The eventfd of one that is deassigned may be another one's by now.
const KernelIrqfds::Entry* KernelIrqfds::triggered_by(const Trigger& trigger) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return entry.trigger.get() == &trigger && server_of(entry) != Server::nobody;
    });
    return found == entries_.end() ? nullptr : &*found;
}

KernelIrqfds::Entry* KernelIrqfds::triggered_by(const Trigger& trigger) {
    return const_cast<Entry*>(std::as_const(*this).triggered_by(trigger));
}

const KernelIrqfds::Entry* KernelIrqfds::served_by_machine(const Trigger& trigger) const {
    const Entry* entry = triggered_by(trigger);
    return entry != nullptr && entry->by_machine ? entry : nullptr;
}

bool KernelIrqfds::is_for_machine(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    const Entry* entry = find(name);
    return entry != nullptr && served_by_machine(*entry->trigger) != nullptr;
}

std::optional<IrqfdSpec> KernelIrqfds::take_event(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const Entry* named = find(name);
    const Entry* served = named == nullptr ? nullptr : served_by_machine(*named->trigger);
    if (served == nullptr || served->trigger->eventfd.drain() == 0) return std::nullopt;
    return served->spec;
}

void KernelIrqfds::kick(std::span<const routing::ListenerId> listeners) {
    const std::lock_guard lock(mutex_);
    for (Entry& entry : entries_)
        if (entry.by_machine && entry.listener &&
            std::find(listeners.begin(), listeners.end(), *entry.listener) != listeners.end())
            ++entry.kicks;
}

std::optional<std::uint32_t> KernelIrqfds::gsi_of(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    const Entry* entry = find(name);
    if (entry == nullptr || !entry->irqfd || entry->spec.other_vm) return std::nullopt;
    return entry->spec.gsi;
}

bool KernelIrqfds::resamples(std::uint32_t gsi) const {
    const std::lock_guard lock(mutex_);
    return has_resampler(gsi);
}

bool KernelIrqfds::has_resampler(std::uint32_t gsi) const {
    return std::any_of(entries_.begin(), entries_.end(),
                       [gsi](const Entry& entry) { return entry.holds_a_line() && entry.spec.gsi == gsi; });
}

void KernelIrqfds::drive_line(std::uint32_t gsi, bool level) const {
    if (drive_line_) drive_line_(gsi, level);
}

void KernelIrqfds::rerouted(const std::function<void()>& change) {
    const std::lock_guard lock(mutex_);
    collect_kicks();
    change();
}

std::optional<std::uint32_t> KernelIrqfds::signal(std::string_view name, std::uint64_t count) {
    std::shared_ptr<Trigger> trigger;
    std::optional<std::uint32_t> gsi;
    {
        const std::lock_guard lock(mutex_);
        const Entry* named = find(name);
        if (named == nullptr) return std::nullopt;
        trigger = named->trigger;
        for (Entry& entry : entries_) {
            if (entry.trigger != trigger) continue;
            entry.signalled = true;
            if (entry.irqfd && !entry.spec.other_vm) gsi = entry.spec.gsi;
            if (!entry.holds_a_line()) continue;
            // A kick that has come already is not the answer to this signal.
            collect_kicks();
            drive_line(entry.spec.gsi, true);
        }
    }
    try {
        trigger->eventfd.signal(count);
    } catch (const std::system_error& error) {
        // A counter that can hold no more is an event already.
        if (error.code().value() != EAGAIN) throw;
    }
    return gsi;
}

void KernelIrqfds::drain() {
    for (Entry& entry : entries_) {
        if (!entry.irqfd || !std::exchange(entry.signalled, false)) continue;
        std::optional<kvm::EventFd> keeper_trigger;
        std::optional<kvm::EventFd> keeper_resample;
        std::optional<kvm::Irqfd> keeper;
        if (entry.spec.resample) {
            keeper_trigger.emplace();
            keeper_resample.emplace();
            keeper.emplace(vm_of(entry.spec), *keeper_trigger, entry.spec.gsi, &*keeper_resample);
        }
        entry.irqfd->drain(entry.trigger->eventfd);
    }
}

std::vector<event::Resampled> KernelIrqfds::take_resampled() {
    const std::lock_guard lock(mutex_);
    std::vector<event::Resampled> kicks;
    for (Entry& entry : entries_) {
        collect_kicks(entry);
        if (const std::uint64_t count = std::exchange(entry.kicks, 0); count != 0)
            kicks.push_back({entry.spec.name, count});
    }
    return kicks;
}

/// A resampler lets go of the line before it kicks.
void KernelIrqfds::collect_kicks(Entry& entry) {
    const std::uint64_t count = entry.resample ? entry.resample->drain() : 0;
    if (count == 0) return;
    entry.kicks += count;
    if (!entry.spec.other_vm) drive_line(entry.spec.gsi, false);
}

void KernelIrqfds::collect_kicks() {
    for (Entry& entry : entries_) collect_kicks(entry);
}

std::vector<KernelIrqfds::Binding> KernelIrqfds::save() const {
    std::vector<Binding> bindings;
    std::vector<const Trigger*> seen;
    for (const Entry& entry : entries_) {
        const auto eventfd = std::find(seen.begin(), seen.end(), entry.trigger.get());
        Binding binding{entry.spec, server_of(entry), entry.listener,
                        static_cast<std::size_t>(eventfd - seen.begin()), 0};
        // What nobody listens to can be read and written back.
        if (eventfd == seen.end()) {
            seen.push_back(entry.trigger.get());
            if (triggered_by(*entry.trigger) == nullptr) binding.waiting = entry.trigger->eventfd.drain();
            if (binding.waiting != 0) entry.trigger->eventfd.signal(binding.waiting);
        }
        bindings.push_back(std::move(binding));
    }
    return bindings;
}

void KernelIrqfds::restore(const std::vector<Binding>& bindings) {
    std::map<std::size_t, std::shared_ptr<Trigger>> eventfds;
    for (const Binding& binding : bindings) {
        Entry entry;
        entry.spec = binding.spec;
        std::shared_ptr<Trigger>& trigger = eventfds[binding.eventfd];
        if (!trigger) trigger = std::make_shared<Trigger>();
        entry.trigger = trigger;
        entry.by_machine = binding.server == Server::machine;
        entry.listener = binding.listener;
        if (binding.server == Server::kernel) {
            if (binding.spec.resample) entry.resample = std::make_unique<kvm::EventFd>();
            entry.irqfd.emplace(vm_of(binding.spec), trigger->eventfd, binding.spec.gsi,
                                entry.resample.get());
        }
        if (binding.waiting != 0) trigger->eventfd.signal(binding.waiting);
        entries_.push_back(std::move(entry));
    }
}

std::vector<SavedIrqfd> KernelIrqfds::save_portable() const {
    std::vector<NumberedIrqfd> irqfds;
    for (Binding& binding : save())
        irqfds.push_back(
            {{std::move(binding.spec), binding.server != Server::nobody, binding.waiting}, binding.eventfd});
    return in_order_of_assignment(irqfds);
}

void KernelIrqfds::restore_portable(const std::vector<SavedIrqfd>& saved) {
    std::map<std::string, std::size_t> eventfds;  // by the name of each irqfd
    std::vector<Binding> bindings;
    for (const SavedIrqfd& irqfd : saved) {
        const auto other = eventfds.find(irqfd.spec.shares);
        const std::size_t eventfd = other != eventfds.end() ? other->second : bindings.size();
        eventfds[irqfd.spec.name] = eventfd;
        bindings.push_back({irqfd.spec, irqfd.assigned ? Server::kernel : Server::nobody, std::nullopt,
                            eventfd, irqfd.waiting});
    }
    restore(bindings);
}

StateAccess KernelIrqfds::state() {
    return state_access<std::vector<Binding>>(
        "irqfds", [this] { return save(); },
        [this](const std::vector<Binding>& bindings) { restore(bindings); });
}

}  // namespace irqbench::vmm
