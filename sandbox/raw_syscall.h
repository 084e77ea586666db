/*
 * raw_syscall: system calls without libc: no errno, no locks, no cancellation. For the tiny init,
 * which shares the zygote's memory and with it the zygote's errno, and for clone(2) with a stack of
 * one's own. Results are -errno on failure. syscall(2).
 */
#ifndef RAW_SYSCALL_H
#define RAW_SYSCALL_H

#include <sys/syscall.h>

#if defined(__x86_64__)

static inline long raw_syscall(long number, long a, long b, long c, long d) {
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

/* The child runs entry(argument) on the stack below stack_top (16-aligned); entry must not return.
 * The parent gets the child's pid or -errno. child_tid: for CLONE_CHILD_SETTID |
 * CLONE_CHILD_CLEARTID, else NULL. */
static inline long raw_clone(unsigned long flags, void *stack_top, int *child_tid,
                             void (*entry)(void *), void *argument) {
    void **stack = (void **)stack_top - 2;
    stack[0] = (void *)entry;
    stack[1] = argument;
    long result;
    register int *r10 __asm__("r10") = child_tid;
    register long r8 __asm__("r8") = 0;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rax\n\t"
                     "pop %%rdi\n\t"
                     "call *%%rax\n\t"
                     "ud2\n"
                     "1:"
                     : "=a"(result)
                     : "0"((long)SYS_clone), "D"(flags), "S"(stack), "d"(0L), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

/* Goes on in entry(argument) on another stack (16-aligned top). */
static inline _Noreturn void raw_switch_stack(void *stack_top, void (*entry)(void *),
                                              void *argument) {
    /* Registers by name: what is read after the frame pointer is cleared must not be in it. */
    __asm__ volatile("mov %0, %%rsp\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "call *%1\n\t"
                     "ud2"
                     :
                     : "d"(stack_top), "a"(entry), "D"(argument)
                     : "memory");
    __builtin_unreachable();
}

#elif defined(__aarch64__)

static inline long raw_syscall(long number, long a, long b, long c, long d) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}

/* As above; the kernel takes tls before child_tid here. */
static inline long raw_clone(unsigned long flags, void *stack_top, int *child_tid,
                             void (*entry)(void *), void *argument) {
    void **stack = (void **)stack_top - 2;
    stack[0] = (void *)entry;
    stack[1] = argument;
    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = (long)flags;
    register void *x1 __asm__("x1") = stack;
    register long x2 __asm__("x2") = 0;
    register long x3 __asm__("x3") = 0;
    register int *x4 __asm__("x4") = child_tid;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "ldp x9, x0, [sp], #16\n\t"
                     "blr x9\n\t"
                     "brk #1\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                     : "x9", "x30", "memory");
    return x0;
}

static inline _Noreturn void raw_switch_stack(void *stack_top, void (*entry)(void *),
                                              void *argument) {
    register void *x0 __asm__("x0") = argument;
    register void *x9 __asm__("x9") = stack_top;
    register void (*x10)(void *) __asm__("x10") = entry;
    __asm__ volatile("mov sp, %0\n\t"
                     "mov x29, xzr\n\t"
                     "blr %1\n\t"
                     "brk #1"
                     :
                     : "r"(x9), "r"(x10), "r"(x0)
                     : "memory");
    __builtin_unreachable();
}

#else
#error "raw_syscall.h: add this processor"
#endif

#endif
