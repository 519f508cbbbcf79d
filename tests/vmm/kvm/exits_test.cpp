#include "vmm/kvm/exits.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

namespace irqbench::vmm::kvm {
namespace {

/// The pages a vCPU shares with the kernel, made up.
struct SharedPages {
    alignas(4096) std::array<std::byte, 2 * 4096> bytes{};
    kvm_run& run = *reinterpret_cast<kvm_run*>(bytes.data());

    [[nodiscard]] Exit exit(std::uint32_t reason) {
        run.exit_reason = reason;
        return decode(run, bytes.size());
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(exits)

BOOST_AUTO_TEST_CASE(a_port_access_shows_the_bytes_of_the_pio_page) {
    SharedPages pages;
    pages.run.io.direction = KVM_EXIT_IO_OUT;
    pages.run.io.port = 0x3f8;
    pages.run.io.size = 2;
    pages.run.io.count = 3;
    pages.run.io.data_offset = 4096 + 8;
    for (std::size_t i = 0; i < 6; ++i) pages.bytes[4096 + 8 + i] = std::byte(0xa0 + i);
    const Exit exit = pages.exit(KVM_EXIT_IO);
    const auto& io = std::get<IoExit>(exit);
    BOOST_TEST((io.direction == IoExit::Direction::out));
    BOOST_TEST(io.data.size() == 6u);
    BOOST_TEST(io.data.data() == &pages.bytes[4096 + 8]);
    BOOST_TEST(describe(exit) == "KVM_EXIT_IO: out, port 0x3f8, 2 bytes x 3: a0 a1 a2 a3 a4 a5");
    pages.run.io.direction = KVM_EXIT_IO_IN;
    pages.run.io.count = 1;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_IO)) == "KVM_EXIT_IO: in, port 0x3f8, 2 bytes");
}

BOOST_AUTO_TEST_CASE(port_data_outside_of_the_shared_pages_is_never_touched) {
    SharedPages pages;
    pages.run.io.size = 4;
    pages.run.io.count = 1;
    pages.run.io.data_offset = pages.bytes.size() - 4;
    BOOST_CHECK_NO_THROW(static_cast<void>(pages.exit(KVM_EXIT_IO)));
    pages.run.io.data_offset += 1;
    BOOST_CHECK_THROW(static_cast<void>(pages.exit(KVM_EXIT_IO)), std::out_of_range);
    pages.run.io.data_offset = ~std::uint64_t{0};
    BOOST_CHECK_THROW(static_cast<void>(pages.exit(KVM_EXIT_IO)), std::out_of_range);
    pages.run.io.data_offset = 4096;
    pages.run.io.count = ~std::uint32_t{0};
    BOOST_CHECK_THROW(static_cast<void>(pages.exit(KVM_EXIT_IO)), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(an_mmio_access_shows_as_many_bytes_as_it_has_and_never_more_than_eight) {
    SharedPages pages;
    pages.run.mmio.phys_addr = 0xfec00000;
    pages.run.mmio.len = 4;
    pages.run.mmio.is_write = 1;
    pages.run.mmio.data[0] = 0x10;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_MMIO)) ==
               "KVM_EXIT_MMIO: write, address 0xfec00000, 4 bytes: 10 00 00 00");
    pages.run.mmio.is_write = 0;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_MMIO)) == "KVM_EXIT_MMIO: read, address 0xfec00000, 4 bytes");
    pages.run.mmio.len = 100;
    BOOST_TEST(std::get<MmioExit>(pages.exit(KVM_EXIT_MMIO)).data.size() == 8u);
}

BOOST_AUTO_TEST_CASE(an_emulation_failure_shows_the_instruction_if_the_kernel_gave_it) {
    SharedPages pages;
    auto& failure = pages.run.emulation_failure;
    failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
    failure.ndata = 3;
    failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
    failure.insn_size = 2;
    failure.insn_bytes[0] = 0xcd;
    failure.insn_bytes[1] = 0x80;
    BOOST_TEST(
        describe(pages.exit(KVM_EXIT_INTERNAL_ERROR)) ==
        "KVM_EXIT_INTERNAL_ERROR: suberror 1 (emulation failed), instruction cd 80, data 0x1 0x80cd02 0x0");
    failure.insn_size = 200;
    BOOST_TEST(std::get<InternalErrorExit>(pages.exit(KVM_EXIT_INTERNAL_ERROR)).instruction.size() == 15u);
    failure.ndata = 0;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_INTERNAL_ERROR)) ==
               "KVM_EXIT_INTERNAL_ERROR: suberror 1 (emulation failed)");
    failure.ndata = 1000;
    BOOST_TEST(std::get<InternalErrorExit>(pages.exit(KVM_EXIT_INTERNAL_ERROR)).data.size() == 16u);
}

