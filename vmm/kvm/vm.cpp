#include "vmm/kvm/vm.hpp"

#include <cstring>
#include <stdexcept>
#include <vector>

namespace irqbench::vmm::kvm {

Vm::Vm(const System& system, unsigned long type)
    : vcpu_mmap_size_(system.vcpu_mmap_size()),
      fd_(call(system.fd(), IRQBENCH_KVM_REQUEST(KVM_CREATE_VM), type)) {}

int Vm::check_extension(unsigned long capability) const {
    return call(fd(), IRQBENCH_KVM_REQUEST(KVM_CHECK_EXTENSION), capability);
}

Outcome Vm::try_enable_cap(std::uint32_t capability, std::array<std::uint64_t, 4> arguments) {
    kvm_enable_cap request{};
    request.cap = capability;
    std::memcpy(request.args, arguments.data(), sizeof request.args);
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_ENABLE_CAP), request);
}

void Vm::enable_cap(std::uint32_t capability, std::array<std::uint64_t, 4> arguments) {
    require(try_enable_cap(capability, arguments), "KVM_ENABLE_CAP");
}

Attempt<Fd> Vm::try_create_vcpu(std::uint32_t id) {
    const Outcome outcome = try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_CREATE_VCPU), std::uintptr_t{id});
    if (!outcome.ok()) return {outcome, std::nullopt};
    return {outcome, Fd(outcome.value)};
}

Outcome Vm::try_set_user_memory_region(const kvm_userspace_memory_region& region) {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_USER_MEMORY_REGION), region);
}

void Vm::set_user_memory_region(const kvm_userspace_memory_region& region) {
    require(try_set_user_memory_region(region), "KVM_SET_USER_MEMORY_REGION");
}

Outcome Vm::try_get_dirty_log(std::uint32_t slot, std::span<std::uint64_t> bitmap) {
    kvm_dirty_log request{};
    request.slot = slot;
    request.dirty_bitmap = bitmap.data();
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_DIRTY_LOG), request);
}

Outcome Vm::try_clear_dirty_log(std::uint32_t slot, std::uint64_t first_page, std::uint32_t pages,
                                std::span<std::uint64_t> bitmap) {
    kvm_clear_dirty_log request{};
    request.slot = slot;
    request.num_pages = pages;
    request.first_page = first_page;
    request.dirty_bitmap = bitmap.data();
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_CLEAR_DIRTY_LOG), request);
}

Outcome Vm::try_register_coalesced(const kvm_coalesced_mmio_zone& zone) {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_REGISTER_COALESCED_MMIO), zone);
}

Outcome Vm::try_unregister_coalesced(const kvm_coalesced_mmio_zone& zone) {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_UNREGISTER_COALESCED_MMIO), zone);
}

Outcome Vm::try_create_irqchip() { return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_CREATE_IRQCHIP)); }

void Vm::create_irqchip() { require(try_create_irqchip(), "KVM_CREATE_IRQCHIP"); }

Outcome Vm::try_irq_line(std::uint32_t line, bool level) {
    kvm_irq_level request{};
    request.irq = line;
    request.level = level;
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_IRQ_LINE), request);
}

void Vm::irq_line(std::uint32_t line, bool level) { require(try_irq_line(line, level), "KVM_IRQ_LINE"); }

Outcome Vm::try_irq_line_status(std::uint32_t line, bool level) {
    kvm_irq_level request{};
    request.irq = line;
    request.level = level;
    const Outcome outcome = try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_IRQ_LINE_STATUS), request);
    if (!outcome.ok()) return outcome;
    return {request.status, 0};
}

int Vm::irq_line_status(std::uint32_t line, bool level) {
    return require(try_irq_line_status(line, level), "KVM_IRQ_LINE_STATUS");
}

Outcome Vm::try_set_gsi_routing(std::span<const kvm_irq_routing_entry> entries) {
    using Table = List<ListHeader, kvm_irq_routing_entry>;
    Table table(entries);
    constexpr Request request = Table::request(IRQBENCH_KVM_REQUEST(KVM_SET_GSI_ROUTING));
    const Outcome outcome = try_ioctl(fd(), request, table.header());
#if defined(__x86_64__)
    // Linux 4.4 has no memory for an empty table: one with a message to nobody, the LAPICs being told by
    // vector 0 to drop it, stands for it, on the last GSI that is there.
    if (entries.empty() && outcome.error == ENOMEM) {
        kvm_irq_routing_entry nowhere{};
        nowhere.gsi = static_cast<std::uint32_t>(check_extension(KVM_CAP_IRQ_ROUTING)) - 1;
        nowhere.type = KVM_IRQ_ROUTING_MSI;
        nowhere.u.msi.address_lo = 0xfeefe000;
        return try_set_gsi_routing({&nowhere, 1});
    }
#endif
    return outcome;
}

void Vm::set_gsi_routing(std::span<const kvm_irq_routing_entry> entries) {
    require(try_set_gsi_routing(entries), "KVM_SET_GSI_ROUTING");
}

