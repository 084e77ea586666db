/* The description of the API, byte for byte, in the binary (see openapi.h). */
    .section .rodata
    .global openapi_json
openapi_json:
    .incbin "docs/openapi.json"
    .byte 0
    .section .note.GNU-stack, "", %progbits
