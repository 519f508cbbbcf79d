/* What the host and the guest agent share. Read by the C++ host and by the assembler, so: #defines only.
 *
 * Every vCPU owns one block of guest memory, BLOCK_STRIDE bytes long and aligned to that: control words, a queue
 * of operations (the mailbox), one policy byte per vector or INTID, a ring of log records, and a stack that grows
 * down from the block's end. The host writes the mailbox and the policies, the agent writes the log; neither needs
 * an exit to do so. What is of one architecture says so; "vector" is the INTID on arm64.
 */
#pragma once

/* Guest physical layout. */
#define AGENT_TRAMPOLINE    0x8000   /* where a SIPI with vector 0x08 starts a vCPU in real mode */
#define AGENT_DIRECTORY     0x9000   /* u32 pairs (APIC id, block address), ended by 0xffffffff; for started vCPUs */
#define AGENT_SHARED        0xf000   /* words that all vCPUs share */
#define AGENT_EARLY_STACK   0xfff0   /* of every vCPU that starts; what is pushed there nobody reads */
#define AGENT_TABLES        0x10000  /* GDT, IDT */
#define AGENT_GDT           0x10000
#define AGENT_IDT           0x11000
#define AGENT_PAGE_TABLES   0x12000  /* PML4, PDPT, four page directories */
#define AGENT_CODE          0x20000
#define AGENT_SMM           0x38000  /* where an SMI enters: SMBASE out of reset + 0x8000 */
#define AGENT_BLOCKS        0x100000
#define AGENT_RESET         0xfffff000 /* a page of code: where the vCPU that is the BSP begins after INIT */
#define AGENT_RESET_VECTOR  0xff0      /* in that page */
#define AGENT_BLOCK_STRIDE  0x20000

/* arm64: the agent lies at AGENT_CODE too, with its vector table; the translation tables are at
 * AGENT_PAGE_TABLES. What it maps as device memory, with room for 512 redistributors; all else below
 * AGENT_MAPPED_NORMAL is normal memory. */
#define AGENT_GICD          0x08000000 /* distributor */
#define AGENT_GICC          0x08010000 /* GICv2: CPU interface */
#define AGENT_ITS           0x08080000
#define AGENT_GICR          0x080a0000 /* GICv3: redistributors, 0x20000 each */
#define AGENT_EXIT_ADDRESS  0x0f000000 /* a word written here is an exit */
#define AGENT_DEVICES       0x08000000
#define AGENT_DEVICES_END   0x10000000
#define AGENT_MAPPED_NORMAL 0x80000000

/* arm64: entries, from AGENT_CODE: of the vCPUs that run from the start; of those that PSCI CPU_ON starts; of those that go on
 * where another machine's have left off, with a CPU interface as it is; the same with interrupts masked. */
#define ENTRY_FIRST          0x0
#define ENTRY_STARTED        0x8
#define ENTRY_RESUMED        0x10
#define ENTRY_RESUMED_MASKED 0x18

/* AGENT_SHARED words. */
#define SHARED_BARRIER      0x00 /* u32: vCPUs that have arrived, ever */
#define SHARED_SMIS         0x04 /* u32: SMIs taken, ever, by any vCPU */