Outcome Vm::try_signal_msi(const kvm_msi& message) {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_SIGNAL_MSI), message);
}

int Vm::signal_msi(const kvm_msi& message) { return require(try_signal_msi(message), "KVM_SIGNAL_MSI"); }

Outcome Vm::try_irqfd(const kvm_irqfd& request) {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_IRQFD), request);
}

Outcome Vm::try_ioeventfd(const kvm_ioeventfd& request) {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_IOEVENTFD), request);
}

Attempt<Fd> Vm::try_create_device(std::uint32_t type) {
    kvm_create_device request{};
    request.type = type;
    const Outcome outcome = try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_CREATE_DEVICE), request);
    if (!outcome.ok()) return {outcome, std::nullopt};
    return {outcome, Fd(static_cast<int>(request.fd))};
}

bool Vm::supports_device(std::uint32_t type) const {
    kvm_create_device request{};
    request.type = type;
    request.flags = KVM_CREATE_DEVICE_TEST;
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_CREATE_DEVICE), request).ok();
}

#if defined(__aarch64__)
kvm_vcpu_init Vm::preferred_target() const {
    kvm_vcpu_init init{};
    call(fd(), IRQBENCH_KVM_REQUEST(KVM_ARM_PREFERRED_TARGET), init);
    return init;
}
#endif

#if defined(__x86_64__)
void Vm::set_tss_addr(std::uint32_t guest_address) {
    call(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_TSS_ADDR), std::uintptr_t{guest_address});
}

void Vm::set_identity_map_addr(std::uint64_t guest_address) {
    // Unlike KVM_SET_TSS_ADDR this one takes a pointer to the address.
    call(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_IDENTITY_MAP_ADDR),
         reinterpret_cast<std::uintptr_t>(&guest_address));
}

Outcome Vm::try_set_boot_cpu_id(std::uint32_t id) {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_BOOT_CPU_ID), std::uintptr_t{id});
}

Outcome Vm::try_get_irqchip(std::uint32_t chip, kvm_irqchip& state) const {
    state = {};
    state.chip_id = chip;
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_IRQCHIP), state);
}

kvm_irqchip Vm::get_irqchip(std::uint32_t chip) const {
    kvm_irqchip state;
    require(try_get_irqchip(chip, state), "KVM_GET_IRQCHIP");
    return state;
}

Outcome Vm::try_set_irqchip(const kvm_irqchip& state) {
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_IRQCHIP), state);
}

void Vm::set_irqchip(const kvm_irqchip& state) { require(try_set_irqchip(state), "KVM_SET_IRQCHIP"); }

Outcome Vm::try_create_pit2(std::uint32_t flags) {
    kvm_pit_config config{};
    config.flags = flags;
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_CREATE_PIT2), config);
}

void Vm::create_pit2(std::uint32_t flags) { require(try_create_pit2(flags), "KVM_CREATE_PIT2"); }

kvm_pit_state2 Vm::pit2() const {
    kvm_pit_state2 state{};
    call(fd(), IRQBENCH_KVM_REQUEST(KVM_GET_PIT2), state);
    return state;
}

void Vm::set_pit2(const kvm_pit_state2& state) { call(fd(), IRQBENCH_KVM_REQUEST(KVM_SET_PIT2), state); }

Outcome Vm::try_reinject_control(bool reinject) {
    kvm_reinject_control control{};
    control.pit_reinject = reinject;
    return try_ioctl(fd(), IRQBENCH_KVM_REQUEST(KVM_REINJECT_CONTROL), control);
}

void Vm::reinject_control(bool reinject) { require(try_reinject_control(reinject), "KVM_REINJECT_CONTROL"); }

void Vm::set_msr_filter(const kvm_msr_filter& filter) {
    call(fd(), IRQBENCH_KVM_REQUEST(KVM_X86_SET_MSR_FILTER), filter);
}

void Vm::exit_on_msrs(std::span<const MsrRange> ranges) {
    kvm_msr_filter filter{};
    if (ranges.size() > std::size(filter.ranges))
        throw std::length_error("KVM_X86_SET_MSR_FILTER: too many ranges");
    filter.flags = KVM_MSR_FILTER_DEFAULT_ALLOW;
    std::vector<std::vector<std::uint8_t>> bitmaps;  // a clear bit denies the access
    bitmaps.reserve(ranges.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        bitmaps.emplace_back((ranges[i].count + 7) / 8);
        filter.ranges[i].flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
        filter.ranges[i].base = ranges[i].first;
        filter.ranges[i].nmsrs = ranges[i].count;
        filter.ranges[i].bitmap = bitmaps.back().data();
    }
    set_msr_filter(filter);
    enable_cap(KVM_CAP_X86_USER_SPACE_MSR,
               {KVM_MSR_EXIT_REASON_FILTER | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL});
}
#endif

}  // namespace irqbench::vmm::kvm
