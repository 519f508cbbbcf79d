// Process 1 of the lab's machines, as it was linked for each architecture. Empty where no compiler was at hand.
    .section .rodata
    .globl irqbench_lab_init_x86_64_begin, irqbench_lab_init_x86_64_end
    .globl irqbench_lab_init_arm64_begin, irqbench_lab_init_arm64_end
irqbench_lab_init_x86_64_begin:
#ifdef IRQBENCH_LAB_INIT_X86_64
    .incbin IRQBENCH_LAB_INIT_X86_64
#endif
irqbench_lab_init_x86_64_end:
irqbench_lab_init_arm64_begin:
#ifdef IRQBENCH_LAB_INIT_AARCH64
    .incbin IRQBENCH_LAB_INIT_AARCH64
#endif
irqbench_lab_init_arm64_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
