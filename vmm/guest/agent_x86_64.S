/* The guest agent for x86-64: the code inside the virtual machine that takes interrupts and writes them down.
 *
 * Runs at CPL 0 in long mode, placed at AGENT_CODE; position independent otherwise. r15 is the vCPU's block
 * everywhere. Handlers own r8 to r13, so that they need not save them; the serving loop stays clear of those.
 * Plain integer instructions only: some KVMs interpret this code (and take about 1 us for each instruction, which
 * is why the common handler is a straight line).
 */
#include "vmm/guest/agent_abi.h"

#define APIC_EOI          0xb0
#define APIC_SVR          0xf0
#define APIC_ICR_LOW      0x300
#define APIC_ICR_HIGH     0x310
#define MSR_APIC_BASE     0x1b
#define MSR_X2APIC        0x800
#define MSR_EFER          0xc0000080
#define APIC_BASE_X2APIC  0x400
#define PIC_MASTER        0x20
#define PIC_SLAVE         0xa0
#define PIC_EOI           0x20
#define RFLAGS_IF         0x200
#define SELECTOR_CODE     0x08
#define SELECTOR_DATA     0x10

    .section .rodata.irqbench_agent, "a", @progbits
    .balign 16
    .globl irqbench_agent_begin, irqbench_agent_end, irqbench_agent_vectors
    .globl irqbench_agent_trampoline, irqbench_agent_trampoline_nmi, irqbench_agent_trampoline_end
    .globl irqbench_agent_started_nmi
    .globl irqbench_agent_smm, irqbench_agent_smm_end
    .globl irqbench_agent_reset, irqbench_agent_reset_end

    .code64
irqbench_agent_begin:
    call serve                  /* never returns: OP_RETURN is refused at depth 0 */
    ud2

/* One stub of 16 bytes per vector. */
    .balign 16
irqbench_agent_vectors:
    .set vector, 0
    .rept 256
    .balign 16
    pushq $vector
    .if vector == 2
    jmp nmi
    .elseif vector < 32
    jmp low
    .else
    jmp taken
    .endif
    .set vector, vector + 1
    .endr

/* Appends a record of `kind` for vector r8, with the interrupted rip at `rip`(%rsp). Uses r9 to r12. The slot is taken
 * in one instruction, since an NMI can come at any other; the kind is written last and makes the record valid. */
.macro LOG kind rip
    movl $1, %r9d
    xaddl %r9d, BLOCK_HEAD(%r15)
    andl $(LOG_SLOTS - 1), %r9d
    shll $LOG_SLOT_SHIFT, %r9d
    leaq BLOCK_LOG(%r15,%r9), %r10
    movw %r8w, RECORD_VECTOR(%r10)
    movl BLOCK_DEPTH(%r15), %r11d
    movl %r11d, RECORD_DEPTH(%r10)
    movq \rip(%rsp), %r11
    movq %r11, RECORD_RIP(%r10)
    movq %rax, %r11
    movq %rdx, %r12
    rdtsc
    movl %eax, RECORD_TSC(%r10)
    movl %edx, RECORD_TSC + 4(%r10)
    movw $\kind, RECORD_KIND(%r10)
    lock decl BLOCK_ROOM(%r15)
    jnz 1f
    movb $AGENT_EXIT_LOG_FULL, %al
    outb %al, $AGENT_PORT
1:
    movq %r11, %rax
    movq %r12, %rdx
.endm

/* An interrupt. The usual policy goes straight through. */
taken:
    popq %r8
taken_vector:
    LOG RECORD_TAKEN 0
    movzbl BLOCK_POLICY(%r15,%r8), %r9d
    cmpl $POLICY_EOI_LAPIC, %r9d
    jne taken_otherwise
    cmpl $0, BLOCK_X2APIC(%r15)
    jne 1f
    movq BLOCK_LAPIC(%r15), %r9
    movl $0, APIC_EOI(%r9)
    iretq
1:
    call lapic_eoi
    iretq

taken_otherwise:
    call obey
    iretq

/* Does what policy r9d says for vector r8. */
obey:
    testl $POLICY_LOWER, %r9d
    jz 1f
    movq %rax, %r11
    movl %r8d, BLOCK_LOWERING(%r15)
    movb $AGENT_EXIT_LOWER, %al
    outb %al, $AGENT_PORT
    movq %r11, %rax
