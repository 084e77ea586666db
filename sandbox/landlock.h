/*
 * landlock: file, TCP, signal and abstract-socket rules of a worker, as many as the kernel's
 * Landlock has. Documentation/userspace-api/landlock.rst. The worker's side: system calls only, no
 * allocation.
 */
#ifndef LANDLOCK_H
#define LANDLOCK_H

/* The kernel's Landlock ABI, 0 if it has none or it is switched off. */
int landlock_abi(void);

/* Restricts the calling process: everything may be read and executed, only the tree at scratch
 * (absolute path) and the devices in /dev may be written, no TCP, no signals or abstract sockets to
 * the outside. abi as from landlock_abi, at least 1; no_new_privs must be set. 0 or -errno. */
int landlock_restrict(int abi, const char *scratch);

#endif
