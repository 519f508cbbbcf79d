#pragma once

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <variant>

#include "tests/needs_kvm.hpp"
#include "tests/vmm/kvm/left_the_guest.hpp"
#include "vmm/arm64/boot.hpp"
#include "vmm/kvm/memory.hpp"
#include "vmm/kvm/memory_slots.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vcpu.hpp"
#include "vmm/kvm/vm.hpp"

namespace irqbench::vmm::kvm {

/// A VM without a GIC, with 64 KiB of memory at 0 and one vCPU at EL1 with its MMU off, for a few
/// instructions that the test spells out word by word. They are written before the vCPU first runs, since an
/// instruction that is replaced later may still be in a cache.
///
/// x0 is the address of what fetch() and store() access, x1 its value, and x9 where nothing is: a store there
/// comes out.
struct MiniGuest {
    static constexpr std::uint64_t code_address = 0x1000;
    static constexpr std::uint64_t memory_bytes = 0x10000;
    static constexpr std::uint64_t nowhere = 0xf000000;
    static constexpr std::uint32_t come_out = 0xb9000129;  ///< str w9, [x9]

    /// @param own what load() puts in front of the vCPU
    explicit MiniGuest(std::initializer_list<std::uint32_t> own = {}) : vm(system), slots(vm) {
        memory.add(0, memory_bytes);
        for (std::size_t i = 0; i < accesses.size(); ++i) {
            memory.write<std::uint32_t>(place_of(i), accesses[i]);
            memory.write<std::uint32_t>(place_of(i) + 4, come_out);
        }
        std::uint64_t address = code_address;
        for (const std::uint32_t word : own) {
            memory.write<std::uint32_t>(address, word);
            address += sizeof word;
        }
        slots.add(memory, 0, memory_bytes);
        vcpu.emplace(vm, 0);
        kvm_vcpu_init init = vm.preferred_target();
        init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
        vcpu->init(init);
    }

    void set(std::size_t general_register, std::uint64_t value) {
        vcpu->set_reg(arm64::general_register(general_register), value);
    }
    [[nodiscard]] std::uint64_t get(std::size_t general_register) const {
        return vcpu->reg(arm64::general_register(general_register));
    }
    [[nodiscard]] std::uint64_t pc() const { return vcpu->reg(arm64::pc_register()); }

    /// Puts the vCPU in front of code: the test's own, unless another place is given.
    void load(std::uint64_t at = code_address) {
        vcpu->set_reg(arm64::pc_register(), at);
        set(9, nowhere);
    }

    /// The guest reads a byte. @returns nothing if the access left the guest
    std::optional<std::uint8_t> fetch(std::uint64_t address) {
        if (execute(fetches_byte, address, 0)) return std::nullopt;
        return static_cast<std::uint8_t>(get(1));
    }

    /// The guest writes 1, 2, 4 or 8 bytes. @returns the access if it left the guest
    std::optional<LeftTheGuest> store(std::uint64_t address, std::uint64_t value, unsigned bytes = 1) {
        const std::size_t which = bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
        return execute(which, address, value);
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

  private:
    static constexpr std::size_t fetches_byte = 4;
    static constexpr std::array<std::uint32_t, 5> accesses{
        0x39000001,  // strb w1, [x0]
        0x79000001,  // strh w1, [x0]
        0xb9000001,  // str w1, [x0]
        0xf9000001,  // str x1, [x0]
        0x39400001,  // ldrb w1, [x0]
    };
    static constexpr std::uint64_t place_of(std::size_t access) { return 0x2000 + access * 8; }

    /// Any access there but the last one, which tells the end.
    std::optional<LeftTheGuest> execute(std::size_t access, std::uint64_t address, std::uint64_t value) {
        load(place_of(access));
        set(0, address);
        set(1, value);
        std::optional<LeftTheGuest> left;
        MmioExit exit = run<MmioExit>();
        if (exit.address != nowhere) {
            left.emplace(exit);
            exit = run<MmioExit>();
        }
        BOOST_REQUIRE(exit.address == nowhere);
        // So that registers that are set next are not those of the access.
        vcpu->complete_access();
        return left;
    }
};

}  // namespace irqbench::vmm::kvm