1:
    testl $POLICY_STAY, %r9d
    jz eoi_by_policy
    testl $POLICY_EOI_FIRST, %r9d
    jz stay
    call eoi_by_policy
    andl $~(POLICY_EOI_LAPIC | POLICY_EOI_PIC | POLICY_EOI_PICS), %r9d

/* Serves the mailbox inside the handler until OP_RETURN, then does the EOIs that are left in r9d. */
stay:
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq BLOCK_OP_ACTIVE(%r15)
    pushq BLOCK_OP_STACK(%r15)
    movq $0, BLOCK_OP_ACTIVE(%r15)
    movl BLOCK_IN_SERVICE(%r15), %eax
    pushq %rax
    movl %r8d, BLOCK_IN_SERVICE(%r15)
    incl BLOCK_DEPTH(%r15)
    testl $POLICY_NEST, %r9d
    jz 1f
    sti
1:
    call serve
    cli
    decl BLOCK_DEPTH(%r15)
    popq %rax
    movl %eax, BLOCK_IN_SERVICE(%r15)
    popq BLOCK_OP_STACK(%r15)
    popq BLOCK_OP_ACTIVE(%r15)
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    movl %r9d, %r13d
    LOG RECORD_RETURNED 0
    movl %r13d, %r9d

eoi_by_policy:
    testl $POLICY_EOI_LAPIC, %r9d
    jz 1f
    call lapic_eoi
1:
    testl $(POLICY_EOI_PIC | POLICY_EOI_PICS), %r9d
    jz 2f
    movq %rax, %r11
    movb $PIC_EOI, %al
    testl $POLICY_EOI_PICS, %r9d
    jz 3f
    outb %al, $PIC_SLAVE
3:
    outb %al, $PIC_MASTER
    movq %r11, %rax
2:
    ret

/* EOI in the mode the LAPIC is in. Uses r10 to r13. */
lapic_eoi:
    cmpl $0, BLOCK_X2APIC(%r15)
    jne 1f
    movq BLOCK_LAPIC(%r15), %r10
    movl $0, APIC_EOI(%r10)
    ret
1:
    movq %rax, %r11
    movq %rcx, %r12
    movq %rdx, %r13
    xorl %eax, %eax
    xorl %edx, %edx
    movl $(MSR_X2APIC + (APIC_EOI >> 4)), %ecx
    wrmsr
    movq %r11, %rax
    movq %r12, %rcx
    movq %r13, %rdx
    ret

/* An NMI can come inside any handler, so this one saves what handlers own. */
nmi:
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    movl $2, %r8d
    LOG RECORD_NMI 56
    movzbl BLOCK_POLICY + 2(%r15), %r9d
    call obey
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    addq $8, %rsp
    iretq

/* Vectors 0 to 31: an exception, or an interrupt where the scenario declared one. The processor aligns the stack
 * to 16 bytes before it pushes five words, and a sixth if there is an error code (SDM vol. 3, 6.14.2). */
low:
    popq %r8
    testb $8, %spl
    jz 1f
    xorl %r13d, %r13d
    testb $POLICY_DECLARED, BLOCK_POLICY(%r15,%r8)
    jnz low_interrupt
    jmp 2f
1:
    popq %r13
2:
    /* Inside an operation: the operation failed, and the agent goes on. */
    movq BLOCK_OP_ACTIVE(%r15), %r9
    testq %r9, %r9
    jz fault
    leaq operations_begin(%rip), %r10
    cmpq %r10, (%rsp)
    jb fault
    leaq operations_end(%rip), %r10
    cmpq %r10, (%rsp)
    jae fault
    addl $STATUS_FAULT, %r8d
    movq %r8, OP_STATUS(%r9)
    movq %r13, OP_ERROR(%r9)
    leaq operation_over(%rip), %r10
    movq %r10, (%rsp)
    movq BLOCK_OP_STACK(%r15), %r10
    movq %r10, 24(%rsp)
    iretq

low_interrupt:
    LOG RECORD_TAKEN 0
    movzbl BLOCK_POLICY(%r15,%r8), %r9d
    call obey
    iretq

