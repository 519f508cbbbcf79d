// Process 1 of the lab's machines, as it was linked.
    .section .rodata
    .globl irqbench_lab_init_begin
    .globl irqbench_lab_init_end
irqbench_lab_init_begin:
    .incbin IRQBENCH_LAB_INIT
irqbench_lab_init_end:
    .section .note.GNU-stack, "", %progbits
