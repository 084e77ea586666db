/* raw_mmap: mmap(2) with its six arguments, without libc. Returns the address or -errno. */
#ifndef RAW_MMAP_H
#define RAW_MMAP_H

#include <sys/syscall.h>

static inline long raw_mmap(unsigned long address, unsigned long size, long protection, long flags,
                            long fd, unsigned long offset) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = flags;
    register long r8 __asm__("r8") = fd;
    register unsigned long r9 __asm__("r9") = offset;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((long)SYS_mmap), "D"(address), "S"(size), "d"(protection), "r"(r10),
                       "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_mmap;
    register long x0 __asm__("x0") = (long)address;
    register unsigned long x1 __asm__("x1") = size;
    register long x2 __asm__("x2") = protection;
    register long x3 __asm__("x3") = flags;
    register long x4 __asm__("x4") = fd;
    register unsigned long x5 __asm__("x5") = offset;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "raw_mmap.h: add this processor"
#endif
}

#endif