fault:
    movq %cr2, %r11
    movq %r11, BLOCK_CR2(%r15)
    movl BLOCK_HEAD(%r15), %r9d
    andl $(LOG_SLOTS - 1), %r9d
    shll $LOG_SLOT_SHIFT, %r9d
    movq %r13, BLOCK_LOG + RECORD_CODE(%r15,%r9)
    LOG RECORD_FAULT 0
1:
    movb $AGENT_EXIT_FAULT, %al
    outb %al, $AGENT_PORT
    jmp 1b

/* Executes the mailbox; returns on OP_RETURN. Uses rax, rbx, rcx, rdx, rsi, rdi. An operation is off the queue before
 * it is executed: an interrupt it lets in may stay in its handler and go on with the next one. It is taken off, and
 * marked as begun, in one instruction each, since such an interrupt can also come between any two of these. */
serve:
    movl BLOCK_MAIL_TAIL(%r15), %eax
    cmpl BLOCK_MAIL_HEAD(%r15), %eax
    je serve_nothing
    cmpl $0, BLOCK_LEAVES_MAIL(%r15)
    je 1f
    cmpl $0, BLOCK_DEPTH(%r15)
    je serve_nothing
1:
    movl %eax, %esi
    andl $(MAIL_SLOTS - 1), %esi
    shll $MAIL_SLOT_SHIFT, %esi
    leaq BLOCK_MAIL(%r15,%rsi), %rsi
    leal 1(%rax), %ebx
    cmpxchgl %ebx, BLOCK_MAIL_TAIL(%r15)
    jne serve
    movq $STATUS_POSTED, %rax
    movq $STATUS_BEGUN, %rbx
    cmpxchgq %rbx, OP_STATUS(%rsi)
    jne serve
    movq %rsp, BLOCK_OP_STACK(%r15)
    movq %rsi, BLOCK_OP_ACTIVE(%r15)
    movq OP_ADDRESS(%rsi), %rdi
    movq OP_VALUE(%rsi), %rax
    movl OP_CODE(%rsi), %ebx
    cmpl $OP_COUNT, %ebx
    jae operation_refused
    leaq operation_table(%rip), %rdx
    movslq (%rdx,%rbx,4), %rbx
    addq %rdx, %rbx
    movl OP_SIZE(%rsi), %ecx
    jmp *%rbx

serve_nothing:
    cmpl $IDLE_HALT, BLOCK_IDLE(%r15)
    je 1f
    movb $AGENT_EXIT_IDLE, %al
    outb %al, $AGENT_PORT
    jmp serve
1:
    /* No interrupt may come between the mark and the halt, or the mark would be stale while the vCPU sleeps. */
    pushfq
    cli
    movl BLOCK_HEAD(%r15), %eax
    movl %eax, BLOCK_RESTED(%r15)
    testl $RFLAGS_IF, (%rsp)
    leaq 8(%rsp), %rsp
    jz 2f
    sti
2:
    hlt
    jmp serve

operation_table:
    .long operation_done - operation_table
    .long operation_read - operation_table
    .long operation_write - operation_table
    .long operation_port_in - operation_table
    .long operation_port_out - operation_table
    .long operation_msr_read - operation_table
    .long operation_msr_write - operation_table
    .long operation_lapic_read - operation_table
    .long operation_lapic_write - operation_table
    .long operation_cr8_read - operation_table
    .long operation_cr8_write - operation_table
    .long operation_cli - operation_table
    .long operation_sti - operation_table
    .long operation_halt - operation_table
    .long operation_sti_halt - operation_table
    .long operation_eoi - operation_table
    .long operation_return - operation_table
    .long operation_barrier - operation_table
    .long operation_refused - operation_table /* OP_DEACTIVATE */
    .long operation_refused - operation_table /* OP_CALL */
    .long operation_refused - operation_table /* OP_MODIFY */
    .long operation_refused - operation_table /* OP_CLEAR */

#include "vmm/guest/agent_operations_x86_64.inc"

/* A vCPU that was started by SIPI, in long mode now: finds its block by its APIC id and serves. An NMI that comes before
 * it can log one begins here again; ebp remembers it. There is no iret on that way, so no further NMI comes. */
