/* The guest agent for arm64: the code inside the virtual machine that takes interrupts and writes them down.
 *
 * Runs at EL1 on SP_EL1, placed at AGENT_CODE, with the map of the low 4 GiB that the host has written. x28 is the vCPU's
 * block everywhere. Whatever is interrupted keeps x0 to x18 and x30, which handlers save; nothing else is used.
 * Interrupts are taken as IRQ (group 1, or GICv2) and FIQ (group 0). Accesses to devices are plain LDR and STR: those with
 * write-back leave no syndrome for KVM (Arm ARM, ESR_EL2.ISS, ISV).
 */
#include "vmm/guest/agent_abi.h"

#define ICC_PMR_EL1      S3_0_C4_C6_0
#define ICC_IAR0_EL1     S3_0_C12_C8_0
#define ICC_EOIR0_EL1    S3_0_C12_C8_1
#define ICC_BPR0_EL1     S3_0_C12_C8_3
#define ICC_DIR_EL1      S3_0_C12_C11_1
#define ICC_IAR1_EL1     S3_0_C12_C12_0
#define ICC_EOIR1_EL1    S3_0_C12_C12_1
#define ICC_BPR1_EL1     S3_0_C12_C12_3
#define ICC_CTLR_EL1     S3_0_C12_C12_4
#define ICC_SRE_EL1      S3_0_C12_C12_5
#define ICC_IGRPEN0_EL1  S3_0_C12_C12_6
#define ICC_IGRPEN1_EL1  S3_0_C12_C12_7

#define GICC_CTLR        0x00
#define GICC_PMR         0x04
#define GICC_BPR         0x08
#define GICC_IAR         0x0c
#define GICC_EOIR        0x10
#define GICC_DIR_PAGE    0x1000

#define MAIR             0xff               /* attribute 0: normal, write-back; 1: device nGnRnE */
#define TCR              0x0000000000803519 /* 39 bits in 4 KiB granules, cacheable walks, no TTBR1, 32-bit output */
#define SCTLR            0x30d01805         /* MMU, data and instruction caches; the rest as out of reset */
#define DAIF_IF          0xc0
#define DAIF_I           0x80
#define FRAME            176
#define FRAME_X9         72
#define FRAME_ELR        160
#define FRAME_SPSR       168
#define FIQ_BIT          31                 /* in a saved IAR: taken as FIQ */

    .section .rodata.irqbench_agent, "a", %progbits
    .balign 2048
    .globl irqbench_agent_begin, irqbench_agent_end

/* In x0 the block. At ENTRY_FIRST and what follows it, two instructions each. */
irqbench_agent_begin:
    .irp entered, ENTRY_FIRST, ENTRY_STARTED, ENTRY_RESUMED, ENTRY_RESUMED_MASKED
    mov x7, #\entered
    b boot
    .endr