BOOST_AUTO_TEST_CASE(an_msr_access_says_why_it_came_out) {
    SharedPages pages;
    pages.run.msr.index = 0x6e0;
    pages.run.msr.data = 0x1234;
    pages.run.msr.reason = KVM_MSR_EXIT_REASON_FILTER;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_X86_WRMSR)) == "KVM_EXIT_X86_WRMSR: 0x6e0 = 0x1234 (filtered)");
    pages.run.msr.reason = KVM_MSR_EXIT_REASON_UNKNOWN;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_X86_RDMSR)) == "KVM_EXIT_X86_RDMSR: 0x6e0 (unknown MSR)");
}

BOOST_AUTO_TEST_CASE(every_other_payload_is_decoded) {
    SharedPages pages;
    pages.run.eoi.vector = 0x51;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_IOAPIC_EOI)) == "KVM_EXIT_IOAPIC_EOI: vector 0x51");
    pages.run.hw.hardware_exit_reason = 0x30;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_UNKNOWN)) == "KVM_EXIT_UNKNOWN: hardware reason 0x30");
    pages.run.fail_entry.hardware_entry_failure_reason = 0x80000021;
    pages.run.fail_entry.cpu = 1;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_FAIL_ENTRY)) ==
               "KVM_EXIT_FAIL_ENTRY: hardware reason 0x80000021 on host CPU 1");
    pages.run.ex.exception = 14;
    pages.run.ex.error_code = 2;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_EXCEPTION)) == "KVM_EXIT_EXCEPTION: vector 14, error code 0x2");
    pages.run.hypercall.nr = 12;
    pages.run.hypercall.args[0] = 7;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_HYPERCALL)).find("number 0xc, arguments 0x7 ") !=
               std::string::npos);
    pages.run.tpr_access.rip = 0x1000;
    pages.run.tpr_access.is_write = 1;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_TPR_ACCESS)) == "KVM_EXIT_TPR_ACCESS: write at 0x1000");
    pages.run.system_event.type = KVM_SYSTEM_EVENT_RESET;
    pages.run.system_event.ndata = 1;
    pages.run.system_event.data[0] = 5;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_SYSTEM_EVENT)) ==
               "KVM_EXIT_SYSTEM_EVENT: type 2 (reset), data 0x5");
    pages.run.system_event.ndata = 17;
    BOOST_TEST(std::get<SystemEventExit>(pages.exit(KVM_EXIT_SYSTEM_EVENT)).data.size() == 16u);
    pages.run.notify.flags = KVM_NOTIFY_CONTEXT_INVALID;
    BOOST_TEST(describe(pages.exit(KVM_EXIT_NOTIFY)) == "KVM_EXIT_NOTIFY: flags 0x1 (context invalid)");
    const std::array<std::uint64_t, 3> fault{8, 0x2000, 4096};
    std::memcpy(pages.run.padding, fault.data(), sizeof fault);
    BOOST_TEST(describe(pages.exit(exit_reason::memory_fault)) ==
               "KVM_EXIT_MEMORY_FAULT: address 0x2000, 4096 bytes, flags 0x8");
}

BOOST_AUTO_TEST_CASE(each_reason_is_described_by_its_own_name) {
    SharedPages pages;
    std::set<std::string> seen;
    for (std::uint32_t reason = 0; reason <= exit_reason::arm_sea; ++reason) {
        const std::string text = describe(pages.exit(reason));
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(text.substr(0, text.find(':')) == exit_name(reason));
            BOOST_TEST(text.starts_with("KVM_EXIT_"));
            BOOST_TEST(text.find('\n') == std::string::npos);
            BOOST_TEST(seen.insert(text).second);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_reason_nobody_knows_yet_is_kept_with_its_data) {
    SharedPages pages;
    const std::uint64_t word = 0xabc;
    std::memcpy(pages.run.padding, &word, sizeof word);
    BOOST_TEST(describe(pages.exit(999)) == "unknown exit: reason 999, data 0xabc 0x0 0x0 0x0");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace irqbench::vmm::kvm