irqbench_agent_started_nmi:
    movl $1, %ebp
started:
    movl $SELECTOR_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $0xb, %eax
    xorl %ecx, %ecx
    cpuid
    movl $AGENT_DIRECTORY, %esi
1:
    cmpl (%rsi), %edx
    je 2f
    cmpl $-1, (%rsi)
    je not_listed
    addq $8, %rsi
    jmp 1b
not_listed:                     /* no block to write to: this vCPU stays halted */
    hlt
    jmp not_listed
2:
    movl 4(%rsi), %r15d
    movl BLOCK_MAIL_TAIL(%r15), %eax
    movl %eax, BLOCK_STARTED(%r15)
    leaq BLOCK_STACK_TOP(%r15), %rsp
    movl $0, BLOCK_DEPTH(%r15)
    movl $0, BLOCK_IN_SERVICE(%r15)
    movq $0, BLOCK_OP_ACTIVE(%r15)
    /* INIT has software-disabled the LAPIC (SDM vol. 3, 10.4.7.3). */
    movl $0x1ff, %eax
    xorl %edx, %edx
    cmpl $0, BLOCK_X2APIC(%r15)
    jne 3f
    movq BLOCK_LAPIC(%r15), %rcx
    movl %eax, APIC_SVR(%rcx)
    jmp 4f
3:
    movl $(MSR_X2APIC + (APIC_SVR >> 4)), %ecx
    wrmsr
4:
    xorl %r8d, %r8d
    pushq $0
    lidt idtr(%rip)             /* from here on an NMI finds what its handler needs */
    LOG RECORD_STARTED 0
    testl %ebp, %ebp
    jz 5f
    /* The NMI that ebp remembers is taken now: a frame as the processor pushes it, and the stub's vector. */
    movq %rsp, %rax
    pushq $SELECTOR_DATA
    pushq %rax
    pushfq
    pushq $SELECTOR_CODE
    leaq 5f(%rip), %rax
    pushq %rax
    pushq $2
    jmp nmi
5:
    sti
    call serve
    ud2
    .balign 8
idtr:
    .word 256 * 16 - 1
    .quad AGENT_IDT
irqbench_agent_end:

/* Real mode, at AGENT_TRAMPOLINE: straight to long mode. An NMI on the way, one that waited since INIT for instance, comes
 * through a table at 0 (see boot.cpp): in real mode to the second entry, in long mode to irqbench_agent_started_nmi. */
    .code16
irqbench_agent_trampoline:
    xorl %ebp, %ebp
1:
    cli
    movl $AGENT_EARLY_STACK, %esp
    lgdtl %cs:(trampoline_gdtr - irqbench_agent_trampoline)
    movl %cr4, %eax
    orl $0x20, %eax             /* PAE */
    movl %eax, %cr4
    movl $AGENT_PAGE_TABLES, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $0x100, %eax            /* LME */
    wrmsr
    movl %cr0, %eax
    orl $0x80000001, %eax       /* PG and PE */
    andl $0x9fffffff, %eax      /* INIT leaves CD and NW set */
    movl %eax, %cr0
    ljmpl $SELECTOR_CODE, $(AGENT_CODE + (started - irqbench_agent_begin))
irqbench_agent_trampoline_nmi:
    movl $1, %ebp
    jmp 1b
    .balign 8
trampoline_gdtr:
    .word 3 * 8 - 1
    .long AGENT_GDT
irqbench_agent_trampoline_end:

/* An SMI, at AGENT_SMM: real mode with 4 GiB limits and all segments but CS at 0 (SDM vol. 3, 32.4.1). It knows no block,
 * since r15 is out of its reach; RSM gives the registers back. */
irqbench_agent_smm:
    movl $(AGENT_SHARED + SHARED_SMIS), %ebx
    lock incl %ds:(%ebx)
    rsm
irqbench_agent_smm_end:

/* INIT sends the BSP to the reset vector (SDM vol. 3, 9.4.4): it goes on as if a SIPI had started it. */
irqbench_agent_reset:
    ljmpw $(AGENT_TRAMPOLINE >> 4), $0
irqbench_agent_reset_end:

    .section .note.GNU-stack, "", @progbits