.macro SAVE
    sub sp, sp, #FRAME
    stp x0, x1, [sp]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x30, [sp, #144]
    mrs x0, elr_el1
    mrs x1, spsr_el1
    stp x0, x1, [sp, #FRAME_ELR]
.endm

/* Leaves to the host with `word`. Uses x0 and x1. */
.macro EXIT word
    mov x0, #AGENT_EXIT_ADDRESS
    mov w1, #\word
    str w1, [x0]
.endm

    .balign 2048
vectors:
    .set entry, 0
    .rept 16
    .balign 128
    .if entry == 5
    b irq
    .elseif entry == 6
    b fiq
    .else
    b exception
    .endif
    .set entry, entry + 1
    .endr
    .balign 128

boot:
    mov x28, x0
    ldr x0, =AGENT_PAGE_TABLES
    msr ttbr0_el1, x0
    mov x0, #MAIR
    msr mair_el1, x0
    ldr x0, =TCR
    msr tcr_el1, x0
    adr x0, vectors
    msr vbar_el1, x0
    dsb nshst
    tlbi vmalle1
    dsb nsh
    isb
    ldr x0, =SCTLR
    msr sctlr_el1, x0
    isb
    mov x0, #BLOCK_STACK_TOP
    add x0, x28, x0
    mov sp, x0
    ldr w0, [x28, #BLOCK_MAIL_TAIL]
    str w0, [x28, #BLOCK_STARTED]
    str wzr, [x28, #BLOCK_DEPTH]
    str wzr, [x28, #BLOCK_IN_SERVICE]
    str wzr, [x28, #BLOCK_WAITS]
    str xzr, [x28, #BLOCK_OP_ACTIVE]

    cmp x7, #ENTRY_RESUMED
    b.hs 2f
    /* The CPU interface lets everything through: both groups, the lowest priority. */
    ldr x4, [x28, #BLOCK_GICC]
    mov w0, #0xff
    mov w1, #3
    cbz x4, 1f
    str w0, [x4, #GICC_PMR]
    str wzr, [x4, #GICC_BPR]
    str w1, [x4, #GICC_CTLR]
    b 2f
1:
    mrs x2, ICC_SRE_EL1
    orr x2, x2, #1
    msr ICC_SRE_EL1, x2
    isb
    msr ICC_PMR_EL1, x0
    msr ICC_BPR0_EL1, xzr
    msr ICC_BPR1_EL1, xzr
    mrs x2, ICC_CTLR_EL1
    bic x2, x2, #3              /* EOImode 0, a BPR each */
    msr ICC_CTLR_EL1, x2
    /* Group 1 first: QEMU 10's EL2 takes a disabled group 1 for a disabled group 0, and would interrupt KVM, which asks to be
     * told when the guest disables one, for ever. */
    mov x2, #1
    msr ICC_IGRPEN1_EL1, x2
    msr ICC_IGRPEN0_EL1, x2
    isb
2:
    cmp x7, #ENTRY_STARTED
    b.ne 3f
    mov w11, #RECORD_STARTED
    mov w12, #0
    mov x13, #0
    mov x14, #0
    bl log
3:
    cmp x7, #ENTRY_RESUMED_MASKED
    b.eq 1f
    msr daifclr, #3
1:  bl serve                    /* never returns: OP_RETURN is refused at depth 0 */
    b .

/* Appends a record of kind w11 for INTID w12, with code x13, interrupted at x14. Uses x0 to x4. Interrupts are masked. The
 * kind is written last and makes the record valid. */
log:
    ldr w0, [x28, #BLOCK_HEAD]
    and w1, w0, #(LOG_SLOTS - 1)
    add w0, w0, #1
    add x2, x28, #BLOCK_HEAD
    stlr w0, [x2]
    add x2, x28, #BLOCK_LOG
    add x2, x2, x1, lsl #LOG_SLOT_SHIFT
    strh w12, [x2, #RECORD_VECTOR]
    ldr w0, [x28, #BLOCK_DEPTH]
    str w0, [x2, #RECORD_DEPTH]
    isb
    mrs x0, cntvct_el0
    str x0, [x2, #RECORD_TSC]
    str x13, [x2, #RECORD_CODE]
    str x14, [x2, #RECORD_RIP]
    stlrh w11, [x2]
    add x2, x28, #BLOCK_ROOM
1:
    ldaxr w3, [x2]
    sub w3, w3, #1
    stlxr w4, w3, [x2]
    cbnz w4, 1b
    cbnz w3, 2f
    EXIT AGENT_EXIT_LOG_FULL
2:
    ret

/* EOIR of the saved IAR w16. Uses x0 and x1. */
end_of_interrupt:
    ldr x1, [x28, #BLOCK_GICC]
    bic w0, w16, #(1 << FIQ_BIT)
    cbnz x1, 2f
    tbnz w16, #FIQ_BIT, 1f
    msr ICC_EOIR1_EL1, x0
    isb
    ret
1:
    msr ICC_EOIR0_EL1, x0
    isb
    ret
2:
    str w0, [x1, #GICC_EOIR]
    dsb sy
    ret

/* DIR, the same. */
deactivate:
    ldr x1, [x28, #BLOCK_GICC]
    bic w0, w16, #(1 << FIQ_BIT)
    cbnz x1, 1f
    msr ICC_DIR_EL1, x0
    isb
    ret
1:
    add x1, x1, #GICC_DIR_PAGE
    str w0, [x1]
    dsb sy
    ret

fiq:
    SAVE
    mov w16, #(1 << FIQ_BIT)
    b acknowledge
irq:
    SAVE
    mov w16, #0
acknowledge:
    ldr x4, [x28, #BLOCK_GICC]
    cbnz x4, 2f
    cbnz w16, 1f
    mrs x0, ICC_IAR1_EL1
    b 3f
1:
    mrs x0, ICC_IAR0_EL1
3:
    dsb sy
    ubfx w12, w0, #0, #24
    b 4f
2:
    ldr w0, [x4, #GICC_IAR]
    dsb sy
    ubfx w12, w0, #0, #10       /* above it is the sender of an SGI */
4:
    ubfx x13, x16, #FIQ_BIT, #1
    orr x13, x0, x13, lsl #32
    orr w16, w16, w0
    ldr x14, [sp, #FRAME_ELR]
    mov w11, #RECORD_TAKEN
    bl log
    sub w0, w12, #1020          /* 1020 to 1023 are no interrupts, and not ended */
    cmp w0, #3
    b.ls leave
    mov w17, #POLICY_EOI
    mov w0, #POLICIES
    cmp w12, w0
    b.hs 5f
    add x0, x28, #BLOCK_POLICY
    ldrb w17, [x0, w12, uxtw]
5:
    tst w17, #POLICY_LOWER
    b.eq 6f
    str w12, [x28, #BLOCK_LOWERING]
    EXIT AGENT_EXIT_LOWER
6:
    tst w17, #POLICY_STAY
    b.eq end_by_policy
    tst w17, #POLICY_EOI_FIRST
    b.eq stay
    tst w17, #POLICY_EOI
    b.eq stay
    bl end_of_interrupt
    and w17, w17, #~POLICY_EOI

/* Serves the mailbox inside the handler until OP_RETURN, then does what is left in w17. */
stay:
    ldr x0, [x28, #BLOCK_OP_ACTIVE]
    ldr x1, [x28, #BLOCK_OP_STACK]
    ldr w2, [x28, #BLOCK_IN_SERVICE]
    ldr w3, [x28, #BLOCK_IAR]
    stp x16, x17, [sp, #-48]!
    stp x0, x1, [sp, #16]
    stp w2, w3, [sp, #32]
    str w12, [sp, #40]
    str xzr, [x28, #BLOCK_OP_ACTIVE]
    str w12, [x28, #BLOCK_IN_SERVICE]
    str w16, [x28, #BLOCK_IAR]
    ldr w0, [x28, #BLOCK_DEPTH]
    add w0, w0, #1
    str w0, [x28, #BLOCK_DEPTH]
    tst w17, #POLICY_NEST
    b.eq 1f
    msr daifclr, #3
1:
    bl serve
    msr daifset, #3
    ldr w0, [x28, #BLOCK_DEPTH]
    sub w0, w0, #1
    str w0, [x28, #BLOCK_DEPTH]
    ldr w12, [sp, #40]
    ldp w2, w3, [sp, #32]
    ldp x0, x1, [sp, #16]
    ldp x16, x17, [sp], #48
    str w3, [x28, #BLOCK_IAR]
    str w2, [x28, #BLOCK_IN_SERVICE]
    str x1, [x28, #BLOCK_OP_STACK]
    str x0, [x28, #BLOCK_OP_ACTIVE]
    mov w11, #RECORD_RETURNED
    mov x13, #0
    ldr x14, [sp, #FRAME_ELR]
    bl log

end_by_policy:
    tst w17, #POLICY_EOI
    b.eq 1f
    bl end_of_interrupt
1:
    tst w17, #POLICY_DEACTIVATE
    b.eq leave
    bl deactivate

leave:
    ldp x0, x1, [sp, #FRAME_ELR]
    msr elr_el1, x0
    msr spsr_el1, x1
    ldp x18, x30, [sp, #144]
    ldp x16, x17, [sp, #128]
    ldp x14, x15, [sp, #112]
    ldp x12, x13, [sp, #96]
    ldp x10, x11, [sp, #80]
    ldp x8, x9, [sp, #64]
    ldp x6, x7, [sp, #48]
    ldp x4, x5, [sp, #32]
    ldp x2, x3, [sp, #16]
    ldp x0, x1, [sp]
    add sp, sp, #FRAME
    eret

/* A synchronous exception or an SError. Inside an operation: the operation failed, and the agent goes on. */
exception:
    SAVE
    mrs x13, esr_el1
    mrs x0, far_el1
    str x0, [x28, #BLOCK_CR2]
    ubfx w12, w13, #26, #6      /* EC */
    add w12, w12, #FAULT_ESR
    ldp x14, x15, [sp, #FRAME_ELR]
    ldr x5, [x28, #BLOCK_OP_ACTIVE]
    cbz x5, fault
    add x1, x28, #(BLOCK_CODE & 0xfff)
    add x1, x1, #(BLOCK_CODE & ~0xfff)
    cmp x14, x1
    b.ne 1f
    /* The instruction that was made: flags are as they were before it was. */
    ldr x9, [sp, #FRAME_X9]
    bic x15, x15, #DAIF_IF
    and x9, x9, #DAIF_IF
    orr x15, x15, x9
    b 2f
1:
    adr x1, operations_begin
    cmp x14, x1
    b.lo fault
    adr x1, operations_end
    cmp x14, x1
    b.hs fault
2:
    add w0, w12, #STATUS_FAULT
    str x13, [x5, #OP_ERROR]
    add x1, x5, #OP_STATUS
    stlr x0, [x1]
    adr x0, operation_over
    msr elr_el1, x0
    msr spsr_el1, x15
    ldr x0, [x28, #BLOCK_OP_STACK]
    mov sp, x0
    eret
fault:
    mov w11, #RECORD_FAULT
    bl log
1:
    EXIT AGENT_EXIT_FAULT
    b 1b

/* Executes the mailbox; returns on OP_RETURN. Uses x0 to x17. An operation is off the queue before it is executed: an
 * interrupt it lets in may stay in its handler and go on with the next one. */
serve:
    stp x29, x30, [sp, #-16]!
serve_next:
    mrs x9, daif
    msr daifset, #3
    ldr w0, [x28, #BLOCK_MAIL_TAIL]
    add x1, x28, #BLOCK_MAIL_HEAD
    ldar w1, [x1]
    cmp w0, w1
    b.eq serve_nothing
    /* A WFI ends for many reasons, and what is left to a handler must not be executed for any of the others. */
    ldr w1, [x28, #BLOCK_LEAVES_MAIL]
    ldr w2, [x28, #BLOCK_DEPTH]
    cmp w1, #0
    ccmp w2, #0, #0, ne
    b.eq serve_nothing
    and w1, w0, #(MAIL_SLOTS - 1)
    add x5, x28, #BLOCK_MAIL
    add x5, x5, x1, lsl #MAIL_SLOT_SHIFT
    ldr x2, [x5, #OP_STATUS]
    cmn x2, #1                  /* STATUS_POSTED */
    b.ne 1f
    mov x2, #STATUS_BEGUN
    str x2, [x5, #OP_STATUS]
    mov x2, sp
    str x2, [x28, #BLOCK_OP_STACK]
    str x5, [x28, #BLOCK_OP_ACTIVE]
1:
    cset w3, eq
    add w0, w0, #1
    add x1, x28, #BLOCK_MAIL_TAIL
    stlr w0, [x1]
    msr daif, x9
    cbz w3, serve_next
    ldr w3, [x5, #OP_CODE]
    cmp w3, #OP_COUNT
    b.hs operation_refused
    adr x4, operation_table
    ldrsw x3, [x4, w3, uxtw #2]
    add x4, x4, x3
    ldr x0, [x5, #OP_ADDRESS]
    ldr x1, [x5, #OP_VALUE]
    ldr w2, [x5, #OP_SIZE]
    br x4

serve_nothing:
    ldr w0, [x28, #BLOCK_IDLE]
    cmp w0, #IDLE_HALT
    b.eq 1f
    msr daif, x9
    isb
    EXIT AGENT_EXIT_IDLE
    b serve_next
1:
    /* No interrupt may come between the mark and the WFI, or the mark would be stale while the vCPU sleeps. One that is
     * pending ends the WFI although it is masked. */
    ldr w0, [x28, #BLOCK_HEAD]
    str w0, [x28, #BLOCK_RESTED]
    bl mark_waiting
    mrs x0, isr_el1
    tst x9, #DAIF_I
    ccmp x0, #0, #4, eq         /* what is masked keeps nobody awake */
    b.ne 2f
    bl look_and_wait
2:
    str wzr, [x28, #BLOCK_WAITS]
    msr daif, x9
    isb
    b serve_next

operation_table:
    .word operation_done - operation_table
    .word operation_read - operation_table
    .word operation_write - operation_table
    .word operation_refused - operation_table /* ports */
    .word operation_refused - operation_table
    .word operation_register_read - operation_table
    .word operation_register_write - operation_table
    .word operation_refused - operation_table /* LAPIC */
    .word operation_refused - operation_table
    .word operation_refused - operation_table /* CR8 */
    .word operation_refused - operation_table
    .word operation_mask - operation_table
    .word operation_unmask - operation_table
    .word operation_wait - operation_table
    .word operation_unmask_wait - operation_table
    .word operation_eoi - operation_table
    .word operation_return - operation_table
    .word operation_barrier - operation_table
    .word operation_deactivate - operation_table
    .word operation_call - operation_table
    .word operation_modify - operation_table
    .word operation_clear - operation_table

#include "vmm/guest/agent_operations_arm64.inc"

    .ltorg
irqbench_agent_end:

    .section .note.GNU-stack, "", %progbits