/* Block: control words. */
#define BLOCK_HEAD          0x00 /* u32, agent: log records written, ever */
#define BLOCK_ROOM          0x04 /* u32, host: records the agent may still write before AGENT_EXIT_LOG_FULL */
#define BLOCK_MAIL_HEAD     0x08 /* u32, host: operations posted, ever */
#define BLOCK_MAIL_TAIL     0x0c /* u32, agent: operations done, ever */
#define BLOCK_IDLE          0x10 /* u32, host: what the agent does with an empty mailbox: IDLE_EXIT or IDLE_HALT */
#define BLOCK_DEPTH         0x14 /* u32, agent: handlers entered and not left */
#define BLOCK_IN_SERVICE    0x18 /* u32, agent: vector of the innermost handler that stays, 0 for none */
#define BLOCK_X2APIC        0x1c /* u32, agent: not zero once IA32_APIC_BASE selects x2APIC */
#define BLOCK_LAPIC         0x20 /* u64: guest physical address of the xAPIC page */
#define BLOCK_RESTED        0x28 /* u32, agent: BLOCK_HEAD as it was when the agent last went idle in HLT */
#define BLOCK_STARTED       0x2c /* u32, agent: BLOCK_MAIL_TAIL as it was when the vCPU last came out of a SIPI */
#define BLOCK_OP_ACTIVE     0x38 /* u64, agent: address of the operation being executed, 0 for none */
#define BLOCK_INDEX         0x40 /* u32, host: index of this vCPU */
#define BLOCK_OP_STACK      0x48 /* u64, agent: stack pointer to return to when an operation faults */
#define BLOCK_LOWERING      0x50 /* u32, agent: the vector of AGENT_EXIT_LOWER */
#define BLOCK_CR2           0x58 /* u64, agent: CR2, or FAR_EL1, at the last fault */
#define BLOCK_GICC          0x60 /* u64, host: arm64: address of the GICv2 CPU interface, 0 for system registers */
#define BLOCK_IAR           0x68 /* u32, agent: arm64: what IAR said to the innermost handler that stays */
#define BLOCK_WAITS         0x6c /* u32, agent: arm64: not zero in WFI: WAITS_* */
#define BLOCK_LOOKS         0x70 /* u32, agent: arm64: times it found nothing pending and waited on, ever */
#define BLOCK_LEAVES_MAIL   0x74 /* u32, host: not zero: outside of handlers it leaves the mailbox to them */
#if defined(__aarch64__)
#define BLOCK_POLICY        0xa000 /* u8[65536], host: POLICY_* per INTID */
#define POLICIES            0x10000
#else
#define BLOCK_POLICY        0x100 /* u8[256], host: POLICY_* per vector */
#define POLICIES            0x100
#endif
#define BLOCK_MAIL          0x200 /* MAIL_SLOTS operations */
#define BLOCK_CODE          0x1200 /* arm64, agent: an instruction it makes, and the way back */
#define BLOCK_LOG           0x2000 /* LOG_SLOTS records */
#define BLOCK_STACK_TOP     0x20000

#define IDLE_EXIT           0
#define IDLE_HALT           1

#define WAITS_MASKED        1 /* interrupts were disabled before it masked them for the WFI */
#define WAITS_ENABLED       2

/* Mailbox: operation n is in slot n mod MAIL_SLOTS. The slot of an operation that has not ended (a handler that
 * interrupted it stays) is left out: the agent executes none but those that are STATUS_POSTED. */
#define MAIL_SLOTS          64
#define MAIL_SLOT_SHIFT     6
#define OP_CODE             0x00 /* u32: OP_* */
#define OP_SIZE             0x04 /* u32: access size in bytes where one applies */
#define OP_ADDRESS          0x08 /* u64: address, port, MSR or LAPIC register offset */
#define OP_VALUE            0x10 /* u64: value to write; the agent leaves the value read */
#define OP_STATUS           0x18 /* u64: STATUS_*, or STATUS_FAULT + vector of the exception it raised */
#define OP_ERROR            0x20 /* u64, agent: error code of that exception, or ESR_EL1 */

#define STATUS_DONE         0
#define STATUS_FAULT        0x100
#define FAULT_ESR           0x40 /* arm64: exceptions are numbered from here by ESR_EL1.EC */
#define STATUS_REFUSED      0x1ff
#define STATUS_BEGUN        (-2)
#define STATUS_POSTED       (-1)

