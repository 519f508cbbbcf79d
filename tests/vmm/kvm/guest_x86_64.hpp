#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <variant>

#include "tests/needs_kvm.hpp"
#include "tests/vmm/kvm/left_the_guest.hpp"
#include "vmm/kvm/memory.hpp"
#include "vmm/kvm/memory_slots.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vcpu.hpp"
#include "vmm/kvm/vm.hpp"

namespace irqbench::vmm::kvm {

enum class Irqchip { none, full, split };

/// A VM with 64 KiB of memory at 0 and one vCPU in real mode, for a few instructions at 0x1000 that the test
/// spells out byte by byte.
struct MiniGuest {
    static constexpr std::uint64_t code_address = 0x1000;
    static constexpr std::uint64_t memory_bytes = 0x10000;

    explicit MiniGuest(Irqchip irqchip = Irqchip::none) : vm(system), slots(vm) {
        if (irqchip == Irqchip::full) vm.create_irqchip();
        if (irqchip == Irqchip::split) vm.enable_cap(KVM_CAP_SPLIT_IRQCHIP, {24});
        memory.add(0, memory_bytes);
        slots.add(memory, 0, memory_bytes);
        vcpu.emplace(vm, 0);
    }

    /// Puts the code in place and the vCPU in front of it: flat segments from 0, data segments from
    /// `data_base`.
    void load(std::initializer_list<unsigned> code, std::uint64_t data_base = 0) {
        std::uint64_t address = code_address;
        for (const unsigned byte : code) memory.write(address++, static_cast<std::uint8_t>(byte));
        kvm_sregs sregs = vcpu->sregs();
        sregs.cs.base = 0;
        sregs.cs.selector = 0;
        for (kvm_segment* segment : {&sregs.ds, &sregs.es}) {
            segment->base = data_base;
            segment->selector = static_cast<std::uint16_t>(data_base >> 4);
        }
        vcpu->set_sregs(sregs);
        kvm_regs regs{};
        regs.rip = code_address;
        regs.rsp = 0x8000;
        regs.rflags = 2;
        vcpu->set_regs(regs);
    }

    /// Runs to the next exit, which must be of type E.
    template <class E>
    E run() {
        RunResult result;
        do {
            result = vcpu->run();
        } while (result == RunResult::interrupted);  // by a signal of a debugger or profiler
        BOOST_REQUIRE((result == RunResult::exited));
        const Exit exit = vcpu->exit();
        BOOST_REQUIRE_MESSAGE(std::holds_alternative<E>(exit), describe(exit));
        return std::get<E>(exit);
    }

    /// The guest reads a byte. @returns nothing if the access left the guest
    std::optional<std::uint8_t> fetch(std::uint64_t address) {
        load({0xa0, 0x00, 0x00, 0xe6, 0x80}, address);  // mov al, [0]; out 0x80, al
        if (next_is_mmio()) {
            run<IoExit>();
            return std::nullopt;
        }
        return static_cast<std::uint8_t>(value_of(std::get<IoExit>(vcpu->exit()).data));
    }

    /// The guest writes 1, 2 or 4 bytes. @returns the access if it left the guest
    std::optional<LeftTheGuest> store(std::uint64_t address, std::uint32_t value, unsigned bytes = 1) {
        const unsigned b0 = value & 0xff;
        const unsigned b1 = value >> 8 & 0xff;
        const unsigned b2 = value >> 16 & 0xff;
        const unsigned b3 = value >> 24;
        switch (bytes) {  // mov [0], value; out 0x81, al
            case 1: load({0xc6, 0x06, 0, 0, b0, 0xe6, 0x81}, address); break;
            case 2: load({0xc7, 0x06, 0, 0, b0, b1, 0xe6, 0x81}, address); break;
            default: load({0x66, 0xc7, 0x06, 0, 0, b0, b1, b2, b3, 0xe6, 0x81}, address); break;
        }
        if (!next_is_mmio()) return std::nullopt;
        const LeftTheGuest left(std::get<MmioExit>(vcpu->exit()));
        run<IoExit>();
        return left;
    }

    bool next_is_mmio() {
        while (vcpu->run() == RunResult::interrupted) {
        }
        return std::holds_alternative<MmioExit>(vcpu->exit());
    }

    System system;
    Vm vm;
    GuestMemory memory;
    MemorySlots slots;
    std::optional<Vcpu> vcpu;
};

}  // namespace irqbench::vmm::kvm
