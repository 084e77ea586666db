/* Stubs that stand before functions by which the kernel writes (dormant_calls.h). What they call in
 * between may change every register that a call may: so those that carry arguments are kept. */
#include "dormant_calls_stubs.h"

    .text
    .globl dormant_calls_stubs
    .hidden dormant_calls_stubs, dormant_calls_asleep, dormant_calls_functions, dormant_wake_callers
    .type dormant_calls_stubs, %object

#if defined(__x86_64__)

/* rax has the number of vector registers of a variadic call, r10 a frame of nested functions; r11
 * is free at a call. */
    .balign 64
    .cfi_startproc
wake:
    push %r11
    .cfi_adjust_cfa_offset 8
    .irp register, rax, rdi, rsi, rdx, rcx, r8, r9, r10
    push %\register
    .cfi_adjust_cfa_offset 8
    .endr
    sub $128, %rsp /* aligned again: the return address and nine registers */
    .cfi_adjust_cfa_offset 128
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7
    movups %xmm\number, 16*\number(%rsp)
    .endr
    call dormant_wake_callers
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7
    movups 16*\number(%rsp), %xmm\number
    .endr
    add $128, %rsp
    .cfi_adjust_cfa_offset -128
    .irp register, r10, r9, r8, rcx, rdx, rsi, rdi, rax, r11
    pop %\register
    .cfi_adjust_cfa_offset -8
    .endr
    jmp *(%r11)
    .cfi_endproc

    .balign DORMANT_STUB_BYTES
    .cfi_startproc
dormant_calls_stubs:
    .set number, 0
    .rept DORMANT_STUBS
    .balign DORMANT_STUB_BYTES
    endbr64
    cmpb $0, dormant_calls_asleep(%rip)
    jne 1f
    jmp *dormant_calls_functions + 8*number(%rip)
1:  lea dormant_calls_functions + 8*number(%rip), %r11
    jmp wake
    .set number, number + 1
    .endr
    .cfi_endproc

#elif defined(__aarch64__)

/* x8 has the place of a large result; x16 and x17 are free at a call. */
    .balign 64
    .cfi_startproc
wake:
    stp x29, x30, [sp, #-224]!
    .cfi_adjust_cfa_offset 224
    .cfi_rel_offset x29, 0
    .cfi_rel_offset x30, 8
    mov x29, sp
    stp x0, x1, [sp, #16]
    stp x2, x3, [sp, #32]
    stp x4, x5, [sp, #48]
    stp x6, x7, [sp, #64]
    stp x8, x16, [sp, #80]
    stp q0, q1, [sp, #96]
    stp q2, q3, [sp, #128]
    stp q4, q5, [sp, #160]
    stp q6, q7, [sp, #192]
    bl dormant_wake_callers
    ldp x0, x1, [sp, #16]
    ldp x2, x3, [sp, #32]
    ldp x4, x5, [sp, #48]
    ldp x6, x7, [sp, #64]
    ldp x8, x16, [sp, #80]
    ldp q0, q1, [sp, #96]
    ldp q2, q3, [sp, #128]
    ldp q4, q5, [sp, #160]
    ldp q6, q7, [sp, #192]
    ldp x29, x30, [sp], #224
    .cfi_adjust_cfa_offset -224
    .cfi_restore x29
    .cfi_restore x30
    ldr x16, [x16]
    br x16
    .cfi_endproc

    .balign DORMANT_STUB_BYTES
    .cfi_startproc
dormant_calls_stubs:
    .set number, 0
    .rept DORMANT_STUBS
    .balign DORMANT_STUB_BYTES
    hint #34 /* bti c */
    adrp x16, dormant_calls_asleep
    ldrb w16, [x16, :lo12:dormant_calls_asleep]
    cbnz w16, 1f
    adrp x16, dormant_calls_functions + 8*number
    ldr x16, [x16, :lo12:dormant_calls_functions + 8*number]
    br x16
1:  adrp x16, dormant_calls_functions + 8*number
    add x16, x16, :lo12:dormant_calls_functions + 8*number
    b wake
    .set number, number + 1
    .endr
    .cfi_endproc

#else
#error "dormant_calls_stubs.S: add this processor"
#endif

    .balign DORMANT_STUB_BYTES
    .size dormant_calls_stubs, . - dormant_calls_stubs
    .section .note.GNU-stack, "", %progbits
