/* Python source, byte for byte, in the binary: a table of names and texts (see embedded.h). */
    .macro text name, path
    .section .rodata
.Lname_\name:
    .asciz "\name"
.Ltext_\name:
    .incbin "\path"
    .byte 0
    .section .data.rel.ro, "aw"
    .quad .Lname_\name, .Ltext_\name
    .endm
    .macro harness name
    text \name, "sandbox/harness/\name\().py"
    .endm

    .section .data.rel.ro, "aw"
    .balign 8
    .global embedded_harness
embedded_harness:
    harness load
    harness channel
    harness system
    harness sources
    harness failures
    harness parse
    harness shadow
    harness inputs
    harness linger
    harness script
    harness results
    harness figures
    harness patterns
    harness returned
    harness answer
    harness serve
    harness rehearse
    .quad 0, 0

    .section .rodata
    .global preload_source
preload_source:
    .incbin "sandbox/preload.py"
    .byte 0
    .section .note.GNU-stack, "", %progbits