#define OP_NOTHING          0
#define OP_READ             1  /* memory or MMIO, OP_SIZE 1, 2, 4 or 8 */
#define OP_WRITE            2
#define OP_PORT_IN          3  /* x86, OP_SIZE 1, 2 or 4 */
#define OP_PORT_OUT         4  /* x86 */
#define OP_MSR_READ         5  /* MSR; arm64: system register, as bits 20:5 of MRS encode it */
#define OP_MSR_WRITE        6
#define OP_LAPIC_READ       7  /* x86: register at xAPIC offset OP_ADDRESS, in the mode the vCPU is in */
#define OP_LAPIC_WRITE      8  /* the same; the ICR (0x300) takes its 64-bit x2APIC form in both modes */
#define OP_CR8_READ         9  /* x86 */
#define OP_CR8_WRITE        10 /* x86 */
#define OP_CLI              11 /* arm64: masks IRQ and FIQ */
#define OP_STI              12
#define OP_HALT             13 /* hlt with the interrupt flag as it is; arm64: WFI until an interrupt is pending */
#define OP_STI_HALT         14 /* sti; hlt, with nothing between them */
#define OP_EOI              15 /* LAPIC EOI; arm64: EOIR of what stays in service, or of OP_VALUE if OP_ADDRESS is 1 */
#define OP_RETURN           16 /* leave the innermost handler that stays */
#define OP_BARRIER          17 /* wait until SHARED_BARRIER reaches OP_VALUE; free-running mode only */
#define OP_DEACTIVATE       18 /* arm64: DIR, otherwise as OP_EOI */
#define OP_CALL             19 /* arm64: HVC with x0 to x3: OP_SIZE, OP_ADDRESS, where the agent begins, OP_VALUE; leaves x0.
                                * With the address of a block as the last one, PSCI CPU_ON starts the vCPU it is of. */
#define OP_MODIFY           20 /* arm64: a word read, the bits in OP_VALUE 63:32 made those in 31:0, and written back */
#define OP_CLEAR            21 /* arm64: OP_VALUE bytes of memory, at most 1 MiB, made zero; place and number are multiples of 8 */
#define OP_COUNT            22

/* What a vector's handler does, in this order: lower, EOI first, stay, EOI. */
#define POLICY_EOI_LAPIC    0x01
#define POLICY_EOI_PIC      0x02 /* non-specific EOI to the master 8259A */
#define POLICY_EOI_PICS     0x04 /* non-specific EOI to the slave, then to the master */
#define POLICY_EOI          0x01 /* arm64: EOIR */
#define POLICY_DEACTIVATE   0x02 /* arm64: DIR, always at the end */
#define POLICY_STAY         0x08 /* execute the mailbox inside the handler until OP_RETURN */
#define POLICY_NEST         0x10 /* enable interrupts inside the handler (with POLICY_STAY) */
#define POLICY_LOWER        0x20 /* AGENT_EXIT_LOWER first, so that the device drops its line */
#define POLICY_DECLARED     0x40 /* vectors 0 to 31: an interrupt is expected here, not an exception */
#define POLICY_EOI_FIRST    0x80 /* with POLICY_STAY: EOI before staying, not when leaving */

/* Log: record n is in slot n mod LOG_SLOTS. Its kind is written last, and set to 0 by the host when it is read. */
#define LOG_SLOTS           1024
#define LOG_SLOT_SHIFT      5
#define RECORD_KIND         0x00 /* u16: RECORD_* */
#define RECORD_VECTOR       0x02 /* u16 */
#define RECORD_DEPTH        0x04 /* u32: handlers that were entered and not left when this one was */
#define RECORD_TSC          0x08 /* u64 */
#define RECORD_CODE         0x10 /* u64: error code or ESR_EL1; of an interrupt on arm64: IAR, and TAKEN_AS_FIQ */
#define RECORD_RIP          0x18 /* u64: where the vCPU was */

#define TAKEN_AS_FIQ        0x100000000

#define RECORD_TAKEN        1 /* an interrupt */
#define RECORD_NMI          2
#define RECORD_FAULT        3 /* an exception outside an operation; RECORD_CODE is the error code */
#define RECORD_EOI          4 /* OP_EOI was executed with RECORD_VECTOR in service */
#define RECORD_RETURNED     5 /* the handler of RECORD_VECTOR that stayed has been left */
#define RECORD_STARTED      6 /* the vCPU came out of a SIPI */

/* Exits: one byte written to AGENT_PORT; arm64: a word to AGENT_EXIT_ADDRESS. */
#define AGENT_PORT          0xe4
#define AGENT_EXIT_IDLE     1 /* the mailbox is empty */
#define AGENT_EXIT_LOG_FULL 2 /* BLOCK_ROOM is used up: read the log and give room */
#define AGENT_EXIT_FAULT    3 /* an exception nobody expected; the record is the last in the log */
#define AGENT_EXIT_LOWER    4 /* the handler of BLOCK_LOWERING asks its device to drop the line */
#define AGENT_EXIT_WAITING  5 /* arm64: an operation waits in WFI, and nothing is pending */
