#include "vmm/kvm/vcpu.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace irqbench::vmm::kvm {
namespace {

Fd require_fd(Attempt<Fd> attempt, const char* name) {
    require(attempt.outcome, name);
    return std::move(*attempt.object);
}

/// kvm_coalesced_mmio_ring without its entries, for the reason given at List.
struct RingHeader {
    std::uint32_t first;
    std::uint32_t last;
};

}  // namespace

Vcpu::Vcpu(Vm& vm, std::uint32_t id) : Vcpu(vm, id, require_fd(vm.try_create_vcpu(id), "KVM_CREATE_VCPU")) {}

Vcpu::Vcpu(Vm& vm, std::uint32_t id, Fd fd)
    : id_(id),
      coalesced_ring_(static_cast<std::size_t>(vm.check_extension(KVM_CAP_COALESCED_MMIO)) *
                      static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
      fd_(std::move(fd)),
      pages_(Mapping::shared(fd_.get(), vm.vcpu_mmap_size())) {}

Attempt<Vcpu> Vcpu::try_create(Vm& vm, std::uint32_t id) {
    Attempt<Fd> attempt = vm.try_create_vcpu(id);
    if (!attempt.object) return {attempt.outcome, std::nullopt};
    return {attempt.outcome, Vcpu(vm, id, std::move(*attempt.object))};
}

RunResult Vcpu::run() {
    const Outcome outcome = try_ioctl_once(fd(), IRQBENCH_KVM_REQUEST(KVM_RUN));
    if (outcome.ok()) return RunResult::exited;
    if (outcome.error == EINTR) return RunResult::interrupted;
    if (outcome.error == EAGAIN) return RunResult::again;
    // A memory fault is the one exit that is reported together with an errno (api.rst,
    // KVM_EXIT_MEMORY_FAULT).
    const bool memory_fault = outcome.error == EFAULT || outcome.error == EHWPOISON;
    if (memory_fault && run_page().exit_reason == exit_reason::memory_fault) return RunResult::exited;
    throw std::system_error(outcome.error, std::generic_category(), "KVM_RUN");
}

void Vcpu::complete_access() {
    set_immediate_exit(true);
    // An access in several parts exits for each of them (api.rst, KVM_EXIT_MMIO); there are few.
    for (int parts = 0; parts < 16 && run() == RunResult::exited; ++parts) {
    }
    set_immediate_exit(false);
}

void Vcpu::complete_msr(std::optional<std::uint64_t> value) {
    kvm_run& run = run_page();
    run.msr.error = !value;
    if (!value) run.ready_for_interrupt_injection = 0;
    if (value && run.exit_reason == KVM_EXIT_X86_RDMSR) run.msr.data = *value;
}

void Vcpu::set_immediate_exit(bool on) {
    std::atomic_ref<std::uint8_t>(run_page().immediate_exit).store(on, std::memory_order_release);
}

std::optional<CoalescedWrite> Vcpu::next_coalesced_write() {
    if (coalesced_ring_ == 0) return std::nullopt;
    std::byte* page = pages_.bytes().data() + coalesced_ring_;
    auto& ring = *reinterpret_cast<RingHeader*>(page);
    // The kernel publishes an entry by advancing `last` (virt/kvm/coalesced_mmio.c), we free it by advancing
    // `first`.
    const std::uint32_t last = std::atomic_ref<std::uint32_t>(ring.last).load(std::memory_order_acquire);
    const std::uint32_t first = ring.first;
    if (first == last) return std::nullopt;

    const auto page_size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t slots = (page_size - sizeof(RingHeader)) / sizeof(kvm_coalesced_mmio);
    kvm_coalesced_mmio entry;
    std::memcpy(&entry, page + sizeof(RingHeader) + first % slots * sizeof entry, sizeof entry);
    const auto next = static_cast<std::uint32_t>((first + 1) % slots);
    std::atomic_ref<std::uint32_t>(ring.first).store(next, std::memory_order_release);

    CoalescedWrite write{entry.phys_addr, entry.pio != 0, entry.len, 0};
    std::memcpy(&write.value, entry.data, std::min<std::size_t>(entry.len, sizeof write.value));
    return write;
}

void Vcpu::set_signal_mask(const sigset_t& blocked) {
    // The kernel's signal set has 64 bits; the C library's sigset_t begins with them and is longer.
    using Mask = List<ShortListHeader, std::uint8_t>;
    Mask mask(sizeof(std::uint64_t));
    std::memcpy(mask.entries(), &blocked, sizeof(std::uint64_t));
    call(fd(), Mask::request(IRQBENCH_KVM_REQUEST(KVM_SET_SIGNAL_MASK)), mask.header());
}

std::uint32_t Vcpu::mp_state() const {
    kvm_mp_state state{};
    call(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_MP_STATE), state);
    return state.mp_state;
}

