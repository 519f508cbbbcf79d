#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <variant>

#include "tests/needs_kvm.hpp"
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

    System system;
    Vm vm;
    GuestMemory memory;
    MemorySlots slots;
    std::optional<Vcpu> vcpu;
};

}  // namespace irqbench::vmm::kvm
