/* dormant_imports: see dormant_imports.h. The names are libc's; with 64 at the end, or as
 * _FORTIFY_SOURCE has them (__read_chk), they are found as well. */
#include "dormant_imports.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 48

/* In the order of strcmp. What glibc fills from a structure of its own (sigaction, tcgetattr) is
 * not among them. fread and its like read large pieces past their buffer. */
static const char *const kernel_writes[] = {
    "__fxstat",
    "__fxstatat",
    "__lxstat",
    "__xstat",
    "accept",
    "accept4",
    "adjtimex",
    "capget",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "copy_file_range",
    "epoll_pwait",
    "epoll_wait",
    "eventfd_read",
    "fcntl",
    "fgets",
    "fgetxattr",
    "fread",
    "fread_unlocked",
    "fstat",
    "fstatat",
    "fstatfs",
    "getcwd",
    "getdelim",
    "getdents",
    "getentropy",
    "getgroups",
    "getitimer",
    "getline",
    "getpeername",
    "getrandom",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "getsockname",
    "getsockopt",
    "gettimeofday",
    "getxattr",
    "ioctl",
    "lgetxattr",
    "listxattr",
    "lstat",
    "mincore",
    "nanosleep",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "pread",
    "preadv",
    "preadv2",
    "prlimit",
    "pselect",
    "pthread_getaffinity_np",
    "pthread_sigmask",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "recv",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sched_getaffinity",
    "sched_getparam",
    "select",
    "sendfile",
    "setitimer",
    "sigaltstack",
    "sigpending",
    "sigprocmask",
    "sigtimedwait",
    "sigwaitinfo",
    "socketpair",
    "splice",
    "stat",
    "statfs",
    "statx",
    "syscall",
    "sysinfo",
    "timer_gettime",
    "timer_settime",
    "times",
    "uname",
    "wait",
    "wait3",
    "wait4",
    "waitid",
    "waitpid",
};

/* In that order too. What streams and handlers of signals were given before the snapshot is written
 * at any time after it. */
static const char *const unseen[] = {
    "dlmopen", "dlsym", "dlvsym", "setbuf", "setbuffer", "setvbuf", "sigaltstack",
};

struct dynamic {
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * tables[2];
    size_t counts[2];
};

static int compare(const void *key, const void *entry) {
    return strcmp(key, *(const char *const *)entry);
}

static bool is_kernel_write(const char *name) {
    char plain[NAME_SIZE];
    size_t size = strlen(name);
    if (size >= sizeof(plain))
        return false;
    if (size > 6 && strncmp(name, "__", 2) == 0 && strcmp(name + size - 4, "_chk") == 0) {
        name += 2;
        size -= 6;
    }
    if (size > 2 && strncmp(name + size - 2, "64", 2) == 0)
        size -= 2;
    memcpy(plain, name, size);
    plain[size] = 0;
    return bsearch(plain, kernel_writes, sizeof(kernel_writes) / sizeof(kernel_writes[0]),
                   sizeof(kernel_writes[0]), compare) != NULL;
}

static const ElfW(Dyn) * dynamic_section(const struct dl_phdr_info *library) {
    for (unsigned i = 0; i < library->dlpi_phnum; i++)
        if (library->dlpi_phdr[i].p_type == PT_DYNAMIC)
            return (const void *)(library->dlpi_addr + library->dlpi_phdr[i].p_vaddr);
    return NULL;
}

/* Addresses, as the loader has left them. */
static struct dynamic read_dynamic(const struct dl_phdr_info *library) {
    struct dynamic dynamic = {0};
    const ElfW(Dyn) *entry = dynamic_section(library);
    for (; entry && entry->d_tag != DT_NULL; entry++)
        switch (entry->d_tag) {
        case DT_SYMTAB:
            dynamic.symbols = (const void *)entry->d_un.d_ptr;
            break;
        case DT_STRTAB:
            dynamic.names = (const void *)entry->d_un.d_ptr;
            break;
        case DT_JMPREL:
            dynamic.tables[0] = (const void *)entry->d_un.d_ptr;
            break;
        case DT_PLTRELSZ:
            dynamic.counts[0] = entry->d_un.d_val / sizeof(ElfW(Rela));
            break;
        case DT_RELA:
            dynamic.tables[1] = (const void *)entry->d_un.d_ptr;
            break;
        case DT_RELASZ:
            dynamic.counts[1] = entry->d_un.d_val / sizeof(ElfW(Rela));
            break;
        default:
            break;
        }
    return dynamic;
}

static bool is_unseen(const char *name) {
    return bsearch(name, unseen, sizeof(unseen) / sizeof(unseen[0]), sizeof(unseen[0]), compare);
}

static bool visit_one(const struct dl_phdr_info *library, const struct dynamic *dynamic,
                      const ElfW(Rela) * relocation,
                      bool (*visit)(const struct dormant_import *import, void *context),
                      void *context) {
    const size_t number = ELF64_R_SYM(relocation->r_info);
    const ElfW(Sym) *symbol = &dynamic->symbols[number];
    if (number == 0 || symbol->st_shndx != SHN_UNDEF)
        return true;
    const char *name = dynamic->names + symbol->st_name;
    const struct dormant_import import = {.is_kernel_write = is_kernel_write(name),
                                          .is_unseen = is_unseen(name),
                                          .slot = library->dlpi_addr + relocation->r_offset,
                                          .type = ELF64_R_TYPE(relocation->r_info),
                                          .more = relocation->r_addend};
    return !(import.is_kernel_write || import.is_unseen) || visit(&import, context);
}

bool dormant_imports_visit(const struct dl_phdr_info *library,
                           bool (*visit)(const struct dormant_import *import, void *context),
                           void *context) {
    const struct dynamic dynamic = read_dynamic(library);
    if (!dynamic.symbols || !dynamic.names)
        return false; /* nothing can be said of it */
    for (size_t table = 0; table < 2; table++)
        for (size_t i = 0; dynamic.tables[table] && i < dynamic.counts[table]; i++)
            if (!visit_one(library, &dynamic, &dynamic.tables[table][i], visit, context))
                return false;
    return true;
}

static bool is_no_kernel_write(const struct dormant_import *import, void *context) {
    (void)context;
    return !import->is_kernel_write;
}

bool dormant_imports_kernel_writes(const struct dl_phdr_info *library) {
    return !dormant_imports_visit(library, is_no_kernel_write, NULL);
}
