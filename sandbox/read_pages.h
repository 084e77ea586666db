/*
 * read_pages: the pages that nearly every script reads: code of the interpreter and of libc, and
 * the image. A fork has none of them in its page table, since the mappings are private and of
 * files, and takes them with a hundred faults that map sixteen pages each. They are found once, by
 * letting a throw-away fork do what a script does with nothing to be seen, and then put into this
 * process's page table in such a way that forks copy it. proc(5) pagemap, mprotect(2), madvise(2).
 */
#ifndef READ_PAGES_H
#define READ_PAGES_H

#include <stddef.h>

/* Forks, calls exercise(context) in the child, and has the pages that it read copied to later
 * forks. proc: the directory /proc, open. To be called by a process with one thread that holds its
 * memory in an image (snapshot.h). Blocks until the child has ended. What cannot be had is left to
 * page faults. 0 or -errno. */
int read_pages_share(int proc, void (*exercise)(void *context), void *context, size_t *ret_pages);

#endif
