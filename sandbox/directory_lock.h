/*
 * directory_lock: who holds it lives, and what lies in the directory is in use (flock(2)). Who
 * finds a directory without it takes the lock and removes the directory.
 */
#ifndef DIRECTORY_LOCK_H
#define DIRECTORY_LOCK_H

/* Does not wait. fd: the directory, opened; it holds the lock until it and all its copies are
 * closed. 0; or -EAGAIN if somebody else holds the lock, or if name in parent (openat(2)) is not
 * this directory any more: between its making and its locking others may take it for left behind;
 * or -errno. Close fd then: it may hold the lock all the same. */
int directory_lock(int fd, int parent, const char *name);

#endif
