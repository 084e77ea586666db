/*
 * landlock: file, TCP, signal and abstract-socket rules of a worker, as many as the kernel's
 * Landlock has. Documentation/userspace-api/landlock.rst. The worker's side: system calls only, no
 * allocation.
 */
#ifndef LANDLOCK_H
#define LANDLOCK_H

/* The kernel's Landlock ABI, 0 if it has none or it is switched off. */
int landlock_abi(void);

/* Absolute paths of files and directories, NULL at the end of each list; those that are not there
 * are passed over. */
struct landlock_paths {
    const char *const *read;    /* may be read and executed, with all beneath */
    const char *const *devices; /* may be read and written, nothing made or removed */
    const char *const *write;   /* everything but device nodes */
};

/* Restricts the calling process to what paths grant; no TCP, no signals or abstract sockets to the
 * outside. abi as from landlock_abi, at least 1; no_new_privs must be set. 0 or -errno. */
int landlock_restrict(int abi, const struct landlock_paths *paths);

#endif
