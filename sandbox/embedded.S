/* Python source, byte for byte, in the binary; each text ends with a NUL (see embedded.h). */
    .section .rodata
    .global harness_source, preload_source
harness_source:
    .incbin "sandbox/harness.py"
    .byte 0
preload_source:
    .incbin "sandbox/preload.py"
    .byte 0
    .section .note.GNU-stack, "", %progbits
