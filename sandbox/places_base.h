/*
 * places_base: in a shared root, the directory of a zygote's own, /tmp/code-runner-XXXXXX or the
 * like (mkdtemp(3)), with a lock on it (directory_lock.h) that tells others that its zygote lives.
 */
#ifndef PLACES_BASE_H
#define PLACES_BASE_H

#include <stddef.h>

/* Removes the directories of zygotes that were killed, and makes one that others may pass through
 * but not list (0711). Its path goes to ret_base, of size bytes. Returns the descriptor that holds
 * the lock, for as long as the zygote lives; or -errno, with an empty path. */
int places_base_make(char *ret_base, size_t size);

/* Removes one with all slots' directories, whoever owns what lies in them. */
void places_base_remove(const char *base);

#endif
