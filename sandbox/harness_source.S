/* The harness, byte for byte, in the binary: ends with a NUL (see harness_source.h). */
    .section .rodata
    .global harness_source
harness_source:
    .incbin "sandbox/harness.py"
    .byte 0
    .section .note.GNU-stack, "", %progbits