Outcome Vcpu::try_set_mp_state(std::uint32_t state) {
    const kvm_mp_state request{state};
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_MP_STATE), request);
}

void Vcpu::set_mp_state(std::uint32_t state) { require(try_set_mp_state(state), "KVM_SET_MP_STATE"); }

Outcome Vcpu::try_enable_cap(std::uint32_t capability, std::uint64_t argument) {
    kvm_enable_cap request{};
    request.cap = capability;
    request.args[0] = argument;
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_ENABLE_CAP), request);
}

Outcome Vcpu::try_one_reg(bool set, std::uint64_t id, void* value) const {
    const kvm_one_reg request{id, reinterpret_cast<std::uintptr_t>(value)};
    if (set) return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_ONE_REG), request);
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_ONE_REG), request);
}

std::uint64_t Vcpu::reg(std::uint64_t id) const {
    std::uint64_t value = 0;
    require(try_get_reg(id, value), "KVM_GET_ONE_REG");
    return value;
}

void Vcpu::set_reg(std::uint64_t id, std::uint64_t value) {
    require(try_set_reg(id, value), "KVM_SET_ONE_REG");
}

// Its header is one word of 64 bits (struct kvm_reg_list).
std::vector<std::uint64_t> Vcpu::reg_list() const {
    struct Header {
        std::uint64_t count = 0;
    };
    using Ids = List<Header, std::uint64_t>;
    constexpr Request request = Ids::request(IRQBENCH_KVM_REQUEST(KVM_GET_REG_LIST));
    // A list that is too short is refused with E2BIG and the length it should have.
    Ids none(0);
    const Outcome outcome = try_ioctl(fd(), request, none.header());
    if (outcome.error != E2BIG) require(outcome, request.name);
    Ids list(none.header().count);
    call(fd(), request, list.header());
    return list.take(list.header().count);
}

std::vector<std::byte> Vcpu::reg_bytes(std::uint64_t id) const {
    std::vector<std::byte> bytes(std::size_t{1} << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT));
    require(try_one_reg(false, id, bytes.data()), "KVM_GET_ONE_REG");
    return bytes;
}

void Vcpu::set_reg_bytes(std::uint64_t id, std::span<const std::byte> bytes) {
    std::vector<std::byte> copy(bytes.begin(), bytes.end());
    require(try_one_reg(true, id, copy.data()), fmt::format("KVM_SET_ONE_REG of {:#x}", id).c_str());
}

kvm_vcpu_events Vcpu::vcpu_events() const {
    kvm_vcpu_events events{};
    call(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_VCPU_EVENTS), events);
    return events;
}

Outcome Vcpu::try_set_vcpu_events(const kvm_vcpu_events& events) {
    const Outcome outcome = try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_VCPU_EVENTS), events);
    if (outcome.ok()) run_page().ready_for_interrupt_injection = 0;
    return outcome;
}

void Vcpu::set_vcpu_events(const kvm_vcpu_events& events) {
    require(try_set_vcpu_events(events), "KVM_SET_VCPU_EVENTS");
}

Outcome Vcpu::try_interrupt(std::uint32_t vector) {
    const kvm_interrupt request{vector};
    const Outcome outcome = try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_INTERRUPT), request);
    if (outcome.ok()) run_page().ready_for_interrupt_injection = 0;
    return outcome;
}

void Vcpu::interrupt(std::uint32_t vector) { require(try_interrupt(vector), "KVM_INTERRUPT"); }

#if defined(__aarch64__)
Outcome Vcpu::try_init(const kvm_vcpu_init& init) {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_ARM_VCPU_INIT), init);
}

void Vcpu::init(const kvm_vcpu_init& init) { require(try_init(init), "KVM_ARM_VCPU_INIT"); }
#endif

#if defined(__x86_64__)
using Msrs = List<ListHeader, kvm_msr_entry>;
using Cpuid = List<ListHeader, kvm_cpuid_entry2>;

kvm_regs Vcpu::regs() const {
    kvm_regs regs{};
    call(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_REGS), regs);
    return regs;
}

void Vcpu::set_regs(const kvm_regs& regs) {
    constexpr std::uint64_t interrupt_flag = 1U << 9;
    call(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_REGS), regs);
    run_page().if_flag = (regs.rflags & interrupt_flag) != 0;
    run_page().ready_for_interrupt_injection = 0;
}

kvm_sregs Vcpu::sregs() const {
    kvm_sregs sregs{};
    call(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_SREGS), sregs);
    return sregs;
}

void Vcpu::set_sregs(const kvm_sregs& sregs) { call(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_SREGS), sregs); }

