/* A small library that has the kernel write into its own data, for test_dormant_calls.c: built in
 * several ways (see the Makefile), of which some must stay awake. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char bytes[4096] = {1};
const char *caller_bytes(void);
const char *caller_bytes(void) {
    return bytes;
}

#ifndef PLAIN
static struct stat status = {.st_size = 1};
static struct f_owner_ex owner = {.pid = -1};
static int count = -1;
long caller_read(int fd);
long caller_pread(int fd);
long caller_stat(int fd);
long caller_owner(int fd);
long caller_ioctl(int fd);
const char *caller_map(int fd);
double caller_adjtimex(void);
long caller_read_into(int fd, void *to);

long caller_read(int fd) {
    return read(fd, bytes, sizeof(bytes));
}

long caller_read_into(int fd, void *to) {
    return read(fd, to, sizeof(bytes));
}

long caller_pread(int fd) {
    return pread(fd, bytes, sizeof(bytes), 1);
}

long caller_stat(int fd) {
    return fstat(fd, &status) == 0 ? status.st_size : -1;
}

/* Variadic, and with a pointer. Nobody owns it: 0. */
long caller_owner(int fd) {
    return fcntl(fd, F_GETOWN_EX, &owner) == 0 ? owner.pid : -1;
}

long caller_ioctl(int fd) {
    return ioctl(fd, FIONREAD, &count) == 0 ? count : -1;
}

/* Seven arguments: all registers, and the stack. */
const char *caller_map(int fd) {
    return (const char *)syscall(SYS_mmap, NULL, 8192L, (long)PROT_READ, (long)MAP_PRIVATE,
                                 (long)fd, 4096L);
}

/* Not libc's: the test has one of this name and more kinds of arguments. */
double adjtimex(double, double, double, double, double, double, double, double, long, long, long,
                long, long, long, ...);

double caller_adjtimex(void) {
    return adjtimex(1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15L, 16.25);
}

#ifdef BY_NAME
void *caller_by_name(void);
void *caller_by_name(void) {
    return dlsym(RTLD_NEXT, "read");
}
#endif

#ifdef HAS_TABLE
static ssize_t (*const volatile table[])(int, void *, size_t) = {read};
long caller_by_address(int fd);
long caller_by_address(int fd) {
    return table[0](fd, bytes, sizeof(bytes));
}
#endif

#ifdef TAKES_ADDRESS
static ssize_t (*volatile kept)(int, void *, size_t);
__attribute__((constructor)) static void keep(void) {
    kept = read;
}
long caller_by_address(int fd);
long caller_by_address(int fd) {
    return kept(fd, bytes, sizeof(bytes));
}
#endif

#ifdef GIVES_MEMORY
#include <stdio.h>
int caller_give(void);
int caller_give(void) {
    return setvbuf(stdin, bytes, _IOFBF, sizeof(bytes));
}
#endif
#endif