std::vector<kvm_msr_entry> Vcpu::msrs(std::span<const std::uint32_t> indices) const {
    Msrs list(indices.size());
    for (std::size_t i = 0; i < indices.size(); ++i) list.entries()[i].index = indices[i];
    const int done = call(fd(), Msrs::request(IRQBENCH_KVM_REQUEST(KVM_GET_MSRS)), list.header());
    if (const auto count = static_cast<std::size_t>(done); count != indices.size()) {
        throw std::out_of_range(fmt::format("KVM_GET_MSRS: KVM does not know MSR {:#x}", indices[count]));
    }
    return list.take(indices.size());
}

std::vector<kvm_msr_entry> Vcpu::known_msrs(std::span<const std::uint32_t> indices) const {
    std::vector<kvm_msr_entry> known;
    while (!indices.empty()) {
        Msrs list(indices.size());
        for (std::size_t i = 0; i < indices.size(); ++i) list.entries()[i].index = indices[i];
        const auto done = static_cast<std::size_t>(
            call(fd(), Msrs::request(IRQBENCH_KVM_REQUEST(KVM_GET_MSRS)), list.header()));
        known.insert(known.end(), list.entries(), list.entries() + done);
        // The kernel stops at the first that it does not know.
        indices = indices.subspan(std::min(indices.size(), done + 1));
    }
    return known;
}

std::uint64_t Vcpu::msr(std::uint32_t index) const { return msrs({&index, 1}).front().data; }

void Vcpu::set_msrs(std::span<const kvm_msr_entry> entries) {
    Msrs list(entries);
    const int done = call(fd(), Msrs::request(IRQBENCH_KVM_REQUEST(KVM_SET_MSRS)), list.header());
    if (const auto count = static_cast<std::size_t>(done); count != entries.size()) {
        throw std::out_of_range(fmt::format("KVM_SET_MSRS: KVM refuses {:#x} for MSR {:#x}",
                                            entries[count].data, entries[count].index));
    }
}

void Vcpu::set_msr(std::uint32_t index, std::uint64_t value) {
    kvm_msr_entry entry{};
    entry.index = index;
    entry.data = value;
    set_msrs({&entry, 1});
}

std::uint32_t Vcpu::tsc_khz() const {
    const Outcome outcome = try_ioctl(fd_.get(), IRQBENCH_KVM_REQUEST(KVM_GET_TSC_KHZ));
    return outcome.ok() ? static_cast<std::uint32_t>(outcome.value) : 0;
}

void Vcpu::set_cpuid(std::span<const kvm_cpuid_entry2> entries) {
    Cpuid list(entries);
    call(fd(), Cpuid::request(IRQBENCH_KVM_REQUEST(KVM_SET_CPUID2)), list.header());
}

std::vector<kvm_cpuid_entry2> Vcpu::cpuid() const {
    constexpr Request request = Cpuid::request(IRQBENCH_KVM_REQUEST(KVM_GET_CPUID2));
    // A list that is too short is refused with E2BIG and the length it should have.
    for (std::size_t count = 128;;) {
        Cpuid list(count);
        const Outcome outcome = try_ioctl(fd(), request, list.header());
        if (outcome.error == E2BIG && list.header().count > count) {
            count = list.header().count;
            continue;
        }
        require(outcome, request.name);
        return list.take(list.header().count);
    }
}

Outcome Vcpu::try_get_lapic(kvm_lapic_state& state) const {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_LAPIC), state);
}

kvm_lapic_state Vcpu::lapic() const {
    kvm_lapic_state state{};
    require(try_get_lapic(state), "KVM_GET_LAPIC");
    return state;
}

Outcome Vcpu::try_set_lapic(const kvm_lapic_state& state) {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_LAPIC), state);
}

void Vcpu::set_lapic(const kvm_lapic_state& state) { require(try_set_lapic(state), "KVM_SET_LAPIC"); }

Outcome Vcpu::try_nmi() {
    run_page().ready_for_interrupt_injection = 0;
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_NMI));
}

void Vcpu::nmi() { require(try_nmi(), "KVM_NMI"); }

Outcome Vcpu::try_smi() {
    run_page().ready_for_interrupt_injection = 0;
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_SMI));
}
#endif

Kicker::Kicker(int signal) : signal_(signal) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigemptyset(&action.sa_mask);
    // Without SA_RESTART, or KVM_RUN would be entered again.
    if (::sigaction(signal, &action, nullptr) != 0) {
        throw std::system_error(errno, std::generic_category(), "sigaction");
    }
}

void Kicker::kick(Vcpu& vcpu, pid_t thread) const {
    // The flag catches a thread that is just about to enter KVM_RUN, the signal one that is inside.
    vcpu.set_immediate_exit(true);
    ::tgkill(::getpid(), thread, signal_);
}

}  // namespace irqbench::vmm::kvm
